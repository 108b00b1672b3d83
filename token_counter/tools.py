"""What definitions of tools, the choice among them, and the schema of an answer cost. Both APIs' counters call it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from .count import Tally
from .errors import UnreadableRequest
from .models import ModelRule
from .text_counts import Tokens
from .typescript import FOOTER, HEADER, Definition, comment, custom_definition, definition

Api = Literal["chat", "responses"]

MESSAGE = 4  # the frame of a message: three marks and the role (cookbook, "How to count tokens with tiktoken")

# Keywords that the schema of an answer is shown without: 46 recordings.
_LEFT_OUT = frozenset({"required", "additionalProperties"})
_NAMED_SCHEMAS = frozenset({"properties", "$defs", "definitions", "patternProperties"})  # their keys are names
_NO_JSON = "a schema goes deeper than this program can follow"


def count_tools(
    tools: Sequence[object], choice: object, api: Api, rule: ModelRule, system: str | None, tokens: Tokens, tally: Tally
) -> bool:
    """Add what the tools and the choice among them cost.

    Args:
        tools: as the API takes them; a function of the legacy `functions` is one too.
        system: the text that Chat appends the definitions to; None: there is none.

    Returns: whether anything was defined that the counter knows.

    Raises:
        UnreadableRequest: a definition is none.
    """
    found = [each for each in (_defined(tool, tally) for tool in tools) if each is not None]
    if not found:
        return False
    for each in found:
        for why in each[1].assumptions:
            tally.assume(why)
    if rule.unproven("tools"):
        tally.assume(f"no bill of {rule.family.name} models with tools was recorded; they are counted as gpt-5's")
    body = "".join(each.text for _, each in found) + FOOTER
    apart = rule.family.header_apart
    tally.add("tools", tokens(HEADER) + tokens(body) if apart else tokens(HEADER + body))
    tally.add("overhead", rule.family.tools_chat if api == "chat" else rule.family.tools_responses)
    if api == "chat" and rule.family.joins_system:
        tally.add("overhead", _joint(system, tokens))
    _count_choice(choice, [name for name, _ in found], api, rule, tokens, tally)
    return True


def count_schema(
    answer: object, api: Api, rule: ModelRule, system: str | None, with_tools: bool, tokens: Tokens, tally: Tally
) -> None:
    """Add what a `response_format` of Chat, or a `text.format` of Responses, costs: nothing unless it is a json_schema.

    Args:
        system: as for `count_tools`.
        with_tools: whether the definitions of tools stand before it.

    Raises:
        UnreadableRequest: it has no name or no schema.
    """
    if answer is None:
        return
    if not isinstance(answer, Mapping):
        raise UnreadableRequest(f"the format of the answer is a {type(answer).__name__}; it has to be a dict")
    if answer.get("type") != "json_schema":
        return
    inner = answer.get("json_schema")
    stated: Mapping[str, Any] = inner if isinstance(inner, Mapping) else answer
    name, schema = stated.get("name", ""), stated.get("schema")
    if not isinstance(name, str) or not (schema is None or isinstance(schema, Mapping)):
        raise UnreadableRequest("a json_schema needs a name and a schema, a text and a dict")
    if rule.unproven("schema"):
        tally.assume(f"no bill of {rule.family.name} models with a json_schema was recorded; it is counted as gpt-4o's")
    family = rule.family
    body = comment(stated.get("description")) + (_compact(_shown(schema)) if schema is not None else "")
    tally.add("tools", tokens(body) + tokens(name))
    tally.add("overhead", family.schema)
    if api == "chat" and not with_tools and family.schema_comment:
        # One less than the number above, which is for the blank line behind the tools.
        tally.add("overhead", _joint(system, tokens) - 1)
        tally.add("tools", tokens(comment(name)))


def compact_arguments(arguments: str) -> str:
    """JSON without blanks; what is no JSON as it stands."""
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return arguments


def _joint(system: str | None, tokens: Tokens) -> int:
    """What it costs to stand behind a blank line of the system message, or in a message of its own."""
    return MESSAGE if system is None else tokens.appended(system, "\n\n")


def _defined(tool: object, tally: Tally) -> tuple[str, Definition] | None:
    """Its name and how it is rendered; None where only the server knows what a tool adds."""
    if not isinstance(tool, Mapping):
        raise UnreadableRequest(f"a tool is a {type(tool).__name__}; it has to be a dict")
    kind = tool.get("type", "function")
    inner = tool.get(kind) if isinstance(kind, str) else None
    stated = inner if isinstance(inner, Mapping) else tool
    if kind == "function":
        if stated.get("defer_loading"):
            tally.unknowable("a tool with defer_loading is loaded by the server when it is needed")
            return None
        return str(stated.get("name")), definition(stated)
    if kind == "custom":
        return str(stated.get("name")), custom_definition(stated)
    tally.unknowable(_BUILT_IN.get(str(kind), f"the built-in tool {str(kind)[:40]} adds what only the server knows"))
    return None


# Each from one or two recordings, so a magnitude and no rule.
_BUILT_IN = {
    "web_search": "the built-in tool web_search adds some 300 tokens unused, and what it finds",
    "web_search_preview": "the built-in tool web_search_preview adds some 300 tokens unused, and what it finds",
    "file_search": "the built-in tool file_search adds some 1,100 tokens, and what it finds",
    "code_interpreter": "the built-in tool code_interpreter adds 1,500 to 4,500 tokens",
}


def _count_choice(
    choice: object, names: Sequence[str], api: Api, rule: ModelRule, tokens: Tokens, tally: Tally
) -> None:
    family = rule.family
    if choice == "none":
        tally.add("overhead", family.choice_none)
        if rule.unproven("choice none"):
            tally.assume(f"no bill of {family.name} models with tool_choice none was recorded")
        return
    name = _chosen(choice)
    if choice == "required" and api == "responses" and len(names) == 1 and family.lone_required:
        name = names[0]
    if name is not None and family.choice_named is not None:
        tally.add("overhead", family.choice_named + tokens(name))


def _chosen(choice: object) -> str | None:
    """The tool that the choice names; None where it names none, or several."""
    if not isinstance(choice, Mapping) or choice.get("type") == "allowed_tools":
        return None
    inner = choice.get(choice["type"]) if isinstance(choice.get("type"), str) else None
    name = (inner if isinstance(inner, Mapping) else choice).get("name")
    return name if isinstance(name, str) else None


def _shown(schema: object) -> object:
    """A schema without the keywords that are left out; properties of these names stay."""
    if isinstance(schema, Mapping):
        return {
            key: {name: _shown(each) for name, each in value.items()}
            if key in _NAMED_SCHEMAS and isinstance(value, Mapping)
            else _shown(value)
            for key, value in schema.items()
            if key not in _LEFT_OUT
        }
    if isinstance(schema, list | tuple):
        return [_shown(each) for each in schema]
    return schema


def _compact(schema: object) -> str:
    try:
        return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise UnreadableRequest(f"the schema of the answer is no JSON: {error}") from None
