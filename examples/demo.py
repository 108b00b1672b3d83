"""The main job, end to end: a model's tool call runs on a user's CSV and comes back with text and a chart. `make demo`."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin import CellblockError, Interpreter, run_tool
from plugin.cli.progress import shown

EXAMPLES = Path(__file__).parent
CHARTS = EXAMPLES.parent / "build"
USER = 42

# What a model writes when it is asked for the revenue by region and product.
CODE = """
import matplotlib.pyplot as plt

sales = load_file('{file_id}')
sales['revenue'] = sales.units * sales.price
table = sales.pivot_table(index='region', columns='product', values='revenue', aggfunc='sum')
print(table.round(0).astype(int))
print(f'total: {{sales.revenue.sum():,.0f}}')

table.plot.bar(stacked=True, title='Revenue by region', ylabel='revenue')
plt.tight_layout()
plt.savefig('revenue.png')
"""

stages: list[tuple[str, float]] = []


@contextmanager
def stage(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    stages.append((name, time.perf_counter() - started))


async def main() -> None:
    async with Interpreter() as interpreter:
        with stage("environment, zygote and pool"), shown() as on_event:
            await interpreter.warm(on_event)
        with stage("upload of sales.csv"):
            record = await interpreter.files.upload(USER, (EXAMPLES / "sales.csv").read_bytes(), "sales.csv")
        arguments = json.dumps({"code": CODE.format(file_id=record.file_id)})
        with stage("the tool call"):
            answer = await run_tool("execute_python_code", arguments, USER, interpreter)
        with stage("the same call again"):
            await run_tool("execute_python_code", arguments, USER, interpreter)
        await interpreter.files.delete_all(USER)
    if not answer["success"]:
        raise SystemExit(answer["error"])
    print(answer["output"])
    CHARTS.mkdir(exist_ok=True)
    for file in answer["generated_files"]:
        (CHARTS / file["filename"]).write_bytes(file["data"])
        print(f"chart: {CHARTS / file['filename']} ({file['size']} bytes)")
    print(f"the cell itself ran for {answer['execution_time'] * 1000:.0f} ms\n")
    for name, seconds in stages:
        print(f"{seconds * 1000:10.1f} ms  {name}")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except CellblockError as error:
        sys.exit(f"cellblock: {error}")
