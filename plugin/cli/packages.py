"""`cellblock packages`: which packages code may use, and which are installed."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import events
from ..config import Settings
from ..errors import CellblockError
from ..packages.catalogue import normalized
from ..packages.environment import Environment
from ..packages.operating import Operating
from .progress import shown

WIDE = 200  # columns where the output is no terminal

Work = Callable[[Operating, Callable[[str], None]], Coroutine[Any, Any, Environment]]
Names = Annotated[list[str], typer.Argument(metavar="PACKAGE...", help="Names, as on the package index.")]

app = typer.Typer(name="packages", help="Which packages code may use: list, add, rm, rebuild.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """List the approved packages, with the versions that are installed.

    A package without a version is installed by the first call that needs it; one marked "operator" only by `packages add`.
    """
    operating = _made()
    environment = operating.environments.in_use()
    installed = environment.packages if environment else {}
    table = Table("package", "installed", "imported as", "by", box=None, pad_edge=False)
    for row in operating.catalogue:
        by = "everybody" if row.starter else "operator" if row.operator_only else ""
        version = installed.get(normalized(row.distribution), "")
        table.add_row(row.distribution, version, ", ".join(row.imports), by)
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


@app.command()
def add(
    packages: Annotated[
        list[str], typer.Argument(metavar="PACKAGE...", help="NAME, NAME==1.2 or 'NAME: MODULE, MODULE'.")
    ],
) -> None:
    """Install packages, whatever their size, and approve them for every process that shares the data directory.

    Examples: `cellblock packages add torch`, `cellblock packages add 'house-style==1.2: style'`
    """
    environment = _run(lambda operating, tell: operating.add(packages, tell))
    for text in packages:
        name = normalized(text.partition(":")[0].partition("=")[0].strip())
        if name in environment.packages:
            typer.echo(f"{name} {environment.packages[name]}")


@app.command()
def rm(packages: Names) -> None:
    """Approve packages no more, and build the environment anew without them."""
    environment = _run(lambda operating, tell: operating.remove(packages, tell))
    for name in map(normalized, packages):
        kept = " (still installed: another package needs it)" if name in environment.packages else ""
        typer.echo(f"{name} is no longer approved{kept}")


@app.command()
def rebuild() -> None:
    """Build the environment anew, of the newest versions; what runs goes on with the old one."""
    environment = _run(lambda operating, tell: operating.rebuild(tell))
    typer.echo(f"{len(environment.packages)} packages in {environment.path}")


def _made() -> Operating:
    try:
        return Operating(Settings())
    except CellblockError as error:
        raise _told(error) from None


def _run(work: Work) -> Environment:
    operating = _made()
    try:
        with shown() as on_event:
            return asyncio.run(work(operating, events.Teller(on_event).progress))
    except CellblockError as error:
        raise _told(error) from None


def _told(error: CellblockError) -> typer.Exit:
    typer.echo(f"cellblock: {error}", err=True)
    return typer.Exit(1)
