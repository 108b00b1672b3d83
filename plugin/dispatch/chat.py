"""A turn over Chat Completions: `run_chat` gives the Turn, `stream_chat` the same turn as events."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import events
from ..errors import AnswerFailed, InvalidRequest
from ..result import Turn
from .chat_stream import read_stream
from .dispatcher import Dispatcher
from .metering import Bill
from .offered import checked_client, checked_options, offered
from .sendable import Item, chat_message, given_message, plain
from .turn import Answer, Asked, TurnRun, TurnStream

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from token_counter.count import Count
    from token_counter.counter import TokenCounter

UserId = int | str

# What the loop itself says in a request.
OWN_OPTIONS = ("functions", "messages", "model", "stream", "tools")
# Chat Completions' finish reasons after which calls are complete; after `length` and `content_filter` they are not.
# openai/types/chat/chat_completion.py, Choice.finish_reason. A forced tool_choice ends with `stop`.
COMPLETE = ("stop", "tool_calls", "function_call")


async def run_chat(
    client: "AsyncOpenAI",
    dispatcher: Dispatcher,
    *,
    model: str,
    messages: Sequence[Any],
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
    """Ask the model, run the tools it calls, and ask again, until it answers.

    Args:
        client: retries and timeouts of single requests are its own.
        messages: the conversation so far, dicts or the SDK's objects, the user's newest message last.
        user_id: whose files the code may see, and who is billed.
        files: ids of the user's files that every call may open.
        tools: offered besides the dispatcher's own; one of the same name takes its place.
        max_rounds: requests that offer tools. After so many, one more is sent without, so that the user gets an answer.
        deadline: seconds for the whole turn.
        conversation: what the ledger files the requests under.
        options: further arguments of `client.chat.completions.create`, such as `reasoning_effort`.
        on_event: told what the tools do as it happens.

    Raises:
        DeadlineExceeded: the deadline passed.
        ContextExceeded: the conversation does not fit the model's context window; `history.trim` makes it fit.
        token_counter.errors.BudgetExceeded: the ledger's limits leave nothing; nothing was sent.
        AnswerFailed: the API answered with an error in place of an answer.
        openai.OpenAIError: the API refused, or failed after the client's retries.

    Whatever is raised, a CancelledError too, has the history so far in its attribute `messages`: it can be sent as it is.
    """
    api = _Chat(client, model, offered(dispatcher.chat_tools(), tools), checked_options(options, OWN_OPTIONS))
    asked = _asked(dispatcher, model, messages, user_id, session_id, files, max_rounds, deadline, conversation)
    return await TurnRun(api, asked, on_event).run()


def stream_chat(
    client: "AsyncOpenAI",
    dispatcher: Dispatcher,
    *,
    model: str,
    messages: Sequence[Any],
    user_id: UserId,
    session_id: str | None = None,
    files: Sequence[str] = (),
    tools: Sequence[Mapping[str, Any]] = (),
    max_rounds: int = 8,
    deadline: float | None = None,
    conversation: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> TurnStream:
    """The same turn, streamed: events of plugin/events.py as they happen, the last one `Done` with the Turn.

    Use it as `async with stream_chat(...) as events: async for event in events: ...`. Arguments and errors are those of
    `run_chat`; the history so far is in the stream's `messages` too.
    """
    api = _StreamedChat(client, model, offered(dispatcher.chat_tools(), tools), checked_options(options, OWN_OPTIONS))
    asked = _asked(dispatcher, model, messages, user_id, session_id, files, max_rounds, deadline, conversation)
    return TurnStream(api, asked)


def _asked(dispatcher: Dispatcher, model: str, messages: Sequence[Any], *rest: Any) -> Asked:
    if isinstance(messages, str | Mapping):
        raise InvalidRequest(f"messages is a {type(messages).__name__}; it must be a list of messages")
    return Asked(dispatcher, model, [given_message(message) for message in messages], *rest)


class _Chat:
    """Chat Completions, answers in one piece."""

    endpoint = "/v1/chat/completions"

    def __init__(self, client: "AsyncOpenAI", model: str, tools: list[Item], options: Mapping[str, Any]) -> None:
        self._client = checked_client(client)
        self._model, self._tools, self._options = model, tools, options
        self.output_tokens: int | None = options.get("max_completion_tokens") or options.get("max_tokens")

    def _request(self, messages: list[Item], with_tools: bool) -> dict[str, Any]:
        request = {"model": self._model, "messages": messages, **self._options}
        if with_tools and self._tools:
            return request | {"tools": self._tools}
        # Without tools the API refuses what speaks of them.
        return {key: value for key, value in request.items() if key not in ("tool_choice", "parallel_tool_calls")}

    async def ask(self, messages: list[Item], with_tools: bool, tell: events.Teller, bill: Bill) -> Answer:
        completion = await self._client.chat.completions.create(**self._request(messages, with_tools))
        return answer_of(plain(completion))

    async def count(self, counter: "TokenCounter", messages: list[Item], with_tools: bool) -> "Count":
        request = self._request(messages, with_tools)
        return await counter.count_chat(
            messages,
            tools=request.get("tools"),
            tool_choice=request.get("tool_choice"),
            response_format=request.get("response_format"),
            model=self._model,
        )


class _StreamedChat(_Chat):
    """Chat Completions, answers as they are written."""

    async def ask(self, messages: list[Item], with_tools: bool, tell: events.Teller, bill: Bill) -> Answer:
        request = self._request(messages, with_tools)
        request["stream_options"] = {**request.get("stream_options", {}), "include_usage": True}
        stream = await self._client.chat.completions.create(**request, stream=True)
        bill.begun()
        async with stream:
            completion = await read_stream(stream, tell)
        return answer_of(completion)


def answer_of(completion: Item) -> Answer:
    """What a chat completion, as plain data, means for the turn; of several choices the first one counts.

    Some servers report their failure with status 200, as an `error` in place of choices: that is no empty answer.
    """
    choice = (completion.get("choices") or [{}])[0]
    message = chat_message(choice.get("message") or {})
    calls = message.get("tool_calls") or ([message["function_call"]] if "function_call" in message else [])
    spoken = {key: value for key, value in message.items() if key not in ("tool_calls", "function_call")}
    if spoken["content"] is None and "refusal" not in spoken and "audio" not in spoken:
        spoken["content"] = ""
    return Answer(
        items=[message],
        spoken=[spoken],
        message=spoken,
        text=spoken["content"] or spoken.get("refusal") or "",
        calls=calls,
        ending=choice.get("finish_reason"),
        complete=choice.get("finish_reason") in COMPLETE,
        usage=completion.get("usage"),
        model=completion.get("model"),
        service_tier=completion.get("service_tier"),
        failure=None if choice.get("message") else _failure(completion.get("error")),
    )


def _failure(error: object) -> AnswerFailed:
    told = error if isinstance(error, Mapping) else {"message": error}
    code = told.get("code") or told.get("type")
    return AnswerFailed(None if code is None else str(code), str(told.get("message") or "it has no choices"))
