"""Approved packages and the environment that holds them."""

import asyncio
from pathlib import Path

import pytest

from plugin.errors import EnvironmentUnavailable, PackageNotApproved
from plugin.interpreter import POLICY_ROWS
from plugin.packages.catalogue import SHIPPED, Catalogue, Package
from plugin.packages.needed import needed
from plugin.packages.venv import Environments


@pytest.mark.parametrize("name", ["numpy", "NumPy", "scikit-learn", "scikit_learn", "Scikit.Learn"])
def test_a_name_is_approved_however_it_is_written(name: str) -> None:
    """PEP 503."""
    assert Catalogue().approved(name).distribution in {"numpy", "scikit-learn"}


@pytest.mark.parametrize(
    "name",
    [
        "requests",
        "",
        "numpy==1.0",
        "numpy[all]",
        "numpy; x",
        "--index-url=http://x",
        "numpy @ file:///x",
        "../numpy",
        "numpy\n",
        "-numpy",
        "ｎumpy",
    ],
)
def test_what_is_no_approved_name_is_refused(name: str) -> None:
    """Neither other packages nor what an installer would read as more than a name."""
    with pytest.raises(PackageNotApproved, match="not in the approved list"):
        Catalogue().approved(name)


SMALL = [Package("tzdata", ("tzdata",), starter=True)]  # the smallest starter


def test_an_operator_adds_and_removes() -> None:
    """Settings change the catalogue, however the names are written."""
    catalogue = Catalogue(add=["tabulate"], remove=["SciPy"])
    assert catalogue.importing("tabulate.x") is not None
    assert "scipy" not in {row.distribution for row in catalogue.starters}


def test_what_a_call_needs() -> None:
    """What it names and what it imports, each once; guarded and own modules are left to the code."""

    def found(name: str, optional: bool = False) -> dict[str, object]:
        return {"name": name, "line": 3, "optional": optional}

    rows = needed(
        Catalogue(), ["numpy"], [found("sklearn.svm"), found("torch", optional=True), found("helper")], ["helper"]
    )
    assert [row.distribution for row in rows] == ["numpy", "scikit-learn"]
    with pytest.raises(PackageNotApproved, match="line 3"):
        needed(Catalogue(), [], [found("requests.sessions")], [])


async def test_an_environment_that_cannot_be_built_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    """uv's own words are in the message; the next attempt starts afresh."""
    environments = Environments(tmp_path / "home", index_url=(tmp_path / "nowhere").as_uri())
    said: list[str] = []
    with pytest.raises(EnvironmentUnavailable, match="cellblock setup"):
        await environments.ready(Catalogue().starters, said.append)
    assert said
    assert not list((tmp_path / "home" / "venvs").iterdir()) and not (tmp_path / "home" / "venv").exists()


async def test_an_environment_is_built_once_and_found_again(tmp_path: Path) -> None:
    """Several at once wait for one build; a broken link or stamp means building again."""
    environments = [Environments(tmp_path, index_url=None) for _ in range(3)]
    built = await asyncio.gather(*(each.ready(SMALL, lambda _: None) for each in environments))
    assert len({each.path for each in built}) == 1 and built[0].site_packages.is_dir()
    (built[0].path / "cellblock.json").write_text("{")
    again = await environments[0].ready(SMALL, lambda _: None)
    assert again.path != built[0].path and not built[0].path.exists()


def test_no_package_is_both_approved_and_refused() -> None:
    """The policy's modules and the catalogue's imports have nothing in common."""
    refused = {
        row["name"].partition(".")[0] for row in POLICY_ROWS if row["kind"] == "module" and "." not in row["name"]
    }
    assert not refused & {name for row in SHIPPED for name in row.imports}
