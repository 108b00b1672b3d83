"""Recorded answers of the real API, parsed by the SDK and dispatched: what goes back is what the SDK's types ask for.

CELLBLOCK_WIRE names the file of recordings: a JSON object a line with `endpoint`, `request` and `response`, which is the
answer's JSON or, of a streamed one, the server-sent events. Without it answers of our own writing in the same forms are taken.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import strict_types
from openai._models import construct_type
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response

from plugin import Interpreter
from plugin.dispatch.dispatcher import Dispatcher

CODE = '{"code": "print(6 * 7)"}'


def completion(message: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "tool_calls", "logprobs": None, "message": {"role": "assistant"} | message}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "gpt-4o", "choices": [choice]}


def chunks(*deltas: dict[str, Any]) -> str:
    lines = []
    for delta in deltas:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "gpt-4o", "choices": [choice]}
        lines.append(f"data: {json.dumps(chunk)}\n\n")
    return "".join([*lines, "data: [DONE]\n\n"])


def response(*items: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "resp_1", "object": "response", "created_at": 0, "model": "gpt-5", "status": "completed", "output": list(items),
        "tools": [], "tool_choice": "auto", "parallel_tool_calls": True,
    }  # fmt: skip


def events(answer: dict[str, Any]) -> str:
    done = {"type": "response.completed", "sequence_number": 1, "response": answer}
    return f"event: response.completed\ndata: {json.dumps(done)}\n\n"


def function(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "execute_python_code", "arguments": CODE}}


ITEMS = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
    {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "execute_python_code", "arguments": CODE, "status": "completed"},
    {"type": "custom_tool_call", "id": "c_1", "call_id": "b", "name": "execute_python_code", "input": "print(6 * 7)"},
]  # fmt: skip
OWN = [
    ("/v1/chat/completions", completion({"content": None, "tool_calls": [function("a"), function("b")]})),
    ("/v1/chat/completions", completion({"content": "Hello"})),
    (
        "/v1/chat/completions",
        completion({"content": None, "function_call": {"name": "get_weather", "arguments": "{}"}}),
    ),
    (
        "/v1/chat/completions",
        chunks(
            {"role": "assistant", "tool_calls": [{"index": 0, **function("a")}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": " "}}]},
            {"tool_calls": [{"index": 1, **function("b")}]},
        ),
    ),
    ("/v1/responses", response(*ITEMS)),
    ("/v1/responses", events(response(*ITEMS))),
]


def recorded() -> Iterator[Any]:
    """(endpoint, response) of each exchange."""
    path = os.environ.get("CELLBLOCK_WIRE")
    if path is None:
        for at, (endpoint, answer) in enumerate(OWN):
            yield pytest.param(endpoint, answer, id=f"own-{at}")
        return
    for line in Path(path).read_text().splitlines():
        exchange = json.loads(line)
        yield pytest.param(exchange["endpoint"], exchange["response"], id=exchange["id"])


@pytest.mark.parametrize(("endpoint", "answer"), list(recorded()))
async def test_every_recorded_answer_is_dispatched(interpreter: Interpreter, endpoint: str, answer: Any) -> None:
    """One answer for each call, with its id; together with the calls a request that the SDK's types take."""
    dispatcher = Dispatcher(interpreter)
    if "chat" in endpoint:
        said = streamed_message(answer) if isinstance(answer, str) else message(answer)
        items = await dispatcher.run(said, user_id="wire")
        calls = said.get("tool_calls") or []
        assert [item["tool_call_id"] for item in items if item["role"] == "tool"] == [call["id"] for call in calls]
        assert [item["name"] for item in items if item["role"] == "function"] == [
            call["name"] for call in [said.get("function_call")] if call
        ]
        history = [{"role": "user", "content": "?"}, said, *items]
        strict_types.check_chat_request({"model": "gpt-5", "messages": history})
        return
    given = parsed(Response, completed(answer) if isinstance(answer, str) else answer)
    items = await dispatcher.run(given, user_id="wire")
    calls = [item for item in given.output if item.type in ("function_call", "custom_tool_call")]
    assert [item["call_id"] for item in items] == [call.call_id for call in calls]
    strict_types.check_response_input(items)
    strict_types.check_answered_items([*(call.to_dict() for call in calls), *items])


def parsed(kind: Any, data: Any) -> Any:
    """As the SDK's client reads an answer: without refusing what it does not know."""
    return construct_type(value=data, type_=kind)


def message(answer: dict[str, Any]) -> dict[str, Any]:
    """The assistant's message by way of the SDK's types, less what the request types do not know."""
    said = parsed(ChatCompletion, answer).choices[0].message
    kept = said.to_dict()
    return {key: kept[key] for key in ("role", "content", "tool_calls", "function_call") if kept.get(key) is not None}


def streamed_message(text: str) -> dict[str, Any]:
    """The same, put together from chunks."""
    calls: dict[int, dict[str, Any]] = {}
    words = []
    for data in payloads(text):
        for choice in parsed(ChatCompletionChunk, data).choices:
            words.append(choice.delta.content or "")
            for piece in choice.delta.tool_calls or ():
                call = calls.setdefault(piece.index, {"type": "function", "function": {"name": "", "arguments": ""}})
                call["id"] = piece.id or call["id"]
                if piece.function is not None:
                    call["function"]["name"] += piece.function.name or ""
                    call["function"]["arguments"] += piece.function.arguments or ""
    return {"role": "assistant", "content": "".join(words)} | ({"tool_calls": list(calls.values())} if calls else {})


def completed(text: str) -> Any:
    return next(
        data["response"] for data in payloads(text) if data["type"] in ("response.completed", "response.incomplete")
    )


def payloads(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))
