"""What tokens cost, by the price lists of genai-prices and the operator's own. Unknown is None, never 0.

The ledger, `TokenCounter.estimate_cost` and whoever has a `Usage` call this.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext
from functools import cache
from typing import TYPE_CHECKING

from .config import Price, Settings
from .usage import Usage

if TYPE_CHECKING:
    from genai_prices import UpdatePrices
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, Provider

# 50 digits: a billion tokens of the dearest model need 24. A caller's own context cannot round or trap ours.
EXACT = Context(prec=50)

_MILLION = Decimal(1_000_000)
_NAME_CHARACTERS = 200  # no model has a longer name: what is longer has no price, and is not looked for
_REMEMBERED = 1024  # models, priced or not

# What a request's own service_tier may say that is no tier: OpenAI then bills the standard price.
_STANDARD = frozenset({"", "auto", "default", "standard"})

# OpenAI's names of built-in tools, and the price keys of genai-prices (genai_prices/data_units.py, 0.2.3).
_FEES = {
    "web_search": "web_searches_kcount",
    "file_search": "storage_searches_kcount",
    "code_interpreter": "code_executions_kcount",
}


def cost(usage: Usage, model: str, at: datetime | None = None) -> Decimal | None:
    """Dollars that a request costs at the standard price; None if nobody knows. Settings are the default ones.

    Args:
        at: when it was billed; a time without zone is UTC. Default: now.
    """
    return default().cost(usage, model, at)


@cache
def default() -> "Prices":
    """The prices of `Settings()` as they are when first asked for."""
    return Prices(Settings())


def updates(every_seconds: float = 3600, url: str | None = None) -> "UpdatePrices":
    """The updater of genai-prices, which fetches its price lists over the network; nothing does so unless it is entered.

    Example: `with prices.updates(): await bot.start()`. The new prices hold for the whole process.
    """
    from genai_prices import UpdatePrices

    return UpdatePrices(every_seconds) if url is None else UpdatePrices(every_seconds, url)


class Prices:
    """The price lists that one set of settings asks for. Loading genai-prices takes half a second, at the first use."""

    def __init__(self, settings: Settings) -> None:
        self._own = {_plain(name): price for name, price in settings.prices.items()}
        self._fees: Mapping[str, Decimal] = settings.fees
        self._provider = settings.price_provider
        self._known: tuple[DataSnapshot | None, dict[str, tuple[Provider, ModelInfo] | None]] = None, {}

    def is_quick(self, model: str) -> bool:
        """Whether the model's price can be told without loading anything."""
        return self._known[0] is not None or self._own_price(model) is not None

    def load(self) -> None:
        """Load the price lists now. It blocks: call it in a thread where there is an event loop."""
        self._model("")

    def cost(
        self,
        usage: Usage,
        model: str,
        at: datetime | None = None,
        *,
        service_tier: str | None = None,
        batch: bool = False,
    ) -> Decimal | None:
        """Dollars that the tokens cost; None if nobody knows.

        Args:
            model: as the API names it; `openai/` and the names of other price lists (`azure/`, `groq/`) may stand before it.
            at: when it was billed; a time without zone is UTC. Default: now.
            service_tier: of the answer. One that the price list does not know for that model and day has no price.
            batch: whether it came through the Batch API.
        """
        own = self._own_price(model)
        with localcontext(EXACT):
            if own is not None:
                return _own_cost(usage, own)
            return self._listed_cost(usage, model, at or datetime.now(UTC), service_tier or "", batch)

    def fee(self, name: str, model: str, count: int = 1, at: datetime | None = None) -> Decimal | None:
        """Dollars for uses of something that is no token, such as "web_search" or "container"; None if nobody knows."""
        with localcontext(EXACT):
            if name in self._fees:
                return self._fees[name] * count
            found = self._model(model)
            if found is None or name not in _FEES:
                return None
            price = getattr(found[1].get_prices(at or datetime.now(UTC)), _FEES[name])
            return price / 1000 * count if isinstance(price, Decimal) else None

    def _own_price(self, model: str) -> Price | None:
        name = _plain(model)
        if name in self._own:
            return self._own[name]
        begins = [own for own in self._own if own.endswith("*") and name.startswith(own[:-1])]
        return self._own[max(begins, key=len)] if begins else None

    def _listed_cost(self, usage: Usage, model: str, at: datetime, tier: str, batch: bool) -> Decimal | None:
        found = self._model(model)
        if found is None:
            return None
        provider, info = found
        context = {} if tier in _STANDARD else {"service_tier": tier}
        if batch:
            context["processing"] = "batch"
        if any(not _has_variant(info, key, value, at) for key, value in context.items()):
            return None  # genai-prices would give the standard price
        price = info.get_prices(at, context)
        if (price.input_mtok is None and usage.input_tokens) or (price.output_mtok is None and usage.output_tokens):
            return None  # a model that is billed by the minute or the picture
        if price.input_mtok is None and price.output_mtok is None:
            return None
        try:
            return info.calc_price(
                _as_genai(usage), provider, genai_request_timestamp=at, price_context=context
            ).total_price
        except ValueError:  # its parts do not add up
            return None

    def _model(self, model: str) -> "tuple[Provider, ModelInfo] | None":
        from genai_prices.data_snapshot import get_snapshot

        snapshot, name = get_snapshot(), _plain(model)
        if len(name) > _NAME_CHARACTERS:
            return None
        known_in, known = self._known
        if known_in is not snapshot or len(known) >= _REMEMBERED:
            known = {}
            self._known = snapshot, known  # in one step: threads share this object
        if name not in known:
            known[name] = _look_up(snapshot, self._provider, name)
        return known[name]


def _look_up(snapshot: "DataSnapshot", provider_id: str, name: str) -> "tuple[Provider, ModelInfo] | None":
    """By our own walk: genai-prices remembers every name it was ever asked for, and strangers may choose names."""
    providers = {provider.id: provider for provider in snapshot.providers}
    head, _, tail = name.partition("/")
    if tail and head in providers:
        provider_id, name = head, tail
    provider = providers.get(provider_id)
    model = provider.find_model(name, all_providers=snapshot.providers) if provider else None
    return (provider, model) if provider and model else None


def _plain(model: str) -> str:
    return model[: _NAME_CHARACTERS + 20].lower().removeprefix("openai/")


def _has_variant(info: "ModelInfo", key: str, value: str, at: datetime) -> bool:
    return any(
        variant.when == {key: value} and (variant.constraint is None or variant.constraint.active(at))
        for variant in info.price_variants or ()
    )


def _as_genai(usage: Usage) -> dict[str, int]:
    """In genai-prices' names. Cached tokens are taken for text first: the APIs do not say which of them were images."""
    cached, image, audio = usage.cached_tokens, usage.image_tokens or 0, usage.audio_tokens
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": cached,
        "cache_write_tokens": min(usage.cache_write_tokens, usage.input_tokens - cached),
        "input_image_tokens": image,
        "input_audio_tokens": audio,
        "output_audio_tokens": usage.output_audio_tokens,
        "cache_image_read_tokens": max(0, image + cached - usage.input_tokens),
        "cache_audio_read_tokens": max(0, audio + cached - usage.input_tokens),
    }


def _own_cost(usage: Usage, price: Price) -> Decimal:
    cached_price = price.input_mtok if price.cached_mtok is None else price.cached_mtok
    short_price = price.input_mtok if price.cache_write_mtok is None else price.cache_write_mtok
    long_price = short_price if price.cache_write_12h_mtok is None else price.cache_write_12h_mtok
    uncached = usage.input_tokens - usage.cached_tokens
    long = min(usage.cache_write_12h_tokens, uncached)
    short = min(usage.cache_write_30m_tokens, uncached - long)
    dollars = (
        (uncached - long - short) * price.input_mtok
        + usage.cached_tokens * cached_price
        + short * short_price
        + long * long_price
        + usage.output_tokens * price.output_mtok
    )
    return dollars / _MILLION
