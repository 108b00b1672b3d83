"""`cellblock costs`: what was billed, from the ledger."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

import typer

from .terminal import shown

if TYPE_CHECKING:
    from token_counter import Settings
    from token_counter.ledger.store import Group
    from token_counter.report_formats import Question


def command(
    since: Annotated[
        str | None, typer.Option(help="From when on: 2026-11-01, 2026-11-01T12:00, or 7d for the last seven days.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Until when; a day that is named is included.")] = None,
    by: Annotated[
        str,
        typer.Option(
            help="A row for each day, month, model, user, conversation, status, endpoint, service_tier; commas between."
        ),
    ] = "",
    form: Annotated[
        str | None,
        typer.Option("--format", help="table, csv, json, parquet, html or exchanges. Default: by the file's name."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write a file; - is standard output.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows of the table; 0 for all.")] = 20,
) -> None:
    """Print what was billed: totals, cost by day, shares, and how far estimates were from bills.

    Needs the packages of the extra `costs`. Days are UTC unless `report_timezone` says otherwise. `exchanges` writes the
    requests that were kept (`keep_requests`) as JSON lines. Exit status 1 where the ledger fails or something is missing.

    Examples: `cellblock costs --since 7d`, `cellblock costs --by day,user -o costs.csv`, `cellblock costs -o costs.html`
    """
    import token_counter
    from token_counter import report_formats, report_span

    if output == Path("-"):
        output = None
    form = form or ("table" if output is None else report_formats.format_of(output))
    if form not in report_formats.FORMATS:
        raise typer.BadParameter(f"there are {', '.join(report_formats.FORMATS)}", param_hint="--format")
    if form in report_formats.BINARY and output is None and sys.stdout.isatty():
        raise typer.BadParameter("it is no text: give --output", param_hint="--format")
    try:
        settings = token_counter.Settings()
        asked = report_formats.Question(
            since=None if since is None else report_span.start(since, settings.zone, datetime.now(UTC)),
            until=None if until is None else report_span.end(until, settings.zone),
            by=cast("list[Group]", [name.strip() for name in by.split(",") if name.strip()]),
            limit=limit,
        )
        asyncio.run(_write(settings, form, asked, output))
    except token_counter.TokenCounterError as error:
        typer.echo(f"cellblock: {shown(str(error))}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"cellblock: {shown(str(error))}", err=True)
        raise typer.Exit(2) from None
    if output is not None:
        typer.echo(f"saved {shown(str(output))}", err=True)


async def _write(settings: "Settings", form: str, asked: "Question", output: Path | None) -> None:
    from token_counter import open_ledger, report_formats

    async with open_ledger(settings) as ledger:
        parts = report_formats.FORMATS[form](ledger, asked)
        first = await anext(parts, b"")  # before the file is made: what cannot be reported leaves the old one
        if not first:
            typer.echo(
                "cellblock: there is nothing to write; requests are kept where CELLBLOCK_KEEP_REQUESTS=1", err=True
            )
        to_screen = output is None and sys.stdout.isatty()
        target = cast(BinaryIO, sys.stdout.buffer if output is None else output.open("wb"))
        try:
            target.write(_legible(first) if to_screen else first)
            async for part in parts:
                target.write(_legible(part) if to_screen else part)
            target.flush()
        finally:
            if output is not None:
                target.close()


def _legible(part: bytes) -> bytes:
    """For a terminal: names of strangers in a csv stay in their line. A file and a pipe get them as they are."""
    return "\n".join(map(shown, part.decode().split("\n"))).encode()
