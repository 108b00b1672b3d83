"""Copies of content that lies elsewhere, in a directory of this machine: those used last, within a number of bytes."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import partial
from pathlib import Path

from . import Known, Stored
from .incoming import PARTIAL, make_directories
from .local import LocalContent, told


class Cache:
    """Several processes may share it; nothing is lost with it. Every method raises StoreError when the disk fails."""

    def __init__(self, root: Path, most_bytes: int) -> None:
        self._local, self._most_bytes = LocalContent(root), most_bytes

    def put(self, file_id: str, pieces: AsyncIterator[bytes]) -> AbstractAsyncContextManager[Stored]:
        """As a ContentStore's: content that no other machine has yet. In the block it can be opened."""
        return self._local.put(file_id, pieces)

    async def open(self, file_id: str) -> int:
        """A descriptor to read the copy from; the caller closes it.

        Raises:
            KeyError: there is none.
        """
        return await told(self._local.root, partial(self._opened, file_id), os.close)

    async def add(self, file_id: str, pieces: AsyncIterator[bytes]) -> int:
        """A descriptor to read the pieces from, which is a copy from now on; the caller closes it.

        Where reading the pieces raises, nothing is kept. Several may add the same at once.
        """
        path = Path(self._local.path(file_id))
        with ExitStack() as undo:
            writing = await told(self._local.root, partial(_nameless, path), os.close)
            undo.callback(os.close, writing)
            async for piece in pieces:
                await told(self._local.root, partial(_written, writing, piece))
            descriptor = await told(self._local.root, partial(_named, writing, path), os.close)
        try:
            await self.trim()
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    async def remove(self, file_id: str) -> None:
        await self._local.remove(file_id)

    async def trim(self) -> None:
        """Remove the copies that were not used for longest until the others are within the bytes."""
        await told(self._local.root, self._trimmed)

    async def sweep(self, known: Known) -> int:
        """Remove copies of what has no record any more; gives the number."""
        return await self._local.sweep(known)

    def _opened(self, file_id: str) -> int:
        descriptor = self._local.opened(file_id)
        with contextlib.suppress(OSError):  # where the disk is read-only, copies go in the order in which they came
            os.utime(descriptor)
        return descriptor

    def _trimmed(self) -> None:
        copies = [(entry.stat(), entry.path) for entry in self._local.entries() if not entry.name.endswith(PARTIAL)]
        excess = sum(facts.st_size for facts, _ in copies) - self._most_bytes
        for facts, path in sorted(copies, key=lambda each: each[0].st_mtime_ns):
            if excess <= 0:
                return
            os.unlink(path)
            excess -= facts.st_size


def _nameless(path: Path) -> int:
    """A new file beside it, without a name: whatever happens, nothing of it stays."""
    make_directories(path)
    try:
        return os.open(path.parent, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:  # this file system has none such: then it never gets a name
        with tempfile.TemporaryFile(dir=path.parent) as file:
            return os.dup(file.fileno())


def _written(descriptor: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _named(descriptor: int, path: Path) -> int:
    """Give it its name, where it can have one; a descriptor that only reads it."""
    os.fsync(descriptor)  # a name whose content a power cut took would be believed
    nameless = f"/proc/self/fd/{descriptor}"
    with contextlib.suppress(
        OSError
    ):  # another process was faster, or it cannot have one: the file is read all the same
        os.link(nameless, path, src_dir_fd=descriptor)  # with a directory given, it follows the link
    return os.open(nameless, os.O_RDONLY | os.O_CLOEXEC)
