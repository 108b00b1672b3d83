"""A value as text, as a notebook shows it: never more than a model can read, never longer in the making than that takes."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

MAX_CHARACTERS = 20_000
# Bounds on what a table shows of itself, whatever code has set pandas' options to.
MAX_ROWS = 500
MAX_COLUMNS = 100
COLUMNS = 30  # where code has set none
MAX_CELL = 2000  # characters

_BRACKETS = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("frozenset({", "})"), dict: ("{", "}")}
_EMPTY: dict[type, str] = {set: "set()", frozenset: "frozenset()"}
_CUT = {str, bytes, bytearray}


def of(value: Any) -> str:
    """What `repr` says, cut where it is long: containers are not looked at further than is shown.

    Raises:
        BaseException: whatever the value's own `__repr__` does.
    """
    text = _Text()
    try:
        text.write(value, ())
    except _Full:
        shown = "".join(text.parts)[:MAX_CHARACTERS]
        inner = f" ({len(value)} elements in all)" if type(value) in _BRACKETS else ""
        return f"{shown} ...{inner}"
    return "".join(text.parts)


def is_table(value: Any) -> bool:
    """A DataFrame, a Series, or what pandas calls a Styler."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return False
    styles = sys.modules.get("pandas.io.formats.style")
    return isinstance(value, (pandas.DataFrame, pandas.Series)) or (
        styles is not None and isinstance(value, styles.Styler)
    )


@contextlib.contextmanager
def bounded_tables() -> Iterator[None]:
    """Within it pandas shows what code has set it to show, but never without bounds; wide tables are not folded."""
    import pandas

    get = pandas.get_option
    rows, columns, width = get("display.max_rows"), get("display.max_columns"), get("display.max_colwidth")
    with pandas.option_context(
        *("display.max_rows", MAX_ROWS if rows is None else min(rows, MAX_ROWS)),
        *("display.max_columns", MAX_COLUMNS if columns is None else min(columns or COLUMNS, MAX_COLUMNS)),
        *("display.max_colwidth", MAX_CELL if width is None else min(width, MAX_CELL)),
        *("display.expand_frame_repr", False),
    ):
        yield


class _Full(Exception):
    """Enough was written."""


class _Text:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.left = MAX_CHARACTERS

    def put(self, text: str) -> None:
        self.parts.append(text)
        self.left -= len(text)
        if self.left < 0:
            raise _Full

    def write(self, value: Any, within: tuple[int, ...]) -> None:
        kind = type(value)  # by its real type: a subclass shows itself
        if kind in _BRACKETS:
            self.container(value, kind, within)
        elif kind in _CUT:
            self.put(repr(value[: self.left + 1]))
        elif is_table(value):
            with bounded_tables():
                self.put(_cut(repr(getattr(value, "data", value) if type(value).__name__ == "Styler" else value)))
        else:
            self.put(_cut(repr(value)))

    def container(self, value: Any, kind: Any, within: tuple[int, ...]) -> None:
        first, last = _BRACKETS[kind]
        if not value and kind in _EMPTY:
            self.put(_EMPTY[kind])
            return
        if id(value) in within:
            self.put(f"{first}...{last}")
            return
        within = (*within, id(value))
        self.put(first)
        for number, each in enumerate(value):
            if number:
                self.put(", ")
            self.write(each, within)
            if kind is dict:
                self.put(": ")
                self.write(value[each], within)
        self.put(",)" if kind is tuple and len(value) == 1 else last)


def _cut(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    half = MAX_CHARACTERS // 2 - 50
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"
