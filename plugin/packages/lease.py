"""Who uses an environment: a shared lock on its directory, which the system lets go of with the process.

Running sandboxes see an environment's files at their own paths, so a directory is removed only by who gets its exclusive lock.
Nothing is written for this, and no sandbox reaches the directory itself: it sees what lies beneath.
"""

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from .. import locks
from .environment import Environment

RETRIES, RETRY_SECONDS = 1000, 0.001  # of a link that leads elsewhere each time it is looked at


@dataclass
class Lease:
    """An environment in use, until `close`.

    Attributes:
        home: whose `venv` link led to it.
    """

    environment: Environment
    home: Path
    _descriptor: int = -1

    def close(self) -> None:
        """Use it no more. The last user of one that was replaced removes it. Blocks; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
            if self.environment.path.parent == (self.home / "venvs").resolve():
                remove_unless_used(self.environment.path, self.home)


def taken(home: Path) -> Lease | None:
    """A lease of the environment that `home/venv` leads to; None where there is no whole one. Blocks."""
    link = home / "venv"
    for _ in range(RETRIES):
        path = link.resolve()
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            if link.resolve() == path:
                return None
            continue
        # Where somebody holds it alone it was replaced and is being removed.
        if locks.shared(descriptor) and link.resolve() == path:
            environment = Environment.at(path)
            if environment is not None:
                return Lease(environment, home, descriptor)
            os.close(descriptor)
            return None
        os.close(descriptor)
        time.sleep(RETRY_SECONDS)
    return None


def remove_unless_used(path: Path, home: Path) -> None:
    """Remove an environment's directory, unless `home/venv` leads to it or somebody uses it. Blocks."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if locks.alone(descriptor) and (home / "venv").resolve() != path.resolve():
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(descriptor)
