"""No file, parse or database call runs on the event loop's thread."""

import asyncio
import json
import time
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from plugin import Dispatcher, Interpreter, run_tool
from plugin.errors import CellblockError


@pytest.fixture
def no_blocking_calls() -> Iterator[BlockBuster]:
    """Any call that would block raises BlockingError while this is in force."""
    with blockbuster_ctx("plugin") as blockbuster:
        yield blockbuster


async def test_a_call_with_files_and_a_chart_never_blocks_the_loop(
    interpreter: Interpreter, no_blocking_calls: BlockBuster
) -> None:
    """Upload, tool call, generated file, list, load and delete."""
    record = await interpreter.files.upload("loop", b"a,b\n1,2\n", "t.csv")
    code = f"df = load_file('{record.file_id}'); ax = df.plot(); print(df.a.sum())"
    answer = await run_tool("execute_python_code", json.dumps({"code": code}), "loop", interpreter)
    assert (answer["output"], answer["error"]) == ("1\n", "")
    listed = await run_tool("list_user_files", "{}", "loop", interpreter)
    assert {row["filename"] for row in listed["files"]} == {"t.csv", "figure-1.png"}
    for row in listed["files"]:
        assert (await interpreter.files.load(row["file_id"], "loop"))[1]
        assert (await run_tool("delete_user_file", json.dumps({"file_id": row["file_id"]}), "loop", interpreter))[
            "success"
        ]


async def test_dispatching_never_blocks_the_loop(interpreter: Interpreter, no_blocking_calls: BlockBuster) -> None:
    """Arguments checked, output counted and kept as a file, an image opened: by a model named for the first time, too."""

    async def much(arguments: dict[str, object], *, user_id: int | str) -> str:
        return "word " * 50_000

    dispatcher = Dispatcher(interpreter)
    dispatcher.register({"name": "much"}, much)
    plots = "import matplotlib.pyplot as plt; plt.plot([1, 2]); print('line\\n' * 9000)"
    calls = [
        {"id": "a", "function": {"name": "execute_python_code", "arguments": json.dumps({"code": plots})}},
        {"id": "b", "function": {"name": "much"}},
        {"id": "c", "function": {"name": "list_user_files"}},
        {"id": "d", "function": {"name": "nothing"}},
    ]
    for model in ("gpt-4o", "gpt-4", None):
        items = await dispatcher.run(calls, user_id="loop", model=model)
        assert len(items) == (4 if model == "gpt-4" else 5), "gpt-4 sees no images"
        assert "load_file" in items[0]["content"] and "load_file" in items[1]["content"]


async def test_a_hanging_cell_and_a_drained_pool_never_block_the_loop(
    interpreter: Interpreter, no_blocking_calls: BlockBuster
) -> None:
    """Timeouts, kills and new sandboxes neither."""
    result = await interpreter.run("while True: pass", user_id="loop", timeout=1)
    assert result.return_code == -1
    for _ in range(5):
        assert (await interpreter.run("print(1)", user_id="loop")).output == "1\n"


async def test_starting_and_closing_never_block_the_loop(home, no_blocking_calls: BlockBuster) -> None:
    """From the first call to the last descriptor."""
    async with Interpreter(home=home) as interpreter:
        assert (await interpreter.run("print(1)", user_id="loop")).output == "1\n"


MEBIBYTE = 1024**2
MOST_CPU_SECONDS = 0.02  # that one turn of the loop may take, of the processor's time: others' load does not count


def filled(line: str, *, end: str = "") -> str:
    return line * ((MEBIBYTE - len(end.encode())) // len(line.encode())) + end


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(filled("("), id="nested brackets"),
        pytest.param("x = " + filled("-")[:-5] + "1", id="nested operators"),
        pytest.param("x = [" + filled("1,")[:-8] + "]", id="commas"),
        pytest.param("x = '" + filled("a")[:-6] + "'", id="one string"),
        pytest.param("x = '" + filled("\U0001f40d")[:-9] + "'", id="one string of snakes"),
        pytest.param(filled("import abcdefghijklm\n"), id="50,000 imports"),
        pytest.param("".join(f"import m{number:06}{'é' * 60}\n" for number in range(7500)), id="imports of many modules"),
        pytest.param(filled("eval(1)\n"), id="130,000 violations"),
        pytest.param("".join(f"import socket.{'é' * 100}{number}\n" for number in range(4000)), id="long violations"),
        pytest.param(filled("eval;"), id="200,000 violations on one line"),
        pytest.param("".join(f"def f{number}(): 0\n" for number in range(60_000)), id="60,000 functions"),
        pytest.param("".join(f"'user_1_1700000000_{number:016x}'\n" for number in range(25_000)), id="file ids"),
        pytest.param(filled("!pip install a\n"), id="pip lines"),
        pytest.param(filled("\n%time"), id="magics"),
        pytest.param("!" + filled("é")[:-1], id="one long magic"),
        pytest.param(filled("'''"), id="quotes"),
        pytest.param(filled("a.b")[:-1] + "?", id="a help line"),
        pytest.param("raise ValueError('" + filled("é")[:-30] + "')", id="a long error"),
        pytest.param("'" + filled("é")[:-4] + "'", id="a long last value"),
    ],
)  # fmt: skip
async def test_a_mebibyte_of_code_never_stalls_the_loop(interpreter: Interpreter, code: str) -> None:
    """Whatever it parses to, each turn of the loop is short: nothing of it is looked at on the host."""
    assert len(code.encode()) <= MEBIBYTE
    call = asyncio.create_task(interpreter.run(code, user_id="loop", timeout=60))
    longest, before = 0.0, time.thread_time()
    while not call.done():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    assert longest <= MOST_CPU_SECONDS
    try:
        result = call.result()
    except CellblockError as refusal:
        assert len(str(refusal)) < 2000
    else:
        assert len(result.error) < 50_000
