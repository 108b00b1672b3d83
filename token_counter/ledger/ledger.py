"""The ledger: what each request was estimated at and billed, and budgets that are held before a request is sent.

The loop calls `reserve`, sends, and calls `settle`; whoever has no budgets calls `record` alone.
"""

import asyncio
import inspect
import json
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any, Self

from ..budget import Spent, Threshold, Window, reached, windows
from ..config import Settings
from ..errors import InvalidArgument, UnpricedModel
from ..labels import text_label, user_label
from ..prices import EXACT, Prices
from ..usage import Usage, service_tier_of
from .booking import Request, amount, book, highest_cost, moment, span
from .record import Charge, Counted, Entry, Estimate, Reservation, Status
from .store import LedgerStore, Totals

UserId = int | str
OnThreshold = Callable[[Threshold], Awaitable[None] | None]

MAX_REQUEST_BYTES = 1024 * 1024  # of a request's body; a larger one holds images, and is not kept
PAGE_ENTRIES = 1000

log = logging.getLogger("cellblock")


class Ledger:
    """What was billed, in a store that several processes may share. Owns the store.

    Args:
        settings: prices, budgets, the time zone of days.
        on_threshold: called when a limit's threshold is reached, by the process whose request reached it, after that
            was recorded; it may be async. What it raises is logged.
        clock: the time.
    """

    def __init__(
        self,
        store: LedgerStore,
        settings: Settings | None = None,
        *,
        on_threshold: OnThreshold | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.settings = settings or Settings()
        self.prices = Prices(self.settings)
        self._on_threshold = on_threshold
        self._clock = clock

    async def record(
        self,
        usage: object,
        *,
        user_id: UserId,
        model: str,
        conversation: str | None = None,
        estimate: Estimate | Counted | int | None = None,
        latency: float | None = None,
        tool_calls: int = 0,
        status: Status = "completed",
        problem: str | None = None,
        endpoint: str | None = None,
        service_tier: str | None = None,
        batch: bool = False,
        charges: Iterable[Charge] = (),
        request: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        reservation: Reservation | None = None,
        at: datetime | None = None,
    ) -> Entry:
        """Keep what a request was billed. When this returns, it is safe on disk.

        Args:
            usage: of Chat Completions or Responses, as the SDK or JSON has it; None where none came. One whose
                numbers cannot be is kept without them, with the reason as `problem`. A whole answer tells its service tier.
            estimate: what was counted before it was sent.
            latency: seconds.
            status: "failed" without a usage costs nothing; "cancelled" or "completed" without one is unpriced, and
                takes its estimate of the budget.
            endpoint: "/v1/responses" or "/v1/chat/completions".
            charges: what is billed besides tokens.
            request: its body, kept where `keep_requests` is set.
            request_id: the answer's id; an entry that is recorded again under the same id is kept once.
            reservation: of this request, which ends with it, in the same step.
            at: when it was billed. Default: now.

        Raises:
            InvalidArgument: a fact of the caller's is wrong; nothing was kept.
            LedgerError: the database failed.
        """
        counted = None if estimate is None else Estimate.of(estimate)
        if reservation is not None:
            counted, request_id = counted or reservation.estimate, reservation.reservation_id
        facts = Request(
            user_id=user_id,
            model=text_label("model", model),
            conversation=conversation,
            endpoint=endpoint,
            service_tier=service_tier_of(usage) if service_tier is None else service_tier,
            batch=batch,
            status=status,
            problem=problem,
            estimate=counted,
            latency=latency,
            tool_calls=tool_calls,
            charges=tuple(charges),
        )
        entry_id = uuid.uuid4().hex if request_id is None else text_label("request_id", request_id)
        await self._prices_loaded(facts)
        entry = book(entry_id, moment(at or self._clock()), usage, facts, self.prices)
        body = None if request is None else await self._body(request)
        return await self._add(entry, body, None if reservation is None else reservation.reservation_id)

    async def reserve(
        self,
        estimate: Estimate | Counted | int,
        user_id: UserId,
        *,
        model: str | None = None,
        output_tokens: int | None = None,
        service_tier: str | None = None,
    ) -> Reservation:
        """Hold what a request may cost, before it is sent. It must be settled or released; else it expires.

        Args:
            estimate: a Count, or the tokens of the input.
            model: whose price is meant; without it limits in dollars refuse.
            output_tokens: how long the answer may become, such as `max_output_tokens`. Default: settings.

        Raises:
            BudgetExceeded: a limit would be exceeded. Do not send the request.
            UnpricedModel: limits in dollars alone hold, and the model has no price.
        """
        who, now = user_label(user_id), moment(self._clock())
        counted = Estimate.of(estimate, output_tokens)
        if counted.output_tokens is None:
            counted = Estimate.of(counted, self.settings.reserve_output_tokens)
        held = windows(self.settings.budgets, who, now, self.settings.zone)
        dollars = None
        if model is not None:
            facts = Request(who, text_label("model", model), service_tier=service_tier)
            await self._prices_loaded(facts)
            dollars = highest_cost(counted, facts, self.prices, now)
        units = {window.unit for window in held}
        if dollars is None and units == {"dollars"}:
            raise UnpricedModel(model, who)
        tokens = counted.input_tokens + (counted.output_tokens or 0)
        expires = now + timedelta(seconds=self.settings.reservation_seconds)
        reservation = Reservation(uuid.uuid4().hex, now, expires, who, model, counted, tokens, dollars)
        if held:
            await self.store.reserve(reservation, held)
        return reservation

    async def settle(self, reservation: Reservation, bill: object, **facts: Any) -> Entry:
        """Record what a reserved request was billed, and end its reservation, in one step. Twice is once.

        Args:
            bill: a usage, or None where none came; an Entry if it was recorded already.
            facts: as `record`'s; user, model and estimate are the reservation's unless they are given.
        """
        if isinstance(bill, Entry):
            await self.release(reservation)
            return bill
        given = {"user_id": reservation.user_id, "model": reservation.model, **facts}
        if given["model"] is None:
            raise InvalidArgument("the reservation names no model: give settle(..., model=)")
        return await self.record(bill, reservation=reservation, **given)

    async def release(self, reservation: Reservation) -> bool:
        """Let go of what is held for a request that was not sent. False if it had ended already."""
        return await self.store.release(reservation.reservation_id)

    async def budgets(self, user_id: UserId) -> list[tuple[Window, Spent, Spent]]:
        """The limits that hold for a user now, each with what is spent and what is reserved of it."""
        now = moment(self._clock())
        held = windows(self.settings.budgets, user_label(user_id), now, self.settings.zone)
        sums = await self.store.spent(held, now)
        return [(window, spent, reserved) for window, (spent, reserved) in zip(held, sums, strict=True)]

    async def entries(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncIterator[tuple[Entry, str | None]]:
        """Every entry with since <= at < until, oldest first, and the body of its request as JSON if that was kept."""
        (start, end), after = span(since, until), None
        while True:
            page = await self.store.page(start, end, after, PAGE_ENTRIES)
            for row in page.rows:
                yield row
            after = page.after
            if after is None:
                return

    async def save_token_usage(
        self,
        user_id: UserId,
        model: str,
        input_tokens: int,
        output_tokens: int,
        cost: float,
        text_tokens: int = 0,
        image_tokens: int = 0,
    ) -> None:
        """Keep a request whose cost the caller has worked out himself, in dollars."""
        usage = Usage(input_tokens, output_tokens, text_tokens=text_tokens, image_tokens=image_tokens)
        dollars = amount("cost", cost)
        facts = Request(user_id, text_label("model", model))
        await self._prices_loaded(facts)
        entry = book(uuid.uuid4().hex, moment(self._clock()), usage, facts, self.prices)
        stated = {**vars(entry), "token_cost": dollars, "cost": dollars}
        await self._add(Entry(**stated), None, None)

    async def get_user_token_usage(self, user_id: UserId) -> dict[str, int | float]:
        """Of a user, since the last reset: total_input_tokens, total_output_tokens, total_text_tokens,
        total_image_tokens, total_cost in dollars (what is unpriced adds nothing)."""
        models = (await self.store.totals(user_label(user_id))).values()
        with localcontext(EXACT):
            cost = sum((row.cost for row in models), Decimal(0))
        return {
            "total_input_tokens": sum(row.input_tokens for row in models),
            "total_output_tokens": sum(row.output_tokens for row in models),
            "total_text_tokens": sum(row.text_tokens for row in models),
            "total_image_tokens": sum(row.image_tokens for row in models),
            "total_cost": float(cost),
        }

    async def get_user_token_usage_by_model(self, user_id: UserId) -> dict[str, dict[str, int | float]]:
        """The same for each model: input_tokens, output_tokens, text_tokens, image_tokens, cost, requests."""
        return {model: _as_floats(row) for model, row in (await self.store.totals(user_label(user_id))).items()}

    async def reset_user_token_stats(self, user_id: UserId) -> None:
        """Have the two functions above begin anew. What was billed stays in the ledger, reports and budgets."""
        await self.store.reset(user_label(user_id))

    async def forget_user(self, user_id: UserId) -> int:
        """Take a user's id, conversations and request bodies out; the sums stay. Gives the number of entries."""
        return await self.store.forget(user_label(user_id))

    async def aclose(self) -> None:
        """Let the database go. Safe to call twice."""
        await self.store.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _add(self, entry: Entry, body: str | None, reservation_id: str | None) -> Entry:
        held = windows(self.settings.budgets, entry.user_id, entry.at, self.settings.zone)
        added = await self.store.add(entry, body, reservation_id, held)
        if added.is_new and self._on_threshold is not None:
            for window, after in zip(held, added.spent, strict=True):
                for threshold in reached(window, Spent(entry.spent_dollars, entry.spent_tokens), after, entry.user_id):
                    await _tell(self._on_threshold, threshold)
        return added.entry

    async def _body(self, request: Mapping[str, Any]) -> str | None:
        if not self.settings.keep_requests:
            return None
        try:
            body = await asyncio.to_thread(json.dumps, request, default=str, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:  # the bill is kept all the same
            log.warning("the body of a request is no JSON and was not kept: %s", error)
            return None
        return body if len(body) <= MAX_REQUEST_BYTES else None

    async def _prices_loaded(self, facts: Request) -> None:
        """Not on the loop: the first price takes half a second."""
        if facts.charges or not self.prices.is_quick(facts.model):
            await asyncio.to_thread(self.prices.load)


async def _tell(on_threshold: OnThreshold, threshold: Threshold) -> None:
    async def call() -> None:
        answer = on_threshold(threshold)
        if inspect.isawaitable(answer):
            await answer

    (failure,) = await asyncio.gather(call(), return_exceptions=True)
    if isinstance(failure, Exception):
        log.error("on_threshold failed: %r", failure, exc_info=failure)


def _as_floats(row: Totals) -> dict[str, int | float]:
    return {
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "text_tokens": row.text_tokens,
        "image_tokens": row.image_tokens,
        "cost": float(row.cost),
        "requests": row.requests,
    }
