"""The ledger of what was billed: its rules in ledger.py, its databases behind store.py, one row of it in record.py."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ..config import Settings
from ..database import connect, mongodb_of
from ..errors import SettingsError
from .ledger import Ledger, OnThreshold
from .record import Charge, Entry, Estimate, Reservation
from .sqlite import SqliteStore
from .store import LedgerStore, Measure

__all__ = [
    "Charge",
    "Entry",
    "Estimate",
    "Ledger",
    "LedgerStore",
    "Measure",
    "Reservation",
    "SqliteLedger",
    "open_ledger",
]

DATABASE = "ledger.sqlite3"


class SqliteLedger(Ledger):
    """A ledger in one file, which is made at first use. `async with` closes it.

    Args:
        path: the file. Default: `ledger.sqlite3` in the data directory.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        settings: Settings | None = None,
        *,
        on_threshold: OnThreshold | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        settings = settings or Settings()
        store = SqliteStore(settings.home / DATABASE if path is None else Path(path))
        super().__init__(store, settings, on_threshold=on_threshold, clock=clock)


def open_ledger(
    settings: Settings | None = None, *, database: object = None, on_threshold: OnThreshold | None = None
) -> Ledger:
    """The ledger in a MongoDB, in the one that settings name, or in a file of the data directory.

    Args:
        database: of motor or PyMongo's asynchronous API, a client, an address, or an object that has one as `.db`; the
            caller closes the client.

    Raises:
        SettingsError: nothing here knows such a database.
        MissingExtra: its driver is not installed.
    """
    settings = settings or Settings()
    asked = settings.database if database is None else database
    if asked is None:
        return SqliteLedger(None, settings, on_threshold=on_threshold)
    found = mongodb_of(asked)
    if found is None:
        kind = asked.partition("://")[0][:20] if isinstance(asked, str) else type(asked).__qualname__
        raise SettingsError(
            f"database: a ledger cannot be kept in {kind!r}; give a mongodb:// address, or leave it out for SQLite in "
            f"{settings.home}"
        )
    ours = connect(found) if isinstance(found, str) else None
    from .mongodb import MongoStore

    store = MongoStore(found) if ours is None else MongoStore(ours, ours.client.close)
    return Ledger(store, settings, on_threshold=on_threshold)
