"""The record of one user file, the same in every store; CONTRACT calls its fields "Stored"."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from .types import UNKNOWN, FileType, by_suffix, file_type
from .users import UserId

Origin = Literal["upload", "generated"]

SCHEMA = 1  # of the record; a store that changes a field's meaning raises it


@dataclass(frozen=True)
class UserFile:
    """What is known of a file without opening it.

    Attributes:
        user_id: as it was given at the upload.
        file_path: where the content lies on this machine, for the operator's eyes; the library goes by `content`.
        file_size: bytes.
        file_type: the suffix without its dot, or what the caller said.
        uploaded_at: UTC, whole milliseconds (BSON keeps no more).
        expires_at: likewise; from then on the file does not exist any more. None: kept for ever.
        origin: 'generated' files do not count against the quota.
        sha256: of the content, in hex.
        content: the content store and its key, 'local:user_5_...'.
        metadata: what the caller gave with the upload, a JSON object.
    """

    file_id: str
    user_id: UserId
    filename: str
    file_path: str
    file_size: int
    file_type: str
    uploaded_at: datetime
    expires_at: datetime | None
    origin: Origin
    sha256: str
    content: str
    mime: str
    schema: int = SCHEMA
    metadata: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def type(self) -> FileType:
        """The row of types.toml: by `file_type` where the table knows it, else by the name."""
        return described(self.file_type, self.filename)

    def as_document(self) -> dict[str, Any]:
        """The dict that CONTRACT promises: times as ISO text with Z; `metadata` only where there is some."""
        document = asdict(self)
        if self.metadata is None:
            del document["metadata"]
        document["uploaded_at"] = as_text(self.uploaded_at)
        document["expires_at"] = self.expires_at and as_text(self.expires_at)
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "UserFile":
        """What `as_document` gave, back."""
        expires_at = document["expires_at"]
        times = {
            "uploaded_at": datetime.fromisoformat(document["uploaded_at"]),
            "expires_at": expires_at and datetime.fromisoformat(expires_at),
        }
        return cls(**{**document, **times})


def described(suffix: str, filename: str) -> FileType:
    """The type of a file whose caller said what it is; by its name where the table does not know the word."""
    row = by_suffix(suffix)
    return file_type(filename) if row is UNKNOWN else row


def later(moment: datetime, seconds: float | None) -> datetime | None:
    """So many seconds after it; None, for ever, where seconds is None or the end lies beyond the year 9999."""
    try:
        return None if seconds is None else at(moment.timestamp() + seconds)
    except (OverflowError, ValueError):
        return None


def as_text(moment: datetime) -> str:
    """ISO 8601 in UTC, always with milliseconds and Z: as text such times sort as they do as times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def at(seconds: float) -> datetime:
    """Seconds since 1970 as a record keeps them: UTC, whole milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
