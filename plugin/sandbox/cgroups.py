"""A memory cgroup for each sandbox, where the host lets this process make one: the kernel then holds the sum.

Without one, RLIMIT_DATA holds each process and the watchdog the sum (watchdog.py). Files: cgroup-v1/memory.rst and
cgroup-v2.rst of the kernel's documentation. Everything here blocks and is called in a thread.
"""

import contextlib
import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger("cellblock.sandbox")

PROC = Path("/proc")
ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Files:
    """The file names of one version of the interface."""

    limit: str
    swap_limit: str
    events: str
    bounds: tuple[str, ...]  # at the first the kernel kills, at others it slows down
    usage: str
    cached: tuple[str, ...]  # rows of memory.stat: files' pages, of a group and all in it


V1 = Files(
    limit="memory.limit_in_bytes",
    swap_limit="memory.memsw.limit_in_bytes",
    events="memory.oom_control",
    bounds=("memory.limit_in_bytes",),
    usage="memory.usage_in_bytes",
    cached=("total_active_file", "total_inactive_file"),
)
V2 = Files(
    limit="memory.max",
    swap_limit="memory.swap.max",
    events="memory.events",
    bounds=("memory.max", "memory.high"),
    usage="memory.current",
    cached=("active_file", "inactive_file"),
)


class Cgroup:
    """One sandbox's group."""

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self._files = files

    def out_of_memory(self) -> bool:
        """Whether the kernel ended a process for want of memory: the `oom_kill` count that both versions keep."""
        for line in (self.path / self._files.events).read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count) > 0
        return False

    def remove(self) -> None:
        """Remove the group; its processes must be gone."""
        with contextlib.suppress(OSError):  # what is left is removed with the parent, or by the next process
            self.path.rmdir()


class Cgroups:
    """A parent group of this process's own, and the sandboxes' groups in it.

    Args:
        limit_bytes: what all processes and files of one sandbox may hold together.
    """

    def __init__(self, parent: Path, files: Files, limit_bytes: int) -> None:
        self._parent = parent
        self._files = files
        self._limit_bytes = limit_bytes

    def hold(self, pidfd: int) -> Cgroup | None:
        """Put a sandbox, before any user code runs in it, into a group of its own.

        Returns: None where the host refuses; rlimits and the watchdog then hold it alone.
        """
        # A name that tells nothing: code reads it in /proc/self/cgroup.
        group = Cgroup(self._parent / secrets.token_hex(8), self._files)
        try:
            group.path.mkdir()
            (group.path / self._files.limit).write_text(str(self._limit_bytes))
            with contextlib.suppress(OSError):  # no swap accounting: the limit above is then all there is
                swap = self._limit_bytes if self._files is V1 else 0
                (group.path / self._files.swap_limit).write_text(str(swap))
            (group.path / "cgroup.procs").write_text(str(host_pid(pidfd)))
        except OSError as error:
            log.debug("a sandbox has no cgroup: %s", error)
            group.remove()
            return None
        return group

    def prepare(self) -> None:
        """Call it while a sandbox is being forked: it makes the `hold` that follows cheap.

        Before a process may be moved the kernel waits for every processor (cgroup_threadgroup_rwsem, an RCU grace period:
        5 to 25 ms), unless one was moved just before. "Moving" this process to where it is counts as that.
        """
        with contextlib.suppress(OSError):
            (self._parent.parent / "cgroup.procs").write_text(str(os.getpid()))

    def close(self) -> None:
        _remove_tree(self._parent)


def host_pid(pidfd: int) -> int:
    """The process behind a pidfd, as the host numbers it (pidfd_open(2), fdinfo); -1 when it is gone."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    return -1


def find(limit_bytes: int) -> Cgroups | None:
    """Make a parent group where this process's own group allows it; None where it does not.

    What a process that was killed left behind is removed first: its parent's name holds its pid.
    """
    for base, files in own_groups():
        if not base.is_dir():
            continue
        parent = base / f"cellblock-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            _remove_leftovers(base)
            parent.mkdir()
            if files is V2:
                (parent / "cgroup.subtree_control").write_text("+memory")
            if not (parent / files.limit).exists():
                raise FileNotFoundError(f"{parent} has no {files.limit}")
        except OSError as error:
            log.debug("no memory cgroup: %s", error)
            with contextlib.suppress(OSError):
                parent.rmdir()
            continue
        return Cgroups(parent, files, limit_bytes)
    return None


def own_groups(proc: Path = PROC, root: Path = ROOT) -> list[tuple[Path, Files]]:
    """Where /proc/self/cgroup says that this process is, as `hierarchy:controllers:path` (cgroups(7)).

    In a container that path may be the host's and not exist here: what is at `root` is then the container's own group.
    """
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        hierarchy, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            found.append((root / "memory" / path.lstrip("/"), V1))
        elif hierarchy == "0":
            found.append((root / path.lstrip("/"), V2))
    return found


def _remove_leftovers(base: Path) -> None:
    for path in base.glob("cellblock-*"):
        pid = path.name.split("-")[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            _remove_tree(path)


def _remove_tree(parent: Path) -> None:
    for path in [*(child for child in parent.glob("*") if child.is_dir()), parent]:
        with contextlib.suppress(OSError):
            path.rmdir()
