"""Approved packages, and what may be asked for by name."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from plugin.errors import OperatorOnly, PackageNotApproved, SettingsError
from plugin.interpreter import POLICY_ROWS
from plugin.packages.catalogue import INSTEAD, SHIPPED, Catalogue, normalized
from plugin.packages.needed import needed
from plugin.packages.package_manager import PackageManager
from plugin.packages.remembered import Remembered


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("numpy", "numpy"),
        ("NumPy>=2", "numpy>=2"),
        ("pandas==2.2.1", "pandas==2.2.1"),
        ("pandas ~= 2.2", "pandas~=2.2"),
        ("pandas>=2,<4", "pandas<4,>=2"),
        ("scikit_learn!=1.5.*", "scikit-learn!=1.5.*"),
    ],
)
def test_versions_may_be_asked_for(text: str, expected: str) -> None:
    """As a requirements file has them; the name becomes the catalogue's."""
    assert str(Catalogue().requirement(text)[1]) == expected


INJECTIONS = [
    "",
    " ",
    "numpy ",
    " numpy",
    "numpy\n",
    "numpy\nrequests",
    "numpy\0",
    "numpy requests",
    "numpy,pandas",
    "-r requirements.txt",
    "-rrequirements.txt",
    "--index-url=http://127.0.0.1/",
    "--index-url http://127.0.0.1/ numpy",
    "-e .",
    ".",
    "..",
    "./numpy",
    "../numpy",
    "/etc/passwd",
    "~/numpy",
    "numpy/",
    "file:///tmp/numpy",
    "http://127.0.0.1/numpy-1.0-py3-none-any.whl",
    "git+https://127.0.0.1/numpy",
    "numpy @ file:///tmp/x.whl",
    "numpy@file:///tmp/x.whl",
    "numpy[all]",
    "numpy[]",
    "numpy [all]>=1",
    "numpy; python_version > '3'",
    "numpy>=1; sys_platform == 'linux'",
    "numpy>=1 --hash=sha256:00",
    "numpy>=1 # comment",
    "numpy>=",
    "numpy==",
    "numpy=1",
    "numpy>1<2",
    "numpy==1==2",
    "numpy===1 @ x",
    "numpy (>=1)",
    "numpy==$(id)",
    "numpy==`id`",
    "numpy==1|id",
    "numpy==1;id",
    "$HOME",
    "numpy\\",
    "'numpy'",
    '"numpy"',
    "numpy==１.0",
    "ｎumpy",
    "nump\u0443",
    "numpy\u200b",
    "numpy\u202e",
    "numpy\r",
    "numpy\t>=1",
    "a" * 10_000,
    "numpy>=" + "1" * 10_000,
    "numpy" + ",>=1" * 5_000,
]


@pytest.mark.parametrize("text", INJECTIONS, ids=lambda text: ascii(text)[:40])
def test_nothing_but_a_name_and_versions_is_asked_for(text: str) -> None:
    """Options, addresses, paths, extras, markers, other characters: refused by name, with a message of bounded length."""
    with pytest.raises(PackageNotApproved, match="not in the approved list") as refused:
        Catalogue().requirement(text)
    assert len(str(refused.value)) < 200
    assert PackageManager(Catalogue()).is_package_approved(text) == (False, str(refused.value))


@given(st.text(max_size=60))
def test_whatever_is_asked_for_is_a_plain_requirement_or_refused(text: str) -> None:
    """No text makes more of an installer's argument than an approved name and versions."""
    try:
        row, requirement = Catalogue().requirement(text)
    except PackageNotApproved:
        return
    assert requirement.name == row.distribution
    assert not (requirement.url or requirement.extras or requirement.marker)


@pytest.mark.parametrize(
    ("name", "approved", "reason"),
    [
        ("numpy", True, "Package 'numpy' is approved"),
        ("Scikit.Learn>=1", True, "Package 'scikit-learn' is approved"),
        ("torch", True, "only the operator installs it"),
        ("requests", False, "Package 'requests' is not in the approved list"),
        (None, False, "NoneType"),
    ],
)
def test_the_originals_package_manager_answers(name: str, approved: bool, reason: str) -> None:
    """(approved, reason), whatever it is asked."""
    found, why = PackageManager(Catalogue()).is_package_approved(name)
    assert found is approved and reason in why


@pytest.mark.parametrize(
    ("added", "requirement", "modules"),
    [
        ("house-style", "house-style", ["house_style"]),
        ("house-style==1.2", "house-style==1.2", ["house_style"]),
        ("House.Style: style, brand", "House.Style", ["style", "brand"]),
        ("house-style[pdf]>=1 : style", "house-style[pdf]>=1", ["style"]),
    ],
)
def test_an_operator_adds_a_row(added: str, requirement: str, modules: list[str]) -> None:
    """A name, versions and extras, and what it is imported by; it is in every environment."""
    catalogue = Catalogue(add=[added])
    row = catalogue.approved("house_style" if "." not in added else "house.style")
    assert str(row.requirement) == requirement and row in catalogue.starters
    assert all(catalogue.importing(f"{module}.x") == row for module in modules)


def test_an_operator_pins_a_shipped_row() -> None:
    """Its import names and methods stay; what calls ask for is held to the pin."""
    catalogue = Catalogue(add=["scikit_learn==1.5.2"])
    row, requirement = catalogue.requirement("scikit-learn>=1")
    assert catalogue.importing("sklearn") == row
    assert str(requirement) == "scikit-learn==1.5.2,>=1"


@pytest.mark.parametrize("row", ["a b", "a @ http://x/", "a; python_version>'3'", "a: b c", "a: 1b", ": b", ""])
def test_a_row_that_cannot_be_read_is_named(row: str) -> None:
    """At the start, not at the first call."""
    with pytest.raises(SettingsError, match="no package to add"):
        Catalogue(add=[row])


def test_a_removed_row_wins() -> None:
    """However the names are written, and wherever it was added."""
    catalogue = Catalogue(add=["tabulate", "house"], remove=["SciPy", "Tabulate", "house"])
    assert {"scipy", "tabulate", "house"}.isdisjoint(row.distribution for row in catalogue)
    assert catalogue.importing("scipy") is None
    with pytest.raises(PackageNotApproved):
        catalogue.requirement("scipy")


def test_what_was_remembered_reaches_other_processes(tmp_path: Path) -> None:
    """`refresh` takes it in; a file that cannot be read is named."""
    catalogue, other = (Catalogue(remembered=Remembered(tmp_path)) for _ in range(2))
    Remembered(tmp_path).write(("house: style",), ("scipy",))
    for each in (catalogue, other):
        each.refresh()
        assert each.importing("style") and each.importing("scipy") is None
    (tmp_path / "packages.json").write_text("[")
    with pytest.raises(SettingsError, match=r"packages\.json"):
        catalogue.refresh()


def found(name: str, optional: bool = False) -> dict[str, object]:
    return {"name": name, "line": 3, "optional": optional}


def names(requirements: Iterable[Requirement]) -> list[str]:
    return [str(each) for each in requirements]


def test_what_a_call_needs() -> None:
    """What it names and what it imports, each once; guarded and own modules are left to the code."""
    wanted = needed(
        Catalogue(),
        ["numpy", "scikit_learn>=1", "NumPy<9"],
        [found("sklearn.svm"), found("lxml", optional=True), found("helper"), found("nonsense", optional=True)],
        ["helper"],
        methods=["to_excel", "no_method"],
        helpful=["pyarrow", "numpy"],
    )
    assert names(wanted.required) == ["numpy<9", "scikit-learn>=1"]
    assert names(wanted.helpful) == ["lxml", "openpyxl", "pyarrow"]
    with pytest.raises(PackageNotApproved, match="line 3"):
        needed(Catalogue(), [], [found("requests.sessions")], [])


def test_what_only_an_operator_installs() -> None:
    """Refused with what to do where code cannot do without it; nothing where it is there, or where code guards its import."""
    with pytest.raises(OperatorOnly, match="cellblock packages add torch"):
        needed(Catalogue(), [], [found("torch.nn")], [], installed=[])
    with pytest.raises(OperatorOnly):
        needed(Catalogue(), ["tensorflow"], [], [], installed=[])
    assert names(needed(Catalogue(), ["torch"], [], [], installed=["torch"]).required) == ["torch"]
    assert names(needed(Catalogue(), [], [found("torch", optional=True)], [], installed=[])) == []


def test_what_is_not_approved_names_what_does_its_work() -> None:
    """By the module's name or the distribution's; no row of the catalogue has such a name."""
    with pytest.raises(
        PackageNotApproved, match=r"^Package 'PyPDF2' is not in the approved list \(imported on line 3\); use pypdf$"
    ):
        needed(Catalogue(), [], [{"name": "PyPDF2", "line": 3, "optional": False}], [])
    with pytest.raises(PackageNotApproved, match=r"^Package 'pymupdf' is not in the approved list; use pypdf"):
        Catalogue().requirement("pymupdf")
    approved = {normalized(name) for row in SHIPPED for name in (row.distribution, *row.imports)}
    assert approved.isdisjoint(INSTEAD)
    assert needed(Catalogue(["PyPDF2"]), [], [{"name": "PyPDF2", "line": 3, "optional": False}], []).required


def test_no_package_is_both_approved_and_refused() -> None:
    """The policy's modules and the catalogue's imports have nothing in common."""
    refused = {
        row["name"].partition(".")[0] for row in POLICY_ROWS if row["kind"] == "module" and "." not in row["name"]
    }
    assert not refused & {name for row in SHIPPED for name in row.imports}
