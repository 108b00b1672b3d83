"""Many idle sandboxes at once, beside those of the pool."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator

from plugin.sandbox.client import Sandbox
from plugin.sandbox.pool import Pool

SANDBOXES = 200
DESCRIPTORS_A_SANDBOX, OTHER_DESCRIPTORS = 6, 200  # of this process


def as_many_as_possible() -> int:
    """SANDBOXES, or what the limit on open files allows; the limit is raised first."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(SANDBOXES, (hard - OTHER_DESCRIPTORS) // DESCRIPTORS_A_SANDBOX)


@contextlib.asynccontextmanager
async def crowd(pool: Pool, count: int) -> AsyncIterator[list[Sandbox]]:
    """So many sandboxes of this pool's zygote that do nothing, for as long as the block runs."""
    sandboxes: list[Sandbox] = []
    try:
        for _ in range(count):
            sandboxes.append(await pool._make())
        yield sandboxes
    finally:
        await asyncio.gather(*(sandbox.destroy() for sandbox in sandboxes))
