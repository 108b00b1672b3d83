"""Honest code does not notice the sandbox: ordinary programs print inside, byte for byte, what they print outside.

Each file of tests/honest is a program as a chat model writes it or a user pastes it. Outside it is a plain script, run by the
Python of the same virtual environment; inside it is a cell. Those of tests/honest/children start processes of their own.
"""

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from refusing import NAMESPACES_REFUSED, launchers_refused

from plugin import Interpreter
from plugin.errors import PolicyViolation
from plugin.sandbox.template import STDLIB_INSIDE

LEVELS = ["namespaces", "landlock"]

FOLDER = Path(__file__).parent / "honest"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py"))
CHILDREN = sorted(f"children/{path.stem}" for path in FOLDER.glob("children/*.py"))

# At level landlock there is no /dev/shm of one's own, which the system's semaphores need.
SEMAPHORES = {
    f"children/{name}"
    for name in (
        "asyncio_subprocesses",
        "process_executor",
        "process_pool",
        "process_queues",
        "shared_arrays",
        "shared_values",
    )
}

# There joblib does its work in the one process, and the program prints that it did.
SERIAL = "children/joblib_processes"

# The value of a last expression is shown, as in a notebook: here of a call made for its effect, how much C's printf wrote.
SHOWN = {"native_code": "53\n"}

# What a cell is called in tracebacks, warnings and usage texts; the script outside bears the same name.
NAME = "<cell>"
OUTSIDE_AT_ONCE = 2
OUTSIDE_SECONDS = 60
ENVIRONMENT = {"LANG": "C.UTF-8", "TZ": "UTC", "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}

# What the strict policy costs: the honest programs that it refuses, and for what.
REFUSED = {
    # Text that is run as code hides from whoever reads the code, and models rarely need it: teaching material does.
    "dynamic_code": {"eval", "exec", "compile", "globals", "locals", "__import__", "import code"},
    # The same for modules that no import statement names.
    "modules_loaded_by_hand": {
        "importlib.import_module",
        "importlib.reload",
        "importlib.util.spec_from_file_location",
        "importlib.util.module_from_spec",
        "import runpy",
    },
    # Code that is not Python is held by the sandbox alone, and a mistake in it ends the process.
    "native_code": {"import ctypes"},
    # Meant for other processes; a program that signals itself has signal.raise_signal.
    "signals": {"os.kill"},
    # There is no network; a program that wants socketpair alone is too rare to be told apart.
    "socket_pairs": {"import socket"},
    # There is one other program, Python itself, and multiprocessing is the way to more of it.
    "children/asyncio_subprocesses": {"asyncio.create_subprocess_exec"},
    "children/plain_fork": {"os.fork", "os.kill", "os.spawnv", "os.posix_spawn"},
    "children/subprocess_output": {"import subprocess"},
    "children/subprocess_pipes": {"import subprocess"},
    "children/subprocess_run": {"import subprocess"},
}


def test_there_are_enough_programs_to_speak_of_ordinary_code() -> None:
    """The promise was made for at least fifty, a few of them with processes of their own."""
    assert len(PROGRAMS) >= 50 and len(CHILDREN) >= 4


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_program_prints_inside_what_it_prints_outside(
    program: str, outside: "Outside", interpreter_at: Interpreter
) -> None:
    """The same bytes on standard output and on standard error."""
    assert await inside(interpreter_at, program) == await outside.of(program)


@pytest.mark.parametrize("program", CHILDREN)
async def test_a_program_with_children_prints_inside_what_it_prints_outside(
    program: str, outside: "Outside", interpreter_at: Interpreter
) -> None:
    """The same of fork, subprocess, multiprocessing and what is built on them; or the program is told why not."""
    refused_here = program in SEMAPHORES or (os.geteuid() != 0 and program != SERIAL)
    if await level_of(interpreter_at) == "landlock" and refused_here:
        source = (FOLDER / f"{program}.py").read_text("utf-8")
        refused = await interpreter_at.run(source, user_id=program)
        assert not refused.success and re.search(
            "this sandbox(: its host refuses namespaces| has no /dev/shm)", refused.error
        )
        return
    printed = await inside(interpreter_at, program)
    assert printed == await outside.of(program) or (program == SERIAL and await level_of(interpreter_at) == "landlock")


async def test_the_strict_policy_refuses_these_programs_and_changes_no_other(
    outside: "Outside", strict_interpreter: Interpreter
) -> None:
    """The cost of the policy, program by program."""
    refused, changed, turn = {}, [], asyncio.Semaphore(2)

    async def judge(program: str) -> None:
        try:
            async with turn:
                printed = await inside(strict_interpreter, program)
        except PolicyViolation as refusal:
            refused[program] = {violation["what"] for violation in refusal.violations}
        else:
            if printed != await outside.of(program):
                changed.append(program)

    await asyncio.gather(*map(judge, [*PROGRAMS, *CHILDREN]))
    assert (refused, changed) == (REFUSED, [])


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("print('a')\ndef f(x):\n    return 1 / x\nf(0)", id="exception"),
        pytest.param("try:\n    [][1]\nexcept IndexError as e:\n    raise ValueError('why') from e", id="cause"),
        pytest.param("raise ExceptionGroup('both', [ValueError(1), KeyError('k')])", id="group"),
        pytest.param("print('never')\ndef f(:\n    pass", id="syntax error"),
        pytest.param(
            "open('helper.py', 'w').write('def f(x):\\n    return 1 / x\\n')\nimport helper\nhelper.f(0)",
            id="in a module of its own",
        ),
        pytest.param("print('a'); import sys; sys.exit(3)", id="exit status"),
        pytest.param("import sys\nsys.excepthook = lambda *e: print('hook', e[:2])\n1 / 0", id="excepthook"),
        pytest.param("import atexit\natexit.register(print, 'bye')\nx = []\nx[0]", id="atexit after an exception"),
    ],
)
async def test_a_program_that_fails_says_inside_what_it_says_outside(
    source: str, outside: "Outside", interpreter_at: Interpreter
) -> None:
    """The same output before it, the same exit status, the same traceback."""
    expected = await outside.run(source)
    result = await interpreter_at.run(source, user_id="honest")
    assert (result.stdout, result.return_code) == (expected.stdout, expected.status)
    if expected.stderr:
        assert as_at_level_namespaces(result.error) == expected.stderr.strip("\n")


@dataclass(frozen=True)
class Printed:
    """What one run of a program wrote, and its exit status."""

    stdout: str
    stderr: str
    status: int


async def inside(interpreter: Interpreter, program: str) -> Printed:
    result = await interpreter.run((FOLDER / f"{program}.py").read_text("utf-8"), user_id=program)
    assert result.success, result.error
    stdout = as_at_level_namespaces(result.stdout)
    if value := SHOWN.get(program):
        assert stdout.count(value) == 1
        stdout = stdout.replace(value, "")
    return Printed(stdout, as_at_level_namespaces(result.stderr), result.return_code)


def as_at_level_namespaces(text: str) -> str:
    """Level landlock has no paths of our own."""
    text = re.sub(r"/[\w/.-]*/cellblock-\w+/spaces/[0-9a-f]{32}/work", "/work", text)
    return re.sub(r"/[\w/.-]*/cellblock-\w+/root/", "/", text)


async def level_of(interpreter: Interpreter) -> str:
    pool = interpreter._starting
    assert pool is not None
    return str((await pool).level)


class Outside:
    """Runs programs as plain scripts, a few at a time, each once and in a directory of its own.

    Args:
        venv: the environment whose Python runs them.
        directory: where they run; what they leave lies there.
    """

    def __init__(self, venv: Path, directory: Path) -> None:
        self._venv = venv
        self._directory = directory
        self._turn = asyncio.Semaphore(OUTSIDE_AT_ONCE)
        self._runs: dict[str, asyncio.Task[Printed]] = {}
        # Building a font cache takes seconds; that of the environment is as good.
        shutil.copytree(venv / "matplotlib", directory / "matplotlib")
        self._environment = ENVIRONMENT | {
            "PATH": f"{venv}/bin:{os.defpath}",
            "HOME": str(directory),
            "MPLCONFIGDIR": str(directory / "matplotlib"),
            # Inside pandas is told which one to use (inside/zygote.py).
            "PYTHONWARNINGS": "ignore:The default engine for reading",
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for run in self._runs.values():
            run.cancel()
        await asyncio.gather(*self._runs.values(), return_exceptions=True)

    def start(self, program: str) -> "asyncio.Task[Printed]":
        if program not in self._runs:
            source = (FOLDER / f"{program}.py").read_text("utf-8")
            self._runs[program] = asyncio.create_task(self.run(source))
        return self._runs[program]

    async def of(self, program: str) -> Printed:
        printed = await self.start(program)
        assert printed.status == 0, printed.stderr
        return printed

    async def run(self, source: str) -> Printed:
        async with self._turn, asyncio.timeout(OUTSIDE_SECONDS):
            number = len(list(self._directory.iterdir()))
            cwd = self._directory / f"work-{number}"
            cwd.mkdir()
            (cwd / NAME).write_text(source, "utf-8")
            process = await asyncio.create_subprocess_exec(
                self._venv / "bin" / "python",
                NAME,
                cwd=cwd,
                env=self._environment,
                umask=0o022,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                streams = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        assert process.returncode is not None
        stdout, stderr = (self._as_if_inside(stream.decode(), cwd) for stream in streams)
        return Printed(stdout, stderr, process.returncode)

    def _as_if_inside(self, text: str, cwd: Path) -> str:
        """Where things lie is all that may differ: tracebacks name the files of modules by their paths."""
        places = {
            f"{cwd}/{NAME}": NAME,
            str(cwd): "/work",
            str(self._venv): "/venv",
            os.path.dirname(os.__file__): STDLIB_INSIDE,
        }
        for there, here in places.items():
            text = text.replace(there, here)
        return text


@pytest.fixture(scope="module")
async def outside(
    request: pytest.FixtureRequest, built_venv: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Outside]:
    """Starts the programs of all tests that were chosen, so that they run beside the sandboxes."""
    async with Outside(built_venv, tmp_path_factory.mktemp("outside")) as outside:
        for item in request.session.items:
            if item.path == request.path and hasattr(item, "callspec") and "program" in item.callspec.params:
                outside.start(item.callspec.params["program"])
        yield outside


@pytest.fixture(scope="module", params=LEVELS)
async def interpreter_at(request: pytest.FixtureRequest, home: Path) -> AsyncIterator[Interpreter]:
    """An interpreter with nothing but the sandbox at one level of isolation, of an operator with habits of his own."""
    async with contextlib.AsyncExitStack() as stack:
        umask = os.umask(0o077)
        try:
            with launchers_refused(*(() if request.param == "namespaces" else NAMESPACES_REFUSED)):
                interpreter = await stack.enter_async_context(Interpreter(home=home, policy="sandbox-only"))
                await interpreter.warm()
        finally:
            os.umask(umask)
        yield interpreter


@pytest.fixture(scope="module")
async def strict_interpreter(home: Path) -> AsyncIterator[Interpreter]:
    """One with the policy that is the default, which is the same at every level."""
    async with Interpreter(home=home) as interpreter:
        await interpreter.warm()
        yield interpreter
