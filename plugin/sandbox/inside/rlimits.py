"""Limits that the kernel holds per process: memory, open files, processes, file size."""

import resource
import sys

RLIMIT_SIGPENDING = 11  # asm-generic/resource.h; counted for the uid, up to the host
PENDING_SIGNALS = 256
STACK_BYTES = 8 * 1024 * 1024  # what systems mostly give
# core(5): a limit of 0 keeps a core from a file, not from the program that core_pattern may name, which the kernel runs as
# root on the host and hands the memory of what crashed; 1 keeps it from both (fs/coredump.c).
NO_CORE = 1


def own_bytes(field: str) -> int:
    """A size of this process from /proc/self/status (proc(5)), such as VmData or RssAnon."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no line {field}")


def apply(memory_bytes: int, processes: int, open_files: int, file_bytes: int, baseline_bytes: int) -> None:
    """Set soft and hard limits alike, so that none can be raised again; a stack may grow to the memory limit.

    RLIMIT_DATA rather than RLIMIT_AS: address space that is only reserved (thread stacks, allocator arenas) is free, and
    numpy still gets a MemoryError when it asks for too much.

    Args:
        baseline_bytes: what the zygote had mapped already (VmData), which RLIMIT_DATA counts too.
    """
    for which, limit in (
        (resource.RLIMIT_DATA, baseline_bytes + memory_bytes),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, min(_hard(resource.RLIMIT_CORE), NO_CORE)),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_RTPRIO, 0),
        (resource.RLIMIT_NICE, 0),
        (RLIMIT_SIGPENDING, PENDING_SIGNALS),
    ):
        resource.setrlimit(which, (limit, limit))
    stack = min(_hard(resource.RLIMIT_STACK), memory_bytes)  # RLIMIT_DATA does not count it
    resource.setrlimit(resource.RLIMIT_STACK, (min(STACK_BYTES, stack), stack))


def _hard(which: int) -> int:
    """The hard limit as it is, which may be lowered only."""
    hard = resource.getrlimit(which)[1]
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard
