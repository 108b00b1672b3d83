"""Bots that work on while a replica set elects another primary and its server is killed: what was acknowledged is there."""

import asyncio
import itertools
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymongo
import pymongo.errors
import pytest
from ledgers import MODEL, open_at, usage

from plugin import Interpreter
from plugin.config import Settings
from plugin.errors import StoreError
from plugin.files import EmbeddedFiles, FileManager, expiry
from tests.conftest import LIGHT
from tests.mongod import CLIENTS, ELSEWHERE, Fresh, Mongod
from token_counter import LedgerError
from token_counter.ledger import Ledger

pytestmark = pytest.mark.skipif(ELSEWHERE is not None, reason="a server of somebody else's is not stopped")

OUTAGE_SECONDS = 15
STEPS_BETWEEN_TROUBLES = 25


@pytest.fixture
async def replica_set(tmp_path: Path) -> AsyncIterator[Mongod]:
    server = Mongod(tmp_path / "mongod", replica_set="rs")
    server.start()
    yield server
    server.kill()


@dataclass
class Told:
    """What bots were told, by id; where a call failed, nobody knows."""

    uploaded: dict[str, bytes] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    steps: int = 0
    failures: int = 0

    async def tried(self, step: Awaitable[Any]) -> Any:
        """What it gave; None where it failed. Nobody waits longer than the promise says."""
        started = time.monotonic()
        try:
            return await step
        except (StoreError, LedgerError):
            self.failures += 1
            return None
        finally:
            assert time.monotonic() - started < OUTAGE_SECONDS
            self.steps += 1


async def keeps_files(told: Told, files: FileManager, user_id: int) -> None:
    for n in itertools.count():
        data = os.urandom(random.choice([10, 1000, 300_000]))
        record = await told.tried(files.upload(user_id, data, "x.bin"))
        if record is None:
            continue
        told.uploaded[record.file_id] = data
        if n % 2:
            told.unsure.add(record.file_id)
            if await told.tried(files.delete(record.file_id, user_id)):
                told.deleted.add(record.file_id)
        if n % 5 == 0:
            await told.tried(files.cleanup_expired())


async def keeps_accounts(told: Told, ledger: Ledger, name: str) -> None:
    for n in itertools.count():
        entry_id = f"{name}-{n}"
        if await told.tried(ledger.record(usage(10), user_id=name, model=MODEL, request_id=entry_id)) is not None:
            told.recorded.add(entry_id)


def step_down(server: Mongod) -> None:
    with pymongo.MongoClient(server.uri) as client:
        client.admin.command("replSetStepDown", 1, force=True)


def die_and_come_back(server: Mongod) -> None:
    server.kill()
    server.start()


async def test_what_was_acknowledged_survives_every_failover(replica_set: Mongod, tmp_path: Path) -> None:
    """Four bots, two drivers, files in GridFS and a ledger; one cleanup afterwards leaves neither waste nor gaps."""
    told = Told()
    async with AsyncExitStack() as stack:
        fresh = await stack.enter_async_context(replica_set.fresh())
        managers = {}
        for driver in CLIENTS:
            embedded = EmbeddedFiles(Settings(home=tmp_path / driver, content="gridfs", max_files_per_user=10_000))
            stack.push_async_callback(embedded.aclose)
            managers[driver] = embedded.behind(embedded.store_of(fresh.connect(driver)))
        ledgers = {
            driver: await stack.enter_async_context(open_at(f"{driver}:{fresh.address}", budgets=[{"per": "day", "dollars": 1}]))
            for driver in CLIENTS
        }  # fmt: skip
        bots = [
            *(asyncio.create_task(keeps_files(told, files, n)) for n, files in enumerate(managers.values())),
            *(asyncio.create_task(keeps_accounts(told, ledger, name)) for name, ledger in ledgers.items()),
        ]
        for trouble in (step_down, die_and_come_back, step_down):
            wanted = told.steps + STEPS_BETWEEN_TROUBLES
            while told.steps < wanted:
                done, _ = await asyncio.wait(bots, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
                assert not done, [bot.exception() for bot in done]
            await asyncio.to_thread(trouble, replica_set)
        wanted = told.steps + STEPS_BETWEEN_TROUBLES
        while told.steps < wanted:
            await asyncio.wait(bots, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
        for bot in bots:
            bot.cancel()
        await asyncio.wait(bots)
        assert all(bot.cancelled() for bot in bots), [bot.exception() for bot in bots if not bot.cancelled()]
        await check_files(told, fresh, list(managers.values()))
        for ledger in ledgers.values():
            entries = [entry.entry_id async for entry, _ in ledger.entries()]
            assert told.recorded <= set(entries) and len(entries) == len(set(entries)) and told.recorded


async def check_files(told: Told, fresh: Fresh, managers: list[FileManager]) -> None:
    for files in managers:
        await files.cleanup_expired()
    there = {record.file_id: (n, record) for n in range(2) for record in await managers[0].list(n)}
    assert told.uploaded.keys() - told.unsure <= there.keys() and not told.deleted & there.keys()
    for file_id, (user_id, record) in there.items():
        found, data = await managers[1 - user_id].load(file_id, user_id)
        assert found == record and data == told.uploaded.get(file_id, data)
    with fresh.blocking() as database:
        assert {each["file_id"] for each in database.user_files.find()} == there.keys()
        assert set(database["user_file_content.chunks"].distinct("files_id")) <= there.keys()


@pytest.mark.parametrize("driver", CLIENTS)
async def test_200_acknowledged_uploads_survive_a_power_cut(driver: str, tmp_path: Path) -> None:
    """At `w: 1` without `j` none of them did."""
    server = Mongod(tmp_path / "mongod")
    server.start()
    try:
        fresh = Fresh(server.address_of("bot"), "bot")
        embedded = EmbeddedFiles(Settings(home=tmp_path / "home", max_files_per_user=1000))
        files = embedded.behind(embedded.store_of(fresh.connect(driver)))
        records = [await files.upload(5, b"x", "x") for _ in range(200)]
        server.kill()
        server.start()
        assert {record.file_id for record in await files.list(5)} == {record.file_id for record in records}
        await embedded.aclose()
        await fresh.close()
    finally:
        server.kill()


async def test_code_that_needs_no_file_runs_without_the_database(light_home: Path, tmp_path: Path) -> None:
    """A server that is down at the start, comes, and goes: only what is about files fails, and says so in time."""
    server = Mongod(tmp_path / "mongod")
    database = f"{server.address_of('bot')}?serverSelectionTimeoutMS=3000"
    async with Interpreter(home=light_home, database=database, content="gridfs", **LIGHT) as interpreter:
        assert (await interpreter.run("print(6 * 7)", user_id=5)).output == "42\n"
        with pytest.raises(StoreError, match="look whether mongod runs there"):
            await interpreter.files.upload(5, b"x", "x.txt")
        server.start()
        try:
            record = await interpreter.files.upload(5, b"x", "x.txt")
            read = await interpreter.run(f"print(load_file('{record.file_id}'))", user_id=5)
            assert read.success, read.error
        finally:
            server.kill()
        assert (await interpreter.run("print(6 * 7)", user_id=5)).output == "42\n"
        started = time.monotonic()
        with pytest.raises(StoreError):
            await interpreter.run(f"print(load_file('{record.file_id}'))", user_id=5, files=[record.file_id])
        assert time.monotonic() - started < OUTAGE_SECONDS
        server.start()
        assert await interpreter.files.list(5) == [record]  # a driver that is closed while it connects loses its socket
    server.kill()


async def test_the_scheduler_outlives_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it failed, and cleans up when the server is back."""
    monkeypatch.setattr(expiry, "RETRY_SECONDS", 0.1)
    server = Mongod(tmp_path / "mongod")
    address = f"{server.address_of('bot')}?serverSelectionTimeoutMS=500"
    embedded = EmbeddedFiles(
        Settings(home=tmp_path / "home", database=address, file_expiration_hours=0, content="gridfs")
    )
    answers: asyncio.Queue[int | StoreError] = asyncio.Queue()

    async def clean() -> int:
        try:
            count = await embedded.files.cleanup_expired()
        except StoreError as error:
            answers.put_nowait(error)
            raise
        answers.put_nowait(count)
        return count

    cleaner = expiry.Cleaner(clean)
    periodic = asyncio.create_task(cleaner.forever(3600))
    try:
        assert isinstance(await answers.get(), StoreError)  # down at the start
        server.start()
        while isinstance(await answers.get(), StoreError):
            pass
        await embedded.files.upload(5, b"x", "x")
        cleaner.stop()
        await periodic
        assert await cleaner.once() == 1
        await embedded.aclose()
    finally:
        periodic.cancel()
        server.kill()
