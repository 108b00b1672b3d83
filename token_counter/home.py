"""The data directory, for what is read before and without settings: vocabularies and this user's model rules."""

import os
from pathlib import Path


def home() -> Path:
    """As config.py has it: `CELLBLOCK_HOME`, else where the system keeps a user's data."""
    import platformdirs  # not at import: who sets the variable never needs it

    return Path(os.environ.get("CELLBLOCK_HOME") or platformdirs.user_data_dir("cellblock", appauthor=False))
