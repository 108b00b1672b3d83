"""kill -9 at any moment of a build or an install: the environment in use works, and what was left behind is cleaned up."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tiny_wheels import Index

from plugin.packages.catalogue import Package
from plugin.packages.venv import Environment, Environments

STARTER = Package("starter", ("starter",), starter=True)
NAMES = [f"package{number}" for number in range(20)]

# One install after another, and builds among them, until it is killed; it tells what has been acknowledged.
PROGRAM = """
import asyncio, random, sys
from pathlib import Path
from packaging.requirements import Requirement
from plugin.packages.catalogue import Catalogue, Package
from plugin.packages.venv import Environments
home, url, *names = sys.argv[1:]
class Approving(Catalogue):
    starters = [Package("starter", ("starter",), starter=True)]
catalogue = Approving(add=["starter", *names])
async def main():
    environments = Environments(Path(home), url)
    found = await environments.ready([Package("starter", ("starter",), starter=True)], lambda line: None)
    lease = environments.use()
    for name in random.sample(names, len(names)):
        if random.random() < 0.2:
            found = await environments.rebuilt(catalogue, lambda line: None)
        else:
            found = await environments.extended([Requirement(name)], lambda line: None)
        print(",".join(sorted(found.packages)), flush=True)
        lease.close()
        lease = environments.use()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    index = Index(tmp_path_factory.mktemp("index"))
    index.add("starter", modules=30)
    for name in NAMES:
        index.add(name, modules=10)
    return index


def check(home: Path, acknowledged: set[str]) -> Environment | None:
    """What must hold at any moment after a kill: all that was acknowledged is there, and Python imports all there is."""
    environment = Environments(home, None).in_use()
    if environment is None:
        assert not acknowledged and not (home / "venv").exists()
        return None
    assert acknowledged <= environment.packages.keys()
    modules = [name.replace("-", "_") for name in environment.packages]
    code = "".join(f"import {module}, {module}.part9\n" for module in modules)
    done = subprocess.run([environment.python, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    installed = {
        path.name.partition("-")[0].replace("_", "-") for path in environment.site_packages.glob("*.dist-info")
    }
    assert installed == environment.packages.keys()
    return environment


async def kill_at_random(home: Path, index: Index, times: int, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged: set[str] = set()
    for _ in range(times):
        command = [sys.executable, "-c", PROGRAM, str(home), index.url, *NAMES]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parent.parent
        )
        assert process.stdout is not None and process.stderr is not None
        told: list[bytes] = []
        reading = asyncio.create_task(_read(process.stdout, told))
        await asyncio.wait([reading], timeout=0.15 + chance.random() * 0.6)
        if process.returncode is None:
            process.kill()
        status = await process.wait()
        assert status in (0, -signal.SIGKILL), await process.stderr.read()
        await reading
        if told:
            acknowledged = set(told[-1].decode().strip().split(","))
        check(home, acknowledged)
    last = await Environments(home, index.url).ready([STARTER], lambda line: None)
    last = await Environments(home, index.url).extended([Requirement(name) for name in NAMES], lambda line: None)
    await _orphans_gone(home)
    environments = Environments(home, index.url)
    async with environments._locked(lambda line: None):
        pass
    assert check(home, {*NAMES, "starter"}) == last
    assert list((home / "venvs").iterdir()) == [last.path] and not list(home.glob("venv.new-*"))


async def _read(stream: asyncio.StreamReader, told: list[bytes]) -> None:
    async for line in stream:
        if line.endswith(b"\n"):
            told.append(line)


async def _orphans_gone(home: Path) -> None:
    """An installer whose starter was killed ends by itself; it holds its directory's lock until then."""
    for _ in range(200):
        lines = [Path(f"/proc/{pid}/cmdline") for pid in os.listdir("/proc") if pid.isdigit()]
        if not any(str(home).encode() in _content(line) for line in lines):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("an installer runs on")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def test_a_killed_build_or_install_leaves_the_environment_as_it_was(index: Index, tmp_path: Path) -> None:
    """Twenty times; what was acknowledged is there, and works, each time."""
    await kill_at_random(tmp_path / "home", index, 20, seed=5)


@pytest.mark.soak
async def test_two_hundred_kills(index: Index, tmp_path: Path) -> None:
    """The same, for longer, each ten times from nothing."""
    for seed in range(20):
        await kill_at_random(tmp_path / f"home{seed}", index, 10, seed)
