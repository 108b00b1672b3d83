"""`cellblock drift`: whether the token counter still agrees with the bill, on any file of recorded exchanges."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from token_counter.counter import TokenCounter
from token_counter.errors import TokenCounterError
from token_counter.exchanges import Drift, Outcome, count_exchanges, drift, in_all, read_exchanges

from .terminal import shown

SHOWN_OUTCOMES = 20  # exchanges that are off and named, unless --all


def command(
    exchanges: Annotated[
        Path, typer.Option("--exchanges", help="JSON Lines: endpoint, model, request, billed_input_tokens.")
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="Name every exchange that is off, not the first 20.")
    ] = False,
) -> None:
    """Count recorded requests anew and compare with their bills, a row for each family of models.

    The shares are of the bills that could be judged: exact to the token, and near, within 2 %. The mean error is in tokens
    and in per cent of the bill. Nothing is fetched: an exchange with an image behind a link, or with what only the server
    knows, is not judged.

    Example: cellblock drift --exchanges exchanges.jsonl
    """
    try:
        outcomes = asyncio.run(_outcomes(exchanges))
    except TokenCounterError as error:
        typer.echo(f"cellblock: {error}", err=True)
        raise typer.Exit(1) from None
    _show(outcomes, everything)


async def _outcomes(path: Path) -> list[Outcome]:
    async with TokenCounter(fetch_links=False) as counter:
        return [outcome async for outcome in count_exchanges(read_exchanges(path), counter)]


def _show(outcomes: list[Outcome], everything: bool) -> None:
    console = Console()
    rows = drift(outcomes)
    table = Table("model", "API", "bills", "judged", "exact", "near", "mean error", box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*_cells(row))
    table.add_section()
    table.add_row(*_cells(in_all(rows)))
    console.print(table)
    off = [outcome for outcome in outcomes if outcome.judged and not outcome.exact]
    for outcome in off if everything else off[:SHOWN_OUTCOMES]:
        console.print(_named(outcome), markup=False, highlight=False, soft_wrap=True)
    if len(off) > SHOWN_OUTCOMES and not everything:
        console.print(f"and {len(off) - SHOWN_OUTCOMES} more: --all names them")


def _cells(row: Drift) -> tuple[str, ...]:
    return (
        shown(row.family) or "all",
        shown(row.endpoint.removeprefix("/v1/").removesuffix("/completions")),
        str(row.recordings),
        str(row.judged),
        f"{row.exact_share:.1%}" if row.judged else "-",
        f"{row.near_share:.1%}" if row.judged else "-",
        f"{row.mean_error:.1f}, {row.mean_share:.1%}" if row.judged else "-",
    )


def _named(outcome: Outcome) -> str:
    exchange = outcome.exchange
    where = f"line {exchange.line}" + (f", {shown(exchange.id)}" if exchange.id else "")
    if outcome.error:
        return f"{where}: {shown(exchange.model)} not counted: {shown(outcome.error)}"
    told = f"counted {outcome.count.total}, billed {exchange.billed} ({outcome.difference:+d})"
    why = f"; assumed: {'; '.join(outcome.count.assumptions)}" if outcome.count.assumed else ""
    return f"{where}: {shown(exchange.model)} {told}{why}"
