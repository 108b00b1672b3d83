"""The files that a cell left in its working directory, taken when all its processes are dead.

Everything here is hostile: links, pipes and devices are not opened, names and depths and numbers are bounded, nothing is
followed and nothing recurses. What is not taken is named, with the reason. Blocks; called in a thread.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import unlocked

MAX_FILES = 100
MAX_ENTRIES = 20_000  # names looked at; the inode limit of a sandbox is lower by default
MAX_DEPTH = 20
MAX_NAMED = 20  # sentences about what was dropped
NAME_SHOWN = 80
ANCIENT = 315532800  # 1980-01-01, the oldest date that a zip archive can carry

Version = tuple[int, int, int]  # inode, change time, modification time: what tells a file that was written to


@dataclass
class Collected:
    """`files` are (path beneath the working directory, content)."""

    files: list[tuple[str, bytes]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    dropped_count: int = 0

    def drop(self, path: str, reason: str) -> None:
        self.dropped_count += 1
        if self.dropped_count <= MAX_NAMED:
            self.dropped.append(f"{_shown(path)}: {reason}")

    def sentences(self) -> tuple[str, ...]:
        """What was dropped: the first by name, the others by their number."""
        others = self.dropped_count - len(self.dropped)
        return (*self.dropped, *([f"and {others} others"] if others else []))


def versions(work_fd: int) -> dict[str, Version]:
    """The files in the working directory now, before the cell runs: those of the user, copied in.

    They are given an old date, so that any later write shows, however coarse the file system's clock is.
    """
    found = {}
    for path in os.listdir(work_fd):
        os.utime(path, (ANCIENT, ANCIENT), dir_fd=work_fd, follow_symlinks=False)
        found[path] = _version(os.stat(path, dir_fd=work_fd, follow_symlinks=False))
    return found


def collect(work_fd: int, before: dict[str, Version], max_file_bytes: int, max_total_bytes: int) -> Collected:
    """Read every regular file that is new or was changed.

    Args:
        work_fd: the working directory.
        before: what `versions` said.
        max_file_bytes: a larger file is dropped; sparse ones count as what reading them gives.
        max_total_bytes: of all files together.
    """
    collected = Collected()
    left = max_total_bytes
    os.fchmod(work_fd, 0o700)
    for path, directory, entry, found in _walk(work_fd, collected):
        if before.get(path) == _version(found):
            continue
        if len(collected.files) >= MAX_FILES:
            collected.drop(path, f"only {MAX_FILES} files of a call are kept")
        elif found.st_size > max_file_bytes:
            collected.drop(path, f"larger than {max_file_bytes} bytes")
        elif found.st_size > left:
            collected.drop(path, f"the files of this call are larger than {max_total_bytes} bytes together")
        else:
            try:
                content = _read(directory, entry, found.st_size)
            except OSError as error:
                collected.drop(path, f"cannot be read: {error.strerror}")
                continue
            left -= len(content)
            collected.files.append((path, content))
    return collected


def _walk(root: int, collected: Collected) -> Iterator[tuple[str, int, str, os.stat_result]]:
    """(path, directory's descriptor, name, status) of each regular file, directory by directory, names in order."""
    entries = 0
    waiting: list[tuple[str, tuple[str, ...]]] = [("", ())]
    while waiting:
        prefix, parts = waiting.pop()
        try:
            directory = _open_beneath(root, parts)
        except OSError as error:
            collected.drop(prefix, f"cannot be opened: {error.strerror}")
            continue
        try:
            for name in sorted(os.listdir(directory)):
                entries += 1
                if entries > MAX_ENTRIES:
                    collected.drop(
                        prefix or ".", f"more than {MAX_ENTRIES} files and directories: the rest was not looked at"
                    )
                    return
                path = f"{prefix}{name}"
                found = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    yield path, directory, name, found
                elif not stat.S_ISDIR(found.st_mode):
                    collected.drop(path, "not a regular file")
                elif len(parts) + 1 >= MAX_DEPTH:
                    collected.drop(path, f"deeper than {MAX_DEPTH} directories")
                else:
                    waiting.append((f"{path}/", (*parts, name)))
        finally:
            os.close(directory)


def _open_beneath(root: int, parts: tuple[str, ...]) -> int:
    current = unlocked.open_directory(".", root)
    for part in parts:
        try:
            deeper = unlocked.open_directory(part, current)
        finally:
            os.close(current)
        current = deeper
    return current


def _read(directory: int, name: str, size: int) -> bytes:
    with open(unlocked.open_file(name, directory), "rb") as file:
        return file.read(size)


def _version(found: os.stat_result) -> Version:
    return found.st_ino, found.st_ctime_ns, found.st_mtime_ns


def _shown(path: str) -> str:
    text = path.encode("utf-8", "backslashreplace").decode().encode("unicode_escape").decode()
    return text if len(text) <= NAME_SHOWN else f"{text[:NAME_SHOWN]}..."
