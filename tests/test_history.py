"""The history between turns: what `trim` leaves out, and that what stays can be sent."""

import copy
import random
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.dispatch import history
from plugin.dispatch.images import INTRODUCTION
from plugin.errors import ContextExceeded
from tests.api_server import custom, function, function_item, message_item
from tests.strict_types import check_answered, check_answered_items, check_chat_messages, check_response_input
from token_counter.counter import TokenCounter

Item = dict[str, Any]
MODEL = "gpt-4"  # 8,192 tokens
SYSTEM = {"role": "system", "content": "Be brief."}
LONG = "word " * 1500


def user(text: str = "go") -> Item:
    return {"role": "user", "content": text}


def said(text: str = "ok") -> Item:
    return {"role": "assistant", "content": text}


def called(*ids: str, text: str = "result") -> list[Item]:
    """An assistant message with calls, and their results."""
    calls = [function("note", {}, call_id) for call_id in ids]
    results = [{"role": "tool", "tool_call_id": call_id, "content": text} for call_id in ids]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *results]


def items(call_id: str, text: str = "result") -> list[Item]:
    """Reasoning, a call and its output."""
    reasoning = {"type": "reasoning", "id": f"rs_{call_id}", "summary": []}
    output = {"type": "function_call_output", "call_id": call_id, "output": text}
    return [reasoning, function_item("note", {}, call_id), output]


SHOWN = {
    "role": "user",
    "content": [
        {"type": "text", "text": INTRODUCTION},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
    ],
}


async def test_the_oldest_turns_go_first() -> None:
    """Whole, with their calls and results; instructions stay; what was given is left alone."""
    turns = [[user(str(number)), *called(f"c{number}", text=LONG), said(str(number))] for number in range(10)]
    given = [SYSTEM, *chain.from_iterable(turns)]
    before = copy.deepcopy(given)
    kept = await history.trim(given, MODEL, max_output_tokens=1000)
    assert given == before
    assert kept == [SYSTEM, *chain.from_iterable(turns[-4:])]
    count = await TokenCounter().count_chat(kept, model=MODEL)
    assert count.total + 1000 <= 8192 < count.total + 1000 + 1600


async def test_what_fits_stays_as_it_is() -> None:
    """Image messages of the tools are part of the turn."""
    given = [SYSTEM, user(), *called("a", "b"), SHOWN, said(), user()]
    assert await history.trim(given, MODEL) == given
    assert [len(turn) for turn in history._turns(given)] == [6, 1]


async def test_responses_are_trimmed_alike() -> None:
    """Reasoning goes with its call, and the call with its output."""
    turns = [[user(str(number)), *items(f"c{number}", LONG), message_item(str(number))] for number in range(8)]
    kept = await history.trim([*chain.from_iterable(turns), user("now")], MODEL, max_output_tokens=1000)
    assert kept == [*chain.from_iterable(turns[-4:]), user("now")]
    check_response_input(kept)
    check_answered_items(kept)


@pytest.mark.parametrize("keep", [0, 1, 2, 3])
async def test_what_must_be_kept_and_does_not_fit(keep: int) -> None:
    """It is told, with what is needed; `keep` turns are never dropped."""
    given = [user("a"), said(), user("b"), said(LONG * 3), user("c"), said(LONG * 2)]
    if keep < 2:
        assert await history.trim(given, MODEL, keep=keep) == given[-2:]
    else:
        with pytest.raises(ContextExceeded) as raised:
            await history.trim(given, MODEL, keep=keep)
        assert raised.value.window == 8192 < raised.value.needed


async def test_tools_count_too() -> None:
    """What the request will offer takes its part of the window."""
    given = [user("a"), said(LONG * 2), user("b")]
    tool = {
        "type": "function",
        "function": {"name": "t", "description": LONG, "parameters": {"type": "object", "properties": {}}},
    }
    assert await history.trim(given, MODEL) == given
    assert await history.trim(given, MODEL, tools=[tool]) == given[-1:]


ORPHANS = [
    pytest.param([*called("a")[1:], user()], [user()], id="results whose call was cut off"),
    pytest.param([user(), called("a", "b")[0]], [user()], id="calls without results"),
    pytest.param([user(), *called("a", "b")[:2], user("b")], [user(), user("b")], id="one result of two"),
    pytest.param(
        [user(), {**called("a")[0], "content": "I will"}, user()], [user(), said("I will"), user()], id="words stay"
    ),
    pytest.param([user(), *called("a"), *called("a")[1:]], [user()], id="answered twice"),
    pytest.param([user(), *called("a", "a"), said()], [user(), *called("a", "a"), said()], id="two calls of one id"),
    pytest.param([user(), items("a")[1], user()], [user(), user()], id="an item without output"),
    pytest.param([*items("a")[2:], user()], [user()], id="an output without call"),
    pytest.param([user(), *items("a")[:2], user()], [user(), user()], id="its reasoning goes with it"),
    pytest.param([user(), *items("a")], [user(), *items("a")], id="a whole one"),
]


@pytest.mark.parametrize(("given", "kept"), ORPHANS)
async def test_what_was_cut_by_hand_is_mended(given: list[Item], kept: list[Item]) -> None:
    """`messages[-20:]` cuts between calls and results; the API would refuse what is left."""
    assert history.paired(given) == kept
    assert await history.trim(given, MODEL) == kept


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
async def test_any_piece_of_a_history_can_be_sent_when_trimmed(chosen: random.Random) -> None:
    """Whatever is cut out of it, in either API's form, in any order of pieces."""
    number = iter(range(10**6))
    turns: list[Item] = []
    chat = chosen.random() < 0.5
    for _ in range(chosen.randrange(1, 6)):
        turns.append(user())
        for _ in range(chosen.randrange(3)):
            ids = [f"c{next(number)}" for _ in range(chosen.randrange(1, 4))]
            turns += called(*ids) if chat else chain.from_iterable(map(items, ids))
        turns.append(said() if chat else message_item("ok"))
    start, end = sorted(chosen.randrange(len(turns) + 1) for _ in range(2))
    piece = [item for item in turns[start:end] if chosen.random() < 0.9]
    kept = history.paired(piece)
    (check_chat_messages if chat else check_response_input)(kept)
    (check_answered if chat else check_answered_items)(kept)
    assert history.paired(kept) == kept


CDN = "https://cdn.discordapp.com/attachments/1/2/x.png?ex={:x}&is=1&hm=0"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
GOOD, GONE = CDN.format(int(NOW.timestamp()) + 60), CDN.format(int(NOW.timestamp()) - 60)


def shown(url: str) -> list[Item]:
    """An image in each of the places where one may stand."""
    return [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]},
        {"role": "user", "content": [{"type": "input_image", "image_url": url, "detail": "low"}]},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_image", "image_url": url}]},
    ]


@pytest.mark.parametrize("at", range(3), ids=["chat", "responses", "an output"])
async def test_images_whose_link_has_expired(at: int) -> None:
    """A note stands in their place, or the new link where there is one; others are left alone."""
    good, gone = shown(GOOD)[at], shown(GONE)[at]
    for url in (GOOD, "https://example.com/x.png", "data:image/png;base64,AA=="):
        assert history.without_expired_images([shown(url)[at]], NOW) == [shown(url)[at]]
    (noted,) = history.without_expired_images([gone], NOW)
    assert history.EXPIRED in str(noted) and "discord" not in str(noted)

    async def refresh(urls: Any) -> dict[str, str]:
        return dict.fromkeys(urls, GOOD)

    async def refuse(urls: Any) -> dict[str, str]:
        return {}

    assert await history.with_fresh_images([gone], refresh, NOW) == [good]
    assert await history.with_fresh_images([gone], refuse, NOW) == [noted]


async def test_custom_and_legacy_calls_are_pairs_too() -> None:
    """As function calls are."""
    legacy = [
        {"role": "assistant", "content": None, "function_call": {"name": "note", "arguments": "{}"}},
        {"role": "function", "name": "note", "content": "x"},
    ]
    mixed = [
        {"role": "assistant", "content": None, "tool_calls": [custom("note", "x", "a"), function("note", {}, "b")]},
        {"role": "tool", "tool_call_id": "a", "content": "x"},
        {"role": "tool", "tool_call_id": "b", "content": "x"},
    ]
    assert history.paired([user(), *legacy, *mixed]) == [user(), *legacy, *mixed]
    assert history.paired([user(), legacy[0], mixed[0], mixed[1]]) == [user()]
