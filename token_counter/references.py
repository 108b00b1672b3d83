"""References in a schema written out (RFC 6901, JSON Schema's $ref), as models read tools. typescript.py calls it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import UnreadableRequest

MAX_DEPTH = 50  # of schemas within schemas, references written out; the API takes 10 in strict mode
MAX_SCHEMAS = 20_000  # of one definition: references in references can make millions of a kilobyte

_ONE = ("items",)
_SEVERAL = ("anyOf", "oneOf", "allOf")


@dataclass
class Written:
    """A schema without references.

    Attributes:
        in_circles: a reference led back to where it stands; there the schema is {}, which is anything.
    """

    schema: Mapping[str, Any]
    in_circles: bool = False
    schemas: int = 0


def written_out(root: Mapping[str, Any]) -> Written:
    """The parameters of a function with what their references point to in place of them.

    Raises:
        UnreadableRequest: it goes deeper than `MAX_DEPTH`, or has more schemas than `MAX_SCHEMAS`.
    """
    written = Written({})
    written.schema = _out(root, root, (), 0, written)
    return written


def _out(
    value: object, root: Mapping[str, Any], within: tuple[str, ...], depth: int, written: Written
) -> Mapping[str, Any]:
    written.schemas += 1
    if depth > MAX_DEPTH or written.schemas > MAX_SCHEMAS:
        raise UnreadableRequest(
            f"the parameters of a function write out to more than {MAX_SCHEMAS:,} schemas, or go deeper than {MAX_DEPTH}; "
            "take references out, or count on the server with verify=True"
        )
    found = value if isinstance(value, Mapping) else {}
    while isinstance(reference := found.get("$ref"), str):
        # What stands beside a reference counts more than what it points to.
        beside = {key: each for key, each in found.items() if key != "$ref"}
        if reference in within:
            written.in_circles = True
            found = beside
            break
        within = (*within, reference)
        pointed = _pointed(reference, root)
        found = {**(pointed if isinstance(pointed, Mapping) else {}), **beside}
    out = dict(found)
    if isinstance(properties := found.get("properties"), Mapping):
        out["properties"] = {name: _out(each, root, within, depth + 1, written) for name, each in properties.items()}
    for key in _ONE:
        if isinstance(found.get(key), Mapping):
            out[key] = _out(found[key], root, within, depth + 1, written)
    for key in _SEVERAL:
        if isinstance(found.get(key), list):
            out[key] = [_out(each, root, within, depth + 1, written) for each in found[key]]
    return out


def _pointed(reference: str, root: Mapping[str, Any]) -> object:
    """What points to nowhere is anything."""
    found: object = root
    for step in _steps(reference):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _steps(reference: str) -> Iterator[str]:
    return (step.replace("~1", "/").replace("~0", "~") for step in reference.split("/")[1:])
