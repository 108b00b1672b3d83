"""Checks the arguments of a tool call: the only place where what a model wrote is looked at before it is used.

The first call imports jsonschema and reads the definitions, and megabytes of arguments take their time: from an event
loop call it in a thread.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .bounds import DEFAULT, MIB, Bounds
from .copying import Json
from .definitions import definition, names
from .errors import InvalidArguments, path, shown
from .reading import read_object

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

# Tools that models and prompts of old still name, and what to tell them.
REMOVED = {"analyze_data_file": "this tool is gone; use execute_python_code: load_file('id') gives the file's data"}

KINDS = {
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
LIMITS = {"minimum": "at least", "maximum": "at most"}


def validate(
    name: str, arguments_json: str | bytes | bytearray | dict[str, Any] | None, bounds: Bounds = DEFAULT
) -> dict[str, Any]:
    """Check one tool call and return its arguments.

    Args:
        name: the tool, as the model called it.
        arguments_json: the arguments as JSON text, or the object parsed from it. None and blank text are {}.
        bounds: the operator's limits; the same that the definitions were made with.

    Returns:
        The arguments that mean something: without those that are null (what strict mode sends for "not given") or
        deprecated. All text in it is valid Unicode, all numbers are finite, and it shares nothing with the input.

    Raises:
        InvalidArguments: the call cannot be carried out; never anything else, whatever the input.
    """
    tool = _known(name)
    arguments = read_object(tool, arguments_json)
    schema, deprecated = _schema(tool, bounds)
    optional = schema["properties"].keys() - schema.get("required", [])
    given = {key: value for key, value in arguments.items() if value is not None or key not in optional}
    error = next(_validator(tool, bounds).iter_errors(given), None)
    if error is not None:
        raise _explained(tool, error, definition(tool, DEFAULT)["parameters"])
    if isinstance(code := given.get("code"), str):
        _check_source(tool, code, bounds)
    return {key: value for key, value in given.items() if key not in deprecated}


def check(
    name: str, parameters: Mapping[str, Any], arguments_json: str | bytes | bytearray | dict[str, Any] | None
) -> dict[str, Any]:
    """The same for a tool that is not of this package: the arguments, if they fit its JSON schema.

    Args:
        name: of the tool, for the message.
        parameters: a JSON schema of draft 2020-12, of an object.
        arguments_json: as for `validate`.

    Raises:
        InvalidArguments: they do not fit. An error in the schema itself is raised as jsonschema raises it.
    """
    from jsonschema import Draft202012Validator

    arguments = read_object(name, arguments_json)
    error = next(Draft202012Validator(parameters).iter_errors(arguments), None)
    if error is not None:
        raise _explained(name, error, parameters)
    return arguments


def _known(name: object) -> str:
    """The name as plain text, if there is such a tool."""
    if not issubclass(type(name), str):
        raise InvalidArguments("", "", "the tool's name must be a string")
    plain = str.__str__(name)
    if plain in names():
        return plain
    raise InvalidArguments(plain, "", REMOVED.get(plain, f"there is no such tool; the tools are {', '.join(names())}"))


@lru_cache(maxsize=64)
def _schema(tool: str, bounds: Bounds) -> tuple[dict[str, Any], frozenset[str]]:
    """What is accepted, which is what is advertised and what is deprecated, and the names of the latter."""
    row = definition(tool, bounds)
    deprecated = row.get("deprecated", {})
    parameters = row["parameters"]
    return {**parameters, "properties": {**parameters["properties"], **deprecated}}, frozenset(deprecated)


@lru_cache(maxsize=64)
def _validator(tool: str, bounds: Bounds) -> "Validator":
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema(tool, bounds)[0])


def _explained(tool: str, error: "ValidationError", parameters: Mapping[str, Any]) -> InvalidArguments:
    """jsonschema's finding in words for a model; its own messages repeat the whole instance."""
    where, rule = path(error.absolute_path), str(error.validator)
    value: Any = error.instance
    wanted: Any = error.validator_value
    if rule == "required":
        missing = next(key for key in wanted if key not in value)
        return InvalidArguments(tool, missing, f"is required and missing; {_arguments(parameters)}")
    if rule == "additionalProperties":
        known: Any = error.schema
        unknown = next(key for key in value if key not in known.get("properties", {}))
        return InvalidArguments(tool, unknown, f"there is no such argument; {_arguments(parameters)}")
    if rule == "type":
        kinds = " or ".join(KINDS[kind] for kind in (wanted if isinstance(wanted, list) else [wanted]))
        return InvalidArguments(tool, where, f"must be {kinds}, not {_found(value)}")
    if rule in LIMITS:
        return InvalidArguments(tool, where, f"must be {LIMITS[rule]} {wanted}, not {_found(value)}")
    if rule == "enum":
        return InvalidArguments(tool, where, f"must be one of {', '.join(map(_found, wanted))}; it is {_found(value)}")
    return InvalidArguments(tool, where, f"does not fit its schema ({rule}: {wanted!r:.200}): it is {_found(value)}")


def _arguments(parameters: Mapping[str, Any]) -> str:
    needed = parameters.get("required", [])
    listed = [f"{key} (required)" if key in needed else key for key in parameters.get("properties", {})]
    return f"the arguments are {', '.join(listed)}" if listed else "this tool takes no arguments"


def _found(value: Json) -> str:
    if isinstance(value, list | dict):
        return KINDS["array" if isinstance(value, list) else "object"]
    if isinstance(value, str):
        return f"the string {shown(value)}"
    return shown(value)


def _check_source(tool: str, code: str, bounds: Bounds) -> None:
    """What no schema can say of Python source: its size in bytes, and that Python itself could not read it."""
    size = len(code.encode())
    if size > bounds.max_code_bytes:
        most = bounds.max_code_bytes
        limit = f"{most // MIB} MiB" if most >= MIB and most % MIB == 0 else f"{most} bytes"
        raise InvalidArguments(tool, "code", f"is too long: {size} bytes; at most {limit} are accepted")
    if "\0" in code:
        line = code.count("\n", 0, code.index("\0")) + 1
        raise InvalidArguments(tool, "code", f"line {line} holds a NUL character; Python source cannot: write '\\x00'")
