"""A streamed response, put together from its events and told as it comes; responses.py reads answers with it."""

from collections.abc import AsyncIterable
from typing import Any

from .. import events
from ..errors import AnswerCut, AnswerFailed
from .chat_stream import StreamedCall
from .pieces import Pieces
from .sendable import Item, plain

_ENDINGS = ("response.completed", "response.incomplete", "response.failed")
_TEXT = ("response.output_text.delta", "response.refusal.delta")
_WRITTEN = ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta")
_CALLS = {"function_call": False, "custom_tool_call": True}


async def read_stream(stream: AsyncIterable[Any], tell: events.Teller) -> Item:
    """The response that the events make up, as plain data.

    Raises:
        AnswerCut: the stream ended before the response did.
        AnswerFailed: the API sent an error in the middle of it.
    """
    calls: dict[Any, StreamedCall] = {}
    texts: dict[tuple[Any, Any], Pieces] = {}
    items: dict[Any, Any] = {}
    async for event in stream:
        kind, at = event.type, getattr(event, "output_index", None)
        if kind in _TEXT:
            text = texts.setdefault((at, getattr(event, "content_index", None)), Pieces())
            if shown := text.add(event.delta):
                tell(events.TextDelta, text=shown)
        elif kind == "response.output_item.added" and event.item.type in _CALLS:
            calls[at] = call = StreamedCall(tell)
            call.begin(event.item.name, custom=_CALLS[event.item.type], call_id=event.item.call_id)
        elif kind in _WRITTEN and at in calls:
            calls[at].write(event.delta)
        elif kind == "response.output_item.done":
            items[at] = event.item
        elif kind == "error":
            raise AnswerFailed(event.code, event.message)
        elif kind in _ENDINGS:
            return _whole(plain(event.response), items)
    raise AnswerCut()


def _whole(response: Item, items: dict[Any, Any]) -> Item:
    """With the items as they were when each was done: the API's own advice for reasoning that goes back encrypted.

    openai/types/responses/response_reasoning_item.py, `encrypted_content`, 3.54.
    """
    if len(items) >= len(response.get("output") or ()):
        response["output"] = [plain(items[at]) for at in sorted(items)]
    return response
