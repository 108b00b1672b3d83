"""A pool that is given other packages: calls go on, new ones see the new, and of the old nothing remains."""

import asyncio
import dataclasses
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugin import result
from plugin.config import Settings
from plugin.errors import SandboxUnavailable
from plugin.sandbox.client import Sandbox
from plugin.sandbox.pool import Pool
from plugin.sandbox.template import Library
from tests.refusing import NAMESPACES_REFUSED, launchers_refused


class Lent:
    """A library, and how often it was let go."""

    def __init__(self, site_packages: Path) -> None:
        self.returned = 0
        self.library = Library(site_packages, site_packages.parent / "no-fonts", self._back)

    def _back(self) -> None:
        self.returned += 1


@pytest.fixture
def lent(tmp_path: Path) -> list[Lent]:
    """Three libraries of one module, each with another version of it."""
    made = []
    for version in range(3):
        directory = tmp_path / str(version)
        directory.mkdir(mode=0o755)
        (directory / "shown.py").write_text(f"version = {version}\n")
        made.append(Lent(directory))
    return made


@pytest.fixture(params=["namespaces", "landlock"])
async def pool(request: pytest.FixtureRequest, home: Path, lent: list[Lent]) -> AsyncIterator[Pool]:
    refused = () if request.param == "namespaces" else NAMESPACES_REFUSED
    with launchers_refused(*refused):
        pool = Pool(Settings(home=home, pool_min=1, policy="sandbox-only"), lent[0].library, [])
        await pool.start()
        assert pool.level == request.param
        yield pool
        await pool.aclose()


async def ran(sandbox: Sandbox, code: str) -> str:
    sandbox.listen(1000, None)
    await sandbox.parse(code, {}, at_once=True)
    run = await sandbox.run({}, {}, timeout=30, deadline=asyncio.get_running_loop().time() + 30)
    return run.outputs.text() if run.outcome is result.OK else f"{run.outcome} {run.error}"


VERSION = "import shown; print(shown.version)"
LATE = "import time; time.sleep(1.5); import shown; print(shown.version)"


async def test_calls_go_on_with_the_packages_they_began_with(pool: Pool, lent: list[Lent]) -> None:
    async with pool.sandbox() as early:
        running = asyncio.create_task(ran(early, LATE))
        await pool.renew(lent[1].library)
        async with pool.sandbox() as late:
            assert await ran(late, VERSION) == "1\n"
        await pool.renew(lent[2].library)
        async with pool.sandbox() as latest:
            assert await ran(latest, VERSION) == "2\n"
        assert await running == "0\n"
        assert lent[0].returned == 0
    await pool.aclose()
    assert [each.returned for each in lent] == [1, 1, 1]


async def test_packages_over_which_nothing_starts_change_nothing(pool: Pool, lent: list[Lent], tmp_path: Path) -> None:
    (tmp_path / "1" / "numpy.py").write_text("import os; os._exit(3)")
    with pytest.raises(SandboxUnavailable):
        await pool.renew(lent[1].library)
    assert lent[1].returned == 1
    async with pool.sandbox() as sandbox:
        assert await ran(sandbox, VERSION) == "0\n"


async def test_a_closed_pool_takes_no_packages(pool: Pool, lent: list[Lent]) -> None:
    await pool.aclose()
    with pytest.raises(SandboxUnavailable, match="closed"):
        await pool.renew(lent[1].library)
    assert lent[1].returned == 1


async def test_a_close_ends_calls_of_former_packages_too(pool: Pool, lent: list[Lent]) -> None:
    async with pool.sandbox() as early:
        running = asyncio.create_task(ran(early, "import time; time.sleep(60)"))
        await pool.renew(dataclasses.replace(lent[1].library))
        closing = asyncio.create_task(pool.aclose())
        assert "was lost" in await running
    await closing
    assert [each.returned for each in lent[:2]] == [1, 1]


async def test_a_host_that_starts_nothing_for_a_while_is_asked_again(pool: Pool) -> None:
    """A zygote died, and every attempt at another failed: that must not be remembered for ever."""
    with launchers_refused("unshare", landlock_abi=0):
        assert pool._keeper is not None
        os.kill(pool._keeper._zygote_pid, signal.SIGKILL)
        await pool._keeper._gone.wait()
        with pytest.raises(SandboxUnavailable, match="no sandbox can be made here"):
            async with pool.sandbox():
                pass
    async with pool.sandbox() as sandbox:
        assert await ran(sandbox, VERSION) == "0\n"
