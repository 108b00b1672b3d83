"""The virtual environment that sandboxes see: built by uv from wheels only, beside the old one, then put in its place.

`home/venv` is a link to a directory in `home/venvs`; it is replaced in one step, so that a crash at any point leaves the
environment as it was. What is in use never changes: an install makes a copy, adds to it, and puts that in place. One process
builds at a time; the others wait and use what it built.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from packaging.requirements import Requirement

from .. import locks
from ..errors import EnvironmentUnavailable, InstallRefused, PackageConflict
from ..finish import end, in_thread
from . import lease
from .building import Build, begun
from .catalogue import Catalogue, Package, normalized
from .environment import VERSION, Environment
from .lease import Lease
from .program import OnProgress, ProgramFailed
from .resolution import Resolution, Wheel, size
from .uv import NO_SOLUTION

__all__ = ["VERSION", "Bounds", "Environment", "Environments", "Lease"]

MiB, GiB = 1024**2, 1024**3
FREE_BYTES = GiB  # of the disk, which must stay free
UNPACKED = (
    4  # an installed wheel against its download: numpy 4.0, pandas 4.6, plotly 4.5, scipy 3.2 with what is compiled
)
WATCH_SECONDS = 0.25  # between two looks at the disk
RETRY_SECONDS = 3600.0  # after a rebuild that failed
LOCK_SECONDS = 0.05  # between two attempts to be the one that installs
DAY = 86400.0

log = logging.getLogger("cellblock.packages")

T = TypeVar("T")


@dataclass(frozen=True)
class Bounds:
    """What an install may cost: bytes to download and seconds; None is no bound. An operator's own has none."""

    download_bytes: int | None = None
    seconds: float | None = None


NO_BOUNDS = Bounds()


class Environments:
    """Finds, builds and extends the environment in a data directory.

    Args:
        home: the data directory.
        index_url: of the package index; None for uv's own default and configuration.
        max_age_days: after which `due` says that it is time to build anew.
    """

    def __init__(self, home: Path, index_url: str | None, max_age_days: float = 7) -> None:
        self._home = home
        self._index_url = index_url
        self.max_age = max_age_days * DAY
        self._last: Environment | None = None

    # ---- what is there; these block for microseconds

    def in_use(self) -> Environment | None:
        """The environment that `home/venv` leads to now, whoever put it there; None where there is no whole one."""
        path = (self._home / "venv").resolve()
        if self._last is None or self._last.path != path:
            self._last = Environment.at(path)
        return self._last

    def use(self) -> Lease | None:
        """The same, and nobody removes it until the lease is closed."""
        return lease.taken(self._home)

    def due(self) -> bool:
        """Whether the environment is so old that `rebuilt` should be called; not soon after one that failed."""
        environment = self.in_use()
        if environment is None or environment.age < self.max_age:
            return False
        try:
            return time.time() - self._failure.stat().st_mtime > RETRY_SECONDS
        except OSError:
            return True

    @property
    def _failure(self) -> Path:
        return self._home / "venv.failed"

    # ---- what changes it

    async def ready(self, packages: Sequence[Package], on_progress: OnProgress) -> Environment:
        """The environment in use, built first where there is none; starters that it lacks are added.

        Raises:
            EnvironmentUnavailable: it cannot be built; the message has uv's own last lines.
        """
        starters = [package.requirement for package in packages]
        found = await asyncio.to_thread(self.in_use)
        if found is not None and not found.lacks(starters):
            return found
        async with self._locked(on_progress):
            found = await asyncio.to_thread(self.in_use)
            try:
                if found is None:
                    return await self._built(starters, on_progress)
                if found.lacks(starters):
                    return await self._extended(found, found.lacks(starters), on_progress, NO_BOUNDS)
            except (InstallRefused, EnvironmentUnavailable) as error:
                if found is None:
                    raise EnvironmentUnavailable(str(error)) from None
                # Better without a package than not at all; a call that needs it is told why.
                log.warning("the environment stays without %s: %s", _names(found.lacks(starters)), error)
                on_progress(str(error))
            return found

    async def extended(
        self, requirements: Iterable[Requirement], on_progress: OnProgress, bounds: Bounds = NO_BOUNDS
    ) -> Environment:
        """An environment that has the current one's packages, unchanged, and these.

        Raises:
            PackageConflict: they do not go together; nothing was changed.
            InstallRefused: it would cost more than the bounds allow, or the disk has not enough room; nothing was changed.
            EnvironmentUnavailable: the index or the installer failed; nothing was changed.
        """
        wanted = list(requirements)
        found = await asyncio.to_thread(self.in_use)
        if found is not None and not found.lacks(wanted):
            return found
        try:
            async with asyncio.timeout(bounds.seconds), self._locked(on_progress):
                found = await asyncio.to_thread(self.in_use)
                if found is None:
                    raise EnvironmentUnavailable(
                        f"there is no environment in {self._home} to add to; run `cellblock setup`"
                    )
                missing = found.lacks(wanted)
                return await self._extended(found, missing, on_progress, bounds) if missing else found
        except TimeoutError:
            raise InstallRefused(
                f"Installing {_names(wanted)} took longer than {bounds.seconds:g} seconds and was stopped; nothing was "
                f"changed. An operator may run `cellblock packages add {_names(wanted, ' ')}`"
            ) from None

    async def rebuilt(self, catalogue: Catalogue, on_progress: OnProgress, *, older_than: float = 0) -> Environment:
        """A new environment of the newest versions: the starters and what else was asked for since, if still approved.

        Args:
            older_than: seconds; one that is younger, as another process may have just built it, is kept.

        Raises:
            EnvironmentUnavailable: it cannot be built; the old one stays in use, and `due` says no for a while.
        """
        async with self._locked(on_progress):
            found = await asyncio.to_thread(self.in_use)
            if found is not None and found.age < older_than:
                return found
            names = [package.distribution for package in catalogue.starters]
            names += found.requested if found is not None else ()
            try:
                environment = await self._built(catalogue.still(dict.fromkeys(names)), on_progress)
            except (InstallRefused, EnvironmentUnavailable) as error:
                await asyncio.to_thread(self._failure.touch)
                raise EnvironmentUnavailable(f"the environment stays as old as it is: {error}") from None
            await asyncio.to_thread(self._failure.unlink, missing_ok=True)
            return environment

    # ---- under the lock

    async def _built(self, requirements: list[Requirement], on_progress: OnProgress) -> Environment:
        async with begun(self._home, self._index_url, on_progress) as build:
            resolution = await self._resolution(build, requirements, {})
            await self._check_size(resolution.fresh({}), NO_BOUNDS, requirements, on_progress)
            environment = await self._watched(build.made(resolution, _normalized(requirements)), requirements)
            return await self._put_in_place(build, environment)

    async def _extended(
        self, base: Environment, missing: list[Requirement], on_progress: OnProgress, bounds: Bounds
    ) -> Environment:
        for each in missing:
            version = base.packages.get(normalized(each.name))
            if version is not None:
                raise PackageConflict(
                    f"Package '{each.name}' is installed in version {version}, which all share, and {each} was asked for; "
                    "nothing was changed. Use the installed version"
                )
        async with begun(self._home, self._index_url, on_progress) as build:
            resolution = await self._watched(self._resolution(build, missing, base.packages), missing)
            await self._check_size(resolution.fresh(base.packages), bounds, missing, on_progress)
            extending = build.extended(base, resolution, _normalized(missing))
            environment = await self._watched(extending, missing)
            return await self._put_in_place(build, environment)

    async def _resolution(self, build: Build, requirements: list[Requirement], installed: dict[str, str]) -> Resolution:
        try:
            return await build.resolve([str(each) for each in requirements], installed)
        except ProgramFailed as failure:
            if failure.status == NO_SOLUTION:
                raise PackageConflict(
                    f"Package {_names(requirements)} cannot be installed beside what is installed; nothing was changed. "
                    f"{failure.said}"
                ) from None
            raise self._unavailable(failure) from None

    async def _check_size(
        self, wheels: dict[str, Wheel], bounds: Bounds, wanted: list[Requirement], on_progress: OnProgress
    ) -> None:
        """Before anything is downloaded."""
        download = await asyncio.to_thread(size, wheels)
        on_progress(f"{len(wheels)} packages to install, {_told(download)} to download")
        free = await asyncio.to_thread(self._free_bytes)
        add = f"`cellblock packages add {_names(wanted, ' ')}`"
        if bounds.download_bytes is not None and download > bounds.download_bytes:
            raise InstallRefused(
                f"Installing {_names(wanted)} would download {_told(download)}; a call may install up to "
                f"{_told(bounds.download_bytes)}. An operator may run {add}"
            )
        if free - UNPACKED * download < FREE_BYTES:
            raise InstallRefused(
                f"Installing {_names(wanted)} needs about {_told(UNPACKED * download)}, and {_told(free)} are free in "
                f"{self._home}, of which {_told(FREE_BYTES)} must stay free. Make room, then run {add}"
            )

    async def _watched(self, work: Awaitable[T], wanted: list[Requirement]) -> T:
        """Wait for the installer, and stop it where it fills the disk up after all."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=WATCH_SECONDS))[0]:
                if await asyncio.to_thread(self._free_bytes) < FREE_BYTES:
                    raise InstallRefused(
                        f"Installing {_names(wanted)} left less than {_told(FREE_BYTES)} free in {self._home} and was "
                        "stopped; nothing was changed. Make room there"
                    )
            return task.result()
        except ProgramFailed as failure:
            raise self._unavailable(failure) from None
        except OSError as error:
            raise EnvironmentUnavailable(f"the environment in {self._home} cannot be built: {error}") from None
        finally:
            await end(task)

    def _unavailable(self, failure: ProgramFailed) -> EnvironmentUnavailable:
        return EnvironmentUnavailable(
            f"{failure.program} failed with status {failure.status} in {self._home}; mend what it says and run "
            f"`cellblock setup`:\n{failure.said}"
        )

    async def _put_in_place(self, build: Build, environment: Environment) -> Environment:
        def put() -> None:
            build.finish(environment)
            fresh = self._home / f"venv.new-{os.getpid()}"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(environment.path)
            fresh.replace(self._home / "venv")

        try:
            await in_thread(put)
        except OSError as error:
            raise EnvironmentUnavailable(f"the environment in {self._home} cannot be built: {error}") from None
        return environment

    def _sweep(self) -> None:
        """Remove what killed processes left, and environments that were replaced and that nobody uses any more."""
        for path in (self._home / "venvs").glob("*"):
            lease.remove_unless_used(path, self._home)
        for link in self._home.glob("venv.new-*"):
            link.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def _locked(self, on_progress: OnProgress) -> AsyncIterator[None]:
        try:
            await asyncio.to_thread(self._home.mkdir, parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise EnvironmentUnavailable(f"no environment can be built in {self._home}: {error}") from None
        async with one_at_a_time(self._home / "venv.lock", on_progress):
            await in_thread(self._sweep)
            yield
            await in_thread(self._sweep)

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self._home).free


@contextlib.asynccontextmanager
async def one_at_a_time(path: Path, on_progress: OnProgress) -> AsyncIterator[None]:
    """Wait for a lock that one task of one process has; the system lets go of it with the process."""
    try:
        descriptor = await in_thread(lambda: os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), os.close)
    except OSError as error:
        raise EnvironmentUnavailable(f"no environment can be built in {path.parent}: {error}") from None
    try:
        told = False
        while not _taken(descriptor):
            if not told:
                on_progress("another process is installing packages")
                told = True
            await asyncio.sleep(LOCK_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        return locks.alone(descriptor)
    except OSError as error:
        raise EnvironmentUnavailable(
            f"files in the data directory cannot be locked ({error}); put it on a local disk"
        ) from None


def _names(requirements: Iterable[Requirement], separator: str = ", ") -> str:
    return separator.join(map(str, requirements))


def _normalized(requirements: Iterable[Requirement]) -> list[str]:
    return [normalized(each.name) for each in requirements]


def _told(size: int) -> str:
    return f"{size / GiB:.1f} GiB" if size >= GiB else f"{size / MiB:.0f} MiB"
