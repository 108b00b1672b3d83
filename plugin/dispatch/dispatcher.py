"""Dispatcher: a model's tool calls run, and every one of them is answered, in order, whatever happens.

Bots call `run` in a loop of their own; chat.py and responses.py do, too.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import schemas

from ..errors import CellblockError, InvalidRequest
from ..events import Done, Event, OnEvent
from ..files import checked_user
from ..finish import end
from ..interpreter import Interpreter
from ..result import ExecutionResult
from . import shape, tools
from .calls import Item, Part, ToolCall, read_calls
from .posting import without_foreign_images, without_mentions
from .registered import Picture, Registered, ToolFunction, ToolResult, UserId, registered
from .shape import Reading, Shaped

if TYPE_CHECKING:
    from token_counter import TokenCounter

log = logging.getLogger("cellblock.dispatch")

DEFAULT_MODEL = "gpt-5"  # whose tokens are counted where no model is named


@dataclass(frozen=True)
class Options:
    """What a bot's author may decide; keyword arguments of Dispatcher.

    Attributes:
        result_tokens: of one call's text; what is longer is cut in the middle and kept as a file.
        image_tokens: of one image; a larger one is made smaller.
        max_images: of one `run`; the others are named in text.
        parallel: calls of one `run` that run at once.
        tool_seconds: for one call of a registered tool.
        defuse_mentions: @everyone and the like ring nobody when what a program printed is posted.
        inert_images: nor do Markdown images of other hosts load.
        publish: puts an image where the API can fetch it and gives the URL; None: images are sent along as data URLs.
    """

    result_tokens: int = 4000
    image_tokens: int = 1000
    max_images: int = 4
    parallel: int = 4
    tool_seconds: float = 300
    defuse_mentions: bool = True
    inert_images: bool = True
    publish: "Callable[[Any], Awaitable[str]] | None" = None


class Dispatcher:
    """Answers tool calls of both APIs.

    Args:
        interpreter: runs the code; the caller closes it.
        counter: counts tokens; one of its own where it is None.
        ledger: for the loops, which write each request's usage to it.
        options: fields of `Options`.

    Raises:
        InvalidRequest: there is no such option.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        counter: "TokenCounter | None" = None,
        ledger: Any = None,
        **options: Any,
    ) -> None:
        known = {field.name for field in dataclasses.fields(Options)}
        if unknown := options.keys() - known:
            raise InvalidRequest(
                f"Dispatcher knows no option {sorted(unknown)[0]}; there are {', '.join(sorted(known))}"
            )
        self.interpreter = interpreter
        self.ledger = ledger
        self.estimates = (
            counter is not None or ledger is not None
        )  # whether the loops count requests before they send them
        self.options = Options(**options)
        self._counter = counter
        self._registered: dict[str, Registered] = {}

    @property
    def counter(self) -> "TokenCounter":
        """What counts tokens, here and in the loops."""
        if self._counter is None:
            from token_counter import TokenCounter

            self._counter = TokenCounter()
        return self._counter

    def register(self, schema: Mapping[str, Any], function: ToolFunction) -> None:
        """Add a tool of your own.

        Args:
            schema: its definition, in a form of either API, or name, description and parameters alone.
            function: `async (arguments: dict, *, user_id) -> str | ToolResult`; the arguments fit the schema. What it raises
                is told to the model by its message.

        Raises:
            InvalidRequest: it is no such definition, or the name is taken.
        """
        tool = registered(schema, function)
        if tool.name in self._registered:
            raise InvalidRequest(f"there is a tool {tool.name} already")
        self._registered[tool.name] = tool

    def chat_tools(self, *, strict: bool = False) -> list[dict[str, Any]]:
        """All tools, the registered ones too, for Chat Completions' `tools`."""
        own = schemas.chat_tools(tools.bounds(self.interpreter), strict=strict)
        return own + [{"type": "function", "function": _definition(tool)} for tool in self._registered.values()]

    def responses_tools(self, *, strict: bool = False) -> list[dict[str, Any]]:
        """All tools, the registered ones too, for Responses' `tools`."""
        own = schemas.responses_tools(tools.bounds(self.interpreter), strict=strict)
        others = self._registered.values()
        return own + [{"type": "function", **_definition(tool), "strict": False} for tool in others]

    async def run(
        self,
        tool_calls: object,
        *,
        user_id: UserId,
        session_id: str | None = None,
        files: Iterable[str] = (),
        model: str | None = None,
        on_event: OnEvent | None = None,
        max_images: int | None = None,
    ) -> list[Item]:
        """Run a model's tool calls and give the items to append to the conversation, behind what the model said.

        For Chat: one `tool` message a call, in order, then at most one user message with images. For Responses: one output
        item a call. Items that are no calls to answer here are passed over. Nothing that a model or a tool does raises.

        Args:
            tool_calls: of an assistant message, or a response's `output`; SDK objects or dicts. None and [] are none.
            user_id: whose files code may see, and whose places and quotas it uses; never the model's to say.
            files: ids of that user's files that every cell sees.
            model: whose tokens are counted; the newest family's rules where it is None.
            on_event: told what happens while calls run, with their call ids.
            max_images: to attach now; None: Options.max_images.

        Raises:
            InvalidRequest: user_id or files are none: the application's mistake.
            CancelledError: nothing runs any more when it comes.
        """
        caller = tools.Caller(checked_user(user_id), session_id, _checked_files(files), on_event)
        calls = read_calls(tool_calls)
        if not calls:
            return []
        answers = await self._answers(calls, caller)
        texts = [await self._text(answer, caller, model) for answer in answers]
        return [call.answer(text, []) for call, text in zip(calls, texts, strict=True)]

    # ---- running

    async def _answers(self, calls: Sequence[ToolCall], caller: tools.Caller) -> "list[_Answer]":
        """One a call. The group's tasks raise nothing but a cancellation, which ends all of them."""
        places = asyncio.Semaphore(self.options.parallel)
        numbers = iter(range(2**62))

        async def in_place(call: ToolCall) -> _Answer:
            async with places:
                return await self._answer(call, _told_of(caller, call, numbers))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_place(call), name=f"cellblock call {at}") for at, call in enumerate(calls)]
        return [task.result() for task in tasks]

    async def _answer(self, call: ToolCall, caller: tools.Caller) -> "_Answer":
        if not call.complete:
            return _Refused("the call was cut off before it was complete; make it again, shorter")
        try:
            if call.name in self._registered:
                return await self._run_registered(self._registered[call.name], call, caller)
            if call.name not in tools.HANDLERS:
                return _Refused(self._unknown(call.name))
            arguments = await tools.checked(call.name, _arguments_of(call), self.interpreter)
            tool = tools.HANDLERS[call.name]
            answer = await tool.run(self.interpreter, arguments, caller)
            return answer if isinstance(answer, ExecutionResult) else _Own(tool.text(answer))
        except (schemas.InvalidArguments, CellblockError) as error:
            return _Refused(str(error))
        except Exception as error:  # a call without an answer would end the conversation
            log.exception("a call of %.100r failed in cellblock itself", call.name)
            return _Refused(
                f"an error of the interpreter's own ({type(error).__name__}), which was logged; try another way"
            )

    def _unknown(self, name: str) -> str:
        """What to call instead; schemas knows the tools of old."""
        try:
            schemas.validate(name, {})
        except schemas.InvalidArguments as error:
            others = "".join(f", {other}" for other in self._registered)
            return f"{error}{others}"
        raise AssertionError(name)

    async def _run_registered(self, tool: Registered, call: ToolCall, caller: tools.Caller) -> "_Answer":
        arguments = schemas.check(tool.name, tool.parameters, _arguments_of(call, tool.parameters))
        running = asyncio.ensure_future(_called(tool, arguments, caller.user_id))
        try:
            # Not awaited itself: a task that cancels itself must not look like this one being cancelled.
            done, _ = await asyncio.wait([running], timeout=self.options.tool_seconds)
        finally:
            await end(running)
        if not done:
            return ToolResult(f"{tool.name} was stopped after {self.options.tool_seconds:g} seconds", success=False)
        return ToolResult("the tool was cancelled", success=False) if running.cancelled() else running.result()

    # ---- what the model reads

    async def _text(self, answer: "_Answer", caller: tools.Caller, model: str | None) -> str:
        shaped = await self._shaped(answer, self._reading(model))
        if not shaped.whole:
            return shaped.text()
        return shaped.text(await self._kept(shaped.whole, caller.user_id))

    async def _shaped(self, answer: "_Answer", reading: Reading) -> Shaped:
        match answer:
            case ExecutionResult():
                return await asyncio.to_thread(shape.execution, answer, reading)
            case ToolResult():
                return await asyncio.to_thread(shape.tool_result, answer.text, reading, success=answer.success)
            case _Own():
                return shape.own(answer.text, reading)
            case _Refused():
                return shape.refusal(answer.reason, reading)

    def _reading(self, model: str | None) -> Reading:
        try:
            count: Any = partial(self.counter.count_text_tokens, model=model or DEFAULT_MODEL)
        except ImportError:  # until the counter is there
            count = _bytes_by_three
        wanted = {without_mentions: self.options.defuse_mentions, without_foreign_images: self.options.inert_images}
        return Reading(self.options.result_tokens, count, [step for step, on in wanted.items() if on])

    async def _kept(self, whole: str, user_id: UserId) -> str:
        """The id of a file with all of the text; '' where it cannot be kept: it is cut either way."""
        data = whole.encode("utf-8", "backslashreplace")[: self.interpreter.settings.max_file_bytes]
        try:
            return (await self.interpreter.files.keep_generated(user_id, "output.txt", data)).file_id
        except CellblockError as error:
            log.warning("a long output could not be kept as a file: %s", error)
            return ""


def _bytes_by_three(text: str) -> int:
    return len(text.encode()) // 3 + 1


@dataclass(frozen=True)
class _Own:
    """Words of a tool of ours."""

    text: str


@dataclass(frozen=True)
class _Refused:
    """A call that was not carried out."""

    reason: str


_Answer = ExecutionResult | ToolResult | _Own | _Refused


async def _called(tool: Registered, arguments: dict[str, Any], user_id: UserId) -> ToolResult:
    """What a registered tool answers, or how it failed."""
    try:
        answer = await tool.function(arguments, user_id=user_id)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's code, and its call must be answered
        log.info("the tool %s raised", tool.name, exc_info=True)
        return ToolResult(f"{type(error).__name__}: {error}"[:2000], success=False)
    if isinstance(answer, ToolResult):
        return answer
    return (
        ToolResult(answer)
        if isinstance(answer, str)
        else ToolResult(f"no text, but a {type(answer).__name__}", (), False)
    )


def _told_of(caller: tools.Caller, call: ToolCall, numbers: Any) -> tools.Caller:
    """The same caller, whose listener hears of this call by its id; the interpreter's Done is not the turn's."""
    listener = caller.on_event
    if listener is None:
        return caller

    def tell(event: Event) -> None:
        if not isinstance(event, Done):
            listener(dataclasses.replace(event, seq=next(numbers), call_id=call.id))

    return dataclasses.replace(caller, on_event=tell)


def _arguments_of(call: ToolCall, parameters: Mapping[str, Any] | None = None) -> Any:
    """A custom call's bare text is the tool's only required argument; where it has none, it is JSON as everywhere."""
    if not call.free_form:
        return call.arguments
    if parameters is None:
        parameters = {"required": _REQUIRED.get(call.name, [])}
    required = parameters.get("required", [])
    return {required[0]: call.arguments} if len(required) == 1 else call.arguments


_REQUIRED = {
    tool["function"]["name"]: tool["function"]["parameters"].get("required", []) for tool in schemas.chat_tools()
}


def _definition(tool: Registered) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}


def _checked_files(files: Iterable[str]) -> tuple[str, ...]:
    ids = () if isinstance(files, str) else tuple(files)
    if isinstance(files, str) or not all(isinstance(file_id, str) for file_id in ids):
        raise InvalidRequest("files must be a list of file ids")
    return ids
