"""Tool calls as a model makes them, and the original's functions as a bot calls them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import plugin
import schemas
from plugin import Interpreter, compat, run_tool
from plugin.dispatch import tools

KEYS = {
    "success", "output", "error", "execution_time", "return_code", "generated_files", "generated_file_ids",
    "installed_packages", "session_id",
}  # fmt: skip


@pytest.fixture
async def embedded(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The original's functions over a default interpreter with this run's data directory."""
    monkeypatch.setenv("CELLBLOCK_HOME", str(home))
    yield
    await (await compat.default_interpreter()).aclose()
    compat._defaults.clear()


def test_each_schema_has_a_handler() -> None:
    """And each handler a schema."""
    assert sorted(tools.HANDLERS) == sorted(schemas.names())


async def test_a_tool_call_runs(interpreter: Interpreter) -> None:
    """The model's JSON in, the contract's dict out."""
    arguments = json.dumps({"code": "print(6 * 7)", "install_packages": ["numpy"], "timeout": None})
    answer = await run_tool("execute_python_code", arguments, 1, interpreter)
    assert set(answer) == KEYS
    assert (answer["success"], answer["output"], answer["return_code"]) == (True, "42\n", 0)


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        pytest.param("execute_python_code", "{", "JSON", id="torn"),
        pytest.param("execute_python_code", "[]", "object", id="no object"),
        pytest.param("execute_python_code", '{"code": 1}', "code", id="wrong type"),
        pytest.param("execute_python_code", '{"code": "1", "timeout": 301}', "timeout", id="timeout"),
        pytest.param("analyze_data_file", "{}", "execute_python_code", id="removed tool"),
        pytest.param("nothing", "{}", "nothing", id="unknown tool"),
        pytest.param("execute_python_code", '{"code": "import socket"}', "Security validation failed", id="policy"),
        pytest.param(
            "execute_python_code",
            '{"code": "1", "install_packages": ["evil"]}',
            "not in the approved list",
            id="package",
        ),
    ],
)
async def test_what_a_model_did_wrong_is_told_to_it(
    interpreter: Interpreter, name: str, arguments: str, told: str
) -> None:
    """As data, with what to change; nothing is raised."""
    answer = await run_tool(name, arguments, 1, interpreter)
    assert told in answer["error"]
    assert (answer["success"], answer["return_code"]) == (False, -2)


async def test_the_descriptions_tell_this_interpreters_limits(home: Path) -> None:
    """Settings are the one owner of a number; the schema repeats them."""
    interpreter = Interpreter(home=home, max_timeout=120, timeout=30, memory_bytes=1024**3, catalogue_remove=["scipy"])
    tool = next(t for t in schemas.chat_tools(tools.bounds(interpreter)) if "execute" in t["function"]["name"])[
        "function"
    ]
    assert tool["parameters"]["properties"]["timeout"]["maximum"] == 120
    assert "scipy" not in tool["description"] and "numpy" in tool["description"]
    await interpreter.aclose()


@pytest.mark.usefixtures("embedded")
async def test_the_originals_functions(home: Path) -> None:
    """Upload, list, run with the file, load what came out, delete."""
    uploaded = await plugin.upload_file(
        user_id=7, file_data=b"a\n1\n", filename="a.csv", file_type="csv", db_handler=None
    )
    assert uploaded["success"] and uploaded["filename"] == "a.csv" and uploaded["file_size"] == 4
    file_id = uploaded["file_id"]
    code = f"df = load_file('{file_id}'); df.to_json('out.json'); print(len(df))"
    result = await plugin.execute_code(code=code, user_id=7, user_files=[file_id], timeout=10**6)
    assert set(result) == KEYS
    assert (result["success"], result["output"], result["error"]) == (True, "1\n", "")
    [made] = result["generated_files"]
    assert set(made) == {"filename", "type", "data", "size", "file_id", "mime"}
    assert (await plugin.load_file(made["file_id"], 7))["data"] == made["data"] == b'{"a":{"0":1}}'
    assert (await plugin.load_file(made["file_id"], 8))["success"] is False
    assert {row["file_id"] for row in await plugin.list_user_files(7)} == {file_id, made["file_id"]}
    assert await plugin.delete_user_file(file_id, 8) is False
    assert await plugin.delete_user_file(file_id, 7) is True
    assert "_id" not in (await plugin.list_user_files(7))[0]


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize(
    ("options", "return_code", "error"),
    [
        pytest.param(
            {"code": "import subprocess"}, -2, "Security validation failed: Blocked unsafe operation: ", id="policy"
        ),
        pytest.param({"code": "while True: pass", "timeout": 1}, -1, "Execution timeout after 1 seconds", id="timeout"),
        pytest.param(
            {"code": "1", "install_packages": ["requests"]},
            -2,
            "Package 'requests' is not in the approved list",
            id="package",
        ),
        pytest.param({"code": "1", "user_files": ["user_1_1_1"]}, -2, "not found", id="file"),
        pytest.param({"code": "1", "session_id": "a"}, -2, "no sessions", id="session"),
        pytest.param({"code": "1", "db_handler": object()}, -2, "which cannot be used", id="database"),
        pytest.param({"code": None}, -2, "must be a str", id="no code"),
    ],
)
async def test_errors_come_back_as_data(options: dict[str, object], return_code: int, error: str) -> None:
    """The sentences that callers match on, and the contract's return codes."""
    result = await plugin.execute_code(user_id=7, **options)
    assert error in result["error"] and (result["success"], result["return_code"]) == (False, return_code)
    assert set(result) == KEYS


@pytest.mark.usefixtures("embedded")
async def test_output_that_was_cut_says_so_and_stays_under_the_limit() -> None:
    """100 KB, the notice included."""
    result = await plugin.execute_code("print('x' * 300_000)", user_id=7)
    assert result["output"].endswith("more bytes]") and len(result["output"]) <= 100_000
