"""Scripts of the library's own on bytes that the host must not open: images, documents. The interpreter calls it."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..finish import in_thread
from ..result import Outcome, timed_out
from . import collect
from .client import Sandbox

MAX_OUTPUT_BYTES = 4096  # a script of ours prints nothing; a library in it may


@dataclass(frozen=True)
class Transformed:
    """What a script left, by name, if it came to its end. Whatever it read may have taken it over: believe nothing of it."""

    outcome: Outcome
    error: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


async def transform(
    sandbox: Sandbox, script: str, files: Mapping[str, bytes], seconds: float, max_bytes: int
) -> Transformed:
    """Run the script with the files in its working directory, and take what it writes there.

    Args:
        sandbox: a fresh one.
        script: passes the policy.
        max_bytes: of all files that come back.

    Raises:
        SandboxDied: before the script could run.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    sandbox.listen(MAX_OUTPUT_BYTES, None)
    try:
        async with asyncio.timeout_at(deadline):
            report = await sandbox.parse(script, {}, at_once=False)
            if report["error"] or report["violations"]:
                raise ValueError(f"this script cannot run: {report['error'] or report['violations']}")
            for name, data in files.items():
                await _put(sandbox, name, data)
    except TimeoutError:
        return Transformed(timed_out(seconds))
    before = await asyncio.to_thread(collect.versions, sandbox.work_fd)
    run = await sandbox.run({}, {}, timeout=seconds, deadline=deadline)
    await sandbox.gone()
    left = await asyncio.to_thread(collect.collect, sandbox.work_fd, before, max_bytes, max_bytes)
    return Transformed(run.outcome, run.error, dict(left.files))


async def _put(sandbox: Sandbox, name: str, data: bytes) -> None:
    descriptor = os.memfd_create("cellblock", os.MFD_CLOEXEC)
    try:
        await in_thread(lambda: _written(descriptor, data))
        await sandbox.put_file(name, descriptor)
    finally:
        os.close(descriptor)


def _written(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
