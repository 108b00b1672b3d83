"""All processes of a sandbox as /proc shows them to everybody (proc(5)), whatever hostile code makes of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .cgroups import host_pid

# In `status` stands the process's name too, any text that it likes: lines end at a newline alone, which a name is shown
# without, so that no name is taken for a size.
_SIZES = re.compile(rb"^(VmPTE|RssAnon|RssShmem|VmSwap|Pss_Anon|Pss_Shmem|SwapPss):[ \t]+(\d+) kB$", re.MULTILINE)
TRIES = 5  # to find a thread that lives: one that ends as soon as it has started the next is gone before it is read
_THREADS = re.compile(rb"^Threads:\t(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Process:
    """One process.

    Attributes:
        directory: in /proc.
        memory: a directory that tells of its memory: a thread's, where the first thread has ended before the others.
        sizes: of `status`, in bytes.
    """

    directory: Path
    memory: Path
    sizes: dict[str, int]
    threads: int

    @property
    def table_bytes(self) -> int:
        """Page tables: its own, never shared."""
        return self.sizes.get("VmPTE", 0)

    @property
    def resident_bytes(self) -> int:
        """All memory but that of files, be it shared or not. The kernel's counters lag behind a little."""
        return sum(self.sizes.get(name, 0) for name in ("RssAnon", "RssShmem", "VmSwap"))

    def faults(self) -> int:
        """How many page faults it has had since it was forked; 0 when it has ended."""
        words = read(self.directory / "stat").rpartition(b")")[2].split()  # after the name
        return int(words[7]) + int(words[9]) if words else 0  # minflt and majflt, fields 10 and 12


def descendants(pidfd: int, orphans: Iterable[int] = ()) -> Iterator[Process]:
    """A sandbox's first process and all that descend from it; orphans stay beneath a namespace's pid 1.

    What ends meanwhile is left out. What a process started is read when the next one is asked for.

    Args:
        orphans: where there is no such namespace, what the zygote adopted of this sandbox.

    Raises:
        OSError: something could not be read for another reason than that a process has ended.
    """
    first = host_pid(pidfd)
    waiting = [*orphans, first] if first >= 0 else []
    while waiting:
        pid = waiting.pop()
        directory = Path("/proc", str(pid))
        status = read(directory / "status")
        found = _THREADS.search(status)
        if found is None:
            if pid == first and host_pid(pidfd) >= 0:
                raise PermissionError(f"process {pid} is alive, but {directory} does not show it")
            continue
        threads = int(found[1])
        yield Process(directory, *memory_of(directory, status), threads)
        for task in _tasks(directory):
            waiting.extend(map(int, read(task / "children").split()))


def memory_of(directory: Path, status: bytes) -> tuple[Path, dict[str, int]]:
    """Where the memory of a process is told of, and its sizes; no sizes when it has ended.

    A first thread that ends before the others leaves their memory to them: the process's own files tell of none.
    """
    found = sizes(status)
    for _ in range(TRIES):
        if found or b"\nThreads:\t1\n" in status:
            break
        for task in _tasks(directory):
            if found := sizes(read(task / "status")):
                return task, found
    return directory, found


def sizes(text: bytes) -> dict[str, int]:
    """Bytes, from rows of `status` or `smaps_rollup`."""
    return {name.decode(): int(number) * 1024 for name, number in _SIZES.findall(text)}


def read(path: Path) -> bytes:
    """A file of a process; nothing when it has ended."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _tasks(directory: Path) -> list[Path]:
    try:
        return list((directory / "task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []
