"""What one idle sandbox costs: its own private memory, and what the machine has less of, a sandbox, with 200 of them idle.

Private is Private_Clean + Private_Dirty of smaps_rollup (proc(5)). The machine's is the fall of MemAvailable between a
running zygote with no sandbox and the same with all of them; it holds page tables, namespaces and the host's descriptors.
"""

import asyncio
from pathlib import Path

from plugin import Interpreter
from plugin.packages.venv import Environment
from plugin.sandbox.cgroups import host_pid

from . import idle, quiet
from .figures import Findings
from .home import HOME
from .host import Level

ROUNDS = 3
SETTLE_SECONDS = 1.0
MB = 1e6


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    private, cost = [], []
    count = idle.as_many_as_possible()
    async with Interpreter(home=HOME, pool_min=0) as interpreter:
        await interpreter.warm()
        pool = await quiet.pool_of(interpreter)
        async with idle.crowd(pool, 10):
            pass
        for _ in range(ROUNDS):
            await asyncio.sleep(SETTLE_SECONDS)
            before = available_bytes()
            async with idle.crowd(pool, count) as sandboxes:
                await asyncio.sleep(SETTLE_SECONDS)
                cost.append((before - available_bytes()) / count / MB)
                private += [private_bytes(host_pid(sandbox.pidfd)) / MB for sandbox in sandboxes]
    own = found.add("private memory of an idle sandbox", "MB", private)
    each = found.add(f"machine cost of one of {count} idle sandboxes", "MB", cost)
    found.measured |= {"memory.private": own.median, "memory.machine": each.median}
    return found


def available_bytes() -> int:
    return _kilobytes(Path("/proc/meminfo"), "MemAvailable:") * 1024


def private_bytes(pid: int) -> int:
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Private_Clean:", "Private_Dirty:") * 1024


def _kilobytes(path: Path, *fields: str) -> int:
    return sum(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(fields))
