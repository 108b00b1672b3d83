"""Length-prefixed JSON frames: the one language that both sides of the wall speak.

A frame is four bytes, the body's length in big-endian order, and a body: one JSON object in UTF-8. Nothing here reads or
writes a descriptor, so that a hostile peer can be played to it byte by byte.

Output has a plainer form, records: a byte that names the stream (1 or 2), two for the length, the bytes. A record is no
longer than PIPE_BUF, so that the kernel keeps it whole (pipe(7)) even when threads and forked children write at once.
"""

import json
from typing import Any

HEADER_BYTES = 4
RECORD_HEADER_BYTES = 3
MAX_RECORD_BYTES = 4096  # PIPE_BUF, linux/limits.h

Frame = dict[str, Any]


class FrameError(Exception):
    """The peer sent what is no frame; nothing after it can be trusted."""


def encode(frame: Frame) -> bytes:
    body = json.dumps(frame, separators=(",", ":")).encode()
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def is_clean(report: Frame) -> bool:
    """Whether the report on a cell's source leaves the host nothing to decide: both sides must agree when it runs at once."""
    return not any(report[key] for key in ("error", "violations", "imports", "file_ids", "methods"))


def record(stream: int, data: bytes | memoryview) -> bytes:
    """One record of at most MAX_RECORD_BYTES; what does not fit is the caller's to write next."""
    part = data[: MAX_RECORD_BYTES - RECORD_HEADER_BYTES]
    return bytes((stream,)) + len(part).to_bytes(2, "big") + part


class RecordDecoder:
    """Cuts the ordered stream into (stream number, bytes); bytes that are no record are given to stream 2."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        buffer, start, parts = self._buffer + data, 0, []
        while len(buffer) - start >= RECORD_HEADER_BYTES:
            stream, length = buffer[start], int.from_bytes(buffer[start + 1 : start + RECORD_HEADER_BYTES], "big")
            if stream not in (1, 2) or length > MAX_RECORD_BYTES:
                parts.append((2, buffer[start:]))
                start = len(buffer)
                break
            end = start + RECORD_HEADER_BYTES + length
            if len(buffer) < end:
                break
            parts.append((stream, buffer[start + RECORD_HEADER_BYTES : end]))
            start = end
        self._buffer = buffer[start:]
        return parts


class FrameDecoder:
    """Cuts a stream of bytes into frames.

    Args:
        max_bytes: the longest body that is accepted; a longer one is refused when its header is read.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.error: FrameError | None = None  # set where whole frames came before what is none
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take what was read; return the frames that are now whole.

        What was whole before the peer went wrong is returned first, with `error` set; the next call raises.

        Raises:
            FrameError: the body is too long, or is not one JSON object.
        """
        self._buffer += data
        frames: list[Frame] = []
        try:
            self._cut(frames)
        except FrameError as error:
            self.error = error
            if not frames:
                raise
        return frames

    def _cut(self, frames: list[Frame]) -> None:
        if self.error is not None:
            raise self.error
        while len(self._buffer) >= HEADER_BYTES:
            length = int.from_bytes(self._buffer[:HEADER_BYTES], "big")
            if length > self.max_bytes:
                raise FrameError(f"a frame of {length} bytes; at most {self.max_bytes} are accepted")
            end = HEADER_BYTES + length
            if len(self._buffer) < end:
                break
            frames.append(_parse(bytes(self._buffer[HEADER_BYTES:end])))
            del self._buffer[:end]

    @property
    def torn(self) -> bool:
        """Whether the stream stopped in the middle of a frame."""
        return bool(self._buffer)


def _parse(body: bytes) -> Frame:
    try:
        frame = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON: {error}") from None
    if not isinstance(frame, dict):
        raise FrameError(f"a JSON {type(frame).__name__}, not an object")
    return frame
