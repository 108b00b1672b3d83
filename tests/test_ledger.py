"""The ledger, over every database it can be kept in: what is recorded, what comes back, and that nothing is lost or doubled."""

import asyncio
import json
import logging
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import MODEL, Clock, crowd, open_at, usage
from openai.types.completion_usage import CompletionUsage

from token_counter import InvalidArgument, LedgerError, Settings, SettingsError, Threshold, Usage, open_ledger
from token_counter.labels import MAX_CHARACTERS, label, user_label
from token_counter.ledger import Charge, Entry, Estimate, Ledger, Measure, SqliteLedger
from token_counter.ledger.days import local
from token_counter.ledger.record import COLUMNS
from token_counter.ledger.store import GROUPS
from token_counter.sqlite import Connection

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
BUDGETS = [{"per": "day", "tokens": 10**9}]


@pytest.fixture
async def ledger(ledger_place: str) -> AsyncIterator[Ledger]:
    """An empty one, at noon."""
    async with open_at(ledger_place, clock=Clock(NOON), fees={"container": "0.03"}) as ledger:
        yield ledger


async def kept(ledger: Ledger) -> list[Entry]:
    return [entry async for entry, _ in ledger.entries()]


@dataclass(frozen=True)
class Count:
    """As token_counter.Count: what a counter says of a request."""

    total: int = 900
    images: int = 85
    tools: int = 40
    tool_calls: int = 10
    tool_results: int = 5
    assumed: bool = True
    unknown: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


async def test_every_fact_comes_back(ledger: Ledger) -> None:
    """Each column, from another process's point of view: read anew."""
    bill = {
        "input_tokens": 1000,
        "output_tokens": 100,
        "input_tokens_details": {
            "cached_tokens": 400,
            "cache_write_tokens": 100,
            "cache_write_tokens_details": {"ttl_12h_tokens": 30, "ttl_30m_tokens": 70},
        },
        "output_tokens_details": {"reasoning_tokens": 64},
    }
    entry = await ledger.record(
        bill,
        user_id=5,
        model=MODEL,
        conversation="channel 7",
        endpoint="/v1/responses",
        estimate=Count(),
        latency=1.5,
        tool_calls=2,
        status="incomplete",
        problem="max_output_tokens",
        charges=[Charge("container", 2), Charge("ours", dollars=Decimal("0.5")), Charge("container")],
    )
    assert entry == Entry(
        entry_id=entry.entry_id,
        at=NOON,
        user_id="5",
        conversation="channel 7",
        model=MODEL,
        endpoint="/v1/responses",
        service_tier=None,
        status="incomplete",
        problem="max_output_tokens",
        input_tokens=1000,
        text_tokens=915,
        image_tokens=85,
        audio_tokens=0,
        tool_tokens=55,
        cached_tokens=400,
        cache_write_30m_tokens=70,
        cache_write_12h_tokens=30,
        output_tokens=100,
        reasoning_tokens=64,
        visible_tokens=36,
        estimated_input_tokens=900,
        estimated_output_tokens=None,
        estimate_assumed=True,
        estimate_partial=False,
        estimated_cost=Decimal("0.0009"),
        token_cost=Decimal("0.0011"),
        charge_cost=Decimal("0.59"),
        cost=Decimal("0.5911"),
        charges={"container": Decimal("0.09"), "ours": Decimal("0.5")},
        tool_calls=2,
        latency=1.5,
    )
    assert await kept(ledger) == [entry]
    assert tuple(field.name for field in fields(Entry)) == COLUMNS


async def test_what_the_api_tells_of_images_wins(ledger: Ledger) -> None:
    """The estimate is for what it does not tell."""
    chat = CompletionUsage.model_validate(
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "total_tokens": 101,
            "prompt_tokens_details": {"image_tokens": 70, "text_tokens": 30},
        }
    )
    told = await ledger.record(chat, user_id=5, model=MODEL, estimate=Count())
    assert (told.image_tokens, told.text_tokens) == (70, 30)
    small = await ledger.record(usage(50), user_id=5, model=MODEL, estimate=Count())
    assert (small.image_tokens, small.text_tokens) == (50, 0)
    bare = await ledger.record(usage(50), user_id=5, model=MODEL, estimate=50)
    assert (bare.image_tokens, bare.text_tokens) == (None, None)


@pytest.mark.parametrize(
    ("bill", "status", "model", "cost", "takes"),
    [
        pytest.param(usage(10), "completed", MODEL, "0.00001", "0.00001", id="billed"),
        pytest.param(None, "failed", MODEL, "0", "0", id="failed: not billed"),
        pytest.param(usage(10), "failed", MODEL, "0.00001", "0.00001", id="failed, and billed"),
        pytest.param(None, "cancelled", MODEL, None, "0.00003", id="cancelled: nobody says how much"),
        pytest.param(usage(10), "cancelled", MODEL, "0.00001", "0.00001", id="cancelled, and billed"),
        pytest.param(None, "completed", MODEL, None, "0.00003", id="a server without usage"),
        pytest.param(usage(10), "completed", "acme-unknown", None, "0", id="an unpriced model"),
    ],
)
async def test_what_a_request_costs_and_takes_of_a_budget(
    ledger: Ledger, bill: Any, status: Any, model: str, cost: str | None, takes: str
) -> None:
    """Unknown is None; a budget then takes the estimate."""
    entry = await ledger.record(bill, user_id=5, model=model, status=status, estimate=30)
    assert entry.cost == (None if cost is None else Decimal(cost))
    assert entry.spent_dollars == Decimal(takes)


@pytest.mark.parametrize(
    ("bill", "model", "status", "charges", "spent"),
    [
        pytest.param(
            usage(10),
            MODEL,
            "completed",
            [Charge("x", dollars=Decimal(5)), Charge("?")],
            "5.00001",
            id="another unknown",
        ),
        pytest.param(
            usage(10), "acme-unknown", "completed", [Charge("x", dollars=Decimal(5))], "5", id="an unpriced model"
        ),
        pytest.param(
            None, MODEL, "cancelled", [Charge("x", dollars=Decimal(5))], "5.00003", id="no bill: the estimate"
        ),
        pytest.param(None, MODEL, "failed", [Charge("x", dollars=Decimal(5))], "5", id="failed"),
    ],
)
async def test_a_known_charge_is_taken_of_the_budget(
    ledger: Ledger, bill: Any, model: str, status: Any, charges: list[Charge], spent: str
) -> None:
    """Whatever else of the request has no price."""
    entry = await ledger.record(bill, user_id=5, model=model, status=status, charges=charges, estimate=30)
    assert entry.spent_dollars == Decimal(spent)


async def test_a_whole_answer_is_priced_by_its_service_tier(ledger: Ledger) -> None:
    """Which is not always the one that was asked for; what the caller states goes before."""
    answer = {"usage": usage(1000), "service_tier": "flex"}
    at = datetime(2026, 11, 3)
    costs = [
        (await ledger.record(answer, user_id=5, model="gpt-5.4", at=at, service_tier=tier)).cost
        for tier in (None, "default")
    ]
    assert costs == [Decimal("0.00125"), Decimal("0.0025")]


async def test_a_charge_nobody_knows_the_price_of_leaves_the_cost_unknown(ledger: Ledger) -> None:
    """What the tokens cost is known, and kept."""
    entry = await ledger.record(usage(10), user_id=5, model=MODEL, charges=[Charge("teleport")])
    assert (entry.token_cost, entry.charge_cost, entry.cost) == (Decimal("0.00001"), None, None)
    assert (await kept(ledger))[0].charges == {"teleport": None}


@pytest.mark.parametrize(
    "bill",
    [
        pytest.param(usage(-1), id="negative"),
        pytest.param(usage(float("nan")), id="NaN"),  # type: ignore[arg-type]
        pytest.param(usage(10**5000), id="5,000 digits"),
        pytest.param(usage(1, cached_tokens=2), id="more cached than sent"),
        pytest.param({}, id="empty"),
        pytest.param("a text", id="a text"),
        pytest.param({"input_tokens": {"a": [1]}}, id="nested"),
    ],
)
async def test_a_bill_that_cannot_be_read_is_kept_without_numbers(
    ledger: Ledger, bill: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A server's nonsense loses nobody an answer, and is seen: unpriced, with a problem, in the log."""
    with caplog.at_level(logging.WARNING, "cellblock"):
        entry = await ledger.record(bill, user_id=5, model=MODEL)
    assert (entry.input_tokens, entry.cost) == (None, None)
    assert entry.problem
    assert "could not be read" in caplog.text
    assert await kept(ledger) == [entry]


HOSTILE_NAMES = [
    pytest.param("a\0b", id="NUL"),
    pytest.param("\ud800 half a pair", id="a lone surrogate"),
    pytest.param("x" * 10_000, id="10,000 characters"),
    pytest.param("\u202eevil\u200b\x1b[31m", id="directions and escapes"),
    pytest.param("'; DROP TABLE entries; --", id="SQL"),
    pytest.param("🧮" * 300, id="300 emoji"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_any_name_can_be_kept(ledger: Ledger, name: str) -> None:
    """Of models, conversations and everything else that strangers write."""
    facts: dict[str, Any] = {"conversation": name, "endpoint": name, "service_tier": name, "problem": name}
    entry = await ledger.record(usage(1), user_id=name or "x", model=name, request_id=name, **facts)
    assert await kept(ledger) == [entry]
    assert len(entry.model) <= MAX_CHARACTERS
    assert (await ledger.get_user_token_usage(name or "x"))["total_input_tokens"] == 1
    rows = await ledger.store.groups(GROUPS, [Measure("rows")], None, None, ZoneInfo("UTC"))
    assert [numbers for _, numbers in rows] == [[1]]


@settings(max_examples=50)
@given(st.text(st.characters(), max_size=300), st.text(st.characters(), max_size=300))
def test_different_names_stay_different(one: str, other: str) -> None:
    """However they were made to fit; and a name that was kept is its own label."""
    assert (label(one) == label(other)) == (one == other) or label(one) == other or one == label(other)
    assert label(label(one)) == label(one)
    assert len(label(one)) <= MAX_CHARACTERS
    label(one).encode()


@pytest.mark.parametrize(
    "user_id",
    [
        pytest.param({"id": 5}, id="a dict"),
        pytest.param(["5"], id="a list"),
        pytest.param(None, id="None"),
        pytest.param(True, id="a bool"),
        pytest.param(5.0, id="a float"),
        pytest.param(float("nan"), id="NaN"),
        pytest.param(b"5", id="bytes"),
        pytest.param("", id="empty"),
        pytest.param(10**5000, id="5,000 digits"),
    ],
)
async def test_a_user_is_a_number_or_text(ledger: Ledger, user_id: Any) -> None:
    """Anything else is refused before anything is kept, in every method."""
    for call in (
        ledger.record(usage(1), user_id=user_id, model=MODEL),
        ledger.reserve(1, user_id, model=MODEL),
        ledger.save_token_usage(user_id, MODEL, 1, 1, 0.1),
        ledger.get_user_token_usage(user_id),
        ledger.reset_user_token_stats(user_id),
        ledger.forget_user(user_id),
    ):
        with pytest.raises(InvalidArgument, match="user_id"):
            await call
    assert await kept(ledger) == []


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        pytest.param({"model": None}, "model is", id="no model"),
        pytest.param({"model": {"a": 1}}, "model is", id="a dict as model"),
        pytest.param({"status": "done"}, "status is 'done'", id="an unknown status"),
        pytest.param({"tool_calls": -1}, "tool_calls", id="negative calls"),
        pytest.param({"tool_calls": 10**30}, "tool_calls", id="too many calls"),
        pytest.param({"latency": "fast"}, "latency", id="latency as text"),
        pytest.param({"estimate": -5}, "estimate", id="a negative estimate"),
        pytest.param({"estimate": float("nan")}, "estimate", id="NaN as estimate"),
        pytest.param({"estimate": 10**30}, "estimate", id="a huge estimate"),
        pytest.param({"conversation": 7}, "conversation", id="a number as conversation"),
        pytest.param({"charges": [Charge("x", dollars=Decimal("NaN"))]}, "charge 'x'", id="NaN dollars"),
        pytest.param({"charges": [Charge("x", dollars=Decimal(-1))]}, "charge 'x'", id="negative dollars"),
        pytest.param({"charges": [Charge("x", count=-1)]}, "count", id="a negative count"),
        pytest.param({"charges": [Charge("x", dollars=Decimal(10**5))] * 100}, "sum of", id="charges of ten millions"),
        pytest.param({"at": "yesterday"}, "datetime", id="a time as text"),
        pytest.param({"at": datetime.min}, "year 1;", id="the year 1"),
        pytest.param({"at": datetime.max}, "year 9999;", id="the year 9999"),
        pytest.param(
            {"at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))}, "year of UTC", id="before all years"
        ),
    ],
)
async def test_the_callers_own_mistakes_are_refused(ledger: Ledger, facts: dict[str, Any], message: str) -> None:
    """By name, and nothing is kept."""
    with pytest.raises(InvalidArgument, match=message) as caught:
        await ledger.record(usage(1), **{"user_id": 5, "model": MODEL, **facts})
    assert len(str(caught.value)) < 400
    assert await kept(ledger) == []


@pytest.mark.parametrize("latency", [float("nan"), float("inf"), -0.5])
async def test_a_clock_that_lies_does_not_lose_the_bill(ledger: Ledger, latency: float) -> None:
    """The latency is unknown then."""
    assert (await ledger.record(usage(1), user_id=5, model=MODEL, latency=latency)).latency is None


async def test_the_largest_numbers_add_up(ledger: Ledger) -> None:
    """Sums beyond what 64 bits hold in picodollars are exact."""
    for number in range(12):
        await ledger.record(
            Usage(10**9, 10**9),
            user_id=number,
            model=MODEL,
            charges=[Charge("gold", dollars=Decimal("97999.999999999999"))],
        )
    rows = await ledger.store.groups(
        (), [Measure("sum", "cost"), Measure("sum", "input_tokens")], None, None, ZoneInfo("UTC")
    )
    assert rows == [((), [Decimal("1199999.999999999988"), 12 * 10**9])]


async def test_a_price_gone_wrong_is_no_bill(ledger_place: str) -> None:
    """$500,000 for one request is unpriced, and nothing overflows."""
    prices = {MODEL: {"input_mtok": 1_000_000, "output_mtok": 1}}
    async with open_at(ledger_place, prices=prices) as ledger:
        entry = await ledger.record(usage(500_000), user_id=5, model=MODEL)
        assert entry.cost is None


async def test_5_and_its_text_are_one_user(ledger: Ledger) -> None:
    """As Discord gives ids both ways."""
    await ledger.record(usage(1), user_id=5, model=MODEL)
    await ledger.record(usage(2), user_id="5", model=MODEL)
    assert (await ledger.get_user_token_usage("5"))["total_input_tokens"] == 3
    assert user_label(2**70) == str(2**70)


async def test_an_entry_told_twice_is_kept_once(ledger: Ledger) -> None:
    """The first stays; sums and budgets do not grow."""
    first = await ledger.record(usage(1), user_id=5, model=MODEL, request_id="resp_1")
    again = await ledger.record(usage(7), user_id=6, model=MODEL, request_id="resp_1")
    assert again == first
    assert await kept(ledger) == [first]
    assert (await ledger.get_user_token_usage(6))["total_input_tokens"] == 0


@pytest.mark.parametrize(
    ("at", "kept_at"),
    [
        pytest.param(
            datetime(2026, 1, 1, 0, 0, 0, 999_999), "2026-01-01T00:00:00.999000+00:00", id="without a zone: UTC"
        ),
        pytest.param(
            datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=14))), "2025-12-31T10:00:00+00:00", id="another zone"
        ),
    ],
)
async def test_times_are_utc_in_whole_milliseconds(ledger: Ledger, at: datetime, kept_at: str) -> None:
    """What every database holds."""
    entry = await ledger.record(usage(1), user_id=5, model=MODEL, at=at)
    assert entry.at.isoformat() == kept_at
    assert await kept(ledger) == [entry]


async def test_entries_come_in_the_order_of_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page, none twice, ends as asked for."""
    monkeypatch.setattr("token_counter.ledger.ledger.PAGE_ENTRIES", 3)
    times = [NOON + timedelta(seconds=number // 2) for number in (5, 3, 9, 1, 0, 7, 2, 8, 6, 4)]
    for at in times:
        await ledger.record(usage(1), user_id=5, model=MODEL, at=at)
    assert [entry.at for entry in await kept(ledger)] == sorted(times)
    some = [entry.at async for entry, _ in ledger.entries(NOON + timedelta(seconds=1), NOON + timedelta(seconds=3))]
    assert some == sorted(at for at in times if 1 <= (at - NOON).total_seconds() < 3)


async def test_request_bodies_are_kept_on_demand_only(ledger_place: str) -> None:
    """Users' words are in them; a body that is too large or no JSON is not kept, its bill is."""
    body = {"model": MODEL, "input": "ü"}
    loop: list[Any] = []
    loop.append(loop)
    async with open_at(ledger_place) as ledger:
        await ledger.record(usage(1), user_id=5, model=MODEL, request=body, request_id="1")
    async with open_at(ledger_place, keep_requests=True) as ledger:
        for name, request in (
            ("2", body),
            ("3", {"x": "y" * 2**20}),
            ("4", {"x": loop}),
            ("5", {"x": float("nan")}),
            ("6", None),
        ):
            await ledger.record(usage(1), user_id=5, model=MODEL, request=request, request_id=name)
        bodies = {entry.entry_id: body async for entry, body in ledger.entries()}
    assert bodies == {"1": None, "2": json.dumps(body), "3": None, "4": None, "5": None, "6": None}


async def test_the_originals_functions(ledger: Ledger) -> None:
    """Names, keys and types that existing callers know."""
    await ledger.save_token_usage(5, "gpt-4o", 100, 10, 0.1, text_tokens=60, image_tokens=40)
    await ledger.save_token_usage("5", "gpt-4o", 100, 10, 0.2)
    await ledger.save_token_usage(5, "openai/x.y$z", 1, 2, 0)
    await ledger.save_token_usage(6, "gpt-4o", 7, 7, 7.0)
    totals = await ledger.get_user_token_usage(5)
    assert totals == {
        "total_input_tokens": 201,
        "total_output_tokens": 22,
        "total_text_tokens": 60,
        "total_image_tokens": 40,
        "total_cost": 0.3,  # not 0.30000000000000004
    }
    assert await ledger.get_user_token_usage_by_model(5) == {
        "gpt-4o": {"input_tokens": 200, "output_tokens": 20, "text_tokens": 60, "image_tokens": 40, "cost": 0.3, "requests": 2},
        "openai/x.y$z": {"input_tokens": 1, "output_tokens": 2, "text_tokens": 0, "image_tokens": 0, "cost": 0.0, "requests": 1},
    }  # fmt: skip
    await ledger.reset_user_token_stats("5")
    assert await ledger.get_user_token_usage(5) == dict.fromkeys(totals, 0)
    assert await ledger.get_user_token_usage_by_model(5) == {}
    await ledger.save_token_usage(5, "gpt-4o", 3, 0, 0.5)
    assert (await ledger.get_user_token_usage(5))["total_cost"] == 0.5
    assert (await ledger.get_user_token_usage(6))["total_cost"] == 7
    assert len(await kept(ledger)) == 5  # what was billed stays billed


@pytest.mark.parametrize(
    "cost",
    [
        float("nan"),
        float("inf"),
        -1,
        10**9,
        10**400,
        Decimal("sNaN"),
        Decimal("-Infinity"),
        Decimal("1e400"),
        "1",
        None,
        True,
    ],
)
async def test_a_stated_cost_is_an_amount(ledger: Ledger, cost: Any) -> None:
    """Nothing else is kept."""
    with pytest.raises(InvalidArgument, match="cost must be"):
        await ledger.save_token_usage(5, "gpt-4o", 1, 1, cost)
    assert await kept(ledger) == []


async def test_a_stated_cost_may_be_numpys(ledger: Ledger) -> None:
    """Which is a float that writes itself otherwise."""
    await ledger.save_token_usage(5, "gpt-4o", 1, 1, numpy.float64(0.1))
    assert [entry.cost for entry in await kept(ledger)] == [Decimal("0.1")]


async def test_the_callers_decimal_context_rounds_no_money(ledger_place: str) -> None:
    """Neither what is kept, nor what is read, nor the sum at which a threshold is told."""
    told: list[Threshold] = []
    budget = {"per": "day", "dollars": "0.12346"}
    async with open_at(ledger_place, budgets=[budget], on_threshold=told.append) as ledger:
        with localcontext(Context(prec=3)):
            fees = [Charge("fee", dollars=Decimal("0.1234567")), Charge("fee", dollars=Decimal("0.000000001"))]
            entry = await ledger.record(usage(1), user_id=5, model=MODEL, charges=fees)
            await ledger.record(usage(1), user_id=5, model=MODEL)
            total = (await ledger.get_user_token_usage(5))["total_cost"]
            first, _ = await kept(ledger)
        assert entry.charge_cost == entry.charges["fee"] == Decimal("0.123456701")
        assert first == entry and entry.cost == Decimal("0.123457701")
        assert total == 0.123458701
        assert [threshold.share for threshold in told] == [0.8]


async def test_a_user_can_be_forgotten(ledger_place: str) -> None:
    """Id, conversation and words go, also from the file; what was spent stays, as nobody's."""
    async with open_at(
        ledger_place, keep_requests=True, clock=Clock(NOON), budgets=[*BUDGETS, {**BUDGETS[0], "each": "all"}]
    ) as ledger:
        body = {"input": "my secret"}
        for user in (5, 5, 6):
            await ledger.record(usage(10), user_id=user, model=MODEL, conversation="ours", problem="p", request=body)
        held = await ledger.reserve(1, 5, model=MODEL, output_tokens=3)
        assert await ledger.forget_user(5) == 2
        assert await ledger.forget_user(5) == 0
        assert sorted((entry.user_id, entry.conversation) for entry in await kept(ledger)) == [
            ("(forgotten)", None),
            ("(forgotten)", None),
            ("6", "ours"),
        ]
        assert [body is None async for _, body in ledger.entries()].count(True) == 2
        (_, own, own_held), (_, everyones, everyones_held) = await ledger.budgets(5)
        assert (own.tokens, own_held.tokens, everyones.tokens) == (0, 0, 30)
        assert everyones_held.tokens == 4  # it is under way
        assert await ledger.release(held)
        (_, nobodys, _), _ = await ledger.budgets("(forgotten)")
        assert nobodys.tokens == 20


async def test_groups_of_everything(ledger: Ledger) -> None:
    """Each way to group, each measure, on numbers small enough to add up by hand."""
    at, later = NOON, NOON + timedelta(days=40)
    await ledger.record(usage(100, 10, cached_tokens=50), user_id=5, model=MODEL, estimate=100, latency=1, at=at)
    await ledger.record(usage(200, 10), user_id=5, model=MODEL, estimate=210, conversation="c", at=later)
    await ledger.record(usage(50), user_id=6, model="acme-unknown", estimate=40, endpoint="/v1/responses", at=later)
    await ledger.record(None, user_id=6, model=MODEL, status="failed", estimate=99, at=later)
    utc = ZoneInfo("UTC")
    groups = {}
    for name in GROUPS:
        rows = await ledger.store.groups([name], [Measure("rows")], None, None, utc)
        groups[name] = [(key, numbers[0]) for (key,), numbers in rows]
    assert groups == {
        "day": [("2026-11-03", 1), ("2026-12-13", 3)],
        "month": [("2026-11", 1), ("2026-12", 3)],
        "model": [(MODEL, 3), ("acme-unknown", 1)],
        "user": [("5", 2), ("6", 2)],
        "conversation": [(None, 3), ("c", 1)],
        "status": [("completed", 3), ("failed", 1)],
        "endpoint": [(None, 3), ("/v1/responses", 1)],
        "service_tier": [(None, 4)],
    }
    measures = {
        Measure("rows"): 4,
        Measure("sum", "input_tokens"): 350,
        Measure("sum", "cost"): Decimal("0.00032"),
        Measure("sum", "latency"): 1.0,
        Measure("known", "latency"): 1,
        Measure("unknown", "cost"): 1,
        Measure("equal", "status", "failed"): 1,
        Measure("compared"): 3,
        Measure("exact"): 1,
        Measure("gap"): 20,
        Measure("relative_gap"): pytest.approx(0.05 + 0.2),
        Measure("bias"): pytest.approx(0.05 - 0.2),
    }
    assert await ledger.store.groups((), list(measures), None, None, utc) == [((), list(measures.values()))]
    two = await ledger.store.groups(("user", "model"), [Measure("rows")], later, None, utc)
    assert two == [(("5", MODEL), [1]), (("6", MODEL), [1]), (("6", "acme-unknown"), [1])]
    assert await ledger.store.groups(("user",), [Measure("rows")], at, at, utc) == []


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        pytest.param("UTC", "2026-11-03T23:59:59.999", "2026-11-03", id="the last millisecond"),
        pytest.param("Asia/Kathmandu", "2026-11-03T18:14:59.999", "2026-11-03", id="+05:45, before midnight"),
        pytest.param("Asia/Kathmandu", "2026-11-03T18:15:00", "2026-11-04", id="+05:45, midnight"),
        pytest.param("Europe/Berlin", "2026-03-28T22:59:59", "2026-03-28", id="before summer time"),
        pytest.param("Europe/Berlin", "2026-03-29T21:59:59", "2026-03-29", id="a day of 23 hours"),
        pytest.param("Europe/Berlin", "2026-03-29T22:00:00", "2026-03-30", id="after it"),
        pytest.param("Europe/Berlin", "2026-10-25T22:59:59", "2026-10-25", id="a day of 25 hours"),
        pytest.param("America/Santiago", "2026-09-06T03:59:59", "2026-09-05", id="clocks skip midnight: before"),
        pytest.param("America/Santiago", "2026-09-06T04:00:00", "2026-09-06", id="clocks skip midnight: after"),
        pytest.param("Pacific/Kiritimati", "2026-11-03T10:00:00", "2026-11-04", id="+14"),
    ],
)
async def test_days_are_the_zones(ledger: Ledger, zone: str, at: str, day: str) -> None:
    """Whatever offsets lie between the first entry and the last."""
    for moment in ("2020-01-01T12:00:00", at, "2030-07-01T12:00:00"):
        await ledger.record(usage(1), user_id=5, model=MODEL, at=datetime.fromisoformat(moment))
    rows = await ledger.store.groups(("day",), [Measure("rows")], None, None, ZoneInfo(zone))
    assert rows[1] == ((day,), [1])
    assert len(rows) == 3


zones = st.sampled_from(
    ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tehran", "America/St_Johns"]
)


@settings(max_examples=40)
@given(zones, st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)), min_size=1, max_size=5))
def test_local_time_in_sql_is_pythons(zone: str, naive: list[datetime]) -> None:
    """For any times in any zone."""
    times = sorted(at.replace(microsecond=0, tzinfo=UTC) for at in naive)
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE entries (at TEXT)")
    connection.executemany("INSERT INTO entries VALUES (?)", [(f"{at:%Y-%m-%dT%H:%M:%S}.000Z",) for at in times])
    query = f"SELECT {local('%Y-%m-%d %H:%M:%S', ZoneInfo(zone), times[0], times[-1])} FROM entries ORDER BY at"
    assert [row[0] for row in connection.execute(query)] == [
        f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for at in times
    ]
    connection.close()


async def test_many_at_once_in_one_process(ledger: Ledger) -> None:
    """Each is kept, none waits on the event loop."""
    await asyncio.gather(*(ledger.record(usage(1), user_id=n % 3, model=MODEL) for n in range(60)))
    assert len(await kept(ledger)) == 60


async def test_a_cancelled_call_leaves_all_or_nothing(ledger: Ledger) -> None:
    """Whoever goes away while it is written finds it kept once, with its sums."""
    for delay in range(6):
        task = asyncio.ensure_future(ledger.record(usage(1), user_id=5, model=MODEL))
        for _ in range(delay):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await ledger.get_user_token_usage(5))["total_input_tokens"] == len(await kept(ledger))


@pytest.mark.parametrize("ledger_place", ["sqlite", "pymongo"], indirect=True)  # processes: the same over motor
async def test_no_acknowledged_entry_is_lost_and_none_doubled(ledger_place: str) -> None:
    """Four processes reserve, record and are killed at any moment, twice over."""
    budgets = [*BUDGETS, {**BUDGETS[0], "each": "all"}]
    before: set[str] = set()
    for round_ in range(2):
        said = await crowd(ledger_place, "record", 4, kill_after=40 + 7 * round_, settings={"budgets": budgets})
        acknowledged = {line["acknowledged"] for line in said}
        async with open_at(ledger_place, budgets=budgets) as ledger:
            entries = await kept(ledger)
            (_, everyones, held) = (await ledger.budgets("nobody"))[-1]
            theirs = [(await ledger.budgets(user))[0][1].tokens for user in range(4)]
        names = [f"{entry.conversation}" for entry in entries]
        assert len(names) == len(set(names))
        assert before | acknowledged <= set(names)
        assert len(names) <= len(before | acknowledged) + 4  # what was written and not yet said
        assert everyones.tokens == sum(theirs) == 10 * len(entries)
        assert held.tokens <= 10 * 4 * (round_ + 1)
        before = set(names)


@pytest.mark.parametrize("ledger_place", ["sqlite", "pymongo"], indirect=True)  # processes: the same over motor
async def test_a_database_is_made_by_many_at_once(ledger_place: str) -> None:
    """None of eight fails, all entries are there."""
    assert (await crowd(ledger_place, "create", 8))[-1] == {"statuses": [0] * 8}
    async with open_at(ledger_place) as ledger:
        assert sorted(entry.input_tokens or 0 for entry in await kept(ledger)) == list(range(8))


# What only SQLite can show.


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.sqlite3"


async def test_death_within_the_transaction_leaves_all_or_nothing(tmp_path: Path) -> None:
    """Killed before each statement that settles: entry, sums and reservation change together or not at all."""
    place, options = f"sqlite:{tmp_path}/{{number}}.sqlite3", {"budgets": BUDGETS, "keep_requests": True}
    said = await crowd(place, "die", 12, settings=options)
    settled = [line["settled"] for line in said[:-1]]
    assert said[-1] == {"statuses": [0 if number in settled else -signal.SIGKILL for number in range(12)]}
    assert 5 <= min(settled) < 11  # as many statements there are; whoever was to die after the last lives
    for number in range(12):
        async with open_at(place.format(number=number), budgets=BUDGETS) as ledger:
            ((_, spent, held),) = await ledger.budgets(5)
            bodies = [body async for _, body in ledger.entries()]
        assert (len(bodies), spent.tokens, held.tokens) == ((1, 10, 0) if number in settled else (0, 0, 10))
        assert None not in bodies


async def test_columns_are_the_fields(path: Path) -> None:
    """The table that operators see, how durable it is, and that reports and budgets do not read it whole."""
    async with SqliteLedger(path, Settings(home=path.parent)) as ledger:
        await ledger.record(usage(1), user_id=5, model="gpt-4o")
        assert await ledger.store._database.read(lambda c: c.execute("PRAGMA synchronous").fetchone()) == (2,)  # type: ignore[attr-defined]
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(entries)")]
        assert columns == ["seq", *COLUMNS]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT at, cost FROM entries").fetchone()[0].endswith("Z")
        plans = {
            "SELECT 1 FROM entries WHERE at >= '2' AND at < '3'": "entries_in_time",
            "SELECT 1 FROM entries WHERE user_id = '5' AND seq > 3": "entries_of_user",
            "SELECT sum(tokens) FROM spending WHERE user_id = '' AND quarter >= 1 AND quarter < 3": "SEARCH spending",
        }
        for query, index in plans.items():
            assert index in str(connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall())
    connection.close()
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_newer_schema_is_refused(path: Path) -> None:
    """It says so, and changes nothing."""
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    async with SqliteLedger(path, Settings(home=path.parent)) as ledger:
        with pytest.raises(LedgerError, match=r"newer cellblock.*upgrade"):
            await ledger.get_user_token_usage(5)


async def test_steps_go_forward_once(path: Path) -> None:
    """A database of an older version is brought up to date; a step that fails changes nothing."""
    first, second = ("CREATE TABLE a (x)",), ("ALTER TABLE a ADD COLUMN y", "INSERT INTO a VALUES (1, 2)")
    for steps in ([first], [first, second], [first, second]):
        database = Connection(path, steps, "the ledger", LedgerError)
        await database.read(lambda connection: connection.execute("SELECT * FROM a"))
        await database.aclose()
    broken = Connection(path, [first, second, ("INSERT INTO a VALUES (3, 4)", "no SQL")], "the ledger", LedgerError)
    with pytest.raises(LedgerError, match="syntax error"):
        await broken.read(lambda connection: connection.execute("SELECT * FROM a"))
    await broken.aclose()
    database = Connection(path, [first, second], "the ledger", LedgerError)
    assert await database.read(lambda connection: connection.execute("SELECT * FROM a").fetchall()) == [(1, 2)]
    await database.aclose()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"not a database " * 100, "is no SQLite database", id="something else"),
        pytest.param(None, "let the user that runs this process write its directory", id="a directory"),
    ],
)
async def test_a_file_that_is_no_ledger(path: Path, content: bytes | None, message: str) -> None:
    """The error names the file and what to do; closing works all the same."""
    path.parent.mkdir()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    async with SqliteLedger(path, Settings(home=path.parent)) as ledger:
        with pytest.raises(LedgerError, match=message) as caught:
            await ledger.record(usage(1), user_id=5, model="gpt-4o")
        assert str(path) in str(caught.value)
    with pytest.raises(LedgerError, match="closed"):
        await ledger.get_user_token_usage(5)


async def test_a_full_disk_loses_nothing_that_was_kept(path: Path) -> None:
    """The error says so; when there is space again, the same ledger goes on."""
    async with SqliteLedger(path, Settings(home=path.parent)) as ledger:
        database = ledger.store._database  # type: ignore[attr-defined]
        await ledger.save_token_usage(5, "gpt-4o", 1, 1, 0.1)
        pages = await database.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
        await database.read(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        kept_ = 1
        with pytest.raises(LedgerError, match="the disk is full: free some space"):
            for _ in range(1000):
                await ledger.save_token_usage(5, "gpt-4o", 1, 1, 0.1)
                kept_ += 1
        await database.read(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
        assert len(await kept(ledger)) == kept_
        await ledger.save_token_usage(5, "gpt-4o", 1, 1, 0.1)
        assert (await ledger.get_user_token_usage(5))["total_input_tokens"] == kept_ + 1


async def test_closing_ends_what_is_under_way(tmp_path: Path) -> None:
    """Also where that is the first call, which opens the database: it is done, and the file is let go."""
    ledger = SqliteLedger(tmp_path / "l.sqlite3", Settings())
    first = asyncio.create_task(ledger.reset_user_token_stats(5))
    await asyncio.sleep(0)
    await ledger.aclose()
    await first
    await ledger.aclose()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["l.sqlite3", "l.sqlite3.opening"]  # SQLite ended its log
    with pytest.raises(LedgerError, match="was closed"):
        await ledger.get_user_token_usage(5)


def test_a_ledger_does_not_go_through_a_fork(tmp_path: Path) -> None:
    """It would wait for a thread that stayed in the parent; it says so instead, and the parent's goes on."""
    code = f"""if True:
        import asyncio, os
        from token_counter import LedgerError, Settings, SqliteLedger
        ledger = SqliteLedger({str(tmp_path / "l.sqlite3")!r}, Settings())
        asyncio.run(ledger.save_token_usage(5, "gpt-4o", 1, 1, 0.1))
        child = os.fork()
        try:
            said = str(asyncio.run(ledger.get_user_token_usage(5))["total_cost"])
        except LedgerError as error:
            said = str(error)
        os.write(1, said.encode() + b"\\n")  # in one piece: both write to the same pipe
        if child:
            os.waitpid(child, 0)
            asyncio.run(ledger.aclose())
        else:
            os._exit(0)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "0.1\n" in done.stdout and "open one in each process" in done.stdout


async def test_settings_name_the_ledger(tmp_path: Path) -> None:
    """A file in the data directory; a database nothing here knows is refused, without its password."""
    async with open_ledger(Settings(home=tmp_path)) as ledger:
        await ledger.save_token_usage(5, "gpt-4o", 1, 1, 0.1)
    assert (tmp_path / "ledger.sqlite3").exists()
    with pytest.raises(SettingsError, match="oracle") as caught:
        open_ledger(Settings(home=tmp_path, database="oracle://me:secret@host/x"))
    assert "secret" not in str(caught.value)


def test_an_estimate_of_a_counter_and_of_a_number() -> None:
    """With and without the length of the answer."""
    assert Estimate.of(Count(), 7) == Estimate(900, 7, 85, 55, True, False)
    assert Estimate.of(Count(unknown=("web_search",))).partial and Estimate.of(Count(problems=("expired",))).partial
    assert Estimate.of(5) == Estimate(5)
    assert Estimate.of(replace(Estimate.of(5), image_tokens=2), 3) == Estimate(5, 3, 2)
