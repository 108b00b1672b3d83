"""Cost reports: what is added up, by what, in whose days; and every form in which it is written, with hostile names in it."""

import asyncio
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import MODEL, Clock, open_at, usage

from token_counter import InvalidArgument, TokenCounter, Usage, report_html, report_span
from token_counter.exchanges import count_exchanges, drift, read_exchanges
from token_counter.ledger import Charge, Estimate, Ledger
from token_counter.ledger.export import exchanges
from token_counter.ledger.record import COLUMNS as FIELDS
from token_counter.report import COLUMNS, cost_report, drift_report, family_of
from token_counter.report_files import as_csv, as_json, as_parquet
from token_counter.report_html import page
from token_counter.report_overview import dollars, overview, share
from token_counter.report_terminal import bar, render, sparkline

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
EVIL = [
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "\"' onmouseover=alert(1) x='",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\uff1d1+1",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202egnp.exe",
    "a\0b\ud800",
    "x" * 10_000,
    "日本語" * 20,
    "a,b\"c'd\r\ne",
    "[bold]markup[/bold]",
    "&lt;b&gt;",
]


@pytest.fixture
async def ledger(ledger_place: str) -> AsyncIterator[Ledger]:
    async with open_at(ledger_place, clock=Clock(NOON), report_timezone="Europe/Berlin") as ledger:
        yield ledger


@pytest.fixture
async def filled(ledger: Ledger) -> Ledger:
    """Two days, two users, two models, one of them unpriced; a failure, a fee."""
    await ledger.record(usage(1000, 100, cached_tokens=250), user_id=5, model=MODEL, estimate=1000, latency=1)
    await ledger.record(usage(500, 0), user_id=5, model=MODEL, estimate=400, latency=3, conversation="c")
    await ledger.record(usage(10), user_id=6, model="acme-unknown", estimate=10, at=NOON + timedelta(days=2))
    await ledger.record(None, user_id=6, model=MODEL, status="failed", at=NOON + timedelta(days=2))
    fee = [Charge("container", dollars=Decimal("0.03"))]
    await ledger.record(usage(0), user_id=6, model=MODEL, charges=fee, at=NOON + timedelta(days=2))
    return ledger


@pytest.fixture
async def evil(ledger: Ledger) -> Ledger:
    """Everything that strangers can name is hostile."""
    for name in EVIL:
        await ledger.record(usage(1000, 10), user_id=name, model=name, conversation=name, estimate=999)
        await ledger.record(usage(7), user_id=name, model=MODEL, conversation=name)
    return ledger


async def test_everything_is_grouped_by_default(filled: Ledger) -> None:
    """A row a day, model, user and conversation; numbers worked out by hand."""
    frame = await cost_report(filled)
    assert list(frame.columns) == ["day", "model", "user", "conversation", *(column.name for column in COLUMNS)]
    assert frame[["day", "model", "user", "conversation", "requests", "input_tokens"]].astype(
        object
    ).values.tolist() == [
        [pandas.Timestamp("2026-11-03"), MODEL, "5", None, 1, 1000],
        [pandas.Timestamp("2026-11-03"), MODEL, "5", "c", 1, 500],
        [pandas.Timestamp("2026-11-05"), MODEL, "6", None, 2, 0],
        [pandas.Timestamp("2026-11-05"), "acme-unknown", "6", None, 1, 10],
    ]


async def test_one_row_for_everything(filled: Ledger) -> None:
    """Each column of the table."""
    (row,) = (await cost_report(filled, by=())).to_dict("records")
    assert row == {
        "requests": 5,
        "failed": 1,
        "cancelled": 0,
        "unpriced": 1,
        "input_tokens": 1510,
        "text_tokens": 0,
        "image_tokens": 0,
        "audio_tokens": 0,
        "tool_tokens": 0,
        "cached_tokens": 250,
        "cache_write_30m_tokens": 0,
        "cache_write_12h_tokens": 0,
        "output_tokens": 100,
        "reasoning_tokens": 0,
        "visible_tokens": 100,
        "estimated_input_tokens": 1410,
        "tool_calls": 0,
        "estimated_cost": 0.0014,
        "token_cost": 0.0016,
        "charge_cost": 0.03,
        "cost": 0.0316,
        "latency": 2.0,
        "cached_share": pytest.approx(250 / 1510),
        "reasoning_share": 0.0,
        "compared": 3,
        "exact_share": pytest.approx(2 / 3),
        "mean_error": pytest.approx(0.2 / 3),
        "bias": pytest.approx(-0.2 / 3),
    }


async def test_what_is_unknown_is_nan(filled: Ledger) -> None:
    """Never 0: an unpriced model is not a free one."""
    frame = (await cost_report(filled, by="model")).set_index("model")
    unknown = frame.loc["acme-unknown"]
    assert (unknown["unpriced"], unknown["requests"]) == (1, 1)
    assert unknown[["cost", "token_cost", "estimated_cost", "latency", "reasoning_share"]].isna().all()
    assert frame.loc[MODEL, "cost"] == 0.0316


async def test_columns_of_the_report_are_those_of_the_ledger(filled: Ledger) -> None:
    """Each token and dollar column of an entry is in it, under its own name."""
    numbers = {name for name in FIELDS if name.endswith(("_tokens", "_cost", "cost", "tool_calls", "latency"))}
    assert numbers - {column.name for column in COLUMNS} == {"estimated_output_tokens"}


async def test_an_empty_ledger(ledger: Ledger) -> None:
    """The same columns and types, no rows; every form of it can be written."""
    frame = await cost_report(ledger)
    assert len(frame) == 0
    assert frame["cost"].dtype == "float64" and frame["requests"].dtype == "int64"
    assert (await drift_report(ledger)).empty
    found = await overview(ledger)
    assert "Nothing was recorded" in render(found)
    assert b"</html>" in page(found)
    assert json.loads(as_json(frame)) == []
    assert as_csv(frame).startswith(b"day,model,user,conversation,requests")
    assert len(pandas.read_parquet(io.BytesIO(as_parquet(frame)))) == 0


@pytest.mark.parametrize(
    ("since", "until", "requests"),
    [
        pytest.param(None, None, 5, id="everything"),
        pytest.param(date(2026, 11, 4), None, 3, id="a date is its midnight"),
        pytest.param(None, date(2026, 11, 4), 2, id="before a date"),
        pytest.param(NOON, NOON + timedelta(milliseconds=1), 2, id="the beginning is in, the end is not"),
        pytest.param(NOON.replace(tzinfo=None), NOON.replace(tzinfo=None), 0, id="no zone is UTC; nothing between"),
        pytest.param(datetime(2026, 11, 5, 13, tzinfo=ZoneInfo("Europe/Berlin")), None, 3, id="another zone"),
    ],
)
async def test_from_when_until_when(filled: Ledger, since: Any, until: Any, requests: int) -> None:
    """since <= time < until."""
    assert (await cost_report(filled, since, until, ()))["requests"].sum() == requests


async def test_a_date_begins_in_the_operators_zone(ledger_place: str) -> None:
    """22:59 UTC is the day before in Berlin, 23:00 is not; the months too."""
    async with open_at(ledger_place, report_timezone="Europe/Berlin") as ledger:
        for at in (datetime(2026, 10, 31, 22, 59), datetime(2026, 10, 31, 23)):
            await ledger.record(usage(1), user_id=5, model=MODEL, at=at)
        assert len(await cost_report(ledger, date(2026, 11, 1), None, ("user",))) == 1
        months = await cost_report(ledger, by=("month", "day"))
        assert list(months["month"]) == [pandas.Timestamp("2026-10-01"), pandas.Timestamp("2026-11-01")]
        assert list(months["day"]) == [pandas.Timestamp("2026-10-31"), pandas.Timestamp("2026-11-01")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"by": "d"}, "'d' is nothing to group by", id="no such group"),
        pytest.param({"by": ("model", "model")}, "twice", id="twice"),
        pytest.param({"by": ("model; DROP TABLE entries",)}, "nothing to group by", id="SQL"),
        pytest.param({"by": [{}]}, "nothing to group by", id="a dict"),
        pytest.param({"since": "yesterday"}, "since must be", id="text as a time"),
        pytest.param({"until": 5}, "until must be", id="a number as a time"),
        pytest.param({"since": date.min}, "in no year of UTC", id="before all years"),
        pytest.param({"since": NOON, "until": date(2026, 11, 3)}, "is before since", id="from later than until"),
    ],
)
async def test_what_cannot_be_reported(ledger: Ledger, options: dict[str, Any], message: str) -> None:
    """It says what is wrong, and what there is."""
    with pytest.raises(InvalidArgument, match=message):
        await cost_report(ledger, **options)


async def test_drift_by_family(ledger: Ledger) -> None:
    """Snapshots and fine-tuned models are their family's; what was cancelled, or estimated in part, is not compared."""
    cases = [
        ("gpt-4o-2024-08-06", 100, 100),
        ("openai/gpt-4o", 100, 90),
        ("ft:gpt-4o-2024-08-06:acme::x", 100, 120),
        ("o3", 10, 10),
    ]
    for model, billed, estimated in cases:
        await ledger.record(usage(billed), user_id=5, model=model, estimate=estimated)
    await ledger.record(usage(100), user_id=5, model="o3", estimate=1, status="cancelled")
    await ledger.record(usage(100), user_id=5, model="o3", estimate=Estimate(50, partial=True))
    await ledger.record(usage(100), user_id=5, model="o4-mini")
    frame = await drift_report(ledger)
    assert frame.to_dict("records") == [
        {"family": "gpt-4o", "compared": 3, "exact_share": 1 / 3, "mean_error": pytest.approx(0.1), "bias": pytest.approx(0.1 / 3)},
        {"family": "o3", "compared": 1, "exact_share": 1.0, "mean_error": 0.0, "bias": 0.0},
    ]  # fmt: skip
    assert list((await drift_report(ledger, family=lambda model: "all"))["compared"]) == [4]


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("gpt-4o", "gpt-4o"),
        ("openai/gpt-4o-2024-08-06", "gpt-4o"),
        ("ft:gpt-4o-mini-2024-07-18:acme::x1", "gpt-4o-mini"),
        ("acme-7b", "acme-7b"),
        ("ft:", "ft:"),
        ("", ""),
    ],
)
def test_a_models_family(model: str, base: str) -> None:
    """Whatever the name looks like."""
    assert family_of(model) == base


def test_sums_are_exact(tmp_path: Path) -> None:
    """A hundred thousand tenths of a cent are $100, not $99.9999999998."""

    async def total() -> float:
        async with open_at(f"sqlite:{tmp_path / 'l.sqlite3'}") as ledger:
            for _ in range(50):
                await ledger.save_token_usage(5, MODEL, 1, 1, 0.1)
                await ledger.save_token_usage(5, MODEL, 1, 1, 0.2)
            return float((await cost_report(ledger, by=()))["cost"].iloc[0])

    assert asyncio.run(total()) == 15.0


# The forms.


class Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


async def test_the_page_holds_no_code_of_strangers_and_fetches_nothing(evil: Ledger) -> None:
    """Names are text in it, whatever they are; there is no script, no link, no address."""
    text = page(await overview(evil, by=("user", "conversation", "model"))).decode()
    parsed = Tags(text)
    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "div",
        "b",
        "bdi",
        "svg",
        "rect",
        "text",
        "line",
    }
    assert set(parsed.tags) <= allowed | {"p", "span", "i", "table", "tr", "th", "td"}
    assert not [
        name
        for name, _ in parsed.attributes
        if name.startswith("on") or name in ("src", "href", "xlink:href", "srcdoc")
    ]
    assert "//" not in text and "url(" not in text
    assert "default-src 'none'" in text
    shown = "".join(parsed.text)
    assert (
        "<script>alert(1)</script>" in shown
        and "</title><img src=x onerror=alert(1)>" in shown
        and "&lt;b&gt;" in shown
    )
    for character in ("\x1b", "\u202e", "\0", "\x07"):
        assert character not in text


async def test_the_pages_charts_are_drawings(filled: Ledger) -> None:
    """A column a day, a bar a model, as high as they cost."""
    text = page(await overview(filled, by=("user",))).decode()
    assert text.count("<svg") == 2
    assert "2026-11-03, acme-1: $0.0016" in text and "2026-11-05, acme-1: $0.0300" in text
    assert "$0.0316, 100.0 %" in text
    assert "<title>Costs (Europe/Berlin)</title>" in text


async def test_no_cell_of_a_csv_is_a_formula(evil: Ledger) -> None:
    """And it reads back as it was, but for the apostrophe."""
    rows = list(csv.reader(io.StringIO(as_csv(await cost_report(evil, by=("user", "conversation"))).decode())))
    assert len(rows) == len(EVIL) + 1
    for row in rows[1:]:
        assert not row[0].lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
    names = {row[0].removeprefix("'") for row in rows[1:]}
    assert {"=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", " =1", "a,b\"c'd\r\ne"} <= names


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("=1", "'=1"),
        (" \u3000\uff1d1", "' \u3000\uff1d1"),
        ("\t=1", "'\t'=1"),
        ("x;=1", "x;'=1"),
        ("x\n+1,-1", "x\n'+1,'-1"),
        ("a-b = c; d", "a-b = c; d"),
        ("ft:gpt-4o:acme::x1", "ft:gpt-4o:acme::x1"),
    ],
)
def test_formulas_are_defused_wherever_a_cell_may_begin(name: str, written: str) -> None:
    """Where a spreadsheet's cells end with a semicolon, quotes around a name do not hold it together."""
    (_, row) = csv.reader(io.StringIO(as_csv(pandas.DataFrame({"user": [name]})).decode()))
    assert row == [written]


async def test_json_and_parquet_read_back(evil: Ledger) -> None:
    """Names as they were kept, numbers as they were added up, unknown as null."""
    frame = await cost_report(evil)
    rows = json.loads(as_json(frame).decode("ascii"))
    assert {row["user"] for row in rows} == set(frame["user"])
    assert rows[0]["day"] == "2026-11-03"
    assert [row["cost"] for row in rows if row["model"] != MODEL] == [None] * len(EVIL)
    again = pandas.read_parquet(io.BytesIO(as_parquet(frame)))
    assert list(again["user"]) == list(frame["user"])
    assert again["cost"].sum() == frame["cost"].sum()
    assert again["day"].dt.year.unique().tolist() == [2026]


async def test_the_terminal_gets_no_escapes(evil: Ledger) -> None:
    """Names stay in their line and column."""
    text = render(await overview(evil, by=("user", "model")), limit=0)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "[bold]markup[/bold]" in text and "\\x1b[31m" in text
    assert max(map(len, text.splitlines())) < 220


async def test_the_terminal_shows_what_matters(filled: Ledger) -> None:
    """To the letter: totals, days, shares, estimates."""
    text = render(await overview(filled, date(2026, 11, 1), date(2026, 12, 1), ("user",)))
    assert text == (
        "Costs from 2026-11-01 before 2026-12-01 (Europe/Berlin)\n"
        "\n"
        "cost       $0.0316 and what is unpriced, 5 requests (1 failed, 1 unpriced)\n"
        "input      1,510 tokens, 16.6 % cached\n"
        "output     100 tokens, 0.0 % reasoning\n"
        "fees       $0.0300 of the cost is not for tokens\n"
        "estimates  66.7 % exact, mean error 6.7 %\n"
        "by day     ▁ █  2026-11-03 to 2026-11-05, at most $0.0300\n"
        "\n"
        "user  requests  input  cached  output  reasoning  latency      cost   share\n"
        "6            3     10   0.0 %       0          -        -  $0.0300*  94.9 %  █████████▌\n"
        "5            2  1,500  16.7 %     100      0.0 %    2.0 s  $0.0016    5.1 %  ▌\n"
        "* some of its requests have no price: set one in `prices`\n"
        "\n"
        "Estimates against bills\n"
        "family        compared    exact  mean error     bias\n"
        "acme-1               2   50.0 %      10.0 %  -10.0 %\n"
        "acme-unknown         1  100.0 %       0.0 %    0.0 %\n"
    )


async def test_a_long_table_is_cut(ledger: Ledger) -> None:
    """The dearest stay; of days the latest."""
    for number in range(30):
        await ledger.record(usage(number + 1), user_id=number, model=MODEL, at=NOON + timedelta(days=number))
    text = render(await overview(ledger, by=("user",)), limit=3)
    assert [
        line.split()[0] for line in text.splitlines() if line.endswith(("▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"))
    ] == ["29", "28", "27"]
    assert "27 more rows: --limit 0 shows all" in text
    by_day = render(await overview(ledger, by=("day",)), limit=3).splitlines()
    assert [line[:10] for line in by_day if line.startswith("2026-")] == ["2026-11-30", "2026-12-01", "2026-12-02"]
    assert "more rows" not in render(await overview(ledger, by=("user",)), limit=0)


@pytest.mark.parametrize(
    ("by", "names"), [("user", ["29", "28", "27"]), ("day", ["2026-11-30", "2026-12-01", "2026-12-02"])]
)
async def test_the_pages_table_is_cut_alike(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, by: Any, names: list[str]
) -> None:
    """What is not shown is counted."""
    for number in range(30):
        await ledger.record(usage(number + 1), user_id=number, model=MODEL, at=NOON + timedelta(days=number))
    monkeypatch.setattr(report_html, "TABLE_ROWS", 3)
    html = page(await overview(ledger, by=(by,))).decode()
    assert re.findall('<td class="name"><bdi>([^<]*)</bdi>', html) == names
    assert "27 more rows are not shown" in html


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1e9), max_size=50))
def test_a_sparkline_has_a_character_a_value(values: list[float]) -> None:
    """What is more than 0 is seen, the highest is full."""
    line = sparkline(values)
    assert len(line) == len(values)
    assert all((mark == " ") == (value == 0) for mark, value in zip(line, values, strict=True))
    assert not any(values) or line[values.index(max(values))] == "█"


@settings(max_examples=30)
@given(st.floats(0, 1))
def test_a_bar_is_as_wide_as_its_share(part: float) -> None:
    """In ten cells."""
    assert len(bar(part)) == 10
    assert bar(part).count("█") == int(round(part * 80) / 8)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (1, "100.0 %"),
        (0.99999, "99.9 %"),
        (0.5, "50.0 %"),
        (0.00001, "0.001 %"),
        (0, "0.0 %"),
        (-0.0002, "-0.02 %"),
        (12, "1200.0 %"),
    ],
)
def test_shares(part: float, text: str) -> None:
    """What is not all is not 100 %."""
    assert share(part) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "$0.0000"), (1234.5, "$1,234.5000"), (0.00001234, "$1.2e-05"), (0.0001, "$0.0001")]
)
def test_dollars(amount: float, text: str) -> None:
    """A little is not nothing."""
    assert dollars(amount) == text


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01", "2026-10-31T23:00"),
        ("2026-11-01T12:00", "2026-11-01T11:00"),
        ("2026-11-01T12:00Z", "2026-11-01T12:00"),
        ("1d", "2026-11-02T23:00"),
        ("0d", "2026-11-02T23:00"),
        ("7d", "2026-10-27T23:00"),
    ],
)
def test_times_as_people_write_them(text: str, at: str) -> None:
    """In the zone of the report."""
    assert report_span.start(text, BERLIN, NOON) == datetime.fromisoformat(at).replace(tzinfo=UTC)


def test_a_day_that_is_named_is_included() -> None:
    """Until its end; a time is until just then."""
    assert report_span.end("2026-11-01", BERLIN) == datetime(2026, 11, 1, 23, tzinfo=UTC)
    assert report_span.end("20261101", BERLIN) == datetime(2026, 11, 1, 23, tzinfo=UTC)
    assert report_span.end("2026-11-01T12:00", BERLIN) == datetime(2026, 11, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "9999-12-31", "99999999d", "-5d", "x" * 10_000])
def test_what_is_no_time(text: str) -> None:
    """An error names what can be written."""
    with pytest.raises(InvalidArgument, match="is no time; 2026-11-01"):
        report_span.end(text, BERLIN)


async def test_exchanges_are_those_whose_request_was_kept(ledger_place: str) -> None:
    """A line each, in the documented form; users are not in it."""
    request = {"model": MODEL, "messages": [{"role": "user", "content": "ü\u2028"}]}
    async with open_at(ledger_place, keep_requests=True) as ledger:
        bill = Usage(10, 5, 4, reasoning_tokens=1)
        await ledger.record(bill, user_id="secret-user", model=MODEL, request=request, request_id="r1", estimate=9)
        await ledger.record(usage(1), user_id=5, model=MODEL)
        await ledger.record(None, user_id=5, model=MODEL, status="failed", request=request)
        named = {
            "input": "x",
            "user": "u-5",
            "safety_identifier": "u-5",
            "metadata": {"who": "u-5"},
            "prompt_cache_key": "u-5",
        }
        await ledger.record(usage(2), user_id=5, model=MODEL, request=named, request_id="r2")
        lines = [line async for line in exchanges(ledger)]
    first, second = (json.loads(line) for line in lines)
    assert all(line.count("\n") == 1 and line.isascii() for line in lines)
    assert (first["id"], first["endpoint"], first["model"]) == ("r1", "/v1/chat/completions", MODEL)
    assert (first["billed_input_tokens"], first["estimated_input_tokens"], first["request"]) == (10, 9, request)
    assert Usage.from_openai(first["usage"]) == bill
    assert (second["endpoint"], second["estimated_input_tokens"]) == ("/v1/responses", None)
    assert "secret-user" not in lines[0] and second["request"] == {"input": "x"}


async def test_exchanges_are_what_drift_reads(ledger_place: str, tmp_path: Path) -> None:
    """A request is counted, held, billed, exported, read and counted anew: its line agrees with its bill."""
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
    async with TokenCounter() as counter, open_at(ledger_place, keep_requests=True) as ledger:
        count = await counter.count_chat(request["messages"], model="gpt-4o")  # type: ignore[arg-type]
        held = await ledger.reserve(count, 5, model="gpt-4o", output_tokens=10)
        # 3 a message, 1 for its role, 1 for the word, 3 before the answer
        entry = await ledger.settle(held, {"prompt_tokens": 8, "completion_tokens": 9}, request=request)
        assert (entry.estimated_input_tokens, entry.input_tokens, entry.text_tokens) == (8, 8, 8)
        assert (entry.estimate_assumed, entry.estimate_partial) == (False, False)
        path = tmp_path / "exchanges.jsonl"
        path.write_text("".join([line async for line in exchanges(ledger)]))
        (row,) = drift([outcome async for outcome in count_exchanges(read_exchanges(path), counter)])
        assert (row.family, row.endpoint, row.judged, row.exact) == ("gpt-4o", "/v1/chat/completions", 1, 1)
        assert (await drift_report(ledger))[["family", "exact_share"]].values.tolist() == [["gpt-4o", 1.0]]


def test_importing_costs_next_to_nothing() -> None:
    """Neither the price lists nor pandas nor a database, until they are used."""
    code = "import sys, token_counter; print(sorted({'pandas', 'genai_prices', 'openai', 'sqlite3', 'pydantic', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_without_pandas_the_error_names_the_extra(tmp_path: Path) -> None:
    """The ledger itself needs none."""
    code = f"""if True:
        import asyncio, sys
        sys.modules["pandas"] = None
        from token_counter import MissingExtra, Settings, SqliteLedger
        from token_counter.report import cost_report
        async def main():
            async with SqliteLedger({str(tmp_path / "l.sqlite3")!r}, Settings()) as ledger:
                await ledger.save_token_usage(5, "gpt-4o", 1, 1, 0.1)
                try:
                    await cost_report(ledger)
                except MissingExtra as error:
                    print(error)
        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (
        done.stdout.strip() == "a cost report needs packages that are not installed: `pip install 'cellblock[costs]'`"
    )
