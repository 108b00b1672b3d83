"""Usage objects of both APIs in one shape, and what they cost: price lists by date, tier and cache, and the operator's own."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, Inexact, localcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.completion_usage import CompletionUsage
from openai.types.create_embedding_response import Usage as EmbeddingUsage
from openai.types.responses.response_usage import ResponseUsage

from token_counter import InvalidUsage, Price, Settings, SettingsError, Usage, prices
from token_counter.prices import Prices

# The day after which genai-prices 0.2.3 changes no price of OpenAI: tests do not depend on the day they run.
THEN = datetime(2026, 10, 20, tzinfo=UTC)

CHAT = {
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "total_tokens": 1100,
    "prompt_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 100, "image_tokens": 85, "text_tokens": 915},
    "completion_tokens_details": {"reasoning_tokens": 64},
}
RESPONSES = {
    "input_tokens": 1000,
    "output_tokens": 100,
    "total_tokens": 1100,
    "input_tokens_details": {
        "cached_tokens": 400,
        "cache_write_tokens": 100,
        "cache_write_tokens_details": {"ttl_12h_tokens": 30, "ttl_30m_tokens": 70},
    },
    "output_tokens_details": {"reasoning_tokens": 64},
}


@pytest.fixture
def bare(tmp_path: Path) -> Prices:
    """The price lists alone."""
    return Prices(Settings(home=tmp_path))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            CompletionUsage.model_validate(CHAT),
            Usage(1000, 100, 400, 100, 0, 915, 85, reasoning_tokens=64),
            id="Chat: what is written to a cache is kept 30 minutes",
        ),
        pytest.param(CHAT, Usage(1000, 100, 400, 100, 0, 915, 85, reasoning_tokens=64), id="Chat, as a dict"),
        pytest.param({"usage": CHAT}, Usage(1000, 100, 400, 100, 0, 915, 85, reasoning_tokens=64), id="a whole answer"),
        pytest.param(
            ResponseUsage.model_validate(RESPONSES),
            Usage(1000, 100, 400, 70, 30, reasoning_tokens=64),
            id="Responses: 30 minutes and 12 hours apart",
        ),
        pytest.param(
            EmbeddingUsage(prompt_tokens=7, total_tokens=7),
            Usage(7),
            id="embeddings have no output",
        ),
        pytest.param(
            {"prompt_tokens": 7, "completion_tokens": None, "prompt_tokens_details": None},
            Usage(7),
            id="another server's nulls",
        ),
        pytest.param({"input_tokens": 12.0, "output_tokens": 0}, Usage(12), id="a whole number written as a float"),
        pytest.param(Usage(3), Usage(3), id="what was read already"),
    ],
)
def test_usage_is_read_from_both_apis(given: object, expected: Usage) -> None:
    """The SDK's own objects and their JSON give the same."""
    assert Usage.from_openai(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"prompt_tokens": -1, "completion_tokens": 1}, "negative", id="negative"),
        pytest.param({"prompt_tokens": float("nan")}, "no number of tokens", id="NaN"),
        pytest.param({"prompt_tokens": float("inf")}, "no number of tokens", id="infinite"),
        pytest.param({"prompt_tokens": 1.5}, "no number of tokens", id="half a token"),
        pytest.param({"prompt_tokens": True}, "no number of tokens", id="a bool"),
        pytest.param({"prompt_tokens": "12"}, "no number of tokens", id="text"),
        pytest.param({"prompt_tokens": 10**5000}, "more than 1,000,000,000", id="a number of 5,000 digits"),
        pytest.param({"prompt_tokens": [1] * 10**6}, "no number of tokens", id="a list"),
        pytest.param(
            {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
            "cached_tokens = 2 of input_tokens = 1",
            id="more cached than sent",
        ),
        pytest.param(
            {"input_tokens": 1, "input_tokens_details": {"cache_write_tokens": float("nan")}},
            "no number of tokens",
            id="a part is NaN",
        ),
        pytest.param(None, "include_usage", id="a stream without usage"),
        pytest.param({}, "no usage", id="an empty dict"),
        pytest.param("usage", "a str is no usage", id="a str"),
        pytest.param({"usage": {"usage": CHAT}}, "no usage", id="nested twice"),
    ],
)
def test_what_cannot_be_a_bill_is_refused(given: object, message: str) -> None:
    """The message names the number, and is short whatever it was."""
    with pytest.raises(InvalidUsage, match=message) as caught:
        Usage.from_openai(given)
    assert len(str(caught.value)) < 300


counts = st.integers(0, 10**6)
usages = st.builds(
    lambda new, cached, short, long, made, thought: Usage(
        new + cached + short + long, made + thought, cached, short, long, reasoning_tokens=thought
    ),
    *[counts] * 6,
)


@settings(max_examples=30)
@given(usages, usages)
def test_usages_add_up(one: Usage, other: Usage) -> None:
    """Part by part; what one does not tell the sum does not."""
    both = one + other
    assert both.total_tokens == one.total_tokens + other.total_tokens
    assert both.cache_write_tokens == one.cache_write_tokens + other.cache_write_tokens
    assert (one + Usage(1, image_tokens=1)).image_tokens is None


@pytest.mark.parametrize(
    ("model", "usage", "at", "dollars"),
    [
        # 600 x 2.50 + 400 x 1.25 + 100 x 10, a million each
        pytest.param("gpt-4o", Usage(1000, 100, 400), THEN, "0.003", id="cached reads"),
        pytest.param("openai/gpt-4o", Usage(1000, 100, 400), THEN, "0.003", id="openai/ before it"),
        pytest.param("GPT-4o-2024-08-06", Usage(1000, 100, 400), THEN, "0.003", id="a dated snapshot, in capitals"),
        pytest.param("gpt-4o-2024-05-13", Usage(1000), THEN, "0.005", id="a snapshot with a price of its own"),
        # 900 x 2 + 100 x 2.50
        pytest.param("gpt-6.1-sol", Usage(1000, 0, 0, 60, 40), THEN, "0.00205", id="cache writes"),
        # all of it at the second tier's 4.00: prompts over 272,000
        pytest.param("gpt-6.1-sol", Usage(272_001), THEN, "1.088004", id="a long prompt"),
        pytest.param("gpt-6.1-sol", Usage(272_000), THEN, "0.544", id="a prompt that is just not long"),
        # 200,000 * 5 + 100,000 * 0.5 + 1,000 * 22.5, for a million
        pytest.param("gpt-5.4", Usage(300_000, 1000, 100_000), THEN, "1.0725", id="a long prompt, partly cached"),
        # 1,000 * 4 + 4,000 * 0.4 + 15,000 * 5 + 500 * 20
        pytest.param("gpt-5.6-sol", Usage(20_000, 500, 4000, 10_000, 5000), THEN, "0.0906", id="reads and writes"),
        pytest.param("o3", Usage(1000), datetime(2025, 6, 9, 23, 59), "0.01", id="the day before a price change"),
        pytest.param("o3", Usage(1000), datetime(2025, 6, 10), "0.002", id="the day of a price change"),
        # 1000 x 3.00: a fine-tuned model is not priced as its base
        pytest.param("ft:gpt-4o-mini-2024-07-18:acme::x1", Usage(10_000), THEN, "0.003", id="fine-tuned"),
        # 5.00 for text, 8.00 for the 200 of the image
        pytest.param("chatgpt-image-latest", Usage(1000, image_tokens=200), THEN, "0.0056", id="images apart"),
        pytest.param("gpt-4o", Usage(), THEN, "0", id="nothing costs nothing"),
        pytest.param("text-embedding-3-small", Usage(1000), THEN, "0.00002", id="embeddings"),
    ],
)
def test_costs_are_the_price_lists(bare: Prices, model: str, usage: Usage, at: datetime, dollars: str) -> None:
    """Each worked out by hand from genai-prices 0.2.3."""
    assert bare.cost(usage, model, at) == Decimal(dollars)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param("gpt-6.2-sol", id="too new"),
        pytest.param("acme-7b", id="somebody's own"),
        pytest.param("gpt-4.1-2031-01-01", id="a snapshot nobody has seen"),
        pytest.param("ft:gpt-9:acme::x", id="fine-tuned of an unknown base"),
        pytest.param("llama-3.3-70b", id="other lists know it: but who runs it?"),
        pytest.param("nobody/gpt-4o", id="an unknown prefix"),
        pytest.param("whisper-1", id="billed by the minute"),
        pytest.param("x" * 10_000, id="10,000 characters"),
        pytest.param("a\0\ud800b", id="NUL and half a surrogate pair"),
        pytest.param("", id="empty"),
    ],
)
def test_an_unknown_price_is_none(bare: Prices, model: str) -> None:
    """Never 0: that would be a free model."""
    assert bare.cost(Usage(1000, 10), model, THEN) is None


def test_other_price_lists_are_asked_by_name(bare: Prices, tmp_path: Path) -> None:
    """As a prefix, or for all models by `price_provider`."""
    assert bare.cost(Usage(10**6), "groq/llama-3.3-70b-versatile", THEN) == Decimal("0.59")
    groq = Prices(Settings(home=tmp_path, price_provider="groq"))
    assert groq.cost(Usage(10**6), "llama-3.3-70b-versatile", THEN) == Decimal("0.59")
    assert Prices(Settings(home=tmp_path, price_provider="nobody")).cost(Usage(1), "gpt-4o", THEN) is None


@pytest.mark.parametrize(
    ("options", "at", "dollars"),
    [
        pytest.param({"service_tier": "flex"}, THEN, "0.00125", id="flex"),
        pytest.param({"service_tier": "priority"}, THEN, "0.005", id="priority"),
        pytest.param({"service_tier": "default"}, THEN, "0.0025", id="default"),
        pytest.param({"service_tier": None}, THEN, "0.0025", id="not told"),
        pytest.param({"batch": True}, THEN, "0.00125", id="batch"),
        pytest.param({"service_tier": "ultrafast"}, THEN, None, id="a tier without a price"),
        pytest.param({"service_tier": "flex"}, datetime(2026, 9, 1), None, id="a day of which nobody knows"),
    ],
)
def test_service_tiers(bare: Prices, options: dict[str, str], at: datetime, dollars: str | None) -> None:
    """A tier that the price list does not know is unpriced, not standard."""
    expected = None if dollars is None else Decimal(dollars)
    assert bare.cost(Usage(1000), "gpt-5.4", at, **options) == expected  # type: ignore[arg-type]


def test_own_prices(tmp_path: Path) -> None:
    """A private model, a family, and a price of one's own for a listed model; the longest pattern wins."""
    own = {
        "acme-7b": {"input_mtok": "1", "output_mtok": "2", "cached_mtok": "0.5", "cache_write_mtok": "1.25", "cache_write_12h_mtok": "3"},
        "acme-*": {"input_mtok": 0.1, "output_mtok": 0.2},
        "acme-70*": {"input_mtok": 5, "output_mtok": 5},
        "GPT-4o": {"input_mtok": 100, "output_mtok": 0},
    }  # fmt: skip
    mine = Prices(Settings(home=tmp_path, prices=own))
    usage = Usage(1000, 100, 400, 100, 50)
    # 450 x 1 + 400 x 0.5 + 100 x 1.25 + 50 x 3 + 100 x 2
    assert mine.cost(usage, "acme-7b") == Decimal("0.001125")
    assert mine.cost(usage, "openai/acme-8b") == Decimal("0.00012")  # caches cost what input costs
    assert mine.cost(Usage(10**6), "acme-70b") == 5
    assert mine.cost(Usage(10**6, 5), "gpt-4o") == 100
    assert mine.cost(usage, "bcme") is None


def test_fees_of_what_is_no_token(tmp_path: Path) -> None:
    """From the price list, from settings, else unknown."""
    mine = Prices(Settings(home=tmp_path, fees={"container": "0.03"}))
    assert mine.fee("web_search", "gpt-4.1", 3, THEN) == Decimal("0.03")
    assert mine.fee("file_search", "gpt-4.1", 2, THEN) == Decimal("0.005")
    assert mine.fee("container", "gpt-6.2", 2) == Decimal("0.06")
    assert mine.fee("web_search", "gpt-6.2") is None
    assert mine.fee("teleport", "gpt-4.1") is None


def test_the_callers_decimal_context_is_not_ours(bare: Prices) -> None:
    """Three digits would round the bill, a trap would raise."""
    with localcontext(prec=3) as context:
        context.traps[Inexact] = True
        assert bare.cost(Usage(240_789, 1), "gpt-6.1-sol", THEN) == Decimal("0.481588")


def test_names_of_strangers_are_not_remembered_for_ever(bare: Prices) -> None:
    """A bot that lets users name the model is asked for a million of them."""
    for number in range(1100):
        assert bare.cost(Usage(1), f"gpt-{number}x", THEN) is None
    assert len(bare._known[1]) <= 1024


def test_settings_of_the_file_give_way_to_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keyword, environment, token_counter.toml in the data directory, default: tables are merged by key."""
    (tmp_path / "token_counter.toml").write_text(
        'report_timezone = "Europe/Berlin"\n[prices.acme-7b]\ninput_mtok = 0.1\noutput_mtok = "0.2"\n'
        "[prices.acme-8b]\ninput_mtok = 7\noutput_mtok = 7\n"
        '[[budgets]]\nper = "day"\ndollars = 0.5\nusers = [5, "ann"]\n'
    )
    monkeypatch.setenv("CELLBLOCK_HOME", str(tmp_path))
    monkeypatch.setenv("CELLBLOCK_PRICES", '{"acme-8b": {"input_mtok": "1", "output_mtok": "1"}}')
    found = Settings()
    assert found.prices["acme-7b"] == Price(input_mtok=Decimal("0.1"), output_mtok=Decimal("0.2"))
    assert found.prices["acme-8b"].input_mtok == 1
    assert (found.report_timezone, found.budgets[0].users) == ("Europe/Berlin", ("5", "ann"))
    assert Settings(report_timezone="UTC").report_timezone == "UTC"


@pytest.mark.parametrize(
    ("values", "file", "message"),
    [
        pytest.param({"report_timezone": "Mars/Olympus"}, "", "no IANA time zone", id="a zone"),
        pytest.param({"report_timezone": "../../etc/passwd"}, "", "no IANA time zone", id="a path as a zone"),
        pytest.param({"prices": {"x": {"input_mtok": -1, "output_mtok": 0}}}, "", "greater than or equal", id="a negative price"),
        pytest.param({"prices": {"x": {"input_mtok": "nan", "output_mtok": 0}}}, "", "finite", id="NaN dollars"),
        pytest.param({"prices": {"x": {"inptu_mtok": 1, "output_mtok": 0}}}, "", "inptu_mtok", id="a slip"),
        pytest.param({"reservation_seconds": "inf"}, "", "less than or equal", id="for ever"),
        pytest.param({"budgets": [{"per": "day"}]}, "", "needs dollars, tokens or both", id="a limit of nothing"),
        pytest.param({"budgets": [{"per": "day", "tokens": 1, "each": "all", "users": ["5"]}]}, "", 'each = "user"', id="all of some"),
        pytest.param({}, "budgets = [", "token_counter.toml cannot be read", id="a broken file"),
        pytest.param({}, "bugdets = []", "bugdets", id="a slip in the file"),
    ],
)  # fmt: skip
def test_settings_say_what_is_wrong(tmp_path: Path, values: dict[str, object], file: str, message: str) -> None:
    """Where it is, and what was given."""
    (tmp_path / "token_counter.toml").write_text(file)
    with pytest.raises(SettingsError, match=message):
        Settings(home=tmp_path, **values)


def test_broken_json_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a SettingsError as well."""
    monkeypatch.setenv("CELLBLOCK_PRICES", "{")
    with pytest.raises(SettingsError, match=r"prices.*JSON"):
        Settings(home=tmp_path)


@pytest.fixture
def price_server() -> Iterator[str]:
    """A server of price lists, in which one model of OpenAI costs $7."""
    model = {"id": "new-1", "match": {"equals": "new-1"}, "prices": {"input_mtok": 7, "output_mtok": 7}}
    lists = [{"id": "openai", "name": "OpenAI", "api_pattern": "x", "models": [model]}]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(lists).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/data.json"
        server.shutdown()
        thread.join()


def test_updates_are_fetched_when_asked_for(bare: Prices, price_server: str) -> None:
    """And never otherwise: the price is unknown before, and known to the same object after."""
    from genai_prices.data_snapshot import set_custom_snapshot

    assert bare.cost(Usage(10**6), "new-1") is None
    try:
        with prices.updates(url=price_server) as updater:
            assert updater.wait(10)
            assert bare.cost(Usage(10**6), "new-1") == 7
    finally:
        set_custom_snapshot(None)
    assert bare.cost(Usage(10**6), "new-1") is None
