"""Limits that the kernel holds per process: memory, open files, processes, file size."""

import resource

RLIMIT_SIGPENDING = 11  # asm-generic/resource.h; counted for the uid, up to the host
PENDING_SIGNALS = 256


def own_bytes(field: str) -> int:
    """A size of this process from /proc/self/status (proc(5)), such as VmData or RssAnon."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no line {field}")


def apply(memory_bytes: int, processes: int, open_files: int, file_bytes: int, baseline_bytes: int) -> None:
    """Set soft and hard limits alike, so that none can be raised again.

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
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_RTPRIO, 0),
        (RLIMIT_SIGPENDING, PENDING_SIGNALS),
    ):
        resource.setrlimit(which, (limit, limit))
