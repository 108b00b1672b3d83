"""Tools that a bot's author brings along: a JSON schema and an async function each. Dispatcher keeps them."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import schemas

from ..errors import InvalidRequest

log = logging.getLogger("cellblock.dispatch")

UserId = int | str
GRACE_SECONDS = 5.0  # for a tool to end after it was cancelled
MAX_ERROR_CHARACTERS = 2000
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
    """One tool: `parameters` is the JSON schema of its arguments; of a custom tool, `custom` is the API's definition."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: ToolFunction
    strict: bool = False
    custom: Mapping[str, Any] | None = None

    @property
    def free_form(self) -> str | None:
        """The argument that a custom call's bare text is: the only one that must be there."""
        required = self.parameters.get("required", [])
        return str(required[0]) if len(required) == 1 else None

    def chat_tool(self) -> dict[str, Any]:
        """For Chat Completions' `tools`."""
        if self.custom is not None:
            return {"type": "custom", "custom": dict(self.custom)}
        strict = {"strict": True} if self.strict else {}
        return {"type": "function", "function": {**self._definition(), **strict}}

    def responses_tool(self) -> dict[str, Any]:
        """For Responses' `tools`."""
        if self.custom is not None:
            return {"type": "custom", **self.custom}
        return {"type": "function", **self._definition(), "strict": self.strict}

    def _definition(self) -> dict[str, Any]:
        return {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}

    async def run(self, arguments: dict[str, Any], user_id: UserId, seconds: float) -> ToolResult:
        """Its answer, or how it failed. Raises nothing but the caller's own cancellation.

        Args:
            arguments: checked.
            seconds: after which it is stopped.
        """
        running = asyncio.ensure_future(self._called(arguments, user_id))
        try:
            # Not awaited itself: a tool that cancels its own task must not look like this one being cancelled.
            await asyncio.wait([running], timeout=seconds)
            timed_out = not running.done()
        finally:
            await _stopped(running, self.name)
        if timed_out:
            return ToolResult(f"{self.name} was stopped after {seconds:g} seconds", success=False)
        return ToolResult(f"{self.name} was cancelled", success=False) if running.cancelled() else running.result()

    async def _called(self, arguments: dict[str, Any], user_id: UserId) -> ToolResult:
        try:
            answer: object = await self.function(arguments, user_id=user_id)
        except (Exception, SystemExit) as error:
            log.info("the tool %s raised", self.name, exc_info=True)
            return ToolResult(_said(error), success=False)
        if isinstance(answer, ToolResult) and isinstance(answer.text, str):
            return answer
        if isinstance(answer, str):
            return ToolResult(answer)
        log.error("the tool %s returned a %s; it must return a str or a ToolResult", self.name, type(answer).__name__)
        return ToolResult(f"{self.name} gave no text", success=False)


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
    custom = {key: value for key, value in inner.items() if key != "type"} if kind == "custom" else None
    return Registered(
        name, str(inner.get("description") or ""), parameters, function, bool(inner.get("strict")), custom
    )


def _said(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an exception of somebody else's, whose message cannot be made
        text = ""
    return f"{type(error).__name__}: {text}"[:MAX_ERROR_CHARACTERS].removesuffix(": ")


_stubborn: set["asyncio.Future[ToolResult]"] = set()


async def _stopped(running: "asyncio.Future[ToolResult]", name: str) -> None:
    """Cancel it and wait. One that goes on all the same is held here until it ends, and told to the operator."""
    if running.done():
        return
    running.cancel()
    await asyncio.wait([running], timeout=GRACE_SECONDS)
    if not running.done():
        log.error("the tool %s was cancelled and goes on: it must let asyncio.CancelledError pass", name)
        _stubborn.add(running)
        running.add_done_callback(_stubborn.discard)
