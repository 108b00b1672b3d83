"""The two levels side by side, in turns: what jailing adds to a fork at each, and `print(1)` with a warm pool at each.

Each fork is held against a bare fork of the same zygote. It sets up both hosts itself, so it runs without `--level`.
"""

import contextlib
from collections.abc import Iterator

from plugin import Interpreter
from plugin.packages.venv import Environment

from . import quiet
from .calls import one_run
from .figures import Findings
from .home import HOME
from .host import LEVELS, Level, giving
from .yardstick import yardstick

FORK_ROUNDS, CALL_ROUNDS = 100, 300


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    bare, jailed = await _forked(environment)
    called = await _called()
    calls = {}
    for each in LEVELS:
        fork = found.add_ms(f"bare fork to ready, level {each}", bare[each])
        sandbox = found.add_ms(f"fork to jailed and ready, level {each}", jailed[each])
        found.measured[f"levels.fork.{each}"] = sandbox.median / fork.median
        calls[each] = found.add_ms(f"print(1), pool warm, level {each}", called[each])
    found.measured["levels.call"] = calls["landlock"].median / calls["namespaces"].median
    return found


async def _forked(environment: Environment) -> tuple[dict[Level, list[float]], dict[Level, list[float]]]:
    bare: dict[Level, list[float]] = {level: [] for level in LEVELS}
    jailed: dict[Level, list[float]] = {level: [] for level in LEVELS}
    async with contextlib.AsyncExitStack() as stack:
        forks = {}
        for level in LEVELS:
            with giving(level):
                forks[level] = await stack.enter_async_context(yardstick(environment, level))
        for level in _in_turns(FORK_ROUNDS):
            bare[level] += await forks[level].seconds("bare")
            jailed[level] += await forks[level].seconds("jailed")
    return bare, jailed


async def _called() -> dict[Level, list[float]]:
    called: dict[Level, list[float]] = {level: [] for level in LEVELS}
    async with contextlib.AsyncExitStack() as stack:
        interpreters = {}
        for level in LEVELS:
            with giving(level):
                interpreters[level] = await stack.enter_async_context(Interpreter(home=HOME, level=level))
                await interpreters[level].warm()
            await one_run(interpreters[level])
        for level in _in_turns(CALL_ROUNDS):
            for each in interpreters.values():
                await quiet.settled(await quiet.pool_of(each))
            called[level].append(await one_run(interpreters[level]))
    return called


def _in_turns(rounds: int) -> Iterator[Level]:
    """One after the other, each as often first: what one leaves to the kernel to clear away falls on both alike."""
    for number in range(rounds):
        yield from LEVELS if number % 2 else LEVELS[::-1]
