"""What is told while code runs."""

import asyncio
from pathlib import Path

import pytest

from plugin import Interpreter, events
from plugin.errors import SandboxUnavailable
from tests.conftest import LIGHT


async def test_output_is_told_while_the_cell_runs(interpreter: Interpreter) -> None:
    """The first line comes while the cell still sleeps; the last event is the result."""
    code = "import sys, time\nprint('a')\ntime.sleep(.4)\nprint('b', file=sys.stderr)\nopen('f.txt', 'w').write('f')"
    loop = asyncio.get_running_loop()
    told = [(loop.time(), event) async for event in interpreter.stream(code, user_id="eve")]
    assert [type(event).__name__ for _, event in told] == ["Stdout", "Stderr", "FileGenerated", "Done"]
    assert [event.seq for _, event in told] == [0, 1, 2, 3]
    assert told[-1][0] - told[0][0] > 0.3
    done = told[-1][1]
    assert isinstance(done, events.Done) and done.result.output == "a\nb\n"


async def test_output_that_is_cut_is_told_up_to_the_cut(interpreter: Interpreter) -> None:
    """No event carries what the result does not."""
    told = [event async for event in interpreter.stream("for _ in range(300): print('é' * 500)", user_id="eve")]
    text = "".join(event.text for event in told if isinstance(event, events.Stdout))
    done = told[-1]
    assert isinstance(done, events.Done) and text == done.result.output
    assert len(text.encode()) == 99_999  # the limit falls into a character
    assert done.result.truncated_bytes == 300 * 1001 - 99_999


async def test_leaving_a_stream_ends_the_call(interpreter: Interpreter) -> None:
    """The place is free again and the cell is dead."""
    for _ in range(4):
        stream = interpreter.stream("print('go')\nwhile True: pass", user_id="eve", timeout=60)
        assert isinstance(await anext(stream), events.Stdout)
        await stream.aclose()
    async with asyncio.timeout(10):
        assert (await interpreter.run("print(1)", user_id="eve")).output == "1\n"


async def test_a_refusal_is_raised_from_the_stream(interpreter: Interpreter) -> None:
    """As from `run`."""
    with pytest.raises(Exception, match="Security validation failed"):
        [event async for event in interpreter.stream("import socket", user_id="eve")]


async def test_the_first_calls_wait_for_one_build_and_see_it(tmp_path: Path) -> None:
    """A call that comes while the environment is not there waits, is told of progress, and its timeout has not begun."""
    home = tmp_path / "home"
    async with Interpreter(home=home, timeout=1, **LIGHT) as interpreter:
        told: list[events.Event] = []
        calls = [interpreter.run("print(1)", user_id=number, on_event=told.append) for number in range(3)]
        results = await asyncio.gather(*calls)
    assert [result.output for result in results] == ["1\n"] * 3
    assert any(isinstance(event, events.InstallProgress) for event in told)
    assert len(list((home / "venvs").iterdir())) == 1


async def test_closing_during_the_first_start_tells_who_waits(tmp_path: Path) -> None:
    """A call that waits for the build gets an error of its own, not a cancellation it did not ask for."""
    interpreter = Interpreter(home=tmp_path / "home")
    call = asyncio.create_task(interpreter.run("print(1)", user_id=1))
    await asyncio.wait([call], timeout=0.2)
    await interpreter.aclose()
    with pytest.raises(SandboxUnavailable, match="closed"):
        await call
    assert not list((tmp_path / "home").glob("venv"))
