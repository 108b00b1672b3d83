"""What a cell writes, drained from its pipes as it comes and cut where the operator's limit is."""

import asyncio
import codecs
import os
from collections.abc import Callable, Sequence

from .displays import Displays, OnDisplay
from .inside import frames

STDOUT, STDERR = 1, 2
READ_BYTES = 64 * 1024
LAST_READS = 16  # a pipe holds 16 pages (pipe(7)), which are at most 64 KiB each
SLOW_SECONDS = 0.002  # a wake that took longer makes the pipes wait, and so the cell that writes to them
WAITS = 4  # times as long as the wake took

OnText = Callable[[int, str], None]


class Outputs:
    """Keeps at most `max_bytes` of both streams together, in the order in which they were written.

    Args:
        max_bytes: what is kept; the rest is read, counted and thrown away.
        on_text: told each piece that is kept: the stream's number and its text.
        on_display: told each mime bundle.
    """

    def __init__(self, max_bytes: int, on_text: OnText | None = None, on_display: OnDisplay | None = None) -> None:
        self.truncated_bytes = 0
        self.displays = Displays(on_display)
        self._room = max_bytes
        self._on_text = on_text
        self._parts: list[tuple[int, str]] = []
        self._decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in (STDOUT, STDERR)}

    def write(self, stream: int, data: bytes) -> None:
        if stream == frames.DISPLAY_STREAM:
            self.displays.write(data)
            return
        kept = data[: self._room]
        self._room -= len(kept)
        self.truncated_bytes += len(data) - len(kept)
        if kept:
            self._keep(stream, self._decoders[stream].decode(kept))

    def close(self) -> None:
        """Show what an unfinished character left behind, unless it is the cut that left it unfinished."""
        for stream, decoder in self._decoders.items():
            if self.truncated_bytes:
                self.truncated_bytes += len(decoder.getstate()[0])
            else:
                self._keep(stream, decoder.decode(b"", final=True))

    def text(self, *streams: int) -> str:
        """What was kept of these streams, of both where none is named."""
        return "".join(text for stream, text in self._parts if not streams or stream in streams)

    def _keep(self, stream: int, text: str) -> None:
        if text:
            self._parts.append((stream, text))
            if self._on_text:
                self._on_text(stream, text)


class Drain:
    """Reads a sandbox's three pipes on the event loop from `start` until `finish`.

    Args:
        pipes: read ends, non-blocking: the ordered stream of records, standard output, standard error.
    """

    def __init__(self, pipes: Sequence[int], outputs: Outputs) -> None:
        self._records = frames.RecordDecoder()
        self._outputs = outputs
        self._ordered_pipe = pipes[0]
        self._pipes = dict(zip(pipes, (self._ordered, self._raw(STDOUT), self._raw(STDERR)), strict=True))
        self._paused: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        for pipe in self._pipes:
            self._loop.add_reader(pipe, self._wake, pipe)

    def stop(self) -> None:
        """Read no more. Safe to call twice."""
        for pipe in self._pipes:
            self._loop.remove_reader(pipe)
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None

    def finish(self) -> None:
        """Stop, and take what the pipes hold now: a process that outlives its cell may hold them open for long."""
        self.stop()
        for pipe in self._pipes:
            for _ in range(LAST_READS):
                if not self._read(pipe):
                    break
        self._outputs.close()

    def _wake(self, pipe: int) -> None:
        """Read a little. Small records are dear to take apart: a cell that writes many of them is slowed down, not the loop.

        Records first, whatever woke us: the cell writes none while something that it wrote directly is unread, so that all
        which are there are older than that. More than one read could take what was written after the next record, too.
        """
        started = self._loop.time()
        if self._read(self._ordered_pipe) < READ_BYTES and pipe != self._ordered_pipe:
            self._read(pipe)
        took = self._loop.time() - started
        if took > SLOW_SECONDS:
            self.stop()
            self._paused = self._loop.call_later(took * WAITS, self._resume)

    def _resume(self) -> None:
        self._paused = None
        self.start()

    def _read(self, pipe: int) -> int:
        try:
            data = os.read(pipe, READ_BYTES)
        except BlockingIOError:
            return 0
        if data:
            self._pipes[pipe](data)
        else:
            self._loop.remove_reader(pipe)
        return len(data)

    def _ordered(self, data: bytes) -> None:
        for stream, part in self._records.feed(data):
            self._outputs.write(stream, part)

    def _raw(self, stream: int) -> Callable[[bytes], None]:
        return lambda data: self._outputs.write(stream, data)
