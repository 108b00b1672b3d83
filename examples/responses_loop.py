"""A whole turn over the Responses API, streamed: words, code while it is written, its output while it runs.

python examples/responses_loop.py            # OPENAI_API_KEY
python examples/responses_loop.py --demo     # a scripted model, offline
"""

import asyncio
import sys
from typing import Any

from openai import AsyncOpenAI

from plugin import Dispatcher, Interpreter, Turn, events, stream_responses
from plugin.cli.demo_model import demo_client

MODEL = "gpt-5-mini"
USER = 42
QUESTIONS = ["Which product earns most? Draw me a chart.", "And how sure are we, given how it varies?"]


async def main() -> None:
    async with demo_client() if "--demo" in sys.argv else AsyncOpenAI() as client, Interpreter() as interpreter:
        dispatcher = Dispatcher(interpreter)
        messages: list[Any] = []
        for question in QUESTIONS:
            print(f"\n> {question}")
            messages.append({"role": "user", "content": question})
            turn = await shown(client, dispatcher, messages)
            messages = turn.messages
            print(f"\n[{turn.requests} requests, ${turn.cost or 0:.4f}, {len(turn.files)} files]")
        await interpreter.files.delete_all(USER)


async def shown(client: AsyncOpenAI, dispatcher: Dispatcher, messages: list[Any]) -> Turn:
    async with stream_responses(
        client, dispatcher, model=MODEL, messages=messages, user_id=USER, deadline=120
    ) as stream:
        async for event in stream:
            match event:
                case events.TextDelta() | events.CodeDelta() | events.Stdout():
                    print(event.text, end="", flush=True)
                case events.ToolCallStarted():
                    print(f"\n--- {event.name}")
                case events.ToolFinished():
                    print(f"--- {'done' if event.success else 'failed'}")
                case events.Done():
                    assert isinstance(event.result, Turn)
                    return event.result
    raise AssertionError("the last event is Done")


if __name__ == "__main__":
    asyncio.run(main())
