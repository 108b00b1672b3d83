"""`cellblock uninstall`: delete the data directory, and nothing else."""

import os
import shutil
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer

from .. import locks
from ..config import Settings
from ..errors import SettingsError
from .terminal import shown, size

# What a data directory holds: name or pattern -> what it is. A name that is not here is somebody else's.
OURS = {
    "cellblock.sqlite3*": "the records of users' files",
    "ledger.sqlite3*": "what requests cost",
    "token_counter.toml": "prices and budgets that the operator set",
    "content": "users' files",
    "content-*": "users' files that are recorded in another database",
    "venv": "a link to the environment in use",
    "venvs": "environments: the packages that code imports",
    "venv.*": "notes of builds",
    "packages.*": "packages that the operator added or removed",
    "data": "data that the operator gave to code",
    "run": "directories of sandboxes",
}
MARKERS = ("cellblock.sqlite3", "ledger.sqlite3", "venvs")  # one of them is there once anything was done in it


def command(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """List what is in the data directory, ask, and delete it: the environment and all files of all users.

    Stop every bot that uses it first. The program itself is removed by `pip uninstall cellblock`. A directory that holds
    anything else is refused, and links are deleted, not followed.
    """
    try:
        home = Settings().home
        entries = _entries(home)
        if entries:
            typer.echo(f"{home} holds")
            for entry in entries:
                typer.echo(f"  {shown(entry.name):26} {_told(entry)}")
            if not yes:
                typer.confirm("Delete all of it?", abort=True)
            _delete(home, entries)
            typer.echo(f"{home} is deleted; `pip uninstall cellblock` removes the program")
        else:
            typer.echo(f"there is nothing to delete: {home} does not exist, or is empty")
    except (_Refused, SettingsError, OSError) as error:
        typer.echo(f"cellblock: {error}", err=True)
        raise typer.Exit(1) from None


class _Refused(Exception):
    """Why nothing was deleted."""


def _entries(home: Path) -> list[Path]:
    """What there is to delete; every name is one of ours."""
    if home.is_symlink():
        raise _Refused(
            f"{home} is a link; set CELLBLOCK_HOME to {os.readlink(home)}, which it leads to; nothing was deleted"
        )
    if not home.exists():
        return []
    entries = sorted(home.iterdir())
    strange = [entry.name for entry in entries if not _is_ours(entry.name)]
    if strange:
        named = ", ".join(map(shown, strange[:5])) + (f" and {len(strange) - 5} more" if len(strange) > 5 else "")
        raise _Refused(f"{home} holds what cellblock did not make: {named}; move it away first; nothing was deleted")
    if entries and not any((home / name).exists() for name in MARKERS):
        raise _Refused(f"{home} has none of {', '.join(MARKERS)}, so it is none of cellblock's; nothing was deleted")
    if _in_use(home):
        raise _Refused(f"a process uses {home}: stop every bot that does, and run this again; nothing was deleted")
    return entries


def _is_ours(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in OURS)


def _told(entry: Path) -> str:
    what = next(what for pattern, what in OURS.items() if fnmatchcase(entry.name, pattern))
    if entry.is_symlink():
        return f"{what}; a link: what it leads to stays, if that lies elsewhere"
    return f"{what}, {size(_bytes(entry))}"


def _bytes(entry: Path) -> int:
    """Of all regular files; links are not followed."""
    if not entry.is_dir():
        return entry.lstat().st_size
    return sum(os.lstat(os.path.join(parent, name)).st_size for parent, _, names in os.walk(entry) for name in names)


def _in_use(home: Path) -> bool:
    """Whether a process builds an environment or shows one to sandboxes: it holds a lock then."""
    for path in [home / "venv.lock", *home.glob("venvs/*")]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if not locks.alone(descriptor):
                return True
        finally:
            os.close(descriptor)
    return False


def _delete(home: Path, entries: list[Path]) -> None:
    for entry in entries:
        if entry.is_symlink() or not entry.is_dir():
            entry.unlink(missing_ok=True)
        else:
            shutil.rmtree(entry)  # which follows no links (shutil.rmtree.avoids_symlink_attacks on Linux)
    home.rmdir()
