"""Owns the launcher and, through it, the zygote: starts them, asks for sandboxes, notices their end."""

import asyncio
import base64
import contextlib
import json
import logging
import os
import platform
import re
import secrets
import signal
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from ..config import Settings
from ..errors import SandboxLost, SandboxUnavailable
from ..finish import in_thread, settle
from . import channels, filter, ids, launching, levels
from .cgroups import host_pid
from .client import Sandbox, SandboxDied
from .space import Space
from .template import Library
from .usage import Limits

log = logging.getLogger("cellblock.sandbox")

START_SECONDS = (
    120.0  # the first start on a cold disk imports pandas and matplotlib from it, and may build a font cache
)
STOP_SECONDS = 5.0
MAX_MESSAGE_BYTES = 64 * 1024
MESSAGE_DESCRIPTORS = 2
MAX_FONT_CACHE_BYTES = 4 * 1024**2
FONT_CACHE_NAME = re.compile(r"fontlist-v[\d.]{1,20}\.json")
REHEARSED = ["numpy", "pandas", "matplotlib"]


class Keeper:
    """One zygote, from start to end.

    Args:
        level: the isolation that it is to have; this one or none.
        library: the packages that sandboxes see.
        policy: rows of policy.toml that apply.
    """

    def __init__(
        self,
        settings: Settings,
        level: levels.Level,
        library: Library,
        policy: list[dict[str, str]],
    ) -> None:
        self._settings = settings
        self._level = level
        self._library = library
        self._policy = policy
        self._sandboxes: dict[int, Sandbox] = {}
        self._endings: set[asyncio.Task[None]] = set()  # of sandboxes that never got ready, and of the zygote
        self._count = 0
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._launched: launching.Launched | None = None
        self._closing: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._ended = asyncio.Event()  # some sandbox did
        self._broken = False  # the zygote hung up; the launcher's end follows
        self._control: socket.socket | None = None
        self._zygote = self._zygote_pid = -1  # pidfd, and the pid as this process numbers it
        self.imported: dict[str, str] = {}  # what the zygote has imported, with versions
        self.anonymous_bytes = 0  # the zygote's own memory, which its forks share until they write to it
        self.landlock_abi = 0

    @property
    def alive(self) -> bool:
        return self._control is not None and not self._gone.is_set() and not self._broken

    @property
    def separate(self) -> bool:
        """Whether each sandbox has a uid of its own."""
        return self._launched is not None and self._launched.ids.separate

    async def start(self) -> None:
        """Start the zygote and wait until it can fork; it has then built one jail already.

        Raises:
            Refused: the host does not give this level.
            SandboxUnavailable: the zygote did not get ready in time.
        """
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.setblocking(False)
        try:
            with theirs:
                launched = self._launched = await in_thread(lambda: self._launch(theirs), self._keep)
        except BaseException:
            control.close()  # a zygote that was started ends with it
            if self._launched is not None:
                await in_thread(self._launched.let_go)
            raise
        self._control = control
        pidfd = os.pidfd_open(launched.process.pid)
        loop.add_reader(pidfd, self._on_gone, pidfd, launched)
        try:
            await self._get_ready(control, launched, self._ready)
        except BaseException:
            await self.aclose()
            raise

    async def _get_ready(
        self, control: socket.socket, launched: launching.Launched, ready: "asyncio.Future[dict[str, Any]]"
    ) -> None:
        loop = asyncio.get_running_loop()
        place, clear = self._place(launched)
        try:
            await loop.sock_sendall(control, json.dumps(self._start_message(launched, place)).encode())
            loop.add_reader(control, self._on_message)
            async with asyncio.timeout(START_SECONDS):
                message = await ready
        except TimeoutError:
            raise SandboxUnavailable(f"the zygote was not ready within {START_SECONDS:.0f} seconds") from None
        except (OSError, SandboxDied):
            raise await asyncio.to_thread(launched.refusal) from None
        finally:
            await in_thread(clear)  # of the jail that was built to see whether one can be
        self._zygote_pid = await asyncio.to_thread(host_pid, self._zygote)
        self.imported = message["imported"]
        self.anonymous_bytes = message["anonymous_bytes"]
        self.landlock_abi = message["landlock"]
        for descriptor in message["font_cache"]:
            await asyncio.to_thread(_keep_font_cache, self._library.font_cache, message["font_cache_name"], descriptor)
        log.debug("zygote ready: %s", message)

    async def drained(self) -> None:
        """Wait until no sandbox of this zygote is left."""
        while self._sandboxes and not self._gone.is_set():
            self._ended.clear()
            await self._ended.wait()

    def _limits(self, sandbox: Sandbox, launched: launching.Launched) -> Limits:
        settings, space = self._settings, None
        if launched.ground is not None:  # else it has a file system of its own
            path, uid = launched.ground.space(sandbox.place["name"]), sandbox.place["uid"]
            space = Space(path, uid, self._zygote_pid, settings.work_bytes, settings.work_inodes)
        shared = self.anonymous_bytes
        return Limits(settings.memory_bytes + shared, shared, settings.max_processes, space=space)

    async def last_words(self) -> str:
        """What the zygote said before it ended unexpectedly."""
        return await asyncio.to_thread(self._launched.last_words) if self._launched else ""

    async def spawn(self) -> Sandbox:
        """Fork one sandbox and wait until it is jailed and ready.

        Raises:
            SandboxDied: it, or the zygote, ended before that.
            SandboxLost: this process has no descriptors left for it, or none that it may watch.
        """
        if self._control is None or self._launched is None or not self.alive:
            raise SandboxDied
        self._count += 1
        with contextlib.ExitStack() as theirs:
            ends, given = channels.made(theirs)
            whole = self._level == "namespaces"
            try:
                sandbox = Sandbox(self._count, ends, self._settings.memory_bytes, ends_with_its_first_process=whole)
            except OSError as error:
                ends.close()
                raise SandboxLost(f"no sandbox could be started: it cannot be watched ({error.strerror})") from None
            place, clear = self._place(self._launched)
            sandbox.place = place
            sandbox.limits = self._limits(sandbox, self._launched)
            sandbox.afterwards.append(clear)
            self._sandboxes[sandbox.number] = sandbox
            try:
                message = json.dumps({"op": "spawn", "number": sandbox.number, "place": place}).encode()
                socket.send_fds(self._control, [message], given)
            except OSError:
                self._broken = True
                sandbox.exited(None)
        try:
            await sandbox.ready()
        except BaseException:
            self._own(sandbox.destroy(), f"cellblock end of sandbox {sandbox.number}")
            raise
        return sandbox

    async def aclose(self) -> None:
        """End the zygote and so every sandbox; wait until nothing of them is left on the host. Safe to call twice."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="cellblock close of a zygote")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        control, self._control = self._control, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control)
            control.close()  # the zygote ends when it reads the end of file
        launched = self._launched
        if launched is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._gone.wait()
        if not self._gone.is_set():
            launched.process.send_signal(signal.SIGTERM)  # the launcher kills the zygote
            await self._gone.wait()
        await settle(self._endings)
        await in_thread(launched.let_go)

    # ---- the launcher

    def _launch(self, theirs: socket.socket) -> launching.Launched:
        return launching.launch(self._level, theirs, self._settings.home, self._library)

    def _keep(self, launched: launching.Launched) -> None:
        self._launched = launched

    def _start_message(self, launched: launching.Launched, place: dict[str, Any]) -> dict[str, Any]:
        settings = self._settings
        conditions: set[filter.When] = set()
        if self._level != "namespaces":
            conditions.add("shared disk")
            if not launched.ids.separate:
                conditions.add("shared uid")
        if self._level == "landlock-weak":
            conditions.add("truncate not handled")
        program = filter.program(_architecture(), frozenset(conditions))
        return {
            "op": "start",
            "ground": launched.ground.told if launched.ground else None,
            "place": place,
            "limits": {
                "memory_bytes": settings.memory_bytes,
                "processes": settings.max_processes,
                "open_files": settings.max_open_files,
                "space_bytes": settings.work_bytes,
                "inodes": settings.work_inodes,
            },
            "seccomp": base64.b64encode(program.code).decode(),
            "own_pid_at": program.own_pid_at,
            "policy": self._policy,
            "methods": list(self._library.methods),
            "imports": REHEARSED,
        }

    def _place(self, launched: launching.Launched) -> tuple[dict[str, Any], Callable[[], None]]:
        """What inside/jail.py calls a Place, and what clears it when the sandbox is dead; that one blocks."""
        name, offset = secrets.token_hex(16), launched.ids.take()
        first = 0 if launched.ground is None else launched.ids.first_uid  # as the zygote numbers them
        launched.hold()

        def clear() -> None:
            try:
                if launched.ground is not None:
                    launched.ground.remove(name)
                launched.ids.give_back(offset)  # not where something of it is left
            finally:
                launched.let_go()

        return {"name": name, "uid": first + offset if offset else 0}, clear

    def _on_gone(self, pidfd: int, launched: launching.Launched) -> None:
        """The launcher has ended: after the zygote and all sandboxes, unless it was killed."""
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        self._broken = True
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(SandboxDied())
        self._own(self._end_what_is_left(launched), "cellblock end of a zygote")

    async def _end_what_is_left(self, launched: launching.Launched) -> None:
        try:
            if self._zygote >= 0:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._zygote, signal.SIGKILL)
                await _readable(self._zygote)
                os.close(self._zygote)
            if launched.ground is not None and launched.ids.separate:
                await asyncio.to_thread(ids.end_all, launched.ids)
        finally:
            for sandbox in list(self._sandboxes.values()):
                sandbox.exited(None)
            self._sandboxes.clear()
            self._gone.set()
            self._ended.set()

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start what nobody waits for now; `aclose` does."""
        task = asyncio.create_task(work, name=name)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    # ---- the zygote

    def _on_message(self) -> None:
        assert self._control is not None and self._ready is not None
        try:
            body, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, MESSAGE_DESCRIPTORS)
        except BlockingIOError:
            return
        except ConnectionError:
            body, descriptors = b"", []
        if not body:
            self._broken = True
            asyncio.get_running_loop().remove_reader(self._control)
            return
        message = json.loads(body)
        if message["op"] == "ready":
            self._zygote, *font_cache = descriptors
            if not self._ready.done():
                self._ready.set_result(message | {"font_cache": font_cache})
        elif message["op"] == "refused":
            if not self._ready.done():
                self._ready.set_exception(levels.Refused(self._level, message["errno"], message["text"]))
        elif message["op"] == "spawned":
            self._sandboxes[message["number"]].spawned(descriptors[0])
        elif message["op"] == "exited":
            sandbox = self._sandboxes.pop(message["number"], None)
            if sandbox is not None:
                sandbox.exited(message["status"])
                self._ended.set()


async def _readable(pidfd: int) -> None:
    """Wait until the process has ended."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)


def _keep_font_cache(directory: Path, name: str, descriptor: int) -> None:
    """Copy matplotlib's font list out of the zygote; half a file is never seen. A name that is not one is not kept."""
    with open(descriptor, "rb") as source:
        content = source.read(MAX_FONT_CACHE_BYTES + 1)
    if len(content) > MAX_FONT_CACHE_BYTES or not FONT_CACHE_NAME.fullmatch(name):
        log.warning("the zygote's font list is not kept: %r, %d bytes", name[:100], len(content))
        return
    directory.mkdir(exist_ok=True)
    fresh = directory.with_name(f"{directory.name}.new-{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(directory / name)


def _architecture() -> filter.Architecture:
    machine = platform.machine()
    if machine not in filter.AUDIT_ARCH:
        raise SandboxUnavailable(
            f"no system call table for {machine}: cellblock runs on {', '.join(filter.AUDIT_ARCH)}"
        )
    return machine
