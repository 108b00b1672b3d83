"""`print(1)` with a warm pool: through execute_code, through the pool alone, and in a Jupyter kernel.

Each round starts a kernel (cold: process, imports, first reply) and then takes turns: one call, one use of the pool, one
cell of that kernel, now warm. Before each call the pool is full again and the last sandbox is gone.
"""

import asyncio
import time

from plugin import Interpreter, execute_code
from plugin.packages.venv import Environment
from plugin.sandbox.pool import Pool

from . import jupyter, quiet
from .figures import Findings
from .host import Level

CODE = "print(1)"
ROUNDS, CALLS_A_ROUND = 5, 40


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    cold, called, pooled, celled = [], [], [], []
    async with quiet.default() as interpreter:
        pool = await quiet.pool_of(interpreter)
        await one_call(pool)
        await one_use(interpreter, pool)
        async with jupyter.started(environment):
            pass  # its files are in memory from here on, as the zygote's are
        for _ in range(ROUNDS):
            started = time.perf_counter()
            async with jupyter.started(environment) as kernel:
                cold.append(time.perf_counter() - started)
                for _ in range(CALLS_A_ROUND):
                    called.append(await one_call(pool))
                    pooled.append(await one_use(interpreter, pool))
                    await quiet.settled(pool)
                    celled.append(await one_cell(kernel))
    call = found.add_ms("print(1) through execute_code, pool warm", called)
    part = found.add_ms("print(1), the pool's part", pooled)
    found.add_ms("print(1) in a warm Jupyter kernel", celled)
    start = found.add_ms("cold Jupyter start with the imports", cold)
    found.measured |= {"warm": call.median, "warm.pool": part.median, "warm.jupyter": start.median / call.median}
    return found


async def one_call(pool: Pool) -> float:
    """Seconds of one `execute_code`, from a pool that has settled."""
    await quiet.settled(pool)
    started = time.perf_counter()
    result = await execute_code(CODE, "bench")
    seconds = time.perf_counter() - started
    if result["output"] != "1\n":
        raise RuntimeError(f"execute_code failed: {result}")
    return seconds


async def one_run(interpreter: Interpreter) -> float:
    """Seconds of one `Interpreter.run`, from a pool that has settled."""
    await quiet.settled(await quiet.pool_of(interpreter))
    started = time.perf_counter()
    result = await interpreter.run(CODE, user_id="bench")
    seconds = time.perf_counter() - started
    if result.output != "1\n":
        raise RuntimeError(f"a call failed: {result}")
    return seconds


async def one_use(interpreter: Interpreter, pool: Pool) -> float:
    """Seconds to take a sandbox, parse and run in it, and hand it back."""
    await quiet.settled(pool)
    settings, loop = interpreter.settings, asyncio.get_running_loop()
    started = time.perf_counter()
    async with pool.sandbox() as sandbox:
        sandbox.listen(settings.max_output_bytes, None)
        await sandbox.parse(CODE, {}, at_once=True)
        run = await sandbox.run({}, {}, timeout=settings.timeout, deadline=loop.time() + settings.timeout)
    seconds = time.perf_counter() - started
    if run.outputs.text() != "1\n":
        raise RuntimeError(f"the pool failed: {run}")
    return seconds


async def one_cell(kernel: jupyter.Kernel) -> float:
    """Seconds of one cell in a warm kernel."""
    started = time.perf_counter()
    await kernel.run(CODE)
    return time.perf_counter() - started
