"""Budgets: what is reserved before a request, settled after it, and refused; over every database a ledger can be kept in."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import MODEL, Clock, crowd, open_at, usage

from token_counter import BudgetExceeded, InvalidArgument, Limit, Threshold, UnpricedModel
from token_counter.budget import windows

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
DAY = {"per": "day", "dollars": "0.001"}  # a thousand tokens of MODEL


async def test_a_request_is_held_then_settled(ledger_place: str) -> None:
    """What is reserved counts until the bill takes its place."""
    async with open_at(ledger_place, clock=Clock(NOON), budgets=[DAY]) as ledger:
        held = await ledger.reserve(500, 5, model=MODEL, output_tokens=100)
        assert (held.dollars, held.tokens, held.user_id) == (Decimal("0.0006"), 600, "5")
        ((window, spent, reserved),) = await ledger.budgets(5)
        assert (spent.dollars, reserved.dollars) == (0, Decimal("0.0006"))
        with pytest.raises(BudgetExceeded):
            await ledger.reserve(401, 5, model=MODEL, output_tokens=0)
        entry = await ledger.settle(held, usage(480, 20), conversation="c")
        assert (entry.user_id, entry.model, entry.conversation) == ("5", MODEL, "c")
        assert (entry.estimated_input_tokens, entry.estimated_output_tokens) == (500, 100)
        ((_, spent, reserved),) = await ledger.budgets(5)
        assert (spent.dollars, reserved.dollars) == (Decimal("0.0005"), 0)
        await ledger.reserve(500, 5, model=MODEL, output_tokens=0)  # exactly what is left
        assert (window.start, window.end) == (datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC))


async def test_what_may_be_written_to_a_cache_is_held_at_its_price(ledger_place: str) -> None:
    """It is dearer than input, and nobody knows it before: eight such requests at once would go over the limit."""
    price = {"input_mtok": 1, "output_mtok": 1, "cache_write_mtok": "1.25"}
    async with open_at(ledger_place, clock=Clock(NOON), budgets=[DAY], prices={MODEL: price}) as ledger:
        held = await ledger.reserve(600, 5, model=MODEL, output_tokens=100)
        assert held.dollars == Decimal("0.00085")  # 600 * 1.25 + 100
        entry = await ledger.settle(held, usage(600, 100, cache_write_tokens=600))
        assert (entry.cost, entry.estimated_cost) == (Decimal("0.00085"), Decimal("0.0007"))


async def test_the_refusal_says_everything(ledger_place: str) -> None:
    """What it would cost, what there is, until when: in the message and as attributes."""
    async with open_at(ledger_place, clock=Clock(NOON), budgets=[DAY]) as ledger:
        await ledger.record(usage(700), user_id=5, model=MODEL)
        await ledger.reserve(200, 5, model=MODEL, output_tokens=0)
        with pytest.raises(BudgetExceeded) as caught:
            await ledger.reserve(200, 5, model=MODEL, output_tokens=50)
    error = caught.value
    assert str(error) == (
        "this request may cost $0.00025, and user '5' have $0.001 a day: $0.0007 are spent, $0.0002 reserved. "
        "Wait until 2026-11-04 00:00 UTC, ask for less, or raise the limit in `budgets`"
    )
    assert (error.unit, error.per, error.limit, error.resets_at) == (
        "dollars",
        "day",
        Decimal("0.001"),
        NOON.replace(day=4, hour=0),
    )
    assert (error.spent, error.reserved, error.asked) == (Decimal("0.0007"), Decimal("0.0002"), Decimal("0.00025"))


async def test_settling_twice_is_once(ledger_place: str) -> None:
    """And settling with an entry that was recorded already only ends the reservation."""
    async with open_at(ledger_place, budgets=[DAY]) as ledger:
        held = await ledger.reserve(10, 5, model=MODEL, output_tokens=0)
        first = await ledger.settle(held, usage(10))
        assert await ledger.settle(held, usage(99)) == first
        other = await ledger.reserve(10, 5, model=MODEL, output_tokens=0)
        entry = await ledger.record(usage(10), user_id=5, model=MODEL)
        assert await ledger.settle(other, entry) == entry
        assert not await ledger.release(other)
        ((_, spent, reserved),) = await ledger.budgets(5)
        assert (spent.tokens, reserved.tokens) == (20, 0)


async def test_what_was_not_sent_is_released(ledger_place: str) -> None:
    """Once; nothing is recorded."""
    async with open_at(ledger_place, budgets=[DAY]) as ledger:
        held = await ledger.reserve(1000, 5, model=MODEL, output_tokens=0)
        assert await ledger.release(held)
        assert not await ledger.release(held)
        await ledger.reserve(1000, 5, model=MODEL, output_tokens=0)
        assert [entry async for entry in ledger.entries()] == []


async def test_unsettled_reservations_expire(ledger_place: str) -> None:
    """Those of a process that died too; one that is settled after all is billed all the same, once."""
    clock = Clock(NOON)
    async with open_at(ledger_place, clock=clock, budgets=[DAY], reservation_seconds=60) as ledger:
        held = await ledger.reserve(1000, 5, model=MODEL, output_tokens=0)
        clock.now += timedelta(seconds=59)
        with pytest.raises(BudgetExceeded):
            await ledger.reserve(1, 5, model=MODEL, output_tokens=0)
        clock.now += timedelta(seconds=1)
        assert (await ledger.budgets(5))[0][2].tokens == 0
        await ledger.reserve(1, 5, model=MODEL, output_tokens=0)
        await ledger.settle(held, usage(900))
        assert (await ledger.budgets(5))[0][1].tokens == 900


async def test_a_bill_above_the_estimate_is_kept(ledger_place: str) -> None:
    """It has been billed: the next request is refused instead."""
    async with open_at(ledger_place, budgets=[DAY]) as ledger:
        held = await ledger.reserve(10, 5, model=MODEL, output_tokens=0)
        await ledger.settle(held, usage(5000))
        with pytest.raises(BudgetExceeded):
            await ledger.reserve(0, 5, model=MODEL, output_tokens=0)


@pytest.mark.parametrize(
    ("bill", "facts", "tokens"),
    [
        pytest.param(None, {"status": "failed"}, 0, id="failed"),
        pytest.param(None, {"status": "cancelled"}, 70, id="cancelled: nobody knows, so the estimate counts"),
        pytest.param(usage(-5), {}, 70, id="a bill that cannot be read"),
        pytest.param({"prompt_tokens": 30, "completion_tokens": 5}, {}, 35, id="Chat"),
        pytest.param({"input_tokens": 30, "output_tokens": 5}, {}, 35, id="Responses"),
    ],
)
async def test_how_a_request_ends(ledger_place: str, bill: Any, facts: dict[str, Any], tokens: int) -> None:
    """Over both APIs; whatever it is, the reservation ends with it."""
    async with open_at(ledger_place, budgets=[DAY]) as ledger:
        held = await ledger.reserve(60, 5, model=MODEL, output_tokens=10)
        await ledger.settle(held, bill, **facts)
        ((_, spent, reserved),) = await ledger.budgets(5)
        assert (spent.tokens, spent.dollars, reserved.tokens) == (tokens, Decimal(tokens) / 10**6, 0)


@pytest.mark.parametrize(
    ("budgets", "model", "outcome"),
    [
        pytest.param([DAY], "acme-unknown", UnpricedModel, id="dollars alone"),
        pytest.param([DAY], None, UnpricedModel, id="no model named"),
        pytest.param([DAY, {"per": "month", "tokens": 1000}], "acme-unknown", None, id="a limit in tokens holds it"),
        pytest.param(
            [DAY, {"per": "month", "tokens": 10}], "acme-unknown", BudgetExceeded, id="a limit in tokens stops it"
        ),
        pytest.param([{**DAY, "users": ["6"]}], "acme-unknown", None, id="the limit is somebody else's"),
        pytest.param([{**DAY, "each": "all"}], "acme-unknown", UnpricedModel, id="dollars of all together"),
        pytest.param([{"per": "day", "tokens": 1000}], None, None, id="tokens need no model"),
        pytest.param([], "acme-unknown", None, id="no limits"),
    ],
)
async def test_an_unpriced_model(
    ledger_place: str, budgets: list[dict[str, Any]], model: str | None, outcome: type[Exception] | None
) -> None:
    """Under a limit in dollars it is refused, unless a limit in tokens holds as well."""
    async with open_at(ledger_place, budgets=budgets) as ledger:
        if outcome is None:
            await ledger.reserve(100, 5, model=model, output_tokens=0)
        else:
            with pytest.raises(outcome):
                await ledger.reserve(100, 5, model=model, output_tokens=0)
            assert all(reserved.tokens == 0 for _, _, reserved in await ledger.budgets(5))


async def test_a_user_who_is_over_in_dollars_cannot_go_on_with_an_unpriced_model(ledger_place: str) -> None:
    """Though a limit in tokens holds it: nothing is left."""
    async with open_at(ledger_place, budgets=[DAY, {"per": "day", "tokens": 10**6}]) as ledger:
        await ledger.record(usage(1001), user_id=5, model=MODEL)
        with pytest.raises(BudgetExceeded):
            await ledger.reserve(1, 5, model="acme-unknown", output_tokens=0)


async def test_how_long_an_answer_may_be(ledger_place: str) -> None:
    """As the call says, else as settings say: never nothing by oversight."""
    async with open_at(ledger_place, budgets=[{"per": "day", "tokens": 10**6}], reserve_output_tokens=700) as ledger:
        assert (await ledger.reserve(10, 5)).tokens == 710
        assert (await ledger.reserve(10, 5, output_tokens=0)).tokens == 10


@pytest.mark.parametrize("estimate", [-1, float("nan"), 10**30, None, "12", {"total": 5}])
async def test_an_estimate_is_a_number_of_tokens(ledger_place: str, estimate: Any) -> None:
    """A negative one would give budget back."""
    async with open_at(ledger_place, budgets=[DAY]) as ledger:
        with pytest.raises(InvalidArgument, match="estimate"):
            await ledger.reserve(estimate, 5, model=MODEL)
        with pytest.raises(InvalidArgument, match="output_tokens"):
            await ledger.reserve(1, 5, model=MODEL, output_tokens=-5)


NOBODY: list[dict[str, Any]] = []


@pytest.mark.parametrize(
    ("budgets", "user", "expected"),
    [
        pytest.param([{"per": "day", "tokens": 7}], "5", [("day", 7, "5")], id="every user"),
        pytest.param([{"per": "day", "tokens": 7, "each": "all"}], "5", [("day", 7, None)], id="all together"),
        pytest.param([{"per": "day", "tokens": 7, "users": ["6"]}], "5", [], id="somebody else"),
        pytest.param(
            [{"per": "day", "tokens": 7}, {"per": "day", "tokens": 99, "users": [5]}],
            "5",
            [("day", 99, "5")],
            id="one's own replaces everybody's",
        ),
        pytest.param(
            [{"per": "day", "tokens": 7}, {"per": "month", "tokens": 99, "users": [5]}],
            "5",
            [("month", 99, "5"), ("day", 7, "5")],
            id="of the same window only",
        ),
        pytest.param(
            [{"per": "day", "tokens": 7}, {"per": "day", "dollars": 1, "users": ["5"]}],
            "5",
            [("day", 1, "5"), ("day", 7, "5")],
            id="and of the same unit only",
        ),
        pytest.param(
            [{"per": "day", "tokens": 7, "dollars": 3}], "5", [("day", 3, "5"), ("day", 7, "5")], id="both units"
        ),
        pytest.param(NOBODY, "5", [], id="none"),
    ],
)
def test_which_limits_hold(
    budgets: list[dict[str, Any]], user: str, expected: list[tuple[str, int, str | None]]
) -> None:
    """For one user, at one moment."""
    found = windows(map(Limit.model_validate, budgets), user, NOON, ZoneInfo("UTC"))
    assert [(window.per, window.amount, window.user_id) for window in found] == expected


@pytest.mark.parametrize(
    ("zone", "at", "start", "end"),
    [
        pytest.param("Asia/Tokyo", "2026-11-03T14:59", "2026-11-02T15:00", "2026-11-03T15:00", id="ahead"),
        pytest.param("America/New_York", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00", id="25 hours"),
        pytest.param(
            "America/Santiago", "2026-09-06T12:00", "2026-09-06T04:00", "2026-09-07T03:00", id="midnight skipped"
        ),
    ],
)
def test_days_begin_where_the_operator_is(zone: str, at: str, start: str, end: str) -> None:
    """As `report_timezone` says, in reports and budgets alike."""
    limit = Limit(per="day", tokens=1)
    (window,) = windows([limit], "5", datetime.fromisoformat(at).replace(tzinfo=UTC), ZoneInfo(zone))
    assert (window.start, window.end) == tuple(
        datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end)
    )


@settings(max_examples=60)
@given(
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Santiago", "Australia/Lord_Howe"]),
    st.sampled_from(["day", "month"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
)
def test_windows_follow_each_other(zone: str, per: Any, naive: datetime) -> None:
    """Every moment lies in its window, whose end is the next one's start; they begin with a quarter of an hour."""
    limits, at = [Limit(per=per, tokens=1)], naive.replace(tzinfo=UTC)
    (window,) = windows(limits, "5", at, ZoneInfo(zone))
    (following,) = windows(limits, "5", window.end, ZoneInfo(zone))
    assert window.start <= at < window.end == following.start
    assert window.start.timestamp() % 900 == 0


async def test_a_new_day_begins_anew(ledger_place: str) -> None:
    """The month goes on; what is under way at midnight counts on the day after, where it will be billed."""
    clock = Clock(NOON.replace(hour=23, minute=59))
    async with open_at(ledger_place, clock=clock, budgets=[DAY, {"per": "month", "tokens": 1500}]) as ledger:
        await ledger.record(usage(900), user_id=5, model=MODEL)
        held = await ledger.reserve(100, 5, model=MODEL, output_tokens=0)
        clock.now += timedelta(minutes=2)
        with pytest.raises(BudgetExceeded, match="a day"):
            await ledger.reserve(901, 5, model=MODEL, output_tokens=0)
        await ledger.settle(held, usage(100))
        with pytest.raises(BudgetExceeded, match="a month"):
            await ledger.reserve(501, 5, model=MODEL, output_tokens=0)
        await ledger.reserve(500, 5, model=MODEL, output_tokens=0)


async def test_all_users_together(ledger_place: str) -> None:
    """One of them can use it up; the message says whose it is."""
    async with open_at(ledger_place, budgets=[{**DAY, "each": "all"}]) as ledger:
        await ledger.record(usage(900), user_id=5, model=MODEL)
        with pytest.raises(BudgetExceeded, match="all users together") as caught:
            await ledger.reserve(101, 6, model=MODEL, output_tokens=0)
        assert caught.value.everyone
        await ledger.reserve(100, 6, model=MODEL, output_tokens=0)


async def test_thresholds_are_told_once(ledger_place: str) -> None:
    """By the request that reaches them, several at once if it is large, and never again that day."""
    told: list[tuple[float, int, str]] = []

    def plain(threshold: Threshold) -> None:
        told.append((threshold.share, int(threshold.spent), threshold.user_id))

    async def slow(threshold: Threshold) -> None:
        await asyncio.sleep(0)
        plain(threshold)

    budget = {"per": "day", "tokens": 100, "thresholds": [0.5, 1.0, 0.8]}
    for user, callback in ((5, plain), (6, slow)):
        async with open_at(ledger_place, budgets=[budget], on_threshold=callback) as ledger:
            for tokens in (49, 1, 29, 40, 10):
                await ledger.record(usage(tokens), user_id=user, model=MODEL)
        assert told == [(0.5, 50, str(user)), (0.8, 119, str(user)), (1.0, 119, str(user))]
        told.clear()


async def test_a_threshold_that_fails_is_logged(ledger_place: str, caplog: pytest.LogCaptureFixture) -> None:
    """The bill was kept before, and is given to the caller."""

    def broken(_: Threshold) -> None:
        raise RuntimeError("no such channel")

    async with open_at(ledger_place, budgets=[DAY], on_threshold=broken) as ledger:
        with caplog.at_level(logging.ERROR, "cellblock"):
            assert (await ledger.record(usage(1000), user_id=5, model=MODEL)).input_tokens == 1000
    assert caplog.text.count("no such channel") >= 2  # 0.8 and 1.0


@pytest.mark.parametrize("ledger_place", ["sqlite", "pymongo"], indirect=True)  # processes: the same over motor
async def test_it_holds_under_eight_processes(ledger_place: str) -> None:
    """Together they get what there is, to the token, and not one request more."""
    budgets = [{"per": "day", "dollars": "0.0205"}, {"per": "day", "tokens": 10**6, "each": "all"}]
    said = await crowd(ledger_place, "spend", 8, settings={"budgets": budgets})
    assert said[-1] == {"statuses": [0] * 8}
    assert sum(line["done"] for line in said[:-1]) == 20  # of 1,000 tokens each
    async with open_at(ledger_place, budgets=budgets) as ledger:
        (_, own, held), (_, everyones, _) = await ledger.budgets(5)
        assert (own.dollars, own.tokens, held.tokens, everyones.tokens) == (Decimal("0.02"), 20_000, 0, 20_000)
        assert len([entry async for entry in ledger.entries()]) == 20


@pytest.mark.parametrize("ledger_place", ["sqlite", "pymongo"], indirect=True)  # processes: the same over motor
async def test_processes_that_die_leave_what_they_held_until_it_expires(ledger_place: str) -> None:
    """Nothing is recorded, the budget holds, and is whole again when the time is over."""
    budgets = [{"per": "day", "tokens": 3500}]
    said = await crowd(ledger_place, "hold", 3, settings={"budgets": budgets})
    assert said == [{"statuses": [-9] * 3}]
    clock = Clock(datetime.now(UTC))
    async with open_at(ledger_place, clock=clock, budgets=budgets) as ledger:
        assert (await ledger.budgets(5))[0][2].tokens == 3000
        with pytest.raises(BudgetExceeded):
            await ledger.reserve(501, 5, model=MODEL, output_tokens=0)
        clock.now += timedelta(seconds=ledger.settings.reservation_seconds)
        await ledger.reserve(3500, 5, model=MODEL, output_tokens=0)
        assert [entry async for entry in ledger.entries()] == []


async def test_without_limits_nothing_is_written(tmp_path: Path) -> None:
    """A reservation then costs no disk."""
    async with open_at(f"sqlite:{tmp_path / 'l.sqlite3'}") as ledger:
        held = await ledger.reserve(10, 5, model=MODEL)
        assert not (tmp_path / "l.sqlite3").exists()
        assert (await ledger.settle(held, usage(10))).estimated_input_tokens == 10
