"""What `cellblock chat` reads and shows: lines of the user, a turn as it happens, files as paths, the bill."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import TYPE_CHECKING

import typer

from .. import events
from ..result import GeneratedFile, Turn
from .saving import save_new
from .terminal import shown

if TYPE_CHECKING:
    from ..dispatch.turn import TurnStream

CODE, OUTPUT = typer.colors.CYAN, typer.colors.BRIGHT_BLACK


def is_terminal() -> bool:
    return sys.stdout.isatty()


async def lines(prompt: str, interrupted: asyncio.Event) -> AsyncIterator[str]:
    """What the user types, line by line, until the input ends or the event is set."""
    while True:
        line: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        # A thread of its own, which nobody waits for: reading cannot be interrupted.
        threading.Thread(target=_read, args=(prompt, line, line.get_loop()), daemon=True).start()
        stop = asyncio.create_task(interrupted.wait())
        stop.add_done_callback(lambda _, line=line: _give(line, None))  # type: ignore[misc]
        try:
            typed = await line
        finally:
            stop.cancel()
        if typed is None:
            return
        yield typed


def _read(prompt: str, line: "asyncio.Future[str | None]", loop: asyncio.AbstractEventLoop) -> None:
    try:
        typed: str | None = input(prompt if sys.stdin.isatty() else "")
    except (EOFError, UnicodeDecodeError, ValueError):  # ValueError: standard input is closed
        typed = None
    with contextlib.suppress(RuntimeError):  # the conversation was over before the line was
        loop.call_soon_threadsafe(_give, line, typed)


def _give(line: "asyncio.Future[str | None]", typed: str | None) -> None:
    if not line.done():
        line.set_result(typed)


async def show(stream: "TurnStream") -> Turn:
    """The turn as it happens: words, the code while it is written, its output while it runs, files as paths."""
    screen = _Screen()
    async with stream:
        async for event in stream:
            if isinstance(event, events.Done) and isinstance(event.result, Turn):
                screen.end()
                return event.result
            await screen.tell(event)
    raise AssertionError("a stream of a turn ends with the turn")


class _Screen:
    """Keeps apart what comes from different sides: each begins on a line of its own."""

    def __init__(self) -> None:
        self._side = ""
        self._at_line_start = True

    async def tell(self, event: events.Event) -> None:
        match event:
            case events.TextDelta():
                self._write("model", event.text)
            case events.ToolCallStarted():
                self._write(f"call {event.call_id}", f"[{event.name}]\n", CODE)
            case events.CodeDelta():
                self._write(f"call {event.call_id}", event.text, CODE)
            case events.Stdout() | events.Stderr():
                self._write(f"output {event.call_id}", event.text, OUTPUT)
            case events.InstallProgress():
                self._write("install", f"{event.message}\n", OUTPUT)
            case events.FileGenerated():
                path = await asyncio.to_thread(_saved, event.file)
                self._write("file", f"[saved {path}]\n")

    def end(self) -> None:
        self._write("", "")

    def _write(self, side: str, text: str, colour: str | None = None) -> None:
        if side != self._side and not self._at_line_start:
            typer.echo()
        self._side = side
        if text:
            self._at_line_start = text.endswith("\n")
            safe = "\n".join("\t".join(map(shown, line.split("\t"))) for line in text.split("\n"))
            typer.secho(safe, nl=False, fg=colour)


def _saved(file: GeneratedFile) -> str:
    return str(save_new(file.filename, file.data))


def bill(turn: Turn, so_far: Decimal | None) -> str:
    """One line: requests, tokens, dollars of this turn and of the conversation."""
    tokens = "tokens unknown"
    if turn.usage is not None:
        cached = f" ({turn.usage.cached_tokens:,} cached)" if turn.usage.cached_tokens else ""
        tokens = f"{turn.usage.input_tokens:,} tokens in{cached}, {turn.usage.output_tokens:,} out"
    requests = f"{turn.requests} request{'s' if turn.requests != 1 else ''}"
    return f"[{requests}, {tokens}, {dollars(turn.cost)}; so far {dollars(so_far)}]"


def dollars(amount: Decimal | None) -> str:
    """$0.0012; a price that nobody knows is told as that."""
    if amount is None:
        return "price unknown"
    return f"${amount:.4f}" if amount < 1 else f"${amount:.2f}"
