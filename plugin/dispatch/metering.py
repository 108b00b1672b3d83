"""What the requests of a turn are estimated at and cost; the loop asks before each request and tells after it.

Without a counter nothing is estimated, without a ledger nothing is recorded or refused.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .. import events
from ..finish import finish

if TYPE_CHECKING:
    from token_counter.count import Count
    from token_counter.usage import Usage

UserId = int | str

log = logging.getLogger("cellblock")


@dataclass
class Bill:
    """One request, as it turns out."""

    usage: "Usage | None" = None
    model: str = ""
    tool_calls: int = 0
    status: str = "failed"

    def answered(self, usage: object | None, model: str | None, tool_calls: int, complete: bool) -> None:
        self.usage = _read(usage)
        self.model = model or self.model
        self.tool_calls = tool_calls
        self.status = "completed" if complete else "incomplete"


class Meter:
    """Adds up the requests of one turn.

    Attributes:
        usage: of all requests together; None where the API never said.
        cost: in US dollars; None where a price or a usage is unknown.
    """

    def __init__(self, ledger: Any, model: str, user_id: UserId, conversation: str | None, tell: events.Teller) -> None:
        self.usage: Usage | None = None
        self.cost: Decimal | None = Decimal(0)
        self.requests = 0
        self._ledger, self._model, self._user_id, self._conversation = ledger, model, user_id, conversation
        self._tell = tell

    @asynccontextmanager
    async def request(self, estimate: "Count | None") -> AsyncIterator[Bill]:
        """One request: a part of the budget is held while it is under way, and what became of it is recorded.

        Raises:
            token_counter.errors.BudgetExceeded: it must not be sent.
        """
        reservation = None
        if self._ledger is not None and estimate is not None:
            reservation = await self._ledger.reserve(estimate, self._user_id, model=self._model)
        bill, started = Bill(model=self._model), time.monotonic()
        try:
            yield bill
        except BaseException as error:
            bill.status = "cancelled" if isinstance(error, asyncio.CancelledError) else "failed"
            raise
        finally:
            # Whoever is gone by now is billed all the same.
            await finish(self._book(bill, estimate, reservation, time.monotonic() - started))

    async def _book(self, bill: Bill, estimate: "Count | None", reservation: Any, seconds: float) -> None:
        self.requests += 1
        cost = None if bill.usage is None else await asyncio.to_thread(_cost, bill.usage, bill.model)
        if bill.usage is not None:
            self.usage = bill.usage if self.usage is None else self.usage + bill.usage
        self.cost = None if cost is None or self.cost is None else self.cost + cost
        if self._ledger is not None:
            entry = await self._ledger.record(
                bill.usage,
                user_id=self._user_id,
                model=bill.model,
                conversation=self._conversation,
                estimate=estimate,
                latency=seconds,
                tool_calls=bill.tool_calls,
                status=bill.status,
            )
            if reservation is not None:
                await self._ledger.settle(reservation, entry)
        if bill.status in ("completed", "incomplete"):
            self._tell(events.UsageReported, model=bill.model, usage=bill.usage, cost=cost, estimate=estimate)


def _read(usage: object | None) -> "Usage | None":
    if usage is None:
        return None
    from token_counter.errors import InvalidUsage
    from token_counter.usage import Usage

    try:
        return Usage.from_openai(usage)
    except InvalidUsage as error:  # a server's odd bill is no reason to keep its answer from the user
        log.warning("the usage that the API sent cannot be read: %s", error)
        return None


def _cost(usage: "Usage", model: str) -> Decimal | None:
    from token_counter import prices

    return prices.cost(usage, model)
