"""`cellblock chat`: a conversation with a model that can run code, in the terminal."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import CellblockError
from ..interpreter import Interpreter
from ..result import Turn
from . import chat_screen
from .progress import shown as progress_shown
from .terminal import shown, size

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from token_counter.ledger import Ledger

    from ..dispatch.dispatcher import Dispatcher

USER = "command line"
DEFAULT_MODEL = "gpt-5-mini"
DEMO_PACE_SECONDS = 0.01
HELP = "/attach FILE: give a file to the code. /files: your files. /cost: what it cost. /reset: begin anew. /quit"
NO_KEY = """cellblock: there is no key for a model.

  export OPENAI_API_KEY=sk-...                       a key of OpenAI, then: cellblock chat
  cellblock chat --base-url http://localhost:11434/v1 --model NAME
                                                     any server that speaks OpenAI's API; it may need no key
  cellblock chat --demo                              no model at all: a scripted one, offline"""
NO_SDK = "cellblock: chatting needs OpenAI's SDK: pip install 'cellblock[openai]'"


def command(
    model: Annotated[
        str, typer.Option(envvar="OPENAI_MODEL", help="As the server names it.", show_default=True)
    ] = DEFAULT_MODEL,
    base_url: Annotated[
        str | None, typer.Option(envvar="OPENAI_BASE_URL", help="Of a server that speaks OpenAI's API.")
    ] = None,
    api: Annotated[Literal["chat", "responses"], typer.Option(help="Which of the two APIs.")] = "chat",
    user: Annotated[str, typer.Option(help="Whose files, and who is billed in the ledger.")] = USER,
    system: Annotated[str | None, typer.Option(help="Instructions for the model.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="A scripted model: no key, no network, no bill.")] = False,
) -> None:
    """Chat with a model that can run Python code. Files that the code leaves are saved here; each turn says what it cost.

    Ctrl-C stops an answer; at the prompt it ends the conversation. Exit status: 1 where the last turn failed.

    Examples: `cellblock chat`, `cellblock chat --demo`, `echo "Plot x**2" | cellblock chat`
    """
    try:
        import openai
    except ImportError:
        typer.echo(NO_SDK, err=True)
        raise typer.Exit(2) from None
    key = os.environ.get("OPENAI_API_KEY")
    if not demo and not key and base_url is None:
        typer.echo(NO_KEY, err=True)
        raise typer.Exit(2)
    if demo:
        from .demo_model import MODEL, demo_client

        client, model = demo_client(DEMO_PACE_SECONDS if chat_screen.is_terminal() else 0.0), MODEL
    else:
        client = openai.AsyncOpenAI(api_key=key or "none", base_url=base_url)
    try:
        ok = asyncio.run(_chat(client, model, api, user, system, demo))
    except CellblockError as error:
        typer.echo(f"cellblock: {shown(str(error))}", err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if ok else 1)


async def _chat(
    client: "AsyncOpenAI", model: str, api: Literal["chat", "responses"], user: str, system: str | None, demo: bool
) -> bool:
    from token_counter.counter import TokenCounter

    from ..dispatch.dispatcher import Dispatcher

    async with client, Interpreter() as interpreter, _ledger(demo) as ledger:
        with progress_shown() as on_event:
            await interpreter.warm(on_event)
        dispatcher = Dispatcher(interpreter, TokenCounter(fetch_links=False), ledger)
        conversation = Conversation(client, dispatcher, model, api, user, system)
        typer.echo(f"{model}. {HELP}", err=True)
        if demo:
            from .demo_model import QUESTIONS

            for question in QUESTIONS:
                typer.echo(f"> {question}")
                await conversation.turn(question)
        await _read_lines(conversation)
    return conversation.ok


@contextlib.asynccontextmanager
async def _ledger(demo: bool) -> "AsyncIterator[Ledger | None]":
    """The operator's own; a scripted model's made-up bills stay out of it."""
    if demo:
        yield None
        return
    from token_counter.ledger import open_ledger

    async with open_ledger() as ledger:
        yield ledger


async def _read_lines(conversation: "Conversation") -> None:
    """Until the input ends, or Ctrl-C at the prompt. Ctrl-C in a turn ends the turn."""
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, interrupted.set)
    try:
        async for line in chat_screen.lines("> ", interrupted):
            if line.strip() in ("/quit", "/exit"):
                return
            interrupted.clear()
            await _until(interrupted, conversation.line(line))
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _until(interrupted: asyncio.Event, work: Any) -> None:
    """Do it, or cancel it when the user interrupts."""
    task, stop = asyncio.ensure_future(work), asyncio.ensure_future(interrupted.wait())
    try:
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
        if not task.done():
            task.cancel()
        await asyncio.wait([task, stop])
    if task.cancelled():
        interrupted.clear()
        typer.echo("\n[stopped]", err=True)
    else:
        task.result()


@dataclass
class Conversation:
    """What was said so far, and what it cost."""

    client: "AsyncOpenAI"
    dispatcher: "Dispatcher"
    model: str
    api: Literal["chat", "responses"]
    user: str
    system: str | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)  # of attachments that the model has not heard of
    cost: Decimal | None = Decimal(0)
    turns: int = 0
    ok: bool = True

    async def line(self, line: str) -> None:
        """A command, or words for the model."""
        word, _, rest = line.strip().partition(" ")
        match word:
            case "":
                return
            case "/files":
                await self._show_files()
            case "/cost":
                typer.echo(f"{self.turns} turns, {chat_screen.dollars(self.cost)}")
            case "/reset":
                self.messages, self.attached, self.unsaid = [], [], []
                typer.echo("begun anew")
            case "/attach":
                await self._attach(rest.strip())
            case _ if word.startswith("/"):
                typer.echo(HELP)
            case _:
                await self.turn(line)

    async def turn(self, text: str) -> None:
        """Say it to the model, and show all that comes of it."""
        import openai

        from token_counter.errors import TokenCounterError

        from ..dispatch import history

        said = {"role": "user", "content": "\n".join([*self.unsaid, text])}
        try:
            given = await history.trim(
                [*self._opening(), *self.messages, said], self.model, counter=self.dispatcher.counter
            )
            turn = await chat_screen.show(self._stream(given))
        except (openai.OpenAIError, CellblockError, TokenCounterError) as error:
            self._keep(error)
            self.ok = False
            typer.echo(f"\ncellblock: {shown(str(error))}", err=True)
            return
        except asyncio.CancelledError as error:
            self._keep(error)
            raise
        self.messages, self.unsaid, self.ok = self._without_opening(turn.messages), [], True
        self._count(turn)

    def _stream(self, messages: list[dict[str, Any]]) -> Any:
        from ..dispatch.chat import stream_chat
        from ..dispatch.responses import stream_responses

        start = stream_chat if self.api == "chat" else stream_responses
        return start(
            self.client,
            self.dispatcher,
            model=self.model,
            messages=messages,
            user_id=self.user,
            files=self.attached,
            conversation=USER,
        )

    def _opening(self) -> list[dict[str, Any]]:
        return [{"role": "system", "content": self.system}] if self.system else []

    def _without_opening(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return messages[len(self._opening()) :]

    def _keep(self, error: BaseException) -> None:
        """The history of a turn that did not come to its end."""
        if messages := getattr(error, "messages", None):
            self.messages, self.unsaid = self._without_opening(messages), []

    def _count(self, turn: Turn) -> None:
        self.turns += 1
        self.cost = None if self.cost is None or turn.cost is None else self.cost + turn.cost
        typer.echo(chat_screen.bill(turn, self.cost), err=True)

    async def _show_files(self) -> None:
        for record in await self.dispatcher.interpreter.files.list(self.user):
            typer.echo(f"{record.file_id}  {size(record.file_size):>10}  {shown(record.filename)}")

    async def _attach(self, name: str) -> None:
        try:
            data = await asyncio.to_thread(lambda: Path(name).expanduser().read_bytes())
            record = await self.dispatcher.interpreter.files.upload(self.user, data, Path(name).name)
        except (OSError, CellblockError) as error:
            typer.echo(f"cellblock: {shown(str(error))}", err=True)
            return
        self.attached.append(record.file_id)
        self.unsaid.append(f"[The user attached {shown(record.filename)}: load_file('{record.file_id}')]")
        typer.echo(f"attached {shown(record.filename)}", err=True)
