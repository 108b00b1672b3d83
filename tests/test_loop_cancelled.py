"""A turn that is cancelled, wherever it is: its history can be sent as it is, and nothing of it runs any more."""

import asyncio
import os
import uuid
from pathlib import Path

import openai
import pytest

from plugin import Interpreter, events
from plugin.dispatch.dispatcher import Dispatcher
from tests.api_server import ApiServer
from tests.loop_parts import NOTE, WAYS, Notes, Way

POINTS = 50  # of each way, 200 in all
INTERPRETER_POINTS = 3


async def rounds_of_the_loop(turn: "asyncio.Task[object]", cancel_at: int | None = None) -> int:
    """How many times the event loop went round until the turn was over; it is cancelled in one of them."""
    went = 0
    while not turn.done():
        if went == cancel_at:
            turn.cancel()
        await asyncio.sleep(0)
        went += 1
    return went


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_history_is_valid_after_a_cancel_at_any_point(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, tmp_path: Path
) -> None:
    """Before, between and after each step: requests, pieces of an answer, tools side by side, the next request."""
    notes = Notes()
    async with Interpreter(home=tmp_path, pool_min=0) as interpreter:
        dispatcher = Dispatcher(interpreter)
        dispatcher.register(NOTE, notes.note)
        replies = (
            way.calls(("note", {"text": "a", "steps": 40}), ("note", {"text": "b", "steps": 60})),
            way.calls(("note", '{"malformed'), ("nobody", {})),
            way.says("All of it is done now."),
        )
        others = asyncio.all_tasks()
        whole = 0
        for _ in range(3):  # the first one imports what the others have
            api.replies(*replies)
            whole = await rounds_of_the_loop(asyncio.create_task(way.turn(client, dispatcher)))
        lengths = set()
        for point in range(POINTS):
            api.forget()
            api.replies(*replies)
            turn = asyncio.create_task(way.turn(client, dispatcher))
            await rounds_of_the_loop(turn, 1 + point * whole // POINTS)
            if turn.cancelled():
                with pytest.raises(asyncio.CancelledError) as raised:
                    await turn
                messages = raised.value.messages  # type: ignore[attr-defined]
            else:  # it was quicker this time
                messages = turn.result().messages
            way.check(messages)
            lengths.add(len(messages))
            assert notes.running == 0
            for _ in range(5):  # the SDK leaves generators to the loop
                await asyncio.sleep(0)
            # What is left are the server's connections and the fixtures'.
            assert {task for task in asyncio.all_tasks() - others if not api.owns(task)} == set()
    assert len(lengths) >= 3  # the points were spread over the whole turn


def processes_with(name: str) -> list[int]:
    """Those that have a file of that name open, in whatever namespace they live."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            held = [os.readlink(f"/proc/{pid}/fd/{each}") for each in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue  # it ended meanwhile
        found += [int(pid)] * any(name in target for target in held)
    return found


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_no_process_remains(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, interpreter: Interpreter
) -> None:
    """Code that runs for ever is killed, and its user has the places for the next."""
    dispatcher = Dispatcher(interpreter)
    for _ in range(INTERPRETER_POINTS):
        name = f"held-{uuid.uuid4().hex}"
        code = f"held = open('{name}', 'w')\nprint('go', flush=True)\nwhile True: pass"
        api.replies(way.calls(("execute_python_code", {"code": code}), ("execute_python_code", {"code": "print(1)"})))
        going = asyncio.Event()
        told: list[events.Event] = Watched(going)
        turn = asyncio.create_task(way.turn(client, dispatcher, told))
        await going.wait()
        assert processes_with(name)
        turn.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await turn
        way.check(raised.value.messages)  # type: ignore[attr-defined]
        async with asyncio.timeout(10):  # it was killed; the kernel takes its time to clear it away
            while processes_with(name):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)


class Watched(list[events.Event]):
    """What was told; the event is set when the code began to print."""

    def __init__(self, going: asyncio.Event) -> None:
        self._going = going

    def append(self, event: events.Event) -> None:
        super().append(event)
        if isinstance(event, events.Stdout) and "go" in event.text:
            self._going.set()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_cancelled_twice(way: Way, api: ApiServer, client: openai.AsyncOpenAI, tmp_path: Path) -> None:
    """An impatient caller changes nothing."""
    notes = Notes()
    async with Interpreter(home=tmp_path, pool_min=0) as interpreter:
        dispatcher = Dispatcher(interpreter)
        dispatcher.register(NOTE, notes.note)
        for between in range(4):
            api.replies(way.calls(("note", {"text": "never"})))
            notes.begun.clear()
            turn = asyncio.create_task(way.turn(client, dispatcher))
            await notes.begun.wait()
            turn.cancel()
            for _ in range(between):
                await asyncio.sleep(0)
            turn.cancel()
            with pytest.raises(asyncio.CancelledError) as raised:
                await turn
            way.check(raised.value.messages)  # type: ignore[attr-defined]
            assert notes.running == 0
