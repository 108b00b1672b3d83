"""Cells that say `await` outside of a function, as notebooks let them: all of such a cell runs within one event loop."""

import inspect
import types
from collections.abc import Callable, Iterable
from typing import Any

_loop: list[Any] = []  # an asyncio.Runner, while it is open


def run(statements: Iterable[tuple[types.CodeType, Callable[[], object]]], names: dict[str, Any]) -> None:
    """Run code objects one after the other, in a loop that `close` closes.

    Args:
        statements: each code object, and what is done when it has run.
        names: the cell's globals.
    """
    import asyncio

    _loop.append(asyncio.Runner())
    # Not Runner.run: it takes a first interruption for itself, and a cell that computes would never see it.
    _loop[0].get_loop().run_until_complete(_all(statements, names))


async def _all(statements: Iterable[tuple[types.CodeType, Callable[[], object]]], names: dict[str, Any]) -> None:
    for code, then in statements:
        result = eval(code, names)
        if code.co_flags & inspect.CO_COROUTINE:
            await result
        then()


def close() -> None:
    """Cancel what the cell has not waited for, as asyncio.run does. Code of the cell's runs in it."""
    if _loop:
        _loop.pop().close()
