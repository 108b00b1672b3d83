"""Turns a fresh fork of the zygote into a sandbox: its own files and ids, no privileges, no way back.

What differs between the isolation levels is a `Wall`: namespaces.py and landlocked.py.
"""

import os
import socket
import sys
from dataclasses import dataclass
from typing import Any, Protocol

from . import landlock, libc, rlimits, seccomp

Rule = landlock.Rule


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use; the host's Settings in bytes and counts."""

    memory_bytes: int
    processes: int
    open_files: int
    space_bytes: int
    inodes: int


@dataclass(frozen=True)
class Place:
    """What is one sandbox's own: `name` nobody can guess, `uid` is 0 where all share the bot's."""

    name: str
    uid: int


class Wall(Protocol):
    """How a level keeps sandboxes apart from the host and from each other."""

    files: str  # where code finds the user's files

    def fork(self) -> int:
        """As os.fork, in a process namespace of its own where the level has them."""

    def settle(self, limits: Limits, place: Place) -> None:
        """Move to files and ids of this sandbox's own; its working directory becomes the current one."""

    def enclose(self, place: Place) -> None:
        """Give up what `settle` still needed."""

    def process_limit(self, limits: Limits) -> int:
        """RLIMIT_NPROC, which counts all processes of a uid."""

    def rules(self, place: Place) -> list[Rule]:
        """What landlock allows."""

    def end_others(self, pid: int, place: Place) -> None:
        """In the zygote, when the sandbox's first process was waited for: end what outlived it."""


@dataclass(frozen=True)
class Lock:
    """What closes a sandbox, the same for each."""

    limits: Limits
    landlock_abi: int
    seccomp: bytes
    own_pid_at: list[int]  # offsets in the program where the sandbox's own pid is to stand

    def close(self, wall: Wall, place: Place, baseline_bytes: int) -> None:
        """Close every way out of this process, for good. The filter comes last, as it refuses most of what is done here."""
        limits = self.limits
        wall.enclose(place)
        rlimits.apply(
            limits.memory_bytes, wall.process_limit(limits), limits.open_files, limits.space_bytes, baseline_bytes
        )
        libc.drop_capabilities()
        libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
        landlock.restrict(self.landlock_abi, wall.rules(place))
        seccomp.install(self.seccomp, self.own_pid_at)


def rehearsed(wall: Wall, lock: Lock, place: Place) -> dict[str, Any] | None:
    """Build one jail and throw it away: what this host refuses is found here, before anything depends on it.

    Returns: None, or the `errno` and `text` of the call that was refused.
    """
    reading, writing = os.pipe()
    try:
        pid = wall.fork()
    except OSError as error:
        return {"errno": error.errno, "text": error.strerror}
    if pid == 0:
        status = 1
        try:
            os.setsid()
            wall.settle(lock.limits, place)
            lock.close(wall, place, rlimits.own_bytes("VmData"))
            status = 0
        except OSError as error:
            os.write(writing, f"{error.errno} {error.strerror}".encode())
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as pipe:
        complaint = pipe.read().decode()
    status = os.waitpid(pid, 0)[1]
    if status == 0:
        return None
    number, _, text = complaint.partition(" ")
    return {"errno": int(number or 0), "text": text or f"the first jail ended with wait status {status:#x}"}


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
    """Random numbers of this sandbox's own: Python reseeds itself at a fork, NumPy's does not."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(int.from_bytes(os.urandom(4), "little"))
