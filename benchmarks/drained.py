"""`print(1)` through execute_code when no sandbox is ready (`pool_min=0`): the fork is then on the call's path.

Calls alternate with bare forks of a process like the zygote.
"""

from plugin.packages.venv import Environment

from . import quiet
from .calls import one_call
from .figures import Findings
from .host import Level
from .yardstick import yardstick

ROUNDS = 100


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    called, bare = [], []
    async with quiet.default(pool_min=0) as interpreter, yardstick(environment, level) as forks:
        pool = await quiet.pool_of(interpreter)
        await one_call(pool)
        for _ in range(ROUNDS):
            called.append(await one_call(pool))
            await quiet.settled(pool)
            bare += await forks.seconds("bare")
    call = found.add_ms("print(1) through execute_code, pool drained", called)
    fork = found.add_ms("bare fork to ready, between these calls", bare)
    found.measured |= {"drained": call.median, "drained.fork": call.median / fork.median}
    return found
