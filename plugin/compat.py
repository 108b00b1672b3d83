"""The original's functions, over one default Interpreter an event loop. They render what it says and decide nothing.

Whatever a user did comes back as data: these functions raise only for a caller's mistakes in Python.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterable
from typing import Any

from .errors import CellblockError, InvalidRequest, Refused
from .interpreter import Interpreter
from .result import ExecutionResult

UserId = int | str

REFUSED, NOT_RUN = -2, -4  # CONTRACT: return codes of calls whose code did not run
MIN_TIMEOUT = 1.0

_defaults: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Interpreter]" = weakref.WeakKeyDictionary()
_enders: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncIterator[None]]" = weakref.WeakKeyDictionary()


async def default_interpreter() -> Interpreter:
    """The running loop's own interpreter, with settings from the environment; it ends with the loop."""
    loop = asyncio.get_running_loop()
    if loop not in _defaults:
        interpreter = Interpreter()
        _defaults[loop] = interpreter
        # asyncio.run closes unfinished asynchronous generators before the loop: this one closes the interpreter.
        ender = _closing(interpreter)
        await anext(ender)
        _enders[loop] = ender
    return _defaults[loop]


async def _closing(interpreter: Interpreter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await interpreter.aclose()


async def execute_code(
    code: str,
    user_id: UserId,
    user_files: Iterable[str] | None = None,
    install_packages: Iterable[str] | None = None,
    timeout: float | None = 60,
    db_handler: None = None,
    session_id: str | None = None,
) -> dict[str, Any]:
    """Run code for a user and return the original's dict; see CONTRACT, "Result of execute_code".

    Args:
        timeout: seconds; one outside 1 to `Settings.max_timeout` is brought into it, None is `Settings.timeout`.
    """
    try:
        _only_embedded(db_handler)
        interpreter = await default_interpreter()
        result = await interpreter.run(
            code,
            user_id=user_id,
            files=user_files or (),
            install=install_packages or (),
            timeout=_clamped(timeout, interpreter.settings.max_timeout),
            session_id=session_id,
        )
    except CellblockError as error:
        return not_run(error)
    return as_dict(result)


def _clamped(timeout: float | None, most: float) -> float | None:
    """Into the range; what is no number is left for the interpreter to refuse."""
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        return min(max(timeout, MIN_TIMEOUT), most)
    return timeout


def as_dict(result: ExecutionResult) -> dict[str, Any]:
    """An ExecutionResult as the original's dict; output that was cut, and files that were dropped, are told at its end."""
    output = result.output
    if result.truncated_bytes:
        notice = f"\n[output truncated: {result.truncated_bytes} more bytes]"
        output = output[: -len(notice)] + notice
    if result.dropped_files:
        output += f"\n[files not kept: {'; '.join(result.dropped_files)}]"
    return {
        "success": result.success,
        "output": output,
        "error": result.error,
        "execution_time": result.execution_time,
        "return_code": result.return_code,
        "generated_files": [file.as_dict() for file in result.generated_files],
        "generated_file_ids": list(result.generated_file_ids),
        "installed_packages": list(result.installed_packages),
        "session_id": result.session_id,
    }


def not_run(error: CellblockError) -> dict[str, Any]:
    """The same dict for a call whose code did not run."""
    return {
        "success": False,
        "output": "",
        "error": str(error),
        "execution_time": 0.0,
        "return_code": REFUSED if isinstance(error, Refused) else NOT_RUN,
        "generated_files": [],
        "generated_file_ids": [],
        "installed_packages": [],
        "session_id": None,
    }


async def upload_file(
    user_id: UserId,
    file_data: bytes,
    filename: str,
    file_type: str | None = None,
    db_handler: None = None,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Keep a user's file: {success, file_id, filename, file_size, file_type, expires_at} or {success: False, error}."""
    try:
        _only_embedded(db_handler)
        interpreter = await default_interpreter()
        record = await interpreter.files.upload(user_id, file_data, filename, file_type, metadata)
    except CellblockError as error:
        return {"success": False, "error": str(error)}
    document = record.as_document()
    kept = ("file_id", "filename", "file_size", "file_type", "expires_at")
    return {"success": True, **{name: document[name] for name in kept}}


async def list_user_files(user_id: UserId, db_handler: None = None) -> list[dict[str, Any]]:
    """The stored documents of a user's files, newest first."""
    _only_embedded(db_handler)
    interpreter = await default_interpreter()
    return [record.as_document() for record in await interpreter.files.list(user_id)]


async def load_file(file_id: str, user_id: UserId, db_handler: None = None) -> dict[str, Any]:
    """A file's facts and its bytes in `data`, or {success: False, error}."""
    try:
        _only_embedded(db_handler)
        interpreter = await default_interpreter()
        record, data = await interpreter.files.load(file_id, user_id)
    except CellblockError as error:
        return {"success": False, "error": str(error)}
    document = record.as_document()
    kept = ("file_id", "filename", "file_type", "file_size", "uploaded_at", "expires_at")
    return {"success": True, **{name: document[name] for name in kept}, "data": data}


async def delete_user_file(file_id: str, user_id: UserId, db_handler: None = None) -> bool:
    """Delete a file; False where that user has no such file."""
    _only_embedded(db_handler)
    interpreter = await default_interpreter()
    return await interpreter.files.delete(file_id, user_id)


def _only_embedded(db_handler: object) -> None:
    if db_handler is not None:
        raise InvalidRequest(
            f"db_handler is a {type(db_handler).__name__}, but this version has its embedded database only: pass None"
        )
