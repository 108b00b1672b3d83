"""What one idle sandbox costs: its own private memory, and what the machine has less of, a sandbox, with 200 of them idle.

Private is Private_Clean + Private_Dirty of smaps_rollup (proc(5)). The machine's is the fall of MemAvailable between a
running zygote with no sandbox and the same with all of them; it holds page tables, namespaces and the host's descriptors.
"""

import asyncio
import resource
from pathlib import Path

from plugin import Interpreter
from plugin.packages.venv import Environment
from plugin.sandbox.cgroups import host_pid
from plugin.sandbox.client import Sandbox
from plugin.sandbox.pool import Pool

from . import quiet
from .figures import Findings
from .home import HOME

SANDBOXES = 200
ROUNDS = 3
DESCRIPTORS_A_SANDBOX, OTHER_DESCRIPTORS = 6, 200  # of this process
SETTLE_SECONDS = 1.0
MB = 1e6


async def measure(environment: Environment) -> Findings:
    """See the module's docstring."""
    found = Findings()
    private, cost = [], []
    count = min(SANDBOXES, (_raise_open_files() - OTHER_DESCRIPTORS) // DESCRIPTORS_A_SANDBOX)
    async with Interpreter(home=HOME, pool_min=0) as interpreter:
        await interpreter.warm()
        pool = await quiet.pool_of(interpreter)
        await _destroy([await pool._make() for _ in range(10)])
        for _ in range(ROUNDS):
            await asyncio.sleep(SETTLE_SECONDS)
            before = available_bytes()
            sandboxes = await _idle(pool, count)
            await asyncio.sleep(SETTLE_SECONDS)
            cost.append((before - available_bytes()) / count / MB)
            private += [private_bytes(host_pid(sandbox.pidfd)) / MB for sandbox in sandboxes]
            await _destroy(sandboxes)
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


def _raise_open_files() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


async def _idle(pool: Pool, count: int) -> list[Sandbox]:
    return [await pool._make() for _ in range(count)]


async def _destroy(sandboxes: list[Sandbox]) -> None:
    await asyncio.gather(*(sandbox.destroy() for sandbox in sandboxes))
