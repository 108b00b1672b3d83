"""What the dispatcher adds to a call: `print(1)` through it beside execute_code, and the shaping of long output.

Calls take turns; before each the pool is full again. Shaped is what a cell may print at most, as tables, prose and a single
line, each within the default of 4,000 tokens.
"""

import json
import time

from plugin.dispatch import shape
from plugin.dispatch.dispatcher import Dispatcher
from plugin.packages.venv import Environment
from plugin.result import OK, ExecutionResult
from plugin.sandbox.pool import Pool

from . import quiet
from .calls import CODE, one_call
from .figures import Findings
from .host import Level

ROUNDS = 200
SHAPED = 30
OUTPUT_BYTES = 100_000
OUTPUTS = {
    "a table": "".join(f"{n:>6} {n * 37 % 1000:>8} {n / 7:>12.6f}  item-{n}\n" for n in range(3000)),
    "prose": "The quick brown fox jumps over the lazy dog, and nobody knows why it does. " * 1500,
    "a line of letters": "abcdefghij" * 12_000,
    "Chinese": "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u3002\n" * 9000,
    "a progress bar": "".join(f"\r{n:>5}/9999 [{'=' * (n // 500):<20}]" for n in range(3000)),
}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "execute_python_code", "arguments": json.dumps({"code": CODE})},
}


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    bare, dispatched = [], []
    async with quiet.default() as interpreter:
        pool = await quiet.pool_of(interpreter)
        dispatcher = Dispatcher(interpreter)
        for _ in range(ROUNDS):
            bare.append(await one_call(pool))
            dispatched.append(await _one_dispatched(dispatcher, pool))
        reading = dispatcher._reading(dispatcher._tokens_of("gpt-5"))
        reading.count("the vocabulary is loaded")
        for what, text in OUTPUTS.items():
            found.add_ms(
                f"{OUTPUT_BYTES // 1000} KB of output shaped: {what}", _shaped(text.encode()[:OUTPUT_BYTES], reading)
            )
    slowest = max(figure.median for figure in found.figures)
    call = found.add_ms("print(1) through the dispatcher, pool warm", dispatched)
    without = found.add_ms("print(1) through execute_code, in turns with it", bare)
    found.measured |= {"dispatch.call": call.median - without.median, "dispatch.shape": slowest}
    return found


async def _one_dispatched(dispatcher: Dispatcher, pool: Pool) -> float:
    await quiet.settled(pool)
    started = time.perf_counter()
    [item] = await dispatcher.run([CALL], user_id="bench", model="gpt-5")
    seconds = time.perf_counter() - started
    if "> 1" not in item["content"]:
        raise RuntimeError(f"a call failed: {item}")
    return seconds


def _shaped(output: bytes, reading: shape.Reading) -> list[float]:
    result = ExecutionResult(OK, output=output.decode("utf-8", "ignore"))
    seconds = []
    for _ in range(SHAPED):
        started = time.perf_counter()
        text = shape.execution(result, reading).text()
        seconds.append(time.perf_counter() - started)
    if not text.startswith("Done"):
        raise RuntimeError(text)
    return seconds
