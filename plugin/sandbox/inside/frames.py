"""Length-prefixed JSON frames: the one language that both sides of the wall speak.

A frame is four bytes, the body's length in big-endian order, and a body: one JSON object in UTF-8. Nothing here reads or
writes a descriptor, so that a hostile peer can be played to it byte by byte.

Output has a plainer form, records: a byte that names the stream (1, 2, or 3 for what is displayed), two for the length, the
bytes. A record is no longer than PIPE_BUF, so that the kernel keeps it whole (pipe(7)) even when threads and forked children
write at once. A display is several records of stream 3: for each mime type its name and its data in pieces, then an end.
"""

import json
from typing import Any

HEADER_BYTES = 4
RECORD_HEADER_BYTES = 3
MAX_RECORD_BYTES = 4096  # PIPE_BUF, linux/limits.h

DISPLAY_STREAM = 3
MAX_DISPLAYS = 50  # of a cell
MAX_DISPLAY_BYTES = 1024 * 1024
MAX_ALL_DISPLAY_BYTES = 4 * MAX_DISPLAY_BYTES
FILE_MIME = "application/vnd.cellblock.file"  # the name of the generated file that holds the same
PICTURES = ("image/png", "image/jpeg")  # bytes; the others are text
DISPLAYED = (*PICTURES, FILE_MIME, "text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml")
DISPLAY_NAME, DISPLAY_DATA, DISPLAY_END = b"n", b"d", b"e"  # the first byte of a record of stream 3

Frame = dict[str, Any]


class FrameError(Exception):
    """The peer sent what is no frame; nothing after it can be trusted."""


def encode(frame: Frame) -> bytes:
    body = json.dumps(frame, separators=(",", ":")).encode()
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def is_clean(report: Frame) -> bool:
    """Whether the report on a cell's source leaves the host nothing to decide: both sides must agree when it runs at once."""
    return not any(report[what] for what in ("error", "violations", "imports", "file_ids", "install", "methods"))


def display_part(mime: str, data: bytes) -> list[bytes]:
    """What records of stream 3 hold for one mime type of a display."""
    step = MAX_RECORD_BYTES - RECORD_HEADER_BYTES - 1
    return [DISPLAY_NAME + mime.encode(), *(DISPLAY_DATA + data[at : at + step] for at in range(0, len(data), step))]


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
            if stream not in (1, 2, DISPLAY_STREAM) or length > MAX_RECORD_BYTES:
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
