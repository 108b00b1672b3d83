"""From whatever a caller hands over to a plain JSON object: text is parsed, an object is taken as it is; `copying` does
the rest for both. Size and depth are checked before a parser sees the text.
"""

import json
import re
from typing import Any

from .copying import MAX_DEPTH, MAX_JSON_BYTES, TOO_DEEP, TOO_LARGE, Copy, Json, Twice
from .errors import InvalidArguments, shown

MAX_NUMBER_DIGITS = 300  # a float holds 308; int() refuses more than 4300 with a ValueError of its own

# Strings whole, so that brackets within them are not counted; possessive, so that nothing is remembered for a way back.
_LEXEMES = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)

# What Python's json says, in words that tell how to write it instead.
HINTS = {
    "Invalid control character": r"; inside a string a line break is written \n and a tab \t",
    "Unterminated string": "; its closing quote is missing, perhaps because the call was cut off",
    "Invalid \\escape": r"; inside a string a backslash is written \\",
    "Extra data": "; nothing may follow the object",
}


def read_object(tool: str, given: object) -> dict[str, Json]:
    """The arguments as an object made of plain Python values, sharing nothing with `given`.

    Args:
        tool: named in errors.
        given: JSON text (str, or bytes in UTF-8), an object already parsed, or None. None and blank text are {}.

    Raises:
        InvalidArguments: not a JSON object, or too large, or too deep, or with text or numbers that JSON cannot carry.
    """
    kind = type(given)
    if given is None:
        return {}
    if issubclass(kind, dict):
        return Copy(tool).object(given)
    if issubclass(kind, str | bytes | bytearray):
        value = _parsed(tool, _text(tool, given))
        if isinstance(value, dict | Twice):
            return Copy(tool).object(value)
    raise InvalidArguments(tool, "", "the arguments must be one JSON object, {...}")


def _text(tool: str, given: Any) -> str:
    """JSON text as str, within the limit. Base-class methods throughout: the type may be a subclass of anyone's."""
    if issubclass(type(given), str):
        text = str.__str__(given)
        if len(text) > MAX_JSON_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_JSON_BYTES:
            raise InvalidArguments(tool, "", TOO_LARGE)
        return text
    base = bytes if issubclass(type(given), bytes) else bytearray
    if base.__len__(given) > MAX_JSON_BYTES:
        raise InvalidArguments(tool, "", TOO_LARGE)
    try:
        return base.decode(given, "utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArguments(tool, "", f"not valid UTF-8 at byte {error.start}: {error.reason}") from None


def _parsed(tool: str, text: str) -> Any:
    if not text.strip(" \t\n\r"):  # JSON's own white space, RFC 8259 section 2
        return {}
    _check_depth(tool, text)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except json.JSONDecodeError as error:
        hint = next((hint for start, hint in HINTS.items() if error.msg.startswith(start)), "")
        here = f"line {error.lineno}, column {error.colno}"
        found = f"found {shown(text[error.pos : error.pos + 20])}" if error.pos < len(text) else "found the end"
        problem = f"the arguments are not valid JSON: {here}: {error.msg.removesuffix(': ')}, {found}{hint}"
        raise InvalidArguments(tool, "", problem) from None


def _check_depth(tool: str, text: str) -> None:
    """Before json.loads, whose recursion is C's. Up to the first error in the text the count is json's own."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for lexeme in _LEXEMES.finditer(text):
        first = text[lexeme.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidArguments(tool, "", TOO_DEEP)
        elif first in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Twice:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    seen: set[str] = set()
    return Twice(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]


def _integer(digits: str) -> float:
    """A number too long for int() becomes an infinity, which the copy refuses, knowing where it stands."""
    return int(digits) if len(digits) <= MAX_NUMBER_DIGITS else float(digits)
