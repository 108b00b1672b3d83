"""Standard output and error of a cell, in the order in which it wrote to them.

Two pipes lose the order between them. What Python code writes therefore goes to one pipe, as records (frames.py); what is
written to descriptors 1 and 2 directly, by native code or child processes, has a pipe a stream. A record waits until the
host has read what was written directly before it, and the host reads all records before it reads what was written directly
(outputs.py): so these keep their order too.
"""

import builtins
import contextlib
import fcntl
import io
import os
import sys
import threading
from time import monotonic, sleep  # by name: code may put others into the module
from typing import NoReturn

from . import frames, libc

RECORD_BYTES = frames.MAX_RECORD_BYTES - frames.RECORD_HEADER_BYTES
FIONREAD = 0x541B  # asm-generic/ioctls.h
NOTHING = bytes(4)
LOOK_AGAIN_SECONDS = 0.0002
# A child that never stops writing, or a host that is late, holds a record up no longer; only the order suffers.
PATIENCE_SECONDS = 0.2


class _Stream(io.RawIOBase):
    """One of the two streams, as a file whose descriptor is still 1 or 2.

    What text goes to it directly, as under `python -u`: a BufferedWriter between them raises RuntimeError when a signal's
    handler prints while this `write`, which is Python code, is running.
    """

    def __init__(self, pipe: int, number: int) -> None:
        self._pipe = pipe
        self._number = number
        self._home = os.fstat(number)
        self._turn = threading.RLock()  # or threads would cut into each other's long lines
        os.register_at_fork(after_in_child=self._turn._at_fork_reinit)  # type: ignore[attr-defined]
        self.name = {1: "<stdout>", 2: "<stderr>"}[number]
        self.mode = "wb"

    @property
    def raw(self) -> "_Stream":
        return self

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return False

    def write(self, data: object) -> int:
        """Write all of it: TextIOWrapper does not ask how much was written."""
        with memoryview(data).cast("B") as view, self._turn:  # type: ignore[arg-type]
            if self.at_home():
                _let_pass(*_streams)
                for start in range(0, len(view) or 1, RECORD_BYTES):
                    os.write(self._pipe, frames.record(self._number, view[start : start + RECORD_BYTES]))
            else:  # code has put a file or a pipe of its own where the descriptor is
                rest = view[:]
                while rest:
                    rest = rest[os.write(self._number, rest) :]
            return len(view)

    def at_home(self) -> bool:
        """Whether the descriptor still leads where it led at first; OSError where it is closed."""
        return os.path.samestat(os.fstat(self._number), self._home)

    def unread(self) -> bool:
        """Whether something that was written to the descriptor directly is still on its way to the host."""
        try:
            return fcntl.ioctl(self._number, FIONREAD, NOTHING) != NOTHING and self.at_home()
        except OSError:  # code has closed it, or put there what is no pipe
            return False


_streams: list[_Stream] = []


def _let_pass(out: _Stream, err: _Stream) -> None:
    """Wait until what was written to the descriptors directly has been read."""
    if not (out.unread() or err.unread()):
        return
    deadline = monotonic() + PATIENCE_SECONDS
    while (out.unread() or err.unread()) and monotonic() < deadline:
        sleep(LOOK_AGAIN_SECONDS)


def install(pipe: int) -> None:
    """Make sys.stdout and sys.stderr write to the ordered pipe, line by line, and input() say why it cannot ask."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        raw = _Stream(pipe, number)
        _streams.append(raw)
        # No text that code makes up may fail to print: what UTF-8 cannot encode is shown escaped.
        stream = io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", line_buffering=True)
        stream.mode = "w"  # type: ignore[misc]
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    builtins.input = _nobody_to_ask


def display(payloads: list[bytes]) -> None:
    """Write records of the stream beside the two, after what was printed before."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # code may have closed or replaced it
        sys.stdout.flush()
    out = _streams[0]
    with out._turn:
        _let_pass(*_streams)
        for payload in payloads:
            os.write(out._pipe, frames.record(frames.DISPLAY_STREAM, payload))


def touch() -> None:
    """Write nothing, all the way down: an empty record, which the host ignores."""
    for stream in (sys.stdout, sys.stderr):
        print(end="", file=stream, flush=True)
        stream.buffer.raw.write(b"")  # type: ignore[union-attr]


def flush() -> None:
    """Push out what is buffered, by native code too; code may have closed or replaced the streams."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # type: ignore[union-attr]
        except (AttributeError, OSError, ValueError):
            continue
    libc.flush()


def _nobody_to_ask(prompt: object = "", /) -> NoReturn:
    sys.stdout.write(str(prompt))
    raise EOFError("input() has nobody to ask: no one is at the keyboard; put the value into the code")
