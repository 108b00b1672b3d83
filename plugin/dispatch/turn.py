"""The loop of a turn: ask the model, run what it calls, hand back the results, until it answers.

chat.py and responses.py say what differs between the two APIs; what each request costs is metering.py's.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from .. import events
from ..errors import AnswerFailed, ContextExceeded, DeadlineExceeded, InvalidRequest
from ..finish import end, finish
from ..result import GeneratedFile, Turn
from .calls import read_calls
from .dispatcher import Dispatcher
from .history import OUTPUT_TOKENS, images_in, window_of, without_expired_images
from .metering import Bill, Meter, Payer
from .sendable import Item

if TYPE_CHECKING:
    from token_counter.count import Count
    from token_counter.counter import TokenCounter

UserId = int | str

MAX_CUT_CALLS = 2  # answers whose calls were cut by the limit on output; after so many it is asked for text alone
CUT = (
    "Not run: the answer was cut off ({ending}) before this call was complete. "
    "Write shorter code, or do the work in several calls."
)
BROKEN_OFF = "Cancelled before it was finished; what the call had done until then may remain."


@dataclass(frozen=True)
class Answer:
    """What one request brought.

    Attributes:
        items: what the history keeps of it, calls included.
        spoken: the same without its calls, for when they are not to run.
        message: what a caller is shown as the answer.
        calls: what it wants to have run, in the API's own form.
        ending: why the model stopped, as the API says it.
        complete: whether all of it was written; calls of an incomplete one never run.
        usage: as the API sent it.
        model: that answered, as the API names it.
        searches: of the web, which are billed besides tokens.
        failure: what the API says went wrong, where it gave up.
    """

    items: list[Item]
    spoken: list[Item]
    message: Item
    text: str
    calls: list[Item]
    ending: str | None
    complete: bool
    usage: object | None
    model: str | None
    service_tier: str | None = None
    searches: int = 0
    failure: AnswerFailed | None = None


class Api(Protocol):
    """What differs between Chat Completions and Responses."""

    endpoint: str
    output_tokens: int | None

    async def ask(self, messages: list[Item], with_tools: bool, tell: events.Teller, bill: Bill) -> Answer:
        """Send one request; where it streams, it tells text and calls while they come."""
        ...

    async def count(self, counter: "TokenCounter", messages: list[Item], with_tools: bool) -> "Count":
        """What a request with these messages takes."""
        ...


@dataclass(frozen=True)
class Asked:
    """What a caller wants done, whichever the API.

    Attributes:
        messages: the conversation so far, in a form that can be sent.
        max_rounds: requests that offer tools; after so many one more is sent without.
        deadline: seconds for all of it; None: as long as it takes.
        conversation: what the ledger files the requests under.
    """

    dispatcher: Dispatcher
    model: str
    messages: list[Item]
    user_id: UserId
    session_id: str | None
    files: Sequence[str]
    max_rounds: int
    deadline: float | None
    conversation: str | None

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise InvalidRequest(f"model is {self.model!r}; it must be the name of a model, such as 'gpt-5-mini'")
        if isinstance(self.max_rounds, bool) or not isinstance(self.max_rounds, int) or self.max_rounds < 0:
            raise InvalidRequest(f"max_rounds is {self.max_rounds!r}; it must be a whole number, 0 or more")
        if self.deadline is not None and not self.deadline > 0:
            raise InvalidRequest(f"deadline is {self.deadline!r}; it must be more than 0 seconds, or None")
        if not self.messages:
            raise InvalidRequest("messages is empty; give at least what the user said")


class TurnRun:
    """One turn under way. `messages` is what may be sent at any time: calls come into it together with their answers."""

    def __init__(self, api: Api, asked: Asked, on_event: events.OnEvent | None = None) -> None:
        self.messages = without_expired_images(asked.messages)
        self._api, self._asked = api, asked
        self._tell = events.Teller(on_event)
        self._files: list[GeneratedFile] = []
        self._images_left = asked.dispatcher.options.max_images
        payer = Payer(asked.user_id, asked.model, asked.conversation, api.endpoint, api.output_tokens)
        self._meter = Meter(asked.dispatcher.ledger, payer, self._tell)

    async def run(self) -> Turn:
        """The whole turn. Whatever ends it otherwise carries the history so far as `messages`."""
        limit = asyncio.timeout(self._asked.deadline)
        try:
            async with limit:
                turn = await self._rounds()
        except BaseException as error:
            if limit.expired() and isinstance(error, TimeoutError):
                late = DeadlineExceeded(self._asked.deadline or 0)
                late.messages = list(self.messages)
                raise late from error
            cast(Any, error).messages = list(self.messages)
            raise
        self._tell(events.Done, result=turn)
        return turn

    async def _rounds(self) -> Turn:
        rounds = cut = 0
        while True:
            with_tools = rounds < self._asked.max_rounds and cut < MAX_CUT_CALLS
            answer = await self._ask(with_tools)
            if not (with_tools and answer.calls):
                return self._turn(answer)
            if answer.complete:
                results = await self._dispatch(answer)
            else:
                results = _unrun(answer.calls, CUT.format(ending=answer.ending))
                cut += 1
            self.messages += [*answer.items, *results]
            rounds += 1

    async def _ask(self, with_tools: bool) -> Answer:
        estimate = await self._estimate(with_tools) if self._asked.dispatcher.estimates else None
        async with self._meter.request(estimate) as bill:
            answer = await self._api.ask(self.messages, with_tools, self._tell, bill)
            bill.usage, bill.model = answer.usage, answer.model or bill.model
            bill.service_tier, bill.searches = answer.service_tier, answer.searches
            bill.tool_calls = len(answer.calls)
            if answer.failure is not None:
                raise answer.failure
            bill.status = "completed" if answer.complete else "incomplete"
        return answer

    async def _estimate(self, with_tools: bool) -> "Count":
        """What the next request takes.

        Raises:
            ContextExceeded: it and its answer do not fit.
        """
        model = self._asked.model
        count = await self._api.count(self._asked.dispatcher.counter, self.messages, with_tools)
        needed, window = count.total + (self._api.output_tokens or OUTPUT_TOKENS), window_of(model)
        if needed > window:
            raise ContextExceeded(needed, window, model)
        return count

    async def _dispatch(self, answer: Answer) -> list[Item]:
        asked = self._asked
        try:
            results = await asked.dispatcher.run(
                answer.calls,
                user_id=asked.user_id,
                session_id=asked.session_id,
                files=asked.files,
                model=asked.model,
                on_event=self._relay,
                max_images=self._images_left,
            )
        except BaseException:
            # The model shall know later what it had begun.
            self.messages += [*answer.items, *_unrun(answer.calls, BROKEN_OFF)]
            raise
        self._images_left = max(self._images_left - sum(map(images_in, results)), 0)
        return results

    def _relay(self, event: events.Event) -> None:
        if isinstance(event, events.FileGenerated):
            self._files.append(event.file)
        if not isinstance(event, events.Done):  # of a cell; a turn has one of its own
            self._tell.relay(event)

    def _turn(self, answer: Answer) -> Turn:
        self.messages += answer.spoken
        return Turn(
            message=answer.message,
            messages=list(self.messages),
            usage=self._meter.usage,
            cost=self._meter.cost,
            text=answer.text,
            ending=answer.ending,
            requests=self._meter.requests,
            files=tuple(self._files),
        )


def _unrun(calls: list[Item], why: str) -> list[Item]:
    """The items that answer calls which did not run, or not to their end."""
    return [call.answer(why, []) for call in read_calls(calls)]


class TurnStream:
    """A turn as events, the last of which is `Done` with the Turn: an async iterator, and a context manager that ends it.

    Leaving the loop early ends the turn as soon as the iterator is closed: by `async with`, by `aclose()`, or when Python
    collects it. `messages` is the history so far, valid at any time, also after an error or a break.
    """

    def __init__(self, api: Api, asked: Asked) -> None:
        self._queue: asyncio.Queue[events.Event | None] = asyncio.Queue()
        self._run = TurnRun(api, asked, self._queue.put_nowait)
        self._events = self._told()

    @property
    def messages(self) -> list[Item]:
        return list(self._run.messages)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> events.Event:
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the turn and wait until nothing of it runs any more. Safe to call twice."""
        await self._events.aclose()

    async def _told(self) -> AsyncGenerator[events.Event, None]:
        turn = asyncio.create_task(self._run.run())
        turn.add_done_callback(lambda _: self._queue.put_nowait(None))
        try:
            while (event := await self._queue.get()) is not None:
                yield event
            await turn
        except BaseException as error:
            try:
                await finish(end(turn))
            except asyncio.CancelledError as interrupted:
                cast(Any, interrupted).messages = self.messages
                raise
            cast(Any, error).messages = self.messages
            raise
