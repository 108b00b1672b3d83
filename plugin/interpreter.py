"""Interpreter: one call from code to result, readable top to bottom. It owns the files, the packages and the pool."""

import asyncio
import contextlib
import os
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Self

from . import events, result
from .config import Settings
from .errors import FileTooLarge, InvalidRequest, PolicyViolation, SandboxLost, SandboxUnavailable, UserFileNotFound
from .files import FileManager, UserFile, checked_user, clean_filename, distinct, file_type, open_files
from .packages.catalogue import Catalogue
from .packages.needed import needed
from .packages.venv import Environments
from .result import ExecutionResult, GeneratedFile
from .sandbox import collect
from .sandbox.admission import Admission
from .sandbox.client import Run, Sandbox, SandboxDied
from .sandbox.outputs import STDERR, STDOUT
from .sandbox.pool import Pool

UserId = int | str
OnEvent = Callable[[events.Event], None]

MAX_FILES_PER_CALL = 100
LIMITS = {"image_pixels": 100_000_000}  # what load_file opens: 400 MB decoded as RGBA, under the default memory limit
ATTEMPTS = 2  # a sandbox may die before the code starts, through no fault of the code
POLICY_ROWS: list[dict[str, str]] = tomllib.loads(resources.files(__package__).joinpath("policy.toml").read_text())[
    "rule"
]


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
        self.files: FileManager = open_files(self.settings)
        self.catalogue = Catalogue(self.settings.catalogue_add, self.settings.catalogue_remove)
        self._environments = Environments(self.settings.home, self.settings.index_url)
        self._admission = Admission(self.settings.pool_max, self.settings.per_user_running, self.settings.queue_limit)
        self._starting: asyncio.Task[Pool] | None = None
        self._listeners: set[Callable[[str], None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def warm(self, on_event: OnEvent | None = None) -> None:
        """Build the environment if need be, start the zygote, fill the pool.

        Raises:
            EnvironmentUnavailable: the packages cannot be installed.
            SandboxUnavailable: this host cannot hold the sandbox.
        """
        pool = await self._started(_Teller(on_event))
        await pool.fill()

    async def aclose(self) -> None:
        """End every sandbox and close the stores; nothing is left behind. Safe to call twice."""
        self._closed = True
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
            started = (await asyncio.gather(starting, return_exceptions=True))[0]
            if isinstance(started, Pool):
                await started.aclose()
        await self.files.aclose()

    async def run(
        self,
        code: str,
        *,
        user_id: UserId,
        files: Iterable[str] = (),
        install: Iterable[str] = (),
        timeout: float | None = None,
        session_id: str | None = None,
        on_event: OnEvent | None = None,
    ) -> ExecutionResult:
        """Run one cell in a fresh sandbox.

        Args:
            code: Python source, at most `Settings.max_code_bytes`.
            user_id: whose files the code may see.
            files: ids of that user's files; ids that stand in the code as string literals are added.
            install: distributions that the code needs; each must be approved.
            timeout: seconds of the code's own running time, 1 to `Settings.max_timeout`.
            on_event: told each event, on the event loop, as it happens.

        Raises:
            Refused: one of its kinds; nothing ran.
            InterpreterBusy: the queue is full; `.retry_after` says for how many seconds.
            SandboxLost: sandboxes died before the code could start.
        """
        tell = _Teller(on_event)
        seconds = self._check(code, timeout, session_id)
        checked_user(user_id)
        wanted, packages = list(files), list(install)
        needed(self.catalogue, packages, [], [])
        pool = await self._started(tell)
        async with self._admission.place(str(user_id)):
            for _ in range(ATTEMPTS):
                with contextlib.suppress(SandboxDied):
                    async with pool.sandbox() as sandbox:
                        done = await self._run_in(sandbox, code, user_id, wanted, packages, seconds, tell)
                    tell(events.Done, result=done)
                    return done
        raise SandboxLost("the sandbox ended before the code could start; try again")

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
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

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

    async def _run_in(
        self,
        sandbox: Sandbox,
        code: str,
        user_id: UserId,
        files: list[str],
        packages: list[str],
        seconds: float,
        tell: "_Teller",
    ) -> ExecutionResult:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        sandbox.listen(self.settings.max_output_bytes, tell.text)
        try:
            async with asyncio.timeout_at(deadline):
                report = await sandbox.parse(code, LIMITS, at_once=not files)  # inside: the host parses nothing hostile
        except TimeoutError:
            return _failed(result.timed_out(seconds))
        if report["error"]:
            return _failed(result.EXCEPTION, report["error"])
        if report["violations"]:
            raise PolicyViolation(report["violations"])
        spent = loop.time() - (deadline - seconds)
        with contextlib.ExitStack() as opened:
            entries = await self._open_files(user_id, files, report["file_ids"], opened)
            needed(self.catalogue, packages, report["imports"], (Path(entry.name).stem for entry in entries))
            for entry in entries:
                await sandbox.put_file(entry.name, entry.descriptor)
        before = await asyncio.to_thread(collect.versions, sandbox.work_fd) if entries else {}
        run = await sandbox.run(
            {entry.record.file_id: entry.as_seen_inside() for entry in entries},
            LIMITS,
            timeout=seconds,
            deadline=loop.time() + seconds - spent,
        )
        left = await self._left_behind(sandbox, before)
        return await self._result(run, left, user_id, tell)

    async def _left_behind(self, sandbox: Sandbox, before: dict[str, collect.Version]) -> collect.Collected:
        """The cell's files, read when all its processes are dead; most cells leave none, and are not waited for."""
        if not await asyncio.to_thread(os.listdir, sandbox.work_fd):
            return collect.Collected()
        await sandbox.gone()
        settings = self.settings
        return await asyncio.to_thread(
            collect.collect, sandbox.work_fd, before, settings.max_file_bytes, settings.work_bytes
        )

    async def _open_files(
        self, user_id: UserId, asked: list[str], mentioned: list[str], opened: contextlib.ExitStack
    ) -> list["_Entry"]:
        """Open what the call asks for and what the code mentions; the latter may be no file's id at all."""
        found: list[tuple[UserFile, int]] = []
        for file_id in dict.fromkeys([*asked, *mentioned]):
            try:
                record, descriptor = await self.files.open(file_id, user_id)
            except UserFileNotFound:
                if file_id in asked:
                    raise
                continue  # load_file says so, if the code loads it
            opened.callback(os.close, descriptor)
            found.append((record, descriptor))
        total = sum(record.file_size for record, _ in found)
        if len(found) > MAX_FILES_PER_CALL or total > self.settings.work_bytes:
            raise FileTooLarge(
                f"this call's {len(found)} files are {total} bytes together; "
                f"at most {MAX_FILES_PER_CALL} files and {self.settings.work_bytes} bytes fit into a sandbox"
            )
        names = distinct([clean_filename(record.filename) for record, _ in found])
        return [_Entry(name, record, descriptor) for name, (record, descriptor) in zip(names, found, strict=True)]

    async def _result(self, run: Run, left: collect.Collected, user_id: UserId, tell: "_Teller") -> ExecutionResult:
        kept = []
        for path, content in left.files:
            name = clean_filename(path)
            record = await self.files.keep_generated(user_id, name, content)
            kind = file_type(name)
            kept.append(GeneratedFile(name, kind.kind, kind.mime, len(content), content, record.file_id))
            tell(events.FileGenerated, file=kept[-1])
        return ExecutionResult(
            run.outcome,
            output=run.outputs.text(),
            error="\n".join(filter(None, (run.outcome.sentence, run.error))),
            execution_time=run.seconds,
            generated_files=tuple(kept),
            stdout=run.outputs.text(STDOUT),
            stderr=run.outputs.text(STDERR),
            truncated_bytes=run.outputs.truncated_bytes,
            dropped_files=tuple(left.dropped),
        )

    # ---- what all calls share

    async def _started(self, tell: "_Teller") -> Pool:
        """The pool, once: the first call starts it, the others wait for the same start and see its progress."""
        if self._closed:
            raise SandboxUnavailable("this interpreter was closed; make another")
        if self._starting is None or (
            self._starting.done() and (self._starting.cancelled() or self._starting.exception())
        ):
            self._starting = asyncio.create_task(self._start(), name="cellblock start")
        if self._starting.done():
            return self._starting.result()
        self._listeners.add(tell.progress)
        try:
            return await asyncio.shield(self._starting)
        finally:
            self._listeners.discard(tell.progress)

    async def _start(self) -> Pool:
        environment = await self._environments.ready(self.catalogue.starters, self._progress)
        rules = POLICY_ROWS if self.settings.policy == "strict" else []
        pool = Pool(self.settings, environment.site_packages, environment.font_cache, rules)
        try:
            await pool.start()
        except BaseException:
            await pool.aclose()
            raise
        return pool

    def _progress(self, message: str) -> None:
        for listener in list(self._listeners):
            listener(message)


@dataclass(frozen=True)
class _Entry:
    """One user file of a call, under the name that it has in the sandbox."""

    name: str
    record: UserFile
    descriptor: int

    def as_seen_inside(self) -> dict[str, str]:
        return {"name": self.name, "path": f"/files/{self.name}", "loader": self.record.type.loader}


class _Teller:
    """Numbers the events of one call."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self._seq = 0

    def __call__(self, kind: Callable[..., events.Event], **facts: Any) -> None:
        if self._on_event is not None:
            event = kind(seq=self._seq, call_id=None, **facts)
            self._seq += 1
            self._on_event(event)

    def text(self, stream: int, text: str) -> None:
        self(events.Stdout if stream == STDOUT else events.Stderr, text=text)

    def progress(self, message: str) -> None:
        self(events.InstallProgress, message=message)


def _failed(outcome: result.Outcome, error: str = "") -> ExecutionResult:
    return ExecutionResult(outcome, error=error or outcome.sentence)
