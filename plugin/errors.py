"""What is refused and what troubles the operator. A failing cell is no error: it is an ExecutionResult.

    CellblockError
    ├── Refused                     somebody asked for what is not allowed; nothing ran
    │   ├── InvalidRequest          an argument is of the wrong type, size or value
    │   ├── PolicyViolation         the code says what the policy refuses
    │   ├── PackageNotApproved      the catalogue does not list a package
    │   ├── InstallRefused          an approved package cannot be added to what is installed
    │   │   ├── PackageConflict     it does not go together with what is installed
    │   │   └── OperatorOnly        it is so large that an operator decides
    │   ├── FileTooLarge            an upload, or all files of a call, are over a limit
    │   ├── TooManyFiles            the user has as many uploaded files as a user may have
    │   ├── TooManyBytes            the files that the user's code left are as large as they may be
    │   └── UserFileNotFound        no such file of that user, or it has expired
    ├── InterpreterBusy             the queue is full
    ├── SandboxLost                 the sandbox died before it could run the code, twice
    ├── SettingsError               settings that cannot be used
    ├── SandboxUnavailable          this host cannot give the isolation that settings ask for
    ├── EnvironmentUnavailable      the packages' virtual environment could not be built
    ├── StoreError                  the database or the content store failed
    └── TurnError                   a turn of a conversation ended without an answer
        ├── DeadlineExceeded        it took longer than its caller waits
        ├── ContextExceeded         the conversation does not fit the model's context window
        ├── AnswerCut               a streamed answer ended in the middle
        └── AnswerFailed            the API began to answer and gave up

Each message says what happened, where, and what to do about it.
"""

from typing import Any


class CellblockError(Exception):
    """The root: whatever this library raises by itself."""


class Refused(CellblockError):
    """Somebody asked for what is not allowed; nothing ran and nothing was changed."""


class InvalidRequest(Refused):
    """An argument is of the wrong type, size or value."""


class PolicyViolation(Refused):
    """The code says what the policy refuses.

    Attributes:
        violations: dicts of what, line, source and reason, in source order.
    """

    def __init__(self, violations: list[dict[str, object]]) -> None:
        self.violations = violations
        first = violations[0]
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        super().__init__(
            f"Security validation failed: Blocked unsafe operation: {first['what']} "
            f"(line {first['line']}: {first['source']}). {first['reason']}{more}"
        )


class PackageNotApproved(Refused):
    """The code or the call asks for a package that the catalogue does not list."""

    def __init__(self, name: str, line: int | None = None, instead: str = "") -> None:
        self.name, self.line = name, line
        where = f" (imported on line {line})" if line else ""
        super().__init__(f"Package '{name}' is not in the approved list{where}{instead and f'; {instead}'}")


class InstallRefused(Refused):
    """An approved package cannot be added to what is installed: it is too large, or takes too long. Nothing was changed."""


class PackageConflict(InstallRefused):
    """No version of it goes together with what is installed, or there is no wheel of it. Nothing was changed."""


class OperatorOnly(InstallRefused):
    """A package that is approved, and so large that only an operator installs it."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"Package '{name}' is approved but not installed; it is large, so only the operator of this interpreter "
            f"installs it, with `cellblock packages add {name}`"
        )


class FileTooLarge(Refused):
    """A file, or all files of a call together, are over a limit."""


class TooManyFiles(Refused):
    """The user has as many files as a user may have."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"Too many files: {limit} are kept for each user; delete one first")


class TooManyBytes(Refused):
    """The files that a user's code left are together as large as they may be."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        most = f"{limit // 1024**2} MiB" if limit >= 1024**2 else f"{limit // 1024} KiB"
        super().__init__(
            f"At most {most} of the files that code leaves are kept for each user; delete some with "
            "delete_user_file (list_user_files names them), or wait until they expire"
        )


class UserFileNotFound(Refused):
    """No such file of that user; another user's file and an expired one look the same."""

    def __init__(self, file_id: str) -> None:
        self.file_id = file_id
        shown = file_id[:200].encode("utf-8", "backslashreplace").decode()
        super().__init__(f"File '{shown}' not found or expired; list_user_files names the files there are")


class InterpreterBusy(CellblockError):
    """The queue is full, or was and this call, of the user with most, made room for another user's.

    Attributes:
        retry_after: seconds after which this call would have had its place, were cells as long as lately.
    """

    def __init__(self, waiting: int, retry_after: float) -> None:
        self.waiting, self.retry_after = waiting, retry_after
        super().__init__(
            f"The interpreter is busy: {waiting} calls are waiting; try again in {retry_after:.0f} seconds"
        )


class SandboxLost(CellblockError):
    """The sandbox died before it could run the code; it was tried again and died again."""


class SettingsError(CellblockError):
    """Settings that cannot be used; names them."""


class SandboxUnavailable(CellblockError):
    """This host cannot give the isolation that settings ask for."""


class EnvironmentUnavailable(CellblockError):
    """The packages' virtual environment could not be built."""


class StoreError(CellblockError):
    """The database or the content store failed."""


class TurnError(CellblockError):
    """A turn of a conversation ended without an answer.

    Attributes:
        messages: the history so far, which can be sent as it is. Errors of others that end a turn, those of the SDK and a
            CancelledError among them, get the same attribute.
    """

    messages: list[dict[str, Any]] = []  # noqa: RUF012 - the loop sets it; one that never ran has none


class DeadlineExceeded(TurnError, TimeoutError):
    """The turn took longer than its caller waits; what ran was ended."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"the turn was not over after {seconds:g} seconds; give it longer, or go on from `messages`")


class ContextExceeded(TurnError):
    """The next request would not fit the model's context window; it was not sent.

    Attributes:
        needed: tokens, as counted, with those of the answer.
        window: tokens that the model takes.
    """

    def __init__(self, needed: int, window: int, model: str) -> None:
        self.needed, self.window = needed, window
        super().__init__(
            f"the conversation and its answer need {needed:,} tokens, and {model} takes {window:,}; "
            "drop its oldest turns, as history.trim(messages, model) does"
        )


class AnswerCut(TurnError):
    """A streamed answer ended without saying so: the connection broke, or the server did. Calls in it did not run."""

    def __init__(self) -> None:
        super().__init__(
            "the model's answer broke off in the middle; nothing of it was run or kept: send `messages` again"
        )


class AnswerFailed(TurnError):
    """The API began to answer and gave up.

    Attributes:
        code: as the API says it, None where it does not.
    """

    def __init__(self, code: str | None, message: str) -> None:
        self.code = code
        super().__init__(f"the API ended the answer with an error{f' ({code})' if code else ''}: {message}")
