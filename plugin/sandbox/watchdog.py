"""Looks at what a sandbox's processes use together, again and again, and ends the sandbox that uses too much."""

import asyncio
import logging
from concurrent.futures import Executor

from .. import result
from ..result import Outcome
from . import usage
from .client import Sandbox

log = logging.getLogger("cellblock.sandbox")

PERIOD_SECONDS = 0.1
SHARE = 0.1  # of one core, at most, for one sandbox


async def watch(sandbox: Sandbox, limits: usage.Limits, threads: Executor) -> None:
    """Look every PERIOD_SECONDS, or less often where a look takes long, until cancelled.

    What is over a limit is killed, and its `verdict` says why. What cannot be measured is over its limit.

    Args:
        threads: where looks are taken: apart from other work, as a sandbox can make them slow.
    """
    loop = asyncio.get_running_loop()
    pause, verdict = PERIOD_SECONDS, None
    while verdict is None:
        await asyncio.sleep(pause)
        try:
            seen = await loop.run_in_executor(threads, usage.look, sandbox.pidfd, limits)
        except (OSError, ValueError, RuntimeError) as error:  # the last where no thread can be started
            log.error("sandbox %d is ended, as what it uses cannot be measured: %r", sandbox.number, error)
            verdict = result.LOST
        else:
            verdict = _judge(seen, limits, sandbox.memory_bytes)
            pause = pause_after(seen.seconds)
    sandbox.verdict = verdict
    await sandbox.gone()


def pause_after(look_seconds: float) -> float:
    """Seconds without a look, so that looks take no more than their share."""
    return max(PERIOD_SECONDS, look_seconds * (1 / SHARE - 1))


def _judge(seen: usage.Usage, limits: usage.Limits, memory_bytes: int) -> Outcome | None:
    if seen.processes > limits.processes:
        return result.too_many_processes(limits.processes)
    if seen.memory_bytes > limits.memory_bytes:
        return result.out_of_memory(memory_bytes)
    if limits.space and seen.held and seen.held.over(limits.space):
        return result.out_of_space(limits.space.max_bytes, limits.space.max_entries)
    if seen.seconds > limits.look_seconds:
        return result.UNCOUNTABLE
    return None
