"""Recorded exchanges counted anew, against what was billed: whether the rules still hold. `cellblock drift` prints it.

A file of exchanges is JSON Lines, UTF-8, an exchange a line; the ledger exports such files:

    endpoint              "/v1/chat/completions" or "/v1/responses"
    model                 the model that answered
    request               the body as it was sent
    billed_input_tokens   what the API said it billed; or a `usage` object of either API, which says so
    id, source            optional, to find it again
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import models
from .count import Count
from .counter import TokenCounter
from .errors import ExchangesUnreadable, TokenCounterError
from .usage import Usage

MAX_LINE_CHARACTERS = 64 * 1024 * 1024  # a request with the largest images that the API takes
NEAR = 0.02  # of the bill; within it a count is near


@dataclass(frozen=True)
class Exchange:
    """One billed request. `line` is its place in the file, from 1."""

    line: int
    endpoint: str
    model: str
    request: Mapping[str, Any]
    billed: int
    id: str = ""
    source: str = ""


@dataclass(frozen=True)
class Outcome:
    """An exchange and its count. `error`: why it could not be counted; then it counts as nothing."""

    exchange: Exchange
    count: Count
    error: str = ""

    @property
    def difference(self) -> int:
        """Tokens counted more than billed."""
        return self.count.total - self.exchange.billed

    @property
    def exact(self) -> bool:
        """Whether the count is the bill."""
        return self.difference == 0

    @property
    def near(self) -> bool:
        """Whether the count is within 2 % of the bill."""
        return abs(self.difference) <= NEAR * self.exchange.billed

    @property
    def judged(self) -> bool:
        """Whether all that was billed is in the request: nothing that the server adds, no image behind a link."""
        return not (self.count.unknown or self.count.problems)

    @property
    def family(self) -> str:
        """The row of models.toml that counted it; a model that has none is its own family."""
        rule = models.rule(self.exchange.model)
        return rule.row if rule.known else rule.model


@dataclass(frozen=True)
class Drift:
    """How far counts are from bills, for one family of models and endpoint.

    Attributes:
        judged: exchanges whose bill can be told from their request; the shares are of these.
        exact, near: of these, how many were counted to the token, and within 2 %.
        mean_error: tokens by which a count is off, on average, whether too many or too few.
        mean_share: the same as a part of the bill.
    """

    family: str
    endpoint: str
    recordings: int
    judged: int
    exact: int
    near: int
    mean_error: float
    mean_share: float

    @property
    def exact_share(self) -> float:
        """1.0 where every judged exchange was counted to the token; 0.0 where none was judged."""
        return self.exact / self.judged if self.judged else 0.0

    @property
    def near_share(self) -> float:
        """The same for within 2 %."""
        return self.near / self.judged if self.judged else 0.0


def read_exchanges(path: Path) -> Iterator[Exchange]:
    """The exchanges of a file, one at a time.

    Raises:
        ExchangesUnreadable: it cannot be opened, or a line is no exchange.
    """
    try:
        with path.open(encoding="utf-8") as file:
            number = 0
            while line := file.readline(MAX_LINE_CHARACTERS):
                number += 1
                if not line.strip():
                    continue
                yield _exchange(line, number)
    except OSError as error:
        raise ExchangesUnreadable(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ExchangesUnreadable(f"{path} is no UTF-8: {error}; a file of exchanges is JSON Lines") from None


async def count_exchanges(exchanges: Iterable[Exchange], counter: TokenCounter) -> AsyncIterator[Outcome]:
    """Count each of them as the counter would have before it was sent."""
    for exchange in exchanges:
        try:
            count = await counter.count_request({**mended(exchange.request), "model": exchange.model})
        except TokenCounterError as error:
            yield Outcome(exchange, Count(), str(error))
        else:
            yield Outcome(exchange, count)


def drift(outcomes: Iterable[Outcome]) -> list[Drift]:
    """What the outcomes come to, a row for each family and endpoint, in the order of their names."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.family, outcome.exchange.endpoint), []).append(outcome)
    return [_row(family, endpoint, group) for (family, endpoint), group in sorted(groups.items())]


def in_all(rows: Iterable[Drift]) -> Drift:
    """The rows as one, `family` and `endpoint` empty."""
    rows = list(rows)
    judged = sum(row.judged for row in rows)
    return Drift(
        "",
        "",
        sum(row.recordings for row in rows),
        judged,
        sum(row.exact for row in rows),
        sum(row.near for row in rows),
        sum(row.mean_error * row.judged for row in rows) / max(judged, 1),
        sum(row.mean_share * row.judged for row in rows) / max(judged, 1),
    )


def mended(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request that was recorded with its keys in the order of the alphabet, as it was sent, as far as can be told.

    Test recorders save bodies like that, while tokens merge across neighbours in the order in which they were sent. Only
    the properties of an object can be put back: `required` lists them in their order. A request that has any object out
    of that order was saved as it was, and stays so.
    """
    if not _sorted(request):
        return request
    put_back = _ordered(request)
    return put_back if isinstance(put_back, dict) else request


def _sorted(value: object) -> bool:
    if isinstance(value, Mapping):
        return list(value) == sorted(value) and all(_sorted(each) for each in value.values())
    return all(_sorted(each) for each in value) if isinstance(value, list) else True


def _ordered(value: object) -> object:
    if isinstance(value, list):
        return [_ordered(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    found = {key: _ordered(each) for key, each in value.items()}
    properties, required = found.get("properties"), found.get("required")
    if isinstance(properties, dict) and isinstance(required, list):
        first = {name: properties[name] for name in required if isinstance(name, str) and name in properties}
        found["properties"] = first | properties
    return found


def _row(family: str, endpoint: str, outcomes: list[Outcome]) -> Drift:
    judged = [outcome for outcome in outcomes if outcome.judged]
    off = [abs(outcome.difference) for outcome in judged]
    shares = [abs(outcome.difference) / max(outcome.exchange.billed, 1) for outcome in judged]
    return Drift(
        family,
        endpoint,
        len(outcomes),
        len(judged),
        sum(outcome.exact for outcome in judged),
        sum(outcome.near for outcome in judged),
        sum(off) / max(len(judged), 1),
        sum(shares) / max(len(judged), 1),
    )


def _exchange(line: str, number: int) -> Exchange:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ExchangesUnreadable(f"line {number} is no JSON, or longer than 64 MiB: {error}") from None
    if not isinstance(row, dict) or not isinstance(row.get("request"), dict):
        raise ExchangesUnreadable(f"line {number} is no exchange: it needs a `request`, the body as it was sent")
    request = row["request"]
    return Exchange(
        line=number,
        endpoint=str(row.get("endpoint") or ("/v1/chat/completions" if "messages" in request else "/v1/responses")),
        model=str(row.get("model") or request.get("model") or ""),
        request=request,
        billed=_billed(row, number),
        id=str(row.get("id") or ""),
        source=str(row.get("source") or ""),
    )


def _billed(row: Mapping[str, Any], number: int) -> int:
    billed = row.get("billed_input_tokens")
    if billed is None and isinstance(row.get("usage"), Mapping):
        try:
            billed = Usage.from_openai(row["usage"]).input_tokens
        except TokenCounterError as error:
            raise ExchangesUnreadable(f"line {number}: {error}") from None
    if not isinstance(billed, int) or isinstance(billed, bool) or billed < 0:
        raise ExchangesUnreadable(f"line {number} does not say what was billed: `billed_input_tokens`, or a `usage`")
    return billed
