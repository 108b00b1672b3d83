"""The original's functions as a bot calls them: their dicts, their sentences, and what they do with what is hostile or broken."""

import asyncio
import io
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import plugin
from plugin import compat
from plugin.errors import InvalidRequest, StoreError
from plugin.files.stores.sqlite import SqliteStore
from token_counter import SqliteLedger

MiB = 1024**2
KEYS = {
    "success", "output", "error", "execution_time", "return_code", "generated_files", "generated_file_ids",
    "installed_packages", "session_id",
}  # fmt: skip
NEVER_WAS = "user_5_1705314600_" + "0" * 32
NO_USERS = [None, True, False, 1.5, float("nan"), "", "x" * 201, 2**63, b"5", {"$ne": None}, [5], "\ud800"]
NO_IDS = [None, {"$ne": None}, ["x"], b"x", 5, "", "../../etc/passwd", "x" * MiB, "\ud800", NEVER_WAS]


@pytest.fixture(scope="module")
async def running(home: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """One default interpreter for all tests of this file that need no settings of their own."""
    own = tmp_path_factory.mktemp("compat")
    (own / "venv").symlink_to(home / "venv")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CELLBLOCK_HOME", str(own))
        compat._defaults.clear()
        yield own
        await compat._default().aclose()
        compat._defaults.clear()


@pytest.fixture
async def own_home(running: Path) -> AsyncIterator[Path]:
    """That interpreter's data directory, without any file."""
    yield running
    for user_id in (5, 6):
        await compat.forget_user(user_id)
    for content in running.glob("content*"):
        shutil.rmtree(content)


@pytest.fixture
async def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A data directory with nothing in it, and a default interpreter that reads its settings anew."""
    monkeypatch.setenv("CELLBLOCK_HOME", str(tmp_path / "home"))
    defaults, enders = dict(compat._defaults), dict(compat._enders)  # held: what ends an interpreter is its ender's end
    compat._defaults.clear()
    yield tmp_path / "home"
    await compat._default().aclose()
    compat._defaults.update(defaults)
    compat._enders.update(enders)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store object, as a caller has one."""
    store = SqliteStore(tmp_path / "callers.sqlite3")
    yield store
    await store.aclose()


@pytest.fixture
async def broken(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A store whose database cannot be opened."""
    (tmp_path / "broken.sqlite3").write_bytes(b"no database " * 100)
    store = SqliteStore(tmp_path / "broken.sqlite3")
    yield store
    await store.aclose()


def contents(home: Path) -> list[str]:
    return sorted(path.name for path in home.glob("content*/*/user_*"))


# ---- the dicts


async def test_each_function_gives_the_originals_dict(own_home: Path) -> None:
    """Exactly these keys, and types that JSON can carry but for `data`."""
    uploaded = await plugin.upload_file(user_id=5, file_data=b"a,b\n1,2\n", filename="dir/sales.csv", file_type="csv")
    assert set(uploaded) == {"success", "file_id", "filename", "file_size", "file_type", "expires_at"}
    assert (uploaded["filename"], uploaded["file_size"], uploaded["file_type"]) == ("sales.csv", 8, "csv")
    (listed,) = await plugin.list_user_files(user_id=5)
    assert json.loads(json.dumps(listed)) == listed and "_id" not in listed
    loaded = await plugin.load_file(uploaded["file_id"], 5)
    assert set(loaded) == {
        "success", "file_id", "filename", "file_type", "file_size", "data", "uploaded_at", "expires_at",
    }  # fmt: skip
    assert loaded["data"] == b"a,b\n1,2\n" and loaded["expires_at"] == uploaded["expires_at"]
    document = await plugin.get_file_manager().get_file(uploaded["file_id"], 5)
    assert document == listed
    assert await plugin.delete_user_file(uploaded["file_id"], 5) is True
    assert await plugin.delete_user_file(uploaded["file_id"], 5) is False
    assert (await plugin.load_file(uploaded["file_id"], 5))["success"] is False


async def test_delete_all_and_forget_say_how_many(own_home: Path) -> None:
    """Uploaded and generated, and none is no error."""
    await plugin.upload_file(5, b"x", "x.csv")
    await plugin.execute_code("open('y.txt', 'w').write('y')", user_id=5)
    kept = await plugin.upload_file(6, b"x", "x.csv")
    answer = await plugin.forget_user(5)
    assert (answer["success"], answer["deleted_count"], answer["message"]) == (True, 2, "2 files were deleted")
    assert (await plugin.delete_all_user_files("5"))["deleted_count"] == 0
    assert contents(own_home) == [kept["file_id"]]


async def test_a_user_who_is_forgotten_is_so_in_the_ledger_too(own_home: Path) -> None:
    """His id and conversation go, what all paid together stays; without a ledger none is made."""
    path = own_home / "ledger.sqlite3"
    await plugin.forget_user(5)
    assert not path.exists()
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    async with SqliteLedger(path) as ledger:
        for user_id in (5, 6):
            await ledger.record(usage, user_id=user_id, model="gpt-5-mini", conversation=f"of {user_id}")
    assert (await plugin.forget_user(5))["success"]
    async with SqliteLedger(path) as ledger:
        entries = [entry async for entry, _ in ledger.entries()]
    assert sorted((entry.user_id, entry.conversation) for entry in entries)[1] == ("6", "of 6")
    assert len(entries) == 2 and "of 5" not in [entry.conversation for entry in entries]
    path.write_bytes(b"no database" * 1000)
    answer = await plugin.forget_user(5)
    assert not answer["success"] and "ledger.sqlite3" in answer["error"]
    path.unlink()


async def test_status_tells_what_there_is(own_home: Path) -> None:
    """All of the guide's fields, without starting a sandbox."""
    await plugin.upload_file(5, bytes(3 * MiB), "x.bin")
    status = await plugin.get_interpreter_status()
    assert set(status) == {
        "venv_exists", "python_path", "installed_packages", "package_count", "last_cleanup", "file_expiration_hours",
        "max_file_size_mb", "total_user_files", "total_file_size_mb",
    }  # fmt: skip
    assert status["venv_exists"] and Path(status["python_path"]).exists()
    assert {"numpy", "pandas"} <= set(status["installed_packages"]) and status["last_cleanup"].endswith("Z")
    assert status["package_count"] == len(status["installed_packages"])
    assert (status["total_user_files"], status["total_file_size_mb"]) == (1, 3.0)
    assert (status["file_expiration_hours"], status["max_file_size_mb"]) == (48, 50)
    json.dumps(status)


async def test_status_before_anything_was_built(fresh_home: Path) -> None:
    """Nothing is there, and asking does not build it."""
    status = await plugin.get_interpreter_status()
    assert (status["venv_exists"], status["installed_packages"], status["last_cleanup"]) == (False, [], None)
    assert not (fresh_home / "venvs").exists()


@pytest.mark.parametrize(
    ("name", "approved"), [("pandas", True), ("Scikit_Learn", True), ("requests", False), ("../x", False)]
)
def test_the_package_manager_says_why(name: str, approved: bool) -> None:
    """A bool and a sentence, without an event loop."""
    answer, reason = plugin.get_package_manager().is_package_approved(name)
    assert answer is approved and reason
    if not approved:
        assert reason == f"Package '{name}' is not in the approved list"


# ---- what is hostile


@pytest.mark.parametrize("user_id", NO_USERS, ids=lambda _: "")
async def test_what_is_no_user_is_told_as_data(own_home: Path, user_id: Any) -> None:
    """By every function, and nothing is kept."""
    for answer in (
        await plugin.execute_code("print(1)", user_id),
        await plugin.upload_file(user_id, b"x", "x.csv"),
        await plugin.load_file(NEVER_WAS, user_id),
        await plugin.delete_all_user_files(user_id),
        await plugin.forget_user(user_id),
        await plugin.upload_discord_attachment(attachment(b"x"), user_id),
    ):
        assert answer["success"] is False and "user_id" in answer["error"]
    assert await plugin.list_user_files(user_id) == []
    assert await plugin.delete_user_file(NEVER_WAS, user_id) is False
    assert contents(own_home) == []


@pytest.mark.parametrize("file_id", NO_IDS, ids=lambda _: "")
async def test_what_is_no_id_is_no_file(own_home: Path, file_id: Any) -> None:
    """As short as for an id that never was, and printable."""
    answer = await plugin.load_file(file_id, 5)
    assert answer["success"] is False and "not found" in answer["error"] and len(answer["error"]) < 400
    answer["error"].encode()
    assert await plugin.delete_user_file(file_id, 5) is False
    ran = await plugin.execute_code("print(1)", 5, user_files=[file_id])
    assert set(ran) == KEYS and (ran["success"], ran["return_code"], ran["output"]) == (False, -2, "")
    ran["error"].encode()


async def test_another_users_id_reads_as_one_that_never_was(own_home: Path) -> None:
    """In every function, word for word."""
    theirs = (await plugin.upload_file(6, b"secret", "x.csv"))["file_id"]
    for file_id in (theirs, NEVER_WAS):
        assert (await plugin.load_file(file_id, 5))["error"].replace(file_id, "ID") == (
            "File 'ID' not found or expired; list_user_files names the files there are"
        )
        assert not await plugin.delete_user_file(file_id, 5)
        ran = await plugin.execute_code(f"load_file('{file_id}')", 5)
        assert ran["return_code"] == 1 and "FileNotFoundError" in ran["error"] and "secret" not in str(ran)
    assert (await plugin.load_file(theirs, 6))["data"] == b"secret"


@pytest.mark.parametrize("timeout", [-5, 0, float("-inf"), 1e9, float("inf"), None])
async def test_a_timeout_is_brought_into_its_range(own_home: Path, timeout: Any) -> None:
    """Whatever number it is."""
    assert (await plugin.execute_code("print(1)", 5, timeout=timeout))["success"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout": float("nan")},
        {"timeout": "60"},
        {"timeout": True},
        {"code": None},
        {"code": b"1"},
        {"code": "\ud800"},
        {"user_files": "user_5_1705314600_abcdef"},
        {"user_files": 5},
        {"user_files": [None]},
        {"install_packages": "numpy"},
        {"install_packages": [5]},
        {"install_packages": ["requests"]},
        {"session_id": "s"},
    ],
    ids=str,
)
async def test_arguments_that_are_refused(own_home: Path, arguments: dict[str, Any]) -> None:
    """With a sentence and -2: nothing ran."""
    answer = await plugin.execute_code(**{"code": "print(1)", "user_id": 5, **arguments})
    assert set(answer) == KEYS
    assert (answer["success"], answer["return_code"], answer["output"]) == (False, -2, "") and answer["error"]


async def pieces(*some: Any) -> AsyncIterator[Any]:
    for piece in some:
        if isinstance(piece, Exception):
            raise piece
        yield piece


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(lambda: "text", "bytes", id="str"),
        pytest.param(lambda: None, "bytes", id="None"),
        pytest.param(lambda: [b"x"], "bytes", id="list"),
        pytest.param(lambda: io.StringIO("x"), "'rb'", id="text file"),
        pytest.param(lambda: pieces("x"), "bytes", id="stream of text"),
        pytest.param(lambda: bytes(50 * MiB + 1), "File too large. Maximum size is 50MB", id="too large"),
        pytest.param(
            lambda: pieces(*[bytes(MiB)] * 51), "File too large. Maximum size is 50MB", id="too long a stream"
        ),
        pytest.param(lambda: pieces(b"x", ConnectionResetError("gone")), "broke off", id="broken stream"),
    ],
)
async def test_uploads_that_are_refused_leave_nothing(own_home: Path, data: Any, told: str) -> None:
    """And say why."""
    answer = await plugin.upload_file(5, data(), "x.bin")
    assert answer["success"] is False and told in answer["error"]
    assert contents(own_home) == [] and await plugin.list_user_files(5) == []


@pytest.mark.parametrize(
    "data", [lambda: b"xy", lambda: io.BytesIO(b"xy"), lambda: pieces(b"x", b"y")], ids=["bytes", "file", "stream"]
)
async def test_uploads_of_every_form(own_home: Path, data: Any) -> None:
    """The same file."""
    answer = await plugin.upload_file(5, data(), "x.bin")
    assert answer["success"] and (await plugin.load_file(answer["file_id"], 5))["data"] == b"xy"


@pytest.mark.parametrize("filename", [b"x.csv", None, 5])
async def test_names_that_are_no_text(own_home: Path, filename: Any) -> None:
    """Refused."""
    answer = await plugin.upload_file(5, b"x", filename)
    assert answer["success"] is False and "filename" in answer["error"] and contents(own_home) == []


async def test_the_21st_upload_is_refused_with_the_number(own_home: Path) -> None:
    """As data."""
    answers = await asyncio.gather(*(plugin.upload_file(5, b"x", "x.csv") for _ in range(21)))
    (refused,) = [answer for answer in answers if not answer["success"]]
    assert "20" in refused["error"]


# ---- Discord


def attachment(data: Any, size: Any = None, filename: Any = "x.csv") -> Any:
    async def read() -> Any:
        if isinstance(data, Exception):
            raise data
        return data

    return SimpleNamespace(
        filename=filename, size=len(data) if size is None and isinstance(data, bytes) else size, read=read
    )


class NotFound(Exception):
    """As Discord's libraries raise: of no class that we could know."""


async def test_an_attachment_is_uploaded(own_home: Path) -> None:
    """Its name and its bytes."""
    answer = await plugin.upload_discord_attachment(attachment(b"a\n1\n", filename="dir\\sales.csv"), 5)
    assert (answer["success"], answer["filename"], answer["file_type"]) == (True, "sales.csv", "csv")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(
            attachment(AssertionError("never read"), 50 * MiB + 1), "File too large. Maximum size is 50MB", id="large"
        ),
        pytest.param(
            attachment(bytes(50 * MiB + 1), 1), "File too large. Maximum size is 50MB", id="larger than it says"
        ),
        pytest.param(attachment(NotFound("404 Unknown Message"), 1), "404 Unknown Message", id="deleted"),
        pytest.param(attachment(TimeoutError(), 1), "TimeoutError", id="timeout"),
        pytest.param(attachment(None, None), "bytes", id="no bytes"),
        pytest.param(attachment(b"x", filename=None), "filename", id="no name"),
    ],
)
async def test_attachments_that_are_refused(own_home: Path, given: Any, told: str) -> None:
    """As data; a large one is not even downloaded."""
    answer = await plugin.upload_discord_attachment(given, 5)
    assert answer["success"] is False and told in answer["error"] and contents(own_home) == []


# ---- db_handler


async def test_an_id_is_looked_up_in_the_store_given_then_in_the_embedded_one(own_home: Path, db: SqliteStore) -> None:
    """In the sandbox too, under every form of a handler; what code leaves is recorded in the given one."""
    plain = (await plugin.upload_file(5, b"plain", "plain.txt"))["file_id"]
    given = (await plugin.upload_file(5, b"given", "given.txt", db_handler=db))["file_id"]
    for handler in (db, SimpleNamespace(db=db)):
        assert [row["file_id"] for row in await plugin.list_user_files(5, db_handler=handler)] == [given, plain]
        for file_id, data in ((plain, b"plain"), (given, b"given")):
            assert (await plugin.load_file(file_id, 5, db_handler=handler))["data"] == data
            assert await plugin.get_file_manager(handler).get_file(file_id, 5)
        code = f"print(load_file('{plain}'), load_file('{given}'))\nopen('out.txt', 'w').write('x')"
        ran = await plugin.execute_code(code, 5, user_files=[plain, given], db_handler=handler)
        assert ran["output"] == "plain given\n", ran["error"]
        (left,) = ran["generated_file_ids"]
        assert not (await plugin.load_file(left, 5))["success"]
        assert await plugin.delete_user_file(left, 5, db_handler=handler)
    assert not (await plugin.load_file(given, 5))["success"]
    missing = await plugin.execute_code("1", 5, user_files=[given])
    assert missing["return_code"] == -2 and given in missing["error"]
    assert (await plugin.get_interpreter_status(db_handler=db))["total_user_files"] == 2
    assert (await plugin.forget_user(5, db_handler=db))["deleted_count"] == 2
    assert contents(own_home) == []


async def test_a_cleanup_without_the_store_spares_the_stores_content(own_home: Path, db: SqliteStore) -> None:
    """What the embedded database does not know is not waste for that."""
    given = (await plugin.upload_file(5, b"given", "x.txt", db_handler=db))["file_id"]
    plain = (await plugin.upload_file(5, b"plain", "x.txt"))["file_id"]
    assert await plugin.cleanup_expired_files() == await plugin.cleanup_expired_files(db_handler=db) == 0
    assert contents(own_home) == sorted([given, plain])


async def test_the_embedded_database_given_as_a_store_counts_once(own_home: Path) -> None:
    """It is one database, not two."""
    await plugin.upload_file(5, b"x", "x.txt")
    store = SqliteStore(own_home / "cellblock.sqlite3")
    assert len(await plugin.list_user_files(5, db_handler=store)) == 1
    await store.aclose()


class AsyncIOMotorDatabase:
    """Has whatever attribute it is asked for, as MongoDB's do."""

    def __getattr__(self, name: str) -> "AsyncIOMotorDatabase":
        return self


@pytest.mark.parametrize(
    "handler", [AsyncIOMotorDatabase(), SimpleNamespace(db=AsyncIOMotorDatabase()), "http://x/y", 5, {}]
)
async def test_a_handler_that_cannot_be_used_is_named(own_home: Path, handler: Any) -> None:
    """As data where there is an error to tell it in, else it is raised: never an empty list."""
    named = type(handler).__qualname__
    for answer in (
        await plugin.execute_code("1", 5, db_handler=handler),
        await plugin.upload_file(5, b"x", "x.csv", db_handler=handler),
        await plugin.load_file(NEVER_WAS, 5, db_handler=handler),
        await plugin.delete_all_user_files(5, db_handler=handler),
        await plugin.get_interpreter_status(db_handler=handler),
    ):
        assert named in answer["error"] and "cannot be used" in answer["error"]
    for call in (
        plugin.list_user_files(5, handler),
        plugin.delete_user_file(NEVER_WAS, 5, handler),
        plugin.cleanup_expired_files(handler),
    ):
        with pytest.raises(InvalidRequest, match=named):
            await call
    for make in (
        plugin.get_file_manager,
        plugin.CleanupScheduler,
        lambda db: plugin.create_discord_cleanup_task(None, db),
    ):
        with pytest.raises(InvalidRequest, match=named):
            make(handler)


async def test_an_outage_never_reads_as_no_files(own_home: Path, broken: SqliteStore) -> None:
    """Data where there is an error to tell it in, StoreError elsewhere; code runs on, and its file comes back."""
    file_id = (await plugin.upload_file(5, b"x", "x.txt"))["file_id"]
    assert "failed" in (await plugin.upload_file(5, b"x", "x.csv", db_handler=broken))["error"]
    assert "failed" in (await plugin.load_file(file_id, 5, db_handler=broken))["error"]
    status = await plugin.get_interpreter_status(db_handler=broken)
    assert status["total_user_files"] is None and "failed" in status["error"]
    for call in (plugin.list_user_files(5, broken), plugin.delete_user_file(file_id, 5, broken)):
        with pytest.raises(StoreError):
            await call
    ran = await plugin.execute_code("print(1); open('x.txt', 'w').write('x')", 5, db_handler=broken)
    assert (ran["success"], ran["generated_file_ids"], ran["generated_files"][0]["data"]) == (True, [], b"x")
    assert "x.txt: returned, but not kept" in ran["output"]


async def test_a_file_manager_outside_of_any_loop(own_home: Path) -> None:
    """As a bot makes one while it is imported."""
    code = "import plugin, asyncio; fm = plugin.get_file_manager(); print(asyncio.run(fm.get_file('x', 1)))"
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.returncode) == ("None\n", 0), done.stderr


# ---- files while something else happens


async def test_a_file_deleted_while_a_call_reads_it(own_home: Path) -> None:
    """The call has its copy; the next one is told."""
    file_id = (await plugin.upload_file(5, b"x" * 1000, "x.txt"))["file_id"]
    code = f"import time\ntime.sleep(.3)\nprint(len(load_file('{file_id}')))"
    running = asyncio.create_task(plugin.execute_code(code, 5, user_files=[file_id]))
    await asyncio.sleep(0.15)
    await plugin.delete_user_file(file_id, 5)
    ran = await running
    assert ran["output"] == "1000\n" or ran["return_code"] == -2
    assert (await plugin.execute_code(code, 5, user_files=[file_id]))["return_code"] == -2


# ---- cleaning up


@pytest.fixture
def expired(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files of this test expire at once."""
    monkeypatch.setenv("FILE_EXPIRATION_HOURS", "0")
    yield


async def test_a_scheduler_cleans_up_when_asked(expired: None, fresh_home: Path, db: SqliteStore) -> None:
    """In the given store and in the embedded one; the dict says how many."""
    await plugin.upload_file(5, b"x", "x.csv")
    await plugin.upload_file(5, b"x", "x.csv", db_handler=db)
    answer = await plugin.CleanupScheduler(db).run_cleanup()
    assert (answer["success"], answer["deleted_files"], contents(fresh_home)) == (True, 2, [])
    assert answer["timestamp"].endswith("Z")
    assert await plugin.cleanup_expired_files(db_handler=db) == 0


async def test_a_scheduler_tells_an_outage_as_data(own_home: Path, broken: SqliteStore) -> None:
    """Nothing is raised."""
    answer = await plugin.CleanupScheduler(broken).run_cleanup()
    assert answer["success"] is False and "failed" in answer["error"] and answer["timestamp"]


async def cleaned(home: Path) -> None:
    """Wait until no content is left."""
    async with asyncio.timeout(10):
        while contents(home):  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.01)


async def test_a_periodic_cleanup_runs_until_it_is_stopped(expired: None, fresh_home: Path) -> None:
    """It begins at once; a second one beside it returns; it can be started again."""
    scheduler = plugin.CleanupScheduler()
    for _ in range(2):
        await plugin.upload_file(5, b"x", "x.csv")
        task = asyncio.create_task(scheduler.start_periodic_cleanup(interval_hours=1))
        await cleaned(fresh_home)
        assert scheduler.is_running and not task.done()
        await scheduler.start_periodic_cleanup(1)
        scheduler.stop()
        scheduler.stop()
        await asyncio.wait_for(task, 5)
        assert not scheduler.is_running
    task = asyncio.create_task(scheduler.start_periodic_cleanup())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and not scheduler.is_running


@pytest.mark.parametrize("hours", [0, -1, float("nan"), float("inf"), "1", None, True])
async def test_intervals_that_are_refused(hours: Any) -> None:
    """Before anything runs."""
    with pytest.raises(InvalidRequest, match="interval"):
        await plugin.CleanupScheduler().start_periodic_cleanup(hours)


class Bot:
    """As much of a Discord bot as is asked for."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    async def wait_until_ready(self) -> None:
        await self.ready.wait()


async def test_a_discord_task_starts_when_the_bot_is_ready(expired: None, fresh_home: Path) -> None:
    """Once, however often `on_ready` is told; it can be stopped, cancelled and started anew."""
    bot = Bot()
    cleanup = plugin.create_discord_cleanup_task(bot, None)
    assert not cleanup.is_running()
    cleanup.stop()
    await plugin.upload_file(5, b"x", "x.csv")
    task = await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(started(cleanup), bot.loop).result())
    assert cleanup.start() is task and cleanup.is_running()
    await asyncio.sleep(0.05)
    assert len(contents(fresh_home)) == 1
    bot.ready.set()
    await cleaned(fresh_home)
    cleanup.stop()
    await asyncio.wait_for(task, 5)
    again = cleanup.start()
    assert again is not task
    cleanup.cancel()
    await asyncio.wait([again])
    assert again.cancelled() and not cleanup.is_running()


async def started(cleanup: Any) -> Any:
    return cleanup.start()
