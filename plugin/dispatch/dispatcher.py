"""Dispatcher: a model's tool calls run, and every one of them is answered, in order, whatever happens.

Bots call `run` in a loop of their own; chat.py and responses.py do, too.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import schemas
from token_counter.errors import TokenCounterError

from ..errors import CellblockError, InvalidRequest, UserFileNotFound
from ..events import Done, Event, OnEvent, Teller, ToolFinished
from ..files import checked_user
from ..interpreter import Interpreter
from ..result import ExecutionResult
from . import images, tools
from .answers import Answer, Own, Refused, pictures, shaped
from .calls import Item, Part, ToolCall, read_calls
from .cut import CountTokens
from .images import Seen
from .options import Options
from .posting import without_foreign_images, without_mentions
from .registered import Registered, ToolFunction, ToolResult, UserId, registered
from .shape import Reading

if TYPE_CHECKING:
    from openai.lib.responses_tool_runner import AsyncRegisteredFunction

    from token_counter.counter import TokenCounter

log = logging.getLogger("cellblock.dispatch")

CANCELLED = ToolResult("the call was cancelled; make it again", success=False)


class Dispatcher:
    """Answers tool calls of both APIs.

    Args:
        interpreter: runs the code; the caller closes it.
        counter: counts tokens; one of its own where it is None.
        ledger: for the loops, which write each request's usage to it.
        options: fields of `Options`.

    Raises:
        InvalidRequest: there is no such option, or it cannot have this value.
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
            raise InvalidRequest(f"Dispatcher knows no option {min(unknown)}; there are {', '.join(sorted(known))}")
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
            from token_counter.counter import TokenCounter

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
        """All tools, the registered ones too, for Chat Completions' `tools`.

        Args:
            strict: of cellblock's own tools; registered ones are as they were registered.
        """
        own = schemas.chat_tools(tools.bounds(self.interpreter), strict=strict)
        return own + [tool.chat_tool() for tool in self._registered.values()]

    def responses_tools(self, *, strict: bool = False) -> list[dict[str, Any]]:
        """The same for Responses' `tools`."""
        own = schemas.responses_tools(tools.bounds(self.interpreter), strict=strict)
        return own + [tool.responses_tool() for tool in self._registered.values()]

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
            files: ids of that user's files that every cell sees; those that have expired are left out.
            model: whose tokens are counted; the newest family's rules where it is None or unknown.
            on_event: told what happens while calls run, with their call ids.
            max_images: to attach now; None: Options.max_images.

        Raises:
            InvalidRequest: user_id or files are none: the application's mistake.
            CancelledError: nothing runs any more when it comes.
        """
        teller = Teller(on_event)
        caller = tools.Caller(checked_user(user_id), session_id, _checked_files(files))
        calls = read_calls(tool_calls)
        if not calls:
            return []
        answers = await self._answers(calls, caller, teller)
        most = self.options.max_images if max_images is None else max_images
        shown = await self._images(calls, answers, caller, model, most)
        items: list[Item] = []
        apart: list[Part] = []
        for call, answer, seen in zip(calls, answers, shown, strict=True):
            text = await self._text(answer, [each.told(call.images_apart) for each in seen], caller, model)
            parts = [
                part for each in seen for part in await images.parts(each, call.images_apart, self.options.publish)
            ]
            items.append(call.answer(text, parts))
            apart += parts if call.images_apart else []
            teller(ToolFinished, call_id=call.id, name=call.name, success=answer.success, text=text)
        return [*items, images.message(apart)] if apart else items

    def registered_functions(
        self,
        *,
        user_id: UserId,
        session_id: str | None = None,
        files: Iterable[str] = (),
        model: str | None = None,
    ) -> "list[AsyncRegisteredFunction]":
        """All function tools for the SDK's own AsyncResponsesToolRunner, for one user; the arguments are those of `run`.

        That runner itself raises on malformed arguments, unknown tools and custom calls; what comes this far is answered.
        """
        from openai.lib.responses_tool_runner import AsyncRegisteredFunction

        async def execute(name: str, arguments: dict[str, object]) -> Any:
            call = {"type": "function_call", "call_id": "", "name": name, "arguments": arguments}
            [item] = await self.run([call], user_id=user_id, session_id=session_id, files=files, model=model)
            return item["output"]

        found: Any = [tool for tool in self.responses_tools() if tool["type"] == "function"]
        return [AsyncRegisteredFunction(tool, partial(execute, tool["name"])) for tool in found]

    # ---- running

    async def _answers(self, calls: Sequence[ToolCall], caller: tools.Caller, teller: Teller) -> list[Answer]:
        """One a call. The group's tasks raise nothing but a cancellation, which ends all of them."""
        places = asyncio.Semaphore(self.options.parallel)

        async def in_place(call: ToolCall) -> Answer:
            async with places:
                return await self._answer(call, dataclasses.replace(caller, on_event=_relay(teller, call.id)))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_place(call), name=f"cellblock call {at}") for at, call in enumerate(calls)]
        # One that was cancelled while nobody cancelled this: what it called is to blame, and the call is answered.
        return [CANCELLED if task.cancelled() else task.result() for task in tasks]

    async def _answer(self, call: ToolCall, caller: tools.Caller) -> Answer:
        if not call.complete:
            return Refused("the call was cut off before it was complete; make it again, shorter")
        try:
            if tool := self._registered.get(call.name):
                given = _arguments(call, tool.free_form)
                check = partial(schemas.check, tool.name, tool.parameters, given)
                arguments = await tools.beside_the_loop(check, tool.name, given)
                return await tool.run(arguments, caller.user_id, self.options.tool_seconds)
            if call.name not in tools.HANDLERS:
                return Refused(await asyncio.to_thread(self._unknown, call.name))
            return await self._run_own(call, caller)
        except (schemas.InvalidArguments, CellblockError) as error:
            return Refused(str(error))
        except Exception as error:  # a call without an answer would end the conversation
            log.exception("a call of %.100r failed in cellblock itself", call.name)
            own = f"an error of the interpreter's own ({type(error).__name__}), which was logged; try another way"
            return ToolResult(own, success=False)

    async def _run_own(self, call: ToolCall, caller: tools.Caller) -> Answer:
        tool = tools.HANDLERS[call.name]
        arguments = await tools.checked(call.name, _arguments(call, tool.free_form), self.interpreter)
        while True:
            try:
                answer = await tool.run(self.interpreter, arguments, caller)
                break
            except UserFileNotFound as error:
                if error.file_id not in caller.files:
                    raise
                # Of the application's files one has expired: nothing ran, and code that wants it is told by load_file.
                left = tuple(file_id for file_id in caller.files if file_id != error.file_id)
                caller = dataclasses.replace(caller, files=left)
        return answer if isinstance(answer, ExecutionResult) else Own(tool.text(answer), bool(answer["success"]))

    def _unknown(self, name: str) -> str:
        """What to call instead; schemas knows the tools of old."""
        try:
            schemas.validate(name, {})
        except schemas.InvalidArguments as error:
            return ", ".join([str(error), *self._registered])
        raise AssertionError(name)

    # ---- what the model sees

    async def _images(
        self,
        calls: Sequence[ToolCall],
        answers: Sequence[Answer],
        caller: tools.Caller,
        model: str | None,
        most: int,
    ) -> list[list[Seen]]:
        """For each call its images, numbered through."""
        found = [(at, picture) for at, answer in enumerate(answers) for picture in pictures(answer)]
        seen: list[list[Seen]] = [[] for _ in calls]
        if not found:
            return seen
        shots = [picture for _, picture in found]
        try:
            # Of one response: all calls are of one API.
            api: images.Api = "chat" if calls[0].images_apart else "responses"
            cost = await asyncio.to_thread(images.Cost.of_model, model, api, self.options.image_tokens)
            each = await images.seen(shots, self.interpreter, caller.user_id, cost, most)
        except TokenCounterError as error:
            log.error("what images cost is not known, and none is shown: %s", error)
            each = [Seen(images.NotShown(images.NOT_NOW))] * len(shots)
        for (at, _), one in zip(found, each, strict=True):
            seen[at].append(one)
        return seen

    async def _text(self, answer: Answer, told: list[str], caller: tools.Caller, model: str | None) -> str:
        try:
            text = await shaped(answer, told, self._reading(self._tokens_of(model)))
        except Exception:  # a counter of the application's, or a vocabulary that is not there
            log.exception("tokens cannot be counted; a byte is taken for one")
            text = await shaped(answer, told, self._reading(_bytes))
        return text.text(await self._kept(text.whole, caller.user_id) if text.whole else "")

    def _tokens_of(self, model: str | None) -> CountTokens:
        return lambda text: self.counter.count_text_tokens(text, model or images.UNKNOWN_MODEL)

    def _reading(self, count: CountTokens) -> Reading:
        wanted = {without_mentions: self.options.defuse_mentions, without_foreign_images: self.options.inert_images}
        return Reading(self.options.result_tokens, count, [step for step, on in wanted.items() if on])

    async def _kept(self, whole: str, user_id: UserId) -> str:
        """The id of a file with all of the text; '' where it cannot be kept: it is cut either way."""
        most = self.interpreter.settings.max_file_bytes
        data = await asyncio.to_thread(lambda: whole[:most].encode("utf-8", "backslashreplace")[:most])
        try:
            return (await self.interpreter.files.keep_generated(user_id, "output.txt", data)).file_id
        except CellblockError as error:
            log.warning("a long output could not be kept as a file: %s", error)
            return ""


def _relay(teller: Teller, call_id: str) -> OnEvent:
    """Events of one call under its id; the interpreter's Done is not the turn's."""

    def tell(event: Event) -> None:
        if not isinstance(event, Done):
            teller.relay(dataclasses.replace(event, call_id=call_id))

    return tell


def _arguments(call: ToolCall, free_form: str | None) -> Any:
    """A custom call's bare text is one argument; of a tool that has none for it, it is JSON as everywhere."""
    return {free_form: call.arguments} if call.free_form and free_form else call.arguments


def _bytes(text: str) -> int:
    return len(text.encode())


def _checked_files(files: Iterable[str]) -> tuple[str, ...]:
    ids = () if isinstance(files, str) else tuple(files)
    if isinstance(files, str) or not all(isinstance(file_id, str) for file_id in ids):
        raise InvalidRequest("files must be a list of file ids")
    return ids
