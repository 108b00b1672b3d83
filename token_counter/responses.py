"""What a request of the Responses API costs. TokenCounter.count_responses calls it, on the event loop or in a thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .calls import Call, count_call, count_result
from .count import Tally
from .errors import UnreadableRequest
from .messages import Images, as_mapping, count_content, count_message, image_parts_of, word
from .models import ModelRule
from .text_counts import Tokens
from .tools import count_schema, count_tools

_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


@dataclass(frozen=True)
class ResponsesRequest:
    """What of a request costs tokens; the fields are the API's. `kept`: what the server adds from what it keeps."""

    input: Sequence[Mapping[str, Any]]
    instructions: str | None = None
    tools: Sequence[object] = ()
    tool_choice: object = None
    format: object = None
    kept: tuple[str, ...] = ()


def responses_request(
    input: object,  # the API's own name
    instructions: object = None,
    tools: object = None,
    tool_choice: object = None,
    text: object = None,
    kept: Sequence[str] = (),
) -> ResponsesRequest:
    """The same, an input that is one text turned into a message.

    Raises:
        UnreadableRequest: the input is neither text nor a list, the tools are no list, `text` is no dict.
    """
    if isinstance(input, str):
        input = [{"role": "user", "content": input}]
    if not isinstance(input, list | tuple):
        raise UnreadableRequest(f"input is a {type(input).__name__}; it has to be text or a list of items")
    if tools is not None and not isinstance(tools, list | tuple):
        raise UnreadableRequest(f"tools is a {type(tools).__name__}; it has to be a list")
    if text is not None and not isinstance(text, Mapping):
        raise UnreadableRequest(f"text is a {type(text).__name__}; it has to be a dict")
    if instructions is not None and not isinstance(instructions, str):
        raise UnreadableRequest(f"instructions is a {type(instructions).__name__}; it has to be text")
    return ResponsesRequest(
        [as_mapping(item, f"item {number} of the input") for number, item in enumerate(input)],
        instructions,
        list(tools or ()),
        tool_choice,
        text.get("format") if text is not None else None,
        tuple(kept),
    )


def responses_images(request: ResponsesRequest) -> list[Mapping[str, Any]]:
    """The image parts of all items, in the order in which `count_responses` meets them."""
    return [part for item in request.input for part in image_parts_of(_content(item))]


def count_responses(request: ResponsesRequest, rule: ModelRule, tokens: Tokens, images: Images, tally: Tally) -> None:
    """Add all that a request costs.

    Raises:
        UnreadableRequest: it is none.
    """
    if rule.note:
        tally.assume(rule.note)
    if rule.unproven("responses"):
        tally.assume(f"no bill of {rule.family.name} models in Responses was recorded")
    for what in request.kept:
        tally.unknowable(what)
    tally.add("overhead", rule.family.priming)
    if request.instructions:
        count_message("system", request.instructions, None, rule, tokens, images, tally)
    elif request.instructions is not None:
        tally.unknowable("instructions that are an empty text are billed in ways that no rule explains")
    _count_items(request.input, rule, tokens, images, tally)
    with_tools = count_tools(request.tools, request.tool_choice, "responses", rule, request.instructions, tokens, tally)
    count_schema(request.format, "responses", rule, request.instructions, with_tools, tokens, tally)


def _count_items(
    items: Sequence[Mapping[str, Any]], rule: ModelRule, tokens: Tokens, images: Images, tally: Tally
) -> None:
    called: dict[str, str] = {}  # by call id: what it called
    for number, item in enumerate(items):
        kind = word(item.get("type", "message" if "role" in item else ""))
        if kind == "message":
            count_message(word(item.get("role")), item.get("content"), None, rule, tokens, images, tally)
        elif kind in _CALLS:
            call = _call(item, kind)
            called[str(item.get("call_id", ""))] = call.name
            count_call(call, "responses", rule, tokens, tally)
            if item.get("id") and not _beside_a_call(items, number):
                tally.add("overhead", rule.family.stored_call)
        elif kind in _OUTPUTS:
            text = count_content(_content(item), images, tally)
            count_result(called.get(str(item.get("call_id", "")), ""), text, tokens, tally)
        else:
            _count_unknown(item, kind, images, tally)


def _call(item: Mapping[str, Any], kind: str) -> Call:
    name, arguments = item.get("name"), item.get(_CALLS[kind])
    return Call(
        name if isinstance(name, str) else "",
        arguments if isinstance(arguments, str) else "",
        custom=kind == "custom_tool_call",
    )


def _beside_a_call(items: Sequence[Mapping[str, Any]], number: int) -> bool:
    """Whether the call was made together with others; then the server's id costs nothing."""
    return any(0 <= other < len(items) and word(items[other].get("type")) in _CALLS for other in (number - 1, number + 1))


def _count_unknown(item: Mapping[str, Any], kind: str, images: Images, tally: Tally) -> None:
    count_content(_content(item), images, tally)  # a screenshot costs as an image; the rest of the item is the server's
    if kind == "reasoning":
        tally.unknowable("reasoning items cost what the answer that they came from spent on reasoning, or nothing")
    elif kind == "item_reference":
        tally.unknowable("an item_reference stands for what the server keeps")
    else:
        tally.unknowable(f"what an item of type {kind[:40]} costs, only the server knows")


def _content(item: Mapping[str, Any]) -> object:
    """What of an item may hold text and images; an output is one text, parts, or a single screenshot."""
    kind = word(item.get("type", "message"))
    if kind == "message":
        return item.get("content")
    output = item.get("output") if kind in _OUTPUTS or kind == "computer_call_output" else None
    return [output] if isinstance(output, Mapping) else output
