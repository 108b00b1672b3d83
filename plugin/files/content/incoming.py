"""One file on its way to the disk: written beside its place, then moved there. It blocks: call it in a thread."""

import hashlib
import os
from pathlib import Path

from ... import locks
from . import Stored

PARTIAL = ".part"  # no id contains it: an id ends in letters and digits behind its last underscore


class Incoming:
    """Content that is not there until `keep` says so, and then survives a power cut.

    From `create` to `release` it is locked, under both its names: so a sweep knows an upload that runs from what one that
    was killed left.

    Args:
        path: its place: <root>/<2 hex>/<id>. Missing directories below the parent of root are made.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._partial = path, path.with_name(path.name + PARTIAL)
        self._descriptor = -1
        self._hash, self._size = hashlib.sha256(), 0

    def create(self) -> None:
        make_directories(self._path)
        while self._descriptor < 0:
            descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            locks.wait_alone(descriptor)
            if os.fstat(descriptor).st_nlink:
                self._descriptor = descriptor
            else:  # a sweep was faster than the lock
                os.close(descriptor)

    def write(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._hash.update(piece)
        self._size += len(piece)

    def keep(self) -> Stored:
        os.fsync(self._descriptor)
        os.rename(self._partial, self._path)
        # A new name is durable when its directory is (fsync(2)); the parents too, for they may be new as well.
        shard = self._path.parent
        for directory in (shard, shard.parent, shard.parent.parent):
            _sync_directory(directory)
        return Stored(self._size, self._hash.hexdigest())

    def discard(self) -> None:
        """As if it had never been, however far it came."""
        self._partial.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """From here on a sweep that finds no record deletes it. Safe to call twice."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def make_directories(path: Path) -> None:
    """Those of a place <root>/<2 hex>/<id>, for this system user alone."""
    shard = path.parent
    for directory in (shard.parent.parent, shard.parent, shard):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def abandoned(path: Path) -> int | None:
    """A locked descriptor of content, whole or half written, that no upload of any process holds; None where one does."""
    for place in (path, path.with_name(path.name + PARTIAL)):
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        try:
            if locks.alone(descriptor):
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
    return None


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
