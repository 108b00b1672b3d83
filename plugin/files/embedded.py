"""Files of one home: SQLite or an operator's database for the records, a directory or that database for the content."""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from token_counter.database import Database, connect, is_address
from token_counter.errors import InvalidArgument, MissingExtra

from ..config import Settings
from ..errors import InvalidRequest
from .content import ContentStore
from .content.apart import ContentApart
from .content.chain import ContentChain
from .content.local import LocalContent
from .db_handler import meant
from .file_manager import FileManager
from .stores import MetadataStore, is_store
from .stores.chain import StoreChain
from .stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from .content.gridfs import GridContent

DATABASE = "cellblock.sqlite3"
CONTENT, COPIES = "content", "copies"


class EmbeddedFiles:
    """The files under `settings.home`; nothing is opened or made before they are first used. Owns the database.

    Attributes:
        files: recorded in `settings.database` where there is one, else in SQLite.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._store, self._content = SqliteStore(settings.home / DATABASE), LocalContent(settings.home / CONTENT)
        self._stores: dict[tuple[int, str] | str, tuple[MetadataStore, Database]] = {}
        self._grids: dict[int, GridContent] = {}  # of those stores, by id()
        self._clients: list[Any] = []  # of addresses: ours to close
        self.files = FileManager(settings, self._store, self._content, clock)
        if settings.database is not None:
            self.files = self._over(self.store_of(settings.database), self.aclose)

    def store_of(self, db_handler: object) -> MetadataStore:
        """The store that a caller means by a db_handler; see db_handler.py.

        Raises:
            InvalidRequest: it is none, or its driver is not installed.
        """
        found = meant(db_handler)
        return found if is_store(found) else self._mongo(found)

    def behind(self, store: MetadataStore) -> FileManager:
        """Files whose records go to the caller's store and are looked up there first, then here. Not to be closed."""
        if store.name == self._store.name:
            return self.files
        return self._over(store, None)

    async def aclose(self) -> None:
        """Close what was opened here, no client of the caller's. Safe to call twice."""
        await self._store.aclose()
        for grid in self._grids.values():
            await grid.aclose()
        while self._clients:
            await self._clients.pop().close()

    def _over(self, store: MetadataStore, close: Callable[[], Awaitable[None]] | None) -> FileManager:
        content: ContentStore = ContentApart(self._settings.home / CONTENT, store.identity)
        grid = self._grids.get(id(store))
        if grid is not None:  # what was uploaded under the other setting is read still
            content = ContentChain(*((grid, content) if self._settings.content == grid.name else (content, grid)))
        chain = StoreChain(store, self._store, close), ContentChain(content, self._content)
        return FileManager(self._settings, *chain, self._clock)

    def _mongo(self, found: Database | str) -> MetadataStore:
        """One store for each database: it has looked after its indexes already."""
        key = found if isinstance(found, str) else (id(found.client), str(found.name))
        if key not in self._stores:
            database = found
            if is_address(found):
                try:
                    database = connect(found)
                except (InvalidArgument, MissingExtra) as error:
                    raise InvalidRequest(str(error)) from None
                self._clients.append(database.client)
            from .content.gridfs import GridContent
            from .stores.mongodb import MongoStore

            store = MongoStore(database, self._settings.legacy_root)
            self._stores[key] = store, database  # held: its id stays its own
            copies = self._settings.home / COPIES, self._settings.content_cache_bytes
            self._grids[id(store)] = GridContent(store.grid, store.uploads, store.identity, *copies)
        return self._stores[key][0]


def open_files(settings: Settings, clock: Callable[[], float] = time.time) -> FileManager:
    """The files under `settings.home` alone; closing them closes the database."""
    return EmbeddedFiles(settings, clock).files
