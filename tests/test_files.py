"""FileManager over real SQLite and real files: what users may keep, who sees it, and what a crash leaves."""

import asyncio
import hashlib
import io
import json
import os
import random
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from plugin.config import Settings
from plugin.errors import FileTooLarge, InvalidRequest, StoreError, TooManyFiles, UserFileNotFound
from plugin.files import EmbeddedFiles, FileManager, open_files
from plugin.files.content.local import LocalContent
from plugin.files.stores.sqlite import SqliteStore
from tests.mongod import Fresh

MiB = 1024**2
HOUR = 3600
NEVER_WAS = "user_5_1705314600_" + "0" * 32


class Clock:
    """The time, as the test says it is."""

    def __init__(self, now: float = 1705314600.123) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Place:
    """Where files lie: a home and, unless it is SQLite's, a database.

    Args:
        kind: what records are in, sqlite, a driver's name, or "address" for processes too; "gridfs" for content.
    """

    def __init__(self, kind: str, home: Path, fresh: Fresh | None) -> None:
        self.home, self.fresh = home, fresh
        self.records, _, self.content = kind.partition(" ")

    def opened(self, clock: Clock, settings: dict[str, Any]) -> tuple[EmbeddedFiles, FileManager]:
        content = {"content": self.content} if self.content else {}
        embedded = EmbeddedFiles(Settings(home=self.home, **content, **settings), clock)
        if self.fresh is None or self.records == "address":
            return embedded, embedded.files
        return embedded, embedded.behind(embedded.store_of(self.fresh.connect(self.records)))

    def kept(self) -> list[str]:
        """The ids of all content there is, of half written and abandoned content too."""
        if self.fresh is None or not self.content:
            return sorted(path.name for path in self.home.glob("content*/*/*"))
        with self.fresh.blocking() as database:
            files, chunks = database["user_file_content.files"], database["user_file_content.chunks"]
            ids = {each["_id"] for each in files.find()} | set(chunks.distinct("files_id"))
            claims = database.user_files.find({"user_id": {"$exists": False}})
            copies = {path.name for path in self.home.glob("copies*/[0-9a-f][0-9a-f]/*")}
            return sorted([*ids | copies, *(f"{each['file_id']} is claimed" for each in claims)])

    def lose(self, file_id: str) -> None:
        """Content goes away behind everybody's back."""
        for path in self.home.glob(f"co*/*/{file_id}"):
            path.unlink()
        if self.fresh is not None and self.content:
            with self.fresh.blocking() as database:
                database["user_file_content.files"].delete_one({"_id": file_id})


KINDS = ["sqlite", "pymongo", "motor", "pymongo gridfs", "motor gridfs"]
FOR_PROCESSES = ["sqlite", "address", "address gridfs"]


@pytest.fixture(params=KINDS)
async def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        fresh: Fresh | None = None
        if request.param != "sqlite":
            fresh = await stack.enter_async_context(request.getfixturevalue("mongod").fresh())
        place = Place(request.param, tmp_path / "home", fresh)
        if fresh is not None and place.records == "address":  # of child processes too
            monkeypatch.setenv("CELLBLOCK_DATABASE", fresh.address)
            monkeypatch.setenv("CELLBLOCK_CONTENT", place.content or "local")
        yield place


@pytest.fixture
async def opened(place: Place, clock: Clock) -> AsyncIterator[Callable[..., FileManager]]:
    """Opens file managers on one home and one database, each with its own connection, and closes them."""
    async with AsyncExitStack() as stack:

        def open_one(**settings: Any) -> FileManager:
            embedded, files = place.opened(clock, settings)
            stack.push_async_callback(embedded.aclose)
            return files

        yield open_one


@pytest.fixture
def files(opened: Callable[..., FileManager]) -> FileManager:
    return opened()


# ---- upload and what comes back


async def test_an_upload_comes_back_as_it_was(files: FileManager, place: Place) -> None:
    """Record, document, list, content and descriptor say the same."""
    record = await files.upload(5, b"a,b\n1,2\n", "dir/Sales.CSV")
    assert re.fullmatch(r"user_5_1705314600_[0-9a-f]{32}", record.file_id)
    document = {
        "file_id": record.file_id,
        "user_id": 5,
        "filename": "Sales.CSV",
        "file_path": "" if place.content else str(next(place.home.glob("content*/*/*"))),
        "file_size": 8,
        "file_type": "csv",
        "uploaded_at": "2024-01-15T10:30:00.123Z",
        "expires_at": "2024-01-17T10:30:00.123Z",
        "origin": "upload",
        "sha256": hashlib.sha256(b"a,b\n1,2\n").hexdigest(),
        "content": f"{place.content or 'local'}:{record.file_id}",
        "mime": "text/csv",
        "schema": 1,
    }
    assert record.as_document() == await files.get(record.file_id, 5) == document
    assert await files.get_file(record.file_id, 5) == document
    assert await files.list(5) == [record]
    assert await files.load(record.file_id, 5) == (record, b"a,b\n1,2\n")
    _, descriptor = await files.open(record.file_id, 5)
    with os.fdopen(descriptor, "rb") as file:
        assert not os.get_inheritable(descriptor)
        assert file.read() == b"a,b\n1,2\n"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(descriptor, b"x")


async def test_nobody_else_on_the_machine_may_read_it(files: FileManager, tmp_path: Path) -> None:
    """Directories 0700, files 0600, the database's too; no name of the user's on the disk."""
    await files.upload(5, b"x", "secret plan.csv")
    for path in [tmp_path / "home", *(tmp_path / "home").rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
        assert "secret" not in path.name


class Coroutines(io.BytesIO):
    """Reads as aiofiles and Starlette do."""

    async def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        return super().read(size)


async def in_pieces(*pieces: Any) -> AsyncIterator[Any]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: b"abc" * MiB, id="bytes"),
        pytest.param(lambda: bytearray(b"abc" * MiB), id="bytearray"),
        pytest.param(lambda: memoryview(b"abc" * MiB), id="memoryview"),
        pytest.param(lambda: memoryview(b"a-b-c-" * MiB)[::2], id="memoryview with gaps"),
        pytest.param(lambda: io.BytesIO(b"abc" * MiB), id="file"),
        pytest.param(lambda: Coroutines(b"abc" * MiB), id="file whose read is a coroutine"),
        pytest.param(lambda: in_pieces(b"abc", b"", b"abc" * (MiB - 2), b"abc"), id="stream"),
    ],
)
async def test_every_source_of_bytes(files: FileManager, data: Callable[[], Any]) -> None:
    """Bytes, a binary file and a stream give the same file."""
    record = await files.upload(5, data(), "x.bin")
    assert record.file_size == 3 * MiB
    assert (await files.load(record.file_id, 5))[1] == b"abc" * MiB


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: "text", id="str"),
        pytest.param(lambda: 5, id="int"),
        pytest.param(lambda: None, id="None"),
        pytest.param(lambda: [b"x"], id="list"),
        pytest.param(lambda: io.StringIO("text"), id="a file of text"),
        pytest.param(lambda: in_pieces("text"), id="a stream of text"),
    ],
)
async def test_what_is_no_source_of_bytes(files: FileManager, place: Place, data: Callable[[], Any]) -> None:
    """It is refused, and nothing is left of it."""
    with pytest.raises(InvalidRequest, match="data must"):
        await files.upload(5, data(), "x.bin")
    assert place.kept() == []


@pytest.mark.parametrize(
    ("filename", "given_type", "stored", "mime", "loader"),
    [
        ("x.csv", None, "csv", "text/csv", "csv"),
        ("x.csv", "", "csv", "text/csv", "csv"),
        ("x.dat", "csv", "csv", "text/csv", "csv"),
        ("x.csv", "a table", "a table", "text/csv", "csv"),
        ("x.tar.gz", None, "tar.gz", "application/gzip", "path"),
        ("Makefile", None, "other", "application/octet-stream", "bytes"),
    ],
)
async def test_file_type_is_as_given_else_the_suffix(
    files: FileManager, filename: str, given_type: str | None, stored: str, mime: str, loader: str
) -> None:
    """A type that the table knows says more than the name."""
    record = await files.upload(5, b"", filename, given_type)
    assert (record.file_type, record.mime, record.type.loader) == (stored, mime, loader)


async def test_metadata_is_kept(files: FileManager) -> None:
    """As JSON gives it back; the document has the key only where there is some."""
    record = await files.upload(5, b"", "x.csv", metadata={"channel": 7, "tags": ("a", "b")})
    document = await files.get(record.file_id, 5)
    assert document is not None and document["metadata"] == {"channel": 7, "tags": ["a", "b"]}


async def test_no_call_blocks_the_event_loop(files: FileManager, clock: Clock, place: Place) -> None:
    """Neither a file nor the database is touched on its thread."""
    if place.records == "pymongo":
        await files.stats()  # the driver looks once whether it is in a container, which is a call of stat
    with blockbuster_ctx():
        record = await files.upload(5, io.BytesIO(b"x" * MiB), "x.csv")
        await files.keep_generated(5, "y.csv", b"y")
        await files.list(5)
        await files.load(record.file_id, 5)
        os.close((await files.open(record.file_id, 5))[1])
        await files.delete(record.file_id, 5)
        clock.now += 100 * HOUR
        assert await files.cleanup_expired() == 1
        await files.stats()
        await files.delete_all(5)
        await files.aclose()


# ---- the size limit


@pytest.mark.parametrize("source", [bytes, bytearray, io.BytesIO, lambda data: in_pieces(data[:MiB], data[MiB:])])
async def test_50_mb_and_not_a_byte_more(files: FileManager, place: Place, source: Callable[[bytes], Any]) -> None:
    """The limit itself is accepted."""
    data = bytes(50 * MiB)
    record = await files.upload(5, source(data), "x.bin")
    assert record.file_size == 50 * MiB
    with pytest.raises(FileTooLarge, match=r"^File too large\. Maximum size is 50MB$"):
        await files.upload(5, source(data + b"x"), "x.bin")
    assert len(place.kept()) == 1


async def test_a_stream_is_not_read_beyond_the_limit(opened: Callable[..., FileManager]) -> None:
    """An endless one ends with the piece that goes too far."""
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield bytes(1000)

    with pytest.raises(FileTooLarge, match=r"Maximum size is 1\.5MB"):
        await opened(max_file_bytes=3 * MiB // 2).upload(5, endless(), "x.bin")
    assert asked == 3 * MiB // 2 // 1000 + 1


@pytest.mark.parametrize(("limit", "told"), [(64 * 1024, "64KB"), (100, "100 bytes"), (200 * MiB, "200MB")])
async def test_the_limit_is_told_as_it_is_set(opened: Callable[..., FileManager], limit: int, told: str) -> None:
    """In the unit that people read."""
    with pytest.raises(FileTooLarge, match=f"Maximum size is {told}$"):
        await opened(max_file_bytes=limit).upload(5, io.BytesIO(bytes(limit + 1)), "x.bin")


# ---- the quota


async def test_the_21st_upload_is_refused(files: FileManager, place: Place) -> None:
    """With the number; generated files, other users and what was deleted do not count, both spellings of a user do."""
    for count in range(20):
        record = await files.upload(5 if count % 2 else "5", b"x", "x.csv")
        await files.keep_generated(5, "plot.png", b"y")
    for user_id in (5, "5"):
        with pytest.raises(TooManyFiles, match="20"):
            await files.upload(user_id, b"x", "x.csv")
    assert len(place.kept()) == 40
    await files.upload(6, b"x", "x.csv")
    await files.keep_generated(5, "plot.png", b"y")
    await files.delete(record.file_id, 5)
    await files.upload(5, b"x", "x.csv")


async def test_expired_files_do_not_count(files: FileManager, clock: Clock) -> None:
    """Even before anybody has cleaned up."""
    for _ in range(20):
        await files.upload(5, b"x", "x.csv")
    clock.now += 48 * HOUR
    await files.upload(5, b"x", "x.csv")


@pytest.mark.parametrize("managers", [1, 2])
async def test_the_quota_holds_among_30_at_once(
    opened: Callable[..., FileManager], place: Place, managers: int
) -> None:
    """20 of 30 get in, through one connection or several; the other 10 leave nothing."""
    several = [opened() for _ in range(managers)]
    uploads = (several[n % managers].upload(5 if n % 3 else "5", b"x" * n, f"{n}.csv") for n in range(30))
    results = await asyncio.gather(*uploads, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["TooManyFiles"] * 10 + ["UserFile"] * 20
    assert len(await several[0].list(5)) == len(place.kept()) == 20


PROCESS = """
import asyncio, json, os, pathlib, sys
from plugin.config import Settings
from plugin.errors import TooManyFiles
from plugin.files import open_files

async def main():
    files = open_files(Settings(home=pathlib.Path(sys.argv[1])))
    expiring = open_files(Settings(home=pathlib.Path(sys.argv[1]), file_expiration_hours=0))
    kept, counted = [], 0
    for n in range(10):
        try:
            record = await files.upload(5, b"x" * n, "x.csv")
            if n % 3 == 0:
                assert await files.delete(record.file_id, 5)
            else:
                kept.append(record.file_id)
        except TooManyFiles:
            pass
        own = await files.upload(os.getpid(), b"y", "y.csv")
        generated = await files.keep_generated("all", "z.txt", b"z")
        assert (await files.load(own.file_id, os.getpid()))[1] == b"y"
        if n % 2:
            assert await files.delete(generated.file_id, "all")
        else:
            kept.append(generated.file_id)
        await expiring.upload(f"gone {os.getpid()}", b"w", "w.csv")
        counted += await files.cleanup_expired()
        for other in (await files.list("all"))[:3]:
            await files.get(other.file_id, "all")
        assert await files.delete(own.file_id, os.getpid())
    await files.aclose()
    await expiring.aclose()
    print(json.dumps([kept, counted]))

asyncio.run(main())
"""


@pytest.mark.parametrize("place", FOR_PROCESSES, indirect=True)
async def test_8_processes_share_one_home(opened: Callable[..., FileManager], tmp_path: Path, place: Place) -> None:
    """They open a new database at the same moment, upload, delete and clean up.

    No error, no upload lost to another's cleanup, the quota holds, each expired file is counted by one alone.
    """
    command = (sys.executable, "-c", PROCESS, str(tmp_path / "home"))
    processes = [await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(8)]
    said = [(await process.communicate())[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    told = [json.loads(line) for line in said]
    files = opened()
    counted = sum(count for _, count in told) + await files.cleanup_expired()
    kept_ids = sorted(file_id for ids, _ in told for file_id in ids)
    there = [*await files.list(5), *await files.list("all")]
    assert sorted(record.file_id for record in there) == kept_ids == place.kept()
    assert counted == 80 and len(await files.list(5)) == 20


# ---- who sees what


async def test_another_users_file_does_not_exist(files: FileManager) -> None:
    """Each call answers as it does for an id that never was."""
    record = await files.upload(5, b"x", "x.csv")
    for user_id, file_id in [
        (6, record.file_id),
        ("05", record.file_id),
        (5, NEVER_WAS),
        (5, "../../x"),
        (5, {"$ne": None}),
    ]:
        assert await files.get(file_id, user_id) is None  # type: ignore[arg-type]
        assert await files.delete(file_id, user_id) is False  # type: ignore[arg-type]
        for call in (files.load, files.open):
            with pytest.raises(UserFileNotFound) as caught:
                await call(file_id, user_id)  # type: ignore[arg-type]
            assert str(caught.value) == str(UserFileNotFound(str(file_id)))
    assert await files.list(6) == [] and await files.delete_all(6) == 0
    assert await files.load(record.file_id, 5)


async def test_a_number_and_its_text_are_one_user(files: FileManager) -> None:
    """Each sees the other's files, and each record tells the form that was given."""
    number, text = await files.upload(5, b"1", "x.csv"), await files.upload("5", b"2", "y.csv")
    assert [record.user_id for record in await files.list(5)] == ["5", 5]
    assert await files.list("5") == [text, number]
    assert (await files.load(number.file_id, "5"))[0].user_id == 5
    assert await files.delete(text.file_id, 5)


async def test_every_call_refuses_what_is_no_user(files: FileManager) -> None:
    """A query must never be asked with it."""
    for user_id in (True, None, {"$ne": None}, "", 1.0):
        calls = (
            files.upload(user_id, b"", "x"),  # type: ignore[arg-type]
            files.keep_generated(user_id, "x", b""),  # type: ignore[arg-type]
            files.get(NEVER_WAS, user_id),  # type: ignore[arg-type]
            files.load(NEVER_WAS, user_id),  # type: ignore[arg-type]
            files.open(NEVER_WAS, user_id),  # type: ignore[arg-type]
            files.list(user_id),  # type: ignore[arg-type]
            files.delete(NEVER_WAS, user_id),  # type: ignore[arg-type]
            files.delete_all(user_id),  # type: ignore[arg-type]
        )
        for call in calls:
            with pytest.raises(InvalidRequest, match="user_id"):
                await call


async def test_newest_first(files: FileManager, clock: Clock) -> None:
    """Also within one millisecond."""
    names = ["a", "b", "c", "d"]
    for name in names:
        await files.upload(5, b"", name)
        clock.now += 0.0002
    assert [record.filename for record in await files.list(5)] == names[::-1]


# ---- delete, expiry, cleanup


async def test_deleted_files_are_gone(files: FileManager, place: Place) -> None:
    """Record and content; a descriptor that is open reads on."""
    record = await files.upload(5, b"abc", "x.csv")
    _, descriptor = await files.open(record.file_id, 5)
    assert await files.delete(record.file_id, 5) is True
    assert await files.delete(record.file_id, 5) is False
    assert os.read(descriptor, 10) == b"abc"
    os.close(descriptor)
    assert place.kept() == [] and await files.list(5) == []


async def test_delete_all_is_of_one_user(files: FileManager, place: Place, clock: Clock) -> None:
    """Uploaded, generated and expired ones; nobody else's."""
    await files.upload(5, b"x", "old.csv")
    clock.now += 49 * HOUR
    await files.upload("5", b"x", "x.csv")
    await files.keep_generated(5, "y.csv", b"y")
    other = await files.upload(6, b"x", "x.csv")
    assert await files.delete_all(5) == 3
    assert await files.delete_all(5) == 0
    assert place.kept() == [other.file_id]


async def test_a_file_lives_48_hours(files: FileManager, place: Place, clock: Clock) -> None:
    """Then it does not exist, and the next cleanup deletes it."""
    uploaded, generated = await files.upload(5, b"xy", "x.csv"), await files.keep_generated(5, "y.png", b"y")
    assert generated.origin == "generated"
    clock.now += 48 * HOUR - 0.001
    assert await files.cleanup_expired() == 0
    assert await files.get(uploaded.file_id, 5) and await files.stats() == (2, 3)
    clock.now += 0.001
    assert await files.get(uploaded.file_id, 5) is None
    assert await files.list(5) == [] and await files.stats() == (0, 0)
    with pytest.raises(UserFileNotFound):
        await files.load(uploaded.file_id, 5)
    assert await files.cleanup_expired() == 2
    assert place.kept() == []


@pytest.mark.parametrize("hours", [-1, 1e9, float("inf")])
async def test_files_may_be_kept_for_ever(opened: Callable[..., FileManager], clock: Clock, hours: float) -> None:
    """-1, and whatever no calendar can say."""
    files = opened(file_expiration_hours=hours)
    record = await files.upload(5, b"x", "x.csv")
    clock.now += 5000 * 365 * 24 * HOUR
    document = await files.get(record.file_id, 5)
    assert document is not None and document["expires_at"] is None
    assert await files.cleanup_expired() == 0 and await files.stats() == (1, 1)


async def test_several_cleaners_count_each_file_once(
    opened: Callable[..., FileManager], place: Place, clock: Clock
) -> None:
    """Together they count what there was."""
    several = [opened() for _ in range(4)]
    for n in range(25):
        await several[0].keep_generated(n, "x.csv", b"x")
    clock.now += 49 * HOUR
    assert sum(await asyncio.gather(*(files.cleanup_expired() for files in several))) == 25
    assert place.kept() == []


# ---- what goes wrong in the middle


async def failing(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    raise ConnectionResetError("the peer went away")


@pytest.mark.parametrize("pieces", [(), (b"x",), (bytes(3 * MiB), b"x")], ids=["at once", "early", "late"])
async def test_a_stream_that_raises_leaves_nothing(files: FileManager, place: Place, pieces: tuple[bytes, ...]) -> None:
    """Its own error comes out."""
    with pytest.raises(ConnectionResetError):
        await files.upload(5, failing(*pieces), "x.csv")
    assert place.kept() == [] and await files.list(5) == []


async def test_a_cancelled_upload_leaves_nothing(files: FileManager, place: Place) -> None:
    """At whatever moment it comes: before, while writing, while the database works."""
    await files.list(5)
    for delay in [0.0, *(0.0004 * 1.2**n for n in range(20))]:
        task = asyncio.create_task(files.upload(5, in_pieces(*[bytes(100_000)] * 20), "x.csv"))
        await asyncio.sleep(delay)
        task.cancel()
        done, _ = await asyncio.wait([task])
        if task.cancelled():
            assert place.kept() == [] and await files.list(5) == []
        else:
            assert await files.delete(done.pop().result().file_id, 5)


async def test_an_upload_cancelled_while_its_record_is_written_is_taken_back(
    files: FileManager, tmp_path: Path, place: Place
) -> None:
    """The record is in, but nobody was told: it goes, and its content with it."""

    class Late(SqliteStore):
        async def add(self, record: Any, upload_limit: int | None) -> None:
            await super().add(record, upload_limit)
            task.cancel()
            await asyncio.sleep(0)

    settings = Settings(home=tmp_path / "home")
    late = FileManager(settings, Late(settings.home / "cellblock.sqlite3"), LocalContent(settings.home / "content"))
    task = asyncio.create_task(late.upload(5, b"x", "x.csv"))
    await asyncio.wait([task])
    await late.aclose()
    assert task.cancelled() and place.kept() == [] and await files.list(5) == []


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_content_without_a_record_is_cleaned(files: FileManager, tmp_path: Path, place: Place) -> None:
    """As a crash leaves it: between content and record, between record and content, or half written."""
    settings = Settings(home=tmp_path / "home")
    orphan = NEVER_WAS.replace("_5_", "_6_")
    content = LocalContent(settings.home / "content")
    async with content.put(orphan, in_pieces(b"uploaded, never recorded")):
        assert await files.cleanup_expired() == 0  # its upload may still record it
    assert len(place.kept()) == 1
    half_deleted = await files.upload(5, b"x", "x.csv")
    store = SqliteStore(settings.home / "cellblock.sqlite3")
    await store.remove(half_deleted.file_id, 5)
    await store.aclose()
    alive = await files.upload(5, b"x", "x.csv")
    half_written = Path(f"{content.path(NEVER_WAS)}.part")
    half_written.parent.mkdir(exist_ok=True)
    half_written.write_bytes(b"x")
    assert len(place.kept()) == 4
    assert await files.cleanup_expired() == 0
    assert place.kept() == [alive.file_id]
    assert await files.load(alive.file_id, 5) == (alive, b"x")


async def test_a_record_without_content_is_the_operators_trouble(
    files: FileManager, place: Place, clock: Clock
) -> None:
    """Not "no such file": an error that says what is missing. It can be deleted, and it expires."""
    first, second = [await files.upload(5, b"x", "x.csv") for _ in range(2)]
    for record in (first, second):
        place.lose(record.file_id)
        for call in (files.load, files.open):
            with pytest.raises(StoreError, match=re.escape(f"missing: {record.file_path or record.content}")):
                await call(record.file_id, 5)
    assert await files.delete(first.file_id, 5) is True
    clock.now += 48 * HOUR
    assert await files.cleanup_expired() == 1


async def test_a_file_deleted_while_it_is_opened_is_not_found(files: FileManager, tmp_path: Path) -> None:
    """Somebody deletes it between its record and its content."""

    class Slow(LocalContent):
        async def read(self, file_id: str) -> bytes:
            await files.delete(file_id, 5)
            return await super().read(file_id)

    settings = Settings(home=tmp_path / "home")
    slow = FileManager(settings, SqliteStore(settings.home / "cellblock.sqlite3"), Slow(settings.home / "content"))
    record = await slow.upload(5, b"x", "x.csv")
    with pytest.raises(UserFileNotFound):
        await slow.load(record.file_id, 5)
    await slow.aclose()


@pytest.mark.parametrize("place", FOR_PROCESSES, indirect=True)
@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.soak)])
async def test_killed_at_any_moment(
    opened: Callable[..., FileManager], tmp_path: Path, clock: Clock, kills: int, place: Place
) -> None:
    """kill -9 while it uploads, deletes and cleans: what was acknowledged is there, the rest is gone after one cleanup."""
    files = opened(max_files_per_user=100_000)
    for _ in range(kills):
        command = (sys.executable, "-c", UNTIL_KILLED, str(tmp_path / "home"), str(clock.now))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        await asyncio.sleep(random.random() * 0.06)
        process.kill()
        said = (await process.stdout.read()).decode().split("\n")[:-1]
        await process.wait()
        there = {record.file_id for record in await files.list(5)}
        uploaded = {line[1:] for line in said if line[0] == "+"}
        deleted = {line[1:] for line in said if line[0] == "-"}
        begun = {line[1:] for line in said if line[0] == "?"}
        assert uploaded - begun <= there and not deleted & there
        await files.cleanup_expired()
        records = await files.list(5)
        assert {record.file_id for record in records} == there == set(place.kept())
    for record in await files.list(5):
        _, data = await files.load(record.file_id, 5)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (record.file_size, record.sha256)


UNTIL_KILLED = """
import asyncio, itertools, pathlib, sys
from plugin.config import Settings
from plugin.files import open_files

async def main():
    home, clock = pathlib.Path(sys.argv[1]), lambda: float(sys.argv[2])
    files = open_files(Settings(home=home, max_files_per_user=100_000), clock)
    expiring = open_files(Settings(home=home, max_files_per_user=100_000, file_expiration_hours=0), clock)
    await files.list(5)
    print("ready", flush=True)
    for n in itertools.count():
        keep = files.upload(5, bytes(n * 1000), "x.csv") if n % 3 else files.keep_generated(5, "y.png", bytes(n * 1000))
        record = await keep
        print("+" + record.file_id, flush=True)
        if n % 2:
            print("?" + record.file_id, flush=True)
            await files.delete(record.file_id, 5)
            print("-" + record.file_id, flush=True)
        await expiring.upload(5, b"x", "gone.csv")
        await files.cleanup_expired()

asyncio.run(main())
"""


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_opening_makes_nothing(opened: Callable[..., FileManager], tmp_path: Path) -> None:
    """Nor does closing; a closed one may be closed again."""
    files = opened()
    await files.aclose()
    await files.aclose()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError, match="was closed"):
        await files.list(5)


def test_records_are_values(tmp_path: Path) -> None:
    """Equal by content and hashable, so that sets of them work."""
    files = open_files(Settings(home=tmp_path))
    record = asyncio.run(files.upload(5, b"x", "x.csv", metadata={"a": 1}))
    assert len({record, replace(record)}) == 1
    asyncio.run(files.aclose())
