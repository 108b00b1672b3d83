"""The content of two databases: what is new goes to the first, what is asked for is in the first or in the second."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from . import ContentStore, Known, Stored


class ContentChain:
    """A ContentStore over two. No id is in both."""

    def __init__(self, first: ContentStore, second: ContentStore) -> None:
        self._first, self._second = first, second

    @property
    def name(self) -> str:
        return self._first.name

    def path(self, file_id: str) -> str:
        return self._first.path(file_id)

    def put(self, file_id: str, pieces: AsyncIterator[bytes]) -> AbstractAsyncContextManager[Stored]:
        return self._first.put(file_id, pieces)

    async def open(self, file_id: str) -> int:
        try:
            return await self._first.open(file_id)
        except KeyError:
            return await self._second.open(file_id)

    async def read(self, file_id: str) -> bytes:
        try:
            return await self._first.read(file_id)
        except KeyError:
            return await self._second.read(file_id)

    async def remove(self, file_id: str) -> None:
        await self._first.remove(file_id)
        await self._second.remove(file_id)

    async def sweep(self, known: Known) -> int:
        return await self._first.sweep(known) + await self._second.sweep(known)
