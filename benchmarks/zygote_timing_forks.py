"""A zygote that times its own forks and forks no sandboxes; see zygote_programs.py. `yardstick.py` asks it.

It warms up as the usual one does, by the same code. A jailed child becomes a sandbox by the same code too, up to the point
where it would wait for requests: there it sends one byte. A bare child sends that byte at once. The child is then waited
for, so that no two live at once.
"""

import contextlib
import inspect
import json
import os
import socket
from collections.abc import Callable
from time import perf_counter as now
from typing import Any, NoReturn

from inside import (  # type: ignore[import-not-found]
    frames,
    hints,
    jail,
    kernel,
    landlock,
    landlocked,
    libc,
    mounts,
    namespaces,
    rlimits,
    seccomp,
    streams,
    zygote,
)

ANSWER_SECONDS = 10.0  # a child that is not ready by then has died
READY = b"!"
MAX_ANSWER_BYTES = 64 * 1024
EMPTY_RECORDS = (frames.record(1, b""), frames.record(2, b""))  # of the rehearsal that is part of serving
OF_BOTH_LEVELS = (
    (jail, "keep_only"),
    (kernel, "hand_over_work"),
    (jail.Lock, "close"),
    (rlimits, "apply"),
    (libc, "become"),
    (libc, "drop_capabilities"),
    (landlock, "restrict"),
    (seccomp, "install"),
    (jail, "reseed"),
    (kernel, "serve"),
    (streams, "install"),
    (kernel, "rehearse"),
)
OF_THE_WALL = ("settle", "enclose", "rules")
OF_A_LEVEL = {
    namespaces.Namespaces: ((libc, "unshare"), (mounts, "mount_sandbox")),
    landlocked.Landlocked: ((os, "mkdir"), (hints, "configure")),
}
unshare = libc.unshare  # its label has the flags
run_sandbox = zygote._run_sandbox  # taken here: a name that is there no more ends the zygote, not a child

BecomeSandbox = Callable[[jail.Place, list[int]], NoReturn]


class Forks:
    """Forks of this process, one after the other."""

    def __init__(self, wall: jail.Wall, become_sandbox: BecomeSandbox) -> None:
        self._wall = wall
        self._become_sandbox = become_sandbox
        self._host, self._peer = socket.socketpair()  # what a sandbox takes for its own socket
        self._host.setblocking(False)
        # What it takes for its ordered pipe: there it says that it is ready, and writes records to it as always.
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.settimeout(ANSWER_SECONDS)

    def bare(self, place: jail.Place) -> list[float]:
        """Seconds until a bare fork is ready, and until it was waited for."""
        if isinstance(self._wall, namespaces.Namespaces):
            libc.setns(self._wall._own, libc.CLONE_NEWPID)  # a fork fails while the last one's namespace is dead
        started = now()
        pid = os.fork()
        if pid == 0:
            self._theirs.send(READY)
            os._exit(0)
        self._answer()
        ready = now()
        os.waitpid(pid, 0)
        return [ready - started, now() - started]

    def jailed(self, place: jail.Place) -> list[float]:
        """The same of a sandbox, which is made and ended as zygote.py does both."""
        started = now()
        pid = self._wall.fork()
        if pid == 0:
            self._be_sandbox(place)
        self._answer()
        ready = now()
        os.waitpid(pid, 0)
        self._wall.end_others(pid, place)
        ended = now()
        self._clear()
        return [ready - started, ended - started]

    def steps(self, place: jail.Place) -> list[list[Any]]:
        """The steps of a sandbox's birth, in order: name, depth, seconds. What is deeper is part of what stands above it."""
        started = now()
        pid = self._wall.fork()
        if pid == 0:
            steps = Steps("fork, until the child's first step", now() - started)
            kernel.serve = _serve_as_usual(self._theirs.fileno(), steps)
            for owner, name in steps_of(type(self._wall)):
                steps.watch(owner, name)
            self._be_sandbox(place)
        told: list[list[Any]] = json.loads(self._answer())
        os.waitpid(pid, 0)
        self._wall.end_others(pid, place)
        self._clear()
        return told

    def _be_sandbox(self, place: jail.Place) -> NoReturn:
        """It writes to the zygote's standard error: the keeper tells what a child complained of last."""
        run_sandbox(self._become_sandbox, place, [self._peer.fileno(), self._theirs.fileno(), 2, 2])
        os._exit(1)

    def _answer(self) -> bytes:
        try:
            while (answer := self._ours.recv(MAX_ANSWER_BYTES)) in EMPTY_RECORDS:
                pass
        except TimeoutError:
            os._exit(1)
        return answer

    def _clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                for descriptor in socket.recv_fds(self._host, 1 << 16, 1)[1]:
                    os.close(descriptor)


def steps_of(wall: type) -> list[tuple[Any, str]]:
    """Where each step is found, and its name."""
    return [*OF_BOTH_LEVELS, *((wall, name) for name in OF_THE_WALL), *OF_A_LEVEL[wall]]


class Steps:
    """How long each step took, in the order in which they began; one that is taken twice counts once, with both times."""

    def __init__(self, first: str, seconds: float) -> None:
        self._taken: dict[str, list[Any]] = {first: [0, seconds]}  # name -> depth, seconds
        self._open: list[tuple[str, float]] = []  # name, when it began

    def watch(self, owner: Any, name: str) -> None:
        step, whose = getattr(owner, name), owner.__name__.rpartition(".")[2]

        def timed(*arguments: Any, **named: Any) -> Any:
            self._open.append((f"{whose}.{name}({arguments[0]:#x})" if step is unshare else f"{whose}.{name}", now()))
            self._taken.setdefault(self._open[-1][0], [len(self._open) - 1, 0.0])
            try:
                return step(*arguments, **named)
            finally:
                self._end()

        setattr(owner, name, timed)

    def _end(self) -> None:
        name, began = self._open.pop()
        self._taken[name][1] += now() - began

    def told(self) -> bytes:
        """All of them, the open ones ended."""
        while self._open:
            self._end()
        return json.dumps([[name, *taken] for name, taken in self._taken.items()]).encode()


def serve(control: socket.socket, wall: jail.Wall, become_sandbox: BecomeSandbox) -> NoReturn:
    """Answer the yardstick: {kind, places} by what each of so many forks, one after the other, took."""
    forks = Forks(wall, become_sandbox)
    while request := control.recv(zygote.MAX_MESSAGE_BYTES):
        asked = json.loads(request)
        fork = getattr(forks, asked["kind"])
        control.send(json.dumps([fork(jail.Place(**place)) for place in asked["places"]]).encode())
    os._exit(0)


def tell_ready(peer: socket.socket, ordered_pipe: int, files: str) -> NoReturn:
    """What a sandbox does here instead of waiting for requests."""
    os.write(ordered_pipe, READY)
    os._exit(0)


usual_serve = kernel.serve


def _serve_as_usual(answer: int, steps: Steps) -> Callable[..., NoReturn]:
    """The usual way to serve, up to where the host would be told that the sandbox is ready: there the steps are told."""

    class Host:
        def sendall(self, ready: bytes) -> None:
            os.write(answer, steps.told())
            os._exit(0)

    return lambda peer, ordered_pipe, files: usual_serve(Host(), ordered_pipe, files)


def replace(module: Any, name: str, function: Callable[..., Any]) -> None:
    """What is there no more, or takes something else, would change nothing, or fail later."""
    usual = list(inspect.signature(getattr(module, name)).parameters)
    if usual != list(inspect.signature(function).parameters):
        raise TypeError(f"{module.__name__}.{name} takes {usual}")
    setattr(module, name, function)


for each in OF_A_LEVEL:
    for owner, name in steps_of(each):
        getattr(owner, name)  # a child that does not find it would fail late
replace(zygote, "_serve", serve)
replace(kernel, "serve", tell_ready)
zygote.main()
