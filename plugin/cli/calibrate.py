"""`cellblock calibrate`: rules of counting for a model that nobody fitted, from the server's own counts."""

import asyncio
from typing import Annotated

import typer

from token_counter.calibrate import Calibration, calibrate
from token_counter.errors import MissingExtra, TokenCounterError
from token_counter.local_models import save

from .terminal import shown


def command(
    model: Annotated[str, typer.Argument(help="As the API names it, such as gpt-7-mini.")],
    context: Annotated[int | None, typer.Option(min=1, help="Tokens that input and output share.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Find the rules, and write nothing.")] = False,
) -> None:
    """Have the server count some thirty small requests, and write a row of rules for this user.

    The requests go to the input-token count of the Responses API, which answers nothing but numbers. OPENAI_API_KEY and
    OPENAI_BASE_URL say who is asked. What Chat Completions adds cannot be asked: it is taken from the family most like it.

    Example: cellblock calibrate gpt-7-mini --context 400000
    """
    try:
        found = asyncio.run(_calibrated(model, context))
        _show(found)
        if not dry_run:
            typer.echo(f"written to {save(found.rule)}")
    except TokenCounterError as error:
        typer.echo(f"cellblock: {shown(str(error))}", err=True)
        raise typer.Exit(1) from None


async def _calibrated(model: str, context: int | None) -> Calibration:
    try:
        from openai import AsyncOpenAI, OpenAIError
    except ImportError:
        raise MissingExtra("cellblock calibrate", "openai") from None
    try:
        client = AsyncOpenAI()
    except OpenAIError as error:  # no key
        raise TokenCounterError(f"the server cannot be asked: {error}") from None
    async with client:
        return await calibrate(client, model, context)


def _show(found: Calibration) -> None:
    rule = found.rule
    typer.echo(f"{shown(rule.row)}: {rule.encoding}, images {rule.images or 'none'}, context {rule.context:,}")
    typer.echo(f"{found.exact} of {found.asked} of the server's counts are met")
    for name, difference in found.off.items():
        typer.echo(f"  {name}: counted {difference:+d}")
    if found.refused:
        typer.echo(f"the server would not count: {', '.join(found.refused)}")
