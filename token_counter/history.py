"""Conversations whose beginning was counted before, so that a turn costs its new messages. TokenCounter keeps one.

A beginning is kept as a copy and compared by its content: whoever changes a message in place is counted anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, Self, TypeVar

from .count import Tally
from .messages import Images
from .models import ModelRule
from .text_counts import Tokens

KEPT = 32  # conversations, the latest used
DEPTH = 20  # of lists and dicts within a message; the API's own have six

Items = list[Mapping[str, Any]]


class Walk(Protocol):
    """What chat.py and responses.py count messages and items with, one after the other."""

    rule: ModelRule
    tally: Tally

    def copied(self) -> Self: ...

    def image_parts(self, items: Items, /) -> list[Mapping[str, Any]]: ...

    def add(self, item: Mapping[str, Any], tokens: Tokens, images: Images, /) -> None: ...


_Walk = TypeVar("_Walk", bound=Walk)


@dataclass(frozen=True)
class Beginning(Generic[_Walk]):
    """The first messages of a conversation, the walk that has counted them, and the beginning that it went on from."""

    items: list[Mapping[str, Any]]
    walk: _Walk
    before: "Beginning[_Walk] | None" = None


class History:
    """The beginnings that were counted of late."""

    def __init__(self) -> None:
        self._kept: list[Beginning[Any]] = []  # the latest last

    def longest(self, fresh: _Walk, items: Items) -> Beginning[_Walk]:
        """The longest known beginning of these; an empty one where there is none.

        Args:
            fresh: a walk of the same kind and rule, with nothing counted.
        """
        best = Beginning([], fresh)
        for known in self._kept:
            length = len(known.items)
            if not len(best.items) < length <= len(items) or known.items[-1] != items[length - 1]:
                continue  # the last first: conversations that begin alike are told apart there
            if type(known.walk) is type(fresh) and known.walk.rule is fresh.rule and known.items == items[:length]:
                best = known
        return best

    def keep(self, before: Beginning[_Walk], more: Items, walk: _Walk) -> None:
        """Remember that `walk` has counted `more` behind `before`.

        Of a conversation the last two beginnings stay: an answer that is asked for again goes on from the first of them.
        """
        try:
            copies: list[Mapping[str, Any]] = [_copied(item, DEPTH) for item in more]
        except _NotJson:
            return
        others = [known for known in self._kept if known is not before and known is not before.before]
        here = [replace(before, before=None)] if before.items else []
        latest = Beginning([*before.items, *copies], walk, here[0] if here else None)
        self._kept = [*others, *here, latest][-KEPT:]


class _NotJson(Exception):
    """A message holds what cannot be copied and compared for certain."""


def _copied(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if depth == 0:
        raise _NotJson
    if type(value) is dict:
        return {key: _copied(each, depth - 1) for key, each in value.items()}
    if type(value) is list:
        return [_copied(each, depth - 1) for each in value]
    raise _NotJson
