"""What jailing adds to a fork: a sandbox that is ready, against a bare fork of the same warm process.

The two alternate. The rates are of loops that wait for each child's end. The steps are those of a sandbox's birth up to where
it would tell the host: the runner's own, under `kernel.serve`, are not part of the figure above them.
"""

from plugin.packages.venv import Environment

from .figures import Findings
from .host import Level
from .yardstick import yardstick

ROUNDS = 150
STEP_ROUNDS = 50
RATE_SLICES, SLICE_SECONDS = 3, 0.7


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    async with yardstick(environment, level) as forks:
        bare, jailed = [], []
        for _ in range(ROUNDS):
            bare += await forks.seconds("bare")
            jailed += await forks.seconds("jailed")
        bare_rate, jailed_rate = [], []
        for _ in range(RATE_SLICES):
            bare_rate.append(await forks.a_second("bare", SLICE_SECONDS))
            jailed_rate.append(await forks.a_second("jailed", SLICE_SECONDS))
        steps = await forks.steps(STEP_ROUNDS)
    bare_figure = found.add_ms("bare fork to ready", bare)
    jailed_figure = found.add_ms("fork to jailed and ready", jailed)
    found.add("bare fork+exit", "/s", bare_rate)
    found.add("fork+jail+exit", "/s", jailed_rate)
    for name in steps[0]:
        found.add_ms(f"step: {name}", [taken[name] for taken in steps])
    found.measured["fork"] = jailed_figure.median / bare_figure.median
    return found
