"""A record of a user file as MongoDB keeps it: times are BSON dates in UTC. The original bot's documents are read too."""

import logging
import math
from datetime import UTC, datetime
from typing import Any

from ..content.legacy import CONTENT as LEGACY
from ..user_file import Origin, UserFile, described

Document = dict[str, Any]

# ISO 8601 as Python writes it; a server takes "July 4, 2018" for a time too. The year 1 begins before its UTC does.
_DAY, _TIME = r"(?!000[01])\d{4}-\d\d-\d\d", r"[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?"
_LOCAL, _WITH_OFFSET = rf"\A{_DAY}({_TIME})?\z", rf"\A{_DAY}{_TIME}(Z|[+-]\d\d:?\d\d)\z"
_NEVER = datetime.max.replace(tzinfo=UTC)

log = logging.getLogger("cellblock.files")


def as_bson(record: UserFile) -> Document:
    """What is inserted: the contract's fields, `metadata` only where there is some."""
    document = record.as_document()
    return document | {"uploaded_at": record.uploaded_at, "expires_at": record.expires_at}


def as_record(document: Document) -> UserFile:
    """The record of a document, this project's or the original bot's, which has the guide's eight fields alone."""
    name, kind = str(document.get("filename", "")), str(document.get("file_type", "other"))
    origin: Origin = "generated" if document.get("origin") == "generated" else "upload"
    metadata = document.get("metadata")
    return UserFile(
        file_id=str(document["file_id"]),
        user_id=document["user_id"],
        filename=name,
        file_path=str(document.get("file_path", "")),
        file_size=number(document.get("file_size")),
        file_type=kind,
        uploaded_at=_moment(document.get("uploaded_at")) or datetime.fromtimestamp(0, UTC),
        expires_at=expires(document),
        origin=origin,
        sha256=str(document.get("sha256", "")),
        content=str(document.get("content") or f"{LEGACY}:{document['file_id']}"),
        mime=str(document.get("mime") or described(kind, name).mime),
        schema=number(document.get("schema")),
        metadata=metadata if isinstance(metadata, dict) else None,
    )


def expires(document: Document) -> datetime | None:
    """When it expires; None: never. What cannot be read never expires: nothing is deleted on a guess."""
    return _moment(document.get("expires_at"))


def expired_text(now: datetime) -> str:
    """The time as the original wrote it: naive, local, ISO."""
    return now.astimezone().replace(tzinfo=None).isoformat()


def alive_at(now: datetime) -> Document:
    """A query for what has not expired by `expires`, to the millisecond. It reads every document.

    In the hour that clocks of the local zone show twice, a local time is taken for the second: up to an hour late.
    """
    read = {"$dateFromString": {"dateString": "$expires_at", "onError": _NEVER}}
    # A server knows no local zone of ours: it reads a local time as if it were UTC, and so the clock is read for it too.
    clock = now.astimezone().replace(tzinfo=UTC)
    kind = {"$type": "$expires_at"}
    # In this order, each case only where none before it holds: for 100,000 dates `read` alone would fail for seconds.
    expired = [
        ({"$eq": [kind, "date"]}, {"$lte": ["$expires_at", now]}),
        ({"$ne": [kind, "string"]}, False),
        ({"$regexMatch": {"input": "$expires_at", "regex": _LOCAL}}, {"$lte": [read, clock]}),
        ({"$regexMatch": {"input": "$expires_at", "regex": _WITH_OFFSET}}, {"$lte": [read, now]}),
    ]
    cases = [{"case": case, "then": then} for case, then in expired]
    return {"$expr": {"$not": [{"$switch": {"branches": cases, "default": False}}]}}


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if not isinstance(value, str):
        return None
    try:
        # The original wrote the local time of its machine, without a zone.
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        log.warning("a time of the original's cannot be read: %.40r", value)
        return None


def number(value: object) -> int:
    """A size; 0 for what is none."""
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0
