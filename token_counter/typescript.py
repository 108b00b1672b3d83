"""Function tools as models read them: TypeScript in a namespace, whatever the API. tools.py counts what this writes.

The form is the one of github.com/openai/harmony (src/encoding.rs, template_tools_section), but for three things that
recorded bills show: an object without comments is one line, a title has no empty comment below it, and a description's
lines are stripped.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UnreadableRequest

HEADER = "namespace functions {\n\n"
FOOTER = "} // namespace functions"

MAX_DEPTH = 50  # of schemas within schemas, references written out; the API takes 10 in strict mode
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
        root: the parameters, which references point into.
        room: characters that may still be written.
    """

    root: Mapping[str, Any]
    room: int = MAX_CHARACTERS
    assumptions: dict[str, None] = field(default_factory=dict)


def definition(function: Mapping[str, Any]) -> Definition:
    """A function tool, `name`, `description` and `parameters`, as its lines in the namespace.

    Raises:
        UnreadableRequest: it has no name, its references go in circles, or they write out to more than `MAX_CHARACTERS`.
    """
    name = function.get("name")
    if not isinstance(name, str):
        raise UnreadableRequest("a function tool has no name; every definition needs one")
    parameters = _mapping(function.get("parameters"))
    lines = comment(function.get("description"))
    if not _mapping(parameters.get("properties")):
        return Definition(f"{lines}type {name} = () => any;\n\n")
    writer = _Writer(parameters)
    arguments = _headed_object(parameters, writer, 0)
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


def _headed_object(schema: Mapping[str, Any], writer: _Writer, depth: int) -> str:
    """An object that is no property: its title and description stand before its brace."""
    return comment(schema.get("title")) + comment(schema.get("description")) + _object(schema, writer, depth)


def _object(schema: Mapping[str, Any], writer: _Writer, depth: int) -> str:
    required = schema.get("required")
    needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    fields = [
        (f"{name}{'' if name in needed else '?'}", _resolved(value, writer, depth))
        for name, value in _mapping(schema.get("properties")).items()
    ]
    if not any(_has_comment(value) for _, value in fields):
        inner = ", ".join(f"{name}: {_type(value, writer, depth + 1)}" for name, value in fields)
        return _bounded(f"{{ {inner} }}", writer)
    lines = "".join(_field_lines(name, value, writer, depth) for name, value in fields)
    return _bounded(f"{{\n{lines}}}", writer)


def _field_lines(name: str, value: Mapping[str, Any], writer: _Writer, depth: int) -> str:
    """Comments above, the type, and the default behind it."""
    above = comment(value.get("title")) + comment(value.get("description"))
    kind = _type(value, writer, depth + 1, headed=False)
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


def _type(schema: Mapping[str, Any], writer: _Writer, depth: int, headed: bool = True) -> str:
    """The type of a schema whose reference is resolved."""
    text = _bare_type(schema, writer, depth, headed)
    if schema.get("nullable") is True and "null" not in text:  # harmony's encoding.rs
        writer.assumptions["nullable types are counted as harmony writes them"] = None
        text += " | null"
    return _bounded(text, writer)


def _bare_type(schema: Mapping[str, Any], writer: _Writer, depth: int, headed: bool) -> str:
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return " | ".join(_literal(value) for value in schema["enum"])
    if "const" in schema:
        writer.assumptions["const is counted as an enum of one value"] = None
        return _literal(schema["const"])
    for key, sign in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if isinstance(schema.get(key), list) and schema[key]:
            return _joined(key, sign, schema[key], writer, depth)
    kind = schema.get("type")
    if isinstance(kind, list) and kind:
        return " | ".join(
            _type({**schema, "type": each}, writer, depth + 1, headed) for each in kind if isinstance(each, str)
        )
    if kind == "object" or (kind is None and "properties" in schema):
        if not _mapping(schema.get("properties")):
            writer.assumptions["an object without properties is counted as `object`"] = None
            return "object"
        return _headed_object(schema, writer, depth) if headed else _object(schema, writer, depth)
    if kind == "array":
        return _array(schema, writer, depth)
    return {"integer": "number"}.get(kind, kind) if isinstance(kind, str) else "any"


def _joined(key: str, sign: str, variants: list[Any], writer: _Writer, depth: int) -> str:
    if key != "anyOf":
        writer.assumptions[f"{key} is counted as its parts with `{sign.strip()}` between them"] = None
    return sign.join(_type(_resolved(variant, writer, depth), writer, depth + 1) for variant in variants)


def _array(schema: Mapping[str, Any], writer: _Writer, depth: int) -> str:
    if not isinstance(schema.get("items"), Mapping):
        writer.assumptions["an array without items is counted as `any[]`"] = None
        return "any[]"
    return f"{_type(_resolved(schema['items'], writer, depth), writer, depth + 1)}[]"


def _resolved(schema: object, writer: _Writer, depth: int) -> Mapping[str, Any]:
    """A schema, or what it refers to; what stands beside a reference counts more than what it points to."""
    if depth > MAX_DEPTH:
        raise UnreadableRequest(
            f"the parameters of a function go deeper than {MAX_DEPTH} schemas: their references go in circles, "
            "which cannot be written out; count on the server with verify=True"
        )
    found = _mapping(schema)
    for _ in range(MAX_DEPTH):
        if not isinstance(found.get("$ref"), str):
            return found
        beside = {key: value for key, value in found.items() if key != "$ref"}
        found = {**_mapping(_pointed(found["$ref"], writer.root)), **beside}
    raise UnreadableRequest("a $ref of a function's parameters points to itself; give it a definition")


def _pointed(reference: str, root: Mapping[str, Any]) -> object:
    """RFC 6901; what points to nowhere is anything."""
    found: object = root
    for step in _steps(reference):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _steps(reference: str) -> Iterator[str]:
    return (step.replace("~1", "/").replace("~0", "~") for step in reference.split("/")[1:])


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
