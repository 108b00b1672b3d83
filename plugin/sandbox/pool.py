"""Keeps jailed sandboxes ready, so that nothing forks on a call's path, and brings the zygote back when it dies."""

import asyncio
import contextlib
import functools
import logging
import signal
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..config import Settings
from ..errors import CellblockError, SandboxLost, SandboxUnavailable
from ..finish import end, in_thread, settle, threads_started
from . import cgroups, levels, watchdog
from .client import Sandbox, SandboxDied
from .keeper import Keeper
from .template import Library

log = logging.getLogger("cellblock.sandbox")

SPAWN_ATTEMPTS = 3
RESTART_ATTEMPTS = 10
RETRY_SECONDS = 1.0
WATCHDOG_THREADS = 2  # a slow look at one sandbox leaves one for the others
LOOP_THREADS = 4  # of the event loop's own, which has at least five (docs.python.org, ThreadPoolExecutor)
SPAWN_AT_ONCE = 2  # ahead of need: two forks overlap their waits, more only queue in the zygote


class Pool:
    """Owns the keeper and every sandbox that is not in a call's hands, and the task that fills up.

    Args:
        library: see Keeper; let go when the pool, or `renew`, has done with it.
        policy: see Keeper.
    """

    def __init__(self, settings: Settings, library: Library, policy: list[dict[str, str]]) -> None:
        self._settings = settings
        self._library = library
        self._policy = policy
        self._retired: set[Keeper] = set()  # of former libraries: they end with the calls that use them
        self._keeper: Keeper | None = None
        self._starting = asyncio.Lock()
        self._idle: deque[Sandbox] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_use = 0
        self._unused = asyncio.Event()
        self._wanted = asyncio.Event()
        self._filler: asyncio.Task[None] | None = None
        self._cgroups: cgroups.Cgroups | None = None
        self._watchdog_threads = ThreadPoolExecutor(WATCHDOG_THREADS, "cellblock watchdog")
        self._closed = False
        self.level: levels.Level | None = None  # of the isolation, known when the zygote runs
        self.refused: tuple[levels.Refused, ...] = ()  # stronger levels that the host does not give

    async def start(self) -> None:
        """Start the zygote; the pool fills in the background.

        Raises:
            SandboxUnavailable: this host cannot hold the sandbox.
        """
        await threads_started(self._watchdog_threads, WATCHDOG_THREADS)
        await threads_started(None, LOOP_THREADS)
        limit = self._settings.memory_bytes + self._settings.work_bytes
        self._cgroups = await asyncio.to_thread(cgroups.find, limit)
        await self._live_keeper()
        self._filler = asyncio.create_task(self._keep_filled(), name="cellblock pool")

    async def fill(self) -> None:
        """Wait until as many sandboxes are ready as the settings ask for."""
        while len(self._idle) < self._settings.pool_min:
            await self._add()

    async def renew(self, library: Library) -> None:
        """Show another library from now on. Calls that run go on with the old one, which is let go when they are over.

        Raises:
            SandboxUnavailable: no zygote starts over it; the old one stays, and the new library was let go.
        """
        async with self._starting:
            try:
                if self._closed:
                    raise SandboxUnavailable("the interpreter was closed")
                fresh = await self._started_keeper(library)
            except BaseException:
                await in_thread(library.let_go)
                raise
            old, former, self._keeper, self._library = self._keeper, self._library, fresh, library
            while self._idle:
                self._start_ending(self._idle.popleft())
            if old is not None:
                self._retired.add(old)
            self._own(self._retire(old, former), "cellblock end of a former zygote")
        self._wanted.set()

    async def _retire(self, keeper: Keeper | None, library: Library) -> None:
        if keeper is not None:
            await keeper.drained()
            await keeper.aclose()
            self._retired.discard(keeper)
        await in_thread(library.let_go)

    @contextlib.asynccontextmanager
    async def sandbox(self) -> AsyncIterator[Sandbox]:
        """One fresh sandbox for one call; the pool kills it when the block ends and sees to it that nothing is left.

        Raises:
            SandboxLost: none could be made, several times in a row.
        """
        self._in_use += 1
        try:
            sandbox = self._take() or await self._make()
            if not self._idle:
                self._wanted.set()  # else the refill waits for the call's end: on few cores a fork would slow it down
            try:
                async with self._watched(sandbox):
                    yield sandbox
            finally:
                self._start_ending(sandbox)
                self._wanted.set()
        finally:
            self._in_use -= 1
            self._unused.set()

    async def aclose(self) -> None:
        """End all of it, running calls included. Safe to call twice."""
        self._closed = True
        if self._filler is not None:
            await end(self._filler)
        for sandbox in self._idle:
            self._start_ending(sandbox)
        self._idle.clear()
        async with self._starting:
            pass  # a start that was under way has seen that all is closed
        for keeper in filter(None, [self._keeper, *self._retired]):
            await keeper.aclose()  # what still runs ends with the zygote, and its call with a result that says so
        while self._in_use:
            self._unused.clear()
            await self._unused.wait()
        await settle(self._tasks)
        await in_thread(self._watchdog_threads.shutdown)
        if self._cgroups is not None:
            await in_thread(self._cgroups.close)
        await in_thread(self._library.let_go)

    async def facts(self) -> dict[str, Any]:
        """What holds the wall on this host, as promises.toml asks for it: `level`, `abi`, `separate`, `cgroup`."""
        keeper = await self._live_keeper()
        return {
            "level": self.level,
            "abi": keeper.landlock_abi,
            "separate": keeper.separate,
            "cgroup": self._cgroups is not None,
        }

    # ---- the idle ones

    def _take(self) -> Sandbox | None:
        while self._idle:
            sandbox = self._idle.popleft()
            if sandbox.alive:
                return sandbox
            self._start_ending(sandbox)
        return None

    async def _keep_filled(self) -> None:
        while True:
            self._wanted.clear()
            missing = self._settings.pool_min - len(self._idle)
            if missing <= 0:
                await self._wanted.wait()
                continue
            failures = await asyncio.gather(
                *(self._add() for _ in range(min(missing, SPAWN_AT_ONCE))), return_exceptions=True
            )
            for failure in filter(None, failures):
                if not isinstance(failure, CellblockError | OSError):
                    raise failure
                log.error("the pool cannot be filled: %s", failure)
                await asyncio.sleep(RETRY_SECONDS)

    async def _add(self) -> None:
        self._idle.append(await self._make())

    # ---- birth and death

    async def _make(self) -> Sandbox:
        for _ in range(SPAWN_ATTEMPTS):
            keeper = await self._live_keeper()
            if self._cgroups is not None:
                self._own(asyncio.to_thread(self._cgroups.prepare), "cellblock cgroup")
            try:
                sandbox = await keeper.spawn()
            except SandboxDied:
                continue
            if keeper is not self._keeper:  # renewed meanwhile
                self._start_ending(sandbox)
                continue
            try:
                if self._cgroups is not None:
                    await in_thread(functools.partial(_hold, self._cgroups, sandbox))
            except BaseException:
                self._start_ending(sandbox)
                raise
            return sandbox
        raise SandboxLost(f"no sandbox could be started in {SPAWN_ATTEMPTS} attempts; `cellblock setup` shows why")

    async def _live_keeper(self) -> Keeper:
        async with self._starting:
            if self._closed:
                raise SandboxLost("the interpreter was closed")
            if self._keeper is not None and self._keeper.alive:
                return self._keeper
            if self._keeper is not None:
                log.warning("the zygote ended unexpectedly; another is started (%s)", await self._keeper.last_words())
                await self._keeper.aclose()
                self._keeper = None  # where no other starts now, the next call tries again
            keeper = self._keeper = await self._started_keeper(self._library)
            if self._closed:
                await keeper.aclose()
                raise SandboxLost("the interpreter was closed")
            return keeper

    async def _started_keeper(self, library: Library) -> Keeper:
        """A zygote of the strongest level that this host gives; a restart is of the same level.

        Raises:
            SandboxUnavailable: it gives none that the settings accept.
        """
        refused = []
        # What was given once is not refused the next time: a start that fails then was disturbed, and is tried again.
        for level in [self.level] * RESTART_ATTEMPTS if self.level else levels.candidates(self._settings.level):
            keeper = Keeper(self._settings, level, library, self._policy)
            try:
                await keeper.start()
            except levels.Refused as refusal:
                log.info("%s", refusal)
                refused.append(refusal)
                continue
            if self.level is None:
                self.level, self.refused = level, tuple(refused)
            return keeper
        raise SandboxUnavailable(
            f"no sandbox can be made here. {'. '.join(map(str, refused))}. `cellblock doctor` says more"
        )

    @contextlib.asynccontextmanager
    async def _watched(self, sandbox: Sandbox) -> AsyncIterator[None]:
        assert sandbox.limits is not None
        watching = watchdog.watch(sandbox, sandbox.limits, self._watchdog_threads)
        watch = asyncio.create_task(watching, name=f"cellblock watchdog {sandbox.number}")
        try:
            yield
        finally:
            await end(watch)

    def _start_ending(self, sandbox: Sandbox) -> None:
        """Off the call's path: the memory of a process takes the kernel longer to free than a small cell runs."""
        sandbox.signal(signal.SIGKILL)
        self._own(sandbox.destroy(), f"cellblock end of sandbox {sandbox.number}")

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start what nobody waits for now; `aclose` does."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _hold(groups: cgroups.Cgroups, sandbox: Sandbox) -> None:
    group = sandbox.cgroup = groups.hold(sandbox.pidfd)
    if group is not None:
        sandbox.afterwards.append(group.remove)
