"""Content in GridFS: machines that share it, what their crashes leave, damage, and the copies that each keeps."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import gridfs
import pytest

from plugin.config import Settings
from plugin.errors import StoreError, UserFileNotFound
from plugin.files import EmbeddedFiles, FileManager
from plugin.files.content.gridfs import GridContent
from plugin.files.stores.mongodb import MongoStore
from tests.mongod import CLIENTS, Fresh, Server

KiB = 1024
LARGE = os.urandom(700 * KiB)  # three chunks
Machine = Callable[..., FileManager]


@pytest.fixture
async def fresh(mongod: Server) -> AsyncIterator[Fresh]:
    async with mongod.fresh() as fresh:
        yield fresh


@pytest.fixture(params=CLIENTS)
async def machine(request: pytest.FixtureRequest, fresh: Fresh, tmp_path: Path) -> AsyncIterator[Machine]:
    """The files of a machine, by its name: each has a home of its own, all have one database."""
    async with AsyncExitStack() as stack:

        def open_one(name: str, **settings: Any) -> FileManager:
            given = {"content": "gridfs", "max_files_per_user": 1000} | settings
            embedded = EmbeddedFiles(Settings(home=tmp_path / name, **given))
            stack.push_async_callback(embedded.aclose)
            return embedded.behind(embedded.store_of(fresh.connect(request.param)))

        yield open_one


def left(fresh: Fresh) -> set[str]:
    """What is in the database: the ids of content, and of documents."""
    with fresh.blocking() as database:
        content = {each["_id"] for each in database["user_file_content.files"].find()}
        chunks = database["user_file_content.chunks"].distinct("files_id")
        return content | set(chunks) | {each["file_id"] for each in database.user_files.find()}


def copies(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in home.glob("copies-*/[0-9a-f][0-9a-f]/*")}


async def test_each_machine_reads_what_another_took(machine: Machine, fresh: Fresh, tmp_path: Path) -> None:
    """And so does the driver's own GridFS."""
    record = await machine("a").upload(5, LARGE, "x.bin")
    assert (record.content, record.file_path) == (f"gridfs:{record.file_id}", "")
    b = machine("b")
    assert await b.load(record.file_id, 5) == (record, LARGE)
    assert copies(tmp_path / "b") == {record.file_id: len(LARGE)}
    assert await b.load(record.file_id, 5) == (record, LARGE)
    with fresh.blocking() as database:
        assert gridfs.GridFSBucket(database, "user_file_content").open_download_stream(record.file_id).read() == LARGE
    assert await b.delete(record.file_id, 5) and left(fresh) == set()
    a = machine("a")
    with pytest.raises(UserFileNotFound):
        await a.load(record.file_id, 5)
    assert copies(tmp_path / "a") != {}
    await a.cleanup_expired()
    assert copies(tmp_path / "a") == {}


async def test_many_open_one_file_at_once(machine: Machine, tmp_path: Path) -> None:
    """Each fetches it; one copy stays."""
    record = await machine("a").upload(5, LARGE, "x.bin")
    several = [machine("b") for _ in range(2)]
    found = await asyncio.gather(*(several[n % 2].load(record.file_id, 5) for n in range(20)))
    assert all(data == LARGE for _, data in found) and copies(tmp_path / "b") == {record.file_id: len(LARGE)}


async def test_files_of_both_settings_are_read(machine: Machine) -> None:
    """After a change of `content`, in either direction."""
    shared, local = machine("a"), machine("a", content="local")
    records = [await shared.upload(5, b"shared", "x"), await local.upload(5, b"local", "x")]
    for files in (shared, local, machine("a")):
        assert [(await files.load(record.file_id, 5))[1] for record in records] == [b"shared", b"local"]
        await files.cleanup_expired()
    for record in records:
        assert await machine("a", content="local").delete(record.file_id, 5)
        with pytest.raises(UserFileNotFound):
            await shared.load(record.file_id, 5)


# ---- damage


def changed(database: Any, file_id: str) -> None:
    database["user_file_content.chunks"].update_one({"files_id": file_id, "n": 1}, {"$set": {"data": bytes(255 * KiB)}})


def shorter(database: Any, file_id: str) -> None:
    database["user_file_content.chunks"].update_one({"files_id": file_id, "n": 2}, {"$set": {"data": b"x"}})


def longer(database: Any, file_id: str) -> None:
    database["user_file_content.chunks"].update_one(
        {"files_id": file_id, "n": 1}, {"$set": {"data": bytes(9_000 * KiB)}}
    )


def missing(database: Any, file_id: str) -> None:
    database["user_file_content.chunks"].delete_one({"files_id": file_id, "n": 1})


def last_missing(database: Any, file_id: str) -> None:
    database["user_file_content.chunks"].delete_one({"files_id": file_id, "n": 2})


def of_another(database: Any, file_id: str) -> None:
    database["user_file_content.files"].update_one({"_id": file_id}, {"$set": {"metadata.sha256": "0" * 64}})


@pytest.mark.parametrize("damage", [changed, shorter, longer, missing, last_missing, of_another])
async def test_damage_is_told_and_never_handed_out(
    machine: Machine, fresh: Fresh, tmp_path: Path, damage: Callable[[Any, str], None]
) -> None:
    """Not a byte of it is kept as a copy; the file can be deleted."""
    record = await machine("a").upload(5, LARGE, "x.bin")
    with fresh.blocking() as database:
        damage(database, record.file_id)
    b = machine("b")
    for _ in range(2):
        with pytest.raises(StoreError, match="is not what was uploaded"):
            await b.load(record.file_id, 5)
    assert copies(tmp_path / "b") == {}
    assert await b.delete(record.file_id, 5) and left(fresh) == set()


async def test_a_file_deleted_while_it_is_fetched_is_not_found(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its description was read, its chunks are gone."""
    a, b = machine("a"), machine("b")
    record = await a.upload(5, LARGE, "x.bin")
    from plugin.files.content.grid import Grid

    pieces = Grid.pieces

    async def late(self: Grid, file_id: str, stored: Any) -> AsyncIterator[bytes]:
        await a.delete(file_id, 5)
        async for piece in pieces(self, file_id, stored):
            yield piece

    monkeypatch.setattr(Grid, "pieces", late)
    with pytest.raises(UserFileNotFound):
        await b.load(record.file_id, 5)


# ---- uploads under way, and what is left of them


async def slowly(gate: asyncio.Event, *pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    await gate.wait()


async def test_cleanups_elsewhere_leave_an_upload_alone(machine: Machine, fresh: Fresh) -> None:
    """At each of its steps, for as long as its user takes."""
    a, b, gate = machine("a"), machine("b"), asyncio.Event()
    upload = asyncio.create_task(a.upload(5, slowly(gate, LARGE), "x.bin"))
    for _ in range(20):
        await b.cleanup_expired()
    gate.set()
    while not upload.done():
        await b.cleanup_expired()
    record = upload.result()
    await b.cleanup_expired()
    assert (await b.load(record.file_id, 5))[1] == LARGE and left(fresh) == {record.file_id}


def parts(files: FileManager) -> tuple[MongoStore, GridContent]:
    store, content = files._store._first, files._content._first._first  # type: ignore[attr-defined]
    assert isinstance(store, MongoStore) and isinstance(content, GridContent)
    return store, content


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


LEASE_IS_OVER = {"$set": {"uploading.until": datetime.now(UTC) - timedelta(seconds=1)}}


async def test_an_upload_that_lost_its_claim_fails_and_leaves_nothing(machine: Machine, fresh: Fresh) -> None:
    """It was silent for longer than its lease, was cleaned up, and wakes: no record without content comes of it."""
    a, b = machine("a"), machine("b")
    record = await a.upload(5, b"x", "x.bin")
    store, content = parts(a)
    other = record.file_id[:-1] + ("0" if record.file_id[-1] != "0" else "1")
    from dataclasses import replace

    with pytest.raises(StoreError, match="was given up"):
        async with content.put(other, once(LARGE)):
            with fresh.blocking() as database:
                assert database.user_files.update_one({"file_id": other}, LEASE_IS_OVER).modified_count == 1
            await b.cleanup_expired()
            await store.add(replace(record, file_id=other), None)
    assert left(fresh) == {record.file_id} and await b.list(5) == [record]


async def test_a_claim_that_somebody_took_over_is_not_the_first_ones(machine: Machine, fresh: Fresh) -> None:
    """As `cellblock migrate` does with an id: the one that lost it neither records nor deletes."""
    a, b = machine("a"), machine("b")
    record = await a.upload(5, b"x", "x.bin")
    await a.delete(record.file_id, 5)
    (first_store, first), (second_store, second) = parts(a), parts(b)
    with pytest.raises(StoreError, match="was given up"):
        async with first.put(record.file_id, once(LARGE)):
            with pytest.raises(StoreError, match="is there, or being written"):
                async with second.put(record.file_id, once(LARGE)):
                    pytest.fail("two have one id")
            with fresh.blocking() as database:
                database.user_files.update_one({"file_id": record.file_id}, LEASE_IS_OVER)
            await b.cleanup_expired()
            async with second.put(record.file_id, once(LARGE)):
                await second_store.add(record, None)
            await first_store.add(record, None)
    await a.cleanup_expired()
    assert (await b.load(record.file_id, 5))[1] == LARGE


UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from plugin.config import Settings
from plugin.files import open_files
from plugin.files.content.grid import Grid

async def stuck(self, file_id, stored):
    print(file_id, flush=True)
    await asyncio.sleep(3600)

async def main():
    Grid.close = stuck
    await open_files(Settings(home=Path(sys.argv[1]))).upload(5, bytes(700_000), "x.bin")

asyncio.run(main())
"""


async def test_a_killed_upload_is_cleaned_up_at_once_here_and_after_its_lease_elsewhere(
    machine: Machine, fresh: Fresh, tmp_path: Path
) -> None:
    """Only its own machine knows that it is dead."""
    environment = os.environ | {"CELLBLOCK_DATABASE": fresh.address, "CELLBLOCK_CONTENT": "gridfs"}

    async def killed(name: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", UNTIL_KILLED, str(tmp_path / name), env=environment, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        file_id = (await process.stdout.readline()).decode().strip()
        process.kill()
        await process.wait()
        return file_id

    first = await killed("a")
    await machine("b").cleanup_expired()
    assert left(fresh) == {first}
    await machine("a").cleanup_expired()
    assert left(fresh) == set() and copies(tmp_path / "a") == {}
    assert len(list((tmp_path / "a").glob("copies-*/processes/*"))) == 1  # the cleaner's own
    second = await killed("a")
    with fresh.blocking() as database:
        assert database.user_files.update_one({"file_id": second}, LEASE_IS_OVER).modified_count == 1
    await machine("b").cleanup_expired()
    assert left(fresh) == set()


# ---- copies


async def test_copies_stay_within_their_bytes(machine: Machine, tmp_path: Path) -> None:
    """Those used last stay; a file larger than all of it is read all the same."""
    files = machine("a", content_cache_bytes=350 * KiB)
    records = [await files.upload(5, bytes([n]) * (100 * KiB), "x") for n in range(5)]
    assert set(copies(tmp_path / "a")) == {record.file_id for record in records[2:]}
    await files.load(records[2].file_id, 5)
    assert (await files.load(records[0].file_id, 5))[1] == bytes(100 * KiB)
    assert set(copies(tmp_path / "a")) == {records[n].file_id for n in (0, 2, 4)}
    large = await files.upload(5, LARGE, "x")
    for _ in range(2):
        assert (await files.load(large.file_id, 5))[1] == LARGE
    assert sum(copies(tmp_path / "a").values()) <= 350 * KiB


async def test_without_files_that_have_no_name(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems have none: then nothing is copied, and everything is read."""
    record = await machine("a").upload(5, LARGE, "x.bin")
    b = machine("b")
    await b.list(5)
    monkeypatch.setattr(os, "O_TMPFILE", 0)
    assert (await b.load(record.file_id, 5))[1] == LARGE
    assert copies(tmp_path / "b") == {}


async def test_a_copy_is_never_another_databases(mongod: Server, machine: Machine, tmp_path: Path) -> None:
    """Whoever writes an id into a database of his own does not get the file of that id from this machine."""
    record = await machine("a").upload(5, LARGE, "x.bin")
    async with mongod.fresh() as other:
        embedded = EmbeddedFiles(Settings(home=tmp_path / "a", content="gridfs"))
        files = embedded.behind(embedded.store_of(other.connect("pymongo")))
        with other.blocking() as database:
            database.user_files.insert_one({"file_id": record.file_id, "user_id": 6, "content": record.content})
        with pytest.raises(StoreError, match="missing"):
            await files.load(record.file_id, 6)
        await embedded.aclose()


async def test_nothing_is_shared_where_records_are_not(tmp_path: Path) -> None:
    """The setting speaks of files whose records are in MongoDB."""
    embedded = EmbeddedFiles(Settings(home=tmp_path, content="gridfs"))
    record = await embedded.files.upload(5, b"x", "x")
    assert record.content == f"local:{record.file_id}"
    await embedded.aclose()
