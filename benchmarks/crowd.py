"""What 200 idle sandboxes do to the next one: a call, and a sandbox's birth, with them and without.

Each round measures both without, then with. Calls are `print(1)` with a warm pool; a birth is timed as the pool waits for
it, and that sandbox is gone before the next.
"""

import time

from plugin import Interpreter
from plugin.packages.venv import Environment
from plugin.sandbox.pool import Pool

from . import idle, quiet
from .calls import one_run
from .figures import Findings
from .home import HOME
from .host import Level

ROUNDS, TIMES_A_ROUND = 3, 25


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    alone, crowded = counts = (0, idle.as_many_as_possible())
    called: dict[int, list[float]] = {others: [] for others in counts}
    born: dict[int, list[float]] = {others: [] for others in counts}
    async with Interpreter(home=HOME) as interpreter:
        await interpreter.warm()
        pool = await quiet.pool_of(interpreter)
        await one_run(interpreter)
        async with idle.crowd(pool, 10):
            pass
        for _ in range(ROUNDS):
            for others in counts:
                async with idle.crowd(pool, others):
                    for _ in range(TIMES_A_ROUND):
                        called[others].append(await one_run(interpreter))
                        born[others].append(await one_birth(pool))
    calls = {others: found.add_ms(f"print(1), pool warm, {others} others idle", called[others]) for others in counts}
    births = {others: found.add_ms(f"a sandbox made, {others} others idle", born[others]) for others in counts}
    found.measured |= {
        "crowd.call": calls[crowded].median / calls[alone].median,
        "crowd.spawn": births[crowded].median / births[alone].median,
    }
    return found


async def one_birth(pool: Pool) -> float:
    """Seconds until the pool has one more sandbox, which is then ended, off the clock."""
    await quiet.settled(pool)
    started = time.perf_counter()
    sandbox = await pool._make()
    seconds = time.perf_counter() - started
    await sandbox.destroy()
    return seconds
