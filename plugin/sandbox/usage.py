"""What all processes of a sandbox use together, which no rlimit counts: memory, page tables, processes and threads.

Everything here blocks, for as long as hostile code can make it, and is called in a thread of the watchdog's own.
"""

import os
import time
from dataclasses import dataclass

from . import processes
from .processes import Process
from .space import Held, Space

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use, and what a look at it may cost.

    Attributes:
        memory_bytes: of all its processes together, what they share with the zygote included.
        shared_bytes: how much of that they may share with the zygote.
        processes: processes and threads together.
        look_seconds: processor time of one look. 62 forks of a process of 400 MiB take 0.15 s.
        space: what it may hold on a disk, where it has no file system of its own.
    """

    memory_bytes: int
    shared_bytes: int
    processes: int
    look_seconds: float = 1.0
    space: Space | None = None


@dataclass(frozen=True)
class Usage:
    """What a look saw, as far as it got: it ends where anything is over its limit.

    Attributes:
        processes: processes and threads together.
        seconds: processor time of the look.
        held: on the disk; None where a file system of its own bounds it.
    """

    memory_bytes: int
    processes: int
    seconds: float
    held: Held | None = None


def look(pidfd: int, limits: Limits) -> Usage:
    """Measure the sandbox whose first process this is.

    Raises:
        OSError: something could not be read for another reason than that a process has ended.
    """
    started = time.thread_time()
    deadline = started + limits.look_seconds
    found: list[Process] = []
    threads = memory_bytes = 0
    for process in processes.descendants(pidfd, limits.space.orphans() if limits.space else ()):
        found.append(process)
        threads += process.threads
        memory_bytes += process.table_bytes + process.resident_bytes
        if threads > limits.processes or time.thread_time() > deadline:
            return Usage(0, threads, time.thread_time() - started)
    # This sum costs microseconds, and counts a shared page for each process: where it is small, it need not be exact.
    if memory_bytes > limits.memory_bytes // 2:
        memory_bytes = _memory_bytes(found, limits, deadline)
    held = limits.space.held((int(process.directory.name) for process in found), deadline) if limits.space else None
    return Usage(memory_bytes, threads, time.thread_time() - started, held)


def _memory_bytes(found: list[Process], limits: Limits, deadline: float) -> int:
    """Page tables, and memory of which a page that several processes share counts once among them all (Pss).

    So forks of a large process are not mistaken for so many large processes.
    """
    total, guessed = sum(process.table_bytes for process in found), False
    for process in found:
        if total > limits.memory_bytes or time.thread_time() > deadline:
            break
        exact = _proportional_bytes(process)
        if exact is None:
            total += own_bytes(process, limits.shared_bytes) + (0 if guessed else limits.shared_bytes)
            guessed = True
        else:
            total += exact
    return total


def _proportional_bytes(process: Process) -> int | None:
    """None where this process may not see it: it has not the capability, or a security module holds it back."""
    memory = process.memory
    for _ in range(processes.TRIES):
        try:
            found = processes.sizes((memory / "smaps_rollup").read_bytes())
            return sum(found.get(name, 0) for name in ("Pss_Anon", "Pss_Shmem", "SwapPss"))
        except PermissionError:
            return None
        except (FileNotFoundError, ProcessLookupError):
            memory, sizes = processes.memory_of(process.directory, processes.read(process.directory / "status"))
            if not sizes:
                return 0  # not only the thread has ended
    return None


def own_bytes(process: Process, shared_bytes: int) -> int:
    """What a process has beside the zygote's memory, guessed from what everybody may see.

    A page of its own, be it new or a copy of a shared one, took a page fault: so it has what is beyond `shared_bytes`, or
    as many pages as it had faults. That is too much, up to all that it holds, where processes of one sandbox share memory
    among themselves, which counts for each, and where pages were given back and taken anew. It is too little, by up to
    `shared_bytes`, only where huge pages have taken the place of memory that was shared.
    """
    resident = process.resident_bytes
    return max(resident - shared_bytes, min(resident, process.faults() * PAGE_BYTES))
