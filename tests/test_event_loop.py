"""No file, parse or database call runs on the event loop's thread."""

import json
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from plugin import Interpreter, run_tool


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
