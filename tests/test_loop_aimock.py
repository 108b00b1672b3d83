"""The loop against aimock, a server for both APIs that this project did not write, with the SDK's own client.

What was sent is held against the SDK's own types, and what the server made of it is read from its journal.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import openai
import pytest
from aimock_pytest import AIMockServer, NodeManager

from plugin import Interpreter
from plugin.dispatch.dispatcher import Dispatcher
from plugin.errors import AnswerCut, DeadlineExceeded
from tests.loop_parts import NOTE, WAYS, Notes, Way
from tests.strict_types import check_chat_request, check_responses_request

Item = dict[str, Any]
CODE = "execute_python_code"


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """All four, in every test."""
    return request.param


@pytest.fixture(scope="session")
def process() -> Iterator[AIMockServer]:
    """One for all tests."""
    server = AIMockServer(NodeManager())
    server.start()
    output = server._proc.stdout
    yield server
    server.stop()
    output.close()  # which aimock-pytest leaves to the garbage collector, and that warns


@pytest.fixture
def server(process: AIMockServer) -> AIMockServer:
    """The same, with nothing left of what another test told it."""
    return process.reset()


@pytest.fixture
def sent() -> list[Item]:
    """The bodies that the client put on the wire, each of them valid."""
    return []


@pytest.fixture
async def client(server: AIMockServer, sent: list[Item]) -> AsyncIterator[openai.AsyncOpenAI]:
    async def check(request: httpx2.Request) -> None:
        body = json.loads(request.content)
        (check_chat_request if request.url.path.endswith("/chat/completions") else check_responses_request)(body)
        sent.append(body)

    http_client = openai.DefaultAsyncHttpxClient(verify=False, event_hooks={"request": [check]})
    async with openai.AsyncOpenAI(api_key="x", base_url=f"{server.base_url}/v1", http_client=http_client) as client:
        yield client


@pytest.fixture
def dispatcher(interpreter: Interpreter, notes: Notes) -> Dispatcher:
    dispatcher = Dispatcher(interpreter)
    dispatcher.register(NOTE, notes.note)
    return dispatcher


def calls(*each: tuple[str, Item], **more: Any) -> Item:
    """A fixture's answer that calls tools."""
    written = [{"name": name, "arguments": json.dumps(arguments)} for name, arguments in each]
    return {"toolCalls": written, **more}


def ask(text: str) -> list[Item]:
    return [{"role": "user", "content": text}]


async def test_code_runs_and_its_output_goes_back(
    way: Way, server: AIMockServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """The server answers only if it finds the output in what it gets."""
    usage = {"prompt_tokens": 50, "completion_tokens": 5, "input_tokens": 50, "output_tokens": 5}
    server.on_message("six times seven", calls((CODE, {"code": "print('it is', 6 * 7)"})), hasToolResult=False)
    server.on_message("six times seven", {"content": "42!", "usage": usage}, toolResultContains="it is 42")
    turn = await way.turn(client, dispatcher, messages=ask("what is six times seven?"))
    assert turn.text == "42!" and turn.requests == 2
    assert turn.usage is not None and turn.usage.input_tokens >= 50
    way.check(turn.messages)
    told = [entry["body"]["messages"][-1] for entry in server.get_journal()]
    assert [message["role"] for message in told] == ["user", "tool"]


async def test_rounds_and_parallel_calls(
    way: Way,
    server: AIMockServer,
    client: openai.AsyncOpenAI,
    sent: list[Item],
    dispatcher: Dispatcher,
    notes: Notes,
) -> None:
    """Two side by side, then one more, then the answer; text before calls is kept."""
    first = {"content": "I will note that.", **calls(("note", {"text": "a"}), ("note", {"text": "b"}))}
    server.on_message("note this", first, sequenceIndex=0)
    server.on_message("note this", calls(("note", {"text": "c"})), sequenceIndex=1)
    server.on_message("note this", {"content": "Noted."}, sequenceIndex=2)
    turn = await way.turn(client, dispatcher, messages=ask("note this"))
    assert turn.text == "Noted." and sorted(notes.taken) == ["a", "b", "c"]
    assert "I will note that." in json.dumps(way.sent(sent[1]))
    assert [len(way.answers(way.sent(body))) for body in sent] == [0, 2, 3]
    way.check(turn.messages)


async def test_an_injected_429_with_retry_after(
    way: Way, server: AIMockServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """The client waits and tries again; nobody notices."""
    error = {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429, "retryAfter": 0}
    server.on_message("hurry", error, sequenceIndex=0)
    server.on_message("hurry", {"content": "ok"}, sequenceIndex=1)
    turn = await way.turn(client.with_options(max_retries=1), dispatcher, messages=ask("hurry"))
    assert turn.text == "ok" and turn.requests == 1
    assert [entry["response"]["status"] for entry in server.get_journal()] == [429, 200]


async def test_an_injected_500(
    way: Way, server: AIMockServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """After what ran: the history has it, answered."""
    server.on_message("break", calls(("note", {"text": "a"})), hasToolResult=False)
    server.on_message("break", {"error": {"message": "oops"}, "status": 500}, hasToolResult=True)
    with pytest.raises(openai.InternalServerError) as raised:
        await way.turn(client.with_options(max_retries=0), dispatcher, messages=ask("break"))
    assert len(way.answers(raised.value.messages)) == 1  # type: ignore[attr-defined]
    way.check(raised.value.messages)  # type: ignore[attr-defined]


@pytest.mark.parametrize("streamed", [way for way in WAYS if way.streams], ids=lambda way: way.name)
async def test_a_stream_cut_in_the_middle(
    streamed: Way, server: AIMockServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Nothing of it runs, and the history is what it was."""
    server.on_message("cut", calls(("note", {"text": "a" * 200})), truncateAfterChunks=4, chunkSize=10)
    with pytest.raises((AnswerCut, openai.APIConnectionError)) as raised:
        await streamed.turn(client, dispatcher, messages=ask("cut"))
    assert raised.value.messages == ask("cut") and notes.taken == []  # type: ignore[union-attr]


async def test_a_slow_server_and_a_deadline(
    way: Way, server: AIMockServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """The turn does not wait longer than its caller."""
    chaos = {"latencyMs": 20_000}
    server.on_message("slow", {"content": "x" * 1000}, chaos=chaos)
    started = asyncio.get_running_loop().time()
    with pytest.raises(DeadlineExceeded):
        await way.turn(client, dispatcher, messages=ask("slow"), deadline=0.2)
    assert asyncio.get_running_loop().time() - started < 10


async def test_odd_calls(way: Way, server: AIMockServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher) -> None:
    """An unknown tool, arguments that are a list, none at all: each is answered, and the model hears why."""
    wrong = {
        "toolCalls": [
            {"name": "no_such_tool", "arguments": "{}"},
            {"name": CODE, "arguments": "[1]"},
            {"name": CODE, "arguments": "{}"},
        ]
    }
    server.on_message("odd", wrong, hasToolResult=False)
    server.on_message("odd", {"content": "I see."}, hasToolResult=True)
    turn = await way.turn(client, dispatcher, messages=ask("odd"))
    assert turn.text == "I see." and len(way.answers(turn.messages)) == 3
    way.check(turn.messages)


async def test_the_sdk_s_own_runner_takes_the_tools(
    server: AIMockServer, client: openai.AsyncOpenAI, sent: list[Item], dispatcher: Dispatcher, notes: Notes
) -> None:
    """AsyncResponsesToolRunner with `registered_functions`: code runs for the user they were made for."""
    from openai.lib.responses_tool_runner import AsyncResponsesToolRunner

    server.on_message(
        "run it", calls((CODE, {"code": "print('it is', 6 * 7)"}), ("note", {"text": "a"})), hasToolResult=False
    )
    server.on_message("run it", {"content": "42!"}, hasToolResult=True)
    runner = AsyncResponsesToolRunner(functions=dispatcher.registered_functions(user_id=7))
    response = await runner.run(client, {"model": "gpt-5", "input": "run it"}, max_steps=4)
    assert response.output_text == "42!" and notes.taken == ["a"]
    outputs = [item["output"] for item in sent[-1]["input"] if item.get("type") == "function_call_output"]
    assert "it is 42" in outputs[0] and "noted a for 7" in outputs[1]
