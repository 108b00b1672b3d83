"""The watchdog ends what is over a limit, says why, and is held up by nobody: with real sandboxes."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plugin import result
from plugin.config import Settings
from plugin.packages.venv import Environments
from plugin.sandbox import usage, watchdog
from plugin.sandbox.pool import Pool
from plugin.sandbox.template import Library
from tests.conftest import LIGHT_ENVIRONMENT

GiB = 1024**3
WAITS = "import signal; signal.pause()"
TEN = f"import os\nfor _ in range(9):\n  if not os.fork(): break\n{WAITS}"
FORKS_WITHOUT_A_SOCKET = f"import os\nfor fd in range(3, 20):\n  try: os.close(fd)\n  except OSError: pass\n{TEN}"


@pytest.fixture(scope="module")
async def pool(light_home: Path) -> AsyncIterator[Pool]:
    """One that makes each sandbox when it is asked for."""
    environment = await Environments(light_home, None).ready([], print)
    settings = Settings(home=light_home, pool_min=0, policy="sandbox-only")
    pool = Pool(settings, Library(environment.site_packages, environment.font_cache), [])
    await pool.start()
    yield pool
    await pool.aclose()


async def outcome_of(pool: Pool, code: str, limits: usage.Limits, *others: Callable[[], object]) -> result.Outcome:
    """How code ends that has a second watchdog, of these limits, beside the pool's own; the others run in threads meanwhile."""
    async with pool.sandbox() as sandbox:
        sandbox.listen(1000, None)
        await sandbox.parse(code, {"image_pixels": 1}, at_once=True)
        for other in others:
            asyncio.get_running_loop().run_in_executor(None, other)
        with ThreadPoolExecutor(1) as threads:
            watching = asyncio.create_task(watchdog.watch(sandbox, limits, threads))
            deadline = asyncio.get_running_loop().time() + 30
            run = await sandbox.run({}, {}, timeout=30, deadline=deadline)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    return run.outcome


@pytest.mark.parametrize(
    ("code", "limits", "sentence", "return_code"),
    [
        pytest.param(
            TEN,
            usage.Limits(GiB, 0, 9),
            "Too many processes: the code had more than 9 processes and threads at once",
            137,
            id="processes",
        ),
        pytest.param(
            f"import threading, signal\nfor _ in range(9): threading.Thread(target=signal.pause).start()\n{WAITS}",
            usage.Limits(GiB, 0, 9),
            "Too many processes: the code had more than 9 processes and threads at once",
            137,
            id="threads",
        ),
        pytest.param(
            FORKS_WITHOUT_A_SOCKET,
            usage.Limits(GiB, 0, 9),
            "Too many processes: the code had more than 9 processes and threads at once",
            137,
            id="processes of one that hung up",
        ),
        pytest.param(
            f"x = bytearray(200 << 20)\n{WAITS}",
            usage.Limits(200 << 20, 0, 9),
            "Out of memory: the code needed more than 512 MiB",
            -3,
            id="memory",
        ),
        pytest.param(
            WAITS,
            usage.Limits(GiB, 0, 9, look_seconds=0),
            "The code was stopped: its memory is in too many pieces, or too many processes, to be counted",
            137,
            id="a look that takes too long",
        ),
    ],
)
async def test_what_is_over_a_limit_is_ended_and_told(
    pool: Pool, code: str, limits: usage.Limits, sentence: str, return_code: int
) -> None:
    """One sentence each, and a return code that a caller can tell apart from a timeout."""
    outcome = await outcome_of(pool, code, limits)
    assert (outcome.sentence, outcome.return_code) == (sentence, return_code)


async def test_what_is_within_its_limits_goes_on(pool: Pool) -> None:
    """As many processes as it may have, and looks that go on until the end."""
    code = TEN.replace(WAITS, "import time; time.sleep(1)")
    assert await outcome_of(pool, code, usage.Limits(GiB, 0, 10)) == result.OK


async def test_other_work_in_threads_does_not_hold_it_up(pool: Pool) -> None:
    """Every thread of the loop's own executor is taken until the sandbox has ended."""
    release = threading.Event()
    ended = asyncio.create_task(outcome_of(pool, TEN, usage.Limits(GiB, 0, 9), *[release.wait] * 64))
    ended.add_done_callback(lambda _: release.set())
    assert (await ended).return_code == 137


@pytest.mark.parametrize(("look_seconds", "pause"), [(0, 0.1), (0.001, 0.1), (0.02, 0.18), (1, 9)])
def test_looks_take_a_tenth_of_a_core_at_most(look_seconds: float, pause: float) -> None:
    """However long one takes."""
    assert watchdog.pause_after(look_seconds) == pytest.approx(pause)


NO_DESCRIPTORS = """
import asyncio, logging, os, resource, sys
from plugin import Interpreter
from plugin.events import Stdout

taken = []

def take(event):
    # Every descriptor that this process may still have, once the cell runs.
    try:
        while isinstance(event, Stdout): taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass

class GiveBack(logging.Handler):
    def emit(self, record):
        print(record.name, record.getMessage())
        while taken: os.close(taken.pop())

async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    logging.getLogger("cellblock").addHandler(GiveBack(logging.ERROR))
    async with Interpreter(home=sys.argv[1], policy="sandbox-only", pool_min=0) as interpreter:
        await interpreter.warm()
        hang = "print('go', flush=True)\\nwhile True: pass"
        result = await interpreter.run(hang, user_id=1, timeout=20, on_event=take)
        print(result.return_code, result.error)
        print((await interpreter.run("print(1)", user_id=1)).output)

asyncio.run(main())
"""


def test_what_cannot_be_measured_is_ended_and_logged(light_home: Path) -> None:
    """Here because this process has no descriptors left: the cell is lost, which is not its own fault, and the next one runs."""
    command = [sys.executable, "-c", NO_DESCRIPTORS, str(light_home)]
    done = subprocess.run(command, env=os.environ | LIGHT_ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    logged, told, after = done.stdout.strip().splitlines()
    assert (
        logged.startswith("cellblock.sandbox sandbox ") and "cannot be measured" in logged and "Too many open" in logged
    )
    assert told == f"{result.LOST.return_code} {result.LOST.sentence}"
    assert after == "1"
