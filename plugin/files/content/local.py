"""Content in a directory of this machine: <root>/<2 hex of the id's hash>/<id>, never the user's own file name.

Directories are 0700, files 0600. Nothing here runs on the event loop's thread.
"""

import errno
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...errors import InvalidRequest, StoreError
from ...finish import in_thread
from ..file_ids import is_file_id
from . import Stored
from .incoming import PARTIAL, Incoming

T = TypeVar("T")

_REMEDIES = {
    errno.ENOSPC: "free some space, or move Settings.home to a larger disk",
    errno.EDQUOT: "the quota of this system user is used up: free some space, or move Settings.home",
    errno.EACCES: "give the user that runs this process the right to write there, or set Settings.home",
    errno.EPERM: "give the user that runs this process the right to write there, or set Settings.home",
    errno.EROFS: "that file system is mounted read-only: set Settings.home to another one",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


class LocalContent:
    """A ContentStore in a directory, which is made at the first `put`.

    Several processes may share it: a file is written once, under a name that nobody else uses.
    """

    name = "local"

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def path(self, file_id: str) -> str:
        return str(self._place(file_id))

    async def put(self, file_id: str, pieces: AsyncIterator[bytes]) -> Stored:
        incoming = Incoming(self._place(file_id))
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._run, incoming.discard)
            await self._run(incoming.create)
            async for piece in pieces:
                await self._run(partial(incoming.write, piece))
            stored = await self._run(incoming.keep)
            undo.pop_all()
        return stored

    async def open(self, file_id: str) -> int:
        return await self._run(lambda: self._opened(file_id), undo=os.close)

    async def read(self, file_id: str) -> bytes:
        return await self._run(lambda: self._content(file_id))

    async def remove(self, file_id: str) -> None:
        await self._run(Incoming(self._place(file_id)).discard)

    async def leftovers(self, older_than: datetime) -> Sequence[str]:
        return await self._run(lambda: list(self._written_before(older_than.timestamp())))

    def _place(self, file_id: str) -> Path:
        if not is_file_id(file_id):
            raise InvalidRequest(f"not the id of a user file: {str(file_id)[:200]!r}")
        return self.root / hashlib.sha256(file_id.encode()).hexdigest()[:2] / file_id

    def _opened(self, file_id: str) -> int:
        try:
            return os.open(self._place(file_id), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise KeyError(file_id) from None

    def _content(self, file_id: str) -> bytes:
        with os.fdopen(self._opened(file_id), "rb") as file:
            return file.read()

    def _written_before(self, moment: float) -> Iterator[str]:
        for directory in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            for entry in os.scandir(directory):
                file_id = entry.name.removesuffix(PARTIAL)
                if is_file_id(file_id) and _last_written(entry) < moment:
                    yield file_id

    async def _run(self, work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
        try:
            return await in_thread(work, undo)
        except OSError as error:
            remedy = _REMEDIES.get(error.errno or 0, "see the system's log for what is wrong with that disk")
            raise StoreError(f"the files' content in {self.root} failed: {error.strerror}; {remedy}") from error


def _last_written(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:  # another process removed it meanwhile: nothing is left over
        return float("inf")
