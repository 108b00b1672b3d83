"""What a request of Chat Completions costs. TokenCounter.count_chat calls it, on the event loop or in a thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .calls import calls_of, count_call, count_parallel_calls, count_parallel_results, count_result
from .count import Tally
from .errors import UnreadableRequest
from .messages import SYSTEM_ROLES, Images, as_mapping, count_content, count_message, image_parts_of, word
from .models import ModelRule
from .text_counts import Tokens
from .tools import count_schema, count_tools


@dataclass(frozen=True)
class ChatRequest:
    """What of a request costs tokens; the fields are the API's."""

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[object] = ()
    tool_choice: object = None
    response_format: object = None


def chat_request(
    messages: object,
    tools: object = None,
    tool_choice: object = None,
    functions: object = None,
    function_call: object = None,
    response_format: object = None,
) -> ChatRequest:
    """The same with the legacy names turned into today's.

    Raises:
        UnreadableRequest: the messages or tools are no lists.
    """
    if not isinstance(messages, list | tuple):
        raise UnreadableRequest(f"messages is a {type(messages).__name__}; it has to be a list")
    for what, given in (("tools", tools), ("functions", functions)):
        if given is not None and not isinstance(given, list | tuple):
            raise UnreadableRequest(f"{what} is a {type(given).__name__}; it has to be a list")
    both = [*_listed(tools), *_listed(functions)]
    return ChatRequest(
        [as_mapping(message, f"message {number}") for number, message in enumerate(messages)],
        both,
        tool_choice if tool_choice is not None else function_call,
        response_format,
    )


def chat_images(request: ChatRequest) -> list[Mapping[str, Any]]:
    """The image parts of all messages, in the order in which `count_chat` meets them."""
    return [part for message in request.messages for part in image_parts_of(message.get("content"))]


def count_chat(request: ChatRequest, rule: ModelRule, tokens: Tokens, images: Images, tally: Tally) -> None:
    """Add all that a request costs.

    Raises:
        UnreadableRequest: it is none.
    """
    if rule.note:
        tally.assume(rule.note)
    tally.add("overhead", rule.family.priming)
    _count_messages(request.messages, rule, tokens, images, tally)
    system = _first_system_text(request.messages)
    if rule.family.text_only and (request.tools or request.response_format):
        tally.assume(f"no bill of {rule.row} with tools or a json_schema was recorded")
    with_tools = count_tools(request.tools, request.tool_choice, "chat", rule, system, tokens, tally)
    count_schema(request.response_format, "chat", rule, system, with_tools, tokens, tally)


def _count_messages(
    messages: Sequence[Mapping[str, Any]], rule: ModelRule, tokens: Tokens, images: Images, tally: Tally
) -> None:
    called: dict[str, str] = {}  # by call id: what it called
    at_once: set[str] = set()  # ids of the calls that were made at once, whose results follow
    results: list[str] = []
    for message in messages:
        role = word(message.get("role"))
        content = message.get("content")
        if role in ("tool", "function"):
            number = str(message.get("tool_call_id", ""))
            text = count_content(content, images, tally)
            if number in at_once:
                results.append(text)
            else:
                count_result(_result_name(message, called), text, tokens, tally)
            continue
        count_parallel_results(results, tokens, tally)
        results = []
        calls = calls_of(message) if role == "assistant" else []
        if not calls or content:
            count_message(role, content, message.get("name"), rule, tokens, images, tally)
        if not calls:
            continue
        ids = _ids(message)
        called.update(zip(ids, (call.name for call in calls), strict=False))
        if len(calls) == 1:
            count_call(calls[0], "chat", rule, tokens, tally)
        else:
            at_once = set(ids)
            count_parallel_calls(calls, rule, tokens, tally)
    count_parallel_results(results, tokens, tally)


def _result_name(message: Mapping[str, Any], called: Mapping[str, str]) -> str:
    name = called.get(str(message.get("tool_call_id", "")), message.get("name"))
    return name if isinstance(name, str) else ""


def _ids(message: Mapping[str, Any]) -> list[str]:
    stated = message.get("tool_calls")
    return [str(call.get("id", "")) for call in stated if isinstance(call, Mapping)] if isinstance(stated, list) else []


def _first_system_text(messages: Sequence[Mapping[str, Any]]) -> str | None:
    for message in messages:
        if word(message.get("role")) in SYSTEM_ROLES:
            content = message.get("content")
            return content if isinstance(content, str) else _joined(content)
    return None


def _joined(content: object) -> str:
    parts = content if isinstance(content, list | tuple) else ()
    return "".join(part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str))


def _listed(given: object) -> list[object]:
    return list(given) if isinstance(given, list | tuple) else []
