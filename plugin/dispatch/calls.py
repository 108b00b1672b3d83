"""Tool calls in whatever form they come, as one plain dataclass; and the items that answer them. Dispatcher calls both.

Forms: Chat Completions' function and custom calls, its legacy `function_call`, Responses' function and custom calls; objects
of the SDK, dicts, or what a streaming loop put together. Nothing here trusts a field to be there or of its type: a model wrote
it. The forms are those of openai 3.54 (types/chat/chat_completion_message_*_tool_call.py, types/responses/response_*_call.py).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Item = dict[str, Any]
Part = dict[str, Any]

_RESPONSES = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
_UNFINISHED = ("incomplete", "in_progress")


@dataclass(frozen=True)
class ToolCall:
    """One call to answer.

    Attributes:
        id: as it came; '' where there is none.
        arguments: as they came: JSON text as a rule, but nobody has looked at it.
        free_form: the arguments are the input of a custom tool, bare text and no JSON.
        complete: False where the API says that it was cut off.
        answer: makes the item that answers it, of text and of parts with images (which Chat has no place for).
        images_apart: images go into a message of their own.
    """

    id: str
    name: str
    arguments: Any
    answer: Callable[[str, list[Part]], Item]
    free_form: bool = False
    complete: bool = True
    images_apart: bool = True


def read_calls(given: object) -> list[ToolCall]:
    """The calls, in their order; what is none (messages, reasoning, programs, calls of hosted tools) is passed over.

    Args:
        given: the calls as a list (None: there are none), or what holds them: an assistant message, a Response.
    """
    return [call for each in _members(given) if (call := _call(each)) is not None]


def _members(given: object) -> Iterable[object]:
    if given is None or isinstance(given, str | bytes):
        return []
    for holder in ("tool_calls", "output"):
        if held := _get(given, holder):
            return _members(held)
    if legacy := _get(given, "function_call"):
        return [legacy]
    if isinstance(given, Mapping) or not isinstance(given, Iterable) or hasattr(given, "model_fields_set"):
        return [given]
    return given


def _call(given: object) -> ToolCall | None:
    kind = _get(given, "type")
    if isinstance(kind, str) and kind in _RESPONSES:
        return _of_responses(given, kind)
    for nested in ("function", "custom"):
        if (inner := _get(given, nested)) is not None:
            return _of_chat(given, inner, free_form=nested == "custom")
    if kind in ("function", "custom"):  # the API promises what is missing here; its id waits for an answer all the same
        return _of_chat(given, {}, free_form=kind == "custom")
    if kind is None and _get(given, "arguments") is not None and _get(given, "name") is not None:
        return _legacy(given)
    return None


def _of_chat(call: object, inner: object, *, free_form: bool) -> ToolCall:
    call_id = _text(_get(call, "id"))

    def answer(text: str, _: list[Part]) -> Item:
        return {"role": "tool", "tool_call_id": call_id, "content": text}

    arguments = _get(inner, "input" if free_form else "arguments")
    return ToolCall(call_id, _text(_get(inner, "name")), arguments, answer, free_form)


def _legacy(call: object) -> ToolCall:
    name = _text(_get(call, "name"))
    return ToolCall(
        "", name, _get(call, "arguments"), lambda text, _: {"role": "function", "name": name, "content": text}
    )


def _of_responses(call: object, kind: str) -> ToolCall:
    call_id, caller = _text(_get(call, "call_id")), _caller(_get(call, "caller"))
    free_form = kind == "custom_tool_call"

    def answer(text: str, images: list[Part]) -> Item:
        output: Any = [{"type": "input_text", "text": text}, *images] if images else text
        item = {"type": _RESPONSES[kind], "call_id": call_id, "output": output}
        return item | ({"caller": caller} if caller else {})

    return ToolCall(
        call_id,
        _text(_get(call, "name")),
        _get(call, "input" if free_form else "arguments"),
        answer,
        free_form,
        complete=_get(call, "status") not in _UNFINISHED,
        images_apart=False,
    )


def _caller(given: object) -> dict[str, str] | None:
    """What made the call: the API matches an output with it. Its own two kinds only; any other would be refused."""
    kind, caller_id = _get(given, "type"), _get(given, "caller_id")
    if kind == "program" and isinstance(caller_id, str):
        return {"type": "program", "caller_id": encodable(caller_id)}
    return {"type": "direct"} if kind == "direct" else None


def _get(given: object, key: str) -> Any:
    return given.get(key) if isinstance(given, Mapping) else getattr(given, key, None)


def _text(given: object) -> str:
    if isinstance(given, str):
        return encodable(given)
    return "" if given is None else encodable(str(given))


def encodable(text: str) -> str:
    """Text that the SDK can send: lone surrogates, which JSON may carry and UTF-8 may not, are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode()
