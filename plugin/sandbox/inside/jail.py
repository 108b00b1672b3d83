"""Turns a fresh fork of the zygote into a sandbox: its own namespaces and files, no privileges, no way back."""

import os
import socket
import sys
from dataclasses import dataclass

from . import landlock, libc, mounts, rlimits, seccomp

USER_ID = 1000  # as code sees itself; an ordinary, unprivileged uid on the host whatever this says

# user_namespaces(7): setgroups is denied before an unprivileged gid map may be written
_MAPS = (
    ("/proc/self/setgroups", b"deny"),
    ("/proc/self/uid_map", b"%d 0 1" % USER_ID),
    ("/proc/self/gid_map", b"%d 0 1" % USER_ID),
)
_NAMESPACES = libc.CLONE_NEWNS | libc.CLONE_NEWNET | libc.CLONE_NEWIPC


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use; the host's Settings in bytes and counts."""

    memory_bytes: int
    processes: int
    open_files: int
    space_bytes: int
    inodes: int


def settle(limits: Limits) -> None:
    """Move into namespaces of this process's own, with its own files; it still holds every privilege in them.

    /proc is mounted while the zygote's is still fully visible, so before the inner user namespace.
    """
    os.setsid()  # or its process group, and what is done to one, would be shared with the other sandboxes
    libc.unshare(_NAMESPACES)
    mounts.mount_sandbox(limits.space_bytes, limits.inodes)
    os.chdir("/work")


def lock(limits: Limits, seccomp_program: bytes, landlock_abi: int, baseline_bytes: int) -> None:
    """Close every way out of this process, for good. The filter comes last, as it refuses most of what is done here."""
    libc.unshare(libc.CLONE_NEWUSER)
    for name, text in _MAPS:
        file = os.open(name, os.O_WRONLY | os.O_CLOEXEC)
        os.write(file, text)
        os.close(file)
    rlimits.apply(limits.memory_bytes, limits.processes, limits.open_files, limits.space_bytes, baseline_bytes)
    libc.drop_capabilities()
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    writable = landlock.everything(landlock_abi)
    landlock.restrict(
        landlock_abi,
        [
            ("/", landlock.READ),
            ("/work", writable),
            ("/tmp", writable),
            *((device, landlock.WRITE_DEVICE) for device in ("/dev/null", "/dev/full")),
        ],
    )
    seccomp.install(seccomp_program)


def keep_only(control: socket.socket, outputs: list[int]) -> None:
    """Close every descriptor but these and put the outputs where code expects them.

    Args:
        control: the sandbox's own socket.
        outputs: write ends of the pipes: the ordered stream, standard output, standard error.
    """
    ordered, out, err = outputs
    null = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((null, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
    kept = sorted((control.fileno(), ordered))
    low = 3
    for descriptor in kept:
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX") if low > 1024 else 1024)


def reseed() -> None:
    """Random numbers of this sandbox's own: Python reseeds itself at a fork, NumPy's global generator does not."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(int.from_bytes(os.urandom(4), "little"))
