"""What a turn is counted at, refused for and recorded as, with the real counter and the real ledger."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import openai
import pytest

from plugin import Interpreter, events
from plugin.dispatch.dispatcher import Dispatcher
from plugin.errors import AnswerCut, ContextExceeded
from tests.api_server import ApiServer, Chat, Reply, Responses
from tests.loop_parts import NOTE, WAYS, Notes, Way
from token_counter.config import Limit, Settings
from token_counter.counter import TokenCounter
from token_counter.errors import BudgetExceeded
from token_counter.ledger import Entry, SqliteLedger

PRICE = Decimal("0.000225")  # of the server's 100 tokens in and 10 out, at gpt-5's $1.25 and $10 a million


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """All four bill alike."""
    return request.param


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    async with SqliteLedger(tmp_path / "ledger.sqlite3", Settings(home=tmp_path)) as ledger:
        yield ledger


@pytest.fixture
async def interpreter_at_rest(tmp_path: Path) -> AsyncIterator[Interpreter]:
    async with Interpreter(home=tmp_path, pool_min=0) as interpreter:
        yield interpreter


@pytest.fixture
def dispatcher(interpreter_at_rest: Interpreter, ledger: SqliteLedger, notes: Notes) -> Dispatcher:
    dispatcher = Dispatcher(interpreter_at_rest, TokenCounter(), ledger)
    dispatcher.register(NOTE, notes.note)
    return dispatcher


async def entries(ledger: SqliteLedger) -> list[Entry]:
    return [entry async for entry, _ in ledger.entries()]


async def test_each_request_is_estimated_and_recorded(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, ledger: SqliteLedger
) -> None:
    """User, conversation, model as it answered, estimate, bill, latency; the turn's cost is their sum."""
    api.replies(way.calls(("note", {"text": "a"}), ("note", {"text": "b"})), way.says("ok"))
    told: list[events.Event] = []
    turn = await way.turn(client, dispatcher, told, conversation="c7")
    first, second = await entries(ledger)
    assert (first.user_id, first.conversation, first.model, first.status) == (
        "7",
        "c7",
        "gpt-5-2025-08-07",
        "completed",
    )
    assert (first.tool_calls, second.tool_calls) == (2, 0)
    assert (first.input_tokens, first.output_tokens, first.cost) == (100, 10, PRICE)
    assert second.estimated_input_tokens > first.estimated_input_tokens > 500  # type: ignore[operator]
    assert first.latency is not None and first.latency > 0
    assert first.endpoint == ("/v1/chat/completions" if way.is_chat else "/v1/responses")
    assert turn.cost == first.cost + second.cost == 2 * PRICE
    reported = [event for event in told if isinstance(event, events.UsageReported)]
    assert [event.cost for event in reported] == [PRICE, PRICE]
    assert [event.estimate.total for event in reported if event.estimate] == [
        first.estimated_input_tokens,
        second.estimated_input_tokens,
    ]


async def test_a_failed_request_is_recorded(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, ledger: SqliteLedger
) -> None:
    """With what failed, and no cost; nothing of the budget stays reserved."""
    api.replies(Reply(status=400, error="no such parameter"))
    with pytest.raises(openai.BadRequestError):
        await way.turn(client, dispatcher)
    (entry,) = await entries(ledger)
    assert (entry.status, entry.input_tokens, entry.spent_dollars) == ("failed", None, 0)
    assert "no such parameter" in (entry.problem or "")


async def test_a_cancelled_request_is_recorded(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, ledger: SqliteLedger
) -> None:
    """Nobody says what it cost, so it takes its estimate of the budget."""
    api.replies(way.says("never").but(delay=asyncio.Event()))
    turn = asyncio.create_task(way.turn(client, dispatcher))
    await asyncio.wait_for(api.received.wait(), 10)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    (entry,) = await entries(ledger)
    assert (entry.status, entry.cost) == ("cancelled", None) and entry.spent_dollars > 0


async def test_a_stream_that_broke_is_recorded(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, ledger: SqliteLedger
) -> None:
    """It was billed as far as it came: it counts as its estimate, not as nothing."""
    way = WAYS[1]
    api.replies(way.says("half of it").but(cut_after=2))
    with pytest.raises((AnswerCut, openai.APIConnectionError)):
        await way.turn(client, dispatcher)
    (entry,) = await entries(ledger)
    assert (entry.status, entry.cost) == ("incomplete", None) and entry.spent_dollars > 0 and entry.problem


async def test_a_response_that_failed_is_billed_what_it_says(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, ledger: SqliteLedger
) -> None:
    """The API may bill what it then gives up."""
    api.replies(Responses(ending="failed", failure={"code": "x", "message": "it broke"}))
    with pytest.raises(Exception, match="it broke"):
        await WAYS[2].turn(client, dispatcher)
    (entry,) = await entries(ledger)
    assert (entry.status, entry.cost) == ("failed", PRICE)


async def test_searches_are_billed_besides_tokens(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, ledger: SqliteLedger
) -> None:
    """A response says how many it made."""

    class Searched(Responses):
        def whole(self) -> dict[str, object]:
            return super().whole() | {"tool_usage": {"web_search": {"num_requests": 2}, "image_gen": None}}

    api.replies(Searched())
    await WAYS[2].turn(client, dispatcher, tools=[{"type": "web_search"}])
    (entry,) = await entries(ledger)
    assert list(entry.charges) == ["web_search"]


async def test_over_budget_nothing_is_sent(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, interpreter_at_rest: Interpreter, notes: Notes, tmp_path: Path
) -> None:
    """Not even in the middle of a turn; the history so far is on the error."""
    settings = Settings(home=tmp_path, budgets=(Limit(per="day", tokens=2500),), reserve_output_tokens=100)
    async with SqliteLedger(tmp_path / "small.sqlite3", settings) as ledger:
        dispatcher = Dispatcher(interpreter_at_rest, None, ledger)
        dispatcher.register(NOTE, notes.note)
        dear = {"prompt_tokens": 2000, "completion_tokens": 400, "total_tokens": 2400}
        if not way.is_chat:
            dear = {"input_tokens": 2000, "output_tokens": 400, "total_tokens": 2400}
        api.replies(way.calls(("note", {"text": "a"}), usage=dear))
        with pytest.raises(BudgetExceeded, match="2,400 tokens are spent") as raised:
            await way.turn(client, dispatcher)
    assert len(api.requests) == 1 and notes.taken == ["a"]
    way.check(raised.value.messages)  # type: ignore[attr-defined]
    assert len(way.answers(raised.value.messages)) == 1  # type: ignore[attr-defined]


async def test_what_does_not_fit_is_not_sent(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, ledger: SqliteLedger
) -> None:
    """The error says what is needed and what there is."""
    long = [{"role": "user", "content": "word " * 9000}]
    with pytest.raises(ContextExceeded, match=r"need 13,\d{3}.* gpt-4 takes 8,192.*trim") as raised:
        await way.turn(client, dispatcher, messages=long, model="gpt-4", options={})
    assert raised.value.messages == long and api.requests == [] and await entries(ledger) == []


async def test_without_counter_and_ledger_nothing_is_counted(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, interpreter_at_rest: Interpreter
) -> None:
    """The loop works all the same, and the API's own bill is priced."""
    api.replies(way.says("ok"))
    told: list[events.Event] = []
    turn = await way.turn(
        client, Dispatcher(interpreter_at_rest), told, messages=[{"role": "user", "content": "x " * 9000}]
    )
    assert turn.cost == PRICE
    assert [event.estimate for event in told if isinstance(event, events.UsageReported)] == [None]


async def test_an_unpriced_model(api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher) -> None:
    """Its cost is unknown, never 0."""
    api.replies(Chat(content="ok", model="nobody-knows-it"))
    turn = await WAYS[0].turn(client, dispatcher, model="nobody-knows-it")
    assert turn.cost is None and turn.usage is not None
