"""A ledger in MongoDB, which the bot processes of several machines share: a LedgerStore over motor and PyMongo alike.

No step needs a transaction, which a server without replication does not have. An entry is one document, and what was spent
is added up from entries. What is reserved is one document with a version, which only one of several processes moves on.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

from bson.decimal128 import Decimal128
from bson.int64 import Int64
from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from ..budget import Spent, Window
from ..database import Database
from ..errors import BudgetExceeded, LedgerError
from ..mongodb import Document, Mongo, aggregated, to_its_end
from ..prices import EXACT
from .mongodb_documents import as_document, as_entry, between, dollars_of, grouped, read_group
from .record import Entry, Reservation
from .store import FORGOTTEN, Added, Group, Measure, Page, Totals

ENTRIES, BUDGETS = "token_usage", "token_budgets"
INDEXES = (
    IndexModel([("at", 1), ("_id", 1)]),
    IndexModel([("user_id", 1), ("at", 1), ("spent_dollars", 1), ("spent_tokens", 1)]),
    IndexModel([("at", 1), ("spent_dollars", 1), ("spent_tokens", 1)]),
    IndexModel("reservation_id", sparse=True),
)
RESERVATIONS = "reservations"  # the _id of the one document that holds them
ATTEMPTS = 200  # to move its version on, each lost to another process that did


class MongoStore:
    """A LedgerStore in one database.

    Args:
        close: closes the client; None: it is the caller's.
    """

    def __init__(self, database: Database, close: Callable[[], Awaitable[None]] | None = None) -> None:
        self._mongo = Mongo(database, LedgerError)
        self._entries, self._budgets = self._mongo.collection(ENTRIES), self._mongo.collection(BUDGETS)
        self._close, self._indexed = close, False

    @property
    def name(self) -> str:
        return self._mongo.name

    @to_its_end
    async def add(
        self, entry: Entry, request: str | None, reservation_id: str | None, windows: Sequence[Window]
    ) -> Added:
        document = as_document(entry, request)
        if reservation_id is not None:
            document["reservation_id"] = reservation_id
        async with self._mongo.call():
            await self._ready()
            try:
                await self._entries.insert_one(document)
                kept, is_new = entry, True
            except DuplicateKeyError:
                kept, is_new = as_entry(await self._entries.find_one({"_id": entry.entry_id})), False
            if reservation_id is not None:
                await self._let_go([reservation_id])
            spent = [await self._counted(window, entry) for window in windows] if is_new else []
        return Added(kept, is_new, spent)

    @to_its_end
    async def reserve(self, reservation: Reservation, windows: Sequence[Window]) -> None:
        asked = Spent(reservation.dollars or Decimal(0), reservation.tokens)
        mine = {
            "id": reservation.reservation_id,
            "user_id": reservation.user_id,
            "expires_at": reservation.expires_at,
            "dollars": Decimal128(asked.dollars),
            "tokens": Int64(asked.tokens),
        }
        async with self._mongo.call():
            await self._ready()
            for _ in range(ATTEMPTS):
                document = await self._reservations()
                held = [each for each in document["held"] if each["expires_at"] > reservation.at]
                try:
                    for window in windows:
                        window.check(asked, await self._spent(window), _reserved(held, window), reservation.user_id)
                except BudgetExceeded:
                    if await self._settled_meanwhile(document):
                        continue
                    raise
                if await self._moved_on(document["version"], [*held, mine]):
                    return
        raise LedgerError(f"{self._mongo.name}: too many processes reserve at once; try again")

    @to_its_end
    async def release(self, reservation_id: str) -> bool:
        async with self._mongo.call():
            return await self._let_go([reservation_id])

    @to_its_end
    async def spent(self, windows: Sequence[Window], now: datetime) -> Sequence[tuple[Spent, Spent]]:
        async with self._mongo.call():
            held = [each for each in (await self._reservations())["held"] if each["expires_at"] > now]
            return [(await self._spent(window), _reserved(held, window)) for window in windows]

    @to_its_end
    async def groups(
        self,
        by: Sequence[Group],
        measures: Sequence[Measure],
        since: datetime | None,
        until: datetime | None,
        zone: ZoneInfo,
    ) -> Sequence[tuple[tuple[str | None, ...], Sequence[Any]]]:
        pipeline = grouped(by, measures, since, until, zone)
        async with self._mongo.call():
            found = await aggregated(self._entries, pipeline, allowDiskUse=True)
        return [read_group({**each, "_id": each["_id"] or {}}, by, measures) for each in found]

    @to_its_end
    async def page(
        self, since: datetime | None, until: datetime | None, after: tuple[datetime, str] | None, limit: int
    ) -> Page:
        query: Document = between(since, until)
        if after is not None:
            at, entry_id = after
            query = {"$and": [query, {"$or": [{"at": {"$gt": at}}, {"at": at, "_id": {"$gt": entry_id}}]}]}
        async with self._mongo.call():
            found = await self._entries.find(query).sort([("at", 1), ("_id", 1)]).limit(limit).to_list(None)
        entries = [(as_entry(document), document.get("request")) for document in found]
        last = entries[-1][0] if len(entries) == limit else None
        return Page(entries, None if last is None else (last.at, last.entry_id))

    @to_its_end
    async def totals(self, user_id: str) -> Mapping[str, Totals]:
        columns = ("input_tokens", "output_tokens", "text_tokens", "image_tokens", "cost")
        pipeline: list[Document] = [
            {"$match": {"user_id": user_id, "in_totals": True}},
            {"$group": {"_id": "$model", "requests": {"$sum": 1}, **{name: {"$sum": f"${name}"} for name in columns}}},
            {"$sort": {"_id": 1}},
        ]
        async with self._mongo.call():
            found = await aggregated(self._entries, pipeline)
        return {
            each["_id"]: Totals(
                int(each["input_tokens"]),
                int(each["output_tokens"]),
                int(each["text_tokens"]),
                int(each["image_tokens"]),
                dollars_of(each["cost"]),
                int(each["requests"]),
            )
            for each in found
        }

    @to_its_end
    async def reset(self, user_id: str) -> None:
        async with self._mongo.call():
            await self._entries.update_many({"user_id": user_id, "in_totals": True}, {"$set": {"in_totals": False}})

    @to_its_end
    async def forget(self, user_id: str) -> int:
        if user_id == FORGOTTEN:
            return 0
        anonymous = {"user_id": FORGOTTEN, "conversation": None, "problem": None}
        async with self._mongo.call():
            await self._budgets.update_one(
                {"_id": RESERVATIONS},
                {"$set": {"held.$[his].user_id": FORGOTTEN}, "$inc": {"version": 1}},
                array_filters=[{"his.user_id": user_id}],
            )
            await self._budgets.delete_many({"user_id": user_id})
            update = {"$set": anonymous, "$unset": {"request": ""}}
            done = await self._entries.update_many({"user_id": user_id}, update)
        return int(done.modified_count)

    async def aclose(self) -> None:
        close, self._close = self._close, None
        if close is not None:
            await close()

    # ---- within a call

    async def _ready(self) -> None:
        if not self._indexed:
            await self._entries.create_indexes(list(INDEXES))
            self._indexed = True

    async def _spent(self, window: Window) -> Spent:
        whose = {} if window.user_id is None else {"user_id": window.user_id}
        sums = {"dollars": {"$sum": "$spent_dollars"}, "tokens": {"$sum": "$spent_tokens"}}
        pipeline: list[Document] = [
            {"$match": {**whose, **between(window.start, window.end)}},
            {"$group": {"_id": None, **sums}},
        ]
        found = await aggregated(self._entries, pipeline)
        return Spent(dollars_of(found[0]["dollars"]), int(found[0]["tokens"])) if found else Spent(Decimal(0), 0)

    async def _reservations(self) -> Document:
        return await self._budgets.find_one({"_id": RESERVATIONS}) or {"version": 0, "held": []}

    async def _moved_on(self, version: int, held: Sequence[Document]) -> bool:
        update = {"$set": {"held": held}, "$inc": {"version": 1}}
        query = {"_id": RESERVATIONS, "version": version}
        try:
            done = await self._budgets.update_one(query, update, upsert=version == 0)
        except DuplicateKeyError:
            return False
        return bool(done.matched_count or done.upserted_id is not None)

    async def _let_go(self, ids: Sequence[str]) -> bool:
        done = await self._budgets.update_one(
            {"_id": RESERVATIONS, "held.id": {"$in": list(ids)}},
            {"$pull": {"held": {"id": {"$in": list(ids)}}}, "$inc": {"version": 1}},
        )
        return bool(done.modified_count)

    async def _settled_meanwhile(self, document: Document) -> bool:
        """Whether a sum may have had a request twice: as reserved and as recorded. A process may have died in between."""
        if (await self._reservations())["version"] != document["version"]:
            return True
        ids = [each["id"] for each in document["held"]]
        recorded = await self._entries.find({"reservation_id": {"$in": ids}}, {"reservation_id": 1}).to_list(None)
        return bool(recorded) and await self._let_go([each["reservation_id"] for each in recorded])

    async def _counted(self, window: Window, entry: Entry) -> Spent:
        """What was spent when this entry came: a counter goes up in one step, so that one process alone sees a threshold.

        It serves thresholds only; a process that dies between its entry and this step makes one come later.
        """
        key = {"per": window.per, "start": window.start, "user_id": window.user_id}
        took = {"dollars": Decimal128(entry.spent_dollars), "tokens": Int64(entry.spent_tokens)}
        counter = await self._budgets.find_one_and_update(
            {"_id": key}, {"$inc": took}, return_document=ReturnDocument.AFTER
        )
        if counter is None:
            all_of_it = await self._spent(window)
            first = {"dollars": Decimal128(all_of_it.dollars), "tokens": Int64(all_of_it.tokens)}
            try:
                await self._budgets.insert_one({"_id": key, "user_id": window.user_id, **first})
                return all_of_it
            except DuplicateKeyError:
                counter = await self._budgets.find_one_and_update(
                    {"_id": key}, {"$inc": took}, return_document=ReturnDocument.AFTER
                )
        return Spent(dollars_of(counter["dollars"]), int(counter["tokens"]))


def _reserved(held: Sequence[Document], window: Window) -> Spent:
    """Of all days: what is under way at midnight will be billed after it."""
    his = [each for each in held if window.user_id in (None, each["user_id"])]
    with localcontext(EXACT):
        dollars = sum((dollars_of(each["dollars"]) for each in his), Decimal(0))
    return Spent(dollars, sum(int(each["tokens"]) for each in his))
