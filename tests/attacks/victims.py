"""What stands outside the sandbox to be attacked: an operator's files, processes, sockets, shared memory, each with a secret.

Made fresh for each run, by the process that plays the operator's bot. Attacks are told where everything is (`known`), but of
the secrets only the hashes: a secret in an attack's output was stolen. Afterwards `changes` tells what was touched.
"""

import contextlib
import ctypes
import hashlib
import os
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

from plugin.sandbox import filter

_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmat.restype = ctypes.c_void_p
IPC_CREAT, IPC_RMID = 0o1000, 0  # linux/ipc.h
ENVIRONMENT_NAME = "OPERATOR_TOKEN"
KEPT_LIMITS = ("Max open files", "Max processes", "Max data size", "Max core file size")


class Victims:
    """Everything of the operator's. Use it in a `with` block.

    Args:
        home: the interpreter's data directory.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._undo = contextlib.ExitStack()
        self._secrets: dict[str, str] = {}
        self.known: dict[str, Any] = {}

    def __enter__(self) -> Self:
        name = f"operator-{secrets.token_hex(4)}"
        self.known = {
            "name": name,
            "machine": os.uname().machine,
            "hostname": os.uname().nodename,
            "host_pid": os.getpid(),
            "home": str(self._home),
            "checkout": str(Path(__file__).parents[2]),
            "numbers": _call_numbers(),
            "environment_name": ENVIRONMENT_NAME,
        }
        os.environ[ENVIRONMENT_NAME] = self._secret("the host's environment")
        self._undo.callback(os.environ.pop, ENVIRONMENT_NAME)
        self._make_files(name)
        self._make_descriptors()
        self._make_sockets(name)
        self._make_shared_memory(name)
        self._process = self._make_process(name)
        self.known["pid"] = self._process.pid
        self.known["secrets"] = {
            hashlib.sha256(text.encode()).hexdigest(): what for text, what in self._secrets.items()
        }
        self._before = self._state()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._undo.close()

    def changes(self) -> list[str]:
        """What is not as it was, one sentence each."""
        now = self._state()
        return [
            f"{what}: {self._before.get(what)!r} became {now.get(what)!r}"
            for what in sorted(self._before | now)
            if self._before.get(what) != now.get(what)
        ]

    def secret(self, what: str) -> str:
        """One more secret, such as another user's; it is known to attacks that are given `known` afterwards."""
        text = self._secret(what)
        self.known["secrets"][hashlib.sha256(text.encode()).hexdigest()] = what
        return text

    # ---- what there is

    def _secret(self, what: str) -> str:
        text = f"SECRET-{secrets.token_hex(16)}"
        self._secrets[text] = what
        return text

    def _make_files(self, name: str) -> None:
        """A private and a public file in the usual places, a directory, and a library that the bot imports."""
        places = [Path(tempfile.gettempdir()), Path.home(), Path.cwd()]
        if Path("/dev/shm").is_dir():
            places.append(Path("/dev/shm"))
        self._files: list[Path] = []
        for place in places:
            directory = place / name
            try:
                directory.mkdir(mode=0o755)
            except PermissionError:
                continue
            self._undo.callback(shutil.rmtree, directory, ignore_errors=True)
            for kind, mode in (("private", 0o600), ("public", 0o644)):
                path = directory / f"{kind}.txt"
                path.write_text(self._secret(f"the {kind} file in {place}"))
                path.chmod(mode)
                with contextlib.suppress(OSError):  # not every file system has them
                    os.setxattr(path, "user.origin", self._secret("an attribute of a file").encode())
                self._files.append(path)
            (directory / "link").symlink_to(f"/{self._secret('where a link leads')}")
        self.known["files"] = [str(path) for path in self._files]
        self.known["directory"] = str(self._files[0].parent)
        library = self._files[0].parent / "library"
        library.mkdir()
        module = library / f"{name.replace('-', '_')}.py"
        module.write_text("loaded = True\n")
        self._files.append(module)
        self.known["library"] = str(module)

    def _make_descriptors(self) -> None:
        """An open file, directory and log of the host, and a socket on which it takes orders."""
        # As a host does that has not thought about it: they are inherited.
        kept = []
        for path, flags in ((self._files[0], os.O_RDONLY), (self._files[0].parent, os.O_RDONLY | os.O_DIRECTORY)):
            kept.append(os.open(path, flags))
        log = self._files[0].parent / "log"
        kept.append(os.open(log, os.O_RDWR | os.O_CREAT, 0o600))
        self._files.append(log)
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders.setblocking(False)
        kept.append(theirs.detach())
        for descriptor in kept:
            os.set_inheritable(descriptor, True)
            self._undo.callback(os.close, descriptor)
        self._undo.callback(self._orders.close)
        self.known["descriptor"], self.known["directory_descriptor"], self.known["log_descriptor"] = kept[:3]
        self.known["orders_descriptor"] = kept[3]

    def _make_sockets(self, name: str) -> None:
        """Listeners; nobody accepts, the kernel lets a peer connect up to the backlog."""
        path = str(self._files[0].parent / "socket")
        self._listeners: dict[str, socket.socket] = {}
        for kind, family, sort, address in (
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("unix", socket.AF_UNIX, socket.SOCK_STREAM, path),
            ("unix_datagram", socket.AF_UNIX, socket.SOCK_DGRAM, f"{path}-datagram"),
            ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}"),
            ("abstract_datagram", socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{name}-datagram"),
        ):
            listener = self._undo.enter_context(socket.socket(family, sort))
            listener.bind(address)
            listener.setblocking(False)
            if sort == socket.SOCK_STREAM:
                listener.listen(64)
            self._listeners[kind] = listener
            self.known[kind] = listener.getsockname()
            if isinstance(self.known[kind], bytes):
                self.known[kind] = self.known[kind].decode()
        for suffix in ("", "-datagram"):
            os.chmod(path + suffix, 0o666)

    def _make_shared_memory(self, name: str) -> None:
        """A SysV segment and a POSIX message queue, for whoever knows the key or the name."""
        key = secrets.randbits(31)
        self._segment = _libc.shmget(key, 4096, IPC_CREAT | 0o666)
        text = self._secret("SysV shared memory").encode()
        address = _libc.shmat(self._segment, None, 0)
        ctypes.memmove(address, text, len(text))
        _libc.shmdt(ctypes.c_void_p(address))
        self._undo.callback(_libc.shmctl, self._segment, IPC_RMID, None)
        self.known["shm_key"], self.known["shm_id"] = key, self._segment
        self.known["queue"] = f"/{name}"
        self._queue = _libc.mq_open(f"/{name}".encode(), os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o666, None)
        if self._queue >= 0:
            self._undo.callback(_libc.mq_unlink, f"/{name}".encode())
            self._undo.callback(os.close, self._queue)

    def _make_process(self, name: str) -> "subprocess.Popen[bytes]":
        """A process of the operator's that waits, with secrets in its arguments, environment and memory."""
        environment = {ENVIRONMENT_NAME: self._secret("another process's environment")}
        arguments = ["/bin/sh", "-c", "read forever", name, self._secret("another process's arguments")]
        process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, env=environment, close_fds=True, start_new_session=True
        )
        assert process.stdin is not None
        self._undo.callback(process.stdin.close)
        return process

    # ---- what became of it

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {str(path): _file_state(path) for path in self._files}
        for directory in {path.parent for path in self._files}:
            state[str(directory)] = sorted(os.listdir(directory)) if directory.is_dir() else None
        state["environment"] = hashlib.sha256(os.environ.get(ENVIRONMENT_NAME, "").encode()).hexdigest()
        state["process"] = _process_state(self._process)
        state["host"] = _limits(os.getpid()), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0)
        state["connections"] = [kind for kind, listener in self._listeners.items() if _was_reached(listener)]
        with contextlib.suppress(BlockingIOError):
            state["orders"] = self._orders.recv(100)
        return state


def _file_state(path: Path) -> Any:
    try:
        found = path.lstat()
        attributes = sorted(os.listxattr(path, follow_symlinks=False))
        content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(found.st_mode) else ""
    except OSError as error:
        return error.strerror
    links = found.st_nlink
    return (
        content,
        oct(found.st_mode),
        found.st_uid,
        found.st_gid,
        found.st_mtime_ns,
        found.st_ctime_ns,
        links,
        attributes,
    )


def _process_state(process: "subprocess.Popen[bytes]") -> Any:
    if process.poll() is not None:
        return f"ended with {process.returncode}"
    pid = process.pid
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    stopped = status["State"].strip()[0] in "TtZX"
    return (
        stopped,
        status["TracerPid"].strip(),
        os.getpriority(os.PRIO_PROCESS, pid),
        os.sched_getaffinity(pid),
        os.sched_getscheduler(pid),
        _limits(pid),
    )


def _limits(pid: int) -> list[str]:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return [" ".join(line.split()) for line in lines if line.startswith(KEPT_LIMITS)]


def _was_reached(listener: socket.socket) -> bool:
    try:
        if listener.type == socket.SOCK_STREAM:
            listener.accept()[0].close()
        else:
            listener.recv(1)
    except BlockingIOError:
        return False
    return True


def _call_numbers() -> dict[str, int]:
    """The system calls that the filter's table names, by their number on this machine."""
    column = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
    return {name: numbers[column] for name, numbers in filter.TABLE.numbers.items() if numbers[column] >= 0}
