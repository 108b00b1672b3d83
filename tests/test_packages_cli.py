"""`cellblock packages`, as an operator uses it: what it decides holds for every process of the data directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_wheels import Index

from plugin.packages.catalogue import SHIPPED, Catalogue
from plugin.packages.remembered import Remembered
from plugin.packages.venv import Environments


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """With every starter, so that environments can be built."""
    index = Index(tmp_path_factory.mktemp("index"))
    for row in SHIPPED:
        if row.starter:
            index.add(row.distribution)
    index.add("torch", padding=2 * 1024**2)
    index.add("house-style", "1.2", requires=["numpy"])
    index.add("emoji")
    return index


@pytest.fixture
def home(index: Index, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    assert cellblock(index, home, "rebuild").returncode == 0
    return home


def cellblock(index: Index, home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from plugin.cli import main; main()", "packages", *arguments]
    environment = os.environ | {
        "CELLBLOCK_HOME": str(home),
        "CELLBLOCK_INDEX_URL": index.url,
        "CELLBLOCK_INSTALL_BYTES": "1000",
    }
    return subprocess.run(
        command,
        env=environment | {f"CELLBLOCK_{name.upper()}": value for name, value in settings.items()},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )


def approved(home: Path) -> Catalogue:
    catalogue = Catalogue(remembered=Remembered(home))
    catalogue.refresh()
    return catalogue


def installed(home: Path) -> dict[str, str]:
    environment = Environments(home, None).in_use()
    assert environment is not None
    return environment.packages


def test_the_list_says_what_is_installed_and_who_installs_the_rest(index: Index, home: Path) -> None:
    """A row a line."""
    done = cellblock(index, home, "list")
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert lines["scikit-learn"] == ["1.0", "sklearn", "everybody"]
    assert lines["emoji"] == ["emoji"] and lines["torch"][-1] == "operator"
    assert set(lines) == {"package", *(row.distribution for row in SHIPPED)}


def test_an_operator_adds_what_no_call_may(index: Index, home: Path) -> None:
    """Packages of any size, and of names that the catalogue does not have; their modules are found out."""
    done = cellblock(index, home, "add", "torch", "house_style==1.2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["torch 1.0", "house-style 1.2"]
    assert "installing house-style, torch" in done.stderr
    catalogue = approved(home)
    row = catalogue.importing("house_style.x")
    assert row is not None and str(row.requirement) == "house_style==1.2" and row in catalogue.starters
    assert {"torch", "house-style", "numpy"} <= installed(home).keys()
    assert cellblock(index, home, "rebuild").returncode == 0
    assert {"torch", "house-style"} <= installed(home).keys()


def test_what_is_struck_out_is_gone_until_it_is_added_again(index: Index, home: Path) -> None:
    """From the catalogue and, unless another package needs it, from the environment."""
    assert cellblock(index, home, "add", "house-style").returncode == 0
    done = cellblock(index, home, "rm", "Numpy", "seaborn")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "numpy is no longer approved (still installed: another package needs it)",
        "seaborn is no longer approved",
    ]
    assert "seaborn" not in installed(home) and "numpy" in installed(home)
    assert approved(home).importing("seaborn") is None and approved(home).importing("house_style")
    assert cellblock(index, home, "add", "seaborn").returncode == 0
    assert "seaborn" in installed(home) and approved(home).importing("seaborn")


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        (["add", "house-style @ http://127.0.0.1/x"], {}, "no package to add"),
        (["add", "-rx"], {}, "No such option"),
        (["add", "nobody-has-this"], {}, "not found in the package registry"),
        (["add", "house-style==9"], {}, "no version of house-style==9"),
        (["add", "emoji"], {"catalogue_remove": '["emoji"]'}, "catalogue_remove strikes out emoji"),
        (["rm", "requests"], {}, "Package 'requests' is not in the approved list"),
        (["rm", "emoji"], {"catalogue_add": '["emoji"]'}, "catalogue_add names emoji"),
        (["list"], {"catalogue_add": '["a b"]'}, "no package to add"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    index: Index, home: Path, arguments: list[str], settings: dict[str, str], told: str
) -> None:
    """One line of trouble on standard error."""
    before = installed(home)
    done = cellblock(index, home, *arguments, **settings)
    assert done.returncode != 0 and told in " ".join(done.stderr.split())
    assert installed(home) == before and not (home / "packages.json").exists()
