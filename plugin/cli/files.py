"""`cellblock files`: the files of a user, from the command line."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from ..config import Settings
from ..errors import CellblockError
from ..files import FileManager, UserFile, clean_filename, open_files
from .run import USER
from .saving import save_new
from .terminal import shown, size

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="List, add, fetch and delete users' files; delete what has expired.")

User = Annotated[str, typer.Option("--user", help="Whose files: the id that the bot gives.")]


@app.command("list")
def list_(
    user: User = USER,
    as_json: Annotated[bool, typer.Option("--json", help="Print the stored documents as JSON.")] = False,
) -> None:
    """List a user's files, newest first: id, size, end, name. Files that code left are marked.

    Example: `cellblock files list --user 123456789`
    """
    records = _with_files(lambda files: files.list(user))
    if as_json:
        typer.echo(json.dumps([record.as_document() for record in records], indent=2))
        return
    for record in records:
        typer.echo(_line(record))


@app.command("add")
def add(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of this machine.")], user: User = USER
) -> None:
    """Upload files for a user, and print their ids.

    Example: `cellblock files add sales.csv --user 123456789`
    """

    async def upload(files: FileManager) -> None:
        for path in paths:
            with await asyncio.to_thread(path.open, "rb") as file:
                typer.echo((await files.upload(user, file, path.name)).file_id)

    _with_files(upload)


@app.command("get")
def get(
    file_id: Annotated[str, typer.Argument(metavar="ID")],
    user: User = USER,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to; - is standard output. Default: its name, here.")
    ] = None,
) -> None:
    """Save a file here under its own name; what is there already is not overwritten.

    Example: `cellblock files get user_123456789_1705314600_0123456789abcdef -o sales.csv`
    """
    record, data = _with_files(lambda files: files.load(file_id, user))
    if output == Path("-"):
        sys.stdout.buffer.write(data)
        return
    try:
        if output is None:
            output = save_new(clean_filename(record.filename), data)
        else:
            output.write_bytes(data)
    except OSError as error:
        _end(error, 2)
    typer.echo(f"saved {shown(str(output))}", err=True)


@app.command("rm")
def rm(
    file_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="Ids, as `cellblock files list` shows them.")
    ] = None,
    user: User = USER,
    everything: Annotated[bool, typer.Option("--all", help="All files of the user, expired ones too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete files of a user. Exit status 1 where one does not exist.

    Examples: `cellblock files rm user_1_1705314600_0123456789abcdef`, `cellblock files rm --all --user 123456789`
    """
    if everything == bool(file_ids):
        raise typer.BadParameter("give ids, or --all")
    if everything:
        if not yes:
            typer.confirm(f"Delete all files of user {shown(user)}?", abort=True)
        typer.echo(f"{_with_files(lambda files: files.delete_all(user))} deleted")
        return

    async def delete(files: FileManager) -> list[str]:
        return [file_id for file_id in file_ids or () if not await files.delete(file_id, user)]

    missing = _with_files(delete)
    for file_id in missing:
        typer.echo(f"cellblock: user {shown(user)} has no file {shown(file_id)}", err=True)
    if missing:
        raise typer.Exit(1)


@app.command("clean")
def clean() -> None:
    """Delete the files of all users that have expired, and what crashes left. Safe while bots run.

    Example, hourly in a crontab: `0 * * * * cellblock files clean`
    """
    typer.echo(f"{_with_files(lambda files: files.cleanup_expired())} deleted")


def _with_files(work: Callable[[FileManager], Awaitable[T]]) -> T:
    async def opened() -> T:
        async with aclosing(open_files(Settings())) as files:
            return await work(files)

    try:
        return asyncio.run(opened())
    except CellblockError as error:
        _end(error, 1)
    except OSError as error:
        _end(error, 2)


def _end(error: Exception, status: int) -> NoReturn:
    typer.echo(f"cellblock: {shown(str(error))}", err=True)
    raise typer.Exit(status) from None


def _line(record: UserFile) -> str:
    end = "for ever" if record.expires_at is None else f"{record.expires_at:%Y-%m-%d %H:%M}"
    mark = "*" if record.origin == "generated" else " "
    return f"{record.file_id}  {size(record.file_size):>10}  {end}  {mark}{shown(record.filename)}"
