"""The data directory of the benchmarks, in the checkout: built by the first run, kept for the next ones."""

import os
from pathlib import Path

from plugin.packages.venv import Environment

BUILD = Path(__file__).resolve().parent.parent / "build"
HOME = BUILD / "bench-home"
PEERS_HOME = BUILD / "bench-peers"  # what Jupyter and IPython would otherwise write into the home directory


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
