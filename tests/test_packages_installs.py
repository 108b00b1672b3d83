"""The environment: built, added to, rebuilt and swapped, from an index of tiny wheels. What is in use never changes."""

import asyncio
import contextlib
import functools
import http.server
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tiny_wheels import Index

from plugin.errors import EnvironmentUnavailable, InstallRefused, PackageConflict
from plugin.packages import venv
from plugin.packages.catalogue import Catalogue, Package
from plugin.packages.venv import Bounds, Environment, Environments

STARTER = Package("starter", ("starter",), starter=True)
CALL = Bounds(download_bytes=1024**2, seconds=30)


def silent(_: str) -> None:
    pass


def wanted(*texts: str) -> list[Requirement]:
    return [Requirement(text) for text in texts]


def runs(environment: Environment, *modules: str) -> str:
    """What Python itself says to importing them: nothing, or its complaint."""
    code = "".join(f"import {module}; assert {module}.__cached__\n" for module in modules)
    done = subprocess.run([environment.python, "-I", "-c", code], capture_output=True, text=True)
    return done.stderr


def contents(path: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file): (file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.is_symlink()
    }


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    index = Index(tmp_path_factory.mktemp("index"))
    for version in ("1.0", "2.0"):
        index.add("starter", version, requires=["base"])
        index.add("base", version)
    for name in "abcdefgh":
        index.add(name, requires=["base>=1"])
    index.add("old", requires=["base<2"])
    index.add("picky", "1.0", requires=["missing"])
    index.add("large", padding=3 * 1024**2)
    index.add("many-parts", modules=5)
    index.add_source("source")
    return index


@pytest.fixture
async def environments(index: Index, tmp_path: Path) -> Environments:
    environments = Environments(tmp_path / "home", index.url)
    await environments.ready([STARTER], silent)
    return environments


async def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    """uv's own words are in the message; the next attempt starts afresh."""
    environments = Environments(tmp_path / "home", index_url=(tmp_path / "nowhere").as_uri())
    with pytest.raises(EnvironmentUnavailable, match="not found in the package registry"):
        await environments.ready(Catalogue().starters, silent)
    assert not list((tmp_path / "home" / "venvs").iterdir()) and not (tmp_path / "home" / "venv").exists()
    assert environments.in_use() is None and environments.use() is None


async def test_an_environment_is_built_once_and_found_again(index: Index, tmp_path: Path) -> None:
    """Several at once wait for one build; a broken link or stamp means building again."""
    environments = [Environments(tmp_path, index.url) for _ in range(3)]
    said: list[str] = []
    built = await asyncio.gather(*(each.ready([STARTER], said.append) for each in environments))
    assert len({each.path for each in built}) == 1 and runs(built[0], "starter", "base") == ""
    assert "another process is installing packages" in said and any("installing starter" in line for line in said)
    (built[0].path / "cellblock.json").write_text("{")
    again = await Environments(tmp_path, index.url).ready([STARTER], silent)
    assert again.path != built[0].path and not built[0].path.exists()


async def test_a_package_is_added_beside_what_is_there(environments: Environments) -> None:
    """The old directory stays as it was, byte for byte; the new one has all of it, compiled, and the new package."""
    old = await environments.ready([STARTER], silent)
    lease = environments.use()
    assert lease is not None and lease.environment == old
    before = contents(old.path)
    said: list[str] = []
    new = await environments.extended(wanted("a", "many_parts>=1"), said.append, CALL)
    assert new.path != old.path and environments.in_use() == new
    assert new.packages == old.packages | {"a": "1.0", "many-parts": "1.0"}
    assert new.requested == ("a", "many-parts", "starter") and new.built_at == old.built_at
    assert runs(new, "starter", "a", "many_parts", "many_parts.part3") == ""
    assert list((new.site_packages / "many_parts" / "__pycache__").glob("part3.*.pyc"))
    assert "installing a, many-parts" in said
    assert contents(old.path) == before and runs(old, "starter") == "" and "No module" in runs(old, "a")
    lease.close()
    assert not old.path.exists() and new.path.exists()


async def test_what_is_there_already_costs_nothing(environments: Environments) -> None:
    """Nor does it need the index, nor the lock."""
    found = await environments.ready([STARTER], silent)
    environments._index_url = "file:///nowhere"
    assert await environments.extended(wanted("starter>=1", "base"), silent, CALL) is found
    assert await environments.ready([STARTER], silent) is found


@pytest.mark.parametrize(
    ("texts", "error", "told"),
    [
        pytest.param(["starter==1.0"], PackageConflict, r"installed in version 2\.0.*starter==1\.0 was asked", id="a pin against what is there"),
        pytest.param(["a", "old"], PackageConflict, r"old.*base", id="a dependency against what is there"),
        pytest.param(["a==9"], PackageConflict, "no version of a==9", id="no such version"),
        pytest.param(["nobody-has-this"], PackageConflict, "not found", id="not on the index"),
        pytest.param(["picky"], PackageConflict, "missing", id="a dependency that is nowhere"),
        pytest.param(["source"], PackageConflict, "no usable wheels", id="no wheel"),
        pytest.param(["large"], InstallRefused, "download 3 MiB.*up to 1 MiB.*cellblock packages add large", id="too large"),
    ],
)  # fmt: skip
async def test_what_cannot_be_added_changes_nothing(
    environments: Environments, texts: list[str], error: type[Exception], told: str
) -> None:
    """One clear error, and the very environment of before."""
    found = await environments.ready([STARTER], silent)
    before = contents(found.path)
    with pytest.raises(error, match=f"(?s){told}"):
        await environments.extended(wanted(*texts), silent, CALL)
    assert environments.in_use() is found and contents(found.path) == before
    assert list((environments._home / "venvs").iterdir()) == [found.path]


async def test_an_operators_own_install_has_no_bound(environments: Environments) -> None:
    """`cellblock packages add`; but it is told what it costs."""
    said: list[str] = []
    assert "large" in (await environments.extended(wanted("large"), said.append)).packages
    assert "1 packages to install, 3 MiB to download" in said


class Recorder(http.server.SimpleHTTPRequestHandler):
    """Serves a directory, tells what was asked for, and answers some of it slowly."""

    asked: list[str]
    reached: threading.Event
    slow: threading.Event

    def do_GET(self) -> None:
        self.asked.append(f"GET {self.path}")
        if self.path.endswith(".whl"):
            self.reached.set()
            self.slow.wait(20)
        with contextlib.suppress(ConnectionError):  # the installer was stopped
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Served:
    """The index at an address: what it was asked for, whether a wheel was, and an event without which none comes."""

    url: str
    asked: list[str]
    reached: threading.Event
    goes_on: threading.Event


@pytest.fixture
def served(index: Index) -> Iterator[Served]:
    asked: list[str] = []
    reached, goes_on = threading.Event(), threading.Event()
    handler = type("Handler", (Recorder,), {"asked": asked, "reached": reached, "slow": goes_on})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=index.path)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Served(f"http://127.0.0.1:{server.server_address[1]}/", asked, reached, goes_on)
        goes_on.set()
        server.shutdown()
        thread.join()


async def test_what_is_too_large_is_not_downloaded(environments: Environments, served: Served) -> None:
    """The index is asked for the size only, here with HEAD, as it does not list sizes."""
    environments._index_url = served.url
    served.goes_on.set()
    with pytest.raises(InstallRefused, match="would download 3 MiB"):
        await environments.extended(wanted("large"), silent, CALL)
    assert "GET /large/" in served.asked and not [path for path in served.asked if path.endswith(".whl")]


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """uv honours its own environment: a cache of the test's own, and no second attempts."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))


async def test_an_install_that_takes_too_long_is_stopped(
    environments: Environments, served: Served, no_cache: None
) -> None:
    """With everything it has started; the next one starts at once."""
    found = environments.in_use()
    environments._index_url = served.url
    with pytest.raises(InstallRefused, match="longer than 1 seconds"):
        await environments.extended(wanted("a"), silent, Bounds(None, 1))
    assert environments.in_use() is found and [found.path] == list((environments._home / "venvs").iterdir())  # type: ignore[union-attr]
    served.goes_on.set()
    assert "a" in (await environments.extended(wanted("a"), silent, CALL)).packages


async def test_a_cancelled_install_leaves_nothing(environments: Environments, served: Served, no_cache: None) -> None:
    """Nor does the lock stay."""
    found = environments.in_use()
    environments._index_url = served.url
    call = asyncio.create_task(environments.extended(wanted("b"), silent, CALL))
    await asyncio.to_thread(served.reached.wait, 20)
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled() and [found.path] == list((environments._home / "venvs").iterdir())  # type: ignore[union-attr]
    served.goes_on.set()
    assert "b" in (await environments.extended(wanted("b"), silent, CALL)).packages


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_a_disk_stays_free(
    environments: Environments,
    served: Served,
    no_cache: None,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    """1 GiB, or what this test says: known before the download, and looked at while it lasts."""
    found = environments.in_use()
    environments._index_url, asked = served.url, served.asked
    free = shutil.disk_usage(environments._home).free
    limit = free * 2

    def looked_at(_: object) -> int:
        downloading = any(path.endswith(".whl") for path in asked)
        return 0 if downloading else free if when == "before" else limit

    monkeypatch.setattr(venv, "FREE_BYTES", free)
    monkeypatch.setattr(Environments, "_free_bytes", looked_at)
    with pytest.raises(InstallRefused, match="must stay free" if when == "before" else "was stopped"):
        await environments.extended(wanted("c"), silent, CALL)
    assert environments.in_use() is found and [found.path] == list((environments._home / "venvs").iterdir())  # type: ignore[union-attr]


async def test_an_index_that_is_down_is_the_operators_trouble(environments: Environments, no_cache: None) -> None:
    """Not the caller's; the environment stays."""
    environments._index_url = "http://127.0.0.1:9/"
    with pytest.raises(EnvironmentUnavailable, match="Failed to fetch"):
        await environments.extended(wanted("d"), silent, CALL)


async def test_starters_that_came_later_are_added(environments: Environments, index: Index) -> None:
    """An upgrade, or a row that the operator added, builds nothing anew; where it cannot be, the environment stays as it is."""
    old = environments.in_use()
    assert old is not None
    new = await environments.ready([STARTER, Package("a", ("a",), starter=True)], silent)
    assert new.packages == old.packages | {"a": "1.0"} and new.built_at == old.built_at
    said: list[str] = []
    same = await environments.ready([STARTER, Package("old", ("old",), starter=True)], said.append)
    assert same == new and any("cannot be installed" in line for line in said)


async def test_a_rebuild_takes_the_newest_and_keeps_what_users_asked_for(index: Index, tmp_path: Path) -> None:
    """Beside the old one, which runs on; what is no longer approved is left out; a young one is kept."""
    catalogue = Catalogue(add=["starter", "a"], remove=[row.distribution for row in Catalogue()])
    environments = Environments(tmp_path, index.url, max_age_days=1)
    await environments.ready([Package("starter", (), starter=True, versions="==1.0")], silent)
    await environments.extended(wanted("a", "b"), silent, CALL)
    lease = environments.use()
    assert lease is not None and not environments.due()
    assert (await environments.rebuilt(catalogue, silent, older_than=60)).path == lease.environment.path
    new = await environments.rebuilt(catalogue, silent)
    assert new.packages == {"starter": "2.0", "base": "2.0", "a": "1.0"} and new.requested == ("a", "starter")
    assert environments.in_use() == new and runs(lease.environment, "b") == ""
    lease.close()
    assert list((tmp_path / "venvs").iterdir()) == [new.path]


async def test_a_failed_rebuild_is_tried_later(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old environment stays; `due` does not ask for it at each call."""
    environments = Environments(tmp_path, index.url, max_age_days=1e-9)
    found = await environments.ready([STARTER], silent)
    assert environments.due()
    environments._index_url = "file:///nowhere"
    with pytest.raises(EnvironmentUnavailable, match="stays as old as it is"):
        await environments.rebuilt(Catalogue(), silent)
    assert environments.in_use() == found and not environments.due()
    assert not Environments(tmp_path, index.url, max_age_days=1e-9).due()  # of another process
    monkeypatch.setattr(venv, "RETRY_SECONDS", 0)
    assert environments.due()


async def test_what_somebody_uses_is_kept(environments: Environments) -> None:
    """By any process; the last one to close its lease removes it."""
    first, second = environments.use(), environments.use()
    assert first is not None and second is not None
    program = "import sys\nfrom pathlib import Path\nfrom plugin.packages import lease\nx = lease.taken(Path(sys.argv[1]))\nprint(1, flush=True)\ninput()"
    with subprocess.Popen(  # noqa: ASYNC220 - it starts in no time
        [sys.executable, "-c", program, str(environments._home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    ) as other:
        assert other.stdout is not None
        assert await asyncio.to_thread(other.stdout.readline) == b"1\n"
        await environments.extended(wanted("a"), silent, CALL)
        first.close()
        second.close()
        first.close()
        assert first.environment.path.exists() and runs(first.environment, "starter") == ""
        other.kill()
    await environments.extended(wanted("b"), silent, CALL)
    assert not first.environment.path.exists()


async def test_asking_which_is_in_use_is_cheap(environments: Environments) -> None:
    """It is asked before each call."""
    environments.in_use()
    started = time.perf_counter()
    for _ in range(1000):
        environments.in_use()
    assert time.perf_counter() - started < 0.5
    other = Environments(environments._home, None)
    new = await Environments(environments._home, environments._index_url).extended(wanted("e"), silent, CALL)
    assert environments.in_use() == new == other.in_use()


async def test_eight_processes_install_at_once(environments: Environments, index: Index) -> None:
    """One installs at a time; no package is lost; none fails; nothing is left behind."""
    program = """
import asyncio, sys
from packaging.requirements import Requirement
from pathlib import Path
from plugin.packages.venv import Bounds, Environments
home, url, name = sys.argv[1:]
async def main():
    environments = Environments(Path(home), url)
    for text in (name, "a", name):
        found = await environments.extended([Requirement(text)], lambda line: None, Bounds(10**6, 60))
        assert text in found.packages, found
    lease = environments.use()
    assert name in lease.environment.packages
    lease.close()
asyncio.run(main())
"""
    commands = [[sys.executable, "-c", program, str(environments._home), index.url, name] for name in "abcdefgh"]
    started = [
        await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE, cwd=Path(__file__).parent.parent)
        for command in commands
    ]
    said = [await each.communicate() for each in started]
    assert [each.returncode for each in started] == [0] * 8, said
    found = environments.in_use()
    assert found is not None and set("abcdefgh") <= found.packages.keys() and runs(found, *"abcdefgh") == ""
    last = await environments.extended(wanted("many-parts"), silent, CALL)
    assert list((environments._home / "venvs").iterdir()) == [last.path]
