"""The tool definitions as they stand in this package's .json files, with an operator's bounds written into them.

One file a tool. Its keys: `name`, `description` and `parameters` are the definition; `bounded` says which of a
parameter's numbers come from Bounds; `deprecated` are arguments still accepted and never advertised; `custom` has what
a model is told besides where the tool is called with bare text. Adding a tool is adding its file.
"""

import json
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from .bounds import Bounds

SUFFIX = ".json"


@cache
def names() -> tuple[str, ...]:
    """The tools this package defines, in alphabetical order: one for each .json file."""
    found = (entry.name for entry in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX)))


def definition(name: str, bounds: Bounds) -> dict[str, Any]:
    """One tool's file with the numbers of `bounds` in it, as a copy that the caller may change.

    Raises:
        KeyError: a description or the `bounded` table asks for something that Bounds does not know.
    """
    tool: dict[str, Any] = _rendered(json.loads(_text(name)), bounds.words())
    for parameter, keywords in tool.get("bounded", {}).items():
        for keyword, number in keywords.items():
            tool["parameters"]["properties"][parameter][keyword] = bounds.number(number)
    return tool


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name + SUFFIX).read_text(encoding="utf-8")


def _rendered(value: Any, words: dict[str, str]) -> Any:
    """Fill in the placeholders of all text, at any depth.

    string.Template rather than str.format: it looks nothing up but the name, and braces are common in examples of code.
    """
    if isinstance(value, str):
        return Template(value).substitute(words)
    if isinstance(value, list):
        return [_rendered(item, words) for item in value]
    if isinstance(value, dict):
        return {key: _rendered(item, words) for key, item in value.items()}
    return value
