"""Level `landlock`: what a running sandbox holds on the disk that it shares with the host. No mount of its own bounds it.

Blocks; called in the watchdog's thread. The tree changes while it is looked at, and what it holds is hostile.
"""

import contextlib
import ctypes
import math
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import unlocked
from .processes import read

MAX_DEPTH = 100  # a deeper tree counts as too much: each level costs this process a descriptor
BLOCK_BYTES = 512  # of st_blocks, stat(2)

_libc = ctypes.CDLL(None)


@dataclass
class Held:
    """What was seen: bytes on the disk, names in directories, and whether some of it cannot be looked at."""

    size: int = 0
    entries: int = 0
    opaque: bool = False

    def over(self, space: "Space") -> bool:
        return self.opaque or self.size > space.max_bytes or self.entries > space.max_entries


@dataclass(frozen=True)
class Space:
    """One sandbox's directory, and what it may hold.

    Attributes:
        uid: the sandbox's own, 0 where it is this process's.
        zygote: its pid.
    """

    path: str
    uid: int
    zygote: int
    max_bytes: int
    max_entries: int

    def orphans(self) -> list[int]:
        """Processes of the sandbox whose parents have ended: the zygote has adopted them."""
        if not self.uid:
            return []  # it may start none
        children = read(Path(f"/proc/{self.zygote}/task/{self.zygote}/children"))
        return [pid for pid in map(int, children.split()) if _owner(pid) == self.uid]

    def held(self, pids: Iterable[int], deadline: float = math.inf) -> Held:
        """What lies beneath the directory, and what processes hold open although they deleted its name.

        Args:
            pids: the sandbox's processes.
            deadline: of this thread's processor time; what is not seen by then counts as too much.
        """
        found = Held()
        device = _measure_tree(self.path, found, self.max_entries, deadline)
        nameless: dict[int, int] = {}  # by inode: processes may share an open file
        with _as(self.uid):
            for pid in pids:
                nameless |= _nameless(pid, device)
                found.opaque |= time.thread_time() > deadline
        found.size += sum(nameless.values())
        return found


def _owner(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except (FileNotFoundError, ProcessLookupError):
        return -1


def _measure_tree(path: str, found: Held, max_entries: int, deadline: float) -> int:
    """Returns: the device that the tree lies on."""
    root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    device = os.fstat(root).st_dev
    levels: list[tuple[int, Iterator[str]]] = [(root, iter(()))]
    try:
        levels = [(root, iter(os.listdir(root)))]
        while levels and found.entries <= max_entries:
            directory, names = levels[-1]
            if time.thread_time() > deadline:
                found.opaque = True
                break
            name = next(names, None)
            if name is None:
                os.close(levels.pop()[0])
                continue
            found.entries += 1
            try:
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                found.size += status.st_blocks * BLOCK_BYTES
                if not stat.S_ISDIR(status.st_mode):
                    continue
                if len(levels) >= MAX_DEPTH:
                    found.opaque = True
                    continue
                below = unlocked.open_directory(name, directory)
            except PermissionError:
                found.opaque = True
                continue
            except (FileNotFoundError, NotADirectoryError):
                continue  # gone meanwhile
            levels.append((below, iter(())))
            levels[-1] = (below, iter(os.listdir(below)))
    finally:
        for directory, _ in levels:
            os.close(directory)
    return device


def _nameless(pid: int, device: int) -> dict[int, int]:
    """Bytes of files by inode that a process has open or mapped, and that no directory names.

    Raises:
        PermissionError: it lives, and does not let itself be looked at.
    """
    try:
        return _open_nameless(pid, device)
    except PermissionError:
        if b"\nVmSize:" in read(Path(f"/proc/{pid}/status")):
            raise
        return {}  # it is ending: its memory is gone, and with it the right to look


def _open_nameless(pid: int, device: int) -> dict[int, int]:
    """Threads share their descriptors and memory (seccomp.toml, clone), but a first one that has ended shows neither."""
    sizes: dict[int, int] = {}
    gone = contextlib.suppress(FileNotFoundError, ProcessLookupError)  # a thread, or one of its descriptors
    with gone:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with gone:
                task = f"/proc/{pid}/task/{thread}"
                for descriptor in os.listdir(f"{task}/fd"):
                    with gone:
                        status = os.stat(f"{task}/fd/{descriptor}")
                        if stat.S_ISREG(status.st_mode) and status.st_nlink == 0 and status.st_dev == device:
                            sizes[status.st_ino] = status.st_blocks * BLOCK_BYTES
                if _add_mapped(f"{task}/maps", sizes):
                    break
    return sizes


def _add_mapped(maps: str, sizes: dict[int, int]) -> bool:
    """Returns: whether there is any memory, as a process that has not ended has."""
    lines = 0
    with open(maps, errors="replace", newline="\n") as file:
        for line in file:
            lines += 1
            if line.endswith(" (deleted)\n"):
                area, _, offset, _, inode = line.split()[:5]
                first, last = (int(address, 16) for address in area.split("-"))
                sizes[int(inode)] = max(sizes.get(int(inode), 0), int(offset, 16) + last - first)
    return lines > 0


@contextlib.contextmanager
def _as(uid: int) -> Iterator[None]:
    """Look as the sandbox's own uid: root without CAP_SYS_PTRACE may not see its descriptors. setfsuid(2): this thread only."""
    if uid:
        _libc.setfsgid(uid)
        _libc.setfsuid(uid)
    try:
        yield
    finally:
        if uid:
            _libc.setfsuid(os.geteuid())
            _libc.setfsgid(os.getegid())
