"""The virtual environment that sandboxes see: built by uv from wheels only, beside the old one, then put in its place.

`home/venv` is a link to a directory in `home/venvs`; it is replaced in one step, so that a crash at any point leaves the
environment as it was. One process builds at a time; the others wait and use what it built.
"""

import asyncio
import contextlib
import json
import os
import shutil
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import filelock
import uv

from ..errors import EnvironmentUnavailable
from .catalogue import Package, normalized

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
STAMP = "cellblock.json"
COMPLAINT_LINES = 20

OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """One built environment; `packages` are normalized distribution -> version, all that
    is installed."""

    path: Path
    packages: dict[str, str]
    built_at: float

    @property
    def site_packages(self) -> Path:
        return self.path / "lib" / VERSION / "site-packages"

    @property
    def font_cache(self) -> Path:
        return self.path / "matplotlib"


class Environments:
    """Finds or builds the environment in a data directory.

    Args:
        home: the data directory.
        index_url: of the package index; None for uv's own default and configuration.
    """

    def __init__(self, home: Path, index_url: str | None) -> None:
        self._home = home
        self._index_url = index_url

    async def ready(self, packages: list[Package], on_progress: OnProgress) -> Environment:
        """The environment in use, built first where there is none.

        Raises:
            EnvironmentUnavailable: it cannot be built; the message has uv's own last lines.
        """
        names = [package.distribution for package in packages]
        found = await asyncio.to_thread(self._current, names)
        if found is not None:
            return found
        async with self._locked(on_progress):
            found = await asyncio.to_thread(self._current, names)
            return found if found is not None else await self._build(names, on_progress)

    def _current(self, names: list[str]) -> Environment | None:
        """What `home/venv` leads to, if it is whole, of this Python, and has these distributions."""
        link = self._home / "venv"
        try:
            path = link.resolve(strict=True)
            stamp = json.loads((path / STAMP).read_text())
        except (OSError, ValueError):
            return None
        if stamp["python"] != sys.version or not {normalized(name) for name in names} <= stamp["packages"].keys():
            return None
        return Environment(path, stamp["packages"], stamp["built_at"])

    async def _build(self, names: list[str], on_progress: OnProgress) -> Environment:
        path = self._home / "venvs" / f"{time.time_ns():x}-{os.getpid()}"
        try:
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            python = await asyncio.to_thread(os.path.realpath, getattr(sys, "_base_executable", sys.executable))
            on_progress("creating the environment")
            await self._uv(["venv", "--no-project", "--python", python, str(path)], on_progress)
            on_progress(f"installing {', '.join(names)}")
            index = ["--index-url", self._index_url] if self._index_url else []
            # Wheels only: a source distribution would run its author's code on the host.
            install = ["pip", "install", "--no-build", "--compile-bytecode", *index, *self._python(path), *names]
            await self._uv(install, on_progress)
            listed = json.loads(
                await self._uv(["pip", "list", "--format", "json", *self._python(path)], lambda _: None)
            )
            await asyncio.to_thread(_make_readable, path)
            versions = {normalized(row["name"]): row["version"] for row in listed}
            return await asyncio.to_thread(self._put_in_place, path, versions)
        except OSError as error:
            raise EnvironmentUnavailable(f"the environment in {self._home} cannot be built: {error}") from None
        finally:
            await asyncio.to_thread(self._remove_unused)

    @staticmethod
    def _python(path: Path) -> list[str]:
        return ["--python", str(path / "bin" / "python")]

    def _put_in_place(self, path: Path, versions: dict[str, str]) -> Environment:
        environment = Environment(path, versions, time.time())
        stamp = {"python": sys.version, "packages": versions, "built_at": environment.built_at}
        (path / STAMP).write_text(json.dumps(stamp))
        fresh = self._home / f"venv.new-{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(path)
        fresh.replace(self._home / "venv")
        return environment

    def _remove_unused(self) -> None:
        """Directories that the link does not lead to: of a build that failed or was killed. Called under the lock."""
        current = (self._home / "venv").resolve()
        for path in (self._home / "venvs").glob("*"):
            if path.resolve() != current:
                shutil.rmtree(path, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def _locked(self, on_progress: OnProgress) -> AsyncIterator[None]:
        await asyncio.to_thread(self._home.mkdir, parents=True, exist_ok=True, mode=0o700)
        lock = filelock.AsyncFileLock(self._home / "venv.lock", timeout=0)
        try:
            await lock.acquire()
        except filelock.Timeout:
            on_progress("another process is building the environment")
            await lock.acquire(timeout=-1)
        try:
            yield
        finally:
            await lock.release()

    async def _uv(self, arguments: list[str], on_progress: OnProgress) -> str:
        """Run uv; its own lines are progress, its output is returned."""
        environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
        process = await asyncio.create_subprocess_exec(
            uv.find_uv_bin(),
            *arguments,
            "--system-certs",  # an index behind a proxy with a certificate of its own
            "--color=never",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            umask=0o022,  # as root, sandboxes have another uid and must be able to read what is installed
        )
        try:
            output, said = await asyncio.gather(_all(process.stdout), _lines(process.stderr, on_progress))
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status:
            last = "\n".join(said[-COMPLAINT_LINES:])
            raise EnvironmentUnavailable(
                f"uv {arguments[0]} failed with status {status} in {self._home}; "
                f"mend what it says and run `cellblock setup`:\n{last}"
            )
        return output


def _make_readable(path: Path) -> None:
    """uv may link files from a cache that was filled under a stricter umask."""
    for directory, _, names in os.walk(path):
        for entry in [directory, *(f"{directory}/{name}" for name in names)]:
            found = os.lstat(entry)
            wanted = found.st_mode | (0o055 if stat.S_ISDIR(found.st_mode) or found.st_mode & 0o100 else 0o044)
            if found.st_mode != wanted and not stat.S_ISLNK(found.st_mode):
                os.chmod(entry, wanted)


async def _all(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    return (await stream.read()).decode("utf-8", "replace")


async def _lines(stream: asyncio.StreamReader | None, on_progress: OnProgress) -> list[str]:
    assert stream is not None
    lines = []
    async for line in stream:
        text = line.decode("utf-8", "replace").rstrip()
        if text:
            lines.append(text)
            on_progress(text)
    return lines
