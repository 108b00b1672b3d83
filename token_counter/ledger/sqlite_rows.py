"""Entries as rows of SQLite: dollars as whole picodollars, so that sums are exact; times as text that sorts by time."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ..prices import EXACT
from .record import COLUMNS, Entry

PART = 10**6  # sums are taken of these and of the rest: of whole amounts nine million dollars would pass 64 bits
MONEY = frozenset({"estimated_cost", "token_cost", "charge_cost", "cost"})


def as_row(entry: Entry) -> dict[str, Any]:
    """By column name."""
    row: dict[str, Any] = {name: getattr(entry, name) for name in COLUMNS}
    for name in MONEY:
        row[name] = None if row[name] is None else picodollars(row[name])
    row["at"] = as_text(entry.at)
    charges = {name: None if dollars is None else str(dollars) for name, dollars in entry.charges.items()}
    row["charges"] = json.dumps(charges) if charges else None
    return row


def as_entry(values: Sequence[Any]) -> Entry:
    """The values of COLUMNS, in their order."""
    row = dict(zip(COLUMNS, values, strict=True))
    for name in MONEY:
        row[name] = None if row[name] is None else dollars(row[name])
    row["at"] = datetime.fromisoformat(row["at"])
    charges: Mapping[str, str | None] = json.loads(row["charges"]) if row["charges"] else {}
    row["charges"] = {name: None if amount is None else Decimal(amount) for name, amount in charges.items()}
    for name in ("estimate_assumed", "estimate_partial"):
        row[name] = None if row[name] is None else bool(row[name])
    return Entry(**row)


def as_text(at: datetime) -> str:
    """2026-11-03T10:30:00.123Z: as long for every year, so that it sorts."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def picodollars(amount: Decimal) -> int:
    """A price of $0.001 for a million tokens is 1,000 of them a token."""
    return int(amount.scaleb(12, EXACT))


def dollars(amount: int) -> Decimal:
    return Decimal(int(amount)).scaleb(-12, EXACT)


def dollars_of(parts: int, rest: int) -> Decimal:
    """Of a sum of picodollars that was taken in two."""
    return dollars(parts * PART + rest)
