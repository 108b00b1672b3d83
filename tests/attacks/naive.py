"""A code interpreter without a wall, as one writes it in an afternoon: fork, `exec`, read the report, collect the files.

Attacks are run against it to see that they bite. It has the mistakes that they are about: a cell shares everything with the
host but its memory, the next cell runs in the same process, a report is JSON that is believed, files are collected by walking
and opening whatever is there, with a preview of what it knows; the source is parsed on the host, to find its imports.
"""

import ast
import atexit
import contextlib
import gc
import io
import json
import os
import pickle
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from .attack import Seen

READ_BYTES = 1 << 16
ENOUGH_BYTES = 4 << 20  # of output: an attack that floods has shown by then that nothing holds it
MOST_FILES = 1000
MOST_BYTES = 32 << 20
PARSE_SECONDS = 2  # for the host to take the report and the files

Sources = tuple[
    str, Callable[[str], str] | None
]  # a cell, and what a second one is made of, given the first one's output


def run(sources: Sources, timeout: float) -> Seen:
    """Run one cell, or two; what they started is killed when they are over."""
    with own_directory() as directory:
        Path(directory, "mine.csv").write_text("a,b\n1,2\n")
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            ours.close()
            _child(sources, directory, theirs, writing)
        os.close(writing)
        theirs.close()
        seen = Seen()
        output, ended = _drain(pid, reading, started + timeout)
        status = os.waitstatus_to_exitcode(_kill(pid))
        seen.seconds = time.monotonic() - started
        seen.output = output.decode("utf-8", "replace")
        seen.success = ended and status == 0
        if not ended:
            seen.harm.append("it did not end in time")
        if not _parses(sources[0]):
            seen.harm.append("the host could not parse the source")
        try:
            with _alarm(PARSE_SECONDS):
                seen.success, seen.error = _report(ours, seen.success)
                seen.files = _collect(directory)
        except Exception as error:  # noqa: BLE001 - whatever a naive host dies of
            seen.harm.append(f"the host died of {type(error).__name__}: {error}")
        ours.close()
        os.close(reading)
        return seen


@contextlib.contextmanager
def own_directory() -> Iterator[str]:
    """A temporary directory that only the process that made it removes: attacks have their way with forks of it."""
    owner, directory = os.getpid(), tempfile.mkdtemp(prefix="naive-")
    try:
        yield directory
    finally:
        if os.getpid() == owner:
            try:
                if os.path.islink(directory):
                    os.unlink(directory)
                shutil.rmtree(directory, ignore_errors=True)
            except RecursionError:  # it goes no deeper; attacks do
                subprocess.run(["rm", "-rf", directory], check=False)


# ---- the child


def _child(sources: Sources, directory: str, report: socket.socket, output: int) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    atexit._clear()  # the host's own, such as the removal of its temporary directories
    os.setsid()
    os.chdir(directory)
    sys.path.insert(0, "")
    null = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "backslashreplace", write_through=True)
    sys.stderr = sys.stdout
    status = 1
    try:
        first, second = sources
        if second is not None:
            kept, sys.stdout = sys.stdout, io.StringIO()
            _cell(first)
            planted, sys.stdout = sys.stdout.getvalue(), kept
            first = second(planted)
        success, error = _cell(first)
        report.sendall(json.dumps({"success": success, "error": error}).encode())
        status = 0 if success else 1
    finally:
        os._exit(status)


def _cell(code: str) -> tuple[bool, str]:
    """Run it as a script is run, to its end: threads, callbacks, variables, output."""
    success, error = True, ""
    main: dict[str, Any] = {"__name__": "__main__", "load_file": _load_file, "FILES": {}}
    try:
        exec(compile(code, "<cell>", "exec"), main)
    except SystemExit as leaving:
        success = not leaving.code
    except BaseException as failure:  # noqa: BLE001 - whatever code raises is its result
        success, error = False, "".join(traceback.format_exception(failure))
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for name in list(main):
        main[name] = None
    gc.collect()
    sys.stdout.flush()
    return success, error


def _load_file(name: str) -> bytes:
    return Path(name).read_bytes()


# ---- the host


def _drain(pid: int, reading: int, deadline: float) -> tuple[bytes, bool]:
    """What the child writes until it ends; and whether it did, in time."""
    parts, size, pidfd = [b""], 0, os.pidfd_open(pid)
    watched = [reading, pidfd]
    try:
        while (left := deadline - time.monotonic()) > 0 and size < ENOUGH_BYTES:
            ready = select.select(watched, [], [], left)[0]
            if reading in ready:
                parts.append(os.read(reading, READ_BYTES))
                size += len(parts[-1])
                if not parts[-1]:
                    watched.remove(reading)
            elif ready:
                return b"".join(parts), True
        return b"".join(parts), False
    finally:
        os.close(pidfd)


def _kill(pid: int) -> int:
    """The whole session, as far as it is one; the child's wait status."""
    for target in (-pid, pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(target, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def _report(ours: socket.socket, fallback: bool) -> tuple[bool, str]:
    """What the child says of itself; it is believed."""
    ours.settimeout(0.2)
    body = b""
    with contextlib.suppress(TimeoutError):
        while data := ours.recv(READ_BYTES):
            body += data
    if not body and not fallback:
        raise EOFError("no report")
    if not body:
        return fallback, ""
    report = json.loads(body)
    return bool(report["success"]), report["error"].encode().decode()


def _collect(directory: str) -> dict[str, bytes]:
    """Every file, whatever it leads to."""
    files: dict[str, bytes] = {}
    for place, _, names in os.walk(directory, followlinks=True, onerror=_raise):
        for name in names:
            if len(files) >= MOST_FILES:
                raise ValueError("more files than anybody wants")
            with open(os.path.join(place, name), "rb") as file:
                files[name.encode().decode()] = file.read(READ_BYTES)
                _preview(name, file)
    return files


def _preview(name: str, file: BinaryIO) -> None:
    if file.seek(0, os.SEEK_END) > MOST_BYTES:
        raise MemoryError("a file that does not fit")
    file.seek(0)
    if name.endswith(".pkl"):
        pickle.load(file)
    elif name.endswith(".json"):
        json.load(file)
    elif name.endswith(".zip"):
        with zipfile.ZipFile(file) as archive:
            if sum(len(archive.read(member)) for member in archive.namelist()) > MOST_BYTES:
                raise MemoryError("an archive that does not fit")


def _parses(code: str) -> bool:
    """Whether a host that parses source lives on: in a process of its own, as it may not."""
    pid = os.fork()
    if pid == 0:
        status = 1
        signal.alarm(PARSE_SECONDS)
        with contextlib.suppress(BaseException):
            with contextlib.suppress(SyntaxError):
                list(ast.walk(ast.parse(code)))
            status = 0
        os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def _raise(error: OSError) -> None:
    raise error


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def over(*_: object) -> None:
        raise TimeoutError("it hangs")

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
