"""The original's functions, over one default Interpreter an event loop. They render what it says and decide nothing.

Whatever a user did comes back as data: these functions raise only for a caller's mistakes in Python, and StoreError where an
answer without an `error` would hide that the database or the disk failed.

Everywhere: `db_handler` is None for the embedded database, a database or client of motor or of PyMongo's asynchronous API, its
address, a store object (files/stores says what one has), or an object that has one of these as `.db`. A file is looked up in
the given store, then in the embedded one.
"""

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from token_counter.errors import TokenCounterError

from .config import Settings
from .errors import CellblockError, InvalidRequest, Refused, StoreError
from .files import Cleaner, FileManager, MetadataStore, UserFile, checked_user, meant, open_files
from .files.expiry import HOUR_SECONDS, Bot, HourlyTask, checked_interval
from .files.sources import Data, too_large
from .files.user_file import as_text, at
from .interpreter import Interpreter
from .packages.catalogue import Catalogue
from .packages.environment import Environment
from .packages.package_manager import PackageManager
from .packages.remembered import Remembered
from .result import ExecutionResult

UserId = int | str

REFUSED, NOT_RUN = -2, -4  # CONTRACT: return codes of calls whose code did not run
MIN_TIMEOUT = 1.0

log = logging.getLogger("cellblock")

_defaults: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Interpreter]" = weakref.WeakKeyDictionary()
_enders: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncIterator[None]]" = weakref.WeakKeyDictionary()


async def default_interpreter() -> Interpreter:
    """The running loop's own interpreter, with settings from the environment; it ends with the loop."""
    return _default()


def _default() -> Interpreter:
    loop = asyncio.get_running_loop()
    if loop not in _defaults:
        interpreter = Interpreter()
        _defaults[loop] = interpreter
        # asyncio.run closes unfinished asynchronous generators before the loop: this one closes the interpreter.
        ender = _enders[loop] = _closing(interpreter)
        with suppress(StopIteration):
            ender.__anext__().__await__().send(None)  # to its yield, at which it gets without waiting for anything
    return _defaults[loop]


async def _closing(interpreter: Interpreter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await interpreter.aclose()


# ---- running code


async def execute_code(
    code: str,
    user_id: UserId,
    user_files: Iterable[str] | None = None,
    install_packages: Iterable[str] | None = None,
    timeout: float | None = 60,
    db_handler: object = None,
    session_id: str | None = None,
) -> dict[str, Any]:
    """Run code for a user and return the original's dict; see CONTRACT, "Result of execute_code".

    Args:
        timeout: seconds; one outside 1 to `Settings.max_timeout` is brought into it, None is `Settings.timeout`.
    """
    try:
        store = _store(db_handler)
        interpreter = _default()
        result = await interpreter.run(
            code,
            user_id=user_id,
            files=user_files or (),
            install=install_packages or (),
            timeout=_clamped(timeout, interpreter.settings.max_timeout),
            session_id=session_id,
            store=store,
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


# ---- files

_UPLOADED = ("file_id", "filename", "file_size", "file_type", "expires_at")
_LOADED = ("file_id", "filename", "file_type", "file_size", "uploaded_at", "expires_at")


async def upload_file(
    user_id: UserId,
    file_data: Data,
    filename: str,
    file_type: str | None = None,
    db_handler: object = None,
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Keep a user's file: {success, file_id, filename, file_size, file_type, expires_at} or {success: False, error}.

    Args:
        file_data: bytes, a binary file, or an async iterator of bytes. An OSError of it (the user went away) comes back as
            data, any other error of it is the caller's and is raised; nothing is kept of the file then.
    """
    try:
        record = await _files(db_handler).upload(user_id, file_data, filename, file_type, metadata)
    except CellblockError as error:
        return _failure(error)
    except OSError as error:
        return _failure(f"The upload broke off and nothing was kept: {error}")
    return {"success": True, **_some(record, _UPLOADED)}


class Attachment(Protocol):
    """What is needed of a Discord attachment, whichever library made it."""

    filename: str
    size: int

    async def read(self) -> bytes: ...


async def upload_discord_attachment(
    attachment: Attachment, user_id: UserId, db_handler: object = None
) -> dict[str, Any]:
    """`upload_file` for a Discord attachment; one that is too large is refused before it is downloaded."""
    try:
        files = _files(db_handler)
        checked_user(user_id)
        limit = _default().settings.max_file_bytes
        if isinstance(attachment.size, int) and attachment.size > limit:
            raise too_large(limit)
    except CellblockError as error:
        return _failure(error)
    try:
        data = await attachment.read()
    except Exception as error:  # noqa: BLE001 - each Discord library has errors of its own, and a deleted message is one
        return _failure(f"Discord did not give the attachment: {str(error) or type(error).__name__}")
    try:
        return {"success": True, **_some(await files.upload(user_id, data, attachment.filename), _UPLOADED)}
    except CellblockError as error:
        return _failure(error)


async def list_user_files(user_id: UserId, db_handler: object = None) -> list[dict[str, Any]]:
    """The stored documents of a user's files, newest first; none for what is no user."""
    files = _files(db_handler)
    return [record.as_document() for record in await files.list(user_id)] if _is_user(user_id) else []


async def load_file(file_id: str, user_id: UserId, db_handler: object = None) -> dict[str, Any]:
    """A file's facts and its bytes in `data`, or {success: False, error}."""
    try:
        record, data = await _files(db_handler).load(file_id, user_id)
    except CellblockError as error:
        return _failure(error)
    return {"success": True, **_some(record, _LOADED), "data": data}


async def delete_user_file(file_id: str, user_id: UserId, db_handler: object = None) -> bool:
    """Delete a file; False where that user has no such file."""
    files = _files(db_handler)
    return _is_user(user_id) and await files.delete(file_id, user_id)


async def delete_all_user_files(user_id: UserId, db_handler: object = None) -> dict[str, Any]:
    """Delete all files of a user, those that his code left too: {success, deleted_count, message}."""
    try:
        count = await _files(db_handler).delete_all(user_id)
    except CellblockError as error:
        return _failure(error) | {"deleted_count": 0, "message": str(error)}
    return {
        "success": True,
        "deleted_count": count,
        "message": f"{count} {'file was' if count == 1 else 'files were'} deleted",
    }


async def forget_user(user_id: UserId, db_handler: object = None) -> dict[str, Any]:
    """Delete everything of a user: {success, deleted_count, message}.

    Files, uploaded and generated, expired ones too; in the data directory's ledger his id, conversations and requests, whose
    sums stay. Code of the user's that still runs may leave more: end it first.
    """
    answer = await delete_all_user_files(user_id, db_handler)
    if not answer["success"]:
        return answer
    try:
        await _forgotten_in_ledger(user_id)
    except TokenCounterError as error:
        return answer | {"success": False, "error": str(error), "message": f"{answer['message']}; {error}"}
    return answer


async def cleanup_expired_files(db_handler: object = None) -> int:
    """Delete what has expired, of all users, and what crashes left; gives the number of expired files.

    Raises:
        StoreError: the database or the disk fails.
    """
    return await _files(db_handler).cleanup_expired()


def get_file_manager(db_handler: object = None) -> FileManager:
    """The files by themselves; `await .get_file(file_id, user_id)` gives a document or None.

    It belongs to the running loop's interpreter: never close it. Where no loop runs yet, it is one of its own.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        if db_handler is None:
            return open_files(Settings())
        raise InvalidRequest("get_file_manager with a db_handler must be called where an event loop runs") from None
    return _files(db_handler)


async def _forgotten_in_ledger(user_id: UserId) -> None:
    from token_counter.config import Settings as CounterSettings
    from token_counter.ledger import DATABASE, open_ledger

    settings = _default().settings
    if settings.database is not None or await asyncio.to_thread((settings.home / DATABASE).exists):
        async with open_ledger(CounterSettings(home=settings.home, database=settings.database)) as ledger:
            await ledger.forget_user(user_id)


def _files(db_handler: object) -> FileManager:
    return _default().files_in(_store(db_handler))


def _store(db_handler: object) -> MetadataStore | None:
    return None if db_handler is None else _default().store_of(db_handler)


def _check(db_handler: object) -> None:
    if db_handler is not None:
        meant(db_handler)


def _is_user(user_id: object) -> bool:
    try:
        checked_user(user_id)
    except InvalidRequest as error:
        log.warning("asked for the files of what is no user: %s", error)
        return False
    return True


def _some(record: UserFile, names: Iterable[str]) -> dict[str, Any]:
    document = record.as_document()
    return {name: document[name] for name in names}


def _failure(error: object) -> dict[str, Any]:
    return {"success": False, "error": str(error)}


# ---- looking after it


class CleanupScheduler:
    """Cleans up now, or every so many hours; one at a time.

    Raises:
        InvalidRequest: db_handler is none.
    """

    def __init__(self, db_handler: object = None) -> None:
        _check(db_handler)
        self._cleaner = Cleaner(lambda: cleanup_expired_files(db_handler))

    @property
    def is_running(self) -> bool:
        """Whether the periodic cleanup is on."""
        return self._cleaner.is_running

    async def run_cleanup(self) -> dict[str, Any]:
        """Clean up: {success, deleted_files, venv_recreated, timestamp}, or {success: False, error, timestamp}.

        The environment is renewed by itself, never by a cleanup.
        """
        try:
            done = {"success": True, "deleted_files": await self._cleaner.once(), "venv_recreated": False}
        except CellblockError as error:
            done = _failure(error)
        return done | {"timestamp": as_text(datetime.now(UTC))}

    async def start_periodic_cleanup(self, interval_hours: float = 1) -> None:
        """Clean up at once and then about every so many hours, until `stop` or cancellation; runs as long.

        A store that fails is logged, and tried again.

        Raises:
            InvalidRequest: the interval is no positive number.
        """
        await self._cleaner.forever(checked_interval(interval_hours) * HOUR_SECONDS)

    def stop(self) -> None:
        """End the periodic cleanup. Safe to call twice."""
        self._cleaner.stop()


def create_discord_cleanup_task(bot: Bot, db_handler: object = None) -> HourlyTask:
    """An hourly cleanup for a Discord bot of any library: call its `start()` in `on_ready`; `stop()` and `cancel()` end it.

    Args:
        bot: whatever has `wait_until_ready()`, and `loop` if `start()` is called where no loop runs.
    """
    _check(db_handler)
    return HourlyTask(bot, Cleaner(lambda: cleanup_expired_files(db_handler)))


async def get_interpreter_status(db_handler: object = None) -> dict[str, Any]:
    """What there is, without building anything; CONTRACT lists the fields. `last_cleanup` is when the environment was built.

    Where the database fails the totals are None, and `error` says why.
    """
    settings = _default().settings
    environment = await asyncio.to_thread(_environment, settings)
    status = {
        **environment,
        "total_user_files": None,
        "total_file_size_mb": None,
        "file_expiration_hours": _number(settings.file_expiration_hours),
        "max_file_size_mb": _number(settings.max_file_bytes / 1024**2),
    }
    try:
        totals = await _files(db_handler).stats()
    except (StoreError, InvalidRequest) as error:
        return status | {"error": str(error)}
    return status | {"total_user_files": totals.files, "total_file_size_mb": round(totals.bytes / 1024**2, 2)}


def _environment(settings: Settings) -> dict[str, Any]:
    link = settings.home / "venv"
    found = Environment.at(link)
    packages = sorted(found.packages) if found else []
    return {
        "venv_exists": found is not None,
        "python_path": str(link / "bin" / "python"),
        "installed_packages": packages,
        "package_count": len(packages),
        "last_cleanup": as_text(at(found.built_at)) if found else None,
    }


def _number(value: float) -> float:
    return int(value) if value == int(value) else round(value, 2)


def get_package_manager() -> PackageManager:
    """The packages by themselves; `.is_package_approved(name)` gives (bool, reason)."""
    settings = Settings()
    catalogue = Catalogue(settings.catalogue_add, settings.catalogue_remove, Remembered(settings.home))
    catalogue.refresh()
    return PackageManager(catalogue)
