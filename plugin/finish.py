"""Work that must not be left half done because somebody stopped waiting for it."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any, TypeVar

from token_counter.finish import finish

__all__ = ["end", "finish", "in_thread", "settle", "threads_started"]

log = logging.getLogger("cellblock")

MEET_SECONDS = 0.5

T = TypeVar("T")


async def in_thread(work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
    """`finish` for blocking work, in the loop's default pool of threads."""
    # Not asyncio.to_thread: its coroutine becomes a task, which a loop that ends cancels while the thread runs on.
    return await finish(asyncio.get_running_loop().run_in_executor(None, work), undo)


async def settle(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    """Wait for work that nobody waited for so far; what failed is logged, and keeps no other from ending."""
    for failure in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(failure, Exception):
            log.error("work in the background failed: %r", failure, exc_info=failure)


async def end(task: "asyncio.Future[Any]") -> None:
    """Cancel a task and wait until it is over, however it ends."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def threads_started(executor: Executor | None, count: int) -> None:
    """Have a pool of threads start them now: later the user may have no processes left, and threads count as such.

    Args:
        executor: None for the loop's own.
        count: at most as many as it may have; of a smaller one those that there are.
    """
    loop, barrier = asyncio.get_running_loop(), threading.Barrier(count)

    def meet() -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(MEET_SECONDS)

    await asyncio.gather(*(loop.run_in_executor(executor, meet) for _ in range(count)))
