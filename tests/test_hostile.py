"""What hostile code gets: an end in time, a clear result, nothing of the host's, nothing of another user's."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugin import ExecutionResult, Interpreter

TIMEOUT = 3
SETTINGS = {"policy": "sandbox-only", "memory_bytes": 256 * 1024**2, "work_bytes": 64 * 1024**2}


@pytest.fixture(scope="module")
async def interpreter(home: Path) -> AsyncIterator[Interpreter]:
    """The wall alone: no policy says no before it."""
    async with Interpreter(home=home, **SETTINGS) as interpreter:
        await interpreter.warm()
        yield interpreter


async def output_of(interpreter: Interpreter, code: str, user: str = "mallory") -> str:
    """What code prints; it must succeed."""
    result = await interpreter.run(code, user_id=user, timeout=30)
    assert result.error == ""
    return result.output


@pytest.mark.parametrize(
    ("code", "told"),
    [
        pytest.param("while True: pass", "Execution timeout after 1 second", id="hang"),
        pytest.param("10**10**8", "Execution timeout", id="busy loop in C"),
        pytest.param(
            "import time\ntry: time.sleep(60)\nexcept BaseException: time.sleep(60)",
            "Execution timeout",
            id="SIGINT caught",
        ),
        pytest.param("import signal; signal.signal(2, 1)\nwhile True: pass", "Execution timeout", id="SIGINT ignored"),
        pytest.param(
            "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", "Execution timeout", id="fork bomb"
        ),
        pytest.param(
            "x = []\nwhile True: x.append('x' * 10**6)",
            "Out of memory: the code needed more than 256 MiB",
            id="memory bomb",
        ),
        pytest.param(
            "import os\nfor _ in range(8):\n  if not os.fork():\n    x = bytearray(10**8)\n    while True: pass\n"
            "while True: pass",
            "Out of memory",
            id="many processes, each below the limit",
        ),
        pytest.param("open('big', 'wb').write(bytes(10**8))", "OSError", id="disk fill, one file"),
        pytest.param(
            "for i in range(10**6): open(f'/tmp/{i}', 'wb').write(bytes(10**6))", "OSError", id="disk fill, many files"
        ),
        pytest.param("import os\nfor i in range(10**6): os.mkdir(f'd{i}')", "OSError", id="inodes"),
        pytest.param("x = [open('/dev/null') for _ in range(10**4)]", "Too many open files", id="descriptors"),
        pytest.param("import os\nwhile True: os.write(1, b'x' * 65536)", "Execution timeout", id="output without end"),
        pytest.param("import sys\nfor _ in range(1024): sys.stdout.write('x' * 2**20)", "", id="1 GB of output"),
        pytest.param("import ctypes; ctypes.string_at(0)", "SIGSEGV", id="segfault"),
        pytest.param("import os; os._exit(0)", "ended its own process", id="os._exit"),
        pytest.param("import os; os.abort()", "killed by SIG", id="abort"),
        pytest.param("import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()", "", id="recursion without a limit"),
        pytest.param("(" * 10**5 + ")" * 10**5, "too many nested", id="deeply nested source"),
        pytest.param("x = " + "-" * 10**5 + "1", "", id="deeply nested operators"),
        pytest.param("#" + "x" * (1024**2 - 1), "", id="1 MiB of comment"),
        pytest.param("x = [" + "1," * (1024**2 // 2 - 8) + "]", "", id="1 MiB of list"),
        pytest.param("", "", id="empty"),
        pytest.param(
            "import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    while True: pass",
            "",
            id="daemonised child",
        ),
        pytest.param("import os, time\nif os.fork() == 0: time.sleep(60)", "", id="child that holds stdout"),
        pytest.param(
            "import threading\nwhile True: threading.Thread(target=threading.Event().wait).start()",
            "",
            id="thread bomb",
        ),
    ],
)
async def test_every_cell_ends_in_time_and_leaves_nothing(interpreter: Interpreter, code: str, told: str) -> None:
    """Within the timeout and two seconds there is a result that says why, and the next call works."""
    timeout = 1 if told.startswith("Execution timeout") else TIMEOUT
    started = time.monotonic()
    result = await interpreter.run(code, user_id="mallory", timeout=timeout)
    took = time.monotonic() - started
    assert told in result.error
    assert took < timeout + 2
    assert result.success == (result.error == "")
    assert (
        await output_of(interpreter, "import os; print(os.listdir('.'), os.listdir(os.environ['TMPDIR']))") == "[] []\n"
    )


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param("os.write(fd, b'\\xff' * 64)", id="noise"),
        pytest.param("os.write(fd, (10**9).to_bytes(4, 'big'))", id="a huge frame"),
        pytest.param(
            "b = json.dumps({'op': 'done', 'token': '', 'kind': 'ok'}).encode(); os.write(fd, len(b).to_bytes(4, 'big') + b)",
            id="success without the token",
        ),
        pytest.param("b = b'[' * 100000; os.write(fd, len(b).to_bytes(4, 'big') + b)", id="deep JSON"),
        pytest.param("os.close(fd)", id="closed"),
    ],
)
async def test_a_forged_frame_never_makes_a_success(interpreter: Interpreter, forge: str) -> None:
    """Code that finds the protocol's descriptor spoils its own result, and only that."""
    code = f"import os, json, stat\nfor fd in range(3, 64):\n  try:\n    if stat.S_ISSOCK(os.fstat(fd).st_mode): {forge}\n  except OSError: pass\n1/0"
    result = await interpreter.run(code, user_id="mallory", timeout=TIMEOUT)
    assert not result.success and result.return_code != 0
    assert await output_of(interpreter, "print(1)") == "1\n"


FIND_TOKEN = """
import os, json, sys
def forge():
    frame = sys._getframe()
    while frame:
        if 'token' in frame.f_locals and 'peer' in frame.f_locals:
            body = json.dumps({'op': 'done', 'token': frame.f_locals['token'], 'kind': 'ok', 'error': '', 'code': 0}).encode()
            frame.f_locals['peer'].sendall(len(body).to_bytes(4, 'big') + body)
            return
        frame = frame.f_back
"""


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param("class E(Exception):\n    def __str__(self): forge(); os._exit(0)\nraise E", id="__str__"),
        pytest.param("import atexit; atexit.register(forge); 1/0", id="atexit"),
        pytest.param(
            "class R:\n    def __repr__(self): forge(); 1/0\nR()", id="a last value's repr that fails after it"
        ),
        pytest.param(
            "class R:\n    def __repr__(self):\n        try: 1/0\n        finally: forge(); os._exit(0)\nR()",
            id="a last value's repr that leaves",
        ),
        pytest.param(
            "class E(Exception):\n    def __str__(self): forge(); os._exit(0)\n"
            "class R:\n    def __repr__(self): raise E\nR()",
            id="the exception of a last value's repr",
        ),
        pytest.param("sys.displayhook = lambda v: (forge(), 1/0)\n1", id="a hook of its own"),
        pytest.param(
            "def trace(frame, event, arg):\n"
            "    if frame.f_code.co_name == '_guarded' and event == 'line':\n"
            "        import dis\n"
            "        last = max(n for _, n in dis.findlinestarts(frame.f_code) if n)\n"
            "        try: frame.f_lineno = last\n"
            "        except ValueError: pass\n"
            "    return trace\n"
            "frame = sys._getframe()\n"
            "while frame:\n    frame.f_trace = trace; frame = frame.f_back\n"
            "sys.settrace(trace)\n1/0",
            id="a trace function that jumps",
        ),
        pytest.param(
            "import atexit; atexit.register(lambda: (forge(), os._exit(0))); sys.exit(3)", id="atexit after sys.exit"
        ),
    ],
)
async def test_a_failure_stays_one_even_with_the_runners_token(interpreter: Interpreter, fail: str) -> None:
    """The host is told of a failure before any more of the cell's code runs; a success claimed later is not believed."""
    result = await interpreter.run(f"{FIND_TOKEN}\n{fail}", user_id="mallory", timeout=TIMEOUT)
    assert not result.success and result.return_code != 0


async def test_descriptors_in_flight_do_not_stop_other_sandboxes(interpreter: Interpreter) -> None:
    """The kernel counts descriptors on their way through sockets for all sandboxes together."""
    code = """
import os, socket, time
a, b = socket.socketpair(); r, w = os.pipe()
try:
    while True: socket.send_fds(a, [b'x'], [r] * 200)
except OSError as error:
    print('full', flush=True)
time.sleep(3)
"""
    full = asyncio.Event()
    flood = asyncio.create_task(
        interpreter.run(
            code, user_id="mallory", on_event=lambda event: full.set() if getattr(event, "text", "") else None
        )
    )
    await full.wait()
    for number in range(6):
        assert await output_of(interpreter, f"print({number})", f"user {number}") == f"{number}\n"
    await flood


async def test_priorities_and_groups_of_others_are_out_of_reach(interpreter: Interpreter) -> None:
    """No priority but its own, no process group or session but its own."""
    code = """
import os, signal
for which, who in ((os.PRIO_PGRP, 0), (os.PRIO_USER, 0), (os.PRIO_PROCESS, 1)):
    try:
        os.setpriority(which, who, 19); print('set', which)
    except OSError:
        pass
try:
    os.setsid(); print('setsid')
except PermissionError:
    pass
print(os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid(), os.nice(1))
"""
    assert await output_of(interpreter, code) == "True True 11\n"


async def test_small_writes_do_not_hold_the_event_loop(interpreter: Interpreter) -> None:
    """A flood of the smallest records slows its own cell down: the loop's ticks go on."""
    code = "import os\nd = b'\\x01\\x00\\x00' * 21845\nwhile True:\n  for fd in range(3, 20):\n    try: os.write(fd, d)\n    except OSError: pass"
    call = asyncio.create_task(interpreter.run(code, user_id="mallory", timeout=2))
    ticks = 0
    while not call.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert not (await call).success
    assert ticks > 30  # 200 on an idle machine, 6 without the brake


@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param(
            "import os\nfor fd in range(3, 20):\n  try: os.close(fd)\n  except OSError: pass\nwhile True: pass",
            "broke off its protocol",
            id="socket closed",
        ),
        pytest.param("raise Exception('\\ud800')", "ud800", id="lone surrogate in an exception"),
        pytest.param(
            "import os; os.mkdir('d'); open('d/f', 'w').close(); os.chmod('d', 0o400); 1/0",
            "ZeroDivisionError",
            id="directory of mode 0400",
        ),
    ],
)
async def test_odd_ends_are_told_rightly(interpreter: Interpreter, code: str, error: str) -> None:
    """The cause is the real one, and the text can be encoded."""
    result = await interpreter.run(code, user_id="mallory", timeout=TIMEOUT)
    assert error in result.error and not result.success
    assert result.error.encode()


async def test_nothing_of_the_host_can_be_read(
    interpreter: Interpreter, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No environment, home directory, process, or file of this project but the inside's own."""
    monkeypatch.setenv("SECRET_OF_THE_HOST", "hunter2")
    secrets = [str(Path.home()), str(Path(__file__)), str(home), "/etc/shadow", "/etc/hostname", "/root", "/home", "/sys", "/proc/sys",
               "/usr/local", "/var/log", "/run", "/boot", f"/proc/{os.getpid()}/environ"]  # fmt: skip
    code = f"""
import os
print([p for p in {secrets!r} if os.path.exists(p)])
print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()) == [1])
print('hunter2' in open('/proc/self/environ').read() + str(os.environ))
print(sorted(os.listdir('/')), sorted(os.listdir('/cellblock')))
print(os.listdir(os.path.dirname(os.__file__) + '/site-packages') if os.path.isdir(os.path.dirname(os.__file__) + '/site-packages') else [])
import socket as s
print(os.uname().nodename)
"""
    assert (await output_of(interpreter, code)).splitlines() == [
        "[]",
        "True",
        "False",
        "['cellblock', 'dev', 'etc', 'files', 'lib', 'lib64', 'mnt', 'proc', 'python', 'space', 'tmp', 'usr', 'var', 'venv', 'work']"
        " ['inside']",
        "[]",
        "cellblock",
    ]


async def test_the_network_is_out_of_reach(interpreter: Interpreter) -> None:
    """No socket of any family but a connected pair, so neither loopback nor the host's abstract sockets."""
    with socket.socket() as listener, socket.socket(socket.AF_UNIX) as abstract:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        abstract.bind("\0cellblock-test")
        abstract.listen()
        code = f"""
import socket
for family, address in ((socket.AF_INET, {listener.getsockname()!r}), (socket.AF_UNIX, '\\0cellblock-test'), (socket.AF_NETLINK, (0, 0))):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind).connect(address); print('connected', family, kind)
        except OSError as error:
            pass
a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))
try:
    socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
except PermissionError:
    print('no datagrams')
"""
        assert await output_of(interpreter, code) == "b'x'\nno datagrams\n"


@pytest.mark.parametrize(
    "path",
    [
        "/x",
        "/venv/x",
        "/python/x",
        "/etc/passwd",
        "/dev/x",
        "/cellblock/inside/kernel.py",
        "/usr/x",
        "/proc/sys/x",
        "/mnt/x",
        "/space/x",
    ],
)
async def test_only_the_working_directory_and_tmp_can_be_written(interpreter: Interpreter, path: str) -> None:
    """Everything else is read-only, twice over: by its mount and by landlock."""
    result = await interpreter.run(f"open({path!r}, 'a')", user_id="mallory")
    assert "Error" in result.error and not result.success


async def test_two_users_at_once_see_nothing_of_each_other(interpreter: Interpreter) -> None:
    """Files, processes, memory and /tmp of a cell that runs at the same time are not there."""
    waits = "import time\nopen('mine', 'w').write('s'); open('/tmp/mine', 'w').write('s'); print('go', flush=True); time.sleep(2)"
    started = asyncio.Event()
    other = asyncio.create_task(
        interpreter.run(
            waits, user_id="ann", on_event=lambda event: started.set() if getattr(event, "text", "") else None
        )
    )
    await started.wait()
    code = """
import os
print(os.listdir('.'), os.listdir('/tmp'), [p for p in os.listdir('/proc') if p.isdigit()])
for pid in range(2, 300):
    try:
        os.kill(pid, 0); print('seen', pid)
    except ProcessLookupError:
        pass
"""
    assert await output_of(interpreter, code) == "[] [] ['1']\n"
    assert (await other).success


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("libc.unshare(0x10000000)", id="user namespace"),
        pytest.param("libc.unshare(0x00020000)", id="mount namespace"),
        pytest.param("libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)", id="mount"),
        pytest.param("libc.chroot(b'/tmp')", id="chroot"),
        pytest.param("libc.ptrace(16, 1, 0, 0)", id="ptrace"),
        pytest.param("libc.setuid(0)", id="setuid"),
        pytest.param("libc.syscall(317, 1, 0, 0)", id="seccomp"),
        pytest.param("libc.syscall(425, 1, 0)", id="io_uring"),
        pytest.param("libc.syscall(321, 0, 0, 0)", id="bpf"),
        pytest.param("libc.syscall(323, 0)", id="userfaultfd"),
        pytest.param("libc.syscall(435, 0, 0)", id="clone3"),
        pytest.param("libc.syscall(248, 0, 0, 0, 0, 0)", id="add_key"),
        pytest.param("libc.syscall(0x40000000 | 39)", id="x32 getpid"),
        pytest.param("libc.syscall(9999)", id="a number nobody knows"),
        pytest.param("libc.memfd_create(b'x', 0)", id="memfd"),
        pytest.param("libc.shmget(0, 4096, 0o1600)", id="SysV shared memory"),
        pytest.param("libc.inotify_init()", id="inotify"),
        pytest.param("libc.personality(0x0040000)", id="personality"),
        pytest.param("libc.prlimit(2, 7, 0, 0)", id="another process's limits"),
        pytest.param("libc.setxattr(b'/work', b'user.x', b'y', 1, 0)", id="extended attributes"),
        pytest.param("libc.mknod(b'/work/null', 0o20666, 0x103)", id="device node"),
        pytest.param("libc.fcntl(0, 1024, 0)", id="lease"),
    ],
)
async def test_a_dangerous_system_call_is_refused(interpreter: Interpreter, code: str) -> None:
    """Each answers -1; the process lives on."""
    if os.uname().machine != "x86_64" and "syscall" in code:
        pytest.skip("raw numbers of x86_64; the filter's own tests simulate both architectures")
    program = f"import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nprint({code} == -1)"
    assert await output_of(interpreter, program) == "True\n"


async def test_limits_cannot_be_raised(interpreter: Interpreter) -> None:
    """Hard limits are as low as soft ones, and no capability is held that could raise them."""
    code = """
import resource
for which in (resource.RLIMIT_DATA, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
    soft, hard = resource.getrlimit(which)
    assert soft == hard
    try:
        resource.setrlimit(which, (hard, hard + 1)); print('raised', which)
    except (ValueError, OSError):
        pass
print([line for line in open('/proc/self/status') if line.startswith(('CapPrm', 'CapEff', 'CapInh', 'CapAmb')) and int(line.split()[1], 16)])
print([line.split()[1] for line in open('/proc/self/status') if line.startswith(('NoNewPrivs', 'Seccomp:'))])
"""
    assert await output_of(interpreter, code) == "[]\n['1', '2']\n"


async def test_what_is_left_behind_cannot_harm_the_collector(interpreter: Interpreter, home: Path) -> None:
    """Links, pipes, sparse giants, deep trees and odd names: taken or dropped by name, never followed, never waited for."""
    code = r"""
import os
os.symlink('/etc/passwd', 'link'); os.symlink('.', 'loop'); os.mkfifo('pipe')
with open('sparse', 'wb') as f: f.truncate(60 * 2**20)
os.makedirs('/'.join(['d'] * 100)); open('/'.join(['d'] * 100) + '/deep', 'w').close()
open('new\nline', 'w').write('n'); open(b'\xff\xfe', 'w').write('b'); open('n' * 255, 'w').write('l')
open('fine.txt', 'w').write('fine'); os.chmod('fine.txt', 0)
"""
    result = await interpreter.run(code, user_id="mallory")
    assert result.error == ""
    names = {file.filename: file.data for file in result.generated_files}
    assert b"root" not in b"".join(names.values())
    assert "newline" in names and len(names) >= 4
    dropped = " ".join(result.dropped_files)
    assert "link: not a regular file" in dropped and "pipe: not a regular file" in dropped
    assert "deeper than" in dropped


async def test_nothing_of_one_call_is_seen_by_the_next(interpreter: Interpreter) -> None:
    """Each call has a fresh process: what the last one changed in Python, on disk or in /dev/shm is gone."""
    await interpreter.run(
        "import builtins, numpy, json\nbuiltins.leak = json.leak = numpy.leak = 1\nopen('/dev/shm/leak', 'w').close()",
        user_id="ann",
    )
    code = "import builtins, numpy, json, os\nprint([hasattr(m, 'leak') for m in (builtins, numpy, json)], os.listdir('/dev/shm'))"
    assert await output_of(interpreter, code, "ann") == "[False, False, False] []\n"


async def test_many_calls_at_once(interpreter: Interpreter) -> None:
    """Sixty calls of thirty users at once each get their own result."""

    async def call(number: int) -> ExecutionResult:
        return await interpreter.run(f"print({number})", user_id=number % 30)

    results = await asyncio.gather(*(call(number) for number in range(60)))
    assert [result.output for result in results] == [f"{number}\n" for number in range(60)]
