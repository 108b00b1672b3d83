"""What remains on the host when an interpreter closes, its process ends, or any part of it is killed: nothing.

Each case runs in a process of its own, so that what it leaves can be told from what other tests hold.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.conftest import LIGHT_ENVIRONMENT
from tests.ordinary_user import OrdinaryUser

PRELUDE = """
import asyncio, filelock, os, signal, sys
from pathlib import Path
from plugin import Interpreter

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
ever = set()

def inside():
    # Processes that descend from this one, and those that once did: launcher, zygote, sandboxes.
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z" or int(parent) == os.getpid():  # others are their parent's to wait for
                parents[int(pid)] = int(parent)
        except (FileNotFoundError, ProcessLookupError):
            pass
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    ever.update(found - {os.getpid()})
    return ever & set(parents)

settings = dict(home=sys.argv[1], policy="sandbox-only", memory_bytes=256 * 1024**2)
if sys.argv[2] == "landlock":
    sys.path.insert(0, sys.argv[3])
    import refusing
    refused = refusing.launchers_refused(*refusing.NAMESPACES_REFUSED)
    refused.__enter__()
grounds = [Path(sys.argv[1]) / "run", Path("/var/tmp")]

def directories():
    return {path for ground in grounds for path in ground.glob("cellblock-*")}

before_all = directories()

async def left():
    # What nobody holds; another bot's may be seen between its making and its locking, so a look decides only after a while.
    for _ in range(50):
        found = []
        for path in directories() - before_all:
            try:
                with filelock.FileLock(path / "lock").acquire(timeout=0):
                    found.append(path)
            except (filelock.Timeout, FileNotFoundError):
                pass
        if not found:
            break
        await asyncio.sleep(0.1)
    return found
"""


@pytest.fixture(params=["namespaces", "landlock"])
def level(request: pytest.FixtureRequest) -> str:
    """The promise is the same at both."""
    return str(request.param)


def run(home: Path, level: str, body: str) -> subprocess.Popen[str]:
    program = (
        PRELUDE + "async def main():\n" + textwrap.indent(textwrap.dedent(body), "    ") + "\nasyncio.run(main())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, str(home), level, str(Path(__file__).parent)],
        env=os.environ | LIGHT_ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_aclose_ends_running_calls_and_leaves_nothing(light_home: Path, level: str) -> None:
    """Calls that were cancelled, finished or still running when it closed leave no process, descriptor, task or cgroup."""
    child = run(
        light_home,
        level,
        """
        before = len(os.listdir("/proc/self/fd"))
        async with Interpreter(**settings) as interpreter:
            runs = asyncio.Semaphore(0)
            def on_event(event):
                runs.release() if getattr(event, "text", "") else None
            code = "print('go')\\nwhile True: pass"
            calls = [asyncio.create_task(interpreter.run(code, user_id=i, timeout=60, on_event=on_event)) for i in range(4)]
            for _ in calls:
                await runs.acquire()
            await interpreter.run("import os\\nfor _ in range(5): os.fork()", user_id="m", timeout=30)
            calls[0].cancel()
            await asyncio.wait(calls[:1])
            assert calls[0].cancelled() and len(inside()) > 4
        results = await asyncio.gather(*calls[1:])
        assert [result.return_code for result in results] == [-4] * 3, results
        assert inside() == set(), inside()
        assert asyncio.all_tasks() == {asyncio.current_task()}, asyncio.all_tasks()
        assert len(os.listdir("/proc/self/fd")) == before, [os.readlink(f"/proc/self/fd/{fd}") for fd in range(9)]
        assert not list(Path("/sys/fs/cgroup").glob(f"**/cellblock-{os.getpid()}-*"))
        assert await left() == []
        """,
    )
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0, output


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_killed_host_process_takes_its_sandboxes_along(light_home: Path, level: str, how: signal.Signals) -> None:
    """However the operator's process ends, its zygote and sandboxes end with it."""
    child = run(
        light_home,
        level,
        """
        interpreter = Interpreter(**settings)
        async for event in interpreter.stream("import os\\ntry: os.fork()\\nexcept PermissionError: pass\\nprint('go')\\nwhile True: pass", user_id=1, timeout=60):
            if getattr(event, "text", ""):
                print(*inside(), flush=True)
        """,
    )
    assert child.stdout is not None
    pids = [int(pid) for pid in child.stdout.readline().split()]
    assert len(pids) >= 3
    child.send_signal(how)
    try:
        child.communicate(timeout=30)
    finally:
        child.kill()
    deadline = time.monotonic() + 5
    while alive(pids) and time.monotonic() < deadline:
        os.sched_yield()
    assert alive(pids) == []


def test_a_killed_zygote_costs_only_the_calls_that_ran(light_home: Path, level: str) -> None:
    """The cell that ran is lost and says so; the next call gets a new zygote."""
    child = run(
        light_home,
        level,
        """
        async with Interpreter(**settings) as interpreter:
            await interpreter.warm()
            zygote = min(pid for pid in inside() if b"inside.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes())
            async for event in interpreter.stream("print('go')\\nwhile True: pass", user_id=1, timeout=30):
                if getattr(event, "text", ""):
                    os.kill(zygote, signal.SIGKILL)
            assert event.result.return_code == -4, event
            runs = [interpreter.run(f"print({number})", user_id=number) for number in range(8)]
            assert [result.output for result in await asyncio.gather(*runs)] == [f"{number}\\n" for number in range(8)]
        """,
    )
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0, output


def test_a_killed_launcher_takes_the_zygote_and_its_sandboxes_along(light_home: Path, level: str) -> None:
    """Also what a cell had forked away from its first process; then the next call gets new ones."""
    child = run(
        light_home,
        level,
        """
        async with Interpreter(**settings) as interpreter:
            await interpreter.warm()
            launcher = next(pid for pid in inside() if b"inside.launcher" in Path(f"/proc/{pid}/cmdline").read_bytes())
            code = "import os, time\\ntry:\\n  for _ in range(3):\\n    if os.fork() == 0: os.setpgid(0, 0) or os.fork(); time.sleep(60)"
            code += "\\nexcept PermissionError: pass\\nprint('go', flush=True)\\nwhile True: pass"
            async for event in interpreter.stream(code, user_id=1, timeout=30):
                if getattr(event, "text", ""):
                    old = inside()
                    assert len(old) >= 3, old
                    os.kill(launcher, signal.SIGKILL)
            assert event.result.return_code == -4, event
            assert (await interpreter.run("print(1)", user_id=2)).output == "1\\n"
            assert not old & inside(), old & inside()
        assert await left() == []
        """,
    )
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0, output


def test_the_default_interpreter_ends_with_its_loop(light_home: Path) -> None:
    """asyncio.run after asyncio.run: each loop has its own interpreter, which is gone when the loop is."""
    program = """
import asyncio, os
from plugin import execute_code
for number in range(2):
    result = asyncio.run(execute_code(f"print({number})", user_id=1))
    assert result["output"] == f"{number}\\n", result
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        continue
    raise AssertionError("a child is left")
"""
    environment = os.environ | LIGHT_ENVIRONMENT | {"CELLBLOCK_HOME": str(light_home)}
    done = subprocess.run(
        [sys.executable, "-c", program.replace("\\\\", "\\")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="the limit is of a uid that nobody else has: only root can take one")
def test_a_user_without_processes_left_loses_no_running_call(built_venv: Path) -> None:
    """Where cells have used up what the bot's uid may fork, no further one starts, and those that run go on."""
    program = """
import asyncio, resource, sys
from plugin import Interpreter
from plugin.errors import SandboxLost
resource.setrlimit(resource.RLIMIT_NPROC, (100, 100))
forks = "import os, time\\nfor _ in range(70):\\n  try:\\n    if not os.fork(): time.sleep(9)\\n  except OSError: break\\nprint('full', flush=True)\\ntime.sleep(3)"
async def main():
    async with Interpreter(home=sys.argv[1], level="namespaces", policy="sandbox-only", pool_min=0) as interpreter:
        await interpreter.warm()
        full = asyncio.Semaphore(0)
        calls = [asyncio.create_task(interpreter.run(
            forks, user_id=number, timeout=30, on_event=lambda event: full.release() if getattr(event, "text", "") else None
        )) for number in range(2)]
        for _ in calls:
            await full.acquire()
        try:
            print((await interpreter.run("print(1)", user_id="ann")).output)
        except SandboxLost as error:
            print(error)
        print([call.success for call in await asyncio.gather(*calls)])
        while True:  # until the kernel has done away with their processes
            try:
                print((await interpreter.run("print(1)", user_id="ann")).output)
                break
            except SandboxLost:
                await asyncio.sleep(0.1)
asyncio.run(main())
"""
    with OrdinaryUser(built_venv) as user:
        done = subprocess.run(
            [*user.python, "-c", program, str(user.home)],
            **user.options,
            capture_output=True,
            text=True,
            timeout=90,
        )
    assert done.stdout.splitlines()[-3:] == ["[True, True]", "1", ""], (done.stdout, done.stderr)


def test_calls_cancelled_at_any_moment_leave_nothing(light_home: Path, level: str) -> None:
    """Sixty calls, each cancelled a little later than the last, from before its sandbox to after its end."""
    child = run(
        light_home,
        level,
        """
        import warnings
        warnings.simplefilter("error")
        before = len(os.listdir("/proc/self/fd"))
        interpreter = Interpreter(**settings)
        await interpreter.warm()
        for number in range(60):
            call = asyncio.create_task(interpreter.run("open('x', 'w').write('y')", user_id=number))
            await asyncio.wait([call], timeout=number / 4000)
            call.cancel()
            await asyncio.wait([call])
        assert (await interpreter.run("print(1)", user_id=1)).output == "1\\n"
        assert inside()
        await interpreter.aclose()
        assert inside() == set(), inside()
        assert asyncio.all_tasks() == {asyncio.current_task()}, asyncio.all_tasks()
        assert len(os.listdir("/proc/self/fd")) == before
        assert await left() == []
        """,
    )
    output, _ = child.communicate(timeout=120)
    assert child.returncode == 0 and "Warning" not in output, output
