"""Records of user files in SQLite, embedded: the MetadataStore of everybody who gives no database."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from token_counter.sqlite import Connection, Step

from ...errors import StoreError, TooManyBytes, TooManyFiles
from ..user_file import UserFile, as_text
from ..users import UserId, spellings
from . import BLOCK_BYTES, Quota, Totals

# user_id has no declared type, so that SQLite keeps 5 and '5' apart: what comes back is what was given.
STEPS: Sequence[Step] = (
    (
        """CREATE TABLE user_files (
            file_id TEXT NOT NULL UNIQUE,
            user_id NOT NULL,
            filename TEXT NOT NULL,
            file_path TEXT NOT NULL,
            file_size INTEGER NOT NULL,
            file_type TEXT NOT NULL,
            uploaded_at TEXT NOT NULL,
            expires_at TEXT,
            origin TEXT NOT NULL CHECK (origin IN ('upload', 'generated')),
            sha256 TEXT NOT NULL,
            content TEXT NOT NULL,
            mime TEXT NOT NULL,
            schema INTEGER NOT NULL,
            metadata TEXT
        )""",
        "CREATE INDEX user_files_of_user ON user_files (user_id, expires_at DESC)",
        "CREATE INDEX user_files_expiring ON user_files (expires_at)",
    ),
)

BUSY_SECONDS = 5.0  # an upload takes milliseconds: whoever waits longer waits for a process that hangs

_COLUMNS = tuple(UserFile.__dataclass_fields__)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM user_files"
_INSERT = f"INSERT INTO user_files ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
_OF_USER = "user_id IN (?, ?)"
_ALIVE = "(expires_at IS NULL OR expires_at > ?)"
_IDS_A_QUERY = 500  # SQLite before 3.32 takes 999 parameters


class SqliteStore:
    """A MetadataStore in one file, in WAL mode, which several processes may use at once.

    Every call runs on one thread of its own, never on the event loop's; the database is opened by the first.
    """

    def __init__(self, path: Path) -> None:
        self._database = Connection(path, STEPS, "the file database", StoreError, BUSY_SECONDS)

    @property
    def name(self) -> str:
        return f"sqlite:{self._database.path}"

    async def identity(self) -> str:
        return self.name

    async def add(self, record: UserFile, quota: Quota | None) -> None:
        used = (
            f"SELECT count(*), coalesce(sum(max(file_size, {BLOCK_BYTES})), 0) FROM user_files "
            f"WHERE {_OF_USER} AND origin = ? AND {_ALIVE}"
        )
        whose = (*spellings(record.user_id), record.origin, as_text(record.uploaded_at))

        def work(connection: sqlite3.Connection) -> None:
            if quota is not None:
                files, size = connection.execute(used, whose).fetchone()
                if quota.files is not None and files >= quota.files:
                    raise TooManyFiles(quota.files)
                if quota.bytes is not None and size + max(record.file_size, BLOCK_BYTES) > quota.bytes:
                    raise TooManyBytes(quota.bytes)
            connection.execute(_INSERT, _row(record))

        await self._database.write(work)

    async def get(self, file_id: str, user_id: UserId, now: datetime) -> UserFile | None:
        query = f"{_SELECT} WHERE file_id = ? AND {_OF_USER} AND {_ALIVE}"
        rows = await self._rows(query, file_id, *spellings(user_id), as_text(now))
        return _record(rows[0]) if rows else None

    async def list(self, user_id: UserId, now: datetime) -> Sequence[UserFile]:
        query = f"{_SELECT} WHERE {_OF_USER} AND {_ALIVE} ORDER BY uploaded_at DESC, rowid DESC"
        return [_record(row) for row in await self._rows(query, *spellings(user_id), as_text(now))]

    async def remove(self, file_id: str, user_id: UserId) -> bool:
        return bool(await self._removed(f"file_id = ? AND {_OF_USER}", file_id, *spellings(user_id)))

    async def remove_all(self, user_id: UserId) -> Sequence[str]:
        return await self._removed(_OF_USER, *spellings(user_id))

    async def remove_expired(self, now: datetime, limit: int) -> Sequence[str]:
        return await self._removed("expires_at <= ? ORDER BY expires_at LIMIT ?", as_text(now), limit)

    async def known(self, file_ids: Collection[str]) -> set[str]:
        asked = [*file_ids]
        found: set[str] = set()
        for start in range(0, len(asked), _IDS_A_QUERY):
            some = asked[start : start + _IDS_A_QUERY]
            query = f"SELECT file_id FROM user_files WHERE file_id IN ({', '.join('?' * len(some))})"
            found.update(row[0] for row in await self._rows(query, *some))
        return found

    async def totals(self, now: datetime) -> Totals:
        query = f"SELECT count(*), coalesce(sum(file_size), 0) FROM user_files WHERE {_ALIVE}"
        return Totals(*(await self._rows(query, as_text(now)))[0])

    async def aclose(self) -> None:
        await self._database.aclose()

    async def _rows(self, query: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        return await self._database.read(lambda connection: connection.execute(query, values).fetchall())

    async def _removed(self, where: str, *values: Any) -> Sequence[str]:
        """Delete the rows and say which: in one transaction, so that of several cleaners one alone counts a file."""

        def work(connection: sqlite3.Connection) -> Sequence[str]:
            file_ids = [row[0] for row in connection.execute(f"SELECT file_id FROM user_files WHERE {where}", values)]
            connection.executemany("DELETE FROM user_files WHERE file_id = ?", ((file_id,) for file_id in file_ids))
            return file_ids

        return await self._database.write(work)


def _row(record: UserFile) -> dict[str, Any]:
    document = record.as_document()
    metadata = document.get("metadata")
    return {**document, "metadata": None if metadata is None else json.dumps(metadata)}


def _record(row: Sequence[Any]) -> UserFile:
    document = dict(zip(_COLUMNS, row, strict=True))
    if document["metadata"] is not None:
        document["metadata"] = json.loads(document["metadata"])
    return UserFile.from_document(document)
