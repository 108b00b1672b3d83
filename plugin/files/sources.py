"""What may be uploaded, read piece by piece and never far beyond the limit."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable
from contextlib import aclosing
from typing import Any, Protocol

from ..errors import FileTooLarge, InvalidRequest

KiB, MiB = 1024, 1024**2
PIECE_BYTES = MiB


class Readable(Protocol):
    """A binary file, or what looks like one: `read(n)` gives at most n bytes, b'' at the end; it may be a coroutine."""

    def read(self, size: int, /) -> bytes | Awaitable[bytes]: ...


Data = bytes | bytearray | memoryview | AsyncIterable[bytes] | Readable


async def pieces(data: Data, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """The data in pieces of about 1 MiB (bytes in one).

    Raises:
        FileTooLarge: as soon as more than max_bytes have come.
        InvalidRequest: it is, or gives, something else than bytes.
    """
    held, size = bytearray(), 0
    async with aclosing(_as_they_come(data)) as source:
        async for piece in source:
            if not isinstance(piece, bytes):
                raise InvalidRequest(f"a file's data must come as bytes, not {type(piece).__name__}: open it with 'rb'")
            size += len(piece)
            if size > max_bytes:
                raise too_large(max_bytes)
            if not held and len(piece) >= PIECE_BYTES:
                yield piece
                continue
            held += piece
            if len(held) >= PIECE_BYTES:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


async def _as_they_come(data: Any) -> AsyncGenerator[Any, None]:
    if isinstance(data, bytes):
        yield data
    elif isinstance(data, (bytearray, memoryview)):
        view = memoryview(data)
        for start in range(0, len(view), PIECE_BYTES):
            yield view[start : start + PIECE_BYTES].tobytes()
    elif hasattr(data, "read"):
        while piece := await _read(data):
            yield piece
    elif isinstance(data, AsyncIterable):
        async for piece in data:
            yield piece
    else:
        raise InvalidRequest(
            f"a file's data must be bytes, a binary file or an async iterator of bytes, not {type(data).__name__}"
        )


async def _read(data: Any) -> Any:
    if inspect.iscoroutinefunction(data.read):
        return await data.read(PIECE_BYTES)
    return await asyncio.to_thread(data.read, PIECE_BYTES)


def too_large(max_bytes: int) -> FileTooLarge:
    """The refusal of a file, in the original's words."""
    return FileTooLarge(f"File too large. Maximum size is {_for_people(max_bytes)}")


def _for_people(limit_bytes: int) -> str:
    """50MB, 1.5MB, 64KB: the original's way of writing a limit."""
    for unit, name in ((MiB, "MB"), (KiB, "KB")):
        if limit_bytes >= unit:
            return f"{limit_bytes / unit:g}{name}"
    return f"{limit_bytes} bytes"
