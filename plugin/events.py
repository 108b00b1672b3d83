"""What is told while code runs and while a model answers: one dataclass an event.

Consumers ignore the kinds they do not know.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

log = logging.getLogger("cellblock")

if TYPE_CHECKING:
    from decimal import Decimal

    from token_counter.count import Count
    from token_counter.usage import Usage

    from .result import DisplayItem, ExecutionResult, GeneratedFile, Turn


@dataclass(frozen=True)
class Event:
    """`seq` counts the events of one call, or of one turn, from 0; `call_id` names the tool call, where there is one."""

    seq: int
    call_id: str | None


@dataclass(frozen=True)
class TextDelta(Event):
    """A piece of the model's answer, as soon as it came; also of a refusal."""

    text: str


@dataclass(frozen=True)
class ToolCallStarted(Event):
    """The model began to write a tool call; nothing of it runs before it is complete."""

    name: str


@dataclass(frozen=True)
class CodeDelta(Event):
    """A piece of the code that the model is still writing into a call, decoded."""

    text: str


@dataclass(frozen=True)
class InstallProgress(Event):
    """The virtual environment is being built: one line of what is going on."""

    message: str


@dataclass(frozen=True)
class Stdout(Event):
    """Text that the cell wrote to standard output, as soon as it did."""

    text: str


@dataclass(frozen=True)
class Stderr(Event):
    """Text that the cell wrote to standard error, as soon as it did."""

    text: str


@dataclass(frozen=True)
class Display(Event):
    """What the cell displayed besides text, as soon as it did: mime type -> data, as Jupyter's (ExecutionResult.displays)."""

    data: "DisplayItem"


@dataclass(frozen=True)
class FileGenerated(Event):
    """A file that the cell left in its working directory, stored."""

    file: "GeneratedFile"


@dataclass(frozen=True)
class ToolFinished(Event):
    """A tool call was answered.

    Attributes:
        name: the tool's, as the model gave it.
        success: whether it did what it was asked; what went wrong is told to the model.
        text: the answer that the model reads.
    """

    name: str
    success: bool
    text: str


@dataclass(frozen=True)
class UsageReported(Event):
    """One request of a turn was answered and billed.

    Attributes:
        usage: what the API billed; None where it did not say.
        cost: in US dollars; None where the model's price or the usage is unknown.
        estimate: what was counted before it was sent; None without a counter.
    """

    model: str
    usage: "Usage | None"
    cost: "Decimal | None"
    estimate: "Count | None"


@dataclass(frozen=True)
class Done(Event):
    """The last event of a call, or of a turn, with what it gave."""

    result: "ExecutionResult | Turn"


OnEvent = Callable[[Event], None]


class Teller:
    """Numbers the events of one call and hands them to whoever listens."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self._seq = 0

    def __call__(self, kind: Callable[..., Event], **facts: Any) -> None:
        if self._on_event is None:
            return
        self.relay(kind(seq=self._seq, call_id=facts.pop("call_id", None), **facts))

    def relay(self, event: Event) -> None:
        """Hand on an event of a call that is part of this one, under the next number here."""
        if self._on_event is None:
            return
        try:
            self._on_event(event if event.seq == self._seq else replace(event, seq=self._seq))
        except Exception:
            log.exception("an on_event callback raised on %s; it is told no more", type(event).__name__)
            self._on_event = None
        self._seq += 1

    def text(self, stream: int, text: str) -> None:
        """A piece of output; the stream is 1 or 2, as its descriptor."""
        self(Stdout if stream == 1 else Stderr, text=text)

    def display(self, data: "DisplayItem") -> None:
        self(Display, data=data)

    def progress(self, message: str) -> None:
        self(InstallProgress, message=message)
