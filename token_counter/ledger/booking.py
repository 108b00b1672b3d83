"""From what an API billed to an entry of the ledger: prices, shares of the input, and what could not be read."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from ..errors import InvalidArgument, InvalidUsage, shown
from ..labels import label, text_label, user_label
from ..prices import EXACT, Prices
from ..usage import Usage
from .record import STATUSES, Charge, Entry, Estimate

MAX_DOLLARS = Decimal(100_000)  # of one request: what is more is a price or a number gone wrong
MAX_CALLS = 10**6
YEARS = range(1970, 2200)  # a time outside is a number gone wrong, and no calendar of a zone holds the last ones
PROBLEM_CHARACTERS = 200

log = logging.getLogger("cellblock")

_PICODOLLAR = Decimal(1).scaleb(-12)


@dataclass(frozen=True)
class Request:
    """What the caller says of a request. The arguments of `Ledger.record`."""

    user_id: object
    model: str  # as `labels.text_label` writes it
    conversation: str | None = None
    endpoint: str | None = None
    service_tier: str | None = None
    batch: bool = False
    status: str = "completed"
    problem: str | None = None
    estimate: Estimate | None = None
    latency: float | None = None
    tool_calls: int = 0
    charges: Sequence[Charge] = ()


def book(entry_id: str, at: datetime, given: object, request: Request, prices: Prices) -> Entry:
    """The entry of one request.

    Args:
        given: a usage of either API, or None where none came.

    Raises:
        InvalidArgument: the caller's own facts are wrong. A bill that cannot be read is kept, without numbers.
    """
    if request.status not in STATUSES:
        raise InvalidArgument(f"status is {shown(request.status)}; it is one of {', '.join(STATUSES)}")
    if at.year not in YEARS:
        raise InvalidArgument(f"at is in the year {at.year}; an entry's is {YEARS[0]} to {YEARS[-1]}")
    usage, problem = _read(given, request)
    charges = _charges(request, prices, at)
    token_cost = _token_cost(usage, request, prices, at)
    charge_cost = None if None in charges.values() else _sum(charges.values())
    both_known = token_cost is not None and charge_cost is not None
    estimate = request.estimate
    return Entry(
        entry_id=entry_id,
        at=at,
        user_id=user_label(request.user_id),
        conversation=None if request.conversation is None else text_label("conversation", request.conversation),
        model=request.model,
        endpoint=None if request.endpoint is None else text_label("endpoint", request.endpoint),
        service_tier=None if request.service_tier is None else text_label("service_tier", request.service_tier),
        status=request.status,
        problem=problem,
        **_tokens(usage, estimate),
        estimated_input_tokens=None if estimate is None else estimate.input_tokens,
        estimated_output_tokens=None if estimate is None else estimate.output_tokens,
        estimate_assumed=None if estimate is None else estimate.assumed,
        estimate_partial=None if estimate is None else estimate.partial,
        estimated_cost=None if estimate is None else estimated_cost(estimate, request, prices, at),
        token_cost=token_cost,
        charge_cost=charge_cost,
        cost=_sum((token_cost, charge_cost)) if both_known else None,
        charges=charges,
        tool_calls=_calls(request.tool_calls),
        latency=_seconds(request.latency),
    )


def estimated_cost(estimate: Estimate, request: Request, prices: Prices, at: datetime) -> Decimal | None:
    """Of the tokens, nothing of them cached; None if nobody knows the price."""
    usage = Usage(estimate.input_tokens, estimate.output_tokens or 0, image_tokens=_images(None, estimate))
    return _priced(usage, request, prices, at)


def highest_cost(estimate: Estimate, request: Request, prices: Prices, at: datetime) -> Decimal | None:
    """As `estimated_cost`, with all of the input written to a cache where that is dearer: nobody knows it before."""
    plain = estimated_cost(estimate, request, prices, at)
    usage = Usage(estimate.input_tokens, estimate.output_tokens or 0, cache_write_12h_tokens=estimate.input_tokens)
    written = None if plain is None else _priced(usage, request, prices, at)
    return plain if written is None or plain is None else max(plain, written)


def amount(name: str, value: object) -> Decimal:
    """Dollars that a caller states.

    Raises:
        InvalidArgument: it is no amount, negative, or more than any request costs.
    """
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        dollars = Decimal(repr(float(value)) if isinstance(value, float) else value)  # numpy's own repr is no number
        if dollars.is_finite() and 0 <= dollars <= MAX_DOLLARS:
            return rounded(dollars)
    raise InvalidArgument(f"{name} must be $0 to ${MAX_DOLLARS:,} as an int, float or Decimal, not {shown(value)}")


def moment(at: datetime) -> datetime:
    """In UTC, and whole milliseconds: what every database holds. A time without zone is UTC."""
    if not isinstance(at, datetime):
        raise InvalidArgument(f"a time must be a datetime, not {shown(at)}")
    try:
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise InvalidArgument(f"the time {at.isoformat()} is in no year of UTC") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def span(since: datetime | None, until: datetime | None) -> tuple[datetime | None, datetime | None]:
    """Both as `moment` has them.

    Raises:
        InvalidArgument: one is no time, or the second is before the first.
    """
    start, end = since and moment(since), until and moment(until)
    if start is not None and end is not None and end < start:
        raise InvalidArgument(f"until ({end:%Y-%m-%d %H:%M} UTC) is before since ({start:%Y-%m-%d %H:%M} UTC)")
    return start, end


def rounded(dollars: Decimal) -> Decimal:
    return dollars.quantize(_PICODOLLAR, ROUND_HALF_EVEN, EXACT)


def _read(given: object, request: Request) -> tuple[Usage | None, str | None]:
    told = None if request.problem is None else label(str(request.problem)[:PROBLEM_CHARACTERS])
    if given is None:
        return None, told
    try:
        return Usage.from_openai(given), told
    except InvalidUsage as error:
        log.warning("a bill of model %s could not be read: %s", shown(request.model), error)
        return None, label(str(error)[:PROBLEM_CHARACTERS])


def _token_cost(usage: Usage | None, request: Request, prices: Prices, at: datetime) -> Decimal | None:
    if usage is None:  # a failed request is not billed; of an answer without usage nobody knows
        return Decimal(0) if request.status == "failed" else None
    return _priced(usage, request, prices, at)


def _priced(usage: Usage, request: Request, prices: Prices, at: datetime) -> Decimal | None:
    return _sensible(prices.cost(usage, request.model, at, service_tier=request.service_tier, batch=request.batch))


def _charges(request: Request, prices: Prices, at: datetime) -> dict[str, Decimal | None]:
    charges: dict[str, Decimal | None] = {}
    for charge in request.charges:
        name = text_label("a charge's name", charge.name)
        if charge.dollars is not None:
            dollars: Decimal | None = amount(f"charge {shown(name)}", charge.dollars)
        elif isinstance(charge.count, bool) or not isinstance(charge.count, int) or not 0 <= charge.count <= MAX_CALLS:
            raise InvalidArgument(f"charge {shown(name)}: count must be 0 to {MAX_CALLS:,}, not {shown(charge.count)}")
        else:
            dollars = _sensible(prices.fee(name, request.model, charge.count, at))
        earlier = charges.get(name, Decimal(0))
        charges[name] = None if earlier is None or dollars is None else _sum((earlier, dollars))
    amount("the sum of a request's charges", _sum(charges.values()))
    return charges


def _tokens(usage: Usage | None, estimate: Estimate | None) -> dict[str, int | None]:
    if usage is None:
        names = ("input", "text", "image", "audio", "cached", "cache_write_30m", "cache_write_12h")
        parts: dict[str, int | None] = dict.fromkeys(f"{name}_tokens" for name in names)
        return {**parts, "tool_tokens": None, "output_tokens": None, "reasoning_tokens": None, "visible_tokens": None}
    images = _images(usage, estimate)
    text = usage.text_tokens
    if text is None and images is not None:
        text = max(usage.input_tokens - images - usage.audio_tokens, 0)
    return {
        "input_tokens": usage.input_tokens,
        "text_tokens": text,
        "image_tokens": images,
        "audio_tokens": usage.audio_tokens,
        "tool_tokens": None if estimate is None else estimate.tool_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_30m_tokens": usage.cache_write_30m_tokens,
        "cache_write_12h_tokens": usage.cache_write_12h_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "visible_tokens": usage.visible_tokens,
    }


def _images(usage: Usage | None, estimate: Estimate | None) -> int | None:
    """As billed; where the API does not tell, as counted, and never more than the whole input."""
    if usage is not None and usage.image_tokens is not None:
        return usage.image_tokens
    if estimate is None or estimate.image_tokens is None:
        return None
    return min(estimate.image_tokens, estimate.input_tokens if usage is None else usage.input_tokens)


def _calls(count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_CALLS:
        raise InvalidArgument(f"tool_calls must be 0 to {MAX_CALLS:,}, not {shown(count)}")
    return count


def _seconds(latency: object) -> float | None:
    """None where a clock went backwards: a bill is not lost for that."""
    if latency is None:
        return None
    if isinstance(latency, bool) or not isinstance(latency, int | float):
        raise InvalidArgument(f"latency must be seconds, not {shown(latency)}")
    return float(latency) if 0 <= latency < 1e9 else None


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    """Of those that are known."""
    with localcontext(EXACT):
        return rounded(sum((dollars for dollars in amounts if dollars is not None), Decimal(0)))


def _sensible(dollars: Decimal | None) -> Decimal | None:
    """None for what would be no bill but an error: a wrong price must not stop the bookkeeping."""
    return None if dollars is None or dollars > MAX_DOLLARS else rounded(dollars)
