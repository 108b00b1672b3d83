"""The ledger of what was billed: its rules in ledger.py, its databases behind store.py, one row of it in record.py."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ..config import Settings
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


def open_ledger(settings: Settings | None = None, *, on_threshold: OnThreshold | None = None) -> Ledger:
    """The ledger that settings name: `database`, or a file in the data directory.

    Raises:
        SettingsError: nothing here knows such a database.
    """
    settings = settings or Settings()
    if settings.database is not None:
        scheme = settings.database.partition("://")[0][:20]
        raise SettingsError(
            f"database: a ledger cannot be kept in {scheme!r} by this version; leave it out for SQLite in {settings.home}"
        )
    return SqliteLedger(None, settings, on_threshold=on_threshold)
