"""What a database does for a ledger: it keeps entries, holds reservations, adds up. The rules are the ledger's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Protocol, get_args
from zoneinfo import ZoneInfo

from ..budget import Spent, Window
from .record import Entry, Reservation

# What entries may be grouped by. "day" and "month" are a zone's, as 2026-11-03 and 2026-11.
Group = Literal["day", "month", "model", "user", "conversation", "status", "endpoint", "service_tier"]
GROUPS: tuple[Group, ...] = get_args(Group)

FORGOTTEN = "(forgotten)"  # whose entries are those of users that were forgotten


@dataclass(frozen=True)
class Measure:
    """One number of a group of entries.

    Attributes:
        kind: "rows": how many there are; "sum" of a column, "known": how many have it, "unknown": how many do not;
            "equal": how many have `value` in it. Of the answered entries whose input was both estimated in full and billed:
            "compared": how many; "exact": how many agree; "gap": sum of |estimated - billed|; "relative_gap": of
            |estimated - billed| / billed; "bias": of (estimated - billed) / billed.
        column: a field of Entry.
    """

    kind: Literal["rows", "sum", "known", "unknown", "equal", "compared", "exact", "gap", "relative_gap", "bias"]
    column: str = ""
    value: str = ""


class Added(NamedTuple):
    """What `add` did.

    Attributes:
        entry: as it is kept: the older one if it was there already.
        is_new: False: it was there, nothing was changed.
        spent: of each window, this entry included.
    """

    entry: Entry
    is_new: bool
    spent: Sequence[Spent]


class Page(NamedTuple):
    """Some entries in the order of `at`, each with the body of its request if that was kept; `after` gives the next."""

    rows: Sequence[tuple[Entry, str | None]]
    after: tuple[datetime, str] | None


class Totals(NamedTuple):
    """Of one model, for one user, since the last reset."""

    input_tokens: int
    output_tokens: int
    text_tokens: int
    image_tokens: int
    cost: Decimal
    requests: int


class LedgerStore(Protocol):
    """One implementation for each database; several processes may use the same one at once.

    What a method has returned from is kept, whatever happens to the process or the machine. Every method raises
    LedgerError when the database fails: an outage never reads as "nothing was spent".
    """

    @property
    def name(self) -> str:
        """Tells this database from others, in messages."""

    async def add(
        self, entry: Entry, request: str | None, reservation_id: str | None, windows: Sequence[Window]
    ) -> Added:
        """Keep an entry and end the reservation it was made for, in one step.

        Args:
            request: the body of the request, as JSON, to be kept with it.
        """

    async def reserve(self, reservation: Reservation, windows: Sequence[Window]) -> None:
        """Hold a part of every window, in one step with the check of all of them.

        What has expired at `reservation.at` no longer counts. A window of dollars counts an unpriced one as 0.

        Raises:
            BudgetExceeded: one of them would be exceeded; nothing was held.
        """

    async def release(self, reservation_id: str) -> bool:
        """Let go of what is held; False if it is not there any more."""

    async def spent(self, windows: Sequence[Window], now: datetime) -> Sequence[tuple[Spent, Spent]]:
        """Of each window: what is recorded, and what is reserved and has not expired."""

    async def groups(
        self,
        by: Sequence[Group],
        measures: Sequence[Measure],
        since: datetime | None,
        until: datetime | None,
        zone: ZoneInfo,
    ) -> Sequence[tuple[tuple[str | None, ...], Sequence[Any]]]:
        """Add up entries with since <= at < until: the values of `by`, and the measures, in this order.

        Sums of dollars are Decimals; a sum of nothing known is 0. Groups come in ascending order, unknown values first.
        """

    async def page(
        self, since: datetime | None, until: datetime | None, after: tuple[datetime, str] | None, limit: int
    ) -> Page:
        """The next entries in the order of (at, entry_id)."""

    async def totals(self, user_id: str) -> Mapping[str, Totals]:
        """By model, of what was recorded since the last `reset`."""

    async def reset(self, user_id: str) -> None:
        """Have `totals` begin anew. Entries, reports and budgets stay as they are."""

    async def forget(self, user_id: str) -> int:
        """Take the user's name, conversations and request bodies out of the ledger; gives the number of entries.

        What was spent or is reserved stays, as FORGOTTEN's.
        """

    async def aclose(self) -> None:
        """Let the database go. Safe to call twice."""
