"""The history of a conversation between turns: what to leave out so that the next request fits and is accepted.

Bots call `trim` before a turn; the loops call `without_expired_images`. Both take messages of Chat Completions and input items
of Responses, and change nothing that they are given.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from token_counter.discord_links import discord_link

from ..errors import ContextExceeded
from .images import INTRODUCTION
from .sendable import CALLS, Item, given_item, given_message

if TYPE_CHECKING:
    from token_counter.counter import TokenCounter

Refresh = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]

OUTPUT_TOKENS = 4096  # left for the answer
EXPIRED = "[an image was here; its link has expired]"
_PINNED = ("system", "developer")
_OUTPUTS = {f"{kind}_output": kind for kind in CALLS}


async def trim(
    messages: Sequence[Any],
    model: str,
    *,
    keep: int = 1,
    max_output_tokens: int = OUTPUT_TOKENS,
    tools: Sequence[Mapping[str, Any]] = (),
    counter: "TokenCounter | None" = None,
) -> list[Item]:
    """The newest turns that fit the model's context window, whole: no call is ever without its result.

    A turn is what a user said and all that followed. Instructions (`system`, `developer`) stay, images whose link has expired
    go, and so do calls without results and results without calls, which whoever cut the history by hand left behind.

    Args:
        keep: turns at the end that are never dropped.
        max_output_tokens: left for the answer.
        tools: that the request will offer; they count too.
        counter: one of its own where it is None.

    Raises:
        ContextExceeded: what must be kept does not fit.
    """
    kept = without_expired_images(paired(messages))
    window = window_of(model)
    if counter is None:
        from token_counter.counter import TokenCounter

        counter = TokenCounter()
    turns = _turns(kept)
    costs = [await _cost(counter, turn, model) for turn in turns]
    pinned = [item for item in kept if item.get("role") in _PINNED]
    room = window - max_output_tokens - await _cost(counter, pinned, model, tools)
    first = 0
    while sum(costs[first:]) > room:
        if first >= len(turns) - max(keep, 0):
            raise ContextExceeded(sum(costs[first:]) + window - room, window, model)
        first += 1
    dropped = {id(item) for turn in turns[:first] for item in turn}
    return [item for item in kept if id(item) not in dropped]


def _turns(items: list[Item]) -> list[list[Item]]:
    """Each begins with what a user said; a message with the images of tool calls is not the user's."""
    turns: list[list[Item]] = [[]]
    for item in items:
        if item.get("role") in _PINNED:
            continue
        if item.get("role") == "user" and not _shows_images_of_calls(item):
            turns.append([])
        turns[-1].append(item)
    return [turn for turn in turns if turn]


def _shows_images_of_calls(message: Item) -> bool:
    parts = message.get("content")
    return isinstance(parts, list) and bool(parts) and parts[0].get("text") == INTRODUCTION


def window_of(model: str) -> int:
    """Tokens that the model's input and output share."""
    from token_counter import models

    return models.rule(model).context


async def _cost(counter: "TokenCounter", items: list[Item], model: str, tools: Sequence[Mapping[str, Any]] = ()) -> int:
    if _is_responses(items):
        return (await counter.count_responses(items, tools=list(tools) or None, model=model)).total
    return (await counter.count_chat(items, tools=list(tools) or None, model=model)).total


def _is_responses(items: list[Item]) -> bool:
    """Items of Responses say their `type`, messages of Chat Completions never do; their parts differ in it."""
    return any("type" in item or _has_input_parts(item.get("content")) for item in items)


def _has_input_parts(content: object) -> bool:
    return isinstance(content, list) and any(str(part.get("type", "")).startswith("input_") for part in content)


# ---- calls and results


def paired(messages: Sequence[Any]) -> list[Item]:
    """The same history without calls that nobody answered and results that answer nothing: the APIs refuse both."""
    if any(_kind(message) is not None for message in messages):
        return _paired_items([given_item(item) for item in messages])
    return _paired_messages([given_message(message) for message in messages])


def _kind(message: Any) -> object:
    return message.get("type") if isinstance(message, Mapping) else getattr(message, "type", None)


def _paired_messages(messages: list[Item]) -> list[Item]:
    kept: list[Item] = []
    at = 0
    while at < len(messages):
        message = messages[at]
        behind = at + 1
        while behind < len(messages) and messages[behind].get("role") in ("tool", "function"):
            behind += 1
        results = messages[at + 1 : behind]
        if message.get("role") in ("tool", "function"):
            results = []
        elif _answers(message, results):
            kept += [message, *results]
        else:
            kept += _without_calls(message)
        at = behind
    return kept


def _answers(message: Item, results: list[Item]) -> bool:
    """Whether these are all the results, and nothing but the results, of the message's calls."""
    if call := message.get("function_call"):
        return [(result["role"], result.get("name")) for result in results] == [("function", call.get("name"))]
    called = Counter(call.get("id") for call in message.get("tool_calls") or ())
    return called == Counter(result.get("tool_call_id") for result in results)


def _without_calls(message: Item) -> list[Item]:
    said = {key: value for key, value in message.items() if key not in ("tool_calls", "function_call")}
    return [said] if said.get("content") or said.get("refusal") else []


def _paired_items(items: list[Item]) -> list[Item]:
    calls = Counter((item["type"], item.get("call_id")) for item in items if item.get("type") in CALLS)
    outputs = Counter((_OUTPUTS[item["type"]], item.get("call_id")) for item in items if item.get("type") in _OUTPUTS)
    kept: list[Item] = []
    for item in items:
        kind = item.get("type")
        key = (_OUTPUTS.get(str(kind), str(kind)), item.get("call_id"))
        if (kind in CALLS or kind in _OUTPUTS) and calls[key] != outputs[key]:
            continue
        kept.append(item)
    # Reasoning that led to nothing that is still there is refused: it must be followed by what it was about.
    for at in range(len(kept) - 1, -1, -1):
        if kept[at].get("type") == "reasoning" and (at + 1 == len(kept) or not _of_model(kept[at + 1])):
            del kept[at]
    return kept


def _of_model(item: Item) -> bool:
    return item.get("role") not in ("user", *_PINNED) and item.get("type") not in _OUTPUTS


# ---- images behind links


def without_expired_images(messages: Sequence[Item], now: datetime | None = None) -> list[Item]:
    """The same history with a note in place of each image whose link no longer works; the API would refuse the request."""
    at = now or datetime.now(UTC)
    return [_with_links(message, lambda url: None if _is_expired(url, at) else url) for message in messages]


def images_in(item: Item) -> int:
    """How many images a message or an item shows."""
    return len(_links(item))


async def with_fresh_images(messages: Sequence[Item], refresh: Refresh, now: datetime | None = None) -> list[Item]:
    """The same with new links where `refresh` has them, as token_counter's `refresher` of Discord's links does."""
    at = now or datetime.now(UTC)
    expired: list[str] = []
    for message in messages:
        _with_links(message, lambda url: expired.append(url) if _is_expired(url, at) else url)
    fresh = await refresh(expired) if expired else {}
    return [_with_links(message, lambda url: fresh.get(url) if _is_expired(url, at) else url) for message in messages]


def _is_expired(url: str, now: datetime) -> bool:
    link = discord_link(url)
    return link is not None and link.expired(now)


def _links(item: Item) -> list[str]:
    found: list[str] = []

    def seen(url: str) -> str:
        found.append(url)
        return url

    _with_links(item, seen)
    return found


def _with_links(item: Item, link: Callable[[str], str | None]) -> Item:
    """The item with each image's address as `link` gives it; None: a note in its place."""
    changed = dict(item)
    for field in ("content", "output"):
        if isinstance(item.get(field), list):
            changed[field] = [_with_link(part, link) for part in item[field]]
    return changed


def _with_link(part: Any, link: Callable[[str], str | None]) -> Any:
    if not isinstance(part, Mapping):
        return part
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str) or part.get("type") not in ("image_url", "input_image"):
        return part
    found = link(url)
    if found == url:
        return part
    if found is None:
        return {"type": "text" if part["type"] == "image_url" else "input_text", "text": EXPIRED}
    return {**part, "image_url": {**image, "url": found} if isinstance(image, Mapping) else found}
