"""The data directory of the benchmarks, in the checkout: built by the first run, kept for the next ones."""

import os
import sys
from pathlib import Path

from plugin import Interpreter
from plugin.events import Event, InstallProgress
from plugin.packages.catalogue import Catalogue
from plugin.packages.venv import Environment, Environments

BUILD = Path(__file__).resolve().parent.parent / "build"
HOME = BUILD / "bench-home"
PEERS_HOME = BUILD / "bench-peers"  # what Jupyter and IPython would otherwise write into the home directory


async def built() -> Environment:
    """The environment that sandboxes see; the font list that the first zygote makes is there too."""
    async with Interpreter(home=HOME, pool_min=0) as interpreter:
        await interpreter.warm(_tell)
        settings = interpreter.settings
    catalogue = Catalogue(settings.catalogue_add, settings.catalogue_remove)
    return await Environments(HOME, settings.index_url).ready(catalogue.starters, lambda message: None)


def peers_environment(environment: Environment) -> dict[str, str]:
    """The process environment of the peers: the same packages, the same font list, so that none has to build one."""
    PEERS_HOME.mkdir(parents=True, exist_ok=True)
    return os.environ | {
        "PYTHONPATH": str(environment.site_packages),
        "MPLCONFIGDIR": str(environment.font_cache),
        "MPLBACKEND": "agg",
        "IPYTHONDIR": str(PEERS_HOME / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(PEERS_HOME / "jupyter"),
    }


def _tell(event: Event) -> None:
    if isinstance(event, InstallProgress):
        print(event.message, file=sys.stderr)
