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
    └── StoreError                  the database or the content store failed

Each message says what happened, where, and what to do about it.
"""


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
