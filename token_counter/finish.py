"""Work that is done to its end, even when whoever waits for it is cancelled. The databases of the ledger use it."""

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def finish(future: "asyncio.Future[T]") -> T:
    """Wait until the work is done, even when the waiting task is cancelled meanwhile; the cancellation comes after.

    So a caller that goes away does not leave a write of which nobody knows whether it happened.
    """
    interrupted: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is not None:
        future.exception()  # it is looked at: nobody is told of it twice
        raise interrupted
    return future.result()
