"""What a caller's db_handler means: nothing is opened to find out."""

from typing import Any

from token_counter.database import mongodb_of
from token_counter.errors import InvalidArgument

from ..errors import InvalidRequest
from .stores import is_store


def meant(db_handler: object) -> Any:
    """A MetadataStore, a database of motor or PyMongo, or the address of one; the handler itself, or what it has as `.db`.

    Raises:
        InvalidRequest: it is nothing of the kind, or of a driver that would block the event loop.
    """
    for given in (db_handler, getattr(db_handler, "db", None)):
        if is_store(given):
            return given
    try:
        found = mongodb_of(db_handler)
    except InvalidArgument as error:
        raise InvalidRequest(str(error)) from None
    if found is not None:
        return found
    kind = f"{type(db_handler).__module__}.{type(db_handler).__qualname__}"
    raise InvalidRequest(
        f"db_handler is a {kind}, which cannot be used: pass None for the embedded database, a database or client of "
        "motor or of PyMongo's asynchronous API, a mongodb:// address, an object with one of these as .db, or a store"
    )
