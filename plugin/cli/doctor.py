"""`cellblock doctor`: what this host can hold, promise by promise, and what to change where it cannot."""

import asyncio
import dataclasses
import json
from typing import Annotated

import typer

from ..config import Settings
from ..errors import CellblockError
from ..sandbox.probe import Report, probe


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
) -> None:
    """Build real sandboxes on this host, try to break out of them, and say what holds.

    Run it as the bot's user and, if the bot runs in a container, in that container. Exit status 0 when every promise holds, 1
    when one does not or no sandbox can be made.
    """
    try:
        report = asyncio.run(probe(Settings()))
    except CellblockError as error:
        typer.echo(f"cellblock: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(
            json.dumps(dataclasses.asdict(report) | {"refused": [str(each) for each in report.refused]}, indent=2)
        )
    else:
        _show(report)
    if not all(finding.holds for finding in report.findings):
        raise typer.Exit(1)


def _show(report: Report) -> None:
    typer.echo(f"level {report.level}, landlock ABI {report.landlock_abi or 'none'}")
    for refused in report.refused:
        cause, remedy = refused.explained()
        typer.echo(f"  not level {refused.level}: {refused.text}")
        for line in filter(None, (cause, remedy)):
            typer.echo(f"    {line}")
    typer.echo("code in a sandbox")
    for finding in report.findings:
        typer.echo(f"  {'holds' if finding.holds else 'FAILS'}  {finding.says}")
        for line in filter(
            None, (finding.by and f"by {finding.by}", finding.but and f"but {finding.but}", finding.broken)
        ):
            typer.echo(f"         {line}")
