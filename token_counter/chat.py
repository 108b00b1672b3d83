"""What a request of Chat Completions costs, message by message. TokenCounter.count_chat calls it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from .calls import Call, calls_of, count_call, count_parallel_calls, count_parallel_results, count_result
from .count import Tally
from .errors import UnreadableRequest
from .messages import SYSTEM_ROLES, Images, as_mapping, count_content, count_message, image_parts_of, text_of, word
from .models import ModelRule
from .text_counts import Tokens
from .tools import count_schema, count_tools

RESULT_ROLES = frozenset({"tool", "function"})  # the second is of the legacy kind


@dataclass(frozen=True)
class ChatRequest:
    """What of a request costs tokens; the fields are the API's."""

    messages: list[Mapping[str, Any]]
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


@dataclass
class ChatWalk:
    """Messages that were counted in their order, and what the next of them depends on.

    Attributes:
        called: by call id, what it called.
        at_once: ids of the last calls that were made at once; their results become one list.
        results: those that came of them so far.
        system: the text of the first system message, which definitions of tools are appended to.
    """

    rule: ModelRule
    tally: Tally = field(default_factory=Tally)
    called: dict[str, str] = field(default_factory=dict)
    at_once: frozenset[str] = frozenset()
    results: tuple[str, ...] = ()
    system: str | None = None

    def copied(self) -> Self:
        """One that can go on without changing this one."""
        return replace(self, tally=self.tally.copied(), called=dict(self.called))

    def image_parts(self, messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The image parts of messages, in the order in which `add` meets them."""
        return [part for message in messages for part in image_parts_of(message.get("content"))]

    def add(self, message: Mapping[str, Any], tokens: Tokens, images: Images) -> None:
        """Count one message more.

        Raises:
            UnreadableRequest: its content is neither text nor parts.
        """
        role, content = word(message.get("role")), message.get("content")
        if role in RESULT_ROLES:
            self._add_result(message, count_content(content, images, self.tally), tokens)
            return
        if self.results:
            self._end_results(tokens)
        if self.system is None and role in SYSTEM_ROLES:
            self.system = text_of(content)
        calls = calls_of(message) if role == "assistant" else ()
        if not calls or content:
            count_message(role, content, message.get("name"), self.rule, tokens, images, self.tally)
        if calls:
            self._add_calls(calls, _ids(message), tokens)

    def finish(self, request: ChatRequest, tokens: Tokens) -> Tally:
        """Add what is not in the messages; nothing may be added afterwards.

        Raises:
            UnreadableRequest: a definition of a tool or of the answer's schema is none.
        """
        self._end_results(tokens)
        rule, tally = self.rule, self.tally
        if rule.note:
            tally.assume(rule.note)
        if rule.family.text_only and (request.tools or request.response_format):
            tally.assume(f"no bill of {rule.row} with tools or a json_schema was recorded")
        if rule.unproven("chat"):
            tally.assume(
                f"{rule.row} was calibrated on Responses; what Chat adds is taken from the family most like it"
            )
        tally.add("overhead", rule.family.priming)
        with_tools = count_tools(request.tools, request.tool_choice, "chat", rule, self.system, tokens, tally)
        count_schema(request.response_format, "chat", rule, self.system, with_tools, tokens, tally)
        return tally

    def _add_calls(self, calls: Sequence[Call], ids: Sequence[str], tokens: Tokens) -> None:
        self.called.update(zip(ids, (call.name for call in calls), strict=False))
        if len(calls) == 1:
            self.at_once = frozenset()
            count_call(calls[0], "chat", self.rule, tokens, self.tally)
        else:
            self.at_once = frozenset(ids)
            count_parallel_calls(calls, self.rule, tokens, self.tally)

    def _add_result(self, message: Mapping[str, Any], text: str, tokens: Tokens) -> None:
        number = str(message.get("tool_call_id", ""))
        if number in self.at_once:
            self.results += (text,)
            return
        name = self.called.get(number, message.get("name"))
        count_result(name if isinstance(name, str) else "", text, tokens, self.tally)

    def _end_results(self, tokens: Tokens) -> None:
        count_parallel_results(self.results, tokens, self.tally)
        self.results = ()


def _ids(message: Mapping[str, Any]) -> list[str]:
    stated = message.get("tool_calls")
    return [str(call.get("id", "")) for call in stated if isinstance(call, Mapping)] if isinstance(stated, list) else []


def _listed(given: object) -> list[object]:
    return list(given) if isinstance(given, list | tuple) else []
