"""What a limit for all users costs in MongoDB: each reservation adds up what all of them spent this month."""

import dataclasses
import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from token_counter import Limit, Settings
from token_counter.ledger import Ledger
from token_counter.ledger.mongodb import ENTRIES, MongoStore
from token_counter.ledger.mongodb_documents import as_document

from .figures import Findings

if TYPE_CHECKING:
    from tests.mongod import Fresh

ENTRIES_THIS_MONTH = (2_000, 200_000)
USERS = 5_000
SAMPLES = 30
INSERTED_AT_ONCE = 10_000
MODEL = "gpt-4o"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MONTH_SECONDS = int((NOW - NOW.replace(day=1, hour=0)).total_seconds())

BUDGETS = {
    "a limit for all": (Limit(per="month", each="all", dollars=Decimal(10**6), tokens=None),),
    "a limit for each": (Limit(per="month", each="user", dollars=Decimal(10**6), tokens=None),),
}


async def add_to(found: Findings, fresh: "Fresh") -> None:
    """`found` gets the time of a reservation, which is released again, with few and with many entries."""
    database = fresh.connect("pymongo")
    there = 0
    for count in ENTRIES_THIS_MONTH:
        await _filled(database, there, count)
        there = count
        for name, budgets in BUDGETS.items():
            ledger = Ledger(MongoStore(database), Settings(budgets=budgets), clock=lambda: NOW)
            figure = found.add_ms(f"reserve: {name}, {count:,} entries", await _reserving(ledger))
            if (name, count) == ("a limit for all", ENTRIES_THIS_MONTH[-1]):
                found.measured["mongodb.reserve"] = figure.median


async def _reserving(ledger: Ledger) -> list[float]:
    seconds = []
    for number in range(SAMPLES + 1):
        started = time.perf_counter()
        held = await ledger.reserve(1000, number, model=MODEL, output_tokens=500)
        seconds.append(time.perf_counter() - started)
        await ledger.release(held)
    return seconds[1:]  # the first makes the indexes


async def _filled(database: Any, start: int, end: int) -> None:
    """Entries like one that a ledger wrote, of all users, all over the month."""
    ledger, chosen = Ledger(MongoStore(database), Settings()), random.Random(8)
    usage = {"input_tokens": 1200, "output_tokens": 300}
    entry = await ledger.record(usage, user_id=0, model=MODEL, at=NOW)
    for first in range(start, end, INSERTED_AT_ONCE):
        documents = []
        for number in range(first, min(first + INSERTED_AT_ONCE, end)):
            when = NOW - timedelta(seconds=chosen.randrange(MONTH_SECONDS))
            facts = {"entry_id": f"{number:032x}", "user_id": str(chosen.randrange(USERS)), "at": when}
            documents.append(as_document(dataclasses.replace(entry, **facts), None))  # type: ignore[arg-type]
        await database[ENTRIES].insert_many(documents)
