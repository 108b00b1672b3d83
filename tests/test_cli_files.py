"""`cellblock files`, `status` and `uninstall` as an operator uses them, with names that are made to harm a terminal."""

import asyncio
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

import plugin
from plugin.cli import app
from plugin.cli.terminal import shown, size
from plugin.cli.uninstall import _is_ours

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202ecod.exe\r\n\u0085\u2028[red]x.csv"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory that is not there yet; the working directory is an empty one beside it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("CELLBLOCK_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"


def cellblock(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=given)


def added(name: str = "sales.csv", data: bytes = b"a,b\n1,2\n", user: str = "7") -> str:
    Path(name).write_bytes(data)
    done = cellblock("files", "add", name, "--user", user)
    assert done.exit_code == 0, done.output
    Path(name).unlink()
    return done.stdout.strip()


# ---- files


def test_a_file_goes_in_and_comes_back(own: Path) -> None:
    """add, list, get, rm: what one prints the next takes."""
    file_id = added()
    listed = cellblock("files", "list", "--user", "7").stdout
    assert file_id in listed and "8 B" in listed and "sales.csv" in listed
    (document,) = json.loads(cellblock("files", "list", "--user", "7", "--json").stdout)
    assert (document["file_id"], document["file_size"], document["user_id"]) == (file_id, 8, "7")
    for name in ("sales.csv", "sales-2.csv"):
        assert cellblock("files", "get", file_id, "--user", "7").exit_code == 0
        assert Path(name).read_bytes() == b"a,b\n1,2\n"
    assert cellblock("files", "get", file_id, "--user", "7", "-o", "-").stdout_bytes == b"a,b\n1,2\n"
    assert cellblock("files", "get", file_id, "--user", "7", "-o", "other.csv").exit_code == 0
    assert Path("other.csv").exists()
    assert cellblock("files", "rm", file_id, "--user", "7").exit_code == 0
    assert cellblock("files", "list", "--user", "7").stdout == ""


def test_the_command_line_has_files_of_its_own(own: Path) -> None:
    """Without --user; another user's are not seen."""
    Path("x.csv").write_bytes(b"x")
    file_id = cellblock("files", "add", "x.csv").stdout.strip()
    assert file_id in cellblock("files", "list").stdout and cellblock("files", "list", "--user", "7").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("get", "user_7_1705314600_abcdef"), 1, "not found or expired"),
        (("get", "../../etc/passwd"), 1, "not found or expired"),
        (("get", "\x1b[2J"), 1, "\\x1b[2J"),
        (("rm", "user_7_1705314600_abcdef"), 1, "has no file"),
        (("rm",), 2, "give ids, or --all"),
        (("rm", "x", "--all"), 2, "give ids, or --all"),
        (("add", "nothing.csv"), 2, "nothing.csv"),
        (("add", "."), 2, "directory"),
        (("list", "--user", ""), 1, "user_id"),
        (("list", "--user", "x" * 201), 1, "user_id"),
    ],
)
def test_what_cannot_be_done_is_told_plainly(own: Path, arguments: tuple[str, ...], status: int, told: str) -> None:
    """Without a traceback, and with no escape sequence on the terminal."""
    done = cellblock("files", *arguments)
    assert done.exit_code == status and told in done.stderr and "Traceback" not in done.output
    assert "\x1b[2J" not in done.output


def test_all_files_go_after_a_question(own: Path) -> None:
    """No is no; --yes asks nothing."""
    for _ in range(2):
        added()
    assert cellblock("files", "rm", "--all", "--user", "7", given="n\n").exit_code == 1
    assert len(cellblock("files", "list", "--user", "7").stdout.splitlines()) == 2
    assert cellblock("files", "rm", "--all", "--user", "7", "--yes").stdout == "2 deleted\n"


def test_clean_deletes_what_has_expired(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how many."""
    added()
    assert cellblock("files", "clean").stdout == "0 deleted\n"
    monkeypatch.setenv("FILE_EXPIRATION_HOURS", "0")
    added()
    assert cellblock("files", "clean").stdout == "1 deleted\n"


def test_hostile_names_do_nothing_to_a_terminal(own: Path) -> None:
    """Also those that another program put into the database; nothing is saved outside of this directory."""
    file_id = added()
    with closing(sqlite3.connect(own / "cellblock.sqlite3")) as database, database:
        database.execute("UPDATE user_files SET filename = ?", (f"../../{HOSTILE}",))
    for arguments in (("list",), ("get", file_id)):
        done = cellblock("files", *arguments, "--user", "7")
        assert done.exit_code == 0
        assert all(character.isprintable() or character == "\n" for character in done.output), done.output
    assert len(list(Path.cwd().iterdir())) == 1 and "[red]" in cellblock("files", "list", "--user", "7").stdout


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_what_is_shown_is_printable(text: str) -> None:
    """For every text; what is printable stays as it is."""
    assert shown(text).isprintable()
    assert not text.isprintable() or shown(text) == text


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 * 1024**2, "20.0 MiB"), (5 * 1024**4, "5.0 TiB")],
)
def test_sizes_for_people(count: int, told: str) -> None:
    assert size(count) == told


# ---- status


def test_status_of_nothing(own: Path) -> None:
    """Asking makes no environment."""
    done = cellblock("status")
    assert done.exit_code == 0 and "cellblock setup" in done.stdout and str(own) in done.stdout
    assert not (own / "venvs").exists()


def test_status_of_what_is_there(own: Path, built_venv: Path) -> None:
    """As JSON the dict of the guide."""
    added()
    (own / "venv").symlink_to(built_venv)
    status = json.loads(cellblock("status", "--json").stdout)
    assert status["venv_exists"] and status["total_user_files"] == 1 and "pandas" in status["installed_packages"]
    shown_rows = cellblock("status").stdout
    assert "pandas" in shown_rows and "1, 0.0 MB together" in shown_rows


def test_status_of_a_broken_database(own: Path) -> None:
    """What is known, the error, and status 1."""
    own.mkdir()
    (own / "cellblock.sqlite3").write_bytes(b"no database " * 100)
    done = cellblock("status")
    assert done.exit_code == 1 and "is no SQLite database" in done.stderr and str(own) in done.stdout


# ---- uninstall


def test_uninstall_lists_asks_and_deletes(own: Path) -> None:
    """No is no; then nothing is left, nor of the links what they lead to."""
    added()
    outside = own.parent / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (own / "venvs").symlink_to(outside)
    (own / "content" / "link").symlink_to(outside)
    (own / "data").mkdir()
    done = cellblock("uninstall", given="n\n")
    assert done.exit_code == 1 and own.exists()
    for told in ("cellblock.sqlite3", "users' files", "venvs", "a link"):
        assert told in done.stdout
    assert cellblock("uninstall", given="y\n").exit_code == 0
    assert not own.exists() and (outside / "precious").read_text() == "x"
    assert cellblock("uninstall", "--yes").stdout.startswith("there is nothing to delete")


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        pytest.param(
            lambda home: (home / "thesis.tex").write_text("x"), "did not make: thesis.tex", id="somebody else's file"
        ),
        pytest.param(lambda home: (home / "\x1b[2Jx").write_text("x"), "did not make: \\x1b[2Jx", id="a hostile name"),
        pytest.param(
            lambda home: shutil.rmtree(home) or (home / "data").mkdir(parents=True),
            "none of cellblock's",
            id="another directory",
        ),
        pytest.param(
            lambda home: home.rename(home.parent / "real") and home.symlink_to(home.parent / "real"),
            "is a link",
            id="a link",
        ),
    ],
)
def test_uninstall_refuses_what_is_not_its_own(own: Path, prepare: object, told: str) -> None:
    """And deletes nothing."""
    assert callable(prepare)
    added()
    prepare(own)
    before = sorted(path.name for path in own.parent.rglob("*"))
    done = cellblock("uninstall", "--yes")
    assert done.exit_code == 1 and told in done.stderr and "nothing was deleted" in done.stderr
    assert sorted(path.name for path in own.parent.rglob("*")) == before and "\x1b[2J" not in done.output


def test_uninstall_knows_every_name_that_is_made() -> None:
    """Whoever puts a new one into the data directory adds it to the table, or nobody could uninstall any more."""
    sources = "".join(path.read_text() for path in Path(plugin.__file__).parent.rglob("*.py"))
    made = set(re.findall(r'home / f?"([^"{]+)', sources))
    assert {"venv", "venvs", "data", "run"} <= made and [name for name in made if not _is_ours(name)] == []


async def test_uninstall_waits_for_nobody_and_disturbs_nobody(own: Path, built_venv: Path) -> None:
    """While an interpreter runs it is refused; what an interpreter leaves in its data directory is all known."""
    from plugin import Interpreter

    await asyncio.to_thread(shutil.copytree, built_venv, own / "venvs" / "one", symlinks=True)
    (own / "venv").symlink_to(own / "venvs" / "one")
    async with Interpreter(pool_min=0) as interpreter:
        await interpreter.run("open('x', 'w').write('x')", user_id=7)
        done = await asyncio.to_thread(cellblock, "uninstall", "--yes")
        assert done.exit_code == 1 and "stop every bot" in done.stderr and own.exists()
    left = {path.name for path in own.iterdir()}
    assert {"cellblock.sqlite3", "content", "venv", "venvs"} <= left, left
    done = await asyncio.to_thread(cellblock, "uninstall", "--yes")
    assert done.exit_code == 0, done.output
    assert not own.exists() and os.path.exists(built_venv)
