"""Function tools as models read them: TypeScript in a namespace, whatever the API. tools.py counts what this writes.

The form is the one of github.com/openai/harmony (src/encoding.rs, template_tools_section), but for three things that
recorded bills show: an object without comments is one line, a title has no empty comment below it, and a description's
lines are stripped.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UnreadableRequest
from .references import written_out

HEADER = "namespace functions {\n\n"
FOOTER = "} // namespace functions"

MAX_CHARACTERS = 1_000_000  # of one definition: references in references can make gigabytes of a kilobyte


@dataclass(frozen=True)
class Definition:
    """A function as it is rendered, and what of it no recorded bill shows."""

    text: str
    assumptions: tuple[str, ...] = ()


@dataclass
class _Writer:
    """One definition under way.

    Attributes:
        room: characters that may still be written.
    """

    room: int = MAX_CHARACTERS
    assumptions: dict[str, None] = field(default_factory=dict)


def definition(function: Mapping[str, Any]) -> Definition:
    """A function tool, `name`, `description` and `parameters`, as its lines in the namespace.

    Raises:
        UnreadableRequest: it has no name, or its references write out to too much.
    """
    name = function.get("name")
    if not isinstance(name, str):
        raise UnreadableRequest("a function tool has no name; every definition needs one")
    parameters = _mapping(function.get("parameters"))
    lines = comment(function.get("description"))
    if not _mapping(parameters.get("properties")):
        return Definition(f"{lines}type {name} = () => any;\n\n")
    written = written_out(parameters)
    writer = _Writer()
    if written.in_circles:
        writer.assumptions["where a reference goes in circles it is counted as `any`"] = None
    arguments = _headed_object(written.schema, writer)
    return Definition(f"{lines}type {name} = (_: {arguments}) => any;\n\n", tuple(writer.assumptions))


def custom_definition(tool: Mapping[str, Any]) -> Definition:
    """A custom tool: `name`, `description` and a `format`, by the structure of the rest, as no bill of one was recorded."""
    name = tool.get("name")
    if not isinstance(name, str):
        raise UnreadableRequest("a custom tool has no name; every definition needs one")
    grammar = _mapping(tool.get("format"))
    grammar = _mapping(grammar.get("grammar")) or grammar  # Chat has it one level deeper than Responses
    lines = comment(tool.get("description")) + comment(grammar.get("definition"))
    return Definition(
        f"{lines}type {name} = (FREEFORM) => any;\n\n", ("custom tools are counted by the structure of function tools",)
    )


def comment(text: object) -> str:
    """A description as comment lines: stripped as a whole, then line by line."""
    if not isinstance(text, str) or not text.strip():
        return ""
    lines = (line.strip() for line in text.strip().split("\n"))
    return "".join(f"// {line}\n" if line else "//\n" for line in lines)


def _headed_object(schema: Mapping[str, Any], writer: _Writer) -> str:
    """An object that is no property: its title and description stand before its brace."""
    return comment(schema.get("title")) + comment(schema.get("description")) + _object(schema, writer)


def _object(schema: Mapping[str, Any], writer: _Writer) -> str:
    required = schema.get("required")
    needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    fields = [
        (f"{name}{'' if name in needed else '?'}", _mapping(value))
        for name, value in _mapping(schema.get("properties")).items()
    ]
    if not any(_has_comment(value) for _, value in fields):
        inner = ", ".join(f"{name}: {_type(value, writer)}" for name, value in fields)
        return _bounded(f"{{ {inner} }}", writer)
    lines = "".join(_field_lines(name, value, writer) for name, value in fields)
    return _bounded(f"{{\n{lines}}}", writer)


def _field_lines(name: str, value: Mapping[str, Any], writer: _Writer) -> str:
    """Comments above, the type, and the default behind it."""
    above = comment(value.get("title")) + comment(value.get("description"))
    kind = _type(value, writer, headed=False)
    return f"{above}{name}: {kind},{_default(value)}\n"


def _has_comment(value: Mapping[str, Any]) -> bool:
    return bool(comment(value.get("title")) or comment(value.get("description")) or "default" in value)


def _default(value: Mapping[str, Any]) -> str:
    if "default" not in value:
        return ""
    default = value["default"]
    if isinstance(default, str) and "enum" in value:
        return f" // default: {default}"  # harmony's encoding.rs: an enum's default has no quotation marks
    return f" // default: {_literal(default)}"


def _type(schema: Mapping[str, Any], writer: _Writer, headed: bool = True) -> str:
    """The type of a schema whose reference is resolved."""
    text = _bare_type(schema, writer, headed)
    if schema.get("nullable") is True and "null" not in text:  # harmony's encoding.rs
        writer.assumptions["nullable types are counted as harmony writes them"] = None
        text += " | null"
    return _bounded(text, writer)


def _bare_type(schema: Mapping[str, Any], writer: _Writer, headed: bool) -> str:
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return " | ".join(_literal(value) for value in schema["enum"])
    if "const" in schema:
        writer.assumptions["const is counted as an enum of one value"] = None
        return _literal(schema["const"])
    for key, sign in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if isinstance(schema.get(key), list) and schema[key]:
            return _joined(key, sign, schema[key], writer)
    kind = schema.get("type")
    if isinstance(kind, list) and kind:
        return " | ".join(_type({**schema, "type": each}, writer, headed) for each in kind if isinstance(each, str))
    if kind == "object" or (kind is None and "properties" in schema):
        if not _mapping(schema.get("properties")):
            writer.assumptions["an object without properties is counted as `object`"] = None
            return "object"
        return _headed_object(schema, writer) if headed else _object(schema, writer)
    if kind == "array":
        return _array(schema, writer)
    return {"integer": "number"}.get(kind, kind) if isinstance(kind, str) else "any"


def _joined(key: str, sign: str, variants: list[Any], writer: _Writer) -> str:
    if key != "anyOf":
        writer.assumptions[f"{key} is counted as its parts with `{sign.strip()}` between them"] = None
    return sign.join(_type(_mapping(variant), writer) for variant in variants)


def _array(schema: Mapping[str, Any], writer: _Writer) -> str:
    if not isinstance(schema.get("items"), Mapping):
        writer.assumptions["an array without items is counted as `any[]`"] = None
        return "any[]"
    return f"{_type(_mapping(schema['items']), writer)}[]"


def _bounded(text: str, writer: _Writer) -> str:
    writer.room -= len(text)
    if writer.room < 0:
        raise UnreadableRequest(
            f"the parameters of a function write out to more than {MAX_CHARACTERS:,} characters; "
            "take references out, or count on the server with verify=True"
        )
    return text


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _literal(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise UnreadableRequest(f"a schema holds what is no JSON: {error}") from None
