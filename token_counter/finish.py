"""Work that is done to its end, even when whoever waits for it is cancelled. The databases and plugin use it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def finish(work: Awaitable[T], undo: Callable[[T], object] | None = None) -> T:
    """Wait until the work is over, even when the waiting task is cancelled meanwhile; the cancellation comes after.

    So no thread still writes to a descriptor that the cancelled task is about to close, and no write is left of which
    nobody knows whether it happened.

    Args:
        undo: told the work's result when a cancellation keeps it from the caller.
    """
    future = asyncio.ensure_future(work)
    interrupted: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is None:
        return future.result()
    if not future.cancelled() and future.exception() is None and undo is not None:
        undo(future.result())
    raise interrupted
