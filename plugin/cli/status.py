"""`cellblock status`: what there is, without building or starting anything."""

import asyncio
import json
from typing import Annotated

import typer

from ..compat import get_interpreter_status
from ..config import Settings
from ..errors import CellblockError


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print get_interpreter_status's dict as JSON.")] = False,
) -> None:
    """Say where the data is, what is installed, and how many files there are. Exit status 1 where the database fails."""
    try:
        home, status = Settings().home, asyncio.run(get_interpreter_status())
    except CellblockError as error:
        typer.echo(f"cellblock: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(status, indent=2))
    else:
        _show(str(home), status)
    if "error" in status:
        typer.echo(f"cellblock: {status['error']}", err=True)
        raise typer.Exit(1)


def _show(home: str, status: dict[str, object]) -> None:
    packages = status["installed_packages"]
    rows = {
        "data": home,
        "environment": status["python_path"] if status["venv_exists"] else "none yet: `cellblock setup` builds it",
        "built": status["last_cleanup"] or "never",
        "packages": f"{status['package_count']}: {', '.join(packages)}" if isinstance(packages, list) else "",
        "files": f"{status['total_user_files']}, {status['total_file_size_mb']} MB together",
        "kept": f"{status['file_expiration_hours']} hours, each at most {status['max_file_size_mb']} MB",
    }
    for name, value in rows.items():
        typer.echo(f"{name:12} {value}")
