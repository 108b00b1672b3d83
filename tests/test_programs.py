"""Programs as models write them, with their habits: each does what its author meant, or says what to change.

programs/*.toml has them, one file a kind of work. Of each:

    name      what the user asked for; no two are alike
    uploads   names of the user's files, made by programs/uploads.py
    code      what the model wrote
    prints    each of these stands in the output
    leaves    names of files that the user gets; others may be there too
    fails     each of these stands in what the model reads; nothing ran to its end
    seconds   the call's time limit; 60 where none is given
    fails_at_landlock, retry_at_landlock    the same of a level that has less; whatever names /mnt/data fails there besides
    retry     where it fails: what a model writes that reads this. `prints` and `leaves` are then the retry's.
"""

import asyncio
import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from plugin import ExecutionResult, Interpreter
from plugin.errors import Refused
from tests.refusing import NAMESPACES_REFUSED, launchers_refused

DIRECTORY = Path(__file__).with_name("programs")
AT_ONCE = 4
LANDLOCK_EVERY = 3
ELSEWHERE = "Hint: this sandbox has no /mnt/data"


@dataclass(frozen=True)
class Program:
    """One of programs/*.toml; the fields are told above."""

    name: str
    code: str
    uploads: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    retry: str = ""
    seconds: int = 60
    fails_at_landlock: tuple[str, ...] = ()
    retry_at_landlock: str = ""


@dataclass(frozen=True)
class Reply:
    """What a call came to: its result, or the sentence with which it was refused."""

    result: ExecutionResult | None
    said: str
    files: frozenset[str] = frozenset()

    @property
    def succeeded(self) -> bool:
        return self.result is not None and self.result.success


Replies = dict[str, asyncio.Task[list[Reply]]]


def _read() -> Iterator[Program]:
    for path in sorted(DIRECTORY.glob("*.toml")):
        for row in tomllib.loads(path.read_text())["program"]:
            yield Program(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})


PROGRAMS = {program.name: program for program in _read()}
AT_LANDLOCK = list(PROGRAMS)[1::LANDLOCK_EVERY]


def _at_landlock(program: Program) -> Program:
    """What is different there, and what a model makes of the hint: the same program with relative paths."""
    fails, retry = program.fails_at_landlock or program.fails, program.retry_at_landlock or program.retry
    if "/mnt/data" in program.code and (retry or not fails):
        return replace(program, fails=(*fails, ELSEWHERE), retry=_relative(retry or program.code))
    return replace(program, fails=fails, retry=retry)


def _relative(code: str) -> str:
    return code.replace("/mnt/data/", "").replace("/mnt/data", ".")


async def _run(interpreter: Interpreter, code: str, user: str, files: list[str], seconds: float) -> Reply:
    try:
        result = await interpreter.run(code, user_id=user, files=files, timeout=seconds)
    except Refused as refusal:
        return Reply(None, str(refusal))
    return Reply(result, f"{result.output}\n{result.error}", frozenset(file.path for file in result.generated_files))


async def _tried(
    interpreter: Interpreter, program: Program, uploads: dict[str, bytes], turns: asyncio.Semaphore
) -> list[Reply]:
    """The program, and the retry where there is one."""
    user = f"user{abs(hash(program.name))}"
    async with turns:
        kept = [await interpreter.files.upload(user, uploads[name], name) for name in program.uploads]
        files = [file.file_id for file in kept]
        codes = (program.code, program.retry) if program.retry else (program.code,)
        return [await _run(interpreter, code, user, files, program.seconds) for code in codes]


async def _all_started(
    interpreter: Interpreter, programs: list[Program], request: pytest.FixtureRequest, test: str
) -> AsyncIterator[Replies]:
    """The programs that this run of the tests looks at, several at a time."""
    made = await interpreter.run((DIRECTORY / "uploads.py").read_text(), user_id="uploads")
    assert made.success, made.error
    uploads = {file.filename: file.data for file in made.generated_files}
    turns = asyncio.Semaphore(AT_ONCE)
    wanted = {item.callspec.params["name"] for item in request.session.items if _originally(item) == test}  # type: ignore[attr-defined]
    tasks = {
        each.name: asyncio.create_task(_tried(interpreter, each, uploads, turns))
        for each in programs
        if each.name in wanted
    }
    yield tasks
    for task in tasks.values():
        task.cancel()


def _originally(item: Any) -> str:
    return str(getattr(item, "originalname", ""))


@pytest.fixture(scope="module")
async def replies(home: Path, nothing_to_install: str, request: pytest.FixtureRequest) -> AsyncIterator[Replies]:
    async with Interpreter(home=home, index_url=nothing_to_install, queue_limit=1000) as interpreter:
        async for each in _all_started(interpreter, list(PROGRAMS.values()), request, test_programs.__name__):
            yield each


@pytest.fixture(scope="module")
async def landlocked(home: Path, nothing_to_install: str) -> AsyncIterator[Interpreter]:
    with launchers_refused(*NAMESPACES_REFUSED):
        async with Interpreter(home=home, index_url=nothing_to_install, queue_limit=1000) as interpreter:
            await interpreter.warm()
            yield interpreter


@pytest.fixture(scope="module")
async def replies_at_landlock(landlocked: Interpreter, request: pytest.FixtureRequest) -> AsyncIterator[Replies]:
    programs = [_at_landlock(PROGRAMS[name]) for name in AT_LANDLOCK]
    async for each in _all_started(landlocked, programs, request, test_programs_at_level_landlock.__name__):
        yield each


def _check(program: Program, replies: list[Reply]) -> None:
    first, last = replies[0], replies[-1]
    if program.fails:
        elsewhere = ELSEWHERE in program.fails and ELSEWHERE in first.said
        assert elsewhere or not first.succeeded
        assert (
            elsewhere
            or [text for text in program.fails if text not in (*_found(first, program.fails), ELSEWHERE)] == []
        )
    if program.retry or not program.fails:
        assert last.succeeded, last.said
        assert _found(last, program.prints) == program.prints
        assert last.files >= set(program.leaves)


def _found(reply: Reply, texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text for text in texts if text in reply.said)


SHOWN_ONCE = "findfont: Font family 'Times New Roman' not found."


def test_there_are_enough_and_each_says_what_comes_of_it() -> None:
    assert len(PROGRAMS) >= 150
    silent = [each.name for each in PROGRAMS.values() if not (each.prints or each.leaves or each.fails)]
    assert silent == []


@pytest.mark.parametrize("name", PROGRAMS)
async def test_programs(replies: Replies, name: str) -> None:
    _check(PROGRAMS[name], await replies[name])


async def test_what_libraries_say_is_short(home: Path, nothing_to_install: str) -> None:
    """A font that is not there is told of once; frames of compiled libraries are no help."""
    async with Interpreter(home=home, index_url=nothing_to_install) as interpreter:
        result = await interpreter.run(PROGRAMS["A font that is not installed"].code, user_id=1)
        assert result.output.count(SHOWN_ONCE) == 1
        result = await interpreter.run("import pandas\npandas.DataFrame({'a': []})['b']", user_id=1)
        assert result.error.endswith("KeyError: 'b'") and ".pyx" not in result.error


@pytest.mark.parametrize(
    ("code", "told"),
    [
        pytest.param("import os; print(os.path.exists('/mnt/data/x.csv'))", True, id="asks whether it is there"),
        pytest.param("open('/mnt/data/x.csv', 'w')", True, id="fails"),
        pytest.param("import sqlite3; sqlite3.connect('/mnt/data/x.db')", True, id="fails without a path"),
        pytest.param("import sys; sys.stderr.close(); x = '/mnt/data'", False, id="nowhere to tell it"),
        pytest.param("print('sandbox:/mnt/data/x.csv')", False, id="a link"),
    ],
)
async def test_at_level_landlock_code_that_names_mnt_data_is_told(
    landlocked: Interpreter, code: str, told: bool
) -> None:
    result = await landlocked.run(code, user_id=1)
    assert (result.output + result.error).count(ELSEWHERE) == told
    assert result.success is (not code.startswith(("open", "import sqlite3")))


@pytest.mark.parametrize("name", AT_LANDLOCK)
async def test_programs_at_level_landlock(replies_at_landlock: Replies, name: str) -> None:
    _check(_at_landlock(PROGRAMS[name]), await replies_at_landlock[name])
