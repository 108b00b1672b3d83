"""A first program with each approved package: none is refused, its imports are the catalogue's, and the starters' run."""

import tomllib
from pathlib import Path

import pytest

from plugin import Interpreter
from plugin.packages.catalogue import SHIPPED, Catalogue
from plugin.packages.needed import needed

PROGRAMS: dict[str, str] = tomllib.loads(Path(__file__).with_name("quickstart.toml").read_text())
STARTERS = [row.distribution for row in SHIPPED if row.starter]


def test_each_row_has_a_program() -> None:
    """And each program a row; a row's name and its import names are its own."""
    assert sorted(PROGRAMS) == sorted(row.distribution for row in SHIPPED)
    modules = [module for row in SHIPPED for module in row.imports]
    assert len(modules) == len(set(modules))


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_first_program_passes_the_policy(interpreter: Interpreter, name: str) -> None:
    """And what it imports is approved, or there: all of it may be installed."""
    pool = interpreter._starting
    assert pool is not None
    async with (await pool).sandbox() as sandbox:
        report = await sandbox.parse(PROGRAMS[name], {}, at_once=False)
    assert (report["error"], report["violations"]) == ("", [])
    shown = interpreter._installs._shown
    assert shown is not None
    operators = [row.distribution for row in Catalogue() if row.operator_only]
    wanted = needed(Catalogue(), [], report["imports"], [], methods=report["methods"], installed=operators)
    assert name in {each.name for each in wanted} | shown.packages.keys()


@pytest.mark.parametrize("name", STARTERS)
async def test_a_starters_first_program_runs(interpreter: Interpreter, name: str) -> None:
    """In the environment that every new installation has."""
    result = await interpreter.run(PROGRAMS[name], user_id="quick")
    assert result.error == "" and result.return_code == 0
