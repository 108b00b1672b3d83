"""The yardstick: a process like the zygote that times its own bare and jailed forks when it is asked to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Literal

from plugin import Settings
from plugin.packages.venv import Environment
from plugin.sandbox.keeper import Keeper

from .home import HOME
from .zygote_programs import in_place_of_the_zygote

Kind = Literal["bare", "jailed"]
MAX_ANSWER_BYTES = 64 * 1024


class Yardstick(Keeper):
    """A keeper whose zygote runs zygote_timing_forks.py: it answers one question at a time and never spawns."""

    _answer: "asyncio.Future[Any] | None" = None

    async def seconds(self, kind: Kind, count: int = 1) -> list[float]:
        """How long so many forks took, from before each to its byte's arrival."""
        times: list[float] = await self._ask({"kind": kind, "count": count})
        return times

    async def a_second(self, kind: Kind, seconds: float) -> float:
        """How many forks a second a loop makes that awaits each one's end."""
        rate: float = await self._ask({"kind": kind, "seconds": seconds})
        return rate

    async def steps(self, count: int) -> list[dict[str, float]]:
        """How long each step of a sandbox's birth took, for so many sandboxes."""
        return [(await self._ask({"kind": "steps", "count": 1}))[0] for _ in range(count)]

    async def _ask(self, request: dict[str, Any]) -> Any:
        assert self._control is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._control.send(json.dumps(request).encode())
        return await self._answer

    def _on_message(self) -> None:
        if self._answer is None:
            super()._on_message()  # the zygote is ready
            return
        assert self._control is not None
        body = self._control.recv(MAX_ANSWER_BYTES)
        if body:
            self._answer.set_result(json.loads(body))
        else:
            asyncio.get_running_loop().remove_reader(self._control)
            self._answer.set_exception(RuntimeError(self._complaint()))


@contextlib.asynccontextmanager
async def yardstick(environment: Environment) -> AsyncIterator[Yardstick]:
    """A yardstick over the benchmarks' environment, as warm as the zygote of an interpreter."""
    keeper = Yardstick(Settings(home=HOME), environment.site_packages, environment.font_cache, [])
    with in_place_of_the_zygote("zygote_timing_forks.py"):
        await keeper.start()
    try:
        await keeper.seconds("bare", 5)
        await keeper.seconds("jailed", 5)
        yield keeper
    finally:
        await keeper.aclose()
