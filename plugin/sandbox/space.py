"""Level `landlock`: what a running sandbox holds on the disk that it shares with the host. No mount of its own bounds it.

Blocks; called in the watchdog's thread. The tree changes while it is looked at, and what it holds is hostile.
"""

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_DEPTH = 100  # a deeper tree counts as too much: each level costs this process a descriptor
BLOCK_BYTES = 512  # of st_blocks, stat(2)

_libc = ctypes.CDLL(None)


@dataclass
class Used:
    """Bytes on the disk, and names in directories."""

    size: int = 0
    entries: int = 0
    opaque: bool = False  # some of it cannot be looked at: too deep, or unreadable


def used(path: str, uid: int, pids: Iterable[int], max_entries: int) -> Used:
    """What lies beneath a directory, and what processes hold open although they deleted its name.

    Args:
        path: the sandbox's directory.
        uid: the sandbox's, 0 where it is this process's own.
        pids: the sandbox's processes.
        max_entries: where counting stops.
    """
    found = Used()
    device = _measure_tree(path, found, max_entries)
    with _as(uid):
        for pid in pids:
            found.size += sum(_nameless(pid, device).values())
    return found


def _measure_tree(path: str, found: Used, max_entries: int) -> int:
    """Returns: the device that the tree lies on."""
    root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    device = os.fstat(root).st_dev
    levels = [(root, iter(os.listdir(root)))]
    try:
        while levels and found.entries <= max_entries:
            directory, names = levels[-1]
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
                below = _open_directory(name, directory)
            except PermissionError:
                found.opaque = True
                continue
            except (FileNotFoundError, NotADirectoryError):
                continue  # gone meanwhile
            levels.append((below, iter(os.listdir(below))))
    finally:
        for directory, _ in levels:
            os.close(directory)
    return device


def _open_directory(name: str, parent: int) -> int:
    """Open a directory that may allow its owner to write in it but not to list it. What the name means may change any time."""
    held = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        itself = f"/proc/self/fd/{held}"
        if os.fstat(held).st_mode & 0o500 != 0o500:
            os.chmod(itself, 0o700)
        return os.open(itself, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(held)


def _nameless(pid: int, device: int) -> dict[int, int]:
    """Bytes of files by inode that a process has open or mapped, and that no directory names."""
    sizes: dict[int, int] = {}
    gone = contextlib.suppress(FileNotFoundError, ProcessLookupError)  # the process, or one of its descriptors
    with gone:
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with gone:
                status = os.stat(f"/proc/{pid}/fd/{descriptor}")
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 0 and status.st_dev == device:
                    sizes[status.st_ino] = status.st_blocks * BLOCK_BYTES
    with gone, open(f"/proc/{pid}/maps", errors="replace") as maps:
        for line in maps:
            if line.endswith(" (deleted)\n"):
                area, _, offset, _, inode = line.split()[:5]
                first, last = (int(address, 16) for address in area.split("-"))
                sizes.setdefault(int(inode), 0)
                sizes[int(inode)] = max(sizes[int(inode)], int(offset, 16) + last - first)
    return sizes


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
