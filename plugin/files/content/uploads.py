"""Uploads under way whose content goes into the database too, so that any machine's cleanup tells them from waste.

Before the first piece of content is written, an upload claims its id: a document of `user_files` with a lease and without a
user, which no query for files finds. The record takes that very document's place, in one step, and only while the claim
is still this upload's. So content without a document is waste, whatever its age: nobody can record it any more. Whoever
is silent for longer than its lease, by the server's clock, loses the claim, and its upload fails instead of losing a file;
whoever is known to be dead loses it at once.
"""

from typing import Any

from bson.objectid import ObjectId
from pymongo import WriteConcern
from pymongo.errors import DuplicateKeyError

from token_counter.mongodb import Collection, Document, Mongo, to_its_end

from ...errors import StoreError

UNDER_WAY = (
    "uploading"  # the field that such a document has besides file_id: {by: ObjectId, process: ObjectId, until: date}
)
# Between two renewals lie at most four calls, each of which ends within 7 s (token_counter/mongodb.py).
LEASE_MS = 60_000


class Uploads:
    """The claims of this process on ids, in one collection `user_files`. Every method raises StoreError when it fails.

    Attributes:
        process: what its claims are found by.
    """

    def __init__(self, mongo: Mongo, files: Collection) -> None:
        self._mongo, self._files = mongo, files
        self._renewals = files.with_options(write_concern=WriteConcern(w=1))
        self.process = ObjectId()
        self._claims: dict[str, ObjectId] = {}

    def __contains__(self, file_id: str) -> bool:
        """Whether this process claimed it and did not let go."""
        return file_id in self._claims

    @to_its_end
    async def claim(self, file_id: str) -> bool:
        """False where the id has a record, or belongs to somebody else's upload or cleanup."""
        if file_id in self._claims:
            return False
        self._claims[file_id] = ObjectId()
        query = {**self._claimed(file_id), f"{UNDER_WAY}.process": self.process}
        async with self._mongo.call():
            try:
                await self._files.update_one(query, _LEASED, upsert=True)
            except DuplicateKeyError:
                self.forget(file_id)
                return False
        return True

    @to_its_end
    async def renew(self, file_id: str) -> bool:
        """False where the claim was lost meanwhile."""
        async with self._mongo.call():
            done = await self._renewals.update_one(self._claimed(file_id), _LEASED)
        return bool(done.matched_count)

    @to_its_end
    async def record(self, file_id: str, document: Document) -> None:
        """Put the record in the claim's place; raises StoreError, too, where the claim was lost meanwhile."""
        async with self._mongo.call():
            done = await self._files.replace_one(self._claimed(file_id), document)
        if not done.matched_count:
            raise self.lost(file_id)
        self.forget(file_id)

    @to_its_end
    async def let_go(self, file_id: str) -> None:
        """Give the claim back; nothing happens where it was lost."""
        async with self._mongo.call():
            await self._files.delete_one(self._claimed(file_id))
        self.forget(file_id)

    def forget(self, file_id: str) -> None:
        """Leave the claim to its lease. Safe to call twice."""
        self._claims.pop(file_id, None)

    @to_its_end
    async def end_those_of(self, process: str) -> None:
        """Take the claims of a process away that is dead."""
        if ObjectId.is_valid(process):
            async with self._mongo.call():
                await self._files.delete_many({f"{UNDER_WAY}.process": ObjectId(process)})

    @to_its_end
    async def end_silent(self) -> None:
        """Take the claims away whose lease is over, and those that this process has forgotten."""
        # $$NOW is the server's: no machine's clock decides. The first condition is for the index, which $expr cannot use.
        over = {f"{UNDER_WAY}.until": {"$exists": True}, "$expr": {"$lt": [f"${UNDER_WAY}.until", "$$NOW"]}}
        async with self._mongo.call():
            await self._files.delete_many(over)
            held = {f"{UNDER_WAY}.by": {"$nin": list(self._claims.values())}}
            await self._files.delete_many({f"{UNDER_WAY}.process": self.process, **held})

    def _claimed(self, file_id: str) -> Document:
        # Where another task let go of it meanwhile, no document has this.
        return {"file_id": file_id, f"{UNDER_WAY}.by": self._claims.get(file_id, "nobody")}

    def lost(self, file_id: str) -> StoreError:
        """What became of an upload whose claim was lost."""
        return StoreError(
            f"the upload '{file_id}' took longer than {LEASE_MS // 1000} s between two steps and was given up; "
            f"upload it again, and look at the load of this machine and of {self._mongo.name}"
        )


_LEASED: list[dict[str, Any]] = [{"$set": {f"{UNDER_WAY}.until": {"$add": ["$$NOW", LEASE_MS]}}}]
