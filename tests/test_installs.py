"""Packages that come while calls run: installed from an index of the tests' own, shown to the sandboxes that start afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugin import ExecutionResult, Interpreter, events
from plugin.errors import InstallRefused, OperatorOnly, PackageNotApproved
from tests.conftest import LIGHT
from tests.refusing import NAMESPACES_REFUSED, launchers_refused
from tests.tiny_wheels import Index

# Rows of the catalogue, which no new environment starts with: the wheels are ours.
TINY, OTHER, BROKEN = "xmltodict", "lifelines", "pulp"


@pytest.fixture
def index(tmp_path: Path) -> Index:
    index = Index(tmp_path / "index")
    index.add(TINY, "2.0")
    index.add(OTHER, requires=["sortedcontainers"])
    index.add("sortedcontainers")
    index.add(BROKEN, requires=["tzdata<2000"])
    return index


@pytest.fixture
def own_home(light_home: Path, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "venv").symlink_to((light_home / "venv").resolve())
    return home


@pytest.fixture(params=["namespaces", "landlock"])
async def interpreter(request: pytest.FixtureRequest, own_home: Path, index: Index) -> AsyncIterator[Interpreter]:
    refused = () if request.param == "namespaces" else NAMESPACES_REFUSED
    with launchers_refused(*refused):
        async with Interpreter(home=own_home, index_url=index.url, pool_min=1, **LIGHT) as interpreter:
            await interpreter.warm()
            yield interpreter


def told(result: ExecutionResult) -> str:
    return result.output or result.error


IMPORTS = f"import {TINY}; print({TINY}.version)"


async def test_what_code_imports_is_installed_and_the_call_goes_on(interpreter: Interpreter) -> None:
    seen: list[events.Event] = []
    result = await interpreter.run(IMPORTS, user_id=1, on_event=seen.append)
    assert told(result) == "2.0\n"
    assert result.installed_packages == (TINY,)
    assert any(isinstance(event, events.InstallProgress) and TINY in event.message for event in seen)
    again = await interpreter.run(IMPORTS, user_id=2)
    assert told(again) == "2.0\n" and again.installed_packages == ()


async def test_what_a_call_names_is_installed(interpreter: Interpreter) -> None:
    result = await interpreter.run("import lifelines, sortedcontainers; print(1)", user_id=1, install=[OTHER, "tzdata"])
    assert told(result) == "1\n"
    assert result.installed_packages == (OTHER,)


async def test_a_call_that_runs_keeps_the_packages_it_began_with(interpreter: Interpreter) -> None:
    began = asyncio.Event()
    slow = asyncio.create_task(
        interpreter.run(
            "import time, importlib.util as u\nprint('here', flush=True)\ntime.sleep(4)\n"
            f"print(u.find_spec('{TINY}') is None)",
            user_id=1,
            on_event=lambda event: began.set() if isinstance(event, events.Stdout) else None,
        )
    )
    await began.wait()
    assert told(await interpreter.run(IMPORTS, user_id=2)) == "2.0\n"
    assert told(await slow) == "here\nTrue\n"


async def test_calls_that_need_the_same_at_once_install_it_once(interpreter: Interpreter) -> None:
    results = await asyncio.gather(*(interpreter.run(IMPORTS, user_id=user) for user in range(4)))
    assert [told(result) for result in results] == ["2.0\n"] * 4
    assert len(list((interpreter.settings.home / "venvs").iterdir())) == 1


@pytest.mark.parametrize(
    ("code", "install", "error", "says"),
    [
        ("import unheard_of", [], PackageNotApproved, "'unheard_of' is not in the approved list"),
        ("print(1)", ["evil"], PackageNotApproved, "'evil' is not in the approved list"),
        ("print(1)", [f"{TINY} @ file:///x.whl"], PackageNotApproved, "not in the approved list"),
        ("import torch", [], OperatorOnly, "cellblock packages add torch"),
        (f"import {BROKEN}", [], InstallRefused, "nothing was changed"),
        ("print(1)", [f"{TINY}==9"], InstallRefused, "nothing was changed"),
    ],
)
async def test_what_cannot_be_installed_runs_nothing_and_changes_nothing(
    interpreter: Interpreter, code: str, install: list[str], error: type[Exception], says: str
) -> None:
    before = (interpreter.settings.home / "venv").readlink()
    with pytest.raises(error, match=says):
        await interpreter.run(code, user_id=1, install=install)
    assert (interpreter.settings.home / "venv").readlink() == before
    assert told(await interpreter.run("print(1)", user_id=1)) == "1\n"


async def test_a_cancelled_install_leaves_nothing_and_the_next_call_has_it(interpreter: Interpreter) -> None:
    for seconds in (0.0, 0.05, 0.2, 0.4, 0.8):
        call = asyncio.create_task(interpreter.run(IMPORTS, user_id=1))
        await asyncio.wait([call], timeout=seconds)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    assert told(await interpreter.run(IMPORTS, user_id=1)) == "2.0\n"
    await interpreter.aclose()
    current = (interpreter.settings.home / "venv").resolve()
    assert [path.resolve() for path in (interpreter.settings.home / "venvs").iterdir()] == [current]


async def test_a_second_interpreter_uses_what_the_first_installed(
    interpreter: Interpreter, own_home: Path, tmp_path: Path
) -> None:
    nowhere = Index(tmp_path / "empty")
    async with Interpreter(home=own_home, index_url=nowhere.url, pool_min=0, **LIGHT) as second:
        await second.warm()
        assert told(await interpreter.run(IMPORTS, user_id=1)) == "2.0\n"
        result = await second.run(IMPORTS, user_id=1)
        assert told(result) == "2.0\n"
