"""Entries as documents of MongoDB, and reports as its aggregations: dollars are Decimal128, whose sums are exact."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bson.decimal128 import Decimal128
from bson.int64 import Int64

from ..errors import InvalidArgument, shown
from .record import COLUMNS, Entry
from .store import GROUPS, Group, Measure

Document = dict[str, Any]

MONEY = frozenset({"estimated_cost", "token_cost", "charge_cost", "cost"})
_FLAGS = ("estimate_assumed", "estimate_partial")

_FIELDS = {"user": "user_id"}  # the other groups are called as their fields
_TIMES = {"day": "%Y-%m-%d", "month": "%Y-%m"}

_COMPARED = {
    "$and": [
        {"$gt": ["$estimated_input_tokens", None]},
        {"$gt": ["$input_tokens", 0]},
        {"$in": ["$status", ["completed", "incomplete"]]},
        {"$ne": ["$estimate_partial", 1]},
    ]
}
_GAP = {"$subtract": ["$estimated_input_tokens", "$input_tokens"]}


def as_document(entry: Entry, request: str | None) -> Document:
    """What is inserted: the columns, what the entry takes of budgets, and the body of its request if that is kept."""
    document: Document = {name: getattr(entry, name) for name in COLUMNS}
    for name, value in document.items():
        if isinstance(value, bool):
            document[name] = int(value)
        elif isinstance(value, int):
            document[name] = Int64(value)
        elif isinstance(value, Decimal):
            document[name] = Decimal128(value)
    charges = {name: None if dollars is None else str(dollars) for name, dollars in entry.charges.items()}
    document["charges"] = json.dumps(charges) if charges else None
    document |= {"_id": entry.entry_id, "spent_tokens": Int64(entry.spent_tokens), "in_totals": True}
    document["spent_dollars"] = Decimal128(entry.spent_dollars)
    return document if request is None else document | {"request": request}


def as_entry(document: Mapping[str, Any]) -> Entry:
    row = {name: document.get(name) for name in COLUMNS}
    for name, value in row.items():
        if isinstance(value, Decimal128):
            row[name] = value.to_decimal()
        elif isinstance(value, Int64):
            row[name] = int(value)
    for name in _FLAGS:
        row[name] = None if row[name] is None else bool(row[name])
    charges: Mapping[str, str | None] = json.loads(document["charges"]) if document.get("charges") else {}
    row["charges"] = {name: None if amount is None else Decimal(amount) for name, amount in charges.items()}
    return Entry(**row)  # type: ignore[arg-type]


def dollars_of(value: object) -> Decimal:
    """A sum of Decimal128; 0 where nothing was added up."""
    return value.to_decimal() if isinstance(value, Decimal128) else Decimal(0)


def between(since: datetime | None, until: datetime | None) -> Document:
    bounds = {sign: at for sign, at in (("$gte", since), ("$lt", until)) if at is not None}
    return {"at": bounds} if bounds else {}


def grouped(
    by: Sequence[Group], measures: Sequence[Measure], since: datetime | None, until: datetime | None, zone: ZoneInfo
) -> list[Document]:
    """A pipeline whose documents have `_id`, an object of k0, k1, ..., and m0, m1, ..."""
    keys = {f"k{number}": _key(name, zone) for number, name in enumerate(by)}
    numbers = {f"m{number}": {"$sum": _measured(measure)} for number, measure in enumerate(measures)}
    return [
        {"$match": between(since, until)},
        {"$group": {"_id": keys or None, **numbers}},
        {"$sort": {f"_id.{name}": 1 for name in keys} or {"_id": 1}},
    ]


def read_group(
    document: Mapping[str, Any], by: Sequence[Group], measures: Sequence[Measure]
) -> tuple[tuple[str | None, ...], Sequence[Any]]:
    values = tuple(document["_id"].get(f"k{number}") for number in range(len(by)))
    return values, [_number(measure, document[f"m{number}"]) for number, measure in enumerate(measures)]


def _number(measure: Measure, value: Any) -> Any:
    if measure.kind == "sum" and measure.column in MONEY:
        return dollars_of(value)
    if measure.kind in ("relative_gap", "bias"):
        return float(value)
    return int(value) if isinstance(value, int) else value


def _key(name: Group, zone: ZoneInfo) -> object:
    if name not in GROUPS:
        raise InvalidArgument(f"{shown(name)} is nothing to group by")
    if name in _TIMES:
        return {"$dateToString": {"date": "$at", "format": _TIMES[name], "timezone": zone.key}}
    return {"$ifNull": [f"${_FIELDS.get(name, name)}", None]}


def _measured(measure: Measure) -> object:
    column = f"${measure.column}"
    is_known = {"$ne": [{"$ifNull": [column, None]}, None]}
    share = {"$divide": [_GAP, "$input_tokens"]}
    return {
        "rows": 1,
        "sum": column,
        "known": _one_if(is_known),
        "unknown": _one_if({"$not": is_known}),
        "equal": _one_if({"$eq": [column, {"$literal": measure.value}]}),
        "compared": _one_if(_COMPARED),
        "exact": _one_if({"$and": [_COMPARED, {"$eq": ["$estimated_input_tokens", "$input_tokens"]}]}),
        "gap": {"$cond": [_COMPARED, {"$abs": _GAP}, 0]},
        "relative_gap": {"$cond": [_COMPARED, {"$abs": share}, 0]},
        "bias": {"$cond": [_COMPARED, share, 0]},
    }[measure.kind]


def _one_if(condition: object) -> object:
    return {"$cond": [condition, 1, 0]}
