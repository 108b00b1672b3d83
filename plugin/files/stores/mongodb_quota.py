"""Whether a user may have one more file, decided in one step although several processes ask at once.

A server without replication has no transactions. So each user has a document with a version and with what is being added;
whoever adds counts what is there and what is being added, and then moves the version on, which only one of several can do.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import WriteConcern
from pymongo.errors import DuplicateKeyError

from token_counter.mongodb import CALL_SECONDS, Collection, Document, Mongo, aggregated

from ...errors import StoreError, TooManyBytes, TooManyFiles
from ...finish import finish
from ..user_file import UserFile
from ..users import spellings
from . import BLOCK_BYTES, Quota

COLLECTION = "user_file_quotas"
ATTEMPTS = 200  # to move the version on, each lost to another process that did
# What is being added for longer belongs to a process that died: every call of a store has ended by then.
ABANDONED = timedelta(seconds=10 * CALL_SECONDS)


class Admission:
    """Lets records into a collection as far as quotas go."""

    def __init__(self, mongo: Mongo, files: Collection) -> None:
        self._mongo, self._files = mongo, files
        # No promise hangs on these documents being there after a crash of the server.
        self._quotas = mongo.collection(COLLECTION).with_options(write_concern=WriteConcern(w=1))

    @asynccontextmanager
    async def admitted(self, record: UserFile, quota: Quota) -> AsyncIterator[None]:
        """In the block the record may be inserted.

        Raises:
            TooManyFiles, TooManyBytes: with it the user would have more than the quota.
        """
        key = f"{record.origin}:{spellings(record.user_id)[1]}"
        async with self._mongo.call():
            await self._ask(key, record, quota)
        try:
            yield
        except StoreError:
            raise  # the database is in trouble: nobody waits for it once more, and it is ABANDONED soon
        except BaseException:
            await finish(self._over(key, record.file_id))
            raise
        await finish(self._over(key, record.file_id))

    async def _over(self, key: str, file_id: str) -> None:
        async with self._mongo.call():
            await self._quotas.update_one(
                {"_id": key}, {"$pull": {"adding": {"file_id": file_id}}, "$inc": {"version": 1}}
            )

    async def _ask(self, key: str, record: UserFile, quota: Quota) -> None:
        for _ in range(ATTEMPTS):
            document = await self._quotas.find_one({"_id": key}) or {"version": 0, "adding": []}
            adding = [each for each in document["adding"] if each["since"] > datetime.now(UTC) - ABANDONED]
            inside = await self._inside(adding)
            try:
                await self._check(record, quota, [each for each in adding if each["file_id"] not in inside])
            except (TooManyFiles, TooManyBytes):
                # One that got in between the two looks was counted by both; one that did not get in leaves its place.
                now = await self._quotas.find_one({"_id": key}, {"version": 1}) or {"version": 0}
                if now["version"] != document["version"] or await self._inside(adding) != inside:
                    continue
                raise
            mine = {"file_id": record.file_id, "bytes": record.file_size, "since": datetime.now(UTC)}
            if await self._moved_on(key, document["version"], [*adding, mine]):
                return
        raise StoreError(f"{self._mongo.name}: too many processes add files of one user at once; try again")

    async def _inside(self, adding: Sequence[Document]) -> set[str]:
        """Which of them have a record by now; an upload under way is a document without a user."""
        asked = {"file_id": {"$in": [each["file_id"] for each in adding]}, "user_id": {"$exists": True}}
        return {each["file_id"] for each in await self._files.find(asked, {"file_id": 1}).to_list(None)}

    async def _check(self, record: UserFile, quota: Quota, adding: Sequence[Document]) -> None:
        [used] = await aggregated(self._files, _used(record)) or [{"files": 0, "bytes": 0}]
        files = used["files"] + len(adding)
        size = used["bytes"] + sum(max(each["bytes"], BLOCK_BYTES) for each in adding)
        if quota.files is not None and files >= quota.files:
            raise TooManyFiles(quota.files)
        if quota.bytes is not None and size + max(record.file_size, BLOCK_BYTES) > quota.bytes:
            raise TooManyBytes(quota.bytes)

    async def _moved_on(self, key: str, version: int, adding: Sequence[Document]) -> bool:
        update = {"$set": {"adding": adding}, "$inc": {"version": 1}}
        try:
            done = await self._quotas.update_one({"_id": key, "version": version}, update, upsert=version == 0)
        except DuplicateKeyError:
            return False
        return bool(done.matched_count or done.upserted_id is not None)


def _used(record: UserFile) -> list[dict[str, Any]]:
    """The user's files of that origin that have not expired; the original's have no origin and were uploads."""
    origins = [record.origin, None] if record.origin == "upload" else [record.origin]
    alive = [
        {"expires_at": None},
        {"expires_at": {"$gt": record.uploaded_at}},
        {"expires_at": {"$type": "string", "$gt": record.uploaded_at.astimezone().replace(tzinfo=None).isoformat()}},
    ]
    return [
        {"$match": {"user_id": {"$in": list(spellings(record.user_id))}, "origin": {"$in": origins}, "$or": alive}},
        {
            "$group": {
                "_id": None,
                "files": {"$sum": 1},
                "bytes": {"$sum": {"$max": ["$file_size", BLOCK_BYTES]}},
            }
        },
    ]
