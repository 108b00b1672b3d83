"""What the API says it billed, in one shape for both APIs: what a ledger records and a price is worked out from."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .errors import InvalidUsage, shown

MAX_TOKENS = 10**9  # of one request: a thousand times the largest context window; more is nonsense, not a bill


@dataclass(frozen=True)
class Usage:
    """The tokens of one request, or of several added up.

    Attributes:
        input_tokens: all of the input: cached, written to a cache, text, images and audio are parts of it.
        cached_tokens: of the input, read from a cache.
        cache_write_30m_tokens, cache_write_12h_tokens: of the input, written to a cache for so long.
        text_tokens, image_tokens: of the input; None where the API does not tell.
        output_tokens: all of the output, reasoning included.
        reasoning_tokens: of the output, what nobody gets to see.

    Raises:
        InvalidUsage: a number is negative, no whole number, or larger than any request.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_30m_tokens: int = 0
    cache_write_12h_tokens: int = 0
    text_tokens: int | None = None
    image_tokens: int | None = None
    audio_tokens: int = 0
    reasoning_tokens: int = 0
    output_audio_tokens: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            number = _whole(field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, field.default if number is None else number)
        for part in ("cached_tokens", "cache_write_tokens"):
            if getattr(self, part) > self.input_tokens:
                raise InvalidUsage(
                    f"the usage says {part} = {getattr(self, part)} of input_tokens = {self.input_tokens}: "
                    "the server that sent it counts otherwise than OpenAI; convert it first"
                )

    @property
    def cache_write_tokens(self) -> int:
        """Written to a cache, for however long."""
        return self.cache_write_30m_tokens + self.cache_write_12h_tokens

    @property
    def visible_tokens(self) -> int:
        """Of the output, what the caller gets."""
        return max(self.output_tokens - self.reasoning_tokens, 0)

    @property
    def total_tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        """The usage of two requests; a part that one of them does not tell is not told."""
        values: dict[str, Any] = {}
        for field in fields(self):
            mine, others = getattr(self, field.name), getattr(other, field.name)
            values[field.name] = None if mine is None or others is None else mine + others
        return Usage(**values)

    @classmethod
    def from_openai(cls, given: object) -> "Usage":
        """Read the `usage` of Chat Completions, Responses or Embeddings, or a whole answer that has one.

        Args:
            given: an object of the SDK, or a dict as in the JSON.

        Raises:
            InvalidUsage: it is no usage, or its numbers cannot be.
        """
        if isinstance(given, Usage):
            return given
        if not _has_numbers(given) and _has_numbers(_get(given, "usage")):
            given = _get(given, "usage")
        # openai/types/completion_usage.py and openai/types/responses/response_usage.py, 3.54
        if _get(given, "input_tokens") is not None:
            sent, made = "input_tokens", "output_tokens"
        elif _get(given, "prompt_tokens") is not None:
            sent, made = "prompt_tokens", "completion_tokens"
        else:
            raise InvalidUsage(
                f"a {type(given).__name__} is no usage: it has neither input_tokens nor prompt_tokens; "
                "give the `usage` of the answer (a streamed Chat answer has one only with stream_options.include_usage)"
            )
        inputs, outputs = _get(given, f"{sent}_details"), _get(given, f"{made}_details")
        short, long = _cache_writes(inputs)
        return cls(
            input_tokens=_whole(sent, _get(given, sent)) or 0,
            output_tokens=_whole(made, _get(given, made)) or 0,
            cached_tokens=_get(inputs, "cached_tokens") or 0,
            cache_write_30m_tokens=short,
            cache_write_12h_tokens=long,
            text_tokens=_get(inputs, "text_tokens"),
            image_tokens=_get(inputs, "image_tokens"),
            audio_tokens=_get(inputs, "audio_tokens") or 0,
            reasoning_tokens=_get(outputs, "reasoning_tokens") or 0,
            output_audio_tokens=_get(outputs, "audio_tokens") or 0,
        )


def service_tier_of(given: object) -> str | None:
    """What a whole answer says it was served by; a bare usage does not say."""
    tier = _get(given, "service_tier")
    return tier if isinstance(tier, str) else None


def _has_numbers(given: object) -> bool:
    return any(_get(given, name) is not None for name in ("input_tokens", "prompt_tokens"))


def _cache_writes(inputs: object) -> tuple[int, int]:
    """Tokens written for 30 minutes and for 12 hours. Chat does not split them: 30 minutes is the APIs' default."""
    written = _whole("cache_write_tokens", _get(inputs, "cache_write_tokens")) or 0
    split = _get(inputs, "cache_write_tokens_details")
    long = _whole("ttl_12h_tokens", _get(split, "ttl_12h_tokens")) or 0
    short = _whole("ttl_30m_tokens", _get(split, "ttl_30m_tokens")) or 0
    return max(written - long, short), long


def _get(given: object, name: str) -> Any:
    return given.get(name) if isinstance(given, Mapping) else getattr(given, name, None)


def _whole(name: str, value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():  # some proxies write 12.0
        value = int(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidUsage(f"the usage says {name} = {shown(value)}: that is no number of tokens")
    if not 0 <= value <= MAX_TOKENS:
        size = "negative" if value < 0 else f"more than {MAX_TOKENS:,}"
        raise InvalidUsage(f"the usage says a {name} that is {size}: no request has that many")
    return int(value)
