"""What an operator decides about packages, for all processes that share the data directory: add, strike out, build anew."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from packaging.requirements import Requirement

from ..config import Settings
from ..errors import SettingsError
from ..finish import in_thread
from .catalogue import Catalogue, normalized, written
from .environment import Environment
from .program import OnProgress
from .remembered import Remembered
from .venv import Environments, one_at_a_time


class Operating:
    """The catalogue and the environment of a data directory, in an operator's hands.

    Raises:
        SettingsError: a row of the catalogue cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._remembered = Remembered(settings.home)
        self.catalogue = Catalogue(settings.catalogue_add, settings.catalogue_remove, self._remembered)
        self.catalogue.refresh()
        self.environments = Environments(settings.home, settings.index_url, settings.venv_max_age_days)

    async def add(self, rows: Sequence[str], on_progress: OnProgress) -> Environment:
        """Install packages, of any size, and approve them from now on.

        Args:
            rows: as in `Settings.catalogue_add`; import names that are left out are those the package turns out to have.

        Raises:
            SettingsError: a row cannot be read, or settings strike it out.
            PackageConflict: it does not go together with what is installed.
            InstallRefused: the disk has not enough room.
            EnvironmentUnavailable: the index or the installer failed.
        """
        wanted = [written(row) for row in rows]
        struck = {normalized(name) for name in self._settings.catalogue_remove}
        for requirement, _ in wanted:
            if normalized(requirement.name) in struck:
                raise SettingsError(
                    f"catalogue_remove strikes out {requirement.name}; take it out of the settings first"
                )
        await self.environments.ready(self.catalogue.starters, on_progress)
        requirements = [requirement for requirement, _ in wanted]
        environment = await self.environments.extended(requirements, on_progress)
        texts = await in_thread(lambda: [_row(requirement, modules, environment) for requirement, modules in wanted])
        names = {normalized(requirement.name) for requirement in requirements}
        async with self._changing(on_progress):
            kept = tuple(row for row in self._remembered.added if normalized(written(row)[0].name) not in names)
            removed = tuple(name for name in self._remembered.removed if normalized(name) not in names)
            await in_thread(lambda: self._remembered.write((*kept, *texts), removed))
        return environment

    async def remove(self, names: Sequence[str], on_progress: OnProgress) -> Environment:
        """Approve packages no more, and build the environment anew without them.

        Returns: the new environment; what another package needs is still in it.

        Raises:
            PackageNotApproved: the catalogue does not list one; nothing was changed.
            EnvironmentUnavailable: the environment cannot be built; they are struck out all the same.
        """
        found = {normalized(self.catalogue.approved(name).distribution) for name in names}
        in_settings = found & {normalized(written(row)[0].name) for row in self._settings.catalogue_add}
        if in_settings:
            raise SettingsError(
                f"catalogue_add names {', '.join(sorted(in_settings))}; take it out of the settings first"
            )
        async with self._changing(on_progress):
            kept = tuple(row for row in self._remembered.added if normalized(written(row)[0].name) not in found)
            removed = tuple(sorted({*self._remembered.removed, *found}))
            await in_thread(lambda: self._remembered.write(kept, removed))
        environment = await asyncio.to_thread(self.environments.in_use)
        if environment is not None and not found & environment.packages.keys():
            return environment
        return await self.rebuild(on_progress)

    async def rebuild(self, on_progress: OnProgress) -> Environment:
        """Build the environment anew, of the newest versions.

        Raises:
            EnvironmentUnavailable: it cannot be built; the old one stays.
        """
        await in_thread(self.catalogue.refresh)
        return await self.environments.rebuilt(self.catalogue, on_progress)

    @asynccontextmanager
    async def _changing(self, on_progress: OnProgress) -> AsyncIterator[None]:
        async with one_at_a_time(self._settings.home / "packages.lock", on_progress):
            await in_thread(self._remembered.changed)
            yield
            await in_thread(self.catalogue.arrange)


def _row(requirement: Requirement, modules: tuple[str, ...], environment: Environment) -> str:
    modules = modules or tuple(environment.modules_of(normalized(requirement.name)))
    return f"{requirement}: {', '.join(modules)}" if modules else str(requirement)
