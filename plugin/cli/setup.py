"""`cellblock setup`: build the environment and start one sandbox, so that the first call need not."""

import asyncio
import time

import typer

from ..errors import CellblockError
from ..interpreter import Interpreter
from .progress import shown


def command() -> None:
    """Build the packages' environment and check that a sandbox starts.

    Safe to repeat: what is there is used. Exit status 0 when all is ready, 1 when something must be mended first.
    """
    try:
        asyncio.run(_setup())
    except CellblockError as error:
        typer.echo(f"cellblock: {error}", err=True)
        raise typer.Exit(1) from None


async def _setup() -> None:
    started = time.perf_counter()
    async with Interpreter() as interpreter:
        with shown() as on_event:
            await interpreter.warm(on_event)
        typer.echo(f"ready in {time.perf_counter() - started:.1f} s; data in {interpreter.settings.home}")
