"""The packages that are measured with: those that a first call installs, in the benchmarks' home."""

import sys

from plugin import Interpreter
from plugin.events import Event, InstallProgress
from plugin.packages.catalogue import Catalogue
from plugin.packages.venv import Environment, Environments

from . import quiet
from .home import HOME
from .host import Level


async def built(level: Level) -> Environment:
    """The environment that sandboxes see; the font list that the first zygote makes is there too.

    Raises:
        RuntimeError: sandboxes are not of this level here.
    """
    async with Interpreter(home=HOME, pool_min=0) as interpreter:
        await interpreter.warm(_tell)
        settings, found = interpreter.settings, (await quiet.pool_of(interpreter)).level
    if found != level:
        raise RuntimeError(f"sandboxes are of level {found} here, not {level}: see --level, and CELLBLOCK_LEVEL")
    catalogue = Catalogue(settings.catalogue_add, settings.catalogue_remove)
    return await Environments(HOME, settings.index_url).ready(catalogue.starters, lambda message: None)


def _tell(event: Event) -> None:
    if isinstance(event, InstallProgress):
        print(event.message, file=sys.stderr)
