"""Isolation levels, from the strongest to the weakest, and why a host refuses one.

A level is a set of promises (docs/security.md). It is found out by building one real jail, not by looking at settings.
"""

import errno
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, get_args

Level = Literal["namespaces", "landlock", "landlock-weak"]
LEVELS: tuple[Level, ...] = get_args(Level)
LANDLOCK_ABI = 6  # the first that keeps signals and abstract sockets within a sandbox: Linux 6.12

REASONS: list[dict[str, Any]] = tomllib.loads(resources.files(__package__).joinpath("reasons.toml").read_text())[
    "reason"
]


def candidates(lowest: Level) -> tuple[Level, ...]:
    """The levels to try when no lower one than this will do."""
    return LEVELS[: LEVELS.index(lowest) + 1]


@dataclass
class Refused(Exception):
    """The host does not give a level. Not for callers: it becomes a SandboxUnavailable, or a lower level.

    Attributes:
        number: errno of the refused call, 0 where no call was refused.
        text: the call and what the system said.
    """

    level: Level
    number: int
    text: str

    def __str__(self) -> str:
        cause, remedy = self.explained()
        return f"level {self.level}: {self.text}{': ' if cause else ''}{cause}{'; ' if remedy else ''}{remedy}"

    def explained(self) -> tuple[str, str]:
        """What is probably behind it, and what to change; from reasons.toml."""
        for row in REASONS:
            numbers = [getattr(errno, name) for name in row.get("errno", [])] or [self.number]
            if re.search(row["text"], self.text) and self.number in numbers:
                return row["cause"], row["remedy"]
        return "", ""
