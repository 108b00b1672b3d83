"""A turn over Responses: `run_responses` gives the Turn, `stream_responses` the same turn as events.

The whole conversation is sent each time, so that nothing depends on what the server keeps: reasoning goes back with the calls
it belongs to, programs and what they called stay together.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import events
from ..errors import AnswerFailed, InvalidRequest
from ..result import Turn
from .dispatcher import Dispatcher
from .metering import Bill
from .offered import checked_client, checked_options, offered
from .responses_stream import read_stream
from .sendable import CALLS, Item, given_item, plain, response_item
from .turn import Answer, Asked, TurnRun, TurnStream

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from token_counter.count import Count
    from token_counter.counter import TokenCounter

UserId = int | str

# What the loop itself says in a request, and what would make the server add to the conversation what is sent anyway.
OWN_OPTIONS = ("background", "conversation", "input", "model", "previous_response_id", "stream", "tools")


async def run_responses(
    client: "AsyncOpenAI",
    dispatcher: Dispatcher,
    *,
    model: str,
    messages: str | Sequence[Any],
    user_id: UserId,
    session_id: str | None = None,
    files: Sequence[str] = (),
    tools: Sequence[Mapping[str, Any]] = (),
    max_rounds: int = 8,
    deadline: float | None = None,
    conversation: str | None = None,
    options: Mapping[str, Any] | None = None,
    on_event: events.OnEvent | None = None,
) -> Turn:
    """`run_chat` over the Responses API.

    Args:
        messages: the conversation so far, as Responses' `input`: text alone, or items, dicts or the SDK's objects.
        options: further arguments of `client.responses.create`, such as `instructions` and `reasoning`.

    The other arguments, and what is raised, are those of `run_chat`; besides:

    Raises:
        AnswerFailed: the API ended its answer with an error.
    """
    api = _Responses(client, model, offered(dispatcher.responses_tools(), tools), checked_options(options, OWN_OPTIONS))
    asked = _asked(dispatcher, model, messages, user_id, session_id, files, max_rounds, deadline, conversation)
    return await TurnRun(api, asked, on_event).run()


def stream_responses(
    client: "AsyncOpenAI",
    dispatcher: Dispatcher,
    *,
    model: str,
    messages: str | Sequence[Any],
    user_id: UserId,
    session_id: str | None = None,
    files: Sequence[str] = (),
    tools: Sequence[Mapping[str, Any]] = (),
    max_rounds: int = 8,
    deadline: float | None = None,
    conversation: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> TurnStream:
    """`stream_chat` over the Responses API; arguments and errors are those of `run_responses`."""
    offers, more = offered(dispatcher.responses_tools(), tools), checked_options(options, OWN_OPTIONS)
    asked = _asked(dispatcher, model, messages, user_id, session_id, files, max_rounds, deadline, conversation)
    return TurnStream(_StreamedResponses(client, model, offers, more), asked)


def _asked(dispatcher: Dispatcher, model: str, messages: str | Sequence[Any], *rest: Any) -> Asked:
    if isinstance(messages, Mapping):
        raise InvalidRequest("messages is a dict; it must be text, or a list of input items")
    given = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    return Asked(dispatcher, model, [given_item(item) for item in given], *rest)


class _Responses:
    """Responses, answers in one piece."""

    endpoint = "/v1/responses"

    def __init__(self, client: "AsyncOpenAI", model: str, tools: list[Item], options: Mapping[str, Any]) -> None:
        self._client = checked_client(client)
        self._model, self._tools, self._options = model, tools, options
        self.output_tokens: int | None = options.get("max_output_tokens")

    def _request(self, messages: list[Item], with_tools: bool) -> dict[str, Any]:
        request = {"model": self._model, "input": messages, **self._options}
        if with_tools and self._tools:
            return request | {"tools": self._tools}
        # Without tools the API refuses what speaks of them.
        return {key: value for key, value in request.items() if key not in ("tool_choice", "parallel_tool_calls")}

    async def ask(self, messages: list[Item], with_tools: bool, tell: events.Teller, bill: Bill) -> Answer:
        response = await self._client.responses.create(**self._request(messages, with_tools))
        return answer_of(plain(response))

    async def count(self, counter: "TokenCounter", messages: list[Item], with_tools: bool) -> "Count":
        request = self._request(messages, with_tools)
        return await counter.count_responses(
            messages,
            instructions=request.get("instructions"),
            tools=request.get("tools"),
            tool_choice=request.get("tool_choice"),
            text=request.get("text"),
            reasoning=request.get("reasoning"),
            prompt=request.get("prompt"),
            model=self._model,
        )


class _StreamedResponses(_Responses):
    """Responses, answers as they are written."""

    async def ask(self, messages: list[Item], with_tools: bool, tell: events.Teller, bill: Bill) -> Answer:
        stream = await self._client.responses.create(**self._request(messages, with_tools), stream=True)
        bill.begun()
        async with stream:
            response = await read_stream(stream, tell)
        return answer_of(response)


def answer_of(response: Item) -> Answer:
    """What a response, as plain data, means for the turn."""
    status, failure = response.get("status"), None
    if status not in ("completed", "incomplete", None):
        error = response.get("error") or {}
        failure = AnswerFailed(error.get("code"), error.get("message") or f"the response is {status}")
    searched = (response.get("tool_usage") or {}).get("web_search") or {}
    items = [response_item(item) for item in response.get("output") or ()]
    calls = [item for item in items if item.get("type") in CALLS]
    said = [item for item in items if item.get("type") == "message"]
    # Reasoning without the call that it led to is refused: where calls must go, only what was said stays.
    spoken = said if calls else items
    text = "".join(_text(item) for item in said)
    empty = {"type": "message", "role": "assistant", "content": []}
    return Answer(
        items=items,
        spoken=spoken,
        message=said[-1] if said else empty,
        text=text,
        calls=calls,
        ending=status,
        complete=status == "completed",
        usage=response.get("usage"),
        model=response.get("model"),
        service_tier=response.get("service_tier"),
        searches=searched.get("num_requests") or 0,
        failure=failure,
    )


def _text(message: Item) -> str:
    parts = message.get("content")
    if isinstance(parts, str):
        return parts
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in parts or ())
