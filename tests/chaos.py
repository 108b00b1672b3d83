"""Many calls of all kinds at once while parts of the sandbox are killed at random; run as a program by test_chaos.py.

`python chaos.py HOME LEVEL CALLS SECONDS`: that many calls, and on until so many seconds are over. Prints a JSON summary; exits
with 1 when a call failed that no kill can explain, or when anything is left.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import filelock

sys.path.insert(0, str(Path(__file__).parent))

from refusing import NAMESPACES_REFUSED, launchers_refused

from plugin import ExecutionResult, Interpreter

POOL_MAX = 8
TIMEOUT = 4
KILLS_EVERY_SECONDS = 3.0  # a zygote needs one to start, two on a busy machine
SETTLED_SECONDS = 60.0  # of a soak, from which on nothing may grow
# kind -> (code, what its result must be: return code, start of output)
KINDS: dict[str, tuple[str, int, str]] = {
    "print": ("print('x')", 0, "x\n"),
    "pandas": ("import pandas as pd; print(pd.DataFrame({'a': [1, 2]}).a.sum())", 0, "3\n"),
    "chart": ("import matplotlib.pyplot as plt; plt.plot([1, 2]); print('y')", 0, "y\n"),
    "files": ("for i in range(5): open(f'f{i}', 'w').write('z')\nprint(len(__import__('os').listdir('.')))", 0, "5\n"),
    "exception": ("1/0", 1, ""),
    "exit": ("import sys; sys.exit(3)", 3, ""),
    "_exit": ("import os; os._exit(7)", 7, ""),
    "segfault": ("import ctypes; ctypes.string_at(0)", 128 + 11, ""),
    "memory": ("x = bytearray(10**9)", -3, ""),
    "output": ("import sys\nfor _ in range(20): sys.stdout.write('o' * 2**20)", 0, "ooo"),
    "threads": ("import threading as t; l = [t.Thread(target=sum, args=(range(9),)) for _ in range(9)]\nfor x in l: x.start()\nprint('t')", 0, "t\n"),
    "forks": ("import os\ntry:\n  for _ in range(4):\n    if os.fork() == 0: os.setpgid(0, 0); __import__('time').sleep(60)\nexcept PermissionError: pass\nprint('f')", 0, "f\n"),
    "sleep": ("import time; time.sleep(0.2); print('s')", 0, "s\n"),
    "syntax": ("def", 1, ""),
}  # fmt: skip
RARE = {
    "hang": ("while True: pass", -1, ""),
    "deep": ("import os\nfor _ in range(90): os.mkdir('d'); os.chdir('d')", 0, ""),
}
SLOW_UNDER_KILLS = {-1}


def processes() -> dict[int, tuple[int, str, bytes]]:
    """pid -> (parent, state, command line) of all that descend from this one."""
    found: dict[int, tuple[int, str, bytes]] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
            found[int(pid)] = (int(parent), state, Path(f"/proc/{pid}/cmdline").read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            continue
    ours = {os.getpid()}
    while more := {pid for pid, (parent, _, _) in found.items() if parent in ours} - ours:
        ours |= more
    return {pid: found[pid] for pid in ours - {os.getpid()}}


class Chaos:
    def __init__(self, interpreter: Interpreter, killing: bool) -> None:
        self.interpreter = interpreter
        self.killing = killing
        self.kills: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.lost = 0
        self.wrong: list[str] = []

    async def call(self, number: int) -> None:
        rare = number % 100 == 99
        kind = random.choice(list(RARE if rare else KINDS))
        code, return_code, output = (RARE if rare else KINDS)[kind]
        try:
            result = await self.interpreter.run(code, user_id=f"chaos-{number % 20}", timeout=TIMEOUT)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
            self.wrong.append(f"{kind}: {error!r}")
            return
        self.ended[kind] += 1
        if (result.return_code, result.output[: len(output)]) == (return_code, output):
            return
        if self._explained(result):
            self.lost += 1
        else:
            self.wrong.append(f"{kind}: {result.return_code} {result.output[:50]!r} {result.error[:300]!r}")

    def _explained(self, result: ExecutionResult) -> bool:
        """Its sandbox, or the zygote, was killed while its code ran; or it had to wait for a new one beyond its time."""
        return bool(self.kills) and result.return_code in (-4, 128 + 9, *SLOW_UNDER_KILLS)

    async def kill(self) -> None:
        """End something with SIGKILL, now and then."""
        while self.killing:
            await asyncio.sleep(random.uniform(0.5, 1.5) * KILLS_EVERY_SECONDS)
            what = random.choice(["sandbox", "sandbox", "zygote", "launcher"])
            found = await asyncio.to_thread(processes)
            zygotes = {pid for pid, (parent, _, line) in found.items() if b"inside.zygote" in line and b"inside.launcher" in found.get(parent, (0, "", b""))[2]}  # fmt: skip
            wanted = {
                "launcher": [pid for pid, (_, _, line) in found.items() if b"inside.launcher" in line],
                "zygote": list(zygotes),
                "sandbox": [pid for pid, (parent, _, _) in found.items() if parent in zygotes],
            }[what]
            if wanted:
                os.kill(random.choice(wanted), signal.SIGKILL)
                self.kills[what] += 1

    async def run(self, calls: int, seconds: float) -> None:
        killer = asyncio.create_task(self.kill())
        deadline, number = time.monotonic() + seconds, 0
        while number < calls or time.monotonic() < deadline:
            batch = min(1000, max(calls - number, 200))
            await asyncio.gather(*(self.call(number + offset) for offset in range(batch)))
            number += batch
            self.sample()
        killer.cancel()
        await asyncio.gather(killer, return_exceptions=True)

    def sample(self) -> None:
        SAMPLES.append(
            {
                "at": time.monotonic(),
                "descriptors": len(os.listdir("/proc/self/fd")),
                "processes": len(processes()),
                "mounts": len(Path("/proc/self/mounts").read_text().splitlines()),
                "resident": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
                "tasks": len(asyncio.all_tasks()),
            }
        )


SAMPLES: list[dict[str, float]] = []


def grown(started: float) -> list[str]:
    """What a soak's second half has more of than its first, once it had settled."""
    settled = [sample for sample in SAMPLES if sample["at"] - started > SETTLED_SECONDS]
    if len(settled) < 6:
        return []
    half = len(settled) // 2
    found = []
    for name, slack in (("descriptors", 30), ("processes", 40), ("mounts", 0), ("tasks", 20), ("resident", 30 * 2**20)):
        first = max(sample[name] for sample in settled[:half])
        second = max(sample[name] for sample in settled[half:])
        if second > first + slack:
            found.append(f"{name} grew from {first} to {second}")
    return found


def another_bots(ground: Path) -> bool:
    """Whether a process that lives holds a zygote's directory."""
    try:
        with filelock.FileLock(ground / "lock").acquire(timeout=0):
            return False
    except filelock.Timeout:
        return True


async def main(home: str, level: str, calls: int, seconds: float) -> int:
    before = len(os.listdir("/proc/self/fd"))
    started = time.monotonic()
    grounds = [Path(home) / "run", Path("/var/tmp")]
    directories = {path for ground in grounds for path in ground.glob("cellblock-*")}
    settings = {"memory_bytes": 256 * 1024**2, "policy": "sandbox-only", "queue_limit": 2000, "pool_max": POOL_MAX}
    async with Interpreter(home=home, **settings) as interpreter:
        await interpreter.warm()
        chaos = Chaos(interpreter, killing=True)
        await chaos.run(calls, seconds)
        chaos.killing = False
        after = await interpreter.run("print('still here')", user_id="chaos")
        if after.output != "still here\n":
            chaos.wrong.append(f"the last call: {after}")
        chaos.kills, kills = Counter(), chaos.kills  # from here on nothing explains a failure
        await asyncio.gather(*(chaos.call(number) for number in range(40)))
    left = [line for _, _, line in processes().values()]
    fresh = {path for ground in grounds for path in ground.glob("cellblock-*")} - directories
    left += [str(path) for path in fresh if not another_bots(path)]
    if len(os.listdir("/proc/self/fd")) > before:
        left.append(f"{len(os.listdir('/proc/self/fd')) - before} descriptors")
    summary = {
        "level": level,
        "calls": sum(chaos.ended.values()),
        "seconds": round(time.monotonic() - started, 1),
        "kills": kills,
        "lost": chaos.lost,
        "wrong": chaos.wrong[:20],
        "left": list(map(str, left)),
        "grown": grown(started),
        "last sample": SAMPLES[-1],
    }
    print(json.dumps(summary, indent=1))
    too_many = chaos.lost > POOL_MAX * sum(kills.values())
    return 1 if chaos.wrong or left or summary["grown"] or too_many else 0


if __name__ == "__main__":
    home, level, calls, seconds = sys.argv[1:]
    with launchers_refused(*(() if level == "namespaces" else NAMESPACES_REFUSED)):
        sys.exit(asyncio.run(main(home, level, int(calls), float(seconds))))
