"""What the API sent, in the form in which it takes it back; the loops keep answers in their history this way.

The SDK's objects say more than its request types allow (`parsed_arguments`, `annotations`, a custom call's `status`, nulls),
and a request that repeats it is refused.
"""

import json
from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints

from .pieces import mended

Item = dict[str, Any]
CALLS = ("function_call", "custom_tool_call")  # of Responses' items, those that the client answers


def plain(value: Any) -> Any:
    """An SDK object, or a dict of such, as plain dicts and lists, with no text in it that cannot be encoded."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "to_dict"):
        return plain(value.to_dict(warnings=False))  # servers send what the types do not foresee
    return value


def chat_message(message: Any) -> Item:
    """The assistant's message of a chat completion, as ChatCompletionAssistantMessageParam takes it.

    Args:
        message: the SDK's object, or a dict.
    """
    given = plain(message)
    sent: Item = {"role": "assistant", "content": given.get("content")}
    if given.get("refusal") is not None:
        sent["refusal"] = given["refusal"]
    if given.get("audio"):
        sent["audio"] = {"id": given["audio"].get("id", "")}
    if given.get("tool_calls"):
        sent["tool_calls"] = [_chat_call(call) for call in given["tool_calls"]]
    if given.get("function_call"):
        sent["function_call"] = _named(given["function_call"], "arguments")
    if sent["content"] is None and len(sent) == 2:
        sent["content"] = ""  # required where there is nothing else
    return sent


def given_message(message: Any) -> Item:
    """One message of a caller's history: the SDK's objects and their dumps made sendable, other dicts as they are."""
    if not isinstance(message, Mapping):
        return chat_message(message)
    given: Item = plain(message)
    if given.get("role") == "assistant" and "annotations" in given:  # ChatCompletionMessage.model_dump()
        return chat_message(given)
    for call in given.get("tool_calls") or ():
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            call["function"].pop("parsed_arguments", None)
    return given


def given_item(item: Any) -> Item:
    """The same for an item of a Responses input."""
    given: Item = plain(item)
    return response_item(given) if "type" in given else given


def _chat_call(call: Item) -> Item:
    kind = "custom" if call.get("type") == "custom" or "custom" in call else "function"
    written = _named(call.get(kind) or {}, "input" if kind == "custom" else "arguments")
    return {"id": call.get("id") or "", "type": kind, kind: written}


def _named(call: Item, text: str) -> Item:
    written = call.get(text) or ""
    if not isinstance(written, str):  # some servers send arguments as an object
        written = json.dumps(written)
    return {"name": call.get("name") or "", text: written}


def response_item(item: Any) -> Item:
    """One output item of a response, as ResponseInputItemParam takes it; kinds the SDK does not know stay as they came.

    Args:
        item: the SDK's object, or a dict.
    """
    sent: Item = plain(item)
    known = _request_types().get(sent.get("type", ""))
    if known is not None:
        sent = {key: value for key, value in sent.items() if key in known and (value is not None or known[key])}
    if sent.get("type") == "message" and isinstance(sent.get("content"), list):
        sent["content"] = [_without_parsed(part) for part in sent["content"]]
    return sent


def _without_parsed(part: Item) -> Item:
    return {key: value for key, value in part.items() if key != "parsed" and value is not None}


@cache
def _request_types() -> dict[str, dict[str, bool]]:
    """Of each kind of input item the keys it may have, and whether they may be null, by the installed SDK's own types."""
    from openai.types.responses import response_input_item_param

    known: dict[str, dict[str, bool]] = {}
    for form in get_args(response_input_item_param.ResponseInputItemParam):
        hints = get_type_hints(form)
        for kind in get_args(hints.get("type")):
            nullable = {key: NoneType in get_args(hint) for key, hint in hints.items()}
            if isinstance(kind, str):
                known.setdefault(kind, {}).update(nullable)
    return known
