"""Level landlock as root: what a cell leaves running is found by its uid, whatever it calls itself, and its disk is counted."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from refusing import NAMESPACES_REFUSED, launchers_refused

from plugin import Interpreter
from tests.conftest import LIGHT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="without root a sandbox has one process and the bot's uid")

DAEMON = """
import ctypes, os, time
libc = ctypes.CDLL(None)
if os.fork() == 0:
    if os.fork() == 0:
        libc.prctl(15, {name!r})
        open('ready', 'w').close()
        time.sleep(60)
    os._exit(0)
while not os.path.exists('ready'): time.sleep(0.01)
print(os.getuid())
"""


@pytest.fixture(scope="module")
async def interpreter(light_home: Path) -> AsyncIterator[Interpreter]:
    async with contextlib.AsyncExitStack() as stack:
        with launchers_refused(*NAMESPACES_REFUSED):
            interpreter = Interpreter(home=light_home, policy="sandbox-only", work_bytes=64 * 1024**2, **LIGHT)
            await stack.enter_async_context(interpreter)
            await interpreter.warm()
        yield interpreter


def alive(uid: int) -> list[str]:
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and _owner(pid) == uid]


def _owner(pid: str) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except FileNotFoundError:
        return -1


@pytest.mark.parametrize("name", [b"plain", b"\rUid:\t7", b"\xff\xfe", b"a\x0cb", b"x\x85State:\tZ", b"\\nUid:\t7"])
async def test_no_name_hides_a_daemon(interpreter: Interpreter, name: bytes) -> None:
    """A process's name stands in /proc/PID/status before its uid. Killed with its cell, and no zygote dies of reading it."""
    result = await interpreter.run(DAEMON.format(name=name), user_id="mallory")
    assert result.error == ""
    await interpreter.run("print(1)", user_id="ann")
    pool = interpreter._starting
    assert pool is not None
    await asyncio.gather(*(await pool)._tasks)  # the ends of both sandboxes
    assert alive(int(result.output)) == []


async def test_a_daemon_with_a_name_does_not_outlive_the_interpreter(light_home: Path) -> None:
    """Nor does it keep it from closing when the zygote is killed first."""
    with launchers_refused(*NAMESPACES_REFUSED):
        async with Interpreter(home=light_home, policy="sandbox-only", **LIGHT) as interpreter:
            told = []
            code = DAEMON.format(name=b"\rUid:\t7\xff") + "\nwhile True: pass"
            async for event in interpreter.stream(code, user_id="mallory", timeout=30):
                if text := getattr(event, "text", ""):
                    told.append(int(text))
                    await interpreter.aclose()
    assert alive(told[0]) == []


async def test_a_thread_cannot_keep_descriptors_of_its_own(interpreter: Interpreter) -> None:
    """Deleted files that it holds would be counted by nobody."""
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
stack = ctypes.create_string_buffer(1 << 16)
THREAD, SIGHAND, VM, FILES = 0x10000, 0x800, 0x100, 0x400
print(libc.clone(libc.pause, ctypes.byref(stack, 1 << 15), THREAD | SIGHAND | VM, None), ctypes.get_errno())
import threading
thread = threading.Thread(target=print, args=('threads run',)); thread.start(); thread.join()
"""
    assert (await interpreter.run(code, user_id="mallory")).output == "-1 1\nthreads run\n"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("for i in range(10**5): open(f'{i}', 'wb').write(bytes(10**6))", id="many files"),
        pytest.param("import os\nfor i in range(10**6): os.mkdir(f'd{i}')", id="many names"),
        pytest.param(
            "import os\nheld = []\nwhile True:\n  f = open('x', 'wb'); os.unlink('x'); f.write(bytes(10**7)); f.flush(); held.append(f)",
            id="deleted files",
        ),
        pytest.param(
            "import os\nos.mkdir('d'); os.chmod('d', 0o300)\nfor i in range(10**4): open(f'd/{i}', 'wb').write(bytes(10**6))",
            id="a directory that cannot be listed",
        ),
    ],
)
async def test_the_disk_is_bounded(interpreter: Interpreter, code: str) -> None:
    """The sandbox that holds too much is ended, and says why; the next call starts clean."""
    result = await interpreter.run(code, user_id="mallory", timeout=20)
    assert "Out of disk space" in result.error and not result.success
    assert (await interpreter.run("import os; print(os.listdir('.'))", user_id="ann")).output == "[]\n"
