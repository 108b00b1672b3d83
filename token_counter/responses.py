"""What a request of the Responses API costs, item by item. TokenCounter.count_responses calls it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

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

    input: list[Mapping[str, Any]]
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


@dataclass
class ResponsesWalk:
    """Items of an input that were counted in their order, and what the next of them depends on.

    Attributes:
        called: by call id, what it called.
        last_was_call: whether the last item was a call.
        lone_id: whether it has the server's id and stood behind no other; then it costs more unless another follows.
    """

    rule: ModelRule
    tally: Tally = field(default_factory=Tally)
    called: dict[str, str] = field(default_factory=dict)
    last_was_call: bool = False
    lone_id: bool = False

    def copied(self) -> Self:
        """One that can go on without changing this one."""
        return replace(self, tally=self.tally.copied(), called=dict(self.called))

    def image_parts(self, items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The image parts of items, in the order in which `add` meets them."""
        return [part for item in items for part in image_parts_of(content_of(item))]

    def add(self, item: Mapping[str, Any], tokens: Tokens, images: Images) -> None:
        """Count one item more.

        Raises:
            UnreadableRequest: its content is neither text nor parts.
        """
        kind = kind_of(item)
        is_call = kind in _CALLS
        if self.lone_id and not is_call:
            self.tally.add("overhead", self.rule.family.stored_call)
        self.lone_id = is_call and not self.last_was_call and bool(item.get("id"))
        self.last_was_call = is_call
        if kind == "message":
            count_message(word(item.get("role")), item.get("content"), None, self.rule, tokens, images, self.tally)
        elif is_call:
            call = _call(item, kind)
            self.called[str(item.get("call_id", ""))] = call.name
            count_call(call, "responses", self.rule, tokens, self.tally)
        elif kind in _OUTPUTS:
            text = count_content(content_of(item), images, self.tally)
            count_result(self.called.get(str(item.get("call_id", "")), ""), text, tokens, self.tally)
        else:
            _count_unknown(item, kind, images, self.tally)

    def finish(self, request: ResponsesRequest, tokens: Tokens) -> Tally:
        """Add what is not in the items; nothing may be added afterwards.

        Raises:
            UnreadableRequest: a definition of a tool or of the answer's schema is none.
        """
        rule, tally, instructions = self.rule, self.tally, request.instructions
        if self.lone_id:
            tally.add("overhead", rule.family.stored_call)
        if rule.note:
            tally.assume(rule.note)
        if rule.unproven("responses"):
            tally.assume(f"no bill of {rule.family.name} models in Responses was recorded")
        for what in request.kept:
            tally.unknowable(what)
        tally.add("overhead", rule.family.priming)
        if instructions:
            count_message("system", instructions, None, rule, tokens, Images(), tally)
        elif instructions is not None:
            tally.unknowable("instructions that are an empty text are billed in ways that no rule explains")
        with_tools = count_tools(request.tools, request.tool_choice, "responses", rule, instructions, tokens, tally)
        count_schema(request.format, "responses", rule, instructions, with_tools, tokens, tally)
        return tally


def kind_of(item: Mapping[str, Any]) -> str:
    """An item's type; a message need not say that it is one."""
    return word(item.get("type", "message" if "role" in item else ""))


def _call(item: Mapping[str, Any], kind: str) -> Call:
    name, arguments = item.get("name"), item.get(_CALLS[kind])
    return Call(
        name if isinstance(name, str) else "",
        arguments if isinstance(arguments, str) else "",
        custom=kind == "custom_tool_call",
    )


def _count_unknown(item: Mapping[str, Any], kind: str, images: Images, tally: Tally) -> None:
    count_content(
        content_of(item), images, tally
    )  # a screenshot costs as an image; the rest of the item is the server's
    if kind == "reasoning":
        tally.unknowable("reasoning items cost what the answer that they came from spent on reasoning, or nothing")
    elif kind == "item_reference":
        tally.unknowable("an item_reference stands for what the server keeps")
    else:
        tally.unknowable(f"what an item of type {kind[:40]} costs, only the server knows")


def content_of(item: Mapping[str, Any]) -> object:
    """What of an item may hold text and images; an output is one text, parts, or a single screenshot."""
    kind = kind_of(item)
    if kind == "message":
        return item.get("content")
    output = item.get("output") if kind in _OUTPUTS or kind == "computer_call_output" else None
    return [output] if isinstance(output, Mapping) else output
