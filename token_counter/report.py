"""Cost reports: what a ledger holds, added up by the database, as pandas tables. `cellblock costs` and operators call this.

A column of the report is a row of COLUMNS; what it is added up from is a Measure that every store knows.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from . import models
from .budget import midnight
from .errors import InvalidArgument, MissingExtra, shown
from .ledger.booking import span
from .ledger.store import GROUPS, Group, Measure

if TYPE_CHECKING:
    import pandas

    from .ledger import Ledger

Kind = Literal["count", "dollars", "share", "seconds"]


@dataclass(frozen=True)
class Column:
    """A number of the report.

    Attributes:
        kind: how it is shown; a share is of 1.
        per: what the measure is divided by; without any of these the number is unknown.
    """

    name: str
    kind: Kind
    measure: Measure
    per: Measure | None = None


def _sum(name: str, kind: Kind = "count") -> Column:
    return Column(name, kind, Measure("sum", name))


COLUMNS: Sequence[Column] = (
    Column("requests", "count", Measure("rows")),
    Column("failed", "count", Measure("equal", "status", "failed")),
    Column("cancelled", "count", Measure("equal", "status", "cancelled")),
    Column("unpriced", "count", Measure("unknown", "cost")),
    _sum("input_tokens"),
    _sum("text_tokens"),
    _sum("image_tokens"),
    _sum("audio_tokens"),
    _sum("tool_tokens"),
    _sum("cached_tokens"),
    _sum("cache_write_30m_tokens"),
    _sum("cache_write_12h_tokens"),
    _sum("output_tokens"),
    _sum("reasoning_tokens"),
    _sum("visible_tokens"),
    _sum("estimated_input_tokens"),
    _sum("tool_calls"),
    _sum("estimated_cost", "dollars"),
    _sum("token_cost", "dollars"),
    _sum("charge_cost", "dollars"),
    _sum("cost", "dollars"),
    Column("latency", "seconds", Measure("sum", "latency"), Measure("known", "latency")),
    Column("cached_share", "share", Measure("sum", "cached_tokens"), Measure("sum", "input_tokens")),
    Column("reasoning_share", "share", Measure("sum", "reasoning_tokens"), Measure("sum", "output_tokens")),
    Column("compared", "count", Measure("compared")),
    Column("exact_share", "share", Measure("exact"), Measure("compared")),
    Column("mean_error", "share", Measure("relative_gap"), Measure("compared")),
    Column("bias", "share", Measure("bias"), Measure("compared")),
)
KINDS: Mapping[str, Kind] = {column.name: column.kind for column in COLUMNS}

DRIFT = ("compared", "exact_share", "mean_error", "bias")


async def cost_report(
    ledger: "Ledger",
    since: date | datetime | None = None,
    until: date | datetime | None = None,
    by: Iterable[Group] | Group = ("day", "model", "user", "conversation"),
) -> "pandas.DataFrame":
    """What was billed: a row for each group, a column for each of `by` and of COLUMNS.

    Tokens are sums of what is known. Dollars are sums of what is priced, NaN where nothing is; `unpriced` says how
    many requests are not in them. Shares are of 1, latency is the mean in seconds, NaN where there is nothing to divide.

    Args:
        since, until: entries with since <= time < until. A date is its midnight in settings' `report_timezone`, a
            time without zone is UTC.
        by: any of day, month, model, user, conversation, status, endpoint, service_tier, in the order of the columns.
            Empty: one row for everything.

    Raises:
        InvalidArgument: there is no such group, no such time, or `until` is before `since`.
        MissingExtra: pandas is not installed.
    """
    groups, zone = _groups(by), ledger.settings.zone
    pandas = await _pandas()
    measures = _measures(COLUMNS)
    start, end = _span(since, until, zone)
    found = await ledger.store.groups(groups, measures, start, end, zone)
    rows = [(*keys, *_numbers(COLUMNS, dict(zip(measures, numbers, strict=True)))) for keys, numbers in found]
    return _frame(pandas, [*groups, *(column.name for column in COLUMNS)], rows)


async def drift_report(
    ledger: "Ledger",
    since: date | datetime | None = None,
    until: date | datetime | None = None,
    family: Callable[[str], str] | None = None,
) -> "pandas.DataFrame":
    """How far estimates are from bills, for each family of models: family, compared, exact_share, mean_error, bias.

    A rule that has gone stale shows as a falling exact_share; `bias` is positive where too much was estimated.

    Args:
        since, until: as `cost_report`.
        family: from a model's name to its family. Default: its row of models.toml, as `cellblock drift` has it.
    """
    columns = [column for column in COLUMNS if column.name in DRIFT]
    measures = _measures(columns)
    zone, pandas = ledger.settings.zone, await _pandas()
    start, end = _span(since, until, zone)
    sums: dict[str, dict[Measure, Any]] = {}
    for (model,), numbers in await ledger.store.groups(("model",), measures, start, end, zone):
        theirs = sums.setdefault((family or family_of)(model or ""), dict.fromkeys(measures, 0))
        for measure, number in zip(measures, numbers, strict=True):
            theirs[measure] += number
    rows = [(name, *_numbers(columns, sums[name])) for name in sorted(sums) if sums[name][Measure("compared")]]
    return _frame(pandas, ["family", *DRIFT], rows)


def family_of(model: str) -> str:
    """The row of models.toml that counts it: gpt-4o of ft:gpt-4o-2024-08-06:acme::x1. A model without one is its own."""
    rule = models.rule(model)
    return rule.row if rule.known else model


def _measures(columns: Iterable[Column]) -> list[Measure]:
    """All that the columns are worked out from, each once."""
    needed: dict[Measure, None] = {}
    for column in columns:
        parts = (column.measure, column.per, _known(column) if column.kind == "dollars" else None)
        needed.update((measure, None) for measure in parts if measure is not None)
    return list(needed)


def _known(column: Column) -> Measure:
    return Measure("known", column.measure.column)


def _numbers(columns: Iterable[Column], sums: Mapping[Measure, Any]) -> list[float | int | None]:
    """In the order of the columns. Dollars become floats here, after they were added up; of none known they are None."""
    numbers: list[float | int | None] = []
    for column in columns:
        number = sums[column.measure]
        if column.kind == "dollars":
            numbers.append(float(number) if sums[_known(column)] else None)
        elif column.per is not None:
            numbers.append(number / sums[column.per] if sums[column.per] else None)
        else:
            numbers.append(number)
    return numbers


def _frame(pandas: Any, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> "pandas.DataFrame":
    frame = pandas.DataFrame(rows, columns=list(names), dtype=object)  # else None becomes NaN in a column of text
    for name in names:
        kind = KINDS.get(name)
        if kind is not None:
            frame[name] = frame[name].astype("int64" if kind == "count" else "float64")
        elif name in ("day", "month"):
            frame[name] = pandas.to_datetime(frame[name])
    return frame


def _groups(by: Iterable[Any] | Group) -> tuple[Group, ...]:
    groups = (by,) if isinstance(by, str) else tuple(by)
    for group in groups:
        if group not in GROUPS:
            raise InvalidArgument(f"by: {shown(group)} is nothing to group by; there are {', '.join(GROUPS)}")
    if len(set(groups)) < len(groups):
        raise InvalidArgument(f"by: {', '.join(groups)} names one of them twice")
    return groups


def _span(
    since: date | datetime | None, until: date | datetime | None, zone: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    return span(_time("since", since, zone), _time("until", until, zone))


def _time(name: str, at: date | datetime | None, zone: ZoneInfo) -> datetime | None:
    if at is None or isinstance(at, datetime):
        return at
    if not isinstance(at, date):
        raise InvalidArgument(f"{name} must be a date or a datetime, not {shown(at)}")
    try:
        return midnight(at, zone)
    except OverflowError:
        raise InvalidArgument(f"{name}: {at} begins in no year of UTC") from None


async def _pandas() -> Any:
    try:
        return await asyncio.to_thread(import_module, "pandas")
    except ModuleNotFoundError:
        raise MissingExtra("a cost report", "costs") from None
