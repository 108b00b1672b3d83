"""One new environment in a directory of its own, made beside the one in use, from nothing or as a copy of it.

A copy's files are hard links: installers and compilers put new files in the place of old ones and never write into them, so the
environment that was copied stays as it is.
"""

import asyncio
import contextlib
import os
import shutil
import stat
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

from .. import locks
from ..errors import EnvironmentUnavailable
from ..finish import in_thread
from . import program, seaborn_data
from .environment import Environment, base_python
from .program import OnProgress, ProgramFailed
from .resolution import Resolution
from .uv import Uv

LOCK_FILE = "pylock.toml"
COMPILED_AT_ONCE = 200  # modules; for more a second process is worth its start


class Build:
    """A directory in `home/venvs`, locked while it is made. Made by `begun`."""

    def __init__(self, path: Path, descriptor: int, index_url: str | None, on_progress: OnProgress) -> None:
        self.path = path
        self._descriptor = descriptor
        self._tell = on_progress
        self._uv = Uv(index_url, on_progress, (descriptor,))

    async def resolve(self, requirements: list[str], installed: dict[str, str]) -> Resolution:
        """Versions that fit each other, the requirements and what is installed, which stays as it is.

        Raises:
            ProgramFailed: with `uv.NO_SOLUTION` where there are none.
        """
        self._tell(f"resolving {', '.join(requirements)}")
        constraints = self.path / "constraints.txt"
        pinned = "".join(f"{name}=={version}\n" for name, version in installed.items())
        await in_thread(lambda: constraints.write_text(pinned))
        text = await self._uv.resolve(base_python(), requirements, str(constraints))
        await in_thread(constraints.unlink)
        return await in_thread(lambda: Resolution.of(text))

    async def made(self, resolution: Resolution, requested: Iterable[str]) -> Environment:
        """Install from nothing.

        Raises:
            ProgramFailed: see Uv.
        """
        self._tell("creating the environment")
        await self._uv.create(base_python(), str(self.path))
        environment = Environment(self.path, resolution.versions, time.time(), tuple(sorted(requested)))
        lock = await self._write_lock(resolution)
        self._tell(f"installing {', '.join(sorted(environment.requested))}")
        await self._uv.install_compiled(environment.python, lock)
        await in_thread(lambda: _make_readable(_all_of(self.path)))
        await in_thread(lambda: seaborn_data.fill(environment.site_packages, environment.seaborn_data))
        return environment

    async def extended(self, base: Environment, resolution: Resolution, requested: Iterable[str]) -> Environment:
        """Copy an environment and add to the copy.

        Raises:
            ProgramFailed: see Uv.
        """
        fresh = resolution.fresh(base.packages)
        self._tell(f"installing {', '.join(sorted(fresh))}")
        await in_thread(lambda: _copy(base.path, self.path))
        environment = Environment(
            self.path,
            base.packages | resolution.versions,
            base.built_at,
            tuple(sorted({*base.requested, *requested})),
        )
        lock = await self._write_lock(resolution)
        await self._uv.install(environment.python, lock)
        files = await in_thread(lambda: environment.files_of(fresh))
        await self._compile([path for path in files if path.endswith(".py")])
        await in_thread(lambda: _make_readable(_with_directories(environment.site_packages, files)))
        if not await asyncio.to_thread(environment.seaborn_data.exists):
            await in_thread(lambda: seaborn_data.fill(environment.site_packages, environment.seaborn_data))
        return environment

    async def _write_lock(self, resolution: Resolution) -> str:
        lock = self.path / LOCK_FILE
        await in_thread(lambda: lock.write_text(resolution.text))
        return str(lock)

    async def _compile(self, modules: list[str]) -> None:
        jobs = ["-j", "0"] if len(modules) > COMPILED_AT_ONCE else []
        command = [base_python(), "-I", "-S", "-m", "compileall", "-q", *jobs, "-i", "-"]
        # A wheel may hold files that are no Python of this version, such as templates.
        with contextlib.suppress(ProgramFailed):
            await program.run(command, lambda _: None, given="\n".join(modules), kept_open=(self._descriptor,))

    def finish(self, environment: Environment) -> None:
        """Write the stamp and let others use the directory. Blocks."""
        environment.write_stamp()
        with contextlib.suppress(OSError):  # a file system without such locks
            locks.release(self._descriptor)


@contextlib.asynccontextmanager
async def begun(home: Path, index_url: str | None, on_progress: OnProgress) -> AsyncIterator[Build]:
    """A new directory, which is removed at the end unless `home/venv` leads to it by then.

    Raises:
        EnvironmentUnavailable: it cannot be made.
    """
    path = home / "venvs" / f"{time.time_ns():x}-{os.getpid()}"
    try:
        descriptor = await in_thread(lambda: _open_new(path), os.close)
    except OSError as error:
        raise EnvironmentUnavailable(f"no environment can be built in {home}: {error}") from None
    try:
        yield Build(path, descriptor, index_url, on_progress)
    finally:
        await in_thread(lambda: _end(path, descriptor, home))


def _open_new(path: Path) -> int:
    path.mkdir(parents=True)
    path.chmod(0o755)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # a file system without such locks: what is left there stays
        locks.alone(descriptor)
    return descriptor


def _end(path: Path, descriptor: int, home: Path) -> None:
    os.close(descriptor)
    if (home / "venv").resolve() != path.resolve():
        shutil.rmtree(path, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """The interpreter's links, the packages, the caches; no scripts: their first lines name the old directory."""
    (target / "bin").mkdir()
    for entry in (source / "bin").iterdir():
        if entry.is_symlink():
            (target / "bin" / entry.name).symlink_to(os.readlink(entry))
    shutil.copy2(source / "pyvenv.cfg", target / "pyvenv.cfg")
    if (source / "lib64").is_symlink():
        (target / "lib64").symlink_to("lib")
    for name in ("lib", "share", "matplotlib", "seaborn-data"):
        if (source / name).is_dir():
            _link(str(source / name), str(target / name))


def _link(source: str, target: str) -> None:
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _link(entry.path, f"{target}/{entry.name}")
            else:
                try:
                    os.link(entry.path, f"{target}/{entry.name}", follow_symlinks=False)
                except OSError:  # another file system, or one without links
                    shutil.copy2(entry.path, f"{target}/{entry.name}", follow_symlinks=False)


def _with_directories(site_packages: Path, files: list[str]) -> Iterator[str]:
    """And what was compiled of them."""
    directories = set()
    for path in files:
        yield path
        directory = os.path.dirname(path)
        while directory != str(site_packages) and directory not in directories:
            directories.add(directory)
            directory = os.path.dirname(directory)
    for directory in directories:
        yield directory
        if os.path.isdir(cache := f"{directory}/__pycache__"):
            yield cache


def _all_of(path: Path) -> Iterator[str]:
    for directory, _, names in os.walk(path):
        yield directory
        yield from (f"{directory}/{name}" for name in names)


def _make_readable(paths: Iterable[str]) -> None:
    """uv may link files from a cache that was filled under a stricter umask."""
    for entry in paths:
        found = os.lstat(entry)
        wanted = found.st_mode | (0o055 if stat.S_ISDIR(found.st_mode) or found.st_mode & 0o100 else 0o044)
        if found.st_mode != wanted and not stat.S_ISLNK(found.st_mode):
            os.chmod(entry, wanted)
