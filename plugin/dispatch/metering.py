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
    from token_counter.ledger import Ledger
    from token_counter.usage import Usage

UserId = int | str

WEB_SEARCH = "web_search"  # token_counter/prices.py, what is billed besides tokens

log = logging.getLogger("cellblock")


@dataclass(frozen=True)
class Payer:
    """Whose requests they are.

    Attributes:
        model: as asked for; what answers may say another name.
        conversation: what the ledger files them under.
        endpoint: of the API.
        output_tokens: how long an answer may become, where the caller said so.
    """

    user_id: UserId
    model: str
    conversation: str | None
    endpoint: str
    output_tokens: int | None


@dataclass
class Bill:
    """One request, as it turns out.

    Attributes:
        usage: as the API sent it.
        searches: of the web, which are billed besides tokens.
        status: as the ledger calls it: completed, incomplete, failed or cancelled.
    """

    model: str
    usage: object | None = None
    service_tier: str | None = None
    searches: int = 0
    tool_calls: int = 0
    status: str = "failed"
    problem: str | None = None

    def begun(self) -> None:
        """The API began to answer: what breaks now is billed all the same, as far as it came."""
        self.status = "incomplete"


class Meter:
    """Adds up the requests of one turn.

    Attributes:
        usage: of all requests together; None where the API never said.
        cost: in US dollars; None where a price or a usage is unknown.
    """

    def __init__(self, ledger: "Ledger | None", payer: Payer, tell: events.Teller) -> None:
        self.usage: Usage | None = None
        self.cost: Decimal | None = Decimal(0)
        self.requests = 0
        self._ledger, self._payer, self._tell = ledger, payer, tell

    @asynccontextmanager
    async def request(self, estimate: "Count | None") -> AsyncIterator[Bill]:
        """One request: a part of the budget is held while it is under way, and what became of it is recorded.

        Raises:
            token_counter.errors.BudgetExceeded: it must not be sent.
        """
        payer, reservation = self._payer, None
        if self._ledger is not None and estimate is not None:
            reservation = await self._ledger.reserve(
                estimate, payer.user_id, model=payer.model, output_tokens=payer.output_tokens
            )
        bill, started = Bill(payer.model), time.monotonic()
        try:
            yield bill
        except asyncio.CancelledError:
            bill.status = "cancelled"
            raise
        except Exception as error:
            bill.problem = f"{type(error).__name__}: {error}"
            raise
        finally:
            # Whoever is gone by now is billed all the same.
            await finish(self._book(bill, estimate, reservation, time.monotonic() - started))

    async def _book(self, bill: Bill, estimate: "Count | None", reservation: Any, seconds: float) -> None:
        self.requests += 1
        usage = _read(bill.usage)
        if self._ledger is None:
            cost = None if usage is None else await asyncio.to_thread(_cost, usage, bill)
        else:
            cost = await self._record(self._ledger, bill, estimate, reservation, seconds)
        if usage is not None:
            self.usage = usage if self.usage is None else self.usage + usage
        if usage is not None or bill.status != "failed":
            self.cost = None if cost is None or self.cost is None else self.cost + cost
            self._tell(events.UsageReported, model=bill.model, usage=usage, cost=cost, estimate=estimate)

    async def _record(
        self, ledger: "Ledger", bill: Bill, estimate: "Count | None", reservation: Any, seconds: float
    ) -> Decimal | None:
        from token_counter.ledger import Charge

        payer = self._payer
        entry = await ledger.record(
            bill.usage,
            user_id=payer.user_id,
            model=bill.model,
            conversation=payer.conversation,
            estimate=estimate,
            latency=seconds,
            tool_calls=bill.tool_calls,
            status=bill.status,  # type: ignore[arg-type]
            problem=bill.problem,
            endpoint=payer.endpoint,
            service_tier=bill.service_tier,
            charges=[Charge(WEB_SEARCH, bill.searches)] if bill.searches else [],
            reservation=reservation,
        )
        return entry.cost


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


def _cost(usage: "Usage", bill: Bill) -> Decimal | None:
    from token_counter import prices

    listed = prices.default()
    tokens = listed.cost(usage, bill.model, service_tier=bill.service_tier)
    searches = listed.fee(WEB_SEARCH, bill.model, bill.searches) if bill.searches else Decimal(0)
    return None if tokens is None or searches is None else tokens + searches
