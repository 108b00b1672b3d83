"""What a page or a terminal shows of costs, gathered at once; and how numbers and strangers' names are written there."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from .ledger.store import Group
from .report import KINDS, Kind, cost_report, drift_report

if TYPE_CHECKING:
    import pandas

    from .ledger import Ledger

UNKNOWN = "-"
TITLES = {
    "cached_share": "cached",
    "input_tokens": "input",
    "output_tokens": "output",
    "reasoning_share": "reasoning",
    "exact_share": "exact",
    "mean_error": "mean error",
}


@dataclass(frozen=True)
class Overview:
    """Everything about one stretch of time.

    Attributes:
        total: a row of `cost_report`, of everything.
        days: costs by day and model, oldest first.
        rows: as asked for by `by`; all of them, see `shown_rows`.
        models: by model, the dearest first.
        drift: estimates against bills.
    """

    title: str
    by: Sequence[Group]
    total: Mapping[str, Any]
    days: "pandas.DataFrame"
    rows: "pandas.DataFrame"
    models: "pandas.DataFrame"
    drift: "pandas.DataFrame"


async def overview(
    ledger: "Ledger",
    since: date | datetime | None = None,
    until: date | datetime | None = None,
    by: Sequence[Group] = ("model",),
    family: Callable[[str], str] | None = None,
) -> Overview:
    """The arguments of `cost_report` and `drift_report`, and what they raise."""
    rows = await cost_report(ledger, since, until, by)
    total = await cost_report(ledger, since, until, ())
    models = await cost_report(ledger, since, until, ("model",))
    return Overview(
        title=_title(since, until, ledger.settings.report_timezone),
        by=by,
        total=_only(total),
        days=await cost_report(ledger, since, until, ("day", "model")),
        rows=rows,
        models=models.sort_values(["cost", "model"], ascending=[False, True], na_position="last"),
        drift=await drift_report(ledger, since, until, family),
    )


def shown_rows(overview: Overview, limit: int) -> "pandas.DataFrame":
    """As many rows as there is place for: the dearest, or the latest where days are asked for. 0: all."""
    if {"day", "month"} & set(overview.by):
        return overview.rows.tail(limit or len(overview.rows))
    dearest = overview.rows.sort_values("cost", ascending=False, na_position="last", kind="stable")
    return dearest.head(limit or len(dearest))


def by_day(overview: Overview) -> "pandas.Series[float]":
    """Dollars of each day from the first to the last, 0 where nothing was billed."""
    sums = overview.days.groupby("day")["cost"].sum()
    return sums.asfreq("D", fill_value=0.0) if len(sums) else sums


def written(value: Any, kind: Kind | None) -> str:
    """A value of a report for people. None and NaN are unknown."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return UNKNOWN
    if kind == "dollars":
        return dollars(value)
    if kind == "share":
        return share(value)
    if kind == "seconds":
        return f"{value:.1f} s"
    if kind == "count":
        return f"{value:,}"
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else printable(str(value))


def dollars(amount: float) -> str:
    """Four digits below the point, more where that would be nothing."""
    return f"${amount:,.4f}" if amount >= 0.00005 or amount == 0 else f"${amount:.1e}"


def share(part: float) -> str:
    """In percent: what is not all is never written as 100 %, what is not nothing never as 0.0 %."""
    percent = part * 100
    if 0 < abs(percent) < 0.05:
        return f"{percent:.1g} %"
    if 99.95 <= percent < 100:
        percent = 99.9
    return f"{percent:.1f} %"


def printable(text: str) -> str:
    """Every character that is not printed as itself as an escape: nothing moves a cursor or turns a reading direction."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _only(total: "pandas.DataFrame") -> Mapping[str, Any]:
    if total.empty:
        return {name: 0 if kind == "count" else None for name, kind in KINDS.items()}
    only: Mapping[str, Any] = total.to_dict("records")[0]  # its own types; iloc would make floats of counts
    return only


def _title(since: date | datetime | None, until: date | datetime | None, zone: str) -> str:
    start = "" if since is None else f"from {since:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    end = "" if until is None else f"before {until:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return f"Costs {start} {end} ({zone})".replace("  ", " ").replace("  ", " ")
