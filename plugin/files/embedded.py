"""Files kept on this machine: SQLite for the records, a directory for the content."""

import time
from collections.abc import Callable

from ..config import Settings
from .content.local import LocalContent
from .file_manager import FileManager
from .stores.sqlite import SqliteStore

DATABASE = "cellblock.sqlite3"
CONTENT = "content"


def open_files(settings: Settings, clock: Callable[[], float] = time.time) -> FileManager:
    """The files under `settings.home`; nothing is opened or made before they are first used."""
    store, content = SqliteStore(settings.home / DATABASE), LocalContent(settings.home / CONTENT)
    return FileManager(settings, store, content, clock)
