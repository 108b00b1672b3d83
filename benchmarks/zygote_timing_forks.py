"""A zygote that times its own forks and forks no sandboxes; see zygote_programs.py. `yardstick.py` asks it.

It warms up as the usual one does, by the same code. A jailed child becomes a sandbox by the same code too, up to the point
where it would wait for requests: there it sends one byte. A bare child sends that byte at once. Both times run from before
the fork to the byte's arrival; then the child is waited for, so that no two live at once.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable
from typing import Any, NoReturn

from inside import jail, kernel, landlock, libc, mounts, rlimits, seccomp, zygote  # type: ignore[import-not-found]

ANSWER_SECONDS = 30.0  # a child that is not ready by then has died
READY = b"!"
STEPS = (
    (jail, "keep_only"),
    (libc, "unshare"),
    (mounts, "mount_sandbox"),
    (jail, "settle"),
    (kernel, "hand_over_work"),
    (rlimits, "apply"),
    (libc, "drop_capabilities"),
    (landlock, "restrict"),
    (seccomp, "install"),
    (jail, "lock"),
    (jail, "reseed"),
)

BecomeSandbox = Callable[[list[int]], NoReturn]


class Forks:
    """Forks of this process, one after the other."""

    def __init__(self, become_sandbox: BecomeSandbox) -> None:
        self._become_sandbox = become_sandbox
        self._own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._host, self._peer = socket.socketpair()  # what a sandbox takes for its own socket
        self._host.setblocking(False)
        self._ours, self._theirs = (
            socket.socketpair()
        )  # what it takes for its ordered pipe: here it says that it is ready
        self._ours.settimeout(ANSWER_SECONDS)

    def bare(self) -> float:
        """Seconds until a bare fork is ready."""
        started = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            self._theirs.send(READY)
            os._exit(0)
        self._ours.recv(1)
        seconds = time.perf_counter() - started
        os.waitpid(pid, 0)
        return seconds

    def jailed(self) -> float:
        """Seconds until a sandbox is ready; the namespaces are made as zygote.py makes them."""
        started = time.perf_counter()
        pid = self._fork_apart()
        if pid == 0:
            self._be_sandbox()
        self._ours.recv(1)
        seconds = time.perf_counter() - started
        self._wait(pid)
        return seconds

    def steps(self) -> dict[str, float]:
        """Seconds that each step of a sandbox's birth takes; `settle` and `lock` hold the ones before them."""
        started = time.perf_counter()
        pid = self._fork_apart()
        if pid == 0:
            taken = {"fork, until the child's first step": time.perf_counter() - started}
            for module, name in STEPS:
                setattr(module, name, _timed(name, getattr(module, name), taken))
            kernel.serve = lambda peer, ordered_pipe: os.write(ordered_pipe, json.dumps(taken).encode())
            self._be_sandbox()
        told: dict[str, float] = json.loads(self._ours.recv(1 << 16))
        self._wait(pid)
        return told

    def _fork_apart(self) -> int:
        libc.setns(self._own_namespace, libc.CLONE_NEWPID)
        libc.unshare(libc.CLONE_NEWPID)
        return os.fork()

    def _be_sandbox(self) -> NoReturn:
        descriptors = [self._peer.fileno(), self._theirs.fileno(), self._null, self._null]
        zygote._run_sandbox(self._become_sandbox, descriptors)
        os._exit(1)

    def _wait(self, pid: int) -> None:
        os.waitpid(pid, 0)
        with contextlib.suppress(BlockingIOError):
            while True:
                for descriptor in socket.recv_fds(self._host, 1 << 16, 1)[1]:
                    os.close(descriptor)
        libc.setns(self._own_namespace, libc.CLONE_NEWPID)  # for the bare fork that may come next


def _timed(name: str, step: Callable[..., Any], taken: dict[str, float]) -> Callable[..., Any]:
    def timing(*arguments: Any) -> Any:
        started = time.perf_counter()
        result = step(*arguments)
        label = f"{name}({arguments[0]:#x})" if name == "unshare" else name
        taken[label] = time.perf_counter() - started
        return result

    return timing


def a_second(fork: Callable[[], float], seconds: float) -> float:
    """How many forks a second, each awaited to its end, in a loop that lasts so long."""
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        fork()
        count += 1
    return count / (time.perf_counter() - started)


def serve(control: socket.socket, become_sandbox: BecomeSandbox) -> NoReturn:
    """Answer the yardstick: {kind, count} by a list of times, {kind, seconds} by a rate."""
    forks = Forks(become_sandbox)
    while request := control.recv(zygote.MAX_MESSAGE_BYTES):
        asked = json.loads(request)
        fork = getattr(forks, asked["kind"])
        if "seconds" in asked:
            answer: Any = a_second(fork, asked["seconds"])
        else:
            answer = [fork() for _ in range(asked["count"])]
        control.send(json.dumps(answer).encode())
    os._exit(0)


def tell_ready(peer: socket.socket, ordered_pipe: int) -> NoReturn:
    """What a sandbox does here instead of waiting for requests."""
    os.write(ordered_pipe, READY)
    os._exit(0)


getattr(zygote, "_serve")  # noqa: B009 - a name that is there no more would change nothing, unnoticed
zygote._serve = serve
kernel.serve = tell_ready
zygote.main()
