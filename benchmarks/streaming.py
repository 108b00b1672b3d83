"""A tool call with 1 MB of code, streamed: put together and told while it is written, in linear time.

The pieces are the SDK's own objects, as its stream gives them; 1 MB and 2 MB take turns in one run.
"""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from plugin import events
from plugin.dispatch import chat_stream, responses_stream
from plugin.packages.venv import Environment

from .figures import Findings
from .host import Level

ROUNDS = 5
PIECE = 16  # characters; about four tokens
LINE = "print('a line of \\\"code\\\" with an é and an 😀')\n"


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    for name, pieces, read in (
        ("chat", _chunks, chat_stream.read_stream),
        ("responses", _events, responses_stream.read_stream),
    ):
        short, long = pieces(_arguments(1_000_000)), pieces(_arguments(2_000_000))
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(ROUNDS):
            seconds[1].append(await _timed(read, short))
            seconds[2].append(await _timed(read, long))
        one = found.add_ms(f"{name}: arguments of 1 MB in {len(short):,} pieces", seconds[1])
        two = found.add_ms(f"{name}: arguments of 2 MB in {len(long):,} pieces", seconds[2])
        found.measured[f"streaming.{name}"] = two.median / one.median
    return found


async def _timed(read: Any, pieces: list[Any]) -> float:
    async def stream() -> AsyncIterator[Any]:
        for piece in pieces:
            yield piece

    told = 0

    def count(event: events.Event) -> None:
        nonlocal told
        told += len(event.text) if isinstance(event, events.CodeDelta) else 0

    started = time.perf_counter()
    await read(stream(), events.Teller(count))
    seconds = time.perf_counter() - started
    assert told > 400_000
    return seconds


def _arguments(characters: int) -> str:
    return json.dumps({"code": LINE * (characters // len(json.dumps(LINE)))})


def _cut(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def _chunks(arguments: str) -> list[Any]:
    from openai.types.chat import ChatCompletionChunk

    def chunk(delta: dict[str, Any], finish: str | None = None) -> Any:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return ChatCompletionChunk.model_validate(
            {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        )

    call = {"index": 0, "id": "call", "type": "function", "function": {"name": chat_stream.CODE_TOOL, "arguments": ""}}
    pieces = [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in _cut(arguments)]
    return [chunk({"tool_calls": [call]}), *map(chunk, pieces), chunk({}, "tool_calls")]


def _events(arguments: str) -> list[Any]:
    from openai.types import responses

    call: dict[str, Any] = {"type": "function_call", "call_id": "call", "name": chat_stream.CODE_TOOL, "arguments": ""}
    item = {**call, "arguments": arguments}
    at: dict[str, Any] = {"output_index": 0, "item_id": "i", "sequence_number": 1}
    response: dict[str, Any] = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [item]}
    delta, done = responses.ResponseFunctionCallArgumentsDeltaEvent, responses.ResponseOutputItemDoneEvent
    return [
        responses.ResponseOutputItemAddedEvent.construct(
            type="response.output_item.added", item=responses.ResponseFunctionToolCall.construct(**call), **at
        ),
        *(
            delta.construct(type="response.function_call_arguments.delta", delta=piece, **at)
            for piece in _cut(arguments)
        ),
        done.construct(
            type="response.output_item.done", item=responses.ResponseFunctionToolCall.construct(**item), **at
        ),
        responses.ResponseCompletedEvent.construct(
            type="response.completed", response=responses.Response.construct(**response), sequence_number=2
        ),
    ]
