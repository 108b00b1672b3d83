"""Records of user files in MongoDB, for operators who have one: the MetadataStore over motor and PyMongo's asynchronous API."""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from bson.objectid import ObjectId
from pymongo import DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from token_counter.database import Database
from token_counter.mongodb import Document, Mongo, aggregated, to_its_end

from ...errors import StoreError
from ...finish import in_thread
from ..content import legacy
from ..content.grid import Grid
from ..content.uploads import UNDER_WAY, Uploads
from ..file_ids import PATTERN
from ..user_file import UserFile
from ..users import UserId, spellings
from . import Quota, Totals
from .mongodb_documents import alive_at, as_bson, as_record, expired_text, expires
from .mongodb_quota import Admission

COLLECTION = "user_files"
# Its one document says which database this is, whatever the servers are called: {_id: "database", identity: ObjectId}.
IDENTITY = "cellblock"
# The guide's own, and two of the uploads under way alone; creating one that is there does nothing.
INDEXES = (
    IndexModel([("user_id", 1), ("expires_at", DESCENDING)]),
    IndexModel("file_id", unique=True),
    IndexModel("expires_at"),
    IndexModel(f"{UNDER_WAY}.until", sparse=True),
    IndexModel(f"{UNDER_WAY}.process", sparse=True),
)
DELETED_AT_ONCE = 20
# Others may write to the collection: what is no id of a file is no document of ours, and would be no file's name.
IS_ID = {"$regex": rf"\A{PATTERN}\z"}
# An upload under way has an id, and no user.
IS_RECORD: Document = {"user_id": {"$type": ["number", "string"]}, "file_id": IS_ID}


class MongoStore:
    """A MetadataStore in one database, which any number of processes and machines may use at once. Does not own the client.

    Documents of the original bot, whose times are naive local ISO texts, are read, listed and cleaned up as the others are;
    their content goes with them, for nobody else knows where it lies.

    Args:
        legacy_root: the directory of the original bot; None: its content is left alone.

    Attributes:
        grid, uploads: for content that goes into this database.
    """

    def __init__(self, database: Database, legacy_root: Path | None = None) -> None:
        self._legacy_root = legacy_root
        self._mongo = Mongo(database, StoreError)
        self._files = self._mongo.collection(COLLECTION)
        self.grid, self.uploads = Grid(self._mongo, self._files), Uploads(self._mongo, self._files)
        self._admission = Admission(self._mongo, self._files)
        self._identity = ""
        self._ready = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._mongo.name

    @to_its_end
    async def identity(self) -> str:
        """Drawn once by whoever came first, and kept in the database itself: it moves with the data."""
        async with self._ready:
            if not self._identity:
                async with self._mongo.call():
                    await self._files.create_indexes(list(INDEXES))
                    found = await self._drawn()
                self._identity = f"mongodb:{found}"
        return self._identity

    async def _drawn(self) -> str:
        collection = self._mongo.collection(IDENTITY)
        with contextlib.suppress(DuplicateKeyError):  # another process was first
            await collection.update_one({"_id": "database"}, {"$setOnInsert": {"identity": ObjectId()}}, upsert=True)
        document = await collection.find_one({"_id": "database"})
        return str(document["identity"])

    @to_its_end
    async def add(self, record: UserFile, quota: Quota | None) -> None:
        await self.identity()
        if quota is not None:
            async with self._admission.admitted(record, quota):
                await self._insert(record)
        else:
            await self._insert(record)

    async def _insert(self, record: UserFile) -> None:
        if record.file_id in self.uploads:
            await self.uploads.record(record.file_id, as_bson(record))
            return
        async with self._mongo.call():
            await self._files.insert_one(as_bson(record))

    @to_its_end
    async def get(self, file_id: str, user_id: UserId, now: datetime) -> UserFile | None:
        async with self._mongo.call():
            document = await self._files.find_one({**_of(user_id), "file_id": _text(file_id)})
        return as_record(document) if document is not None and _alive(document, now) else None

    @to_its_end
    async def list(self, user_id: UserId, now: datetime) -> Sequence[UserFile]:
        async with self._mongo.call():
            found = await self._files.find({**_of(user_id), **_may_be_alive(now)}).to_list(None)
        records = [(as_record(document), document["_id"]) for document in found if _alive(document, now)]
        # What came in the same millisecond: by its _id, which a process counts up.
        records.sort(key=lambda each: (each[0].uploaded_at, str(each[1])), reverse=True)
        return [record for record, _ in records]

    @to_its_end
    async def remove(self, file_id: str, user_id: UserId) -> bool:
        return bool(await self._deleted([_text(file_id)], _of(user_id)))

    @to_its_end
    async def remove_all(self, user_id: UserId) -> Sequence[str]:
        async with self._mongo.call():
            found = await self._files.find(_of(user_id), {"file_id": 1}).to_list(None)
        return await self._deleted([document["file_id"] for document in found], _of(user_id))

    @to_its_end
    async def remove_expired(self, now: datetime, limit: int) -> Sequence[str]:
        fields = {"file_id": 1, "expires_at": 1}
        async with self._mongo.call():
            of_ours = self._files.find({"expires_at": {"$lte": now}, **IS_RECORD}, fields).sort("expires_at", 1)
            found = await of_ours.limit(limit).to_list(None)
            if not found:
                # No comparison of BSON matches a text with a date, and local times are not in order with UTC.
                of_the_original = {
                    "expires_at": {"$type": "string", "$lt": expired_text(now + timedelta(days=2))},
                    **IS_RECORD,
                }
                texts = await self._files.find(of_the_original, fields).sort("expires_at", 1).limit(limit).to_list(None)
                found = [document for document in texts if not _alive(document, now)]
        return await self._deleted([document["file_id"] for document in found], IS_RECORD)

    @to_its_end
    async def known(self, file_ids: Collection[str]) -> set[str]:
        async with self._mongo.call():
            asked = {"file_id": {"$in": list(file_ids)}}
            return {document["file_id"] for document in await self._files.find(asked, {"file_id": 1}).to_list(None)}

    @to_its_end
    async def totals(self, now: datetime) -> Totals:
        """Of what can be a user's file at all: a document without an owner or an id is none."""
        size: Document = {"$convert": {"input": "$file_size", "to": "long", "onError": 0, "onNull": 0}}
        size = {"$cond": [{"$isNumber": "$file_size"}, size, 0]}  # a text is none, even of digits
        pipeline: list[Document] = [
            {"$match": {**IS_RECORD, **alive_at(now)}},
            {"$group": {"_id": None, "files": {"$sum": 1}, "bytes": {"$sum": size}}},
        ]
        async with self._mongo.call():
            [found] = await aggregated(self._files, pipeline) or [{"files": 0, "bytes": 0}]
        return Totals(found["files"], int(found["bytes"]))

    async def aclose(self) -> None:
        """Nothing: who made the client closes it."""

    async def _deleted(self, file_ids: Sequence[str], whose: Document) -> Sequence[str]:
        """Those that this very call deleted: of several cleaners one alone counts a file."""
        gone: list[str] = []

        async def delete(file_id: str) -> None:
            document = await self._files.find_one_and_delete({**whose, "file_id": file_id})
            if document is not None:
                gone.append(file_id)
                if "content" not in document:
                    path = str(document.get("file_path", ""))
                    await in_thread(partial(legacy.removed, self._legacy_root, document["user_id"], path))

        for start in range(0, len(file_ids), DELETED_AT_ONCE):
            async with self._mongo.call():
                await asyncio.gather(*map(delete, file_ids[start : start + DELETED_AT_ONCE]))
        return gone


def _of(user_id: UserId) -> Document:
    """Whose documents; what is no user would be an operator to MongoDB, and is refused."""
    if isinstance(user_id, bool) or not isinstance(user_id, int | str):
        raise StoreError(f"a user id is a number or a text, not a {type(user_id).__name__}")
    return {"user_id": {"$in": list(spellings(user_id))}, "file_id": IS_ID}


def _text(file_id: str) -> str:
    if not isinstance(file_id, str):
        raise StoreError(f"a file id is a text, not a {type(file_id).__name__}")
    return file_id


def _may_be_alive(now: datetime) -> Document:
    return {"$or": [{"expires_at": None}, {"expires_at": {"$gt": now}}, {"expires_at": {"$type": "string"}}]}


def _alive(document: Document, now: datetime) -> bool:
    at = expires(document)
    return at is None or at > now
