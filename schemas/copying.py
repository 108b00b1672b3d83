"""A plain copy of foreign data, made within limits: what `validate` looks at and hands on.

Foreign input is never recursed into, compared, printed or asked for anything that a subclass could have overridden: its
type is looked at, and the methods are those of the built-in classes.
"""

from math import isfinite
from typing import Any

from .errors import InvalidArguments, path

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Way = tuple[Any, str | int] | None  # the way to the parent and the last step, None for the arguments themselves

MAX_JSON_BYTES = 4 * 1024 * 1024
MAX_VALUES = 100_000  # a million small ones are within the size, and seconds of work for the copy and jsonschema
MAX_DEPTH = 64  # of objects and arrays, the arguments themselves being the first
MAX_NUMBER_BITS = 1023  # what a float can hold
TOO_LARGE = f"the arguments are larger than {MAX_JSON_BYTES // 1024**2} MiB"
TOO_MANY = f"the arguments hold more than {MAX_VALUES} values"
TOO_DEEP = f"the arguments are nested deeper than {MAX_DEPTH} levels"


class Twice:
    """What the parser puts in the place of an object that has a key twice: the copy knows where that is."""

    def __init__(self, key: str) -> None:
        self.key = key


class Copy:
    """One copy, made without recursion and given up as soon as it is too large or too deep.

    A cycle ends as too deep, and a small object that holds itself many times over as too many values.
    """

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.bytes_left = MAX_JSON_BYTES
        self.values_left = MAX_VALUES
        self.waiting: list[tuple[Any, Any, Way, int]] = []  # container, its still empty copy, way, depth

    def object(self, value: Any) -> dict[str, Json]:
        """The copy of an object, given as a dict of any kind or as what the parser put in its place.

        Raises:
            InvalidArguments: a limit is exceeded, or something in it is no JSON: `where` says which.
        """
        copy: Any = self._value(value, None, 1)
        while self.waiting:
            source, target, way, depth = self.waiting.pop()
            if isinstance(target, dict):
                for key, item in list(dict.items(source)):
                    plain = self._key(key, target, way)
                    target[plain] = self._value(item, (way, plain), depth + 1)
            else:
                for index, item in enumerate(list.__iter__(source)):
                    target.append(self._value(item, (way, index), depth + 1))
        return copy  # type: ignore[no-any-return]

    def _value(self, value: Any, way: Way, depth: int) -> Json:
        kind = type(value)
        if value is None or kind is bool:
            return value  # type: ignore[no-any-return]
        if issubclass(kind, str):
            return self._text(str.__str__(value), way)
        if issubclass(kind, int | float):
            return self._number(value, way)
        if issubclass(kind, dict | list):
            return self._container(value, way, depth)
        if kind is Twice:
            raise self._refusal((way, value.key), "is given twice; give it once")
        raise self._refusal(way, "is not JSON: only objects, arrays, strings, numbers, booleans and null are")

    def _container(self, value: Any, way: Way, depth: int) -> Json:
        """An empty one, to be filled later; its members are counted now, so that what waits stays bounded too."""
        if depth > MAX_DEPTH:
            raise self._refusal(None, TOO_DEEP)
        base: Any = dict if issubclass(type(value), dict) else list
        self.values_left -= base.__len__(value)
        if self.values_left < 0:
            raise self._refusal(None, TOO_MANY)
        target = base()
        self.waiting.append((value, target, way, depth))
        return target  # type: ignore[no-any-return]

    def _key(self, key: Any, target: dict[str, Json], way: Way) -> str:
        if not issubclass(type(key), str):
            raise self._refusal(way, "has a key that is not a string")
        plain = str.__str__(key)
        self._text(plain, (way, plain))
        if plain in target:
            raise self._refusal((way, plain), "is given twice; give it once")
        return plain

    def _text(self, text: str, way: Way) -> str:
        self._charge(len(text))
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            unit = f"lone surrogate \\u{ord(text[error.start]):04x} at character {error.start}"
            raise self._refusal(way, f"is not valid Unicode: {unit}") from None
        self._charge(size - len(text))
        return text

    def _number(self, value: Any, way: Way) -> int | float:
        if issubclass(type(value), int):
            whole = int.__int__(value)
            if whole.bit_length() <= MAX_NUMBER_BITS:
                return whole
        elif isfinite(number := float.__float__(value)):
            return number
        raise self._refusal(way, "must be a finite number: not NaN, not Infinity, not beyond 1e308")

    def _charge(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise self._refusal(None, TOO_LARGE)

    def _refusal(self, way: Way, problem: str) -> InvalidArguments:
        steps: list[str | int] = []
        while way is not None:
            way, step = way
            steps.append(step)
        return InvalidArguments(self.tool, path(reversed(steps)), problem)
