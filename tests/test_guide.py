"""The original's guide, example by example: the same functions called with the same arguments, end to end in real sandboxes.

The programs are this project's own; what they share with the guide is how each function is called.
"""

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import plugin
from plugin import (
    cleanup_expired_files,
    compat,
    delete_user_file,
    execute_code,
    get_file_manager,
    get_interpreter_status,
    get_package_manager,
    list_user_files,
    upload_file,
)
from plugin.files.stores.sqlite import SqliteStore

ORDERS = b"region,units,price\nnorth,3,1.5\nsouth,5,2.5\nnorth,2,4.0\n"


@pytest.fixture(autouse=True, scope="module")
async def own_home(home: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """The default interpreter over an empty data directory with the built environment in it."""
    own = tmp_path_factory.mktemp("guide")
    (own / "venv").symlink_to(home / "venv")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CELLBLOCK_HOME", str(own))
        compat._defaults.clear()
        yield
        await compat._default().aclose()
        compat._defaults.clear()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "callers.sqlite3")
    yield store
    await store.aclose()


async def test_code_execution() -> None:
    """Two arguments, five keys that callers read."""
    result = await execute_code(code="print('good morning')", user_id=123456789)
    assert result["success"] is True and result["output"] == "good morning\n"
    assert (result["error"], result["return_code"]) == ("", 0) and 0 < result["execution_time"] < 5


async def test_upload_and_management(db: SqliteStore, tmp_path: Path) -> None:
    """From a file that is open, recorded in the caller's database."""
    (tmp_path / "orders.csv").write_bytes(ORDERS)
    with open(tmp_path / "orders.csv", "rb") as f:  # noqa: ASYNC230 - as the guide does
        result = await upload_file(
            user_id=123456789, file_data=f.read(), filename="orders.csv", file_type="csv", db_handler=db
        )
    file_id = result["file_id"]
    files = await list_user_files(user_id=123456789, db_handler=db)
    assert [(file["file_id"], file["filename"], file["file_type"]) for file in files] == [
        (file_id, "orders.csv", "csv")
    ]
    assert file_id.startswith("user_123456789_")


async def test_code_with_file_access(db: SqliteStore) -> None:
    """Uploaded without a database, run with one."""
    result = await upload_file(user_id=123, file_data=ORDERS, filename="orders.csv")
    file_id = result["file_id"]
    code = (
        """
orders = load_file('"""
        + file_id
        + """')
print(orders.head(1))
print(f"{len(orders)} orders")
"""
    )
    result = await execute_code(code=code, user_id=123, user_files=[file_id], db_handler=db)
    assert result["success"], result["error"]
    assert "north" in result["output"] and result["output"].endswith("3 orders\n")


async def test_package_installation() -> None:
    """Packages named in the call, one of seaborn's own data sets; the picture that the code saved comes back."""
    code = """
import seaborn as sns
import matplotlib.pyplot as plt
meals = sns.load_dataset('tips')
plt.figure(figsize=(8, 5))
sns.scatterplot(data=meals, x='total_bill', y='tip')
plt.savefig('meals.png')
print(len(meals))
"""
    result = await execute_code(code=code, user_id=123, install_packages=["seaborn", "matplotlib"])
    assert result["success"], result["error"]
    assert result["output"] == "244\n"
    assert [(file["filename"], file["type"]) for file in result["generated_files"]] == [("meals.png", "image")]


async def test_data_analysis() -> None:
    """A table, its figures, a heat map, and bytes of a picture."""
    file_id = (await upload_file(user_id=123, file_data=b"a,b,c\n1,2,3\n2,4,1\n3,7,2\n", filename="t.csv"))["file_id"]
    code = f"""
df = load_file('{file_id}')
print(f"{{df.shape}} {{df.columns.tolist()}}")
print(df.describe())

import seaborn as sns
import matplotlib.pyplot as plt
plt.figure(figsize=(6, 4))
sns.heatmap(df.corr(), annot=True, cmap='coolwarm')
plt.savefig('heat.png')
"""
    result = await execute_code(code=code, user_id=123, user_files=[file_id])
    assert result["success"], result["error"]
    assert result["output"].startswith("(3, 3) ['a', 'b', 'c']\n")
    (file,) = result.get("generated_files", [])
    assert file["filename"] == "heat.png" and file["data"].startswith(b"\x89PNG")


async def test_automatic_cleanup(db: SqliteStore) -> None:
    """A number, 0 where nothing has expired."""
    await upload_file(user_id=123, file_data=b"x", filename="x.csv", db_handler=db)
    assert await cleanup_expired_files(db_handler=db) == 0


async def test_manual_deletion(db: SqliteStore) -> None:
    """The id may be one that never was; it is of the original's form."""
    assert await delete_user_file(file_id="user_123_1234567890_abc123", user_id=123, db_handler=db) is False
    file_id = (await upload_file(user_id=123, file_data=b"x", filename="x.csv", db_handler=db))["file_id"]
    assert await delete_user_file(file_id=file_id, user_id=123, db_handler=db) is True


@pytest.mark.parametrize(
    "code",
    [
        "import socket",
        "import requests",
        "import urllib.request",
        "import subprocess",
        "import os\nos.system('ls')",
        "eval('1')",
        "exec('1')",
        "__import__('os')",
        "globals()",
        "locals()",
    ],
)
async def test_blocked_operations(code: str) -> None:
    """Each of the list, before anything runs, in the sentence that callers match on."""
    result = await execute_code(code=f"print('ran')\n{code}", user_id=123)
    assert result["success"] is False and result["output"] == ""
    assert result["error"].startswith("Security validation failed: Blocked unsafe operation: ") or (
        result["error"].startswith("Package 'requests' is not in the approved list")
    )


async def test_execution_limits() -> None:
    """100 KB of output, said where it is cut."""
    result = await execute_code(code="print('x' * 200_000)", user_id=123)
    assert len(result["output"]) <= 100_000 and "truncated" in result["output"]


async def test_status_check(db: SqliteStore) -> None:
    """Every field of the guide."""
    status = await get_interpreter_status(db_handler=db)
    assert set(status) == {
        "venv_exists", "python_path", "installed_packages", "package_count", "last_cleanup", "total_user_files",
        "total_file_size_mb", "file_expiration_hours", "max_file_size_mb",
    }  # fmt: skip
    assert status["venv_exists"] is True and (status["file_expiration_hours"], status["max_file_size_mb"]) == (48, 50)


async def test_the_stored_document(db: SqliteStore) -> None:
    """The guide's eight fields, among ours; 48 hours."""
    await upload_file(user_id=123456789, file_data=b"x", filename="sales_data.csv", db_handler=db)
    (document,) = await list_user_files(user_id=123456789, db_handler=db)
    assert {
        "file_id", "user_id", "filename", "file_path", "file_size", "file_type", "uploaded_at", "expires_at",
    } <= set(document)  # fmt: skip
    assert document["user_id"] == 123456789 and document["expires_at"] > document["uploaded_at"]


async def handle_user_request(user_id: int, code: str, files: list[Any], db: Any) -> str:
    """A bot's handler of one request, with the calls and the keys of the guide's integration example."""
    uploaded_files = []
    for file_data, filename in files:
        result = await upload_file(user_id=user_id, file_data=file_data, filename=filename, db_handler=db)
        if result["success"]:
            uploaded_files.append(result["file_id"])
    result = await execute_code(
        code=code,
        user_id=user_id,
        user_files=uploaded_files,
        install_packages=["pandas", "matplotlib"],
        timeout=60,
        db_handler=db,
    )
    if not result["success"]:
        return f"failed: {result['error']}"
    response = f"took {result['execution_time']:.2f}s\n"
    if result["output"]:
        response += f"```\n{result['output']}\n```\n"
    for file in result.get("generated_files", []):
        if file["type"] == "image":
            response += f"picture: {file['filename']}, {len(file['data']) > 0}\n"
    return response


async def test_integration_example(db: SqliteStore) -> None:
    """A request with a file, a chart in answer; one that fails; several at once of several users."""
    code = """
import pandas as pd
import matplotlib.pyplot as plt
path = next(iter(FILES.values()))
orders = pd.read_csv(path)
print(int((orders.units * orders.price).sum()))
orders.groupby('region').units.sum().plot.bar()
plt.savefig('units.png')
"""
    answer = await handle_user_request(7, code, [(ORDERS, "orders.csv")], db)
    assert answer.startswith("took ") and "```\n25\n" in answer and "picture: units.png, True" in answer
    too_large = [(bytes(50 * 1024**2 + 1), "large.bin"), (ORDERS, "orders.csv")]
    assert "picture: units.png" in await handle_user_request(8, code, too_large, db)
    failed = await handle_user_request(9, "1 / 0", [], db)
    assert failed.startswith("failed: ") and "ZeroDivisionError" in failed
    several = await asyncio.gather(*(handle_user_request(n, code, [(ORDERS, "orders.csv")], db) for n in range(10, 14)))
    assert all("```\n25\n" in answer for answer in several)


async def test_scheduled_cleanup(db: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    """The hourly job of a bot."""
    deleted = await cleanup_expired_files(db_handler=db)
    if deleted > 0:
        logging.info(f"{deleted} files were deleted")
    assert deleted == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            {"code": "import subprocess"},
            {"error": "Security validation failed: Blocked unsafe operation: import subprocess"},
            id="security",
        ),
        pytest.param(
            {"code": "while True: pass", "timeout": 1},
            {"error": "Execution timeout after 1 seconds", "return_code": -1},
            id="timeout",
        ),
        pytest.param(
            {"code": "print(1)", "install_packages": ["requests"]},
            {"error": "Package 'requests' is not in the approved list"},
            id="package",
        ),
    ],
)
async def test_common_errors(arguments: dict[str, Any], expected: dict[str, Any]) -> None:
    """The guide's error dicts: the sentence at the start, the code where it gives one."""
    result = await execute_code(user_id=123, **arguments)
    assert result["success"] is False and result["error"].startswith(expected["error"])
    assert result["return_code"] == expected.get("return_code", result["return_code"])


async def test_file_too_large() -> None:
    """Word for word."""
    result = await upload_file(user_id=123, file_data=io.BytesIO(bytes(50 * 1024**2 + 1)), filename="x.bin")
    assert result == {"success": False, "error": "File too large. Maximum size is 50MB"}


async def test_troubleshooting_packages() -> None:
    """Two values, no await."""
    pm = get_package_manager()
    is_approved, reason = pm.is_package_approved("package_name")
    assert is_approved is False and "package_name" in reason
    assert pm.is_package_approved("numpy")[0] is True


async def test_troubleshooting_files(db: SqliteStore) -> None:
    """None, or a document with the time of its end."""
    fm = get_file_manager(db_handler=db)
    assert await fm.get_file("user_123_1234567890_abc123", 123) is None
    file_id = (await upload_file(user_id=123, file_data=b"x", filename="x.csv", db_handler=db))["file_id"]
    file_meta = await fm.get_file(file_id, 123)
    assert file_meta and f"Expires at: {file_meta['expires_at']}".endswith("Z")


async def test_troubleshooting_performance(db: SqliteStore) -> None:
    """Numbers that can be printed."""
    await upload_file(user_id=123, file_data=bytes(1024**2), filename="x.bin", db_handler=db)
    status = await get_interpreter_status(db_handler=db)
    assert status["total_user_files"] >= 1 and status["total_file_size_mb"] >= 1
    deleted = await cleanup_expired_files(db_handler=db)
    assert f"Cleaned up: {deleted} files" == "Cleaned up: 0 files"


def test_every_function_that_the_guide_imports_is_public() -> None:
    """By one import line."""
    used = {
        "cleanup_expired_files", "delete_user_file", "execute_code", "get_file_manager", "get_interpreter_status",
        "get_package_manager", "list_user_files", "upload_file",
    }  # fmt: skip
    assert used <= set(plugin.__all__)
