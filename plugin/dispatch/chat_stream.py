"""A streamed chat completion, put together in linear time and told as it comes; chat.py reads answers with it.

The SDK's own `chat.completions.stream()` cannot read custom calls, fails on malformed arguments of strict tools and rebuilds
the message at every chunk (openai 3.54); this reads what `create(stream=True)` gives.
"""

import json
from collections.abc import AsyncIterable, Callable
from typing import Any

from .. import events
from ..errors import AnswerCut
from .code_delta import CodeReader
from .pieces import Pieces
from .sendable import Item, plain

CODE_TOOL = "execute_python_code"


async def read_stream(stream: AsyncIterable[Any], tell: events.Teller) -> Item:
    """The completion that the chunks make up, as plain data.

    Raises:
        AnswerCut: the stream ended before the answer did.
    """
    reader = _Reader(tell)
    async for chunk in stream:
        reader.add(chunk)
    if reader.ending is None:
        raise AnswerCut()
    return reader.completion()


class _Reader:
    """What came so far of the first choice."""

    def __init__(self, tell: events.Teller) -> None:
        self.ending: str | None = None
        self._tell = tell
        self._model: str | None = None
        self._tier: str | None = None
        self._usage: Any = None
        self._content, self._refusal = Pieces(), Pieces()
        self._audio_id: str | None = None
        self._calls: list[StreamedCall] = []
        self._by_index: dict[object, StreamedCall] = {}
        self._legacy: StreamedCall | None = None

    def add(self, chunk: Any) -> None:
        self._model = _get(chunk, "model") or self._model
        self._tier = _get(chunk, "service_tier") or self._tier
        self._usage = _get(chunk, "usage") or self._usage
        for choice in _get(chunk, "choices") or ():
            if _get(choice, "index") in (0, None):
                self.ending = _get(choice, "finish_reason") or self.ending
                self._add_delta(_get(choice, "delta"))

    def _add_delta(self, delta: Any) -> None:
        for name, text in (("content", self._content), ("refusal", self._refusal)):
            if (piece := _get(delta, name)) and (shown := text.add(piece)):
                self._tell(events.TextDelta, text=shown)
        self._audio_id = _get(_get(delta, "audio"), "id") or self._audio_id
        for fragment in _get(delta, "tool_calls") or ():
            self._call_of(fragment).add(fragment)
        if legacy := _get(delta, "function_call"):
            self._legacy = self._legacy or StreamedCall(self._tell)
            self._legacy.add({"function": legacy})

    def _call_of(self, fragment: Any) -> "StreamedCall":
        """By its index; some servers give every call the same one, and tell them apart by their ids."""
        index, call_id = _get(fragment, "index"), _get(fragment, "id")
        call = self._by_index.get(index)
        if call is None or (call_id and call.id and call_id != call.id):
            call = self._by_index[index] = StreamedCall(self._tell)
            self._calls.append(call)
        return call

    def completion(self) -> Item:
        message: Item = {"role": "assistant", "content": self._content.text() or None}
        if refusal := self._refusal.text():
            message["refusal"] = refusal
        if self._audio_id:
            message["audio"] = {"id": self._audio_id}
        if self._calls:
            message["tool_calls"] = [call.as_chat() for call in self._calls]
        if self._legacy:
            message["function_call"] = self._legacy.as_chat()["function"]
        choice = {"index": 0, "finish_reason": self.ending, "message": message}
        return {
            "model": self._model,
            "service_tier": self._tier,
            "usage": plain(self._usage),
            "choices": [choice],
        }


class StreamedCall:
    """One tool call as it is written: told when it begins, and its code as it grows."""

    def __init__(self, tell: events.Teller) -> None:
        self.id = ""
        self._tell = tell
        self._name = ""
        self._custom = False
        self._written = Pieces()
        self._code: Callable[[str], str] = _no_code

    def add(self, fragment: Any) -> None:
        """A chunk's part of it: `function` or `custom`, the latter unknown to the SDK's type."""
        self.id = self.id or _get(fragment, "id") or ""
        custom = _get(fragment, "custom")
        if custom is not None or _get(fragment, "type") == "custom":
            self._custom = True
        inner = _get(fragment, "function") if custom is None else custom
        self.begin(_get(inner, "name") or "")
        if piece := _get(inner, "input" if self._custom else "arguments"):
            self.write(piece if isinstance(piece, str) else json.dumps(plain(piece)))

    def begin(self, name: str, *, custom: bool = False, call_id: str = "") -> None:
        self.id, self._custom = self.id or call_id, self._custom or custom
        if name and not self._name:  # some servers repeat it in every chunk
            self._name = name
            if name == CODE_TOOL:  # whose input is the code itself where it is a custom tool
                self._code = str if self._custom else CodeReader().feed
            self._tell(events.ToolCallStarted, call_id=self.id, name=name)

    def write(self, piece: str) -> None:
        text = self._written.add(piece)
        if code := self._code(text):
            self._tell(events.CodeDelta, call_id=self.id, text=code)

    def as_chat(self) -> Item:
        kind, text = ("custom", "input") if self._custom else ("function", "arguments")
        return {"id": self.id, "type": kind, kind: {"name": self._name, text: self._written.text()}}


def _no_code(_: str) -> str:
    return ""


def _get(given: Any, name: str) -> Any:
    return given.get(name) if isinstance(given, dict) else getattr(given, name, None)
