"""Interpreter: one call from code to result, readable top to bottom. It owns the files, the packages and the pool."""

import asyncio
import contextlib
import logging
import os
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Self

from . import events, result
from .config import Settings
from .errors import InvalidRequest, PolicyViolation, SandboxLost, SandboxUnavailable, StoreError, TooManyBytes
from .files import (
    EmbeddedFiles,
    FileManager,
    MetadataStore,
    checked_user,
    clean_filename,
    distinct,
    file_type,
    opened,
)
from .finish import end
from .installs import Installs
from .packages.needed import Needed
from .result import ExecutionResult, GeneratedFile
from .sandbox import budget, collect, zones
from .sandbox.admission import Admission
from .sandbox.client import Run, Sandbox, SandboxDied, encodable
from .sandbox.outputs import STDERR, STDOUT
from .sandbox.pool import Pool
from .sandbox.transform import Transformed, transform

UserId = int | str
OnEvent = events.OnEvent

log = logging.getLogger("cellblock")

LIMITS = {"image_pixels": 100_000_000}  # what load_file opens: 400 MB decoded as RGBA, under the default memory limit
CRASHED = 128 + 11  # SIGSEGV
CLOSED = "this interpreter was closed; make another"
ATTEMPTS = 2  # a sandbox may die before the code starts, through no fault of the code
POLICY_ROWS: list[dict[str, str]] = tomllib.loads(resources.files(__package__).joinpath("policy.toml").read_text())[
    "rule"
]


@dataclass(frozen=True)
class _Call:
    """What a caller asked for, checked.

    Attributes:
        kept: where its files are found, and where those that it leaves go.
        installs: whether what is missing is to be installed; no more when that was done.
    """

    code: str
    user_id: UserId
    kept: FileManager
    files: list[str]
    packages: list[str]
    seconds: float
    tz: str
    tell: events.Teller
    installs: bool = True


class _Lacking(Exception):
    """Packages are to be installed before the code can run; nothing ran."""

    def __init__(self, needed: Needed) -> None:
        self.needed = needed


class Interpreter:
    """Runs cells of many users, each in a sandbox of its own. Safe under concurrency.

    Use it as an async context manager, or call `aclose` when done. The first call builds what is missing; `warm` does so
    ahead of time.

    Args:
        settings: fields of `Settings`.

    Raises:
        SettingsError: a setting cannot be used.
        SandboxUnavailable: this system is not Linux.
    """

    def __init__(self, **settings: Any) -> None:
        if sys.platform != "linux":
            raise SandboxUnavailable(
                "cellblock's sandbox is made of Linux namespaces: on Windows run it in WSL2, on macOS in a Linux container"
            )
        self.settings = Settings(**settings)
        self._embedded = EmbeddedFiles(self.settings)
        self.files: FileManager = self._embedded.files
        self._installs = Installs(self.settings)
        self.catalogue = self._installs.catalogue
        self._keeping_current: asyncio.Task[None] | None = None
        self._admission = Admission(self.settings.pool_max, self.settings.per_user_running, self.settings.queue_limit)
        self._starting: asyncio.Task[Pool] | None = None
        self._listeners: set[Callable[[str], None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def files_in(self, store: MetadataStore | None) -> FileManager:
        """Files recorded in a store of the caller's, who closes it; what is not there is looked up in `files`."""
        return self.files if store is None else self._embedded.behind(store)

    def store_of(self, db_handler: object) -> MetadataStore:
        """The store of records that a caller means: a MongoDB in any form, a store, or what has one of these as `.db`.

        Raises:
            InvalidRequest: it is nothing of the kind.
        """
        return self._embedded.store_of(db_handler)

    async def warm(self, on_event: OnEvent | None = None) -> None:
        """Build the environment if need be, start the zygote, fill the pool.

        Raises:
            EnvironmentUnavailable: the packages cannot be installed.
            SandboxUnavailable: this host cannot hold the sandbox.
        """
        pool = await self._started(events.Teller(on_event))
        await pool.fill()

    async def aclose(self) -> None:
        """End every sandbox and close the stores; nothing is left behind. Safe to call twice."""
        self._closed = True
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
            started = (await asyncio.gather(starting, return_exceptions=True))[0]
            if isinstance(started, Pool):
                if self._keeping_current is not None:
                    await end(self._keeping_current)
                await started.aclose()
        await self._embedded.aclose()

    async def run(
        self,
        code: str,
        *,
        user_id: UserId,
        files: Iterable[str] = (),
        install: Iterable[str] = (),
        timeout: float | None = None,
        session_id: str | None = None,
        tz: str | None = None,
        on_event: OnEvent | None = None,
        store: MetadataStore | None = None,
    ) -> ExecutionResult:
        """Run one cell in a fresh sandbox.

        Args:
            code: Python source, at most `Settings.max_code_bytes`.
            user_id: whose files the code may see.
            files: ids of that user's files; ids that stand in the code as string literals are added.
            install: distributions that the code needs; each must be approved.
            timeout: seconds of the code's own running time, 1 to `Settings.max_timeout`.
            tz: the time zone of the code's clocks, an IANA name such as "Europe/Berlin"; UTC where it is None.
            on_event: told each event, on the event loop, as it happens.
            store: where the user's files are recorded; None: in the embedded database, which is the second place to look
                where one is given.

        Raises:
            Refused: one of its kinds; nothing ran.
            InterpreterBusy: the queue is full; `.retry_after` says for how many seconds. A call that waits is refused too
                when the queue fills up and its user has most calls in it.
            SandboxLost: sandboxes died before the code could start.
        """
        seconds = self._check(code, timeout, session_id)
        wanted, packages = _names("files", files), _names("install", install)
        zone = await zones.checked(tz)
        kept = self.files_in(store)
        call = _Call(code, checked_user(user_id), kept, wanted, packages, seconds, zone, events.Teller(on_event))
        await self._installs.lacking(call.packages, {})  # refuses at once what nobody approved
        pool = await self._started(call.tell)
        async with self._admission.place(str(user_id)):
            done = await self._run_with_packages(pool, call)
        call.tell(events.Done, result=done)
        return done

    async def stream(self, code: str, *, user_id: UserId, **options: Any) -> AsyncIterator[events.Event]:
        """The same call as `run`, as events; the last one is `Done` with the result. Leaving the loop ends the call."""
        queue: asyncio.Queue[events.Event | None] = asyncio.Queue()
        call = asyncio.create_task(self.run(code, user_id=user_id, on_event=queue.put_nowait, **options))
        call.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await call
        finally:
            await end(call)

    async def transform(
        self, script: str, files: Mapping[str, bytes], *, user_id: UserId, seconds: float, max_bytes: int
    ) -> Transformed:
        """Run a script of the library's own, never a user's, in a fresh sandbox, on bytes that the host must not open.

        Nothing is stored or installed. It takes one of the user's places, as a cell does.

        Args:
            script: Python source; it finds the files in its working directory, and what it writes there comes back.
            max_bytes: of all that comes back.

        Raises:
            InterpreterBusy, SandboxLost: as `run`.
        """
        pool = await self._started(events.Teller(None))
        async with self._admission.place(str(user_id)):
            for _ in range(ATTEMPTS):
                with contextlib.suppress(SandboxDied):
                    async with pool.sandbox() as sandbox:
                        return await transform(sandbox, script, files, seconds, max_bytes)
        raise SandboxLost("the sandbox ended before the script could start; try again")

    # ---- one call, step by step

    def _check(self, code: str, timeout: float | None, session_id: str | None) -> float:
        if not isinstance(code, str):
            raise InvalidRequest(f"code is a {type(code).__name__}; it must be a str")
        try:
            size = len(code.encode())
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"code is not valid Unicode: a lone surrogate at character {error.start}") from None
        if size > self.settings.max_code_bytes:
            raise InvalidRequest(f"code is {size} bytes long; at most {self.settings.max_code_bytes} are accepted")
        if session_id is not None:
            raise InvalidRequest("session_id is given, but this version has no sessions: every call starts fresh")
        seconds = self.settings.timeout if timeout is None else timeout
        if (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 1 <= seconds <= self.settings.max_timeout
        ):
            raise InvalidRequest(f"timeout is {seconds!r}; it must be 1 to {self.settings.max_timeout:g} seconds")
        return float(seconds)

    async def _run_with_packages(self, pool: Pool, call: _Call) -> ExecutionResult:
        """Run it; where packages are missing install them, and run it in a fresh sandbox that has them."""
        installed: tuple[str, ...] = ()
        named = await self._installs.lacking(call.packages, {})
        if any(named):
            installed = await self._installs.install(named, pool, call.tell.progress)
        try:
            done = await self._attempt(pool, call)
        except _Lacking as lacking:
            installed += await self._installs.install(lacking.needed, pool, call.tell.progress)
            done = await self._attempt(pool, replace(call, installs=False))
        return replace(done, installed_packages=installed)

    async def _attempt(self, pool: Pool, call: _Call) -> ExecutionResult:
        for _ in range(ATTEMPTS):
            with contextlib.suppress(SandboxDied):
                async with pool.sandbox() as sandbox:
                    return await self._run_in(sandbox, call)
        raise SandboxLost("the sandbox ended before the code could start; try again")

    async def _run_in(self, sandbox: Sandbox, call: _Call) -> ExecutionResult:
        loop = asyncio.get_running_loop()
        started = loop.time()
        sandbox.listen(self.settings.max_output_bytes, call.tell.text, call.tell.display)
        try:
            async with asyncio.timeout_at(started + call.seconds):
                # Inside: the host parses nothing hostile.
                report = await sandbox.parse(call.code, LIMITS, at_once=not call.files, tz=call.tz)
        except TimeoutError:
            return _failed(result.timed_out(call.seconds))
        except SandboxDied:
            outcome = await sandbox.judge_death()
            if outcome.kind == "memory" or outcome.return_code == CRASHED:  # the source did it, and would again
                return _failed(outcome)
            raise
        spent = loop.time() - started
        if report["error"]:
            return _failed(result.EXCEPTION, report["error"])
        if report["violations"]:
            raise PolicyViolation(report["violations"])
        async with opened(call.kept, call.user_id, call.files, report["file_ids"], self.settings.work_bytes) as inputs:
            own_modules = [Path(each.name).stem for each in inputs]
            readers = {name for each in inputs for name in each.record.type.packages}
            lacking = await self._installs.lacking([], report, own_modules, readers)
            if any(lacking) and call.installs:
                raise _Lacking(lacking)
            for each in inputs:
                await sandbox.put_file(each.name, each.descriptor)
        before = await asyncio.to_thread(collect.versions, sandbox.work_fd) if inputs else {}
        seen_inside = {each.record.file_id: each.as_seen_inside() for each in inputs}
        deadline = loop.time() + call.seconds - spent
        run = await sandbox.run(seen_inside, LIMITS, timeout=call.seconds, deadline=deadline, tz=call.tz)
        left = await self._left_behind(sandbox, before)
        return await self._result(run, left, call)

    async def _left_behind(self, sandbox: Sandbox, before: dict[str, collect.Version]) -> collect.Collected:
        """The cell's files, read when all its processes are dead; most cells leave none, and are not waited for."""
        if not await asyncio.to_thread(os.listdir, sandbox.work_fd):
            return collect.Collected()
        await sandbox.gone()
        settings = self.settings
        most = min(
            settings.max_generated_bytes, settings.work_bytes
        )  # what is read, not what it takes: files may be sparse
        return await asyncio.to_thread(collect.collect, sandbox.work_fd, before, settings.max_file_bytes, most)

    async def _result(self, run: Run, left: collect.Collected, call: _Call) -> ExecutionResult:
        kept = []
        names = distinct([clean_filename(path) for path, _ in left.files])
        for name, (path, content) in zip(names, left.files, strict=True):
            kept.append(await self._keep(call, name, path, content, left))
            call.tell(events.FileGenerated, file=kept[-1])
        return ExecutionResult(
            run.outcome,
            output=run.outputs.text(),
            error="\n".join(filter(None, (run.outcome.sentence, run.error))),
            execution_time=run.seconds,
            generated_files=tuple(kept),
            stdout=run.outputs.text(STDOUT),
            stderr=run.outputs.text(STDERR),
            displays=tuple(run.outputs.displays.items),
            truncated_bytes=run.outputs.truncated_bytes,
            dropped_files=left.sentences(),
        )

    async def _keep(self, call: _Call, name: str, path: str, content: bytes, left: collect.Collected) -> GeneratedFile:
        """Store a generated file; where it cannot be stored the caller still gets it, only without an id."""
        kind = file_type(name)
        try:
            file_id = (await call.kept.keep_generated(call.user_id, name, content)).file_id
        except (StoreError, TooManyBytes) as error:
            file_id = ""
            if isinstance(error, StoreError):
                log.error("a generated file could not be stored: %s", error)
                left.drop(path, "returned, but not kept for later calls: storing it failed; save it again later")
            else:
                left.drop(path, f"returned, but not kept for later calls: {error}")
        return GeneratedFile(name, kind.kind, kind.mime, len(content), content, file_id, encodable(path))

    # ---- what all calls share

    async def _started(self, tell: events.Teller) -> Pool:
        """The pool, once: the first call starts it, the others wait for the same start and see its progress."""
        if self._closed:
            raise SandboxUnavailable(CLOSED)
        if self._starting is None or (
            self._starting.done() and (self._starting.cancelled() or self._starting.exception())
        ):
            self._starting = asyncio.create_task(self._start(), name="cellblock start")
        if self._starting.done():
            return self._starting.result()
        self._listeners.add(tell.progress)
        try:
            return await asyncio.shield(self._starting)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():  # the start was cancelled, not this call
                raise SandboxUnavailable(CLOSED) from None
            raise
        finally:
            self._listeners.discard(tell.progress)

    async def _start(self) -> Pool:
        library = await self._installs.library(self._progress)
        rules = POLICY_ROWS if self.settings.policy == "strict" else []
        pool = Pool(self.settings, library, rules)
        try:
            await pool.start()
            await self._fit_memory()
        except BaseException:
            await pool.aclose()
            raise
        self._keeping_current = asyncio.create_task(self._installs.keep_current(pool), name="cellblock packages")
        return pool

    async def _fit_memory(self) -> None:
        """The zygote is up by now and counted as in use; no cell has been admitted yet."""
        settings = self.settings
        measured = settings.memory_budget_bytes or await asyncio.to_thread(budget.measure)
        if measured is not None:
            self._admission.fit(measured, settings.memory_bytes + settings.work_bytes)

    def _progress(self, message: str) -> None:
        for listener in list(self._listeners):
            listener(message)


def _names(what: str, given: object) -> list[str]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise InvalidRequest(f"{what} is a {type(given).__name__}; it must be a list of str")
    names = list(given)
    if not all(isinstance(name, str) for name in names):
        raise InvalidRequest(f"{what} holds what is no str")
    return names


def _failed(outcome: result.Outcome, error: str = "") -> ExecutionResult:
    return ExecutionResult(outcome, error=encodable(error) or outcome.sentence)
