"""Files in MongoDB: calls with very many files in the store against the same calls with few, and how each query is answered.

A user has as many files in both. The server is the tests' own mongod; stores and drivers take turns in one run.
"""

import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin.config import Settings
from plugin.files import FileManager
from plugin.files.content.local import LocalContent
from plugin.files.file_ids import new_file_id
from plugin.files.user_file import UserFile, at
from plugin.packages.venv import Environment

from .figures import Findings
from .host import Level

if TYPE_CHECKING:
    from tests.mongod import Fresh

FEW, MANY = 100, 100_000
FILES_EACH = 20  # of a user
SAMPLES, WARM = 300, 30
CONTENT = b"0123456789abcdef" * 1024
INSERTED_AT_ONCE = 10_000
CLEANED_AT_ONCE = 500
READS = ("query", "getmore")  # what the profiler calls them; of other commands it counts answers, not documents
PROFILE_BYTES = 64 * 1024**2  # the server's own choice, 1 MB, forgets the first of some hundred queries

Call = Callable[[FileManager, UserFile], Awaitable[object]]
CALLS: dict[str, Call] = {
    "list": lambda files, record: files.list(record.user_id),
    "get": lambda files, record: files.get(record.file_id, record.user_id),
    "load": lambda files, record: files.load(record.file_id, record.user_id),
}


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring; neither the environment nor the level matters here."""
    import pytest

    from tests.mongod import Mongod

    from . import mongodb_budgets  # PyMongo is of the group `bench`

    found = Findings()
    with tempfile.TemporaryDirectory() as directory:
        server = Mongod(Path(directory) / "mongod")
        try:
            server.start()
            async with server.fresh() as few, server.fresh() as many:
                await _files(found, {FEW: few, MANY: many}, Path(directory))
            async with server.fresh() as fresh:
                await mongodb_budgets.add_to(found, fresh)
        except pytest.skip.Exception as reason:
            print(f"mongodb was not measured: {reason}")
        finally:
            server.kill()
    return found


async def _files(found: Findings, databases: "dict[int, Fresh]", directory: Path) -> None:
    from plugin.files.stores.mongodb import MongoStore
    from tests.mongod import CLIENTS

    now, chosen = at(time.time()), random.Random(8)
    managers: dict[tuple[str, int], FileManager] = {}
    sampled: dict[int, Sequence[UserFile]] = {}
    for count, database in databases.items():
        content = LocalContent(directory / f"content-{count}")
        for driver in CLIENTS:
            store = MongoStore(database.connect(driver))
            await store.identity()
            managers[driver, count] = FileManager(Settings(home=directory), store, content)
        records = [_record(number, number % (count // FILES_EACH), now) for number in range(count)]
        await _insert(database.connect("pymongo").user_files, records)
        sampled[count] = chosen.sample(records, min(count, SAMPLES))
        for record in sampled[count]:
            async with content.put(record.file_id, _pieces()):
                pass
    seconds: dict[tuple[str, str, int], list[float]] = {(call, *key): [] for call in CALLS for key in managers}
    for sample in range(-WARM, SAMPLES):
        for (driver, count), files in chosen.sample([*managers.items()], len(managers)):
            for call, work in CALLS.items():
                took = await _timed(work(files, chosen.choice(sampled[count])))
                if sample >= 0:
                    seconds[call, driver, count].append(took)
    _tell(found, seconds, [*CLIENTS])
    status = [await _timed(managers["pymongo", MANY].stats()) for _ in range(10)]
    found.measured["mongodb.status"] = found.add_ms(f"status, {MANY:,} files", status).median
    await _plans(found, databases[MANY].connect("pymongo"), sampled[MANY], now)


def _tell(found: Findings, seconds: dict[tuple[str, str, int], list[float]], drivers: Sequence[str]) -> None:
    for call in CALLS:
        ratios = []
        for driver in drivers:
            late = {}
            for count in (FEW, MANY):
                samples = seconds[call, driver, count]
                late[count] = statistics.quantiles(samples, n=20)[-1]
                found.add_ms(f"{call} of {count:,} files, {driver}", samples)
                found.add_ms("  p95", [late[count]])
            ratios.append(late[MANY] / late[FEW])
        found.measured[f"mongodb.{call}"] = max(ratios)


async def _plans(found: Findings, database: Any, records: Sequence[UserFile], now: datetime) -> None:
    """Each query of the store as the server's profiler saw it: a copy of it, explained, would be another one some day.

    Raises:
        RuntimeError: one read the whole collection.
    """
    from plugin.files.stores import Quota
    from plugin.files.stores.mongodb import MongoStore

    store, one = MongoStore(database), records[0]
    await store.identity()
    ids = [record.file_id for record in records]
    added = _record(0, one.user_id, now)
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "list": lambda: store.list(one.user_id, now),
        "get": lambda: store.get(one.file_id, one.user_id, now),
        f"known, {len(ids)} ids": lambda: store.known(ids),
        "add": lambda: store.add(added, Quota(files=FILES_EACH * 2)),
        "remove": lambda: store.remove(one.file_id, one.user_id),
        "remove_all": lambda: store.remove_all(records[1].user_id),
        f"remove_expired, {CLEANED_AT_ONCE}": lambda: store.remove_expired(now + timedelta(hours=2), CLEANED_AT_ONCE),
    }
    profile, shares = database["system.profile"], []
    print(f"\n{f'queries, {MANY:,} files':<24}{'plan':<40}{'keys':>8}{'looked at':>11}{'given':>8}")
    for name, work in asked.items():
        await database.create_collection("system.profile", capped=True, size=PROFILE_BYTES)
        await database.command("profile", 2)
        await work()
        await database.command("profile", 0)
        seen = await profile.find({"ns": f"{database.name}.user_files", "planSummary": {"$exists": True}}).to_list(None)
        await profile.drop()
        kinds = {(each["planSummary"], each["op"]): each for each in seen}  # of deletions, which are alike, the last
        for (plan, op), each in kinds.items():
            keys, looked_at, given = (each.get(key, 0) for key in ("keysExamined", "docsExamined", "nreturned"))
            print(f"  {name:<22}{plan:<40}{keys:>8}{looked_at:>11}{given if op in READS else '':>8}")
            if "IXSCAN" not in plan:
                raise RuntimeError(f"{name} reads files by {plan}, and no index: {each['command']}")
            if op in READS and given:
                shares.append(looked_at / given)
    found.measured["mongodb.looked_at"] = max(shares)


def _record(number: int, user_id: Any, now: datetime) -> UserFile:
    file_id = new_file_id(user_id, now.timestamp())
    return UserFile(
        file_id=file_id,
        user_id=user_id,
        filename=f"table {number}.csv",
        file_path=f"/var/lib/cellblock/content/{file_id}",
        file_size=len(CONTENT),
        file_type="csv",
        uploaded_at=now - timedelta(minutes=number % 60),
        expires_at=now + timedelta(hours=1, minutes=number % 2820),
        origin="upload",
        sha256="0" * 64,
        content=f"local:{file_id}",
        mime="text/csv",
    )


async def _insert(collection: Any, records: Sequence[UserFile]) -> None:
    from plugin.files.stores.mongodb_documents import as_bson

    for start in range(0, len(records), INSERTED_AT_ONCE):
        await collection.insert_many([as_bson(record) for record in records[start : start + INSERTED_AT_ONCE]])


async def _pieces() -> AsyncIterator[bytes]:
    yield CONTENT


async def _timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started
