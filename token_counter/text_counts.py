"""Texts already counted, so that a growing conversation costs its new messages only: the counter keeps one set an encoding.

What counts a request runs on the event loop as long as the texts that are new are short, and else anew in a thread.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol

from . import vocabulary
from .text import INLINE_BYTES, TextCount, measure

KEPT_CHARACTERS = 8_000_000  # of texts whose counts are kept, twice at most
ENTRY_CHARACTERS = 100  # what an entry weighs besides its text
TAIL = 200  # characters at the end of a text within which the beginning of a word is looked for

_WORD = re.compile(r"(?<=[A-Za-z]) (?=[A-Za-z])")  # see text.py: cutting there changes no count


class Tokens(Protocol):
    """Counts texts in one encoding."""

    def __call__(self, text: str, /) -> int: ...

    def appended(self, text: str, more: str) -> int:
        """How many tokens a text grows by when more is written behind it: fewer than `more` has where they merge."""
        ...


class TooLong(Exception):
    """More text than may be counted on the event loop. Whoever counts begins again in a thread."""


@dataclass
class TextCounts:
    """Counts of texts, those used of late. Threads share it: what one loses to another is counted again."""

    _young: dict[str, TextCount] = field(default_factory=dict)
    _old: dict[str, TextCount] = field(default_factory=dict)
    _weight: int = 0

    def found(self, text: str) -> TextCount | None:
        """The count of a text that was counted before and not forgotten."""
        count = self._young.get(text)
        if count is None:
            count = self._old.get(text)
            if count is not None:
                self.keep(text, count)
        return count

    def keep(self, text: str, count: TextCount) -> None:
        """Remember a count; when there are too many, those that were not used since the last time are forgotten."""
        self._weight += len(text) + ENTRY_CHARACTERS
        if self._weight > KEPT_CHARACTERS:
            self._old, self._young, self._weight = self._young, {}, len(text) + ENTRY_CHARACTERS
        self._young[text] = count


class RequestTokens:
    """The Tokens of one request.

    Attributes:
        exact: whether every text so far could be counted to the token.
    """

    def __init__(self, encoding: str, counts: TextCounts, on_loop: bool = False) -> None:
        self.exact = True
        self._encoding = encoding
        self._counts = counts
        self._room: float = float("inf")
        if on_loop:
            self._room = INLINE_BYTES if vocabulary.loaded(encoding) else 0

    def __call__(self, text: str, /) -> int:
        found = self._counts.found(text)
        if found is None:
            self._room -= len(text)
            if self._room < 0:
                raise TooLong
            found = measure(text, self._encoding)
            self._counts.keep(text, found)
        if not found.exact:
            self.exact = False
        return found.tokens

    def appended(self, text: str, more: str) -> int:
        """See Tokens. Only the last words are counted again."""
        words = [match.start() for match in _WORD.finditer(text, max(len(text) - TAIL, 0))]
        last = text[words[-1] :] if words else text
        return self(last + more) - self(last)
