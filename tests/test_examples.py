"""The examples run as their first lines say, offline, and print what they are there to show."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

SHOWN = {
    "chat_loop.py": ["The desk earns most: 338,940 dollars.", "revenue.png, "],
    "responses_loop.py": ["--- execute_python_code", "plt.savefig", "--- done", "± ", "[2 requests, $0.00"],
    "bring_your_own_tools.py": ['called stock_of({"product": "lamp"})', "17 lamps are in stock (asked by user 42)"],
    "cost_report.py": [
        "alice: The desk earns most",
        "carol: this request may cost $0.0",
        "  bob gpt-5-mini         2 ",
    ],
}


@pytest.mark.parametrize("name", SHOWN)
def test_examples_run_offline(name: str, home: Path, tmp_path: Path) -> None:
    """With the scripted model; everything else in them is real."""
    environment = os.environ | {"CELLBLOCK_HOME": str(home)}
    command = [sys.executable, str(EXAMPLES / name), "--demo"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for shown in SHOWN[name]:
        assert shown in done.stdout


def test_every_example_is_run() -> None:
    """Those here, and demo.py by `make demo`."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*SHOWN, "demo.py"}


def test_five_lines_are_five() -> None:
    """What a loop needs to run code is numbered in it."""
    marked = [
        line.rsplit("# ", 1)[1] for line in (EXAMPLES / "chat_loop.py").read_text().splitlines() if line[-3:-1] == "# "
    ]
    assert marked == list("12345")
