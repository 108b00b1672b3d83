"""What a call gives back: how the cell ended, what it printed, the files it left; and what a turn of a conversation does."""

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from decimal import Decimal

    from token_counter.usage import Usage

DisplayItem = dict[str, Any]  # mime type -> data, as Jupyter's

OutcomeKind = Literal["ok", "exception", "exit", "timeout", "memory", "left", "killed", "lost"]


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: the one place where its endings get their sentence and their return code.

    Attributes:
        kind: what ended it.
        sentence: what a reader is told, '' where there is nothing to tell.
        return_code: 0; 1 an exception; n for sys.exit(n); -1 timeout; -3 out of memory; -4 sandbox lost; 128 + n killed.
    """

    kind: OutcomeKind
    sentence: str = ""
    return_code: int = 0


OK = Outcome("ok")
EXCEPTION = Outcome("exception", "", 1)
LOST = Outcome("lost", "The sandbox was lost while the code ran; run it again", -4)
FORGED = Outcome(
    "lost", "The sandbox broke off its protocol; what the code claims about its own end is not believed", -4
)
UNCOUNTABLE = Outcome(
    "killed", "The code was stopped: its memory is in too many pieces, or too many processes, to be counted", 128 + 9
)


def exited(code: int) -> Outcome:
    """sys.exit with anything but success."""
    return Outcome("exit", "", code)


def timed_out(seconds: float) -> Outcome:
    return Outcome("timeout", f"Execution timeout after {seconds:g} seconds", -1)


def out_of_memory(limit_bytes: int) -> Outcome:
    return Outcome("memory", f"Out of memory: the code needed more than {limit_bytes // 1024**2} MiB", -3)


def out_of_space(limit_bytes: int, limit_entries: int) -> Outcome:
    return Outcome(
        "killed",
        f"Out of disk space: the code's files needed more than {limit_bytes // 1024**2} MiB, were more than {limit_entries}, "
        "or lay too deep to be counted",
        128 + 9,
    )


def too_many_processes(limit: int) -> Outcome:
    return Outcome(
        "killed", f"Too many processes: the code had more than {limit} processes and threads at once", 128 + 9
    )


def process_ended(wait_status: int) -> Outcome:
    """The process ended by itself before the cell was over: by a signal, or by os._exit.

    Args:
        wait_status: as os.waitpid gives it.
    """
    if wait_status & 0x7F:
        number = wait_status & 0x7F
        name = signal.Signals(number).name if number in signal.valid_signals() else f"signal {number}"
        meaning = {"SIGSEGV": " (a crash in native code)", "SIGSYS": " (a forbidden system call)"}.get(name, "")
        return Outcome("killed", f"The code's process was killed by {name}{meaning}", 128 + number)
    code = wait_status >> 8
    return Outcome("left", f"The code ended its own process before it was finished, with exit status {code}", code or 1)


@dataclass(frozen=True)
class GeneratedFile:
    """A file that a cell left; `type` is its kind: image, data, text, document, audio, video, archive or other.

    `path` is where it lay beneath the working directory, as the code called it; `filename` is clean and has no other
    file of the same call.
    """

    filename: str
    type: str
    mime: str
    size: int
    data: bytes = field(repr=False)
    file_id: str = ""
    path: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "filename": self.filename,
            "type": self.type,
            "data": self.data,
            "size": self.size,
            "file_id": self.file_id,
            "mime": self.mime,
        }


@dataclass(frozen=True)
class ExecutionResult:
    """One cell's result; CONTRACT lists what each field holds.

    Attributes:
        output: stdout and stderr in the order in which they were written, at most Settings.max_output_bytes.
        error: '' on success, else the sentence of what ended the cell or the traceback of the user's own frames.
        execution_time: seconds from the cell's start to its end.
        displays: what the cell displayed besides text, at most 50 of them: figures, pictures, HTML of tables. Of each its
            `text/plain` and its richer forms; pictures in base64. `application/vnd.cellblock.file` names the generated file
            that holds the same.
        truncated_bytes: output that was written but not kept.
        dropped_files: one sentence for each file that was left but not kept.
        state: of a session's variables; 'none' where there is no session.
    """

    outcome: Outcome
    output: str = ""
    error: str = ""
    execution_time: float = 0.0
    generated_files: tuple[GeneratedFile, ...] = ()
    installed_packages: tuple[str, ...] = ()
    session_id: str | None = None
    stdout: str = ""
    stderr: str = ""
    displays: tuple[DisplayItem, ...] = ()
    truncated_bytes: int = 0
    dropped_files: tuple[str, ...] = ()
    state: Literal["none", "kept", "rolled back"] = "none"

    @property
    def success(self) -> bool:
        return self.outcome.kind == "ok"

    @property
    def return_code(self) -> int:
        return self.outcome.return_code

    @property
    def generated_file_ids(self) -> tuple[str, ...]:
        return tuple(file.file_id for file in self.generated_files if file.file_id)


@dataclass(frozen=True)
class Turn:
    """What came of a user's message: the model's answer, after as many tool calls as it took.

    Attributes:
        message: the answer, as the API sent it and takes it back; for Responses its last message item.
        messages: all to keep for the next turn: what was given, and what was added to it.
        usage: what the API billed for all requests of the turn together; None where it never said.
        cost: in US dollars; None where a price or a usage is unknown.
        text: of the answer, a refusal's too; '' where there is none.
        ending: how the model's last answer ended: `stop`, `length`, `content_filter`, as Chat Completions calls it;
            `completed` or `incomplete` for Responses.
        requests: how many were sent.
        files: what the code of this turn left, oldest first.
    """

    message: dict[str, Any]
    messages: list[dict[str, Any]]
    usage: "Usage | None"
    cost: "Decimal | None"
    text: str = ""
    ending: str | None = None
    requests: int = 1
    files: tuple[GeneratedFile, ...] = ()
