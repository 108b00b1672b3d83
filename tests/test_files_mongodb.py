"""What files in MongoDB have besides the rules of test_files.py: handlers of every form, the original's documents, outages."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS

import plugin
from plugin import compat
from plugin.config import Settings
from plugin.errors import InvalidRequest, StoreError, UserFileNotFound
from plugin.files import EmbeddedFiles, FileManager
from plugin.files.stores import Quota
from plugin.files.stores.mongodb import MongoStore
from plugin.files.stores.mongodb_documents import as_bson, expires, number
from plugin.files.user_file import UserFile
from tests.mongod import CLIENTS, ELSEWHERE, Fresh, Mongod, Server

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OUTAGE_SECONDS = 15


@pytest.fixture
async def fresh(mongod: Server) -> AsyncIterator[Fresh]:
    async with mongod.fresh() as fresh:
        yield fresh


@pytest.fixture(params=["pymongo", "motor"])
def database(request: pytest.FixtureRequest, fresh: Fresh) -> Any:
    return fresh.connect(request.param)


@pytest.fixture
async def files_of(tmp_path: Path) -> AsyncIterator[Callable[..., FileManager]]:
    """File managers over a database, with a home and the original's root beside each other."""
    made = []

    def open_one(database: Any, **settings: Any) -> FileManager:
        embedded = EmbeddedFiles(Settings(home=tmp_path / "home", **settings), NOW.timestamp)
        made.append(embedded)
        return embedded.behind(embedded.store_of(database))

    yield open_one
    for embedded in made:
        await embedded.aclose()


# ---- a handler of every form


FORMS: dict[str, Callable[[Any, Fresh], Any]] = {
    "database": lambda database, fresh: database,
    "client": lambda database, fresh: database.client,
    "an object with .db": lambda database, fresh: SimpleNamespace(db=database),
    "address": lambda database, fresh: fresh.address,
}


@pytest.mark.parametrize("form", FORMS)
async def test_the_guides_functions_take_a_handler_of_every_form(
    database: Any, fresh: Fresh, form: str, light_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upload, list, load, status and delete; a file that was uploaded without it is found behind it."""
    monkeypatch.setenv("CELLBLOCK_HOME", str(tmp_path))
    held = dict(compat._defaults), dict(compat._enders)
    compat._defaults.clear()
    handler = FORMS[form](database, fresh)
    plain = await plugin.upload_file(5, b"plain", "plain.txt")
    given = await plugin.upload_file(5, b"given", "given.txt", db_handler=handler)
    assert given["success"], given
    listed = await plugin.list_user_files(5, handler)
    assert {row["file_id"] for row in listed} == {plain["file_id"], given["file_id"]}
    assert (await plugin.load_file(given["file_id"], "5", handler))["data"] == b"given"
    assert not (await plugin.load_file(given["file_id"], 5))["success"]
    assert not (await plugin.load_file(given["file_id"], 6, handler))["success"]
    assert (await plugin.get_interpreter_status(handler))["total_user_files"] == 2
    assert await plugin.delete_user_file(given["file_id"], 5, handler)
    await compat._default().aclose()
    compat._defaults.clear()
    compat._defaults.update(held[0])


def test_a_driver_that_blocks_is_refused(mongod: Server) -> None:
    """PyMongo's synchronous client: it would hold the bot."""
    import pymongo

    with pymongo.MongoClient(mongod.uri) as client, pytest.raises(InvalidRequest, match="would block the event loop"):
        plugin.CleanupScheduler(client)


# ---- what is in the database


async def test_documents_and_indexes_are_the_guides(database: Any, files_of: Callable[..., FileManager]) -> None:
    """Its eight fields with dates as BSON has them, and its three indexes."""
    files = files_of(database)
    record = await files.upload(5, b"x", "x.csv")
    document = await database.user_files.find_one({"file_id": record.file_id})
    assert document["uploaded_at"] == NOW.replace(tzinfo=None) and document["filename"] == "x.csv"
    assert document["expires_at"] - document["uploaded_at"] == timedelta(hours=48)
    indexes = await database.user_files.index_information()
    keys = [tuple(index["key"]) for index in indexes.values()]
    assert (("user_id", 1), ("expires_at", -1)) in keys and (("file_id", 1),) in keys and (("expires_at", 1),) in keys


def of_user(number: int, user_id: int, **fields: Any) -> UserFile:
    facts = {"filename": "x.csv", "file_path": "", "file_type": "csv", "sha256": "", "content": "", "mime": "text/csv"}
    times = {"uploaded_at": NOW, "expires_at": NOW + timedelta(hours=1 + number % 48)}
    file_id = f"user_{user_id}_1763980000_{number:08x}"
    return UserFile(**{**facts, **times, "file_id": file_id, "user_id": user_id, "file_size": 1, "origin": "upload", **fields})  # fmt: skip


# A call of the store, and how many documents its queries may look at: of 600, of which user 7 has six.
QUERIES: dict[str, tuple[Callable[[MongoStore], Awaitable[object]], int]] = {
    "list": (lambda store: store.list(7, NOW), 6),
    "get": (lambda store: store.get(of_user(7, 7).file_id, 7, NOW), 1),
    "known": (lambda store: store.known([of_user(number, number % 100).file_id for number in range(50)]), 50),
    "add": (lambda store: store.add(of_user(1000, 7), None), 0),
    "add to a quota of files": (lambda store: store.add(of_user(1001, 7), Quota(files=20)), 10),
    "add to a quota of bytes": (lambda store: store.add(of_user(1002, 7, origin="generated"), Quota(bytes=10**9)), 10),
    "remove_expired": (lambda store: store.remove_expired(NOW + timedelta(hours=2), 10), 20),
    "remove_expired of the original": (lambda store: store.remove_expired(NOW, 10), 20),
    "remove": (lambda store: store.remove(of_user(7, 7).file_id, 7), 1),
    "remove_all": (lambda store: store.remove_all(7), 12),
}


@pytest.mark.parametrize("call", QUERIES)
async def test_every_call_goes_by_an_index(database: Any, call: str) -> None:
    """As the server saw its queries: none reads the collection from end to end, whatever else is in it."""
    store = MongoStore(database)
    await store.identity()
    local = NOW.astimezone().replace(tzinfo=None)
    olds = [(f"7_1763980000_{number:08x}", (local - timedelta(hours=number)).isoformat()) for number in range(30)]
    await database.user_files.insert_many([{"file_id": old, "user_id": 8, "expires_at": at} for old, at in olds])
    await database.user_files.insert_many([as_bson(of_user(number, number % 100)) for number in range(600)])
    work, most = QUERIES[call]
    await database.command("profile", 2)
    await work(store)
    await database.command("profile", 0)
    seen = await database["system.profile"].find({"ns": {"$ne": f"{database.name}.system.profile"}}).to_list(None)
    assert {each["ns"] for each in seen} >= {f"{database.name}.user_files"}
    plans = [each["planSummary"] for each in seen if "planSummary" in each]
    assert plans or call == "add"
    assert not [each["command"] for each in seen if "COLLSCAN" in each.get("planSummary", "")]
    assert sum(each.get("docsExamined", 0) for each in seen) <= most, seen


async def test_ten_at_once_make_one_schema(fresh: Fresh, files_of: Callable[..., FileManager]) -> None:
    """They see one identity, so that each finds the others' content."""
    managers = [files_of(fresh.connect("pymongo")) for _ in range(10)]
    records = await asyncio.gather(*(files.upload(n, b"x", "x.csv") for n, files in enumerate(managers)))
    for n, record in enumerate(records):
        assert (await managers[n - 1].load(record.file_id, n))[1] == b"x"


@pytest.mark.parametrize("user_id", [{"$ne": None}, {"$gt": ""}, ["5"], True, None, 1.5], ids=str)
async def test_an_operator_is_no_user(database: Any, files_of: Callable[..., FileManager], user_id: Any) -> None:
    """Nor an id of a file: nothing is asked of the database with it."""
    files = files_of(database)
    record = await files.upload(5, b"x", "x.csv")
    for call in (files.list(user_id), files.delete_all(user_id), files.load(record.file_id, user_id)):
        with pytest.raises(InvalidRequest):
            await call
    store = MongoStore(database)
    for call in (store.list(user_id, NOW), store.remove_all(user_id), store.get(record.file_id, user_id, NOW)):
        with pytest.raises(StoreError):
            await call
    if not isinstance(user_id, int):
        with pytest.raises(UserFileNotFound):
            await files.load(user_id, 5)
        assert not await files.delete(user_id, 5)
    assert await files.list(5) == [record]


# ---- the original's documents


def of_the_original(root: Path, name: str, user_id: int = 7, **fields: Any) -> dict[str, Any]:
    """A document as the guide shows it, and its file."""
    path = root / "user_files" / str(user_id) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"old")
    local = NOW.astimezone().replace(tzinfo=None)
    return {
        "file_id": f"{user_id}_1763980000_{abs(hash(name)) % 16**8:08x}",
        "user_id": user_id,
        "filename": name,
        "file_path": str(path),
        "file_size": 3,
        "file_type": "csv",
        "uploaded_at": (local - timedelta(hours=1)).isoformat(),
        "expires_at": (local + timedelta(hours=47)).isoformat(),
    } | fields


async def test_the_originals_files_are_read_listed_and_deleted(
    database: Any, files_of: Callable[..., FileManager], tmp_path: Path
) -> None:
    """They count against the quota, and their content goes with them."""
    root = tmp_path / "bot"
    old = of_the_original(root, "old.csv")
    await database.user_files.insert_one(old)
    files = files_of(database, legacy_root=root, max_files_per_user=2)
    (record,) = await files.list("7")
    assert record.expires_at == NOW + timedelta(hours=47) and record.origin == "upload"
    assert (await files.load(old["file_id"], 7))[1] == b"old"
    _, descriptor = await files.open(old["file_id"], 7)
    os.close(descriptor)
    await files.upload(7, b"x", "x.csv")
    with pytest.raises(plugin.CellblockError, match="2 are kept"):
        await files.upload(7, b"x", "x.csv")
    assert (await files.stats()).files == 2
    assert await files.delete(old["file_id"], 7) and not Path(old["file_path"]).exists()


async def test_the_originals_expired_files_are_cleaned_up(
    database: Any, files_of: Callable[..., FileManager], tmp_path: Path
) -> None:
    """Their local times, which no comparison in the database understands; what never expires stays."""
    root = tmp_path / "bot"
    local = NOW.astimezone().replace(tzinfo=None)
    gone = of_the_original(root, "gone.csv", expires_at=(local - timedelta(seconds=1)).isoformat())
    soon = of_the_original(root, "soon.csv", expires_at=(local + timedelta(seconds=1)).isoformat())
    kept = of_the_original(root, "kept.csv", expires_at=None)
    odd = of_the_original(root, "odd.csv", expires_at="next week")
    await database.user_files.insert_many([gone, soon, kept, odd])
    files = files_of(database, legacy_root=root)
    assert await files.cleanup_expired() == 1
    assert {record.filename for record in await files.list(7)} == {"soon.csv", "kept.csv", "odd.csv"}
    assert not Path(gone["file_path"]).exists() and Path(kept["file_path"]).exists()


async def test_a_document_that_makes_no_sense_hides_no_other(
    database: Any, files_of: Callable[..., FileManager]
) -> None:
    """Others write to the database too: whatever they leave, lists, sums and cleanups go on."""
    files = files_of(database)
    record = await files.upload(7, b"x", "x.csv")
    odd: list[dict[str, Any]] = [
        {"user_id": 7},
        {"user_id": 7, "file_id": 5},
        {
            "user_id": 7,
            "file_id": "7_1763980000_0000000a",
            "file_size": float("nan"),
            "expires_at": "0001-01-01T00:00:00",
        },
        {
            "user_id": 7,
            "file_id": "7_1763980000_0000000b",
            "file_size": "big",
            "expires_at": DatetimeMS(2**60),
            "uploaded_at": 5,
        },
        {
            "user_id": 7,
            "file_id": "7_1763980000_0000000c",
            "expires_at": [],
            "filename": None,
            "metadata": 5,
            "origin": {},
        },
        {"user_id": {"a": 1}, "file_id": "7_1763980000_0000000d", "expires_at": NOW - timedelta(days=1)},
        {"expires_at": NOW - timedelta(days=1)},
        {"expires_at": NOW - timedelta(days=1), "user_id": 7, "file_id": "../../etc/passwd"},
        {"expires_at": NOW - timedelta(days=1), "user_id": 7, "file_id": "7_1763980000_0000000e\n"},
    ]
    await database.user_files.drop_indexes()
    await database.user_files.insert_many(odd)
    assert record in await files.list(7)
    assert {each.file_id for each in await files.list(7)} >= {record.file_id, "7_1763980000_0000000b"}
    assert (await files.stats()).files >= 1
    await files.cleanup_expired()
    await files.upload(7, b"x", "x.csv")
    assert await files.delete(record.file_id, 7)


CLOCK = "2026-03-28T12:00:00"  # in Berlin the night after it is an hour short
TIMES: list[Any] = [
    None, [], [CLOCK], 5, {}, DatetimeMS(2**60), DatetimeMS(-(2**60)), "", "next week", "July 4, 2018", "@1700000000", " " + CLOCK, CLOCK + "\n",
    "2026-02-30T00:00:00", "2026-03-01T24:00:00", "2026-13-01", "0000-01-01T00:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999",
    "2026-03-28", "2026-03-29", "2026-03-28 12:00:00", "2026-03-28 12:00:01", "2026-03-28T12:00", "2026-03-28T12:01", "2026-03-28T11:59:59.500000",
    CLOCK, CLOCK + ".000000", CLOCK + ".001000", CLOCK + ".5", CLOCK + "Z", CLOCK + "+00:00", CLOCK + "+0100", CLOCK + "+01:00",
    CLOCK + "+02:00", CLOCK + ".001+01:00", CLOCK + "-03:30", CLOCK + " EST", CLOCK + " Europe/Berlin", "2026-03-29T02:30:00",
]  # fmt: skip
SIZES: list[Any] = [None, 7, 2**40, 2.7, -1, 0, float("nan"), float("inf"), float("-inf"), "big", "5", "", [], {}, NOW]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata"])
async def test_totals_agree_with_what_each_document_says(
    database: Any, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database adds up what Python reads: times of every form before and after a change of the clocks, and all sizes."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        ids = (f"7_1763980000_{number:08x}" for number in range(10**6))
        owner = {"user_id": 7, "expires_at": NOW + timedelta(days=1000)}
        documents: list[dict[str, Any]] = [
            *({**owner, "expires_at": at, "file_id": next(ids), "file_size": 1} for at in TIMES),
            *({**owner, "file_size": size, "file_id": next(ids)} for size in SIZES),
            {**owner, "file_id": next(ids)},
            {"user_id": "ann", "file_id": next(ids), "file_size": 1},
        ]
        nobodys = [{**owner, "file_size": 1}, {**owner, "file_id": "../x"}, {"file_id": next(ids), "file_size": 1}]
        await database.user_files.insert_many([*nobodys, {"user_id": {"a": 1}, "file_id": next(ids)}])
        await database.user_files.insert_many(documents)
        store = MongoStore(database)
        written = [each["_id"] for each in documents]
        read = await store._files.find({"_id": {"$in": written}}).to_list(None)
        moment = datetime.fromisoformat(CLOCK).astimezone(UTC)
        for seconds in (-3600, -0.001, 0, 0.001, 1, 43_200, 86_400, 10**9, -(10**9)):
            now = moment + timedelta(seconds=seconds)
            alive = [each for each in read if (expires(each) or datetime.max.replace(tzinfo=UTC)) > now]
            assert await store.totals(now) == (len(alive), sum(number(each.get("file_size")) for each in alive)), now
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "path",
    ["{root}/user_files/8/secret", "{root}/secret", "/etc/passwd", "{root}/user_files/7/../8/secret", "relative", "", "{root}/user_files/7/link",
     "{root}/user_files/7/linked/secret", "{root}/user_files/7", "{root}/user_files/7/fifo", "a\0b"],
)  # fmt: skip
async def test_a_path_elsewhere_is_never_opened_nor_deleted(
    database: Any, files_of: Callable[..., FileManager], tmp_path: Path, path: str
) -> None:
    """A document is data: only what lies beneath the user's own directory is his."""
    root = tmp_path / "bot"
    secret, own = root / "user_files/8/secret", root / "user_files/7"
    secret.parent.mkdir(parents=True)
    own.mkdir()
    for place in (secret, root / "secret"):
        place.write_text("secret")
    (own / "link").symlink_to(secret)
    (own / "linked").symlink_to(secret.parent)
    os.mkfifo(own / "fifo")
    document = of_the_original(root, "x.csv", file_path=path.format(root=root))
    await database.user_files.insert_one(document)
    files = files_of(database, legacy_root=root)
    with pytest.raises(StoreError, match="missing"):
        await files.load(document["file_id"], 7)
    assert await files.delete(document["file_id"], 7)
    assert secret.read_text() == (root / "secret").read_text() == "secret"


# ---- outages


@pytest.mark.skipif(ELSEWHERE is not None, reason="a server of somebody else's is not stopped")
@pytest.mark.parametrize("driver", CLIENTS)
async def test_an_outage_is_told_in_time_and_never_reads_as_no_files(
    driver: str, tmp_path: Path, files_of: Callable[..., FileManager]
) -> None:
    """A server that hangs, is dead, and is back: the same client goes on."""
    server = Mongod(tmp_path / "mongod")
    server.start()
    try:
        async with server.fresh() as fresh:
            files = files_of(fresh.connect(driver))
            record = await files.upload(5, b"x", "x.csv")
            for fail in (server.suspend, server.kill):
                fail()
                started = time.monotonic()
                with pytest.raises(StoreError, match="MongoDB 'cellblock_test_"):
                    await files.list(5)
                assert time.monotonic() - started < OUTAGE_SECONDS
                server.resume() if fail == server.suspend else server.start()
                assert await files.list(5) == [record]
    finally:
        server.kill()
