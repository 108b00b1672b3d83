"""What a call of a tool and its result cost. Chat bills calls made at once as one, Responses each by itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .count import Tally
from .models import ModelRule
from .text_counts import Tokens
from .tools import Api, compact_arguments

RESULT_FRAME = 6  # of a call and its result together: 12 or more, by models.toml; the rest frames the call
PARALLEL = "multi_tool_use.parallel"  # the tool that several calls at once are written as a call of


@dataclass(frozen=True)
class Call:
    """One call that the model made: what it called, with which arguments, as the API gave them."""

    name: str
    arguments: str
    custom: bool = False


def count_call(call: Call, api: Api, rule: ModelRule, tokens: Tokens, tally: Tally) -> None:
    """Add one call by itself. Its name stands behind its namespace, and once more at its result."""
    family = rule.family
    _assume(rule, api, tally)
    if call.custom:
        tally.assume("calls of custom tools are counted as calls of functions, their input as it stands")
    plain = family.compact_arguments and not call.custom
    tally.add("tool_calls", tokens(f"functions.{call.name}"))
    tally.add("tool_calls", tokens(compact_arguments(call.arguments) if plain else call.arguments))
    tally.add("overhead", _frame(rule, api) - RESULT_FRAME)
    if api == "chat" and call.arguments.strip() == "{}":
        tally.add("overhead", family.empty_call)


def count_result(name: str, text: str, tokens: Tokens, tally: Tally) -> None:
    """Add what one call gave, under the name of what was called."""
    tally.add("tool_results", tokens(name) + tokens(text))
    tally.add("overhead", RESULT_FRAME)


def count_parallel_calls(calls: Sequence[Call], rule: ModelRule, tokens: Tokens, tally: Tally) -> None:
    """Add calls that were made at once, as Chat writes them: one call of a tool that takes them all."""
    _assume(rule, "chat", tally)
    if rule.unproven("parallel"):
        tally.assume(f"no bill of {rule.family.name} models with calls made at once was recorded")
    uses = ",".join(
        f'{{"recipient_name":{json.dumps(f"functions.{call.name}", ensure_ascii=False)},"parameters":{_parameters(call)}}}'
        for call in calls
    )
    tally.add("tool_calls", tokens(PARALLEL) + tokens(f'{{"tool_uses":[{uses}]}}'))
    tally.add("overhead", _frame(rule, "chat") - RESULT_FRAME)


def count_parallel_results(results: Sequence[str], tokens: Tokens, tally: Tally) -> None:
    """Add what such calls gave: one JSON list of texts, in which every letter outside ASCII is escaped."""
    if results:
        count_result(PARALLEL, json.dumps(list(results)), tokens, tally)


def calls_of(message: Mapping[str, object]) -> list[Call]:
    """The calls of an assistant's message in Chat: `tool_calls`, of functions and custom tools, or a `function_call`."""
    stated = message.get("tool_calls")
    found = [_chat_call(each) for each in stated if isinstance(each, Mapping)] if isinstance(stated, list) else []
    legacy = message.get("function_call")
    if not found and isinstance(legacy, Mapping):
        found = [Call(_text(legacy.get("name")), _text(legacy.get("arguments")))]
    return found


def _chat_call(call: Mapping[str, object]) -> Call:
    custom = call.get("custom")
    if isinstance(custom, Mapping):
        return Call(_text(custom.get("name")), _text(custom.get("input")), custom=True)
    function = call.get("function")
    stated = function if isinstance(function, Mapping) else {}
    return Call(_text(stated.get("name")), _text(stated.get("arguments")))


def _parameters(call: Call) -> str:
    if call.custom:
        return json.dumps(call.arguments, ensure_ascii=False)
    return compact_arguments(call.arguments)


def _assume(rule: ModelRule, api: Api, tally: Tally) -> None:
    if rule.unproven("calls"):
        tally.assume(f"no bill of {rule.family.name} models with calls of tools was recorded")


def _frame(rule: ModelRule, api: Api) -> int:
    return rule.family.chat_call if api == "chat" else rule.family.responses_call


def _text(value: object) -> str:
    """What is no text counts as its JSON: some callers keep arguments parsed."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return str(value)
