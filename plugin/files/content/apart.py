"""The local content of a caller's database, in a directory of its own: what a database does not know is waste only there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from . import Known, Stored, place_of
from .local import LocalContent


class ContentApart:
    """A ContentStore in `<root>-<hash of the database's identity>`; the database is asked for it at the first use.

    Args:
        identity: raises StoreError when the database fails.
    """

    name = LocalContent.name

    def __init__(self, root: Path, identity: Callable[[], Awaitable[str]]) -> None:
        self._root, self._identity = root, identity
        self._found: LocalContent | None = None

    def path(self, file_id: str) -> str:
        """'' before the first use."""
        return self._found.path(file_id) if self._found is not None else ""

    @asynccontextmanager
    async def put(self, file_id: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[Stored]:
        async with (await self._local()).put(file_id, pieces) as stored:
            yield stored

    async def open(self, file_id: str) -> int:
        return await (await self._local()).open(file_id)

    async def read(self, file_id: str) -> bytes:
        return await (await self._local()).read(file_id)

    async def remove(self, file_id: str) -> None:
        await (await self._local()).remove(file_id)

    async def sweep(self, known: Known) -> int:
        return await (await self._local()).sweep(known)

    async def _local(self) -> LocalContent:
        if self._found is None:
            self._found = LocalContent(place_of(self._root, await self._identity()))
        return self._found
