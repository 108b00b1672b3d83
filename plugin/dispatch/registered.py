"""Tools that a bot's author brings along: a JSON schema and an async function each. Dispatcher keeps them."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import schemas

from ..errors import InvalidRequest

UserId = int | str
MAX_NAME_CHARACTERS = 64  # openai, FunctionDefinition.name


@dataclass(frozen=True)
class Picture:
    """An image to show to the model: bytes of a PNG, JPEG, WebP, GIF, BMP, TIFF or SVG that nobody has opened yet."""

    name: str
    data: bytes = field(repr=False)
    file_id: str = ""


@dataclass(frozen=True)
class ToolResult:
    """What a registered tool answers, where text alone does not do.

    Attributes:
        text: for the model.
        images: for the model.
        success: False tells the model that the call failed; the text says why.
    """

    text: str
    images: Sequence[Picture] = ()
    success: bool = True


class ToolFunction(Protocol):
    """What is registered. It raises to tell the model that it failed: the exception's message is read by the model."""

    def __call__(self, arguments: dict[str, Any], *, user_id: UserId) -> Awaitable[str | ToolResult]: ...


@dataclass(frozen=True)
class Registered:
    """One tool: `parameters` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: ToolFunction


def registered(schema: Mapping[str, Any], function: ToolFunction) -> Registered:
    """A tool by its definition in any of the forms of the two APIs, or name, description and parameters alone.

    Raises:
        InvalidRequest: it is no such definition, or the function is none.
    """
    from jsonschema import Draft202012Validator  # slow to import, and most bots register nothing
    from jsonschema.exceptions import SchemaError

    kind = schema.get("type") if isinstance(schema, Mapping) else None
    inner = schema.get(kind, schema) if kind in ("function", "custom") else schema
    name = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise InvalidRequest("a tool's schema is a dict with a `name` of at most 64 characters; this one has none")
    if name in schemas.names():
        raise InvalidRequest(f"{name} is cellblock's own tool; give yours another name")
    if not callable(function):
        raise InvalidRequest(f"the function of {name} is a {type(function).__name__}; it must be an async function")
    parameters = inner.get("parameters")
    if kind == "custom":
        parameters = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    parameters = {"type": "object", "properties": {}} if parameters is None else parameters
    try:
        Draft202012Validator.check_schema(parameters)
    except SchemaError as error:
        raise InvalidRequest(f"the parameters of {name} are no JSON schema: {error.message}") from None
    if not isinstance(parameters, Mapping) or parameters.get("type") != "object":
        raise InvalidRequest(f'the parameters of {name} must be a JSON schema of `"type": "object"`')
    return Registered(name, str(inner.get("description") or ""), parameters, function)
