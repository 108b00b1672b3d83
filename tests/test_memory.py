"""Memory is held with a cgroup and without one, and what was over the limit is named."""

import os
from pathlib import Path

import pytest
from refusing import NAMESPACES_REFUSED, launchers_refused

from plugin import Interpreter
from plugin.sandbox import cgroups
from tests.conftest import LIGHT

MANY = """
import os
for _ in range(8):
    if not os.fork():
        x = bytearray(10**8)
        while True: pass
while True: pass
"""

# The process's first thread ends (exit, not exit_group): /proc/PID tells of no memory then.
HIDDEN = """
import ctypes, os, threading
number = {"x86_64": 60, "aarch64": 93}[os.uname().machine]
def hold():
    while "zombie" not in open("/proc/self/status").read(): pass
    x = bytearray(10**8)
    while True: pass
for _ in range(8):
    if not os.fork():
        threading.Thread(target=hold).start()
        ctypes.CDLL(None).syscall(number, 0)
while True: pass
"""
TABLES = """
import mmap
NORESERVE = 0x4000
space = mmap.mmap(-1, 2**38, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE, mmap.PROT_READ)
for at in range(0, len(space), 2**21): space[at]
while True: pass
"""
ORPHANS = """
import os
for _ in range(8):
    if not os.fork():
        if os.fork(): os._exit(0)
        x = bytearray(10**8)
        while True: pass
while True: pass
"""


@pytest.mark.parametrize("cgroup", [True, False], ids=["cgroup", "no cgroup"])
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("x = bytearray(10**10)", id="one allocation"),
        pytest.param("d = {}\nfor i in range(10**9): d[i] = str(i)", id="objects"),
        pytest.param(MANY, id="many processes"),
        pytest.param(HIDDEN, id="many processes whose first thread has ended"),
        pytest.param(TABLES, id="page tables"),
    ],
)
async def test_too_much_memory_is_named(
    light_home: Path, monkeypatch: pytest.MonkeyPatch, code: str, cgroup: bool
) -> None:
    """The limit in MiB, return code -3, and the next call works."""
    if not cgroup:
        monkeypatch.setattr(cgroups, "find", lambda limit_bytes: None)
    elif (found := cgroups.find(1)) is None:
        pytest.skip("this process may not make a memory cgroup")
    else:
        found.close()
    settings = LIGHT | {"home": light_home, "policy": "sandbox-only", "memory_bytes": 256 * 1024**2, "pool_min": 0}
    async with Interpreter(**settings) as interpreter:
        result = await interpreter.run(code, user_id=1, timeout=20)
        assert (result.return_code, result.success) == (-3, False)
        assert result.error.startswith("Out of memory: the code needed more than 256 MiB")
        assert (await interpreter.run("print(1)", user_id=1)).output == "1\n"


async def test_memory_that_fits_is_there(home: Path) -> None:
    """200 MB of numpy under a limit of 256 MiB, in one process; not ten times as much."""
    async with Interpreter(home=home, memory_bytes=256 * 1024**2, pool_min=0) as interpreter:
        result = await interpreter.run("import numpy as np; x = np.ones(25 * 10**6); print(x.sum())", user_id=1)
        assert result.output == "25000000.0\n"
        result = await interpreter.run("import numpy as np; x = [np.ones(10**6) for _ in range(300)]", user_id=1)
        assert result.return_code == -3 and result.error.startswith("Out of memory: the code needed more than 256 MiB")


async def test_orphans_count_without_a_process_namespace(light_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Level landlock: what a sandbox's processes leave behind is not beneath its first process any more."""
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's sandboxes have no child processes at this level")
    monkeypatch.setattr(cgroups, "find", lambda limit_bytes: None)
    with launchers_refused(*NAMESPACES_REFUSED):
        settings = LIGHT | {"home": light_home, "policy": "sandbox-only", "memory_bytes": 256 * 1024**2}
        async with Interpreter(**settings) as interpreter:
            result = await interpreter.run(ORPHANS, user_id=1, timeout=20)
            assert result.error.startswith("Out of memory: the code needed more than 256 MiB")
            assert (await interpreter.run("print(1)", user_id=1)).output == "1\n"
