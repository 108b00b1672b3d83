"""Files on their way into a sandbox and out of it: names that strangers made, bounds, and what happens meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin import Interpreter
from plugin.errors import TooManyBytes
from plugin.files import clean_filename, distinct
from plugin.files.types import ROWS

KiB, MiB = 1024, 1024**2
NAMES_AT_ONCE = 20  # the quota

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)
nasty = st.text(st.sampled_from("./\\- \u202e\u200bconCONnul:*a\u00e9\U0001f600\ud800\0\n%'\"`$;&|"), max_size=400)
typed = st.builds("{}.{}".format, any_text | nasty, st.sampled_from(sorted(ROWS)))
names = st.lists(any_text | nasty | typed, min_size=NAMES_AT_ONCE, max_size=NAMES_AT_ONCE)

COPIED = """
import json, os
os.mkdir('copies')
seen = {}
for file_id, path in FILES.items():
    assert get_file_path(file_id) == path
    data = open(path, encoding='utf-8').read()
    seen[file_id] = [os.path.basename(path), data]
    open('copies/' + os.path.basename(path), 'w').write(data)
print(json.dumps(seen))
"""


async def round_trip(interpreter: Interpreter, given_names: list[str]) -> None:
    """Upload, read by FILES inside, write a copy, download both: every name clean, every content its own."""
    files = interpreter.files
    try:
        records = [await files.upload("names", f"{n}".encode(), name) for n, name in enumerate(given_names)]
        assert [record.filename for record in records] == [clean_filename(name) for name in given_names]
        ids = [record.file_id for record in records]
        result = await interpreter.run(COPIED, user_id="names", files=ids)
        assert result.success, result.error
        inside = distinct(record.filename for record in records)
        assert json.loads(result.output) == {
            file_id: [name, f"{n}"] for n, (file_id, name) in enumerate(zip(ids, inside, strict=True))
        }
        assert {file.filename: file.data for file in result.generated_files} == {
            name: f"{n}".encode() for n, name in enumerate(inside)
        }
        for n, record in enumerate(records):
            assert await files.load(record.file_id, "names") == (record, f"{n}".encode())
        for file in result.generated_files:
            found, data = await files.load(file.file_id, "names")
            assert (found.filename, data) == (file.filename, file.data)
    finally:
        await files.delete_all("names")


relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(relaxed, max_examples=10)
@given(names)
async def test_200_names_make_the_round_trip(interpreter: Interpreter, given_names: list[str]) -> None:
    """Whatever they hold."""
    await round_trip(interpreter, given_names)


@pytest.mark.soak
@settings(relaxed, max_examples=500)
@given(names)
async def test_10_000_names_make_the_round_trip(interpreter: Interpreter, given_names: list[str]) -> None:
    """The same, for long."""
    await round_trip(interpreter, given_names)


# ---- bounds of what code leaves


@pytest.fixture(scope="module")
async def bounded(home: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Interpreter]:
    """An interpreter with small bounds for generated files."""
    own = tmp_path_factory.mktemp("bounded")
    (own / "venv").symlink_to(home / "venv")
    async with Interpreter(
        home=own, pool_min=1, max_generated_bytes=MiB, max_generated_bytes_per_user=12 * KiB
    ) as interpreter:
        yield interpreter


async def test_the_files_of_one_call_are_bounded_together(bounded: Interpreter) -> None:
    """What does not fit is named, what fits behind it is taken."""
    code = "for name, n in (('a', 600), ('b', 600), ('c', 300)): open(name, 'wb').write(bytes(n * 1024))"
    result = await bounded.run(code, user_id=1)
    assert [file.filename for file in result.generated_files] == ["a", "c"]
    assert f"b: the files of this call are larger than {MiB} bytes together" in result.dropped_files


async def test_what_is_over_the_users_quota_is_returned_but_not_kept(bounded: Interpreter) -> None:
    """12 KiB are three files of at most a block: the fourth comes back without an id, and the result says what to do."""
    code = "for n in range(4): open(f'{n}.txt', 'w').write('x' * n)"
    result = await bounded.run(code, user_id=2)
    assert [file.data for file in result.generated_files] == [b"x" * n for n in range(4)]
    assert [bool(file.file_id) for file in result.generated_files] == [True] * 3 + [False]
    (told,) = result.dropped_files
    assert told.startswith("3.txt: returned, but not kept") and "delete_user_file" in told and "At most 12 KiB" in told
    others = await bounded.run("open('y.txt', 'w').write('y')", user_id=3)
    assert others.generated_file_ids and others.dropped_files == ()
    assert await bounded.files.delete(result.generated_files[0].file_id, 2)
    again = await bounded.run("open('y.txt', 'w').write('y')", user_id=2)
    assert again.generated_files[0].file_id and again.dropped_files == ()


async def test_the_quota_holds_among_calls_at_once(bounded: Interpreter) -> None:
    """Uploads do not count against it, and it does not count against them."""
    await bounded.files.upload(4, bytes(100 * KiB), "x.bin")
    kept = await asyncio.gather(
        *(bounded.files.keep_generated(4, "x", bytes(KiB)) for _ in range(12)), return_exceptions=True
    )
    assert sum(isinstance(one, TooManyBytes) for one in kept) == 9
    await bounded.files.upload(4, b"x", "x.csv")


# ---- while something else happens


async def test_a_cleanup_while_calls_leave_files_takes_none(bounded: Interpreter) -> None:
    """Every file that was given an id is there."""
    over = False

    async def cleaning() -> None:
        while not over:
            await bounded.files.cleanup_expired()

    cleaner = asyncio.create_task(cleaning())
    results = await asyncio.gather(*(bounded.run("open('x', 'w').write('x')", user_id=100 + n) for n in range(20)))
    over = True
    await cleaner
    for n, result in enumerate(results):
        assert (await bounded.files.load(result.generated_file_ids[0], 100 + n))[1] == b"x"
