"""What is told while code runs: one dataclass an event. Consumers ignore the kinds they do not know."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .result import ExecutionResult, GeneratedFile


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
class FileGenerated(Event):
    """A file that the cell left in its working directory, stored."""

    file: "GeneratedFile"


@dataclass(frozen=True)
class Done(Event):
    """The last event of a call."""

    result: "ExecutionResult"
