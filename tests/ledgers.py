"""Ledgers to test with: one way to open each kind of database, and a crowd of processes over one of them.

Run as a program it is the crowd: `python tests/ledgers.py '{"place": ..., "job": ..., "count": 8}'` forks so many
processes, each of which does the job and writes what it has to say to standard output, a line of JSON at a time. A place
may contain `{number}`: each process then has its own.
"""

import asyncio
import inspect
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from token_counter import BudgetExceeded, Settings
from token_counter.ledger import Ledger, SqliteLedger

# $1 for a million tokens either way: a token is a millionth of a dollar.
MODEL = "acme-1"
PRICES = {MODEL: {"input_mtok": 1, "output_mtok": 1}}


def open_sqlite(place: str, settings: Settings, **options: Any) -> Ledger:
    return SqliteLedger(Path(place.removeprefix("sqlite:")), settings, **options)


def open_mongodb(place: str, settings: Settings, **options: Any) -> Ledger:
    """Place: the driver, a colon and an address."""
    from mongod import CLIENTS

    from token_counter.ledger.mongodb import MongoStore

    driver, _, address = place.partition(":")
    client: Any = CLIENTS[driver](address)

    async def close() -> None:
        if inspect.isawaitable(closing := client.close()):  # motor's is not
            await closing

    return Ledger(MongoStore(client.get_default_database(), close), settings, **options)


# A kind of database, and how a ledger is opened at a place in it. A place is text, so that other processes can be told.
KINDS: Mapping[str, Callable[..., Ledger]] = {"sqlite": open_sqlite, "pymongo": open_mongodb, "motor": open_mongodb}


def open_at(place: str, *, on_threshold: Any = None, clock: Any = None, **settings: Any) -> Ledger:
    options = {"on_threshold": on_threshold, **({} if clock is None else {"clock": clock})}
    facts = {"home": Path("/nonexistent"), "prices": PRICES, **settings}
    return KINDS[place.partition(":")[0]](place, Settings(**facts), **options)


class Clock:
    """A time that the test sets."""

    def __init__(self, now: datetime = datetime(2026, 11, 3, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def usage(sent: int, made: int = 0, **parts: int) -> dict[str, Any]:
    return {"input_tokens": sent, "output_tokens": made, "input_tokens_details": parts}


def say(**facts: Any) -> None:
    os.write(1, json.dumps(facts).encode() + b"\n")


async def spend(ledger: Ledger, number: int, **_: Any) -> None:
    """Reserve and settle until the budget refuses; every request costs what was reserved."""
    done = 0
    try:
        while True:
            held = await ledger.reserve(900, 5, model=MODEL, output_tokens=100)
            await ledger.settle(held, usage(900, 100))
            done += 1
    except BudgetExceeded as error:
        say(done=done, spent=str(error.spent))


async def record(ledger: Ledger, number: int, **_: Any) -> None:
    """Record for ever, and say the id of each entry once it is acknowledged."""
    for count in range(10**6):
        name = f"{os.getpid()}-{count}"
        held = await ledger.reserve(10, number, model=MODEL, output_tokens=0)
        await ledger.settle(held, usage(10), conversation=name)
        say(acknowledged=name)


async def die(ledger: Ledger, number: int, **_: Any) -> None:
    """Be killed before a statement of the transaction that settles, each process before another one."""
    held = await ledger.reserve(10, 5, model=MODEL, output_tokens=0)
    seen = 0

    def watch(_statement: str) -> None:
        nonlocal seen
        seen += 1
        if seen == number + 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(watch)

    await ledger.store._database.read(arm)  # type: ignore[attr-defined]
    await ledger.settle(held, usage(10), request={"model": MODEL})
    say(settled=number)


async def hold(ledger: Ledger, number: int, **_: Any) -> None:
    """Reserve, and be killed."""
    await ledger.reserve(900, 5, model=MODEL, output_tokens=100)
    os.kill(os.getpid(), signal.SIGKILL)


async def create(ledger: Ledger, number: int, **_: Any) -> None:
    """Record one entry in a database that does not exist yet."""
    await ledger.record(usage(number), user_id=number, model=MODEL)


JOBS = {job.__name__: job for job in (spend, record, die, hold, create)}


async def crowd(place: str, job: str, count: int, kill_after: int | None = None, **order: Any) -> list[dict[str, Any]]:
    """What the processes of a crowd say; after so many lines all of them are killed."""
    words = json.dumps({"place": place, "job": job, "count": count, **order})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        words,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert process.stdout
    said = []
    async for line in process.stdout:
        said.append(json.loads(line))
        if len(said) == kill_after:
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    assert "statuses" in said[-1] if kill_after is None else len(said) >= kill_after
    return said


async def _work(order: dict[str, Any], number: int) -> None:
    async with open_at(order["place"].format(number=number), **order.get("settings", {})) as ledger:
        await JOBS[order["job"]](ledger, number, **order.get("options", {}))


def _crowd(order: dict[str, Any]) -> None:
    children = []
    for number in range(order["count"]):
        child = os.fork()
        if not child:
            asyncio.run(_work(order, number))
            return
        children.append(child)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    say(statuses=statuses)


if __name__ == "__main__":
    _crowd(json.loads(sys.argv[1]))
