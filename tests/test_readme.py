"""README shows a program and what it prints: both are true."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_first_program_prints_what_readme_shows(home: Path) -> None:
    """Run as it stands, in the checkout; the picture's size may differ with matplotlib's version."""
    blocks = re.findall(r"```(python)?\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (_, program), (_, shown) = blocks[:2]
    environment = os.environ | {"CELLBLOCK_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    digits = re.compile(r"\d+\)")
    assert digits.sub("N)", done.stdout) == digits.sub("N)", shown)


def test_every_file_that_readme_links_to_is_there() -> None:
    """No dead link in the pages at the top."""
    for page in ROOT.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (ROOT / target).exists(), f"{page.name}: {target}"
