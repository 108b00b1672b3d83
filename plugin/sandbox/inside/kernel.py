"""Runs one cell: takes requests on the sandbox's socket, executes source as `__main__`, tells how it ended.

Requests, in this order: `parse` (once), `file` (each with a descriptor to copy from), `run`. What `run` answers is only a
claim, made by a process in which hostile code has run: the host believes it if it carries the token of that request, came
before the process ended, and nothing else was said. Anything worse is the host's to judge.

A cell may replace what it likes in the modules that it shares with this one (`json.dumps`, `os.getpid`, `builtins.SystemExit`,
`socket.socket.sendall`): that a cell failed is told by what was taken from them before it ran (`_Teller`, `configure`).
"""

import atexit
import builtins
import contextvars
import functools
import gc
import os
import socket
import sys
import threading
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from os import getpid
from sys import call_tracing, setprofile, settrace
from time import perf_counter
from typing import Any, NoReturn

from . import (
    awaiting,
    bundles,
    charts,
    display,
    figures,
    frames,
    hints,
    imports,
    ipython,
    load_file,
    magics,
    methods,
    places,
    plain_text,
    policy,
    scopes,
    source,
    streams,
    tracebacks,
    zones,
)

MAX_FRAME_BYTES = 16 * 1024 * 1024  # 1 MiB of source is at most 6 MiB of JSON
COPY_BYTES = 1 << 30
# Where the kernel shares the processors by process, the bot answers while cells compute: 9 parts to 1 (sched(7), nice values).
NICENESS = 10
RESERVE_BYTES = 8 * 1024 * 1024  # never touched, so it costs address space only

Step = Callable[[], object]

_OURS = (
    awaiting, bundles, charts, display, figures, frames, imports, ipython, load_file, magics, methods, places, plain_text,
    policy, scopes, source, streams, tracebacks, zones,
)  # fmt: skip
_policy = policy.Policy.from_rows([])
_reserve = bytearray()


def configure(rules: policy.Policy) -> None:
    """In the zygote: the rules, and memory put by so that a cell that used up its own can still be told of."""
    global _policy, _reserve
    threading.excepthook = tracebacks.show_in_thread
    _policy = rules
    _reserve = bytearray(RESERVE_BYTES)
    for module in (sys.modules[__name__], *_OURS):
        for name, value in vars(builtins).items():
            if not name.startswith("__"):
                vars(module).setdefault(name, value)  # names of our own: a cell may replace those of `builtins`


@dataclass(frozen=True)
class Ending:
    """How a cell ended, as seen from within: `kind` is ok, exception, memory, interrupted or exit."""

    kind: str
    error: str = ""
    code: int = 0


def hand_over_work(peer: socket.socket) -> None:
    """Give the host its descriptor to the working directory, before any limit on descriptors is in force.

    What is on its way through sockets counts for all sandboxes together, against each sender's own limit (unix(7),
    ETOOMANYREFS): one hostile cell could otherwise keep every new sandbox from sending.
    """
    work = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    socket.send_fds(peer, [frames.encode({"op": "work"})], [work])
    os.close(work)


def serve(peer: socket.socket, ordered_pipe: int, files: str) -> NoReturn:
    """The sandbox's main loop. Never returns: the host ends the sandbox.

    Args:
        files: the directory under which code finds the user's files.
    """
    load_file.configure(files)
    streams.install(ordered_pipe)
    display.install()
    rehearse()
    decoder = frames.FrameDecoder(MAX_FRAME_BYTES)
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    peer.sendall(frames.encode({"op": "ready"}))
    program: source.Program | None = None
    while True:
        data, descriptors, _, _ = socket.recv_fds(peer, 1 << 16, 1)
        if not data:
            os._exit(0)
        for frame in decoder.feed(data):
            if frame["op"] == "parse":
                program, report = source.parse(frame["source"], _policy)
                peer.sendall(frames.encode(report))
                if program is not None and "run" in frame and frames.is_clean(report):
                    _run(peer, program, frame["run"])
            elif frame["op"] == "file":
                _copy_in(frame["name"], descriptors.pop())
                peer.sendall(frames.encode({"op": "copied"}))
            elif frame["op"] == "run" and program is not None:
                _run(peer, program, frame)


def _run(peer: socket.socket, program: source.Program, request: dict[str, Any]) -> None:
    load_file.install(request["files"], request["limits"])
    zones.enter(request["tz"])
    teller = _Teller(peer, request["token"])

    def to_its_end() -> None:
        # A context of the cell's own: importing pandas has left decimal's in the one that every fork has.
        ending = contextvars.Context().run(execute, program, teller.failed)
        if getpid() != teller.pid:
            os._exit(0)  # a fork of the cell that came back here: only the first process answers
        teller.done(ending)

    _unwatched(to_its_end)


def _unwatched(step: Step) -> None:
    """Run a step in which no trace, profile or monitoring function is called, but within `call_tracing`.

    Code may put a trace function into frames of ours, which are beneath its own: it would run between a failure and the
    moment when that is told, and could jump over the telling. Python calls none while one runs, so the step runs in one.
    """

    def watching(*_: Any) -> None:
        settrace(None)
        step()

    settrace(watching)
    _watched()


def _watched() -> None:
    """Calling it calls the trace function."""


class _Teller:
    """Tells the host how a cell ended. What a success needs is ready before the cell runs."""

    def __init__(self, peer: Any, token: str) -> None:
        self.pid = getpid()
        self._token = token
        self._send = peer.sendall  # the method as it is now
        self._failed = frames.encode({"op": "failed"})
        self._ok = frames.encode(self._answer(Ending("ok")))
        self._told = False

    def failed(self) -> None:
        """At once, before any more of the cell's code runs: a success that is claimed later is not believed."""
        if getpid() == self.pid and not self._told:
            self._told = True
            self._send(self._failed)

    def done(self, ending: Ending) -> None:
        self._send(self._ok if ending.kind == "ok" else frames.encode(self._answer(ending)))

    def _answer(self, ending: Ending) -> frames.Frame:
        return {"op": "done", "token": self._token, "kind": ending.kind, "error": ending.error, "code": ending.code}


def execute(program: source.Program, failed: Step) -> Ending:
    """Run the cell as a script runs, up to and including what Python does when a script ends.

    Args:
        failed: tells the host at once, before any more of the cell's code runs (an exception's `__str__`, atexit), so that
            what claims success afterwards is not believed.
    """
    main = [_fresh_main()]
    explain = functools.partial(hints.explain, mnt_data=program.mnt_data)
    ending = _guarded(functools.partial(_run_parts, program, main[0].__dict__), failed, explain)
    remind = functools.partial(hints.remind, mnt_data=program.mnt_data and ending.kind == "ok")
    tear_down = functools.partial(_tear_down, main)
    ended = (awaiting.close, remind, figures.save_open_figures, _join_threads, atexit._run_exitfuncs, tear_down)
    for last_step in ended:
        after = _guarded(last_step, failed, explain)
        if ending.kind == "ok":
            ending = after
    streams.flush()
    return ending


def _run_parts(program: source.Program, names: dict[str, Any]) -> None:
    """The cell's statements, and the value of its last expression shown: all of it is the code's own work."""
    if program.libraries:
        charts.watch(program.libraries)
        ipython.watch(program.libraries)
    started = perf_counter()
    if program.awaits:
        awaiting.run(((part.code, _timing(part)) for part in program.parts), names)
    else:
        for part in program.parts:
            done = _timing(part)
            exec(part.code, names)
            done()
    if program.timed:
        _print_time(started)


def _timing(part: source.Part) -> Step:
    return functools.partial(_print_time, perf_counter()) if part.timed else bool


def _print_time(began: float) -> None:
    sys.stdout.write(f"Wall time: {(perf_counter() - began) * 1000:.3g} ms\n")


def _tear_down(main: list[types.ModuleType]) -> None:
    """Let go of the cell's module, as Python does at its end: files that code never closed are written then.

    Code that runs because of it, as `__del__` does, still finds the module's other names in their places.

    Args:
        main: the module; taken out of the list, which must hold the only reference to it besides sys.modules.
    """
    loader = main[0].__dict__.get("__loader__")
    still_there = weakref.ref(loader) if isinstance(loader, SourceFileLoader) else bool
    del loader
    sys.modules.pop("__main__", None)
    main.clear()
    gc.collect()
    loader = still_there()
    if not loader or threading.active_count() > 1:  # a thread that goes on keeps its names, as it does in Python
        return
    # Something that Python would have torn down too holds them, such as a list of handlers in a library.
    for names in gc.get_objects():
        if type(names) is dict and names.get("__loader__") is loader:
            names.update(dict.fromkeys(names.keys() - {"__builtins__"}))
    gc.collect()


def _join_threads() -> None:
    if threading.active_count() > 1:  # the interpreter's own step, which a cell without threads need not pay for
        threading._shutdown()  # type: ignore[attr-defined]


def _guarded(step: Step, failed: Step, explain: Callable[[BaseException], None] = hints.explain) -> Ending:
    """The outermost boundary of code that is not ours: whatever it raises is its result."""
    try:
        call_tracing(step, ())
    except SystemExit as leaving:
        _watch_no_more()
        return _left(leaving, failed)
    except KeyboardInterrupt as error:
        _watch_no_more()
        failed()
        _call_excepthook(error, failed)
        return Ending("interrupted", tracebacks.render(error), 1)
    except MemoryError as error:
        _reserve.clear()
        _watch_no_more()
        failed()
        return Ending("memory", tracebacks.render(error), 1)
    except BaseException as error:  # noqa: BLE001 - whatever code raises is its result
        _watch_no_more()
        failed()
        explain(error)
        _call_excepthook(error, failed)
        return Ending("exception", tracebacks.render(error), 1)
    return Ending("ok")


def _watch_no_more() -> None:
    """A cell's trace or profile function would see this module's calls, and change their arguments."""
    settrace(None)
    setprofile(None)


def _call_excepthook(error: BaseException, failed: Step) -> None:
    """Where code has put a hook of its own in the place of Python's, which only prints what `render` returns."""
    hook = sys.excepthook
    if hook is not sys.__excepthook__:
        sys.excepthook = sys.__excepthook__  # what the hook itself raises has no hook
        BaseException.with_traceback(error, tracebacks.without_ours(error.__traceback__))
        _guarded(functools.partial(hook, type(error), error, error.__traceback__), failed)


def _left(leaving: SystemExit, failed: Step) -> Ending:
    """sys.exit(): None is 0, an int is itself, anything else is printed and is 1 (docs.python.org, sys.exit)."""
    code: Any = leaving.code
    # By its real type and value, whatever a subclass or an object with a `__class__` of its own says.
    status = int.__and__(code, 0xFF) if issubclass(type(code), int) else None  # a process's status is one byte
    if code is None or status == 0:
        return Ending("ok")
    failed()
    if status is not None:
        return Ending("exit", f"SystemExit: {status}", status)
    _guarded(lambda: sys.stderr.write(f"{code}\n"), failed)
    return Ending("exit", tracebacks.render(leaving), 1)


def _fresh_main() -> types.ModuleType:
    """A `__main__` of the cell's own, registered so that pickle, dataclasses and multiprocessing find it."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    # As a script's: `__builtins__` is the module there, a dict in every other module. The file is one by name only; its
    # directory, as code works it out, is the working directory.
    main.__dict__.update(__builtins__=builtins, __annotations__={}, __cached__=None, __file__=source.NAME)
    main.__dict__.update(__loader__=SourceFileLoader("__main__", source.NAME))
    main.__dict__.update(load_file.names() | display.names())
    return main


def _copy_in(name: str, descriptor: int) -> None:
    """Copy one user file into the working directory, which no code has left yet."""
    target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    while os.sendfile(target, descriptor, None, COPY_BYTES):
        pass
    os.close(target)
    os.close(descriptor)


def rehearse() -> None:
    """An empty cell before the first real one, up to its last steps: it touches the pages that every call writes to."""
    request = frames.FrameDecoder(MAX_FRAME_BYTES).feed(
        frames.encode({"op": "parse", "source": "import sys\nx = (1, 'a')\nNone\n"})
    )[0]
    program, report = source.parse(request["source"], _policy)
    frames.encode(report)
    load_file.install({}, {})
    main = [_fresh_main()]
    ending = _guarded(functools.partial(_run_parts, program or source.Program(()), main[0].__dict__), bool)
    _guarded(figures.save_open_figures, bool)
    _guarded(functools.partial(_tear_down, main), bool)
    streams.touch()
    _Teller(types.SimpleNamespace(sendall=len), "").done(ending)
