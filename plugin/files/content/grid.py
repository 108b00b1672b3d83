"""The two collections of a GridFS bucket, written and read over motor and PyMongo alike.

The layout is the GridFS specification's, so that other tools read it. The drivers' own buckets are not used: they have
nothing in common, and PyMongo's holds 16 MB and more of each upload in memory.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from bson.binary import Binary
from bson.int64 import Int64
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from token_counter.mongodb import Collection, Document, Mongo, to_its_end

from ...errors import StoreError
from . import Stored

BUCKET = "user_file_content"
CHUNK_BYTES = 255 * 1024  # the specification's
CHUNKS_AT_ONCE = 16
KEYS_AT_ONCE = 5000


class Grid:
    """Content by the ids of files. Who may write or delete under an id is decided elsewhere: uploads.py.

    Every method raises StoreError when the database fails.

    Args:
        records: the collection whose documents say, by `file_id`, which content is no waste.
    """

    def __init__(self, mongo: Mongo, records: Collection) -> None:
        self._mongo, self._records = mongo, records
        self._files, self._chunks = mongo.collection(f"{BUCKET}.files"), mongo.collection(f"{BUCKET}.chunks")
        self._indexed = False

    @to_its_end
    async def write(self, file_id: str, first: int, data: bytes) -> int:
        """Keep some chunks, the first of which is number `first`; gives the number of the next."""
        view = memoryview(data)
        pieces = [view[start : start + CHUNK_BYTES] for start in range(0, len(view), CHUNK_BYTES)]
        documents = [
            {"files_id": file_id, "n": first + n, "data": Binary(bytes(each))} for n, each in enumerate(pieces)
        ]
        async with self._mongo.call():
            if not self._indexed:
                await self._chunks.create_indexes([IndexModel([("files_id", 1), ("n", 1)], unique=True)])
                self._indexed = True
            try:
                await self._chunks.insert_many(documents)
            except DuplicateKeyError as error:
                raise self._mixed(file_id) from error
        return first + len(documents)

    @to_its_end
    async def close(self, file_id: str, stored: Stored) -> None:
        """Say what all the chunks together are: from here on the content can be read."""
        document = {
            "_id": file_id,
            "length": Int64(stored.size),
            "chunkSize": CHUNK_BYTES,
            "uploadDate": datetime.now(UTC),
            "filename": file_id,
            "metadata": {"sha256": stored.sha256},
        }
        async with self._mongo.call():
            await self._files.insert_one(document)

    @to_its_end
    async def stored(self, file_id: str) -> Stored | None:
        """What was closed under this id."""
        async with self._mongo.call():
            found = await self._files.find_one({"_id": file_id})
        return found and Stored(int(found["length"]), str(found["metadata"]["sha256"]))

    async def pieces(self, file_id: str, stored: Stored) -> AsyncIterator[bytes]:
        """The content, as it was closed.

        Raises:
            StoreError: it is something else; told at the end, or as soon as it is too long.
        """
        first, size, digest = 0, 0, hashlib.sha256()
        while size < stored.size:
            documents = await self._some(file_id, first)
            for n, document in enumerate(documents, first):
                piece = bytes(document["data"])
                size += len(piece)
                if document["n"] != n or size > stored.size:
                    raise self._damaged(file_id)
                digest.update(piece)
                yield piece
            if not documents:
                break
            first += len(documents)
        if (size, digest.hexdigest()) != stored:
            raise self._damaged(file_id)

    @to_its_end
    async def remove(self, file_id: str) -> None:
        async with self._mongo.call():
            await self._files.delete_one({"_id": file_id})
            await self._chunks.delete_many({"files_id": file_id})

    @to_its_end
    async def has(self, file_id: str) -> bool:
        """Whether anything is kept under this id, closed or not."""
        async with self._mongo.call():
            return (
                await self._chunks.find_one({"files_id": file_id}, {"_id": 1}) is not None
                or await self._files.find_one({"_id": file_id}, {"_id": 1}) is not None
            )

    async def waste(self) -> AsyncIterator[str]:
        """The ids of content without a document among the records."""
        for collection, key in ((self._files, "_id"), (self._chunks, "files_id")):
            after = ""
            while ids := await self._page(collection, key, after):
                for file_id in sorted(set(ids) - await self._known(ids)):
                    yield file_id
                after = ids[-1]

    @to_its_end
    async def _page(self, collection: Collection, key: str, after: str) -> Sequence[str]:
        """The next ids, in their order: those of the next so many documents, read from the index alone."""
        async with self._mongo.call():
            next_ones = collection.find({key: {"$gt": after}}, {"_id": 0, key: 1}).sort(key, 1).limit(KEYS_AT_ONCE)
            return list(dict.fromkeys([each[key] for each in await next_ones.to_list(None)]))

    @to_its_end
    async def _known(self, ids: Sequence[str]) -> set[str]:
        async with self._mongo.call():
            found = await self._records.find({"file_id": {"$in": ids}}, {"_id": 0, "file_id": 1}).to_list(None)
        return {each["file_id"] for each in found}

    @to_its_end
    async def _some(self, file_id: str, first: int) -> Sequence[Document]:
        wanted = {"files_id": file_id, "n": {"$gte": first, "$lt": first + CHUNKS_AT_ONCE}}
        async with self._mongo.call():
            found: list[Document] = await self._chunks.find(wanted).sort("n", 1).to_list(None)
        return found

    def _damaged(self, file_id: str) -> StoreError:
        return StoreError(
            f"the content of file '{file_id}' in {self._mongo.name}, collection {BUCKET}.chunks, is not what was uploaded; "
            "restore it from a backup, or delete the file and upload it again"
        )

    def _mixed(self, file_id: str) -> StoreError:
        return StoreError(f"somebody else writes content of '{file_id}' in {self._mongo.name}; try again")
