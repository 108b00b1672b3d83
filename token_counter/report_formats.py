"""The forms in which costs can be written. A new one is a row of FORMATS; `cellblock costs` needs no change."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from .ledger import Ledger
from .ledger.export import exchanges
from .ledger.store import Group
from .report import cost_report
from .report_files import as_csv, as_json, as_parquet
from .report_html import page
from .report_overview import overview
from .report_terminal import render


@dataclass(frozen=True)
class Question:
    """What is asked of a ledger.

    Attributes:
        by: empty: what the form shows best.
        limit: rows of a table for people; 0: all.
    """

    since: datetime | None = None
    until: datetime | None = None
    by: Sequence[Group] = ()
    limit: int = 20


async def _table(ledger: Ledger, asked: Question) -> AsyncIterator[bytes]:
    yield render(await overview(ledger, asked.since, asked.until, asked.by or ("model",)), asked.limit).encode()


async def _html(ledger: Ledger, asked: Question) -> AsyncIterator[bytes]:
    yield page(await overview(ledger, asked.since, asked.until, asked.by or ("user",)))


async def _csv(ledger: Ledger, asked: Question) -> AsyncIterator[bytes]:
    yield as_csv(await cost_report(ledger, asked.since, asked.until, asked.by or _EVERYTHING))


async def _json(ledger: Ledger, asked: Question) -> AsyncIterator[bytes]:
    yield as_json(await cost_report(ledger, asked.since, asked.until, asked.by or _EVERYTHING))


async def _parquet(ledger: Ledger, asked: Question) -> AsyncIterator[bytes]:
    yield as_parquet(await cost_report(ledger, asked.since, asked.until, asked.by or _EVERYTHING))


async def _exchanges(ledger: Ledger, asked: Question) -> AsyncIterator[bytes]:
    async for line in exchanges(ledger, asked.since, asked.until):
        yield line.encode()


_EVERYTHING: Sequence[Group] = ("day", "model", "user", "conversation")

FORMATS: Mapping[str, Callable[[Ledger, Question], AsyncIterator[bytes]]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
    "html": _html,
    "exchanges": _exchanges,
}
BINARY = frozenset({"parquet"})
SUFFIXES = {
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".html": "html",
    ".htm": "html",
    ".jsonl": "exchanges",
}


def format_of(path: PurePath) -> str:
    """The form that a file's name asks for; a table where it asks for none."""
    return SUFFIXES.get(path.suffix.lower(), "table")
