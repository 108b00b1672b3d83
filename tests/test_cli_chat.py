"""`cellblock chat` as a person or a script uses it, in a process of its own."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.api_server import ApiServer, Chat, Reply, Responses, function, function_item, message_item

COMMAND = str(Path(sys.executable).with_name("cellblock"))
CODE = "execute_python_code"


class Chatting:
    """A running `cellblock chat`: what is written to it is typed, what it shows is read."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, home: Path, cwd: Path, *arguments: str, **environment: str) -> "Chatting":
        kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            COMMAND,
            "chat",
            *arguments,
            cwd=cwd,
            env=kept | {"CELLBLOCK_HOME": str(home)} | environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        return cls(process)

    async def done(self, *lines: str) -> tuple[int | None, str, str]:
        """Type the lines and the end; status, standard output and error."""
        typed = "".join(f"{line}\n" for line in lines).encode()
        async with asyncio.timeout(60):
            output, errors = await self.process.communicate(typed)
        return self.process.returncode, output.decode(), errors.decode()


async def test_without_a_key_it_says_how_to_get_going(home: Path, tmp_path: Path) -> None:
    """A key, another server, or the demo; at once."""
    status, output, errors = await (await Chatting.start(home, tmp_path)).done()
    assert (status, output) == (2, "")
    for way in ("OPENAI_API_KEY", "--base-url", "cellblock chat --demo"):
        assert way in errors


async def test_the_demo_shows_the_whole_loop_offline(home: Path, tmp_path: Path) -> None:
    """Words, code, its output, a chart saved here, what it cost; then the user's own lines."""
    (tmp_path / "own.csv").write_text("product,units,price\nsofa,3,900\nsofa,4,900\nstool,5,30\n")
    chat = await Chatting.start(home, tmp_path, "--demo")
    lines = [
        "/attach own.csv",
        "/attach nothing.csv",
        "Chart this, please",
        "/files",
        "/cost",
        "/nonsense",
        "/reset",
        "/cost",
    ]
    status, output, errors = await chat.done(*lines)
    assert status == 0, errors
    for shown in (
        "> Which product",
        "[execute_python_code]\nimport numpy",
        "desk     338940\n",
        "[saved revenue.png]\n",
    ):
        assert shown in output
    assert (tmp_path / "revenue.png").read_bytes().startswith(b"\x89PNG")
    assert "The sofa earns most: 6,300 dollars." in output and "load_file('user_" in output
    assert (tmp_path / "revenue-2.png").exists()
    assert re.search(r"user_\S+ +\d+\.?\d* \w+  own\.csv\n", output)
    assert re.search(r"3 turns, \$0\.00\d\d\n", output) and "/attach FILE" in output and "begun anew" in output
    assert errors.count("[2 requests, ") == 3 and re.search(r"so far \$0\.00\d\d\]", errors)
    assert "nothing.csv" in errors


@pytest.mark.parametrize("api_name", ["chat", "responses"])
async def test_a_conversation_with_a_server(api_name: str, api: ApiServer, home: Path, tmp_path: Path) -> None:
    """Each line is a turn of one conversation; what the model or code prints cannot steer the terminal."""
    code = "print('\\x1b[31mred')"
    if api_name == "chat":
        answers: list[Reply] = [
            Chat(calls=(function(CODE, {"code": code}),)),
            Chat(content="It is \x1b[2Jdone."),
            Chat(content="Yes."),
        ]
    else:
        call, words = function_item(CODE, {"code": code}), message_item("It is \x1b[2Jdone.")
        answers = [Responses(output=(call,)), Responses(output=(words,)), Responses(output=(message_item("Yes."),))]
    api.replies(*answers)
    server = {"OPENAI_BASE_URL": f"http://127.0.0.1:{api.port}/v1", "OPENAI_MODEL": "gpt-5"}
    chat = await Chatting.start(home, tmp_path, "--api", api_name, "--system", "Be brief.", "--user", "u1", **server)
    status, output, errors = await chat.done("Do it", "Sure?")
    assert status == 0, errors
    assert (
        "\\x1b[31mred\n" in output and "It is \\x1b[2Jdone.\n" in output and "Yes.\n" in output and "\x1b" not in output
    )
    conversation = api.requests[-1]["messages" if api_name == "chat" else "input"]
    assert [item["content"] for item in conversation if item.get("role") in ("system", "user")] == [
        "Be brief.",
        "Do it",
        "Sure?",
    ]
    assert api.requests[0]["model"] == "gpt-5" and len(api.requests) == 3


async def test_an_error_ends_the_turn_and_not_the_conversation(api: ApiServer, home: Path, tmp_path: Path) -> None:
    """It is told, and the next line goes on; the status says how the last turn ended."""
    api.replies(
        Reply(status=400, error="no \x1b[2J such model"), Chat(content="Hello."), Reply(status=401, error="bad key")
    )
    server = {"OPENAI_BASE_URL": f"http://127.0.0.1:{api.port}/v1", "OPENAI_API_KEY": "x"}
    chat = await Chatting.start(home, tmp_path, **server)
    status, output, errors = await chat.done("one", "two", "three")
    assert status == 1 and "Hello." in output
    assert "such model" in errors and "bad key" in errors and "\x1b" not in errors and "Traceback" not in errors


async def test_interrupting_stops_the_answer(api: ApiServer, home: Path, tmp_path: Path) -> None:
    """Ctrl-C in a turn ends the turn; the next line is answered."""
    api.replies(Chat(content="never").but(delay=asyncio.Event()), Chat(content="Hello again."))
    chat = await Chatting.start(home, tmp_path, OPENAI_BASE_URL=f"http://127.0.0.1:{api.port}/v1", OPENAI_API_KEY="x")
    assert chat.process.stdin is not None
    chat.process.stdin.write(b"one\n")
    await asyncio.wait_for(api.received.wait(), 60)
    chat.process.send_signal(signal.SIGINT)
    status, output, errors = await chat.done("two")
    assert status == 0, errors
    assert "[stopped]" in errors and "Hello again." in output
