"""Where the records of user files are kept. A store knows records and time, nothing of content."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeGuard

from ..user_file import UserFile
from ..users import UserId


class Totals(NamedTuple):
    """Of all users: how many files there are, and their bytes."""

    files: int
    bytes: int


class Quota(NamedTuple):
    """What a user may have of one origin, of what has not expired; None: any number."""

    files: int | None = None
    bytes: int | None = None  # a file counts as BLOCK_BYTES at least


BLOCK_BYTES = 4096  # what an empty file costs: without it a million of them would cost nothing


class MetadataStore(Protocol):
    """One implementation for each database; several processes may use the same one at once.

    A user is found under both spellings of users.py. `now` decides what has expired: from `expires_at` on a file does
    not exist, until `remove_expired` really deletes its record. Every method raises StoreError when the database fails:
    an outage never reads as "no files".
    """

    @property
    def name(self) -> str:
        """What messages call this database."""

    async def identity(self) -> str:
        """Tells this database from every other, the same in each process: the content of its files lies apart."""

    async def add(self, record: UserFile, quota: Quota | None) -> None:
        """Keep a record for good, in one step with the quota's check.

        Args:
            quota: what the user may have of the record's origin, with this record; None: anything.

        Raises:
            TooManyFiles, TooManyBytes: it would be more.
        """

    async def get(self, file_id: str, user_id: UserId, now: datetime) -> UserFile | None:
        """The user's file of that id; None if there is none, it has expired, or it is somebody else's."""

    async def list(self, user_id: UserId, now: datetime) -> Sequence[UserFile]:
        """The user's files, newest first."""

    async def remove(self, file_id: str, user_id: UserId) -> bool:
        """Delete a record, expired or not; False if that user has none of this id."""

    async def remove_all(self, user_id: UserId) -> Sequence[str]:
        """Delete all records of a user, expired ones too; gives their ids."""

    async def remove_expired(self, now: datetime, limit: int) -> Sequence[str]:
        """Delete at most `limit` records that have expired; gives the ids of those that this very call deleted."""

    async def known(self, file_ids: Collection[str]) -> set[str]:
        """Which of these ids have a record, whoever's it is and expired or not."""

    async def totals(self, now: datetime) -> Totals:
        """Of all files that have not expired."""

    async def aclose(self) -> None:
        """Let the database go. Safe to call twice."""


_METHODS = sorted(name for name in vars(MetadataStore) if not name.startswith("_"))


def is_store(given: object) -> TypeGuard[MetadataStore]:
    """Whether it has all that a store has. Its class is asked: a MongoDB database has every attribute one asks it for."""
    return all(hasattr(type(given), name) for name in _METHODS)
