"""What is told while code runs: one dataclass an event. Consumers ignore the kinds they do not know."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

log = logging.getLogger("cellblock")

if TYPE_CHECKING:
    from .result import DisplayItem, ExecutionResult, GeneratedFile


@dataclass(frozen=True)
class Event:
    """`seq` counts the events of one call from 0; `call_id` names the tool call, where there is one."""

    seq: int
    call_id: str | None


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
class Done(Event):
    """The last event of a call."""

    result: "ExecutionResult"


OnEvent = Callable[[Event], None]


class Teller:
    """Numbers the events of one call and hands them to whoever listens."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self._seq = 0

    def __call__(self, kind: Callable[..., Event], **facts: Any) -> None:
        if self._on_event is None:
            return
        event = kind(seq=self._seq, call_id=None, **facts)
        self._seq += 1
        try:
            self._on_event(event)
        except Exception:
            log.exception("an on_event callback raised on %s; it is told no more", type(event).__name__)
            self._on_event = None

    def text(self, stream: int, text: str) -> None:
        """A piece of output; the stream is 1 or 2, as its descriptor."""
        self(Stdout if stream == 1 else Stderr, text=text)

    def display(self, data: "DisplayItem") -> None:
        self(Display, data=data)

    def progress(self, message: str) -> None:
        self(InstallProgress, message=message)
