"""One sandbox as the host sees it: requests over its socket, its output, its end.

Whatever the sandbox says is hostile from the moment user code runs in it. What ended a cell is therefore judged here, by
what the sandbox cannot forge: the clock, the process's own end, and a token that only the runner was given.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import result
from ..errors import SandboxLost
from ..result import Outcome
from .cgroups import Cgroup
from .channels import Channels
from .displays import OnDisplay
from .inside import frames
from .outputs import Drain, OnText, Outputs
from .usage import Limits
from .zones import UTC

log = logging.getLogger("cellblock.sandbox")

MAX_FRAME_BYTES = 512 * 1024
GRACE_SECONDS = 1.0  # from SIGINT to SIGKILL
READ_BYTES = 64 * 1024
MAX_ERROR_CHARACTERS = 32 * 1024  # the runner cuts tracebacks shorter; what is longer, or no text, code made up
MAX_UNREAD = 4  # a report, a failure and the end of the cell; more, and the sandbox makes them up


class SandboxDied(Exception):
    """The sandbox ended, or broke the protocol, where an answer was due. Not for callers: it becomes an Outcome."""


@dataclass(frozen=True)
class Run:
    """How a cell ran: `error` is the text of its own complaint, '' where it had none."""

    outcome: Outcome
    error: str
    seconds: float
    outputs: Outputs


class Sandbox:
    """A jailed process that is ready to run one cell, from its birth to the death of all its processes.

    Args:
        ends_with_its_first_process: the kernel ends all others then; else the zygote does, and tells.
    """

    def __init__(
        self, number: int, channels: Channels, memory_bytes: int, *, ends_with_its_first_process: bool
    ) -> None:
        self.number = number
        self.place: dict[str, Any] = {}  # what inside/jail.py calls a Place
        # Called in a thread, last first, when all its processes are gone.
        self.afterwards: list[Callable[[], None]] = []
        self._ends_with_its_first_process = ends_with_its_first_process
        self._first_process_ended = False
        self.memory_bytes = memory_bytes
        self.limits: Limits | None = None  # what the watchdog holds it to
        self.verdict: Outcome | None = None  # set by the watchdog when it kills: why
        self.cgroup: Cgroup | None = None
        self.work_fd = -1
        self.pidfd = -1
        self._channels = channels
        self._loop = asyncio.get_running_loop()
        self._decoder = frames.FrameDecoder(MAX_FRAME_BYTES)
        self._unread: deque[frames.Frame] = deque()
        self._news = asyncio.Event()
        self._hung_up = False  # nothing more comes from the sandbox
        self._dead = asyncio.Event()
        self._wait_status: asyncio.Future[int | None] = self._loop.create_future()
        self._spawned = asyncio.Event()
        self._broken = False  # it said what is no frame, or what nobody asked for
        self._token = secrets.token_hex(16)
        self._runs = False
        self._outputs = Outputs(0)
        self._drain: Drain | None = None
        self._loop.add_reader(channels.peer, self._on_readable)

    # ---- birth, told by the keeper

    async def ready(self) -> None:
        """Wait for the jail to stand.

        Raises:
            SandboxDied: it does not.
        """
        await self._reply()  # the working directory
        await self._reply()  # the jail is closed
        await self._spawned.wait()

    def spawned(self, pidfd: int) -> None:
        self.pidfd = pidfd
        self._spawned.set()
        # An ordinary user's sandboxes can use up what the kernel lets that user watch; `exited` then tells the end alone.
        with contextlib.suppress(OSError):
            self._loop.add_reader(pidfd, self._on_death)

    def exited(self, wait_status: int | None) -> None:
        """The zygote reaped it, or (None) the zygote is gone, and every sandbox with it."""
        if not self._wait_status.done():
            self._wait_status.set_result(wait_status)
        if wait_status is not None or self._ends_with_its_first_process:
            self._dead.set()
        self._see_whether_dead()
        if not self._spawned.is_set():
            self._spawned.set()
            self._dead.set()
            if self._channels is not _CLOSED:
                self._hang_up()

    @property
    def alive(self) -> bool:
        return not self._dead.is_set() and not self._hung_up and not self._unread

    # ---- one call

    def listen(self, max_output_bytes: int, on_text: OnText | None, on_display: OnDisplay | None = None) -> None:
        """Take what the cell writes and displays from now on; call it once, before `parse`.

        Raises:
            SandboxLost: the kernel lets this process watch no more descriptors.
        """
        self._outputs = Outputs(max_output_bytes, on_text, on_display)
        self._drain = Drain(self._channels.pipes, self._outputs)
        try:
            self._drain.start()
        except OSError as error:
            raise SandboxLost(f"the sandbox's output cannot be watched ({error.strerror}); try again") from None

    async def parse(self, source: str, limits: dict[str, int], *, at_once: bool, tz: str = UTC) -> frames.Frame:
        """Have the source parsed, checked and scanned; source.py says what the report holds.

        Args:
            limits: for loaders: `image_pixels`.
            at_once: run the cell without files as soon as it is parsed, if the report leaves the host nothing to decide;
                that saves a small cell half its time. `run` then only waits for its end.
            tz: the cell's time zone, a name that zones.py has checked.
        """
        request: frames.Frame = {"op": "parse", "source": source}
        if at_once:
            request["run"] = self._run_request({}, limits, tz)
        report = await self._request(request)
        if report.get("op") != "parsed":
            raise SandboxDied
        self._runs = at_once and frames.is_clean(report)
        return report

    async def put_file(self, name: str, descriptor: int) -> None:
        """Have one user file copied into the working directory.

        Raises:
            SandboxDied: it could not be, for want of room or because the sandbox ended.
        """
        await self._send({"op": "file", "name": name}, [descriptor])
        await self._reply()

    async def run(
        self,
        files: dict[str, dict[str, str]],
        limits: dict[str, int],
        *,
        timeout: float,
        deadline: float,
        tz: str = UTC,
    ) -> Run:
        """Run the parsed cell to its end. Processes that it started may live on until `gone` or `destroy`.

        Args:
            files: the user's files by id, as load_file.py wants them.
            limits: as for `parse`.
            timeout: seconds that the cell was given, as its result tells them.
            deadline: when they are over, in the event loop's time: SIGINT then, SIGKILL a second later.
            tz: as for `parse`.
        """
        started = self._loop.time()
        try:
            if not self._runs:
                await self._send(self._run_request(files, limits, tz), [])
            async with asyncio.timeout_at(deadline):
                claim = await self._reply()
                failed = claim.get("op") == "failed"  # told once, before any more of the cell's code runs
                if failed:
                    claim = await self._reply()
            outcome = _believed(claim, self._token, self.memory_bytes)
            if failed and outcome is result.OK:
                outcome = result.FORGED
        except TimeoutError:
            claim, outcome = {}, result.timed_out(timeout)
            await self._interrupt()
        except SandboxDied:
            claim, outcome = {}, await self._judge_silence()
        seconds = self._loop.time() - started
        assert self._drain is not None
        self._drain.finish()
        error = claim.get("error") if outcome.kind in ("exception", "exit", "memory") else ""
        text = encodable(error[:MAX_ERROR_CHARACTERS]) if isinstance(error, str) else ""
        return Run(outcome, text, seconds, self._outputs)

    def _run_request(self, files: dict[str, dict[str, str]], limits: dict[str, int], tz: str) -> frames.Frame:
        return {"op": "run", "token": self._token, "files": files, "limits": limits, "tz": tz}

    async def _interrupt(self) -> None:
        """Ask the cell to stop, so that it can flush what it wrote; whatever it answers, its time was over."""
        self.signal(signal.SIGINT)
        with contextlib.suppress(TimeoutError, SandboxDied):
            async with asyncio.timeout(GRACE_SECONDS):
                await self._reply()

    async def _judge_silence(self) -> Outcome:
        """The socket closed: with the process, or by code in a process that lives on."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await self._dead.wait()
        lives = not self._dead.is_set()
        await self.gone()
        outcome = await self.judge_death()
        return result.FORGED if lives and self.verdict is None and outcome.kind != "memory" else outcome

    async def judge_death(self) -> Outcome:
        """Why the sandbox ended, told by what it cannot forge; waits for the zygote to have reaped it."""
        if self.verdict is not None:
            return self.verdict
        if self.cgroup is not None and await asyncio.to_thread(self.cgroup.out_of_memory):
            return result.out_of_memory(self.memory_bytes)
        if self._broken:
            return result.FORGED
        status = await self._wait_status
        return result.LOST if status is None else result.process_ended(status)

    # ---- the end

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pidfd >= 0:
                signal.pidfd_send_signal(self.pidfd, number)

    async def gone(self) -> None:
        """Kill every process of the sandbox and wait until the last is gone: they end with the first."""
        self.signal(signal.SIGKILL)
        await self._dead.wait()

    async def destroy(self) -> None:
        """Kill it and close what the host holds of it. Safe to call twice."""
        if self._channels is _CLOSED:
            return
        channels, self._channels = self._channels, _CLOSED
        self._loop.remove_reader(channels.peer)
        if self._drain is not None:
            self._drain.stop()
        try:
            await self._spawned.wait()
            await self.gone()
        finally:
            channels.close()
            for descriptor in (self.work_fd, self.pidfd):
                if descriptor >= 0:
                    self._loop.remove_reader(descriptor)
                    os.close(descriptor)
            self.work_fd = self.pidfd = -1
            while self.afterwards:
                try:
                    await asyncio.to_thread(self.afterwards.pop())
                except OSError as error:
                    log.error("what sandbox %d left behind could not be removed: %s", self.number, error)

    # ---- the socket

    async def _request(self, frame: frames.Frame) -> frames.Frame:
        await self._send(frame, [])
        return await self._reply()

    async def _send(self, frame: frames.Frame, descriptors: list[int]) -> None:
        data = frames.encode(frame)
        try:
            sent = socket.send_fds(self._channels.peer, [data], descriptors) if descriptors else 0
            if sent < len(data):
                await self._loop.sock_sendall(self._channels.peer, data[sent:])
        except OSError:
            raise SandboxDied from None

    async def _reply(self) -> frames.Frame:
        while not self._unread:
            if self._hung_up:
                raise SandboxDied
            self._news.clear()
            await self._news.wait()
        return self._unread.popleft()

    def _on_readable(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._channels.peer, READ_BYTES, 1)
        except BlockingIOError:
            return
        except ConnectionError:
            data, descriptors = b"", []
        for descriptor in descriptors:
            if self.work_fd < 0:
                self.work_fd = descriptor
            else:
                os.close(descriptor)
        with contextlib.suppress(frames.FrameError):
            self._unread.extend(self._decoder.feed(data))
        self._broken = self._decoder.error is not None or len(self._unread) > MAX_UNREAD
        if not data or self._broken:
            self._hang_up()
        self._news.set()

    def _hang_up(self) -> None:
        """Nothing more is read: the sandbox closed its socket, or said what nobody asked for."""
        self._hung_up = True
        self._loop.remove_reader(self._channels.peer)
        self._news.set()

    def _on_death(self) -> None:
        if self.pidfd >= 0:
            self._loop.remove_reader(self.pidfd)
        self._first_process_ended = True
        self._see_whether_dead()

    def _see_whether_dead(self) -> None:
        if self._first_process_ended and (self._ends_with_its_first_process or self._wait_status.done()):
            self._dead.set()


def encodable(text: str) -> str:
    """Text that every encoder takes: lone surrogates, which code may put into an exception, are shown escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _believed(claim: frames.Frame, token: str, memory_bytes: int) -> Outcome:
    """What the runner says of the cell, if it is the runner who says it."""
    if claim.get("token") != token:
        return result.FORGED
    match claim.get("kind"), claim.get("code"):
        case "ok", _:
            return result.OK
        case (("exception" | "interrupted"), _):
            return result.EXCEPTION
        case "memory", _:
            return result.out_of_memory(memory_bytes)
        case "exit", int(code):
            return result.exited(code & 0xFF or 1)
    return result.FORGED


_CLOSED: Any = None
