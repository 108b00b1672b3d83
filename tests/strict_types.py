"""What is sent to the API, held against the SDK's own request types, strictly: unknown keys and wrong members are told.

The SDK's types are TypedDicts whose iterables pydantic checks lazily, and which let unknown keys through. These functions look
at plain data, as it stands in the request's JSON, and at every element of it. For tests; needs `openai`.
"""

import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from openai._types import SequenceNotStr
from openai.types.chat import ChatCompletionMessageParam
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses import ResponseInputParam
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from typing_extensions import is_typeddict  # of its own TypedDict too, which the SDK uses

TAGS = ("type", "role", "mode", "object")  # what tells the members of a union apart


class Invalid(AssertionError):
    """The data is not what the SDK's type asks for; the message says where and why."""


def check_chat_request(body: Mapping[str, Any]) -> None:
    """A whole body of POST /chat/completions.

    Raises:
        Invalid: it is none.
    """
    check(
        body, CompletionCreateParamsStreaming if body.get("stream") else CompletionCreateParamsNonStreaming, "request"
    )
    check_answered(body["messages"])


def check_responses_request(body: Mapping[str, Any]) -> None:
    """A whole body of POST /responses.

    Raises:
        Invalid: it is none.
    """
    check(body, ResponseCreateParamsStreaming if body.get("stream") else ResponseCreateParamsNonStreaming, "request")
    if not isinstance(body.get("input", ""), str) and not body.get("previous_response_id"):
        check_answered_items(body["input"])


def check_chat_messages(messages: Any) -> None:
    """Messages alone. Whether each call is answered is `check_answered`'s."""
    check(messages, list[ChatCompletionMessageParam], "messages")


def check_response_input(items: Any) -> None:
    """Input items alone. Whether each call is answered is `check_answered_items`'s."""
    check(items, ResponseInputParam, "input")


def check_answered(messages: list[dict[str, Any]]) -> None:
    """Each assistant message with tool calls is followed at once by one `tool` message for each of them."""
    waiting: list[str] = []
    for at, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                raise Invalid(f"messages[{at}]: answers {message['tool_call_id']!r:.60}, which nobody waits for")
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            raise Invalid(f"messages[{at}]: calls without an answer before it: {waiting!r:.200}")
        waiting = [call["id"] for call in message.get("tool_calls") or ()] if message["role"] == "assistant" else []
    if waiting:
        raise Invalid(f"messages: the last calls have no answer: {waiting!r:.200}")


def check_answered_items(items: Iterable[dict[str, Any]]) -> None:
    """Each function and custom call has one output of its kind behind it, and each output its call before it."""
    waiting: list[tuple[str, str]] = []
    for at, item in enumerate(items):
        kind = item.get("type", "message")
        if kind in ("function_call", "custom_tool_call"):
            waiting.append((f"{kind}_output", item["call_id"]))
        elif kind in ("function_call_output", "custom_tool_call_output"):
            if (kind, item["call_id"]) not in waiting:
                raise Invalid(f"input[{at}]: answers {item['call_id']!r:.60}, which nobody waits for")
            waiting.remove((kind, item["call_id"]))
    if waiting:
        raise Invalid(f"input: calls without an answer: {waiting!r:.200}")


def check(value: Any, wanted: Any, where: str = "value") -> None:
    """Plain data against a type hint.

    Raises:
        Invalid: `where` and why.
    """
    if problem := _problem(value, wanted, where):
        raise Invalid(problem)


def _problem(value: Any, wanted: Any, where: str) -> str:
    """'' where the value is of the type; else the first thing that is wrong."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if wanted is Any or wanted is object:
        return _no_json(value, where)
    if origin in (Required, NotRequired) or _is_annotated(wanted):
        return _problem(value, arguments[0], where)
    if origin in (Union, types.UnionType):
        return _of_union(value, arguments, where)
    if origin is Literal:
        fits = any(value == each and type(value) is type(each) for each in arguments)
        return "" if fits else f"{where}: {value!r:.60} is none of {arguments!r:.200}"
    if is_typeddict(wanted):
        return _of_typed_dict(value, wanted, where)
    if origin is not None and issubclass(origin, Mapping):
        return _of_mapping(value, arguments, where)
    if origin is not None and (issubclass(origin, Iterable) or origin is get_origin(SequenceNotStr[str])):
        if not isinstance(value, list):
            return f"{where}: a list is wanted, not {type(value).__name__}"
        return next(filter(None, (_problem(each, arguments[0], f"{where}[{at}]") for at, each in enumerate(value))), "")
    return _of_plain(value, wanted, where)


def _is_annotated(wanted: Any) -> bool:
    return hasattr(wanted, "__metadata__")


def _of_union(value: Any, members: tuple[Any, ...], where: str) -> str:
    problems = []
    for member in members:
        problem = _problem(value, member, where)
        if not problem:
            return ""
        if not _other_tag(value, member):
            problems.append(problem)
    # Of those whose tag fits, the one that came furthest.
    return max(problems, key=lambda told: told.index(":"), default=f"{where}: {value!r:.100} is of no member's kind")


def _other_tag(value: Any, member: Any) -> bool:
    """Whether it is plainly another member of the union that is meant."""
    if not isinstance(value, dict):
        return is_typeddict(member)
    if not is_typeddict(member):
        return get_origin(member) not in (Union, types.UnionType)
    hints = _hints(member)
    return any(tag in value and tag in hints and _problem(value[tag], hints[tag], "") for tag in TAGS)


def _of_typed_dict(value: Any, wanted: Any, where: str) -> str:
    if not isinstance(value, dict):
        return f"{where}: an object is wanted ({wanted.__name__}), not {type(value).__name__}"
    hints = _hints(wanted)
    for key in value:
        if key not in hints:
            return f"{where}.{key}: {wanted.__name__} has no such key"
    for key, hint in hints.items():
        if key not in value:
            if _is_required(wanted, key, hint):
                return f"{where}.{key}: is required in {wanted.__name__} and missing"
        elif problem := _problem(value[key], hint, f"{where}.{key}"):
            return problem
    return ""


def _is_required(wanted: Any, key: str, hint: Any) -> bool:
    # Where a module has `from __future__ import annotations`, __required_keys__ does not know of Required.
    return get_origin(hint) is Required or (key in wanted.__required_keys__ and get_origin(hint) is not NotRequired)


_KNOWN_HINTS: dict[Any, dict[str, Any]] = {}


def _hints(wanted: Any) -> dict[str, Any]:
    if wanted not in _KNOWN_HINTS:
        _KNOWN_HINTS[wanted] = get_type_hints(wanted, include_extras=True)
    return _KNOWN_HINTS[wanted]


def _of_mapping(value: Any, arguments: tuple[Any, ...], where: str) -> str:
    if not isinstance(value, dict):
        return f"{where}: an object is wanted, not {type(value).__name__}"
    if not all(isinstance(key, str) for key in value):
        return f"{where}: a key is no text"
    return next(filter(None, (_problem(each, arguments[1], f"{where}.{key}") for key, each in value.items())), "")


def _of_plain(value: Any, wanted: Any, where: str) -> str:
    if wanted in (None, type(None)):
        return "" if value is None else f"{where}: null is wanted"
    if wanted is str:
        return (
            _no_json(value, where) if isinstance(value, str) else f"{where}: text is wanted, not {type(value).__name__}"
        )
    if wanted is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if fits else f"{where}: a number is wanted, not {value!r:.60}"
    if wanted in (int, bool):
        return "" if type(value) is wanted else f"{where}: {wanted.__name__} is wanted, not {value!r:.60}"
    if wanted in (dict, list):
        return _no_json(value, where) if isinstance(value, wanted) else f"{where}: {wanted.__name__} is wanted"
    raise TypeError(f"{where}: this check knows nothing of {wanted!r}")


def _no_json(value: Any, where: str) -> str:
    """What the SDK could not encode."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            return f"{where}: a lone surrogate at {error.start}"
        return ""
    if isinstance(value, dict):
        return next(filter(None, (_no_json(each, f"{where}.{key}") for key, each in value.items())), "")
    if isinstance(value, list):
        return next(filter(None, (_no_json(each, f"{where}[{at}]") for at, each in enumerate(value))), "")
    return (
        "" if value is None or isinstance(value, bool | int | float) else f"{where}: {type(value).__name__} is no JSON"
    )
