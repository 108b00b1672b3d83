"""A small server that speaks both of OpenAI's APIs over real HTTP, for answers that no third party's server can be told to give:
raw argument strings, custom calls, streams cut in the middle, an answer that never comes. Used by the tests of the loop.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Self

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from tests.strict_types import check_chat_request, check_responses_request

Item = dict[str, Any]
CHAT_USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
RESPONSES_USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 10,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 110,
}


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    Attributes:
        cut_after: pieces of a stream, after which the connection is closed; None: it is whole.
        piece: characters of a piece.
        delay: the server waits for it before it answers.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: str = ""
    cut_after: int | None = None
    piece: int = 8
    delay: asyncio.Event | None = None

    def whole(self) -> Item:
        return {"error": {"message": self.error, "type": "test", "param": None, "code": None}}

    def pieces(self) -> Iterator[Item]:
        yield self.whole()

    def but(self, **changes: Any) -> Self:
        return replace(self, **changes)


@dataclass(frozen=True)
class Chat(Reply):
    """A chat completion. `calls` are tool calls as the API sends them."""

    content: str | None = None
    calls: tuple[Item, ...] = ()
    function_call: Item | None = None
    refusal: str | None = None
    finish: str | None = None
    usage: Item | None = field(default_factory=lambda: dict(CHAT_USAGE))
    model: str = "gpt-5-2025-08-07"
    more: Item = field(default_factory=dict)  # of the message

    def _finish(self) -> str:
        kind = "tool_calls" if self.calls else "function_call" if self.function_call else "stop"
        return kind if self.finish is None else self.finish

    def whole(self) -> Item:
        message = {
            "role": "assistant",
            "content": self.content,
            "refusal": self.refusal,
            "annotations": [],
            **self.more,
        }
        if self.calls:
            message["tool_calls"] = list(self.calls)
        if self.function_call:
            message["function_call"] = self.function_call
        choice = {"index": 0, "message": message, "finish_reason": self._finish() or None, "logprobs": None}
        return self._envelope("chat.completion", [choice], self.usage)

    def pieces(self) -> Iterator[Item]:
        yield self._chunk({"role": "assistant", "content": None if self.calls else ""})
        for text in _cut(self.content or "", self.piece):
            yield self._chunk({"content": text})
        for text in _cut(self.refusal or "", self.piece):
            yield self._chunk({"refusal": text})
        for index, call in enumerate(self.calls):
            kind = call["type"]
            key = "arguments" if kind == "function" else "input"
            yield self._chunk({"tool_calls": [{"index": index, **call, kind: {**call[kind], key: ""}}]})
            for text in _cut(call[kind][key], self.piece):
                yield self._chunk({"tool_calls": [{"index": index, kind: {key: text}}]})
        if self.function_call:
            yield self._chunk({"function_call": {"name": self.function_call["name"], "arguments": ""}})
            for text in _cut(self.function_call["arguments"], self.piece):
                yield self._chunk({"function_call": {"arguments": text}})
        if self._finish():
            yield self._chunk({}, self._finish())
        yield self._envelope("chat.completion.chunk", [], self.usage)

    def _chunk(self, delta: Item, finish: str | None = None) -> Item:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return self._envelope("chat.completion.chunk", [choice], None)

    def _envelope(self, kind: str, choices: list[Item], usage: Item | None) -> Item:
        return {"id": "c1", "object": kind, "created": 1, "model": self.model, "choices": choices, "usage": usage}


@dataclass(frozen=True)
class Responses(Reply):
    """A response. `output` are items as the API sends them."""

    output: tuple[Item, ...] = ()
    ending: str = "completed"
    usage: Item | None = field(default_factory=lambda: dict(RESPONSES_USAGE))
    failure: Item | None = None

    def whole(self) -> Item:
        reason = {"reason": "max_output_tokens"} if self.ending == "incomplete" else None
        return {
            "id": "r1",
            "object": "response",
            "created_at": 1,
            "status": self.ending,
            "model": "gpt-5-2025-08-07",
            "output": list(self.output),
            "error": self.failure,
            "incomplete_details": reason,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": self.usage,
        }

    def pieces(self) -> Iterator[Item]:
        numbers = count()
        for event in self._events():
            yield event | {"sequence_number": next(numbers)}

    def _events(self) -> Iterator[Item]:
        yield {"type": "response.created", "response": self.whole() | {"output": [], "status": "in_progress"}}
        for index, item in enumerate(self.output):
            at = {"output_index": index, "item_id": item.get("id", "")}
            begun = {**item, "content": []} if item["type"] == "message" else item
            yield {"type": "response.output_item.added", "item": begun, **at}
            for kind, key in (("function_call_arguments", "arguments"), ("custom_tool_call_input", "input")):
                if item["type"] in kind:
                    for text in _cut(item[key], self.piece):
                        yield {"type": f"response.{kind}.delta", "delta": text, **at}
            if item["type"] == "message":
                for part, content in enumerate(item["content"]):
                    for text in _cut(content["text"], self.piece):
                        yield {"type": "response.output_text.delta", "delta": text, "content_index": part, **at}
            yield {"type": "response.output_item.done", "item": item, **at}
        yield {"type": f"response.{self.ending}", "response": self.whole()}


def function(name: str, arguments: Any, call_id: str = "call_1") -> Item:
    """A chat function call; arguments that are text go out as they are."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def custom(name: str, text: str, call_id: str = "call_1") -> Item:
    """A chat custom call."""
    return {"id": call_id, "type": "custom", "custom": {"name": name, "input": text}}


def function_item(name: str, arguments: Any, call_id: str = "call_1", **more: Any) -> Item:
    """A Responses function call."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    item = {"type": "function_call", "id": f"fc_{call_id}", "call_id": call_id, "name": name, "arguments": text}
    return item | {"status": "completed"} | more


def message_item(text: str, **more: Any) -> Item:
    """A Responses message."""
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content} | more


class ApiServer:
    """Gives the replies it was told, in order, and keeps what it received; every request must be valid."""

    def __init__(self) -> None:
        self.requests: list[Item] = []
        self.problems: list[str] = []
        self._replies: deque[Reply] = deque()
        self._default: Callable[[Item], Reply] | None = None
        self.port = 0
        self.received = asyncio.Event()  # the first request is there
        self._connections: set[asyncio.Task[None]] = set()

    def replies(self, *replies: Reply) -> None:
        self._replies.extend(replies)

    def forget(self) -> None:
        """Drop the replies that nobody fetched."""
        self._replies.clear()

    def owns(self, task: "asyncio.Task[Any]") -> bool:
        return task in self._connections

    def always(self, reply: Callable[[Item], Reply]) -> None:
        """Where no reply is left, this one is worked out from the request."""
        self._default = reply

    def client(self, **options: Any) -> AsyncOpenAI:
        given = {"api_key": "test", "base_url": f"http://127.0.0.1:{self.port}/v1", "max_retries": 0}
        # Without certificates, which take 50 ms to load.
        return AsyncOpenAI(**{**given, "http_client": DefaultAsyncHttpxClient(verify=False), **options})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)
        assert self.problems == []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, as some tests want
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = head[0].split(" ")[1]
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        self.requests.append(body)
        self.received.set()
        try:
            (check_chat_request if path.endswith("/chat/completions") else check_responses_request)(body)
        except AssertionError as error:
            self.problems.append(str(error))
        if self._replies:
            reply = self._replies.popleft()
        else:
            assert self._default is not None, "a request that nobody expected"
            reply = self._default(body)
        if reply.delay is not None:
            await reply.delay.wait()
        if body.get("stream") and reply.status == 200:
            return await self._send_stream(writer, reply, named=not path.endswith("/chat/completions"))
        content = json.dumps(reply.whole()).encode()
        lines = [f"HTTP/1.1 {reply.status} x", "content-type: application/json", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()
        return True

    async def _send_stream(self, writer: asyncio.StreamWriter, reply: Reply, *, named: bool) -> bool:
        writer.write(b"HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for at, piece in enumerate(reply.pieces()):
            if at == reply.cut_after:
                return False
            name = f"event: {piece['type']}\n" if named else ""
            _send(writer, f"{name}data: {json.dumps(piece)}\n\n".encode())
            await writer.drain()
        if not named:
            _send(writer, b"data: [DONE]\n\n")
        _send(writer, b"")
        await writer.drain()
        return True


def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _cut(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))
