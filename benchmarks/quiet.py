"""Waits until an interpreter has nothing left to do, so that what is timed next is alone on the machine."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from plugin import Interpreter
from plugin.compat import default_interpreter
from plugin.sandbox.pool import Pool

from .home import HOME

POLL_SECONDS = 0.001  # the pool tells nobody when it is full


@contextlib.asynccontextmanager
async def default(**settings: object) -> AsyncIterator[Interpreter]:
    """The interpreter behind `execute_code`, warm, with the benchmarks' home and these settings from the environment."""
    chosen = {"home": HOME, **settings}
    changed = {f"CELLBLOCK_{name.upper()}": str(value) for name, value in chosen.items()}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        interpreter = await default_interpreter()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    await interpreter.warm()
    try:
        yield interpreter
    finally:
        await interpreter.aclose()


async def pool_of(interpreter: Interpreter) -> Pool:
    assert interpreter._starting is not None
    return await interpreter._starting


async def settled(pool: Pool) -> None:
    """Wait until the pool is full again and every sandbox of earlier calls is gone."""
    while len(pool._idle) < pool._settings.pool_min or pool._tasks:  # noqa: ASYNC110
        await asyncio.sleep(POLL_SECONDS)
