"""Standard output and error of a cell, in the order in which it wrote to them.

Two pipes lose the order between them. What Python code writes therefore goes to one pipe, as records (frames.py); what is
written to descriptors 1 and 2 directly, by native code or child processes, has a pipe a stream.
"""

import builtins
import io
import os
import sys
from typing import NoReturn

from . import frames


class _Stream(io.RawIOBase):
    """One of the two streams, as a raw file whose descriptor is still 1 or 2."""

    def __init__(self, pipe: int, number: int) -> None:
        self._pipe = pipe
        self._number = number
        self.name = {1: "<stdout>", 2: "<stderr>"}[number]
        self.mode = "wb"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return False

    def write(self, data: object) -> int:
        with memoryview(data).cast("B") as view:  # type: ignore[arg-type]
            return os.write(self._pipe, frames.record(self._number, view)) - frames.RECORD_HEADER_BYTES


def install(pipe: int) -> None:
    """Make sys.stdout and sys.stderr write to the ordered pipe, line by line, and input() say why it cannot ask."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        buffer = io.BufferedWriter(_Stream(pipe, number), 64 * 1024)
        # No text that code makes up may fail to print: what UTF-8 cannot encode is shown escaped.
        stream = io.TextIOWrapper(buffer, "utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    builtins.input = _nobody_to_ask


def touch() -> None:
    """Write nothing, all the way down: an empty record, which the host ignores."""
    for stream in (sys.stdout, sys.stderr):
        print(end="", file=stream, flush=True)
        stream.buffer.raw.write(b"")  # type: ignore[union-attr]


def flush() -> None:
    """Push out what is buffered; code may have closed or replaced the streams."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # type: ignore[union-attr]
        except (AttributeError, OSError, ValueError):
            continue


def _nobody_to_ask(prompt: object = "", /) -> NoReturn:
    sys.stdout.write(str(prompt))
    raise EOFError("input() has nobody to ask: no one is at the keyboard; put the value into the code")
