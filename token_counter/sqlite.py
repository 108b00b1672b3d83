"""One SQLite database as the ledger and plugin's files use it: on one thread, opened at first use, brought up to date."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import filelock

from .finish import finish

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Step = Sequence[str]  # the statements that lead from one user_version to the next

# A write takes milliseconds, but SQLite serves those who wait in no order: of many busy processes one may wait for long.
BUSY_SECONDS = 20.0

# Primary result codes, https://www.sqlite.org/rescode.html
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another process keeps it locked: look for one that hangs",
    sqlite3.SQLITE_READONLY: "give the user that runs this process the right to write it and its directory",
    sqlite3.SQLITE_CANTOPEN: "let the user that runs this process write its directory, or set Settings.home",
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_CORRUPT: "it is damaged: put a backup in its place, or move it away to start with an empty one",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database: move it away, or set Settings.home",
}


class Connection:
    """A database in WAL mode whose acknowledged writes survive a power cut. Its owner closes it.

    Args:
        path: the file; it and its directory are made at first use.
        steps: step n leads from user_version n to n + 1; a released step never changes.
        what: what messages call it, "the ledger".
        failed: makes the error that every failure becomes, from its message.
        busy_seconds: how long a write waits for other processes.
    """

    def __init__(
        self,
        path: Path,
        steps: Sequence[Step],
        what: str,
        failed: Callable[[str], Exception],
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self.path = path.absolute()
        self._name = f"{what} {self.path}"
        self._steps, self._failed, self._busy_seconds = steps, failed, busy_seconds
        self._thread = ThreadPoolExecutor(1, "cellblock-sqlite")
        self._open: sqlite3.Connection | None = None
        self._process: int | None = None
        self._closed = False

    async def read(self, work: Work[T]) -> T:
        """Run the work outside any transaction: one query is enough for it.

        Raises:
            What `failed` makes: the database failed; names the file and what to do.
        """
        return await self._served(lambda: work(self._opened()))

    async def write(self, work: Work[T]) -> T:
        """Run the work as the only writer of all processes; what it raises takes back what it did.

        Raises:
            As `read`.
        """
        return await self._served(lambda: _transaction(self._opened(), work))

    async def aclose(self) -> None:
        """Close the database and end the thread. Safe to call twice."""
        was_closed, self._closed = self._closed, True
        if not was_closed and self._process == os.getpid():
            await self._on_thread(self._close)  # after what is under way, which may be the opening
        self._thread.shutdown(wait=False)

    async def _served(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise self._failed(f"{self._name} was closed; open it anew")
        if self._process not in (None, os.getpid()):
            # Its thread stayed in the parent: the work would wait for ever. https://www.sqlite.org/howtocorrupt.html, 2.6
            raise self._failed(f"{self._name} was opened before this process was forked; open one in each process")
        self._process = os.getpid()
        return await self._on_thread(work)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        try:
            return await finish(asyncio.get_running_loop().run_in_executor(self._thread, work))
        except (sqlite3.Error, OSError) as error:
            raise self._failed(f"{self._name} failed: {error}; {_remedy(error)}") from error

    def _opened(self) -> sqlite3.Connection:
        if self._open is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Turning on WAL in a new database from 12 processes at once, one in 50 was told SQLITE_BUSY without a wait.
            with filelock.FileLock(f"{self.path}.opening", timeout=self._busy_seconds, mode=0o600):
                self._open = self._prepared()
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _prepared(self) -> sqlite3.Connection:
        is_new = not self.path.exists()
        connection = sqlite3.connect(self.path, timeout=self._busy_seconds, isolation_level=None)
        with ExitStack() as undo:
            undo.callback(connection.close)
            if is_new:
                # By path: closing a descriptor of a database drops every lock that this process has on it
                # (https://www.sqlite.org/howtocorrupt.html, 2.2). SQLite gives -wal and -shm the same mode.
                self.path.chmod(0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            _transaction(connection, self._bring_up_to_date)
            undo.pop_all()
        return connection

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(self._steps):
            raise self._failed(
                f"{self._name} was written by a newer cellblock (schema {version}, this one knows "
                f"{len(self._steps)}): upgrade cellblock, or set Settings.home to another directory"
            )
        for statements in self._steps[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(self._steps)}")


def _transaction(connection: sqlite3.Connection, work: Work[T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return result


def _remedy(error: sqlite3.Error | OSError) -> str:
    if isinstance(error, filelock.Timeout):
        code = sqlite3.SQLITE_BUSY
    elif isinstance(error, OSError):
        code = sqlite3.SQLITE_CANTOPEN
    else:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)  # errors of the Python module itself have none
    return _REMEDIES.get(code & 0xFF, "run `PRAGMA integrity_check` on it, and look at its disk")
