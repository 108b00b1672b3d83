"""What a cell writes, drained from its pipes as it comes and cut where the operator's limit is."""

import asyncio
import codecs
import os
from collections.abc import Callable, Sequence

from .inside import frames

STDOUT, STDERR = 1, 2
READ_BYTES = 64 * 1024
READS_A_WAKE = 16  # so that 1 GB of output leaves other calls their turn
SLOW_SECONDS = 0.002  # a wake that took longer makes its pipe wait, and so the cell that writes to it
WAITS = 4  # times as long as the wake took

OnText = Callable[[int, str], None]


class Outputs:
    """Keeps at most `max_bytes` of both streams together, in the order in which they were written.

    Args:
        max_bytes: what is kept; the rest is read, counted and thrown away.
        on_text: told each piece that is kept: the stream's number and its text.
    """

    def __init__(self, max_bytes: int, on_text: OnText | None = None) -> None:
        self.truncated_bytes = 0
        self._room = max_bytes
        self._on_text = on_text
        self._parts: list[tuple[int, str]] = []
        self._decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in (STDOUT, STDERR)}

    def write(self, stream: int, data: bytes) -> None:
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
        self._pipes = dict(zip(pipes, (self._ordered, self._raw(STDOUT), self._raw(STDERR)), strict=True))
        self._paused: dict[int, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        for pipe in self._pipes:
            self._loop.add_reader(pipe, self._wake, pipe)

    def stop(self) -> None:
        """Read no more. Safe to call twice."""
        for pipe in self._pipes:
            self._loop.remove_reader(pipe)
        for timer in self._paused.values():
            timer.cancel()
        self._paused.clear()

    def finish(self) -> None:
        """Stop, and take what the pipes hold now: a process that outlives its cell may hold them open for long."""
        self.stop()
        for pipe in self._pipes:
            self._read(pipe, READS_A_WAKE)
        self._outputs.close()

    def _wake(self, pipe: int) -> None:
        """Read a little. Small records are dear to take apart: a cell that writes many of them is slowed down, not the loop."""
        started = self._loop.time()
        self._read(pipe, 1 if self._pipes[pipe] == self._ordered else READS_A_WAKE)
        took = self._loop.time() - started
        if took > SLOW_SECONDS and self._loop.remove_reader(pipe):
            self._paused[pipe] = self._loop.call_later(took * WAITS, self._resume, pipe)

    def _resume(self, pipe: int) -> None:
        del self._paused[pipe]
        self._loop.add_reader(pipe, self._wake, pipe)

    def _read(self, pipe: int, reads: int) -> None:
        for _ in range(reads):
            try:
                data = os.read(pipe, READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(pipe)
                return
            self._pipes[pipe](data)

    def _ordered(self, data: bytes) -> None:
        for stream, part in self._records.feed(data):
            self._outputs.write(stream, part)

    def _raw(self, stream: int) -> Callable[[bytes], None]:
        return lambda data: self._outputs.write(stream, data)
