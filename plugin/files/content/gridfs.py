"""Content in the database, for several machines that share one; each keeps copies of what it used last."""

import asyncio
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
from .local import let_go, told
from .presence import Presence
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
        self._found: Machine | None = None
        self._one_at_a_time = asyncio.Lock()

    def path(self, file_id: str) -> str:
        """'': no path of this machine."""
        return ""

    @asynccontextmanager
    async def put(self, file_id: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[Stored]:
        copies = (await self._here()).copies
        async with copies.put(file_id, pieces) as stored:
            try:
                await self._write(file_id, await copies.open(file_id), stored)
                await copies.trim()
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
        copies = (await self._here()).copies
        try:
            return await copies.open(_checked(file_id))
        except KeyError:
            stored = await self._grid.stored(file_id)
        if stored is None:
            raise KeyError(file_id)
        try:
            return await copies.add(file_id, self._grid.pieces(file_id, stored))
        except StoreError:
            if await self._grid.stored(file_id) is None:  # it was deleted meanwhile
                raise KeyError(file_id) from None
            raise

    async def read(self, file_id: str) -> bytes:
        descriptor = await self.open(file_id)
        return await in_thread(partial(_all_of, descriptor))

    async def remove(self, file_id: str) -> None:
        await (await self._here()).copies.remove(_checked(file_id))
        try:
            if file_id in self._uploads:
                is_ours = await self._uploads.renew(file_id)
            else:
                is_ours = await self._grid.has(file_id) and await self._claim(file_id)
            if is_ours:  # else there is nothing, or what is there is somebody else's by now
                await self._grid.remove(file_id)
                await self._uploads.let_go(file_id)
        finally:
            self._uploads.forget(file_id)  # where that failed, the next sweep begins anew

    async def sweep(self, known: Known) -> int:
        await self._end_claims()
        count = 0
        async for file_id in self._grid.waste():
            await self.remove(file_id)
            count += 1
        return count + await (await self._here()).copies.sweep(known)

    async def aclose(self) -> None:
        """Claims that are left end with their leases. Safe to call twice."""
        if self._found is not None:
            await told(self._found.root, self._found.presence.end)

    async def _end_claims(self) -> None:
        here = await self._here()
        gone = await told(here.root, here.presence.gone, let_go)
        try:
            for process in gone:
                await self._uploads.end_those_of(process)
                await told(here.root, partial(here.presence.forget, process))
        finally:
            let_go(gone)
        await self._uploads.end_silent()

    async def _write(self, file_id: str, descriptor: int, stored: Stored) -> None:
        try:
            if not await self._claim(file_id):
                raise StoreError(f"the file '{file_id}' is there, or being written or deleted; try again in a minute")
            if await self._grid.has(file_id):
                await self._grid.remove(file_id)  # of an earlier attempt, whose claim is over
            chunk = 0
            while data := await in_thread(partial(os.read, descriptor, BATCH_BYTES)):
                chunk = await self._grid.write(file_id, chunk, data)
                if not await self._uploads.renew(file_id):
                    raise self._uploads.lost(file_id)
            await self._grid.close(file_id, stored)
        finally:
            os.close(descriptor)

    async def _here(self) -> "Machine":
        if self._found is None:
            root = place_of(self._root, await self._identity())
            if self._found is None:  # another task may have been faster, and there is one presence
                self._found = Machine(root, self._cache_bytes, self._uploads.process)
        return self._found

    async def _claim(self, file_id: str) -> bool:
        here = await self._here()
        async with self._one_at_a_time:
            await told(here.root, here.presence.begin)  # before anybody can look for the claim's process
        return await self._uploads.claim(file_id)


class Machine:
    """What is kept on this machine for one database."""

    def __init__(self, root: Path, cache_bytes: int, process: object) -> None:
        self.root, self.copies = root, Cache(root, cache_bytes)
        self.presence = Presence(root / "processes", str(process))


def _checked(file_id: str) -> str:
    if not is_file_id(file_id):
        raise InvalidRequest(f"not the id of a user file: {str(file_id)[:200]!r}")
    return file_id


def _all_of(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()
