"""A scripted model that answers like OpenAI's API, in this process and without a network: for `--demo`.

It is the transport of the SDK's own client, so that everything but the model is real: requests, streams, tool calls,
what is counted. `cellblock chat --demo` and the examples use it.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import httpx2

from schemas import names
from token_counter.counter import TokenCounter

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Item = dict[str, Any]

MODEL = "gpt-5-mini"
QUESTIONS = ("Which product earns most? Draw me a chart.", "And how sure are we, given how it varies?")
OWN_TOOLS = names()
_PIECE = 12  # characters of a streamed piece

_MADE_UP = """
import numpy as np
import pandas as pd

rng = np.random.default_rng(7)
sales = pd.DataFrame({
    "product": rng.choice(["chair", "desk", "lamp"], 400),
    "units": rng.poisson(12, 400),
})
sales["price"] = sales["product"].map({"chair": 79.0, "desk": 210.0, "lamp": 24.5})
"""
_ATTACHED = """
sales = load_file({file_id!r})
"""
_CHART = """
import matplotlib.pyplot as plt

sales["revenue"] = sales["units"] * sales["price"]
table = sales.groupby("product")["revenue"].sum().sort_values(ascending=False)
print(table.round(0).astype(int).to_string())
table.plot.bar(title="Revenue by product", ylabel="dollars")
plt.tight_layout()
plt.savefig("revenue.png")
"""
_SPREAD = """
sales["revenue"] = sales["units"] * sales["price"]
spread = sales.groupby("product")["revenue"].agg(["mean", "std", "count"])
spread["error"] = spread["std"] / spread["count"] ** 0.5
print(spread.round(1).to_string())
"""


def demo_client(pace: float = 0.0) -> "AsyncOpenAI":
    """A client of the scripted model.

    Args:
        pace: seconds between the pieces of a streamed answer.
    """
    from openai import AsyncOpenAI

    http_client = httpx2.AsyncClient(transport=_ScriptedModel(pace))
    return AsyncOpenAI(api_key="demo", base_url="http://demo.invalid/v1", http_client=http_client)


class _ScriptedModel(httpx2.AsyncBaseTransport):
    """Answers a question with code, and the code's output with words; bills what token_counter counts."""

    def __init__(self, pace: float) -> None:
        self._pace = pace
        self._counter = TokenCounter(fetch_links=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(await request.aread())
        chat = request.url.path.endswith("/chat/completions")
        said, call = _answer(body["messages"] if chat else body["input"], body.get("tools", []))
        counted = (await self._counter.count_request(body)).total
        made = self._counter.count_text_tokens(said + json.dumps(call or ""), MODEL) + 7
        form = (_chat if chat else _responses)(said, call, counted, made)
        if not body.get("stream"):
            return httpx2.Response(200, json=form)
        pieces = (_chat_pieces if chat else _responses_pieces)(form)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Events(pieces, self._pace))


class _Events(httpx2.AsyncByteStream):
    """Server-sent events, piece by piece."""

    def __init__(self, pieces: Iterator[Item], pace: float) -> None:
        self._pieces, self._pace = pieces, pace

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            await asyncio.sleep(self._pace)
            yield b"data: " + json.dumps(piece).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"


# ---- what it says


def _answer(messages: list[Item], tools: list[Item]) -> tuple[str, Item | None]:
    """Words, and a call's name and arguments where there is one to make."""
    last = messages[-1]
    if result := _result(last) or (len(messages) > 1 and _result(messages[-2])):
        return _words_about(result), None
    asked = _text(last.get("content"))
    definitions = [tool.get("function", tool) for tool in tools]
    for tool in definitions:
        if tool["name"] not in OWN_TOOLS and set(tool["name"].split("_")) & set(re.findall(r"\w+", asked.lower())):
            properties = tool["parameters"]["properties"]
            arguments = {name: properties[name].get("examples", [""])[0] for name in properties}
            return "I will ask.", {"name": tool["name"], "arguments": json.dumps(arguments)}
    if not definitions:
        return "I cannot run code now.", None
    attached = re.findall(r"\buser_[\w.@-]+_\d{9,11}_[0-9a-f]+", asked)
    data = _ATTACHED.format(file_id=attached[-1]) if attached else _MADE_UP
    work = _SPREAD if re.search(r"\b(sure|certain|var|spread|error)", asked, re.IGNORECASE) else _CHART
    arguments = {"code": (data + work).strip() + "\n"}
    return "Let me look at the data.", {"name": "execute_python_code", "arguments": json.dumps(arguments)}


def _result(item: Item) -> str:
    """What a tool answered; '' where the item is no such answer."""
    if item.get("role") == "tool":
        return _text(item.get("content"))
    return _text(item.get("output")) if str(item.get("type", "")).endswith("_output") else ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content or () if isinstance(part, dict))


def _words_about(result: str) -> str:
    # A line of a table: a word and numbers, behind the mark of foreign text.
    rows = re.findall(r"^> ([a-z]+)((?: +[\d.]+)+)$", result, re.MULTILINE)
    if not rows and result.startswith("Result:"):
        return f"Your tool says: {result.partition('> ')[2].strip()}"
    if not rows:
        return f"That did not work out as I thought. The interpreter said:\n\n{result[:300]}"
    name, numbers = rows[0]
    more = " The chart is attached." if ".png" in result else ""
    if len(numbers.split()) > 1:
        spreads = ", ".join(f"{row} {figures.split()[0]} ± {figures.split()[-1]}" for row, figures in rows)
        return f"The mean revenue of a sale, with its standard error: {spreads}."
    return f"The {name} earns most: {int(numbers.strip().split('.')[0]):,} dollars.{more}"


# ---- in the API's forms


def _chat(said: str, call: Item | None, counted: int, made: int) -> Item:
    message: Item = {"role": "assistant", "content": said, "refusal": None}
    if call:
        message["tool_calls"] = [{"id": f"call_{counted}", "type": "function", "function": call}]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop", "logprobs": None}
    usage = {"prompt_tokens": counted, "completion_tokens": made, "total_tokens": counted + made}
    envelope = {"id": "demo", "object": "chat.completion", "created": 1, "model": MODEL}
    return {**envelope, "choices": [choice], "usage": usage}


def _chat_pieces(completion: Item) -> Iterator[Item]:
    choice = completion["choices"][0]
    message = choice["message"]
    for text in _cut(message["content"]):
        yield _chunk({"content": text})
    for call in message.get("tool_calls", ()):
        yield _chunk({"tool_calls": [{"index": 0, **call, "function": {**call["function"], "arguments": ""}}]})
        for text in _cut(call["function"]["arguments"]):
            yield _chunk({"tool_calls": [{"index": 0, "function": {"arguments": text}}]})
    yield _chunk({}, choice["finish_reason"])
    yield {**_chunk({}), "choices": [], "usage": completion["usage"]}


def _chunk(delta: Item, finish: str | None = None) -> Item:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "demo", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}


def _responses(said: str, call: Item | None, counted: int, made: int) -> Item:
    parts = [{"type": "output_text", "text": said, "annotations": []}]
    output: list[Item] = [
        {"type": "message", "id": f"msg_{counted}", "role": "assistant", "status": "completed", "content": parts}
    ]
    if call:
        item = {"type": "function_call", "id": f"fc_{counted}", "call_id": f"call_{counted}", "status": "completed"}
        output.append(item | call)
    usage = {
        "input_tokens": counted,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted + made,
    }
    envelope = {"id": "demo", "object": "response", "created_at": 1, "status": "completed", "model": MODEL}
    settings = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return {**envelope, **settings, "output": output, "usage": usage}


def _responses_pieces(response: Item) -> Iterator[Item]:
    for index, item in enumerate(response["output"]):
        at = {"output_index": index, "item_id": item["id"], "sequence_number": 0}
        yield {"type": "response.output_item.added", "item": item, **at}
        if item["type"] == "message":
            for text in _cut(item["content"][0]["text"]):
                yield {"type": "response.output_text.delta", "delta": text, "content_index": 0, **at}
        else:
            for text in _cut(item["arguments"]):
                yield {"type": "response.function_call_arguments.delta", "delta": text, **at}
        yield {"type": "response.output_item.done", "item": item, **at}
    yield {"type": "response.completed", "response": response, "sequence_number": 0}


def _cut(text: str) -> Iterator[str]:
    return (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
