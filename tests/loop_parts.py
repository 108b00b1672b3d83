"""What the tests of the loop share: both APIs behind one set of names, and a tool that notices what happens to it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from plugin import events
from plugin.dispatch.chat import run_chat, stream_chat
from plugin.dispatch.dispatcher import Dispatcher
from plugin.dispatch.responses import run_responses, stream_responses
from plugin.result import Turn
from tests.api_server import Chat, Item, Reply, Responses, function, function_item, message_item
from tests.strict_types import check_answered, check_answered_items, check_chat_messages, check_response_input

NOTE = {
    "name": "note",
    "description": "Writes a note.",
    "parameters": {
        "type": "object",
        "properties": {"text": {"type": "string"}, "steps": {"type": "integer"}},
        "required": ["text"],
        "additionalProperties": False,
    },
}


@dataclass
class Notes:
    """A registered tool: what it was called with, and whether any call of it still runs."""

    taken: list[str] = field(default_factory=list)
    running: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def note(self, arguments: Item, *, user_id: int | str) -> str:
        self.running += 1
        self.begun.set()
        try:
            for _ in range(arguments.get("steps", 0)):
                await asyncio.sleep(0)
            if arguments["text"] == "never":
                await asyncio.Event().wait()
            self.taken.append(arguments["text"])
            return f"noted {arguments['text'][:20]} for {user_id}"
        finally:
            self.running -= 1


@dataclass(frozen=True)
class Way:
    """One of the four ways to have a turn, and how the model's part of it is written for its API."""

    name: str

    @property
    def is_chat(self) -> bool:
        return "chat" in self.name

    @property
    def streams(self) -> bool:
        return "stream" in self.name

    async def turn(
        self, client: Any, dispatcher: Dispatcher, told: list[events.Event] | None = None, **asked: Any
    ) -> Turn:
        asked = {"model": "gpt-5", "user_id": 7, "messages": [{"role": "user", "content": "go"}]} | asked
        if not self.streams:
            run = run_chat if self.is_chat else run_responses
            return await run(client, dispatcher, **asked, on_event=None if told is None else told.append)
        stream = (stream_chat if self.is_chat else stream_responses)(client, dispatcher, **asked)
        last: events.Event | None = None
        async with stream:
            async for last in stream:
                if told is not None:
                    told.append(last)
        assert isinstance(last, events.Done) and isinstance(last.result, Turn)
        return last.result

    def calls(self, *calls: tuple[str, Any], ids: Sequence[str] = (), **how: Any) -> Reply:
        """An answer that calls tools."""
        named = [(name, arguments, ids[at] if ids else f"call_{at}") for at, (name, arguments) in enumerate(calls)]
        if self.is_chat:
            return Chat(calls=tuple(function(*each) for each in named), **how)
        return Responses(output=tuple(function_item(*each) for each in named), **how)

    def says(self, text: str, **how: Any) -> Reply:
        """An answer in words."""
        return Chat(content=text, **how) if self.is_chat else Responses(output=(message_item(text),), **how)

    def cut_off(self, *calls: tuple[str, Any]) -> Reply:
        """An answer that the limit on output cut in the middle of its calls."""
        return self.calls(*calls, **({"finish": "length"} if self.is_chat else {"ending": "incomplete"}))

    def sent(self, request: Item) -> list[Item]:
        """The conversation in a request."""
        return request["messages" if self.is_chat else "input"]

    def answers(self, messages: list[Item]) -> list[str]:
        """What the tools answered, in order."""
        if self.is_chat:
            return [message["content"] for message in messages if message["role"] == "tool"]
        return [item["output"] for item in messages if item.get("type") == "function_call_output"]

    def check(self, messages: list[Item]) -> None:
        """They can be sent as they are, each call answered exactly once."""
        (check_chat_messages if self.is_chat else check_response_input)(messages)
        (check_answered if self.is_chat else check_answered_items)(messages)


WAYS = [Way("run_chat"), Way("stream_chat"), Way("run_responses"), Way("stream_responses")]
