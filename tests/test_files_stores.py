"""The SQLite store and the local content store by themselves: schema steps, damage, and every way a disk says no."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plugin.errors import InvalidRequest, StoreError
from plugin.files.content import Known
from plugin.files.content.local import LocalContent
from plugin.files.stores import sqlite
from plugin.files.stores.sqlite import SqliteStore
from plugin.files.user_file import UserFile
from plugin.finish import finish, in_thread

NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


def a_file(number: int, **fields: object) -> UserFile:
    facts = {
        "file_id": f"user_5_1705314600_{number:06d}",
        "user_id": 5,
        "filename": "x.csv",
        "file_path": "",
        "file_size": 1,
        "file_type": "csv",
        "uploaded_at": NOW,
        "expires_at": NOW + timedelta(hours=48),
        "origin": "upload",
        "sha256": "",
        "content": "",
        "mime": "text/csv",
    }
    return UserFile(**{**facts, **fields})  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "files.sqlite3"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    await store.aclose()


async def test_records_survive_reopening(store: SqliteStore, path: Path) -> None:
    """Every field, of every type."""
    records = [a_file(1), a_file(2, user_id="5", expires_at=None, origin="generated", metadata={"a": [1, None, "é"]})]
    for record in records:
        await store.add(record, None)
    await store.aclose()
    again = SqliteStore(path)
    assert await again.list(5, NOW) == records[::-1]
    await again.aclose()


async def test_columns_and_indexes_are_the_contracts(store: SqliteStore, path: Path) -> None:
    """The table that operators see, and how durable it is."""
    await store.add(a_file(1), None)
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(user_files)")]
        assert columns[:8] == [
            "file_id",
            "user_id",
            "filename",
            "file_path",
            "file_size",
            "file_type",
            "uploaded_at",
            "expires_at",
        ]
        assert columns[8:] == ["origin", "sha256", "content", "mime", "schema", "metadata"]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        plans = {
            f"{sqlite._SELECT} WHERE user_id IN (5, '5') AND (expires_at IS NULL OR expires_at > 'x')": "user_files_of_user",
            f"{sqlite._SELECT} WHERE expires_at <= 'x' ORDER BY expires_at LIMIT 5": "user_files_expiring",
        }
        for query, index in plans.items():
            assert index in str(connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall())
    connection.close()
    assert await store._database.read(lambda c: c.execute("PRAGMA synchronous").fetchone()) == (2,)  # FULL


async def test_an_id_is_kept_once(store: SqliteStore) -> None:
    """The second is an error, and changes nothing."""
    await store.add(a_file(1), None)
    with pytest.raises(StoreError, match="UNIQUE"):
        await store.add(a_file(1, user_id=6), None)
    assert await store.list(6, NOW) == []


async def test_known_takes_any_number_of_ids(store: SqliteStore) -> None:
    """More than one query can hold."""
    await store.add(a_file(7), None)
    asked = [a_file(number).file_id for number in range(2000)]
    assert await store.known(asked) == {a_file(7).file_id}
    assert await store.known([]) == set()


async def test_expired_records_go_in_portions(store: SqliteStore) -> None:
    """At most so many at once, the oldest first."""
    for number in range(5):
        await store.add(a_file(number, expires_at=NOW + timedelta(hours=number)), None)
    assert await store.remove_expired(NOW + timedelta(hours=3), 3) == [a_file(n).file_id for n in range(3)]
    assert await store.remove_expired(NOW + timedelta(hours=3), 3) == [a_file(3).file_id]


async def test_a_newer_schema_is_refused(path: Path) -> None:
    """It says so, and changes nothing."""
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    store = SqliteStore(path)
    with pytest.raises(StoreError, match=r"newer cellblock.*upgrade"):
        await store.list(5, NOW)
    await store.aclose()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"not a database " * 100, "is no SQLite database", id="something else"),
        pytest.param(None, "let the user that runs this process write its directory", id="a directory"),
    ],
)
async def test_what_cannot_be_opened_says_what_to_do(path: Path, content: bytes | None, message: str) -> None:
    """The file is named, and a remedy; the store recovers when it is gone."""
    path.parent.mkdir()
    path.mkdir() if content is None else path.write_bytes(content)
    store = SqliteStore(path)
    for _ in range(2):
        with pytest.raises(StoreError, match=message) as caught:
            await store.list(5, NOW)
        assert str(path) in str(caught.value)
    path.rmdir() if content is None else path.unlink()
    assert await store.list(5, NOW) == []
    await store.aclose()


async def test_a_home_that_is_a_file_says_so(tmp_path: Path) -> None:
    """Where the directory cannot be made."""
    (tmp_path / "home").write_text("")
    store, content = SqliteStore(tmp_path / "home/files.sqlite3"), LocalContent(tmp_path / "home/content")
    with pytest.raises(StoreError, match=r"home/files.sqlite3 failed.*Settings\.home"):
        await store.list(5, NOW)
    with pytest.raises(StoreError, match="home/content failed"):
        await put(content, a_file(1).file_id, b"x")
    await store.aclose()


async def test_a_locked_database_ends_in_an_error(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers go on; a writer is told who is to blame, after a while."""
    monkeypatch.setattr(store._database, "_busy_seconds", 0.1)
    await store.add(a_file(1), None)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process keeps it locked"):
        await store.add(a_file(2), None)
    assert len(await store.list(5, NOW)) == 1
    other.execute("ROLLBACK")
    other.close()
    await store.add(a_file(2), None)


# ---- content


async def pieces(*some: bytes) -> AsyncIterator[bytes]:
    for piece in some:
        yield piece


async def put(content: LocalContent, file_id: str, *some: bytes) -> None:
    async with content.put(file_id, pieces(*some)):
        pass


def known(*file_ids: str) -> Known:
    """The records of these, and of no other."""

    async def asked(some: Collection[str]) -> set[str]:
        return {*file_ids} & {*some}

    return asked


@pytest.mark.parametrize("file_id", ["../x", "/etc/passwd", "", "x", "user_5/../../x_1705314600_abcdef", "."])
async def test_no_id_leads_out_of_the_directory(tmp_path: Path, file_id: str) -> None:
    """What is no id never becomes a path."""
    content = LocalContent(tmp_path / "content")
    for call in (
        put(content, file_id, b"x"),
        content.open(file_id),
        content.read(file_id),
        content.remove(file_id),
    ):
        with pytest.raises(InvalidRequest, match="not the id"):
            await call
    assert list(tmp_path.iterdir()) == []


async def test_missing_content_is_a_key_error(tmp_path: Path) -> None:
    """So that a missing file is told from a broken disk; removing it is no error."""
    content = LocalContent(tmp_path / "content")
    for call in (content.open, content.read):
        with pytest.raises(KeyError):
            await call(a_file(1).file_id)
    await content.remove(a_file(1).file_id)
    assert await content.sweep(known()) == 0


async def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever put it there."""
    content = LocalContent(tmp_path / "content")
    await put(content, a_file(1).file_id, b"x")
    place = Path(content.path(a_file(1).file_id))
    place.unlink()
    place.symlink_to("/etc/passwd")
    with pytest.raises(StoreError):
        await content.read(a_file(1).file_id)


async def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write that does not fit takes the rest with it."""

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("plugin.files.content.incoming.os.write", full)
    content = LocalContent(tmp_path / "content")
    with pytest.raises(StoreError, match="No space left on device; free some space"):
        await put(content, a_file(1).file_id, b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_other_files_in_the_directory_are_left_alone(tmp_path: Path) -> None:
    """Only a file whose name has the form of an id is ever called waste."""
    content = LocalContent(tmp_path / "content")
    await put(content, a_file(1).file_id, b"x")
    shard = Path(content.path(a_file(1).file_id)).parent
    (shard / "README").write_text("mine")
    (shard / a_file(2).file_id).mkdir()
    (shard / a_file(3).file_id).symlink_to("README")
    assert await content.sweep(known(a_file(1).file_id)) == 0
    assert await content.sweep(known()) == 1
    assert sorted(path.name for path in shard.iterdir()) == ["README", a_file(2).file_id, a_file(3).file_id]


async def test_a_sweep_takes_what_a_kill_left_and_no_upload_that_runs(tmp_path: Path) -> None:
    """Whole or half written, and however young: what tells them apart is the lock."""
    content, other = LocalContent(tmp_path / "content"), LocalContent(tmp_path / "content")
    swept = []

    async def watched() -> AsyncIterator[bytes]:
        yield b"x"
        swept.append(await other.sweep(known()))
        yield b"y"

    async with content.put(a_file(1).file_id, watched()) as stored:
        swept.append(await other.sweep(known()))
        assert stored.size == 2 and await content.read(a_file(1).file_id) == b"xy"
    assert swept == [0, 0]
    await put(content, a_file(2).file_id, b"")
    half = Path(content.path(a_file(3).file_id) + ".part")
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"x")
    for count in (2, 0):
        assert await other.sweep(known(a_file(1).file_id)) == count
    assert [path.name for path in tmp_path.rglob("user*")] == [a_file(1).file_id]


async def test_a_sweep_asks_again_once_it_holds_the_file(tmp_path: Path) -> None:
    """An upload may have been over in between: its record is there now."""
    content = LocalContent(tmp_path / "content")
    await put(content, a_file(1).file_id, b"x")
    answers = iter([set[str](), {a_file(1).file_id}])

    async def late(some: Collection[str]) -> set[str]:
        return next(answers)

    assert await content.sweep(late) == 0 and await content.read(a_file(1).file_id) == b"x"


async def test_a_partial_file_swept_before_it_was_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two system calls another process may take it."""
    real, content = fcntl.flock, LocalContent(tmp_path / "content")
    gone = []

    def swept_first(descriptor: int, operation: int) -> None:
        if not gone:
            gone.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            os.unlink(gone[0])
        real(descriptor, operation)

    monkeypatch.setattr("fcntl.flock", swept_first)
    before = len(os.listdir("/proc/self/fd"))
    await put(content, a_file(1).file_id, b"x")
    assert gone and await content.read(a_file(1).file_id) == b"x"
    assert len(os.listdir("/proc/self/fd")) == before


# ---- finish


async def test_a_cancelled_wait_ends_when_the_work_does() -> None:
    """However often it is cancelled; then the cancellation comes out, and the result is undone."""
    loop, undone = asyncio.get_running_loop(), list[int]()
    work: asyncio.Future[int] = loop.create_future()
    task = asyncio.create_task(finish(work, undone.append))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    work.set_result(7)
    await asyncio.wait([task])
    assert task.cancelled() and undone == [7]


async def test_a_descriptor_opened_for_nobody_is_closed(tmp_path: Path) -> None:
    """The caller was cancelled while the file was opened."""
    content = LocalContent(tmp_path / "content")
    await put(content, a_file(1).file_id, b"x")
    before = len(os.listdir("/proc/self/fd"))
    task = asyncio.create_task(content.open(a_file(1).file_id))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_work_in_a_thread_keeps_its_error() -> None:
    """Nothing is wrapped."""
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)
