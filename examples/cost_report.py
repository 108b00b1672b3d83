"""What a bot cost, by user and model: a counter, a ledger with a budget for each user, and a report as a pandas table.

python examples/cost_report.py            # OPENAI_API_KEY; needs `pip install 'cellblock[openai,costs]'`
python examples/cost_report.py --demo     # a scripted model, offline
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from plugin import Dispatcher, Interpreter, run_chat
from plugin.cli.demo_model import demo_client
from token_counter import BudgetExceeded, Limit, Settings, SqliteLedger, TokenCounter
from token_counter.report import cost_report

MODEL = "gpt-5-mini"
# A dollar a day for everybody, and next to nothing for one of them.
BUDGETS = (Limit(per="day", dollars=1), Limit(per="day", dollars="0.0005", users=("carol",)))
QUESTIONS = {
    "alice": "Which product earns most? Draw me a chart.",
    "bob": "How sure are we of the means?",
    "carol": "Draw me a chart.",
}


async def main() -> None:
    # A bot keeps its ledger: SqliteLedger() without a path is in the data directory.
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(budgets=BUDGETS)
        async with (
            demo_client() if "--demo" in sys.argv else AsyncOpenAI() as client,
            Interpreter() as interpreter,
            SqliteLedger(Path(directory) / "ledger.sqlite3", settings) as ledger,
        ):
            dispatcher = Dispatcher(interpreter, TokenCounter(), ledger)
            for user, question in QUESTIONS.items():
                await ask(client, dispatcher, user, question)
            report = await cost_report(ledger, by=("user", "model"))
            print(report[["user", "model", "requests", "input_tokens", "output_tokens", "cost"]].to_string(index=False))


async def ask(client: AsyncOpenAI, dispatcher: Dispatcher, user: str, question: str) -> None:
    messages: list[Any] = [{"role": "user", "content": question}]
    try:
        turn = await run_chat(client, dispatcher, model=MODEL, messages=messages, user_id=user, conversation="example")
    except BudgetExceeded as error:
        print(f"{user}: {error}\n")
        return
    print(f"{user}: {turn.text} (${turn.cost})\n")


if __name__ == "__main__":
    asyncio.run(main())
