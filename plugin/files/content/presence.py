"""Which processes that use one directory are alive: each holds a lock on a file of its own there."""

import contextlib
import os
from itertools import islice
from pathlib import Path

from ... import locks
from .incoming import make_directories
from .local import let_go

AT_ONCE = 1000  # each is looked at by opening it


class Presence:
    """One process. The lock goes with the process, however it ends. All of this blocks: call it in a thread.

    Args:
        name: nobody else's, ever.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._path, self._descriptor = directory / name, -1

    def begin(self) -> None:
        """Be seen as alive. Safe to call twice."""
        while self._descriptor < 0:
            make_directories(self._path)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            locks.wait_alone(descriptor)
            if os.fstat(descriptor).st_nlink:
                self._descriptor = descriptor
            else:  # `gone` was faster than the lock
                os.close(descriptor)

    def end(self) -> None:
        """Safe to call twice."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            self._path.unlink(missing_ok=True)
            os.close(descriptor)

    def gone(self) -> dict[str, int]:
        """Some that ended without `end`: the name of each and its lock, a descriptor that the caller closes."""
        found: dict[str, int] = {}
        with contextlib.ExitStack() as undo:
            undo.callback(let_go, found)
            for path in islice(self._path.parent.glob("*"), AT_ONCE):
                with contextlib.suppress(FileNotFoundError):  # another cleanup was faster
                    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                    if locks.alone(descriptor):
                        found[path.name] = descriptor
                    else:
                        os.close(descriptor)
            undo.pop_all()
        return found

    def forget(self, name: str) -> None:
        """Have `gone` not name it any more."""
        self._path.with_name(name).unlink(missing_ok=True)
