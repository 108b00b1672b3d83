"""The server's own count of a request's input, where no rule is good enough. TokenCounter and calibrate.py ask it."""

from typing import TYPE_CHECKING, Any

from .errors import CountingFailed, InvalidArgument

if TYPE_CHECKING:
    from openai import AsyncOpenAI


async def count_on_server(client: "AsyncOpenAI | None", **request: Any) -> int:
    """Tokens that the server says it would bill for a Responses request; arguments that are None are not sent.

    Raises:
        InvalidArgument: there is no client.
        CountingFailed: the server did not answer with a count.
    """
    if client is None:
        raise InvalidArgument("the server's count needs a client: TokenCounter(client=AsyncOpenAI())")
    from openai import OpenAIError

    given = {name: value for name, value in request.items() if value is not None}
    try:
        answer = await client.responses.input_tokens.count(**given)
    except OpenAIError as error:
        raise CountingFailed(f"the server did not count this request: {error}") from error
    tokens = getattr(answer, "input_tokens", None)
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
        raise CountingFailed("the server's answer holds no count; is it an OpenAI server?")
    return tokens
