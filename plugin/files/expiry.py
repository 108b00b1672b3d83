"""Cleaning up now, and again and again; compat.py gives it the original's names."""

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..errors import InvalidRequest, StoreError

log = logging.getLogger("cellblock")

HOUR_SECONDS = 3600.0
RETRY_SECONDS = 300.0  # after a store's failure, where the interval is longer
JITTER = 0.1  # of the interval, either way: bots that were started together do not clean up together


class Cleaner:
    """Runs one cleanup at a time, whoever asks. Other processes may clean up too.

    Args:
        clean: deletes what has expired and gives the number.
    """

    def __init__(self, clean: Callable[[], Awaitable[int]]) -> None:
        self._clean = clean
        self._one_at_a_time = asyncio.Lock()
        self._stopped: asyncio.Event | None = None

    @property
    def is_running(self) -> bool:
        """Whether `forever` runs and was not told to stop."""
        return self._stopped is not None and not self._stopped.is_set()

    async def once(self) -> int:
        """Clean up; gives the number of files that were deleted.

        Raises:
            StoreError: the database or the disk fails.
        """
        async with self._one_at_a_time:
            return await self._clean()

    async def forever(self, interval_seconds: float) -> None:
        """Clean up at once and then about every so many seconds, until `stop` or cancellation.

        A store that fails is logged and tried again; only one such loop runs, a second call returns at once.

        Raises:
            InvalidRequest: the interval is no positive number.
        """
        seconds = checked_interval(interval_seconds)
        if self.is_running:
            return
        stopped = self._stopped = asyncio.Event()
        try:
            while not stopped.is_set():
                wait = seconds if await self._survived() else min(seconds, RETRY_SECONDS)
                await _first_of(stopped, wait * random.uniform(1 - JITTER, 1 + JITTER))
        finally:
            stopped.set()

    def stop(self) -> None:
        """End `forever` after the cleanup that runs, if one does. Safe to call twice, and from no task."""
        if self._stopped is not None:
            self._stopped.set()

    async def _survived(self) -> bool:
        try:
            count = await self.once()
        except StoreError as error:
            log.error("expired files could not be cleaned up; it is tried again: %s", error)
            return False
        if count:
            log.info("%d expired files were deleted", count)
        return True


class Bot(Protocol):
    """What is needed of a Discord bot, whichever library made it."""

    async def wait_until_ready(self) -> None: ...


class HourlyTask:
    """A cleanup every hour that is started and stopped as a discord.ext.tasks loop is."""

    def __init__(self, bot: Bot, cleaner: Cleaner) -> None:
        self._bot, self._cleaner = bot, cleaner
        self._task: asyncio.Task[None] | None = None

    def start(self) -> "asyncio.Task[None]":
        """Begin, once the bot is ready; where it runs already (Discord tells `on_ready` again and again) it goes on."""
        if self._task is None or self._task.done():
            self._task = self._loop().create_task(self._run(), name="cellblock cleanup")
        return self._task

    def stop(self) -> None:
        """End after the cleanup that runs, if one does. Safe to call twice."""
        if self._cleaner.is_running:
            self._cleaner.stop()
        else:
            self.cancel()

    def cancel(self) -> None:
        """End now; what it was at is done by the next cleanup. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()

    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def _loop(self) -> asyncio.AbstractEventLoop:
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            loop: asyncio.AbstractEventLoop = self._bot.loop  # type: ignore[attr-defined]
            return loop

    async def _run(self) -> None:
        await self._bot.wait_until_ready()
        await self._cleaner.forever(HOUR_SECONDS)


def checked_interval(seconds: object) -> float:
    """The interval as a float.

    Raises:
        InvalidRequest: it is no positive, finite number of seconds.
    """
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0 and math.isfinite(seconds):
        return float(seconds)
    raise InvalidRequest(f"the interval of cleanups must be a positive number, not {seconds!r}")


async def _first_of(stopped: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        pass
