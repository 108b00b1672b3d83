"""Content in the database, for several machines that share one; each keeps copies of what it used last."""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from ...errors import InvalidRequest, StoreError
from ...finish import finish, in_thread
from ..file_ids import is_file_id
from . import Known, Stored, place_of
from .cache import Cache
from .grid import CHUNK_BYTES, CHUNKS_AT_ONCE, Grid
from .uploads import Uploads

BATCH_BYTES = CHUNK_BYTES * CHUNKS_AT_ONCE


class GridContent:
    """A ContentStore over GridFS and a directory of copies, `<root>-<hash of the database's identity>`.

    An upload is first read to its end into a copy of this machine, so that between its claim and its record only the
    database is waited for, never a user.

    Args:
        uploads: those of the store that records the files: it puts the record in the claim's place.
        identity: raises StoreError when the database fails.
        cache_bytes: what copies may take; what is on its way comes on top.
    """

    name = "gridfs"

    def __init__(
        self, grid: Grid, uploads: Uploads, identity: Callable[[], Awaitable[str]], root: Path, cache_bytes: int
    ) -> None:
        self._grid, self._uploads, self._identity = grid, uploads, identity
        self._root, self._cache_bytes = root, cache_bytes
        self._found: Cache | None = None

    def path(self, file_id: str) -> str:
        """'': no path of this machine."""
        return ""

    @asynccontextmanager
    async def put(self, file_id: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[Stored]:
        cache = await self._cache()
        async with cache.put(file_id, pieces) as stored:
            try:
                await self._write(file_id, await cache.open(file_id), stored)
                await cache.trim()
                yield stored
            except StoreError:
                raise  # the database is in trouble: nobody waits for it once more, and the next cleanup finds the rest
            except BaseException:
                with contextlib.suppress(StoreError):
                    await finish(self.remove(file_id))
                raise
            finally:
                self._uploads.forget(file_id)

    async def open(self, file_id: str) -> int:
        cache = await self._cache()
        try:
            return await cache.open(_checked(file_id))
        except KeyError:
            stored = await self._grid.stored(file_id)
        if stored is None:
            raise KeyError(file_id)
        try:
            return await cache.add(file_id, self._grid.pieces(file_id, stored))
        except StoreError:
            if await self._grid.stored(file_id) is None:  # it was deleted meanwhile
                raise KeyError(file_id) from None
            raise

    async def read(self, file_id: str) -> bytes:
        descriptor = await self.open(file_id)
        return await in_thread(partial(_all_of, descriptor))

    async def remove(self, file_id: str) -> None:
        await (await self._cache()).remove(_checked(file_id))
        if file_id in self._uploads:
            await self._uploads.renew(file_id)
        elif not await self._grid.has(file_id) or not await self._uploads.claim(file_id):
            return  # there is nothing, or what is there is somebody else's by now
        await self._grid.remove(file_id)
        await self._uploads.let_go(file_id)

    async def sweep(self, known: Known) -> int:
        await self._uploads.end_silent()
        count = 0
        async for file_id in self._grid.waste():
            await self.remove(file_id)
            count += 1
        return count + await (await self._cache()).sweep(known)

    async def _write(self, file_id: str, descriptor: int, stored: Stored) -> None:
        try:
            if not await self._uploads.claim(file_id):
                raise StoreError(f"the file '{file_id}' is there, or being written or deleted; try again in a minute")
            if await self._grid.has(file_id):
                await self._grid.remove(file_id)  # of an earlier attempt, whose claim is over
            chunk = 0
            while data := await in_thread(partial(os.read, descriptor, BATCH_BYTES)):
                chunk = await self._grid.write(file_id, chunk, data)
                await self._uploads.renew(file_id)
            await self._grid.close(file_id, stored)
        finally:
            os.close(descriptor)

    async def _cache(self) -> Cache:
        if self._found is None:
            self._found = Cache(place_of(self._root, await self._identity()), self._cache_bytes)
        return self._found


def _checked(file_id: str) -> str:
    if not is_file_id(file_id):
        raise InvalidRequest(f"not the id of a user file: {str(file_id)[:200]!r}")
    return file_id


def _all_of(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()
