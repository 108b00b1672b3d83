"""What a ledger keeps of one request, and what it is told before and after it. The field names are the columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Literal, Protocol, get_args

from ..errors import InvalidArgument, shown
from ..prices import EXACT
from ..usage import MAX_TOKENS

# completed: answered. incomplete: answered, and cut by a limit. failed: refused or broken, not billed unless it says so.
# cancelled: the caller went away; what was made until then is billed, and often nobody says how much.
Status = Literal["completed", "incomplete", "failed", "cancelled"]
STATUSES: tuple[str, ...] = get_args(Status)


class Counted(Protocol):
    """What a counter says of a request before it is sent: `token_counter.Count`."""

    @property
    def total(self) -> int: ...
    @property
    def images(self) -> int: ...
    @property
    def tools(self) -> int: ...
    @property
    def tool_calls(self) -> int: ...
    @property
    def tool_results(self) -> int: ...
    @property
    def assumed(self) -> bool: ...
    @property
    def unknown(self) -> Sequence[str]: ...
    @property
    def problems(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Estimate:
    """The tokens of a request as they were counted before it was sent.

    Attributes:
        output_tokens: how long the answer may become; None: what settings say (`reserve_output_tokens`).
        image_tokens, tool_tokens: of the input; None where nobody counted them apart.
        assumed: whether a rule was used that nobody measured; None where nobody said.
        partial: whether something is billed that could not be counted: what only the server adds, an image behind a link.
    """

    input_tokens: int
    output_tokens: int | None = None
    image_tokens: int | None = None
    tool_tokens: int | None = None
    assumed: bool | None = None
    partial: bool | None = None

    @classmethod
    def of(cls, given: "Estimate | Counted | int", output_tokens: int | None = None) -> "Estimate":
        """Read an estimate, a `Count`, or a bare number of input tokens.

        Raises:
            InvalidArgument: it is none of these, or negative.
        """
        if isinstance(given, Estimate):
            estimate = given if output_tokens is None else replace(given, output_tokens=output_tokens)
        elif isinstance(given, int):
            estimate = cls(given, output_tokens)
        elif all(
            hasattr(given, name)
            for name in ("total", "images", "tools", "tool_calls", "tool_results", "unknown", "problems")
        ):
            tools = given.tools + given.tool_calls + given.tool_results
            partial = bool(given.unknown or given.problems)
            estimate = cls(given.total, output_tokens, given.images, tools, given.assumed, partial)
        else:
            raise InvalidArgument(f"an estimate is a Count or a number of input tokens, not {shown(given)}")
        for name in ("input_tokens", "output_tokens", "image_tokens", "tool_tokens"):
            _check_tokens(name, getattr(estimate, name))
        return estimate


@dataclass(frozen=True)
class Charge:
    """Something besides tokens that was billed: `Charge("web_search", 2)`, `Charge("container", dollars=Decimal("0.03"))`.

    Attributes:
        dollars: for all `count` of them; None: by the price list and `fees` of settings.
    """

    name: str
    count: int = 1
    dollars: Decimal | None = None


@dataclass(frozen=True)
class Reservation:
    """A part of a budget that is held for a request under way, until it is settled, released or expires.

    Attributes:
        dollars: what the request may cost; None if nobody knows, and limits in tokens alone hold it.
    """

    reservation_id: str
    at: datetime
    expires_at: datetime
    user_id: str
    model: str | None
    estimate: Estimate
    tokens: int
    dollars: Decimal | None


@dataclass(frozen=True)
class Entry:
    """One request in the ledger. Tokens are None where nobody told them, dollars where nobody knows the price.

    Attributes:
        entry_id: told twice, an entry is kept once.
        at: when it was recorded, UTC, whole milliseconds.
        problem: why the bill could not be read, or what failed.
        input_tokens: all of the input. text, image, tool, cached and cache_write tokens are parts of it, by two
            divisions: text + image, and cached + written + the rest. Tools are as estimated: no API bills them apart.
        output_tokens: all of the output: reasoning_tokens + visible_tokens.
        estimate_assumed, estimate_partial: as Estimate's; a partial one is not compared with the bill.
        latency: seconds.
        charges: what was billed besides tokens, by name: dollars, None where nobody knows.
        token_cost, charge_cost, cost: billed dollars: for the tokens, for the charges, and their sum.
    """

    entry_id: str
    at: datetime
    user_id: str
    conversation: str | None
    model: str
    endpoint: str | None
    service_tier: str | None
    status: str
    problem: str | None

    input_tokens: int | None
    text_tokens: int | None
    image_tokens: int | None
    audio_tokens: int | None
    tool_tokens: int | None
    cached_tokens: int | None
    cache_write_30m_tokens: int | None
    cache_write_12h_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    visible_tokens: int | None

    estimated_input_tokens: int | None
    estimated_output_tokens: int | None
    estimate_assumed: bool | None
    estimate_partial: bool | None
    estimated_cost: Decimal | None

    token_cost: Decimal | None
    charge_cost: Decimal | None
    cost: Decimal | None
    charges: Mapping[str, Decimal | None] = field(default_factory=dict)

    tool_calls: int = 0
    latency: float | None = None

    @property
    def spent_dollars(self) -> Decimal:
        """What it takes of a budget: tokens as billed, else as estimated, and every charge that is known."""
        tokens = self.estimated_cost if self.token_cost is None else self.token_cost
        known = [tokens, *self.charges.values()]
        with localcontext(EXACT):
            return sum((dollars for dollars in known if dollars is not None), Decimal(0))

    @property
    def spent_tokens(self) -> int:
        """As `spent_dollars`, in tokens."""
        if self.input_tokens is None and self.status == "failed":
            return 0
        sent = self.estimated_input_tokens if self.input_tokens is None else self.input_tokens
        made = self.estimated_output_tokens if self.output_tokens is None else self.output_tokens
        return (sent or 0) + (made or 0)


COLUMNS = tuple(row.name for row in fields(Entry))


def _check_tokens(name: str, value: object) -> None:
    if value is None and name != "input_tokens":
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_TOKENS:
        raise InvalidArgument(f"the estimate's {name} must be 0 to {MAX_TOKENS:,} tokens, not {shown(value)}")
