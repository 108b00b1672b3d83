"""Content in a directory of this machine: <root>/<2 hex of the id's hash>/<id>, never the user's own file name.

Directories are 0700, files 0600. Nothing here runs on the event loop's thread.
"""

import errno
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from ...errors import InvalidRequest, StoreError
from ...finish import in_thread
from ..file_ids import is_file_id
from . import Known, Stored
from .incoming import PARTIAL, Incoming, abandoned

T = TypeVar("T")

SWEPT_AT_ONCE = 100  # each is an open file

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

    @asynccontextmanager
    async def put(self, file_id: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[Stored]:
        incoming = Incoming(self._place(file_id))
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._run, incoming.discard)
            await self._run(incoming.create)
            async for piece in pieces:
                await self._run(partial(incoming.write, piece))
            stored = await self._run(incoming.keep)
            undo.pop_all()
        try:
            yield stored
        finally:
            incoming.release()  # not awaited: a cancellation here would come after the record was kept

    async def open(self, file_id: str) -> int:
        return await self._run(lambda: self.opened(file_id), undo=os.close)

    async def read(self, file_id: str) -> bytes:
        return await self._run(lambda: self._content(file_id))

    async def remove(self, file_id: str) -> None:
        await self._run(lambda: self._discard([file_id]))

    async def sweep(self, known: Known) -> int:
        ids = await self._run(self._ids)
        strange = sorted(ids - await known(ids))
        return sum(
            [await self._swept(strange[at : at + SWEPT_AT_ONCE], known) for at in range(0, len(strange), SWEPT_AT_ONCE)]
        )

    def _place(self, file_id: str) -> Path:
        if not is_file_id(file_id):
            raise InvalidRequest(f"not the id of a user file: {str(file_id)[:200]!r}")
        return self.root / hashlib.sha256(file_id.encode()).hexdigest()[:2] / file_id

    def opened(self, file_id: str) -> int:
        """`open`, blocking: call it in a thread."""
        try:
            return os.open(self._place(file_id), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise KeyError(file_id) from None

    def _content(self, file_id: str) -> bytes:
        with os.fdopen(self.opened(file_id), "rb") as file:
            return file.read()

    def entries(self) -> "Iterator[os.DirEntry[str]]":
        """Everything that is kept, half written or whole. It blocks: call it in a thread."""
        for directory in self.root.glob("[0-9a-f][0-9a-f]"):
            for entry in os.scandir(directory):
                if is_file_id(entry.name.removesuffix(PARTIAL)) and entry.is_file(follow_symlinks=False):
                    yield entry

    def _ids(self) -> set[str]:
        return {entry.name.removesuffix(PARTIAL) for entry in self.entries()}

    async def _swept(self, strange: Iterable[str], known: Known) -> int:
        # Locked first, asked again then: an upload that was over in between has its record by now.
        held = await self._run(lambda: self._abandoned(strange), undo=let_go)
        try:
            waste = held.keys() - await known(held.keys())
            await self._run(lambda: self._discard(waste))
        finally:
            let_go(held)
        return len(waste)

    def _discard(self, file_ids: Iterable[str]) -> None:
        for file_id in file_ids:
            Incoming(self._place(file_id)).discard()

    def _abandoned(self, file_ids: Iterable[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        with ExitStack() as undo:
            undo.callback(let_go, found)
            for file_id in file_ids:
                descriptor = abandoned(self._place(file_id))
                if descriptor is not None:
                    found[file_id] = descriptor
            undo.pop_all()
        return found

    async def _run(self, work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
        return await told(self.root, work, undo)


async def told(root: Path, work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
    """`in_thread` for work on the files beneath root: what the disk says comes out as StoreError."""
    try:
        return await in_thread(work, undo)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "see the system's log for what is wrong with that disk")
        raise StoreError(f"the files' content in {root} failed: {error.strerror}; {remedy}") from error


def let_go(held: Mapping[str, int]) -> None:
    """Close the descriptors that hold locks."""
    for descriptor in held.values():
        os.close(descriptor)
