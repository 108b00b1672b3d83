"""The yardstick: a process like the zygote that times its own bare and jailed forks when it is asked to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Literal

from plugin import Settings
from plugin.packages.venv import Environment
from plugin.sandbox.keeper import Keeper
from plugin.sandbox.levels import Level
from plugin.sandbox.template import Library

from .home import HOME
from .zygote_programs import in_place_of_the_zygote

Kind = Literal["bare", "jailed"]
MAX_ANSWER_BYTES = 64 * 1024
ANSWER_SECONDS = 60.0  # more than the zygote gives a child that does not answer
FORKS_AT_ONCE = 20  # that a rate is made of: they are asked for by one message


class Yardstick:
    """Asks a zygote that runs zygote_timing_forks.py.

    Args:
        keeper: of that zygote; started. It never spawns.
    """

    def __init__(self, keeper: Keeper) -> None:
        assert keeper._control is not None and keeper._launched is not None
        self._keeper = keeper
        self._control = keeper._control
        self._launched = keeper._launched
        asyncio.get_running_loop().remove_reader(self._control)  # the keeper's: what comes now is for us

    async def seconds(self, kind: Kind, count: int = 1) -> list[float]:
        """How long so many forks took, from before each to its byte's arrival."""
        return [ready for ready, _ in await self._ask(kind, count)]

    async def a_second(self, kind: Kind, seconds: float) -> float:
        """How many forks a second a loop makes that awaits each one's end, looked at for so long."""
        ended: list[float] = []
        while sum(ended) < seconds:
            ended += [end for _, end in await self._ask(kind, FORKS_AT_ONCE)]
        return len(ended) / sum(ended)

    async def steps(self, count: int) -> list[dict[str, float]]:
        """How long each step of a sandbox's birth took, for so many sandboxes; a step within another is indented."""
        births = [(await self._ask("steps", 1))[0] for _ in range(count)]
        return [{"  " * depth + name: seconds for name, depth, seconds in steps} for steps in births]

    async def _ask(self, kind: str, count: int) -> Any:
        """Each fork has a place of its own, which the keeper gives and clears as for a sandbox, off the clock.

        Raises:
            RuntimeError: the zygote ended.
        """
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as cleared:
            places = []
            for _ in range(count):
                place, clear = self._keeper._place(self._launched)
                places.append(place)
                cleared.callback(clear)
            async with asyncio.timeout(ANSWER_SECONDS):
                await loop.sock_sendall(self._control, json.dumps({"kind": kind, "places": places}).encode())
                answer = await loop.sock_recv(self._control, MAX_ANSWER_BYTES)
        if not answer:
            raise RuntimeError(f"the yardstick's zygote ended: {await self._keeper.last_words()}")
        return json.loads(answer)


@contextlib.asynccontextmanager
async def yardstick(environment: Environment, level: Level) -> AsyncIterator[Yardstick]:
    """A yardstick over the benchmarks' environment, as warm as the zygote of an interpreter at this level."""
    keeper = Keeper(Settings(home=HOME), level, Library(environment.site_packages, environment.font_cache), [])
    with in_place_of_the_zygote("zygote_timing_forks.py"):
        await keeper.start()
    try:
        forks = Yardstick(keeper)
        await forks.seconds("bare", 5)
        await forks.seconds("jailed", 5)
        yield forks
    finally:
        await keeper.aclose()
