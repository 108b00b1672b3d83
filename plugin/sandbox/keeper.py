"""Owns the launcher and, through it, the zygote: starts them, asks for sandboxes, notices their end."""

import asyncio
import base64
import contextlib
import json
import logging
import os
import platform
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from ..config import Settings
from ..errors import SandboxLost, SandboxUnavailable
from . import filter, template
from .client import Channels, Sandbox, SandboxDied

log = logging.getLogger("cellblock.sandbox")

START_SECONDS = (
    120.0  # the first start on a cold disk imports pandas and matplotlib from it, and may build a font cache
)
STOP_SECONDS = 5.0
MAX_MESSAGE_BYTES = 64 * 1024
MAX_FONT_CACHE_BYTES = 4 * 1024**2
MAX_COMPLAINT_BYTES = 16 * 1024
FONT_CACHE_NAME = re.compile(r"fontlist-v[\d.]{1,20}\.json")
REHEARSED = ["numpy", "pandas", "matplotlib"]

# As root: a uid of no account, in a range that systemd leaves unused (systemd.io/UIDS-GIDS), so that no other process
# of the host shares it. Where a container does not map it, `nobody`.
SANDBOX_ID = 1_900_000_011
NOBODY = 65534


class Keeper:
    """One zygote, from start to end.

    Args:
        site_packages: of the virtual environment whose packages sandboxes see.
        font_cache: a directory where matplotlib's font list is kept between starts.
        policy: rows of policy.toml that apply.
    """

    def __init__(self, settings: Settings, site_packages: Path, font_cache: Path, policy: list[dict[str, str]]) -> None:
        self._settings = settings
        self._site_packages = site_packages
        self._font_cache = font_cache
        self._policy = policy
        self._sandboxes: dict[int, Sandbox] = {}
        self._count = 0
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._gone = asyncio.Event()
        self._broken = False  # the zygote hung up; the launcher's end follows
        self._control: socket.socket | None = None
        self.imported: dict[str, str] = {}  # what the zygote has imported, with versions
        self.anonymous_bytes = 0  # the zygote's own memory, which its forks share until they write to it

    @property
    def alive(self) -> bool:
        return self._control is not None and not self._gone.is_set() and not self._broken

    async def start(self) -> None:
        """Build the template, start the zygote in it and wait until it can fork.

        Raises:
            SandboxUnavailable: the host refuses a step of it; the message names the step.
        """
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.setblocking(False)
        try:
            with theirs:
                launching = asyncio.create_task(asyncio.to_thread(self._launch, theirs), name="cellblock launch")
                try:
                    self._process = await asyncio.shield(launching)
                except asyncio.CancelledError:
                    self._process = await launching  # its descriptors must not close under it
                    raise
        except BaseException:
            control.close()  # a zygote that was started ends with it
            if self._process is not None:
                await asyncio.to_thread(self._process.wait)
                os.close(self._complaints)
            raise
        self._control = control
        pidfd = os.pidfd_open(self._process.pid)
        loop.add_reader(pidfd, self._on_gone, pidfd)
        try:
            await loop.sock_sendall(control, json.dumps(self._start_message()).encode())
            loop.add_reader(control, self._on_message)
            async with asyncio.timeout(START_SECONDS):
                message = await self._ready
        except (OSError, SandboxDied, TimeoutError):
            complaint = await asyncio.to_thread(self._complaint)
            await self.aclose()
            raise SandboxUnavailable(complaint) from None
        except asyncio.CancelledError:
            await self.aclose()
            raise
        self.imported = message["imported"]
        self.anonymous_bytes = message["anonymous_bytes"]
        if message["font_cache"] >= 0:
            await asyncio.to_thread(
                _keep_font_cache, self._font_cache, message["font_cache_name"], message["font_cache"]
            )
        log.debug("zygote ready: %s", message)

    async def spawn(self) -> Sandbox:
        """Fork one sandbox and wait until it is jailed and ready.

        Raises:
            SandboxDied: it, or the zygote, ended before that.
        """
        if self._control is None or not self.alive:
            raise SandboxDied
        self._count += 1
        with contextlib.ExitStack() as theirs:
            channels, given = _channels(theirs)
            sandbox = Sandbox(self._count, channels, self._settings.memory_bytes)
            self._sandboxes[sandbox.number] = sandbox
            try:
                message = json.dumps({"op": "spawn", "number": sandbox.number}).encode()
                socket.send_fds(self._control, [message], given)
            except OSError:
                self._broken = True
        try:
            if self._broken:
                raise SandboxDied
            await sandbox.ready()
        except BaseException:
            await self._discard(sandbox)
            raise
        return sandbox

    async def aclose(self) -> None:
        """End the zygote and so every sandbox; wait until nothing of them is left on the host."""
        control, self._control = self._control, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control)
            control.close()  # the zygote ends when it reads the end of file
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._gone.wait()
        if not self._gone.is_set():
            process.send_signal(signal.SIGTERM)  # the launcher kills the zygote
            await self._gone.wait()
        process.wait()  # it is gone: this only reaps it
        os.close(self._complaints)

    # ---- the launcher

    def _launch(self, theirs: socket.socket) -> "subprocess.Popen[bytes]":
        outer_uid, outer_gid = _outer_ids()
        launch = template.launch(self._site_packages, self._font_cache, outer_uid, outer_gid)
        self._complaints = os.memfd_create("cellblock-launcher", os.MFD_CLOEXEC)
        process = subprocess.Popen(
            template.launcher_command(theirs.fileno()),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            pass_fds=(theirs.fileno(),),
            env={},
            cwd="/",
            start_new_session=True,  # a terminal's ^C is the operator's, not the sandboxes'
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(launch).encode())
        return process

    def _start_message(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "op": "start",
            "limits": {
                "memory_bytes": settings.memory_bytes,
                "processes": settings.max_processes,
                "open_files": settings.max_open_files,
                "space_bytes": settings.work_bytes,
                "inodes": settings.work_inodes,
            },
            "seccomp": base64.b64encode(filter.program(_architecture())).decode(),
            "policy": self._policy,
            "imports": REHEARSED,
        }

    def _complaint(self) -> str:
        said = os.pread(self._complaints, MAX_COMPLAINT_BYTES, 0).decode("utf-8", "replace").strip()
        if "Traceback" in said:  # the namespaces are there; what is in them failed
            return f"the zygote could not be started: {said.splitlines()[-1]}"
        return (
            f"the sandbox could not be started: {said or 'it did not say why'}. It needs user namespaces: on a host that "
            "restricts them allow unprivileged ones, in a container drop the default seccomp and AppArmor profiles"
        )

    def _on_gone(self, pidfd: int) -> None:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        self._gone.set()
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(SandboxDied())
        for sandbox in list(self._sandboxes.values()):
            sandbox.exited(None)
        self._sandboxes.clear()

    # ---- the zygote

    def _on_message(self) -> None:
        assert self._control is not None and self._ready is not None
        try:
            body, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 1)
        except BlockingIOError:
            return
        except ConnectionError:
            body, descriptors = b"", []
        if not body:
            self._broken = True
            asyncio.get_running_loop().remove_reader(self._control)
            return
        message = json.loads(body)
        descriptor = descriptors[0] if descriptors else -1
        if message["op"] == "ready":
            if not self._ready.done():
                self._ready.set_result(message | {"font_cache": descriptor})
        elif message["op"] == "spawned":
            self._on_spawned(message["number"], descriptor)
        elif message["op"] == "exited":
            sandbox = self._sandboxes.pop(message["number"], None)
            if sandbox is not None:
                sandbox.exited(message["status"])

    def _on_spawned(self, number: int, pidfd: int) -> None:
        sandbox = self._sandboxes.get(number)
        if sandbox is not None:
            sandbox.spawned(pidfd)
        else:  # nobody waits for it any more
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)

    async def _discard(self, sandbox: Sandbox) -> None:
        """A sandbox that never got ready; if the zygote has yet to tell of it, it is killed then."""
        self._sandboxes.pop(sandbox.number, None)
        await sandbox.destroy()


def _channels(theirs: contextlib.ExitStack) -> tuple[Channels, list[int]]:
    """The descriptors of a sandbox: the host's ends, and the sandbox's, which close with the stack.

    Raises:
        SandboxLost: this process has no descriptors left.
    """
    with contextlib.ExitStack() as ours:
        try:
            peer, other = socket.socketpair()
            ours.callback(peer.close)
            theirs.callback(other.close)
            peer.setblocking(False)
            given, reading_ends = [other.fileno()], []
            for _ in range(3):
                reading, writing = os.pipe()
                ours.callback(os.close, reading)
                theirs.callback(os.close, writing)
                os.set_blocking(reading, False)
                os.fchmod(writing, 0o666)  # opened as /dev/stdout under the sandbox's own uid
                reading_ends.append(reading)
                given.append(writing)
        except OSError as error:
            raise SandboxLost(f"no sandbox could be started: {error.strerror}; raise the limit on open files") from None
        ours.pop_all()
    return Channels(peer, reading_ends), given


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


def _outer_ids() -> tuple[int, int]:
    """What the sandboxes' uid and gid are on the host."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    return _mapped("uid"), _mapped("gid")


def _mapped(kind: str) -> int:
    for line in Path(f"/proc/self/{kind}_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= SANDBOX_ID < first + count:
            return SANDBOX_ID
    return NOBODY


def _architecture() -> filter.Architecture:
    machine = platform.machine()
    if machine not in filter.AUDIT_ARCH:
        raise SandboxUnavailable(
            f"no system call table for {machine}: cellblock runs on {', '.join(filter.AUDIT_ARCH)}"
        )
    return machine
