"""One sandbox as the host sees it: requests over its socket, its output, its end.

Whatever the sandbox says is hostile from the moment user code runs in it. What ended a cell is therefore judged here, by
what the sandbox cannot forge: the clock, the process's own end, and a token that only the runner was given.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import result
from ..result import Outcome
from .cgroups import Cgroup
from .inside import frames
from .outputs import Drain, OnText, Outputs

MAX_FRAME_BYTES = 256 * 1024
GRACE_SECONDS = 1.0  # from SIGINT to SIGKILL
READ_BYTES = 64 * 1024


class SandboxDied(Exception):
    """The sandbox ended, or broke the protocol, where an answer was due. Not for callers: it becomes an Outcome."""


@dataclass(frozen=True)
class Channels:
    """The host's ends of one sandbox's descriptors; `pipes` are the ordered stream, standard output, standard error."""

    peer: socket.socket
    pipes: Sequence[int]

    def close(self) -> None:
        self.peer.close()
        for pipe in self.pipes:
            os.close(pipe)


@dataclass(frozen=True)
class Run:
    """How a cell ran: `error` is the text of its own complaint, '' where it had none."""

    outcome: Outcome
    error: str
    seconds: float
    outputs: Outputs


class Sandbox:
    """A jailed process that is ready to run one cell, from its birth to the death of all its processes."""

    def __init__(self, number: int, channels: Channels, memory_bytes: int) -> None:
        self.number = number
        self.memory_bytes = memory_bytes
        self.out_of_memory = False  # set by the watchdog when it kills for that
        self.cgroup: Cgroup | None = None
        self.work_fd = -1
        self.pidfd = -1
        self._channels = channels
        self._loop = asyncio.get_running_loop()
        self._decoder = frames.FrameDecoder(MAX_FRAME_BYTES)
        self._answer: asyncio.Future[frames.Frame] = self._loop.create_future()
        self._dead = asyncio.Event()
        self._wait_status: asyncio.Future[int | None] = self._loop.create_future()
        self._spawned = asyncio.Event()
        self._broken = False
        self._loop.add_reader(channels.peer, self._on_readable)

    # ---- birth, told by the keeper

    async def ready(self) -> None:
        """Wait for the jail to stand.

        Raises:
            SandboxDied: it does not.
        """
        await self._reply()
        await self._spawned.wait()

    def spawned(self, pidfd: int) -> None:
        self.pidfd = pidfd
        self._loop.add_reader(pidfd, self._on_death)
        self._spawned.set()

    def exited(self, wait_status: int | None) -> None:
        """The zygote reaped it, or (None) the zygote is gone, and every sandbox with it."""
        if not self._wait_status.done():
            self._wait_status.set_result(wait_status)
        if not self._spawned.is_set() and self._channels is not _CLOSED:
            self._spawned.set()
            self._dead.set()
            self._break_off(broken=False)

    @property
    def alive(self) -> bool:
        return not self._dead.is_set() and not self._answer.done()

    # ---- one call

    async def parse(self, source: str) -> frames.Frame:
        """Have the source parsed, checked and scanned; source.py says what the report holds."""
        return await self._request({"op": "parse", "source": source})

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
        max_output_bytes: int,
        on_text: OnText | None = None,
    ) -> Run:
        """Run the parsed cell to its end, then kill the sandbox; `gone` waits until no process of it is left.

        Args:
            files: the user's files by id, as load_file.py wants them.
            limits: for loaders: `image_pixels`.
            timeout: seconds that the cell was given, as its result tells them.
            deadline: when they are over, in the event loop's time: SIGINT then, SIGKILL a second later.
        """
        outputs = Outputs(max_output_bytes, on_text)
        drain = Drain(self._channels.pipes, outputs)
        token = secrets.token_hex(16)
        started = self._loop.time()
        drain.start()
        try:
            claim, outcome = await self._settle(
                {"op": "run", "token": token, "files": files, "limits": limits}, timeout, deadline
            )
            seconds = self._loop.time() - started
            if outcome is None:
                outcome = _believed(claim, token, self.memory_bytes)
            if outcome is result.LOST:
                await self.gone()
                outcome = await self.judge_death()
        finally:
            self.signal(signal.SIGKILL)
            drain.finish()
        error = claim.get("error", "") if outcome.kind in ("exception", "exit", "memory") else ""
        return Run(outcome, error if isinstance(error, str) else "", seconds, outputs)

    async def _settle(
        self, request: frames.Frame, timeout: float, deadline: float
    ) -> tuple[frames.Frame, Outcome | None]:
        """Send the request and wait for what ends it: (what it claims, the outcome if that is not for it to claim)."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._request(request), None
        except TimeoutError:
            return await self._interrupt(), result.timed_out(timeout)
        except SandboxDied:
            return {}, result.LOST

    async def _interrupt(self) -> frames.Frame:
        """Ask the cell to stop, so that it can say where it was and flush what it wrote."""
        self.signal(signal.SIGINT)
        with contextlib.suppress(TimeoutError, SandboxDied):
            async with asyncio.timeout(GRACE_SECONDS):
                return await self._reply()
        return {}

    async def judge_death(self) -> Outcome:
        """Why the sandbox ended, told by what it cannot forge; waits for the zygote to have reaped it."""
        if self.out_of_memory or (self.cgroup and await asyncio.to_thread(self.cgroup.out_of_memory)):
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
        """Kill every process of the sandbox and wait until the last is gone: the first is pid 1 of them all."""
        self.signal(signal.SIGKILL)
        await self._dead.wait()

    async def destroy(self) -> None:
        """Kill it and close what the host holds of it. Safe to call twice."""
        if self._channels is _CLOSED:
            return
        channels, self._channels = self._channels, _CLOSED
        self._loop.remove_reader(channels.peer)
        try:
            if self.pidfd >= 0:
                await self.gone()
        finally:
            channels.close()
            for descriptor in (self.work_fd, self.pidfd):
                if descriptor >= 0:
                    self._loop.remove_reader(descriptor)
                    os.close(descriptor)
            self.work_fd = self.pidfd = -1
            if self.cgroup is not None:
                await asyncio.to_thread(self.cgroup.remove)

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
        frame = await asyncio.shield(self._answer)  # a wait that times out leaves the answer to the next one
        self._answer = self._loop.create_future()
        return frame

    def _on_readable(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._channels.peer, READ_BYTES, 1)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        for descriptor in descriptors:
            if self.work_fd < 0:
                self.work_fd = descriptor
            else:
                os.close(descriptor)
        if not data:
            self._break_off(broken=False)
            return
        try:
            received = self._decoder.feed(data)
        except frames.FrameError:
            received = [{}, {}]
        for frame in received:
            if self._answer.done():
                self._break_off(broken=True)
                return
            self._answer.set_result(frame)

    def _break_off(self, broken: bool) -> None:
        """Nothing more is read; who waits for an answer is told that none will come."""
        self._broken = self._broken or broken
        self._loop.remove_reader(self._channels.peer)
        if broken:
            self._answer = self._loop.create_future()
        if not self._answer.done():
            self._answer.set_exception(SandboxDied())
            self._answer.exception()  # nobody need be waiting

    def _on_death(self) -> None:
        if self.pidfd >= 0:
            self._loop.remove_reader(self.pidfd)
        self._dead.set()


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
            return result.exited(code)
    return result.FORGED


_CLOSED: Any = None
