"""The command line as a script uses it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LIGHT_ENVIRONMENT


def cellblock(home: Path, cwd: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("cellblock")), *arguments]
    environment = os.environ | LIGHT_ENVIRONMENT | {"CELLBLOCK_HOME": str(home)}
    return subprocess.run(command, cwd=cwd, env=environment, input=given, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("code", "status", "output", "told"),
    [
        pytest.param("print(1)", 0, "1\n", "", id="success"),
        pytest.param("1/0", 1, "", "ZeroDivisionError", id="exception"),
        pytest.param("import sys; sys.exit(7)", 7, "", "", id="its own status"),
        pytest.param("while True: pass", 124, "", "Execution timeout after 1 seconds", id="timeout"),
        pytest.param("import socket", 125, "", "Security validation failed", id="refused"),
        pytest.param("x = bytearray(10**10)", 137, "", "Out of memory", id="memory"),
    ],
)
def test_exit_codes_tell_a_script_what_happened(
    light_home: Path, tmp_path: Path, code: str, status: int, output: str, told: str
) -> None:
    """Output on standard output, trouble on standard error."""
    done = cellblock(light_home, tmp_path, "run", "-", "--timeout", "1", given=code)
    assert (done.returncode, done.stdout) == (status, output)
    assert told in done.stderr


def test_a_file_with_data_leaves_its_results_here(light_home: Path, tmp_path: Path) -> None:
    """Files the code writes are saved beside it; what is there already is not overwritten."""
    (tmp_path / "data.csv").write_text("a\n1\n")
    (tmp_path / "code.py").write_text("open('data.csv').read(); open('out.txt', 'w').write('new')")
    (tmp_path / "out.txt").write_text("old")
    done = cellblock(light_home, tmp_path, "run", "code.py", "--file", "data.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "old" and (tmp_path / "out-2.txt").read_text() == "new"


def test_json_is_one_object(light_home: Path, tmp_path: Path) -> None:
    """With files named, not embedded."""
    done = cellblock(light_home, tmp_path, "run", "-", "--json", given="print(1); open('o.txt', 'w').write('x')")
    answer = json.loads(done.stdout)
    assert (answer["output"], answer["success"]) == ("1\n", True)
    assert [(file["filename"], file["size"]) for file in answer["generated_files"]] == [("o.txt", 1)]


def test_setup_says_where_it_is(light_home: Path, tmp_path: Path) -> None:
    """And is quick where nothing is left to do."""
    done = cellblock(light_home, tmp_path, "setup")
    assert done.returncode == 0 and str(light_home) in done.stdout


@pytest.mark.parametrize("name", ["CELLBLOCK_TIMEOUT", "CODE_EXECUTION_TIMEOUT"])
def test_a_setting_that_cannot_be_used_is_named(
    light_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """From the environment too, the original's names included."""
    monkeypatch.setenv(name, "soon")
    done = cellblock(light_home, tmp_path, "run", "-", given="1")
    assert done.returncode == 126 and "timeout" in done.stderr and "Traceback" not in done.stderr


def test_a_missing_file_is_told_plainly(light_home: Path, tmp_path: Path) -> None:
    """Status 2, no traceback."""
    done = cellblock(light_home, tmp_path, "run", "nothing.py")
    assert done.returncode == 2 and "nothing.py" in done.stderr and "Traceback" not in done.stderr
