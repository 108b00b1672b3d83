"""Fresh sandboxes a second: several users call `Interpreter.run("pass")` without a pause.

Slices of that alternate with slices of the loop that forks, jails and waits for the exit, one after the other.
"""

import asyncio
import time

from plugin import Interpreter
from plugin.packages.venv import Environment

from . import quiet
from .figures import Findings
from .home import HOME
from .host import Level
from .yardstick import yardstick

USERS = 6
SLICES, SLICE_SECONDS = 5, 1.5


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    ran, jailed = [], []
    async with Interpreter(home=HOME) as interpreter, yardstick(environment, level) as forks:
        await interpreter.warm()
        pool = await quiet.pool_of(interpreter)
        await sandboxes_a_second(interpreter, SLICE_SECONDS / 3)
        for _ in range(SLICES):
            await quiet.settled(pool)
            ran.append(await sandboxes_a_second(interpreter, SLICE_SECONDS))
            await quiet.settled(pool)
            jailed.append(await forks.a_second("jailed", SLICE_SECONDS))
    calls = found.add(f"fresh sandboxes, {USERS} users at once", "/s", ran)
    loop = found.add("fork+jail+exit, between these calls", "/s", jailed)
    found.measured["throughput"] = calls.median / loop.median
    return found


async def sandboxes_a_second(interpreter: Interpreter, seconds: float) -> float:
    """How many calls a second so many users finish together."""
    started = time.perf_counter()
    counts = await asyncio.gather(*(_calls_of(interpreter, f"user-{user}", started + seconds) for user in range(USERS)))
    return sum(counts) / (time.perf_counter() - started)


async def _calls_of(interpreter: Interpreter, user_id: str, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        result = await interpreter.run("pass", user_id=user_id)
        if not result.success:
            raise RuntimeError(f"a call failed: {result}")
        count += 1
    return count
