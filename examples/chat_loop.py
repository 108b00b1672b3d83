"""Code execution in a chat loop of your own: the five lines that end with a number are all it takes.

python examples/chat_loop.py            # OPENAI_API_KEY, or OPENAI_BASE_URL of a server that speaks OpenAI's API
python examples/chat_loop.py --demo     # a scripted model, offline
"""

import asyncio
import sys
from typing import Any

from openai import AsyncOpenAI

from plugin import Dispatcher, Interpreter  # 1
from plugin.cli.demo_model import demo_client

MODEL = "gpt-5-mini"
USER = 42  # your user's id: the files are his, and nobody else's


async def main() -> None:
    async with demo_client() if "--demo" in sys.argv else AsyncOpenAI() as client, Interpreter() as interpreter:
        dispatcher = Dispatcher(interpreter)  # 2
        messages: list[Any] = [{"role": "user", "content": "Which product earns most? Draw me a chart."}]
        while True:
            answer = await client.chat.completions.create(
                model=MODEL,
                messages=messages,
                tools=dispatcher.chat_tools(),  # 3
            )
            message = answer.choices[0].message
            messages.append(message)
            if not message.tool_calls:  # 4
                break
            messages += await dispatcher.run(message.tool_calls, user_id=USER, model=MODEL)  # 5
        print(message.content)
        for file in await interpreter.files.list(USER):
            print(f"{file.filename}, {file.file_size} bytes")
        await interpreter.files.delete_all(USER)


if __name__ == "__main__":
    asyncio.run(main())
