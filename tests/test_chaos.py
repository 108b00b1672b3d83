"""Calls of all kinds at once, while sandboxes, zygotes and launchers are killed with kill -9 at random moments."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("chaos.py")


def survives(home: Path, level: str, calls: int, seconds: float, timeout: float) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(home), level, str(calls), str(seconds)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=PROGRAM.parent.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_kills_cost_only_the_calls_that_ran(home: Path, level: str) -> None:
    """Every other call gets its own result, and nothing remains on the host; the whole thousand is in `make soak`."""
    survives(home, level, 250, 0, 120)


@pytest.mark.soak
@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_a_thousand_calls_at_once(home: Path, level: str) -> None:
    """The same, with a thousand in the queue from the first moment."""
    survives(home, level, 1000, 0, 300)


@pytest.mark.soak
@pytest.mark.parametrize("level", ["namespaces", "landlock"])
def test_ten_minutes_leave_the_host_as_it_was(home: Path, level: str) -> None:
    """Descriptors, processes, mounts, tasks and memory of the bot stay flat."""
    survives(home, level, 1000, 600, 900)
