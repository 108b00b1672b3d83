"""Tool definitions in the shapes that OpenAI's two APIs take; for whoever sends a request.

Every call builds fresh objects: what a caller does to them changes nothing here. Deprecated arguments never appear.
"""

from typing import Any

from .bounds import DEFAULT, Bounds
from .definitions import definition, names

Tool = dict[str, Any]

# What a strict schema may carry: https://developers.openai.com/api/docs/guides/structured-outputs, "Supported schemas"
# (read 2026-11). `default` is refused there. `minimum` and `maximum` are accepted for the newest models but refused for
# fine-tuned ones and by Azure, so that the range is left to the description and to `validate`.
STRICT_KEYWORDS = {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "description"}


def chat_tools(bounds: Bounds = DEFAULT, *, strict: bool = False) -> list[Tool]:
    """All tools for Chat Completions' `tools` (openai: ChatCompletionFunctionToolParam).

    Args:
        bounds: the operator's limits, written into schemas and descriptions.
        strict: the form that makes the model keep to the schema; what is optional is then sent as null.
    """
    return [{"type": "function", "function": _function(name, bounds, strict)} for name in names()]


def responses_tools(bounds: Bounds = DEFAULT, *, strict: bool = False) -> list[Tool]:
    """All tools for Responses' `tools` (openai: FunctionToolParam); the arguments are those of `chat_tools`.

    `strict` is always spelled out: where it is missing, Responses makes the schema strict by itself.
    """
    return [{"type": "function", **_function(name, bounds, strict), "strict": strict} for name in names()]


def chat_custom_tool(bounds: Bounds = DEFAULT) -> Tool:
    """execute_python_code for Chat Completions as a custom tool: its input is the bare code, in no JSON."""
    return {"type": "custom", "custom": _custom("execute_python_code", bounds)}


def responses_custom_tool(bounds: Bounds = DEFAULT) -> Tool:
    """execute_python_code for Responses as a custom tool: its input is the bare code, in no JSON."""
    return {"type": "custom", **_custom("execute_python_code", bounds)}


def _function(name: str, bounds: Bounds, strict: bool) -> Tool:
    tool = definition(name, bounds)
    function = {key: tool[key] for key in ("name", "description", "parameters")}
    if strict:
        function.update(parameters=_strict(tool["parameters"]), strict=True)
    return function


def _custom(name: str, bounds: Bounds) -> Tool:
    tool = definition(name, bounds)
    description = f"{tool['description']}\n\n{tool['custom']['description']}"
    return {"name": tool["name"], "description": description, "format": {"type": "text"}}


def _strict(schema: Tool) -> Tool:
    """The same schema by the rules of strict mode: every property required, what was optional nullable, no others."""
    kept = {key: value for key, value in schema.items() if key in STRICT_KEYWORDS}
    if "items" in kept:
        kept["items"] = _strict(kept["items"])
    if "properties" in kept:
        needed = schema.get("required", [])
        properties = {key: _strict(value) for key, value in kept["properties"].items()}
        kept["properties"] = {key: value if key in needed else _nullable(value) for key, value in properties.items()}
        kept["required"] = list(properties)
        kept["additionalProperties"] = False
    return kept


def _nullable(schema: Tool) -> Tool:
    nullable = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable
