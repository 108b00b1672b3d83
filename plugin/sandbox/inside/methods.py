"""Methods that need a package which no import names: `frame.to_excel(...)` works where openpyxl is installed.

Which these are, the catalogue says; the host hands their names over when the zygote starts.
"""

import types
from collections.abc import Iterable

_wanted: frozenset[str] = frozenset()


def configure(names: list[str]) -> None:
    """In the zygote: what `used` looks for."""
    global _wanted
    _wanted = frozenset(names)


def used(codes: Iterable[types.CodeType]) -> list[str]:
    """Those of the names that code reads as an attribute, imports or has as a global, in any of its functions."""
    found: set[str] = set()
    waiting: list[object] = [*codes]
    while waiting:
        part = waiting.pop()
        if isinstance(part, types.CodeType):
            found.update(_wanted.intersection(part.co_names))
            waiting.extend(part.co_consts)
    return sorted(found)
