"""A host that gives a level and none above it: system calls are refused to every launcher, as in the tests."""

import contextlib
from typing import Literal, get_args

from tests.refusing import NAMESPACES_REFUSED, launchers_refused

Level = Literal["namespaces", "landlock"]  # those whose speed is promised
LEVELS: tuple[Level, ...] = get_args(Level)


def giving(level: Level) -> contextlib.AbstractContextManager[None]:
    """Zygotes that are started within the block meet such a host."""
    return launchers_refused(*(NAMESPACES_REFUSED if level == "landlock" else ()))
