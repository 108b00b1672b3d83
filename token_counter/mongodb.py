"""One MongoDB as the ledger and plugin's files use it: writes that survive, calls that end, failures that say what to do.

It works over motor and over PyMongo's asynchronous API alike; what they have in common is all that is used of them.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import (
    AutoReconnect,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern

from .database import Database
from .finish import finish

P = ParamSpec("P")
T = TypeVar("T")

Document = dict[str, Any]
Collection = Any

CALL_SECONDS = 6.0  # of one call of a store; an upload that fails makes two, and its user waits no longer than 15
GRACE_SECONDS = 1.0  # for the driver to end by itself
MESSAGE_CHARACTERS = 200  # of the driver's own message, which may describe the whole cluster

# Acknowledged means: on the disk of most members. At w: 1 without j none of 200 acknowledged writes survived a kill of mongod.
DURABLE = WriteConcern(w="majority", j=True)

# mongo/base/error_codes.yml
UNAUTHORIZED, AUTHENTICATION_FAILED, OUT_OF_DISK_SPACE = 13, 18, 14031

_REMEDIES: Sequence[tuple[type[PyMongoError], str]] = (
    (ServerSelectionTimeoutError, "look whether mongod runs there, and whether this machine reaches it"),
    (NetworkTimeout, "it hangs or is overloaded: look at its load and log"),
    (ExecutionTimeout, "it is overloaded: look at its load and log"),
    (WTimeoutError, "too few members of the replica set follow: look at rs.status()"),
    (AutoReconnect, "the connection broke, as when a replica set elects another primary: try again"),
)
_CODES = {
    UNAUTHORIZED: "give its user the role readWrite on this database",
    AUTHENTICATION_FAILED: "look at user, password and authSource of the address",
    OUT_OF_DISK_SPACE: "the disk of the server is full: free some space",
}


class Mongo:
    """One database. It does not own the client.

    Args:
        failed: makes the error that every failure becomes, from its message.
    """

    def __init__(self, database: Database, failed: Callable[[str], Exception]) -> None:
        self._database, self._failed = database, failed

    @property
    def name(self) -> str:
        """For messages: the database's name, and where it is as far as that is known. Never with a password."""
        nodes = sorted(f"{host}:{port}" if port else str(host) for host, port in self._database.client.nodes)
        return f"MongoDB '{self._database.name}'{(nodes and ' at ' + ', '.join(nodes)) or ''}"

    def collection(self, name: str) -> Collection:
        """A collection whose writes are durable, whose reads are never behind them, and whose times are UTC."""
        return self._database.get_collection(
            name,
            # A date beyond the year 9999, which others may have written, must not make a whole list unreadable.
            codec_options=CodecOptions(
                tz_aware=True, tzinfo=UTC, datetime_conversion=DatetimeConversion.DATETIME_CLAMP
            ),
            read_preference=ReadPreference.PRIMARY,
            write_concern=DURABLE,
            read_concern=ReadConcern("local"),
        )

    @asynccontextmanager
    async def call(self, seconds: float = CALL_SECONDS) -> AsyncIterator[None]:
        """Whatever the drivers raise in the block comes out as `failed`, at the latest when the time is over."""
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                with pymongo.timeout(seconds):
                    yield
        except TimeoutError:
            raise self._failed(f"{self.name} did not answer within {seconds:g} s; {_REMEDIES[1][1]}") from None
        except PyMongoError as error:
            said = str(error).partition(", Timeout:")[0].partition(", full error:")[0][:MESSAGE_CHARACTERS]
            raise self._failed(f"{self.name} failed: {said}; {_remedy(error)}") from error
        except RuntimeError as error:
            if "loop" not in str(error):
                raise
            raise self._failed(
                f"{self.name} belongs to another event loop: make its client in the loop that uses it"
            ) from error


def to_its_end(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """A cancellation comes after the call, which `Mongo.call` bounds.

    Else a driver that is cancelled while it connects leaves its socket, and of a write nobody knows whether it happened.
    """

    @wraps(method)
    async def ended(*args: P.args, **options: P.kwargs) -> T:
        return await finish(asyncio.ensure_future(method(*args, **options)))

    return ended


async def aggregated(collection: Collection, pipeline: Sequence[Mapping[str, Any]], **options: Any) -> list[Document]:
    """The documents of an aggregation: PyMongo's has to be awaited, motor's must not be."""
    cursor = collection.aggregate(pipeline, **options)
    if inspect.isawaitable(cursor):
        cursor = await cursor
    documents: list[Document] = await cursor.to_list(None)
    return documents


def _remedy(error: PyMongoError) -> str:
    if isinstance(error, OperationFailure) and error.code in _CODES:
        return _CODES[error.code]
    return next((remedy for kind, remedy in _REMEDIES if isinstance(error, kind)), "see the log of mongod")
