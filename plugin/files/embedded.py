"""Files kept on this machine: SQLite for the records, a directory for the content."""

import hashlib
import time
from collections.abc import Callable

from ..config import Settings
from .content.chain import ContentChain
from .content.local import LocalContent
from .file_manager import FileManager
from .stores import MetadataStore
from .stores.chain import StoreChain
from .stores.sqlite import SqliteStore

DATABASE = "cellblock.sqlite3"
CONTENT = "content"


class EmbeddedFiles:
    """The files under `settings.home`; nothing is opened or made before they are first used. Owns the database."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._store, self._content = SqliteStore(settings.home / DATABASE), LocalContent(settings.home / CONTENT)
        self.files = FileManager(settings, self._store, self._content, clock)

    def behind(self, store: MetadataStore) -> FileManager:
        """Files whose records go to the caller's store and are looked up there first, then here. Not to be closed.

        Their content has a directory for each store: what one database does not know is waste only if it is of that database.
        """
        if store.name == self._store.name:
            return self.files
        of_this_store = hashlib.sha256(store.name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        apart = LocalContent(self._settings.home / f"{CONTENT}-{of_this_store}")
        chain = StoreChain(store, self._store), ContentChain(apart, self._content)
        return FileManager(self._settings, *chain, self._clock)

    async def aclose(self) -> None:
        """Close the database. Safe to call twice."""
        await self._store.aclose()


def open_files(settings: Settings, clock: Callable[[], float] = time.time) -> FileManager:
    """The files under `settings.home` alone; closing them closes the database."""
    return EmbeddedFiles(settings, clock).files
