"""What a request's input is counted to be, part by part. Everything that counts fills a Tally, which becomes a Count."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Part = Literal["text", "tools", "tool_calls", "tool_results", "images", "overhead"]
PARTS: tuple[Part, ...] = ("text", "tools", "tool_calls", "tool_results", "images", "overhead")


@dataclass(frozen=True)
class Count:
    """Tokens of one request's input.

    Attributes:
        text: of messages and instructions.
        tools: definitions of tools, and the schema that the answer has to keep to.
        tool_calls, tool_results: what the model called and got, as far as it is in the request.
        overhead: what frames messages, calls and definitions, and begins the answer.
        unknown: what only the server adds, one sentence each: built-in tools, items that it keeps. Not in `total`.
        assumptions: why the count may be off though everything was counted; empty where recorded bills show the rules.
        problems: what the operator should know about the request's images, such as an expired link.
    """

    text: int = 0
    tools: int = 0
    tool_calls: int = 0
    tool_results: int = 0
    images: int = 0
    overhead: int = 0
    unknown: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All parts together: the tokens that will be billed, but for what is `unknown`."""
        return sum(getattr(self, part) for part in PARTS)

    @property
    def assumed(self) -> bool:
        """Whether a rule was used that no recorded bill shows."""
        return bool(self.assumptions)

    def as_dict(self) -> dict[str, Any]:
        """The fields, `total` and `assumed`, for JSON."""
        return {**asdict(self), "total": self.total, "assumed": self.assumed}


@dataclass
class Tally:
    """A Count that is still growing."""

    parts: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    unknown: dict[str, None] = field(default_factory=dict)  # as ordered sets: one sentence once
    assumptions: dict[str, None] = field(default_factory=dict)
    problems: dict[str, None] = field(default_factory=dict)

    def add(self, part: Part, tokens: int) -> None:
        """So many tokens more."""
        self.parts[part] += tokens

    def unknowable(self, what: str) -> None:
        """Say what only the server can count."""
        self.unknown[what] = None

    def assume(self, why: str) -> None:
        """Say why the count may be off."""
        self.assumptions[why] = None

    def problem(self, what: str) -> None:
        """Say what is wrong with an image."""
        self.problems[what] = None

    def count(self) -> Count:
        """What it came to."""
        return Count(
            **self.parts,
            unknown=tuple(self.unknown),
            assumptions=tuple(self.assumptions),
            problems=tuple(self.problems),
        )
