"""Where packages and sandboxes meet: what a call lacks is installed, and the pool then shows the new environment."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .config import Settings
from .errors import CellblockError, EnvironmentUnavailable, InstallRefused
from .finish import in_thread
from .packages.catalogue import Catalogue, normalized
from .packages.needed import NOTHING, Needed, needed
from .packages.remembered import Remembered
from .packages.venv import Bounds, Environment, Environments, Lease
from .sandbox.pool import Pool
from .sandbox.template import OPERATORS_DATA, SEABORN_DATA, Library

log = logging.getLogger("cellblock.packages")

LOOK_SECONDS = 600.0  # between two looks whether another process put a new environment in place, or this one is old

OnProgress = Callable[[str], None]


class Installs:
    """The environment that one pool shows, and what changes it.

    Raises:
        SettingsError: a row of the catalogue cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.catalogue = Catalogue(settings.catalogue_add, settings.catalogue_remove, Remembered(settings.home))
        self._environments = Environments(settings.home, settings.index_url, settings.venv_max_age_days)
        self._bounds = Bounds(settings.install_bytes, settings.install_seconds)
        self._shown: Environment | None = None  # None until `library`
        self._showing = asyncio.Lock()

    async def library(self, on_progress: OnProgress) -> Library:
        """What a new pool shows; built where there is nothing yet.

        Raises:
            EnvironmentUnavailable: it cannot be built.
        """
        await asyncio.to_thread(self.catalogue.refresh)
        await self._environments.ready(self.catalogue.starters, on_progress)
        self._shown, library = await self._leased()
        return library

    async def lacking(
        self,
        install: Iterable[str],
        report: Mapping[str, Any],
        present: Iterable[str] = (),
        helpful: Iterable[str] = (),
    ) -> Needed:
        """What a call needs and the environment has not.

        Args:
            install: distributions that the call names.
            report: what source.py found in the code.
            present: modules that the code brings along.
            helpful: distributions that the call's files are read with.

        Raises:
            PackageNotApproved, OperatorOnly: see `needed`.
        """
        named, helps = [*install, *report.get("install", ())], list(helpful)
        imports, methods = report.get("imports", ()), report.get("methods", ())
        if not (named or helps or imports or methods):
            return NOTHING  # as most calls, which need not wait for a thread
        await asyncio.to_thread(self.catalogue.refresh)
        shown = self._shown
        wanted = needed(
            self.catalogue,
            named,
            imports,
            present,
            methods=methods,
            helpful=helps,
            installed=shown.packages if shown else None,
        )
        if shown is None:
            return wanted
        return Needed(tuple(shown.lacks(wanted.required)), tuple(shown.lacks(wanted.helpful)))

    async def install(self, lacking: Needed, pool: Pool, on_progress: OnProgress) -> tuple[str, ...]:
        """Install it, and have the pool show it to the sandboxes that it makes from now on.

        Returns: what is there now that was asked for; what is merely helpful may be missing.

        Raises:
            InstallRefused, EnvironmentUnavailable: what is required could not be installed.
        """
        assert self._shown is not None
        before = self._shown.packages
        try:
            await self._environments.extended(lacking, on_progress, self._bounds)
        except (InstallRefused, EnvironmentUnavailable) as error:
            if not lacking.helpful:
                raise
            log.info("not installed: %s", error)
            await self._environments.extended(lacking.required, on_progress, self._bounds)
        await self._show(pool)
        after = self._shown.packages
        fresh = {normalized(each.name) for each in lacking} & (after.keys() - before.keys())
        return tuple(sorted(fresh))

    async def keep_current(self, pool: Pool) -> None:
        """Until cancelled: build anew what is old, show what another process has put in place."""
        while True:
            try:
                if await asyncio.to_thread(self._environments.due):
                    await self._environments.rebuilt(self.catalogue, log.info, older_than=self._environments.max_age)
                await self._show(pool)
            except (CellblockError, OSError) as error:
                log.error("the packages stay as they are: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _show(self, pool: Pool) -> None:
        async with self._showing:
            current = await asyncio.to_thread(self._environments.in_use)
            if current is None or (self._shown is not None and current.path == self._shown.path):
                return
            environment, library = await self._leased()
            await pool.renew(library)
            self._shown = environment

    async def _leased(self) -> tuple[Environment, Library]:
        lease = await in_thread(self._environments.use, _closed)
        if lease is None:
            raise EnvironmentUnavailable(
                f"the environment in {self._settings.home} was taken away while it was opened; run `cellblock setup`"
            )
        found = lease.environment
        data = ((found.seaborn_data, SEABORN_DATA), (self._settings.home / "data", OPERATORS_DATA))
        methods = tuple(self.catalogue.methods)
        return found, Library(found.site_packages, found.font_cache, lease.close, data, methods)


def _closed(lease: Lease | None) -> None:
    if lease is not None:
        lease.close()
