"""Where the bytes of user files lie. A content store knows ids and bytes, nothing of users, names or expiry."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """What was written: its size in bytes and its sha256 in hex."""

    size: int
    sha256: str


Known = Callable[[Collection[str]], Awaitable[set[str]]]  # which of these ids have a record


class ContentStore(Protocol):
    """One implementation beside each database that operators use.

    Every method raises StoreError when the store fails. Ids have the form of file_ids.py; others raise InvalidRequest.
    """

    @property
    def name(self) -> str:
        """The store's part of a record's `content`: 'local', 'gridfs'."""

    def path(self, file_id: str) -> str:
        """Where the content lies, for a record's `file_path`; '' where that is no path of this machine."""

    def put(self, file_id: str, pieces: AsyncIterator[bytes]) -> AbstractAsyncContextManager[Stored]:
        """Keep the pieces; where reading or writing them raises, nothing is kept.

        In the block a power cut loses nothing any more, and no `sweep` takes the content for waste: the time to record it.
        """

    async def open(self, file_id: str) -> int:
        """A descriptor to read from, close-on-exec; the caller closes it. It outlives `remove`.

        Raises:
            KeyError: there is no such content.
        """

    async def read(self, file_id: str) -> bytes:
        """The whole content.

        Raises:
            KeyError: there is no such content.
        """

    async def remove(self, file_id: str) -> None:
        """Delete the content and what an interrupted `put` left of it; nothing happens where there is none."""

    async def sweep(self, known: Known) -> int:
        """Delete what has no record and is in no `put` of any process, half written or whole; gives the number."""


def place_of(root: Path, identity: str) -> Path:
    """The directory beside root for one database: what a database does not know is waste only there."""
    of_this_one = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return root.with_name(f"{root.name}-{of_this_one}")
