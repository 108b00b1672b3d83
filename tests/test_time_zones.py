"""The time zone of a call."""

import pytest

from plugin import Interpreter
from plugin.errors import InvalidRequest


@pytest.mark.parametrize("level_of_work", ["at once", "with a file"])
@pytest.mark.parametrize(
    ("tz", "offset"),
    [("Asia/Kolkata", "5:30:00"), ("America/Argentina/Buenos_Aires", "-1 day, 21:00:00"), ("UTC", "0:00:00"), (None, "0:00:00")],
)  # fmt: skip
async def test_clocks_are_those_of_the_zone(
    interpreter: Interpreter, tz: str | None, offset: str, level_of_work: str
) -> None:
    """Python's, pandas' and the C library's agree, whether the cell runs at once or after its files came."""
    code = """
import datetime, os, time, pandas as pd
now, utc = datetime.datetime.now(), datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
minutes = lambda gap: datetime.timedelta(minutes=round(gap.total_seconds() / 60))
local = datetime.datetime(*time.localtime()[:6])
print(minutes(now - utc), minutes(pd.Timestamp.now() - utc), minutes(local - utc), now.astimezone().utcoffset(), sep='|')
print(os.environ['TZ'])
"""
    record = await interpreter.files.upload("zed", b"a", "a.txt")
    files = [record.file_id] if level_of_work == "with a file" else []
    result = await interpreter.run(code, user_id="zed", tz=tz, files=files)
    assert result.error == ""
    assert result.output == "|".join([offset] * 4) + f"\n{tz or 'UTC'}\n"


@pytest.mark.parametrize(
    "tz",
    ["Mars/Olympus", "", "../../../etc/passwd", "/etc/localtime", "Europe", "Europe/Berlin\0", "x" * 10**6, "\ud800", "CET-1CEST", ":x", "tzdata.zi"],
)  # fmt: skip
async def test_what_is_no_zone_is_refused(interpreter: Interpreter, tz: str) -> None:
    """Names of the IANA database only: no paths, no rules of one's own."""
    with pytest.raises(InvalidRequest, match="no IANA time zone") as refusal:
        await interpreter.run("1", user_id="zed", tz=tz)
    assert len(str(refusal.value)) < 300


async def test_a_zone_is_a_str(interpreter: Interpreter) -> None:
    """What is none is refused by its type."""
    with pytest.raises(InvalidRequest, match="must be a str"):
        await interpreter.run("1", user_id="zed", tz=2)  # type: ignore[arg-type]
