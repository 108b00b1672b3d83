"""Counts the memory of all processes of a sandbox together, which no rlimit does, and ends the sandbox that has too much."""

import asyncio
import os
from pathlib import Path

from .cgroups import host_pid
from .client import Sandbox

PERIOD_SECONDS = 0.1
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MAX_PROCESSES = 4096  # more than any limit allows: a bound for the walk alone


async def watch(sandbox: Sandbox, limit_bytes: int) -> None:
    """Look every PERIOD_SECONDS until cancelled; what is over the limit is killed and marked `out_of_memory`.

    Args:
        limit_bytes: the sandbox's memory and what it may share with the zygote.
    """
    while True:
        await asyncio.sleep(PERIOD_SECONDS)
        if await asyncio.to_thread(resident_bytes, sandbox.pidfd) > limit_bytes:
            sandbox.out_of_memory = True
            await sandbox.gone()
            return


def resident_bytes(pidfd: int) -> int:
    """Anonymous and shared memory of a process and all that descend from it; orphans stay beneath a namespace's pid 1.

    A page that several processes share counts once among them all (Pss, proc(5)): forks of a large process are not
    mistaken for so many large processes.
    """
    first = host_pid(pidfd)
    total, waiting, seen = 0, [first] if first > 0 else [], 0
    while waiting and seen < MAX_PROCESSES:
        current = Path("/proc", str(waiting.pop()))
        seen += 1
        try:
            total += _proportional_bytes(current)
            for task in os.listdir(current / "task"):
                waiting.extend(map(int, (current / "task" / task / "children").read_text().split()))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return total


def _proportional_bytes(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except PermissionError:  # it runs a program that nobody but root may read: what everybody may know of it
        _, resident, shared, *_ = map(int, (process / "statm").read_text().split())
        return (resident - shared) * PAGE_BYTES
    # Memory that code had swapped out (MADV_PAGEOUT) is still its own.
    return sum(
        int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:", "SwapPss:"))
    )
