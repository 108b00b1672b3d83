"""A ledger in one file of SQLite: the store of everybody who gives no database."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ..budget import Spent, Window
from ..errors import InvalidArgument, LedgerError, shown
from ..sqlite import Connection, Step
from .days import local
from .record import COLUMNS, Entry, Reservation
from .sqlite_rows import MONEY, PART, as_entry, as_row, as_text, dollars_of, picodollars
from .store import FORGOTTEN, GROUPS, Added, Group, Measure, Page, Totals

# `spending` is what entries took of budgets, by user and quarter of an hour (every zone's days begin with one); the
# user '' is all of them. It is written with each entry, in one transaction: a month's sum reads some 3,000 short rows.
STEPS: Sequence[Step] = (
    (
        """CREATE TABLE entries (
            seq INTEGER PRIMARY KEY,
            entry_id TEXT NOT NULL UNIQUE,
            at TEXT NOT NULL,
            user_id TEXT NOT NULL,
            conversation TEXT,
            model TEXT NOT NULL,
            endpoint TEXT,
            service_tier TEXT,
            status TEXT NOT NULL CHECK (status IN ('completed', 'incomplete', 'failed', 'cancelled')),
            problem TEXT,
            input_tokens INTEGER,
            text_tokens INTEGER,
            image_tokens INTEGER,
            audio_tokens INTEGER,
            tool_tokens INTEGER,
            cached_tokens INTEGER,
            cache_write_30m_tokens INTEGER,
            cache_write_12h_tokens INTEGER,
            output_tokens INTEGER,
            reasoning_tokens INTEGER,
            visible_tokens INTEGER,
            estimated_input_tokens INTEGER,
            estimated_output_tokens INTEGER,
            estimate_assumed INTEGER,
            estimate_partial INTEGER,
            estimated_cost INTEGER,
            token_cost INTEGER,
            charge_cost INTEGER,
            cost INTEGER,
            charges TEXT,
            tool_calls INTEGER NOT NULL,
            latency REAL
        )""",
        "CREATE INDEX entries_in_time ON entries (at, entry_id)",
        "CREATE INDEX entries_of_user ON entries (user_id, seq)",
        "CREATE TABLE requests (entry_id TEXT NOT NULL PRIMARY KEY, request TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE spending (
            user_id TEXT NOT NULL,
            quarter INTEGER NOT NULL,
            picodollars INTEGER NOT NULL,
            tokens INTEGER NOT NULL,
            PRIMARY KEY (user_id, quarter)
        ) WITHOUT ROWID""",
        """CREATE TABLE reservations (
            reservation_id TEXT NOT NULL PRIMARY KEY,
            user_id TEXT NOT NULL,
            expires_at TEXT NOT NULL,
            picodollars INTEGER NOT NULL,
            tokens INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE TABLE resets (user_id TEXT NOT NULL PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID",
    ),
)

QUARTER_SECONDS = 900
EVERYONE = ""  # no user has this id

_SELECT = ", ".join(f"entries.{name}" for name in COLUMNS)
_INSERT = (
    f"INSERT INTO entries ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{name}' for name in COLUMNS)}) "
    "ON CONFLICT (entry_id) DO NOTHING"
)
_SPEND = (
    "INSERT INTO spending VALUES (?, ?, ?, ?) ON CONFLICT (user_id, quarter) "
    "DO UPDATE SET picodollars = picodollars + excluded.picodollars, tokens = tokens + excluded.tokens"
)
_SUM = f"coalesce(sum(picodollars / {PART}), 0), coalesce(sum(picodollars % {PART}), 0), coalesce(sum(tokens), 0)"

_PLAIN_GROUPS = {"user": "user_id"}  # the others are called as their columns
_TIMES = {"day": "%Y-%m-%d", "month": "%Y-%m"}

_COMPARED = (
    "estimated_input_tokens IS NOT NULL AND input_tokens > 0 AND status IN ('completed', 'incomplete') "
    "AND estimate_partial IS NOT 1"
)
_GAP = "(estimated_input_tokens - input_tokens)"
_MEASURES = {
    "rows": "count(*)",
    "sum": "coalesce(sum({column}), 0)",
    "known": "count({column})",
    "unknown": "count(*) - count({column})",
    "compared": f"count(CASE WHEN {_COMPARED} THEN 1 END)",
    "exact": f"count(CASE WHEN {_COMPARED} AND {_GAP} = 0 THEN 1 END)",
    "gap": f"coalesce(sum(CASE WHEN {_COMPARED} THEN abs({_GAP}) END), 0)",
    "relative_gap": f"total(CASE WHEN {_COMPARED} THEN abs({_GAP}) * 1.0 / input_tokens END)",
    "bias": f"total(CASE WHEN {_COMPARED} THEN {_GAP} * 1.0 / input_tokens END)",
}


class SqliteStore:
    """A LedgerStore in one file, in WAL mode, which several processes may use at once.

    Every call runs on one thread of its own, never on the event loop's; the database is opened by the first.
    """

    def __init__(self, path: Path) -> None:
        self._database = Connection(path, STEPS, "the ledger", LedgerError)

    @property
    def name(self) -> str:
        return f"sqlite:{self._database.path}"

    async def add(
        self, entry: Entry, request: str | None, reservation_id: str | None, windows: Sequence[Window]
    ) -> Added:
        def work(connection: sqlite3.Connection) -> Added:
            is_new = connection.execute(_INSERT, as_row(entry)).rowcount == 1
            if reservation_id is not None:
                connection.execute("DELETE FROM reservations WHERE reservation_id = ?", (reservation_id,))
            if not is_new:
                query = f"SELECT {_SELECT} FROM entries WHERE entry_id = ?"
                return Added(as_entry(connection.execute(query, (entry.entry_id,)).fetchone()), False, ())
            if request is not None:
                connection.execute("INSERT INTO requests VALUES (?, ?)", (entry.entry_id, request))
            amounts = _quarter(entry.at), picodollars(entry.spent_dollars), entry.spent_tokens
            connection.executemany(_SPEND, [(entry.user_id, *amounts), (EVERYONE, *amounts)])
            return Added(entry, True, [_spent(connection, window) for window in windows])

        return await self._database.write(work)

    async def reserve(self, reservation: Reservation, windows: Sequence[Window]) -> None:
        asked = Spent(reservation.dollars or Decimal(0), reservation.tokens)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM reservations WHERE expires_at <= ?", (as_text(reservation.at),))
            for window in windows:
                reserved = _reserved(connection, window, reservation.at)
                window.check(asked, _spent(connection, window), reserved, reservation.user_id)
            connection.execute(
                "INSERT INTO reservations VALUES (?, ?, ?, ?, ?)",
                (
                    reservation.reservation_id,
                    reservation.user_id,
                    as_text(reservation.expires_at),
                    picodollars(asked.dollars),
                    asked.tokens,
                ),
            )

        await self._database.write(work)

    async def release(self, reservation_id: str) -> bool:
        delete = "DELETE FROM reservations WHERE reservation_id = ?"
        return await self._database.write(
            lambda connection: connection.execute(delete, (reservation_id,)).rowcount == 1
        )

    async def spent(self, windows: Sequence[Window], now: datetime) -> Sequence[tuple[Spent, Spent]]:
        return await self._database.read(
            lambda connection: [(_spent(connection, window), _reserved(connection, window, now)) for window in windows]
        )

    async def groups(
        self,
        by: Sequence[Group],
        measures: Sequence[Measure],
        since: datetime | None,
        until: datetime | None,
        zone: ZoneInfo,
    ) -> Sequence[tuple[tuple[str | None, ...], Sequence[Any]]]:
        where, values = _between(since, until)

        def work(connection: sqlite3.Connection) -> Sequence[tuple[tuple[str | None, ...], Sequence[Any]]]:
            bounds = f"SELECT min(at), max(at) FROM entries WHERE {where}"
            ends = [datetime.fromisoformat(at) for at in connection.execute(bounds, values).fetchone() if at]
            if not ends:
                return []
            keys = [_group(name, zone, ends[0], ends[1]) for name in by]
            numbers, arguments = _select(measures)
            columns = ", ".join([*keys, *numbers])
            places = ", ".join(str(place + 1) for place in range(len(keys)))
            grouped = f" GROUP BY {places} ORDER BY {places}" if keys else ""
            query = f"SELECT {columns} FROM entries WHERE {where}{grouped}"
            rows = connection.execute(query, (*arguments, *values)).fetchall()
            return [(row[: len(keys)], _numbers(measures, row[len(keys) :])) for row in rows]

        return await self._database.read(work)

    async def page(
        self, since: datetime | None, until: datetime | None, after: tuple[datetime, str] | None, limit: int
    ) -> Page:
        where, values = _between(since, until)
        if after is not None:
            where, values = f"{where} AND (at, entries.entry_id) > (?, ?)", (*values, as_text(after[0]), after[1])
        query = (
            f"SELECT {_SELECT}, requests.request FROM entries LEFT JOIN requests USING (entry_id) "
            f"WHERE {where} ORDER BY at, entries.entry_id LIMIT ?"
        )
        rows = await self._rows(query, *values, limit)
        entries = [(as_entry(row[:-1]), row[-1]) for row in rows]
        last = entries[-1][0] if len(entries) == limit else None
        return Page(entries, None if last is None else (last.at, last.entry_id))

    async def totals(self, user_id: str) -> Mapping[str, Totals]:
        added = ["input_tokens", "output_tokens", "text_tokens", "image_tokens", f"cost / {PART}", f"cost % {PART}"]
        sums = ", ".join(f"coalesce(sum({column}), 0)" for column in added)
        query = f"""
            SELECT model, {sums}, count(*)
            FROM entries WHERE user_id = ? AND seq > coalesce((SELECT seq FROM resets WHERE user_id = ?), 0)
            GROUP BY model ORDER BY model"""
        return {
            row[0]: Totals(row[1], row[2], row[3], row[4], dollars_of(row[5], row[6]), row[7])
            for row in await self._rows(query, user_id, user_id)
        }

    async def reset(self, user_id: str) -> None:
        statement = "INSERT OR REPLACE INTO resets VALUES (?, (SELECT coalesce(max(seq), 0) FROM entries))"
        await self._database.write(lambda connection: connection.execute(statement, (user_id,)))

    async def forget(self, user_id: str) -> int:
        def work(connection: sqlite3.Connection) -> int:
            whose = (user_id,)
            ids = "SELECT entry_id FROM entries WHERE user_id = ?"
            connection.execute(f"DELETE FROM requests WHERE entry_id IN ({ids})", whose)
            connection.execute(
                "INSERT INTO spending SELECT ?, quarter, picodollars, tokens FROM spending WHERE user_id = ? "
                f"{_SPEND[_SPEND.index('ON CONFLICT') :]}",
                (FORGOTTEN, user_id),
            )
            connection.execute("UPDATE reservations SET user_id = ? WHERE user_id = ?", (FORGOTTEN, user_id))
            for table in ("spending", "resets"):
                connection.execute(f"DELETE FROM {table} WHERE user_id = ?", whose)
            anonymous = "UPDATE entries SET user_id = ?, conversation = NULL, problem = NULL WHERE user_id = ?"
            return connection.execute(anonymous, (FORGOTTEN, user_id)).rowcount

        return 0 if user_id == FORGOTTEN else await self._database.write(work)

    async def aclose(self) -> None:
        await self._database.aclose()

    async def _rows(self, query: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        return await self._database.read(lambda connection: connection.execute(query, values).fetchall())


def _quarter(at: datetime) -> int:
    return int(at.timestamp()) // QUARTER_SECONDS


def _spent(connection: sqlite3.Connection, window: Window) -> Spent:
    whose = EVERYONE if window.user_id is None else window.user_id
    query = f"SELECT {_SUM} FROM spending WHERE user_id = ? AND quarter >= ? AND quarter < ?"
    found = connection.execute(query, (whose, _quarter(window.start), _quarter(window.end))).fetchone()
    return Spent(dollars_of(found[0], found[1]), found[2])


def _reserved(connection: sqlite3.Connection, window: Window, now: datetime) -> Spent:
    """Of all days: what is under way at midnight will be billed after it."""
    whose, values = ("", ()) if window.user_id is None else ("AND user_id = ?", (window.user_id,))
    query = f"SELECT {_SUM} FROM reservations WHERE expires_at > ? {whose}"
    found = connection.execute(query, (as_text(now), *values)).fetchone()
    return Spent(dollars_of(found[0], found[1]), found[2])


def _between(since: datetime | None, until: datetime | None) -> tuple[str, tuple[str, ...]]:
    ends = [("at >= ?", since), ("at < ?", until)]
    given = [(condition, as_text(at)) for condition, at in ends if at is not None]
    where = " AND ".join(condition for condition, _ in given)
    return where or "TRUE", tuple(value for _, value in given)


def _group(name: Group, zone: ZoneInfo, first: datetime, last: datetime) -> str:
    if name not in GROUPS:
        raise InvalidArgument(f"{shown(name)} is nothing to group by")
    return local(_TIMES[name], zone, first, last) if name in _TIMES else _PLAIN_GROUPS.get(name, name)


def _select(measures: Sequence[Measure]) -> tuple[list[str], list[str]]:
    """The expressions, and the values of their question marks; a sum of dollars takes two of them."""
    columns, values = [], []
    for measure in measures:
        if measure.kind == "sum" and measure.column in MONEY:
            columns += [f"coalesce(sum({measure.column} {part}), 0)" for part in (f"/ {PART}", f"% {PART}")]
        elif measure.kind == "equal":
            columns.append(f"count(CASE WHEN {measure.column} = ? THEN 1 END)")
            values.append(measure.value)
        else:
            columns.append(_MEASURES[measure.kind].format(column=measure.column))
    return columns, values


def _numbers(measures: Sequence[Measure], row: Sequence[Any]) -> Sequence[Any]:
    found, rest = [], iter(row)
    for measure in measures:
        is_money = measure.kind == "sum" and measure.column in MONEY
        found.append(dollars_of(next(rest), next(rest)) if is_money else next(rest))
    return found
