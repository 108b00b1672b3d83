"""Which limits hold for a user at a moment, and when one of their thresholds is reached. The ledger asks; stores add up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, localcontext
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from .config import Limit
from .errors import BudgetExceeded
from .labels import label
from .prices import EXACT

Unit = Literal["dollars", "tokens"]


class Spent(NamedTuple):
    """Of one window: what is recorded, or what is reserved."""

    dollars: Decimal
    tokens: int

    def of(self, unit: Unit) -> Decimal | int:
        return self.dollars if unit == "dollars" else self.tokens


@dataclass(frozen=True)
class Window:
    """One limit, for one user or all, over the day or month that contains a moment.

    Attributes:
        user_id: None: all users together.
        start, end: UTC; the end is the next one's start.
    """

    per: Literal["day", "month"]
    unit: Unit
    amount: Decimal | int
    thresholds: tuple[float, ...]
    user_id: str | None
    start: datetime
    end: datetime

    def check(self, asked: Spent, spent: Spent, reserved: Spent, user_id: str) -> None:
        """Refuse what would go over the limit.

        Raises:
            BudgetExceeded: it would.
        """
        unit = self.unit
        if spent.of(unit) + reserved.of(unit) + asked.of(unit) > self.amount:
            raise BudgetExceeded(
                user_id=user_id,
                everyone=self.user_id is None,
                per=self.per,
                unit=unit,
                limit=self.amount,
                spent=spent.of(unit),
                reserved=reserved.of(unit),
                asked=asked.of(unit),
                resets_at=self.end,
            )


@dataclass(frozen=True)
class Threshold:
    """What `on_threshold` is told: a share of a limit has just been reached.

    Attributes:
        share: of the limit, one of its `thresholds`.
        spent: in the window's unit, this request included.
        user_id: whose request reached it; the limit itself may be everybody's.
    """

    window: Window
    share: float
    spent: Decimal | int
    user_id: str


def windows(budgets: Iterable[Limit], user_id: str, at: datetime, zone: ZoneInfo) -> list[Window]:
    """All limits that hold for the user at that moment.

    Args:
        user_id: as `labels.user_label` writes it.
        zone: where days and months begin.
    """
    mine: list[Window] = []
    everyones: list[Window] = []
    alls: list[Window] = []
    for limit in budgets:
        if limit.each == "all":
            alls.extend(_parts(limit, None, at, zone))
        elif not limit.users:
            everyones.extend(_parts(limit, user_id, at, zone))
        elif user_id in map(label, limit.users):
            mine.extend(_parts(limit, user_id, at, zone))
    replaced = {(window.per, window.unit) for window in mine}
    return [*mine, *(window for window in everyones if (window.per, window.unit) not in replaced), *alls]


def reached(window: Window, took: Spent, spent: Spent, user_id: str) -> list[Threshold]:
    """The thresholds that a request has crossed: of all processes one alone sees each, since sums go up in one step.

    Args:
        took: what the request took.
        spent: all, the request included.
    """
    high = spent.of(window.unit)
    with localcontext(EXACT):
        low = high - took.of(window.unit)
        shares = [share for share in sorted(window.thresholds) if low < Decimal(str(share)) * window.amount <= high]
    return [Threshold(window, share, high, user_id) for share in shares]


def _parts(limit: Limit, user_id: str | None, at: datetime, zone: ZoneInfo) -> Iterator[Window]:
    start, end = _bounds(limit.per, at, zone)
    if limit.dollars is not None:
        yield Window(limit.per, "dollars", limit.dollars, limit.thresholds, user_id, start, end)
    if limit.tokens is not None:
        yield Window(limit.per, "tokens", limit.tokens, limit.thresholds, user_id, start, end)


def _bounds(per: Literal["day", "month"], at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    first = at.astimezone(zone).date()
    if per == "month":
        first = first.replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
    else:
        following = first + timedelta(days=1)
    return midnight(first, zone), midnight(following, zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins, in UTC. Where clocks skip midnight, it begins with the skip."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
