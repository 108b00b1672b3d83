"""What a `db_handler` may be: the one place that decides it, for the ledger and for plugin's files.

A MongoDB is a database or a client of motor or of PyMongo's asynchronous API, an address, or an object that has one of
these as `.db`. Nothing is imported to find out: whoever holds a handle has imported its driver.
"""

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from .errors import InvalidArgument, MissingExtra

# A database of either driver. Their methods are the same, but for what `mongodb.py` evens out.
Database = Any

DEFAULT_NAME = "cellblock"  # of the database, where an address or a client names none
SCHEMES = ("mongodb://", "mongodb+srv://")

_Class = tuple[str, str]  # module, name
_DATABASES: tuple[_Class, ...] = (
    ("pymongo.asynchronous.database", "AsyncDatabase"),
    ("motor.motor_asyncio", "AsyncIOMotorDatabase"),
)
_CLIENTS: tuple[_Class, ...] = (
    ("pymongo.asynchronous.mongo_client", "AsyncMongoClient"),
    ("motor.motor_asyncio", "AsyncIOMotorClient"),
)
_UNUSABLE: tuple[_Class, ...] = (
    ("pymongo.synchronous.database", "Database"),
    ("pymongo.synchronous.mongo_client", "MongoClient"),
    ("motor.motor_tornado", "MotorDatabase"),
    ("motor.motor_tornado", "MotorClient"),
)


def is_address(given: object) -> bool:
    """Whether it is a text such as "mongodb://localhost/bot"."""
    return isinstance(given, str) and given.startswith(SCHEMES)


def mongodb_of(given: object) -> Database | str | None:
    """The MongoDB that a db_handler means: a database of either driver, or an address; None where it means none.

    Raises:
        InvalidArgument: it is a MongoDB of an API that would block the event loop.
    """
    found = _itself(given)
    return _itself(getattr(given, "db", None)) if found is None else found


def connect(address: str, **options: Any) -> Database:
    """A database of PyMongo's asynchronous API, of a client of its own: `await database.client.close()` when done.

    Nothing is sent before the first call; call it on the event loop that will use it.

    Args:
        options: of AsyncMongoClient.

    Raises:
        InvalidArgument: it is no address, or not one that the driver understands.
        MissingExtra: PyMongo is not installed.
    """
    try:
        pymongo = import_module("pymongo")
        errors = import_module("pymongo.errors")
    except ImportError:
        raise MissingExtra("MongoDB", "mongodb") from None
    try:
        return pymongo.AsyncMongoClient(address, appname="cellblock", **options).get_default_database(DEFAULT_NAME)
    except (errors.PyMongoError, ValueError) as error:  # it never repeats the address, which may hold a password
        raise InvalidArgument(f"the address of the MongoDB cannot be used: {error}") from None


def _itself(given: object) -> Database | str | None:
    if is_address(given) or isinstance(given, _loaded(_DATABASES)):
        return given
    if isinstance(given, _loaded(_CLIENTS)):
        client: Any = given
        return client.get_default_database(DEFAULT_NAME)
    if isinstance(given, _loaded(_UNUSABLE)):
        kind = f"{type(given).__module__}.{type(given).__qualname__}"
        raise InvalidArgument(
            f"the database is a {kind}, which would block the event loop: "
            "give one of pymongo.AsyncMongoClient or motor.motor_asyncio.AsyncIOMotorClient"
        )
    return None


def _loaded(classes: Iterable[_Class]) -> tuple[type, ...]:
    return tuple(getattr(sys.modules[module], name) for module, name in classes if module in sys.modules)
