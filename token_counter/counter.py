"""TokenCounter: what a request will be billed, before it is sent. Applications and the dispatcher's loops hold one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from . import models
from .chat import ChatWalk, chat_request
from .count import Count, Tally
from .errors import InvalidArgument
from .history import History, Items, Walk
from .messages import Images
from .models import ModelRule
from .responses import ResponsesWalk, responses_request
from .text import measure
from .text_counts import RequestTokens, TextCounts, Tokens, TooLong

if TYPE_CHECKING:
    # Only for their names: most requests have no image, no price and no server to ask.
    from openai import AsyncOpenAI

    from .discord_refresh import Refresh
    from .fetching import ImageFetcher
    from .images import ImageCount

_Walk = TypeVar("_Walk", bound=Walk)

DEFAULT_MODEL = "gpt-4o"  # of the calls that the original bot made without one


class TokenCounter:
    """Counts requests of Chat Completions and of Responses. Texts that it has counted lately cost nothing again.

    Args:
        ledger: kept for its user as `.ledger`; counting does not need it.
        client: asked by `verify=True`.
        fetcher: asked for the sizes of images behind links; None: one that asks Discord's hosts only.
        fetch_links: False keeps the counter off the network: an image behind a link is then assumed to be 1024 x 1024.
        refresh: asked for new links in place of Discord's expired ones, such as `refresher(token)`.
    """

    def __init__(
        self,
        ledger: object = None,
        *,
        client: "AsyncOpenAI | None" = None,
        fetcher: "ImageFetcher | None" = None,
        fetch_links: bool = True,
        refresh: "Refresh | None" = None,
    ) -> None:
        self.ledger = ledger
        self._client = client
        self._fetcher = fetcher
        self._fetch_links = fetch_links
        self._refresh = refresh
        self._counts: dict[str, TextCounts] = {}
        self._history = History()
        self._images_loaded = False

    def count_text_tokens(self, text: str, model: str) -> int:
        """Tokens of a bare text; not what a message with it costs. The first call of a process loads the vocabulary."""
        return measure(text, models.rule(model).encoding).tokens

    async def count_image_tokens(
        self,
        image_data: bytes | None = None,
        image_url: str | None = None,
        detail: str = "auto",
        model: str = DEFAULT_MODEL,
    ) -> int:
        """What one image costs in Chat, given its first bytes or its link.

        Raises:
            InvalidArgument: neither is given, or both.
            ImageUnreadable: the bytes are no image that the API takes.
        """
        if (image_data is None) == (image_url is None):
            raise InvalidArgument("give either image_data or image_url")
        if image_data is not None:
            from .images import image_tokens, size_of

            rule = _image_rule(await models.rule_async(model))
            return image_tokens(*size_of(image_data), rule, detail, "chat").tokens
        part = {"type": "image_url", "image_url": {"url": image_url, "detail": detail}}
        return (await self._image_counts([part], await models.rule_async(model)))[0].tokens

    async def count_message_tokens(self, messages: Sequence[Any], model: str) -> dict[str, int]:
        """What messages alone cost: `text_tokens` with all that frames them, `image_tokens`, `total_tokens`."""
        count = await self.count_chat(messages, model=model)
        return {
            "text_tokens": count.total - count.images,
            "image_tokens": count.images,
            "total_tokens": count.total,
        }

    async def check_context_limit(
        self, messages: Sequence[Any], model: str, max_output_tokens: int = 4096
    ) -> dict[str, Any]:
        """Whether messages and an answer of `max_output_tokens` fit into what the model can read and write together."""
        counted = await self.count_message_tokens(messages, model)
        limit, used = models.rule(model).context, counted["total_tokens"]
        return {
            "within_limit": used + max_output_tokens <= limit,
            "input_tokens": used,
            "max_tokens": limit,
            "available_output_tokens": max(limit - used, 0),
            "text_tokens": counted["text_tokens"],
            "image_tokens": counted["image_tokens"],
            "needed_output_tokens": max_output_tokens,
        }

    def estimate_cost(
        self, input_tokens: int, output_tokens: int, model: str, cached_tokens: int = 0, *, at: datetime | None = None
    ) -> float | None:
        """Dollars of a request of so many tokens, `cached_tokens` of them among the input; None if nobody knows the price."""
        from . import prices
        from .usage import Usage

        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cached_tokens=cached_tokens)
        cost = prices.cost(usage, model, at)
        return None if cost is None else float(cost)

    async def count_chat(
        self,
        messages: Sequence[Any],
        tools: Sequence[Any] | None = None,
        tool_choice: object = None,
        functions: Sequence[Any] | None = None,
        function_call: object = None,
        response_format: object = None,
        *,
        model: str,
    ) -> Count:
        """What a request of Chat Completions will be billed for its input. The arguments are the API's.

        Raises:
            UnreadableRequest: they are no such request.
        """
        request = chat_request(messages, tools, tool_choice, functions, function_call, response_format)
        fresh = ChatWalk(await models.rule_async(model))
        return await self._counted(fresh, request.messages, lambda walk, tokens: walk.finish(request, tokens))

    async def count_responses(
        self,
        input: str | Sequence[Any],
        instructions: str | None = None,
        tools: Sequence[Any] | None = None,
        tool_choice: object = None,
        text: object = None,
        *,
        model: str,
        previous_response_id: str | None = None,
        conversation: object = None,
        prompt: object = None,
        reasoning: object = None,
        context_management: object = None,
        verify: bool = False,
    ) -> Count:
        """What a request of the Responses API will be billed for its input. The arguments are the API's.

        Args:
            verify: ask the server for the total. The parts stay as counted here; what the server finds more or less is
                overhead, nothing is unknown or assumed. It costs a request, and it is the only truth where the
                conversation is kept on the server.

        Raises:
            UnreadableRequest: they are no such request.
            CountingFailed: the server was asked, and did not answer with a count.
        """
        kept = _kept(previous_response_id, conversation, prompt, reasoning, context_management)
        request = responses_request(input, instructions, tools, tool_choice, text, kept)
        fresh = ResponsesWalk(await models.rule_async(model))
        count = await self._counted(fresh, request.input, lambda walk, tokens: walk.finish(request, tokens))
        if not verify:
            return count
        from .verify import count_on_server

        total = await count_on_server(
            self._client,
            model=fresh.rule.model,
            input=input,
            instructions=instructions,
            tools=tools,
            tool_choice=tool_choice,
            text=text,
            previous_response_id=previous_response_id,
            conversation=conversation,
            reasoning=reasoning,
        )
        return replace(count, overhead=count.overhead + total - count.total, unknown=(), assumptions=())

    async def count_request(self, request: Mapping[str, Any]) -> Count:
        """What a whole request body of either API costs; fields that cost no tokens are passed over.

        Raises:
            UnreadableRequest: it is none.
        """
        chat = "messages" in request
        names = _CHAT_FIELDS if chat else _RESPONSES_FIELDS
        fields = {name: request[name] for name in names if request.get(name) is not None}
        model = str(request.get("model", DEFAULT_MODEL))
        if chat:
            return await self.count_chat(model=model, **fields)
        return await self.count_responses(model=model, **{"input": [], **fields})

    async def close(self) -> None:
        """Forget what was counted. The client is the caller's."""
        self._counts.clear()
        self._history = History()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _counted(self, fresh: _Walk, items: Items, finish: Callable[[_Walk, Tokens], Tally]) -> Count:
        """Go on from the longest beginning that is known: on the event loop if only little is new, else in a thread."""
        known = self._history.longest(fresh, items)
        new = items[len(known.items) :]
        images = await self._image_counts(fresh.image_parts(new), fresh.rule)
        encoding = fresh.rule.encoding
        counts = self._counts.setdefault(encoding, TextCounts())
        try:
            walk, count = _walked(known.walk, new, images, RequestTokens(encoding, counts, on_loop=True), finish)
        except TooLong:
            tokens = RequestTokens(encoding, counts)
            walk, count = await asyncio.to_thread(_walked, known.walk, new, images, tokens, finish)
        if new and not images:  # what an image costs may change: its link expires
            self._history.keep(known, new, walk)
        return count

    async def _image_counts(self, parts: Sequence[Mapping[str, Any]], rule: ModelRule) -> "Sequence[ImageCount]":
        if not parts:
            return ()
        if not self._images_loaded:
            await asyncio.to_thread(_load_images)
            self._images_loaded = True
        from .image_parts import images_of_parts

        return await images_of_parts(parts, _image_rule(rule), self._image_fetcher(), self._refresh)

    def _image_fetcher(self) -> "ImageFetcher | None":
        if self._fetcher is None and self._fetch_links:
            from .fetching import ImageFetcher

            self._fetcher = ImageFetcher()
        return self._fetcher


_INEXACT = "a text without a break was counted in pieces, which makes a little too many tokens"
_CHAT_FIELDS = ("messages", "tools", "tool_choice", "functions", "function_call", "response_format")
_RESPONSES_FIELDS = (
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "text",
    "previous_response_id",
    "conversation",
    "prompt",
    "reasoning",
    "context_management",
)


def _walked(
    known: _Walk,
    items: Items,
    images: "Sequence[ImageCount]",
    tokens: RequestTokens,
    finish: Callable[[_Walk, Tokens], Tally],
) -> tuple[_Walk, Count]:
    """The walk behind these items, and the whole request's count."""
    walk, costs = known.copied(), Images(images)
    for item in items:
        walk.add(item, tokens, costs)
    if not tokens.exact:
        walk.tally.assume(_INEXACT)
    tally = finish(walk.copied(), tokens)
    if not tokens.exact:
        tally.assume(_INEXACT)
    return walk, tally.count()


def _load_images() -> None:
    """What reads files at its first use: modules, and the table of rules."""
    from . import fetching, image_parts, images  # noqa: F401

    images.rule_names()


def _image_rule(rule: ModelRule) -> str:
    """Of a model that takes no images, as far as is known: what the newest would pay, so that nothing is left out."""
    return rule.images or models.rule(models.NEWEST).images or ""


def _kept(previous: object, conversation: object, prompt: object, reasoning: object, management: object) -> list[str]:
    """What of a request stands for more than is in it."""
    sentences = {
        "previous_response_id: the server adds the conversation up to that answer": previous,
        "conversation: the server adds what that conversation holds": conversation,
        "prompt: the server adds the template": prompt,
        "context_management: the server may shorten the input before it is billed": management,
        "reasoning mode pro: the server asks itself several times": isinstance(reasoning, Mapping)
        and reasoning.get("mode") == "pro",
    }
    return [sentence for sentence, given in sentences.items() if given]
