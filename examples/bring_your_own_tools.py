"""A tool of your own beside the interpreter: a JSON schema and an async function.

python examples/bring_your_own_tools.py            # OPENAI_API_KEY
python examples/bring_your_own_tools.py --demo     # a scripted model, offline
"""

import asyncio
import sys
from typing import Any

from openai import AsyncOpenAI

from plugin import Dispatcher, Interpreter, run_chat
from plugin.cli.demo_model import demo_client

STOCK = {"lamp": 17, "desk": 3}
SCHEMA = {
    "name": "stock_of",
    "description": "How many pieces of a product are in stock.",
    "parameters": {
        "type": "object",
        "properties": {"product": {"type": "string", "description": "In the singular.", "examples": ["lamp"]}},
        "required": ["product"],
        "additionalProperties": False,
    },
}


async def stock_of(arguments: dict[str, Any], *, user_id: int | str) -> str:
    """The arguments fit the schema; the user is yours to check. What is raised is told to the model."""
    product = arguments["product"]
    if product not in STOCK:
        raise LookupError(f"no product {product!r}; there are {', '.join(STOCK)}")
    return f"{STOCK[product]} {product}s are in stock (asked by user {user_id})"


async def main() -> None:
    async with demo_client() if "--demo" in sys.argv else AsyncOpenAI() as client, Interpreter() as interpreter:
        dispatcher = Dispatcher(interpreter)
        dispatcher.register(SCHEMA, stock_of)
        messages = [{"role": "user", "content": "How many lamps are in stock?"}]
        turn = await run_chat(client, dispatcher, model="gpt-5-mini", messages=messages, user_id=42)
        for message in turn.messages:
            for call in message.get("tool_calls", ()):
                print(f"called {call['function']['name']}({call['function']['arguments']})")
        print(turn.text)


if __name__ == "__main__":
    asyncio.run(main())
