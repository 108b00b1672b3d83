"""`cellblock costs` as an operator uses it, and the page about costs: what it shows is what happens."""

import asyncio
import io
import json
import os
import pty
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas
import pytest
from typer.testing import CliRunner, Result

from plugin.cli import app
from token_counter import Settings, SqliteLedger

PAGE = (Path(__file__).parent.parent / "docs/costs.md").read_text()
EVIL = "=1+1<script>\x1b[2J"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory that is not there yet; the working directory is an empty one beside it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("CELLBLOCK_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"


@pytest.fixture
def filled(own: Path) -> Path:
    """Three days of two users, one of whom harms terminals, spreadsheets and browsers."""

    async def fill() -> None:
        async with SqliteLedger(settings=Settings(keep_requests=True)) as ledger:
            for days, user in ((0, "5"), (1, EVIL), (9, "5")):
                at = datetime.now(UTC) - timedelta(days=days)
                bill = {"input_tokens": 1000, "output_tokens": 100}
                await ledger.record(bill, user_id=user, model="gpt-4o", at=at, estimate=1000, request={"input": EVIL})

    asyncio.run(fill())
    return own


def costs(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["costs", *arguments])


def test_the_table(filled: Path) -> None:
    """Totals, days and models; nothing in it harms the terminal."""
    done = costs()
    assert done.exit_code == 0, done.output
    assert "$0.0105, 3 requests" in done.stdout
    assert re.search(r"^gpt-4o +3 +3,000 .* 100.0 %  █{10}$", done.stdout, re.MULTILINE)
    assert re.search(r"^by day     █ {7}██  20", done.stdout, re.MULTILINE)
    by_user = costs("--by", "user", "--since", "7d").stdout
    assert "=1+1<script>\\x1b[2J" in by_user and "\x1b" not in by_user
    assert "2 requests" in by_user


def test_an_empty_ledger(own: Path) -> None:
    """It says so."""
    assert "Nothing was recorded." in costs().stdout


@pytest.mark.parametrize("form", ["csv", "json", "html", "parquet", "jsonl"])
def test_files(filled: Path, form: str) -> None:
    """By their names, or by --format to standard output: the same bytes."""
    done = costs("-o", f"out.{form}", "--by", "user")
    assert (done.exit_code, done.stdout) == (0, "")
    assert f"saved out.{form}" in done.stderr
    data = Path(f"out.{form}").read_bytes()
    again = costs("--by", "user", "-o", "-", "--format", "exchanges" if form == "jsonl" else form)
    assert again.stdout_bytes == data
    if form == "csv":
        assert b"\n'=1+1<script>" in data
    elif form == "json":
        assert [row["user"] for row in json.loads(data)] == ["5", EVIL]
    elif form == "html":
        assert b"<script" not in data and b"=1+1&lt;script&gt;" in data
    elif form == "parquet":
        assert list(pandas.read_parquet(io.BytesIO(data))["user"]) == ["5", EVIL]
    else:
        assert [json.loads(line)["request"] for line in data.splitlines()] == [{"input": EVIL}] * 3


def test_a_csv_on_a_terminal_harms_nothing(filled: Path) -> None:
    """Names stay in their line there; a pipe gets them as they are."""
    code = "import sys; sys.argv[:] = ['cellblock', 'costs', '--format', 'csv']; from plugin.cli import main; main()"
    screen, end = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stdout=end, check=True, timeout=60, env=os.environ)
    said = os.read(screen, 65536)
    os.close(screen)
    os.close(end)
    assert b"\x1b" not in said and b"\\x1b[2J" in said
    assert "\x1b[2J" in costs("--format", "csv").stdout


def test_until_includes_the_day(filled: Path) -> None:
    """That it names."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    rows = json.loads(costs("--format", "json", "--since", today, "--until", today, "--by", "day").stdout)
    assert [row["requests"] for row in rows] == [1]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        pytest.param(["--since", "yesterday"], 1, "'yesterday' is no time", id="no time"),
        pytest.param(["--by", "day,colour"], 1, "'colour' is nothing to group by", id="no group"),
        pytest.param(["--format", "xls"], 2, "table, csv, json", id="no format"),
        pytest.param(["-o", "missing/costs.csv"], 2, "missing/costs.csv", id="no directory"),
    ],
)
def test_what_is_wrong_is_told(filled: Path, arguments: list[str], status: int, message: str) -> None:
    """In a line, without a traceback."""
    done = costs(*arguments)
    assert (done.exit_code, done.stdout) == (status, "")
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_a_report_that_fails_leaves_the_old_file(filled: Path) -> None:
    """It is not made empty first."""
    Path("costs.csv").write_text("old")
    assert costs("-o", "costs.csv", "--by", "colour").exit_code == 1
    assert Path("costs.csv").read_text() == "old"


def test_nothing_kept_says_how_to_keep(own: Path) -> None:
    """An empty file of exchanges is explained."""
    assert "CELLBLOCK_KEEP_REQUESTS=1" in costs("--format", "exchanges").stderr


def test_a_damaged_ledger_and_broken_settings(own: Path) -> None:
    """Which file, and what to do."""
    own.mkdir()
    (own / "ledger.sqlite3").write_bytes(b"not a database " * 100)
    done = costs()
    assert (done.exit_code, "ledger.sqlite3" in done.stderr, "move it away" in done.stderr) == (1, True, True)
    (own / "token_counter.toml").write_text("[")
    assert "token_counter.toml cannot be read" in costs().stderr


def test_without_pandas_it_names_the_extra(filled: Path) -> None:
    """All other commands go on."""
    code = "import sys; sys.modules['pandas'] = None; sys.argv[:] = ['cellblock', 'costs']; from plugin.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=os.environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == "cellblock: a cost report needs packages that are not installed: `pip install 'cellblock[costs]'`\n"
    )


def test_the_ledger_is_deleted_with_the_rest(filled: Path) -> None:
    """By `cellblock uninstall`, which knows its files."""
    (filled / "token_counter.toml").write_text("")
    done = CliRunner().invoke(app, ["uninstall", "--yes"])
    assert done.exit_code == 0, done.output
    assert "ledger.sqlite3 " in done.stdout and not filled.exists()


# ---- docs/costs.md


def test_the_pages_settings_are_settings(tmp_path: Path) -> None:
    """Its example of token_counter.toml is taken as it stands."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "token_counter.toml").write_text(example)
    settings = Settings(home=tmp_path)
    assert (len(settings.budgets), settings.prices["acme-7b"].input_mtok) == (3, Decimal("0.2"))


def test_the_pages_programs_run(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the first prints is what stands below it."""
    programs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for program in (programs[0], programs[2]):
        names: dict[str, object] = {}
        exec("async def main():\n" + textwrap.indent(program, "    "), names)
        asyncio.run(names["main"]())  # type: ignore[operator]
    assert f"    {capsys.readouterr().out}" in PAGE
