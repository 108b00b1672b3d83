"""The pages about security are true: a row for each promise, tests and remedies that exist, hosts that give what is said."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT, PyCF_ONLY_AST
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from refusing import launchers_refused

import plugin
import token_counter
from plugin.cli import app
from plugin.config import Settings
from plugin.sandbox import levels
from plugin.sandbox.probe import PROMISES, probe

ROOT = Path(__file__).parent.parent
SECURITY, WHERE = ROOT / "docs/security.md", ROOT / "docs/where-it-runs.md"
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]

# Options that a page names and no reason does: nothing that fails tells that they are missing.
NOT_A_REASONS = {
    "--security-opt label=disable": "SELinux refuses mount with EACCES, which AppArmor does too",
    "docker run --user 1000:1000": "root without capabilities is told by a traceback of the launcher",
}


# ---- what the pages say


def rows(page: Path) -> list[str]:
    """Rows of tables, without heads."""
    return [line for line in page.read_text().splitlines() if line.startswith("| ")]


def named_tests() -> Iterator[tuple[str, str]]:
    for page in (SECURITY, WHERE, ROOT / "SECURITY.md"):
        yield from re.findall(r"`(?:tests/)?((?:attacks/|test_)\w+\.py)(?:::(\w+))?`", page.read_text())


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise["name"])
def test_each_promise_has_one_row_that_says_what_promises_toml_says(promise: dict[str, object]) -> None:
    """Its name, its sentence, what it leaves out at level landlock, and an attack."""
    found = [row for row in rows(SECURITY) if row.startswith(f"| **{promise['name']}**: ")]
    assert len(found) == 1
    assert f"**{promise['name']}**: {promise['says']} |" in found[0]
    assert "`attacks/" in found[0] and "::test_" in found[0]
    holders = promise["by"]
    assert isinstance(holders, list)
    for holder in holders:
        if "but" in holder and holder.get("level") != "landlock-weak":
            assert f"But: {holder['but']}" in found[0]


def test_no_row_promises_what_promises_toml_does_not() -> None:
    """Bold names are promises."""
    assert re.findall(r"^\| \*\*(.+?)\*\*", SECURITY.read_text(), re.MULTILINE) == [row["name"] for row in PROMISES]


@pytest.mark.parametrize(("file", "name"), sorted(set(named_tests())))
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    """By its file and its function."""
    path = ROOT / "tests" / file
    assert path.exists(), file
    assert not name or re.search(rf"^(?:async )?def {name}\(", path.read_text(), re.MULTILINE), f"{file}::{name}"


def test_every_remedy_is_one_that_doctor_tells() -> None:
    """What a page quotes to change a host is in reasons.toml; an option of a longer command counts for itself."""
    remedies = "\n".join(row["remedy"] for row in levels.REASONS)
    quoted = re.findall(r"`((?:sysctl|docker|--security-opt) [^`]*)`", WHERE.read_text())
    assert len(set(quoted)) >= 8
    for command in quoted:
        if command not in NOT_A_REASONS:
            for part in re.findall(r"--security-opt \S+", command) or [command]:
                assert part in remedies, part
    assert set(quoted) >= set(NOT_A_REASONS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there and, after a #, to a heading in it."""
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)", path.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings], anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_settings_that_a_page_names_exist(page: Path) -> None:
    """Each `cellblock ...` with its options, each CELLBLOCK_ variable, each name imported from plugin; examples compile."""
    text = page.read_text()
    for line in re.findall(r"(?:^ {4}|`|\| )(cellblock [a-z][^`|#\n]*)", text, re.MULTILINE):
        command: Any = typer.main.get_command(app)
        for word in line.split()[1:]:
            if hasattr(command, "commands"):
                assert word in command.commands, line
                command = command.commands[word]
            elif word.startswith("--"):
                assert word in {option for each in command.params for option in each.opts}, line
    fields = [*Settings.model_fields, *token_counter.Settings.model_fields]
    variables = {f"CELLBLOCK_{name.upper()}" for name in fields} | {
        "CELLBLOCK_EXCHANGES"
    }  # that of tests/test_exchanges.py
    assert set(re.findall(r"CELLBLOCK_[A-Z_]*[A-Z]", text)) <= variables
    for program in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        tree = compile(program.replace("\n...\n", "\n"), page.name, "exec", PyCF_ONLY_AST | PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "plugin":
                assert {name.name for name in node.names} <= set(plugin.__all__)
            if isinstance(node, ast.ImportFrom) and node.module == "token_counter":
                assert all(hasattr(token_counter, name.name) for name in node.names)


def test_migrating_names_every_function_of_the_original() -> None:
    """Old call, new call: none is forgotten."""
    page = (ROOT / "docs/migrating.md").read_text()
    assert [name for name in plugin.__all__ if plugin._HOMES[name] == "compat" and name not in page] == []


# ---- hosts that test_hosts.py does not emulate


@pytest.mark.parametrize("abi", [0, 1, 2, 4])
async def test_namespaces_do_not_depend_on_landlocks_age(abi: int, home: Path) -> None:
    """Landlock is the second wall of that level: each promise holds on a kernel with an old one, or none."""
    with launchers_refused(landlock_abi=abi):
        report = await probe(Settings(home=home))
    assert (report.level, report.landlock_abi) == ("namespaces", abi)
    assert [found for found in report.findings if not found.holds] == []


# moby's oci/caps/defaults.go; Podman's, in containers.conf(5), lack the last three
PODMAN = (
    "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+net_bind_service,+setfcap,+setgid,+setpcap,+setuid,+sys_chroot"
)
DOCKER = f"{PODMAN},+mknod,+net_raw,+audit_write"
DOCKERS_PROFILE = "unshare,mount,umount2,pivot_root,setns,sethostname"
EVERY = "+all"
# What container engines cover in /proc, or make read-only (OCI runtime specification, maskedPaths and readonlyPaths).
MASK = """
for file in /proc/kcore /proc/keys /proc/timer_list; do [ ! -e $file ] || mount --bind /dev/null $file; done
for path in /proc/bus /proc/fs /proc/irq /proc/sys; do mount --bind $path $path; mount -o remount,bind,ro $path; done
"""
READ_ONLY = "mount -t tmpfs none $CELLBLOCK_HOME; mount -o remount,bind,ro /; [ ! -w /etc ]"
SMALL_SHM = "mount -t tmpfs -o size=64k none /dev/shm"

MADE_BY_HAND = {
    "Docker, default options": ("", DOCKER, DOCKERS_PROFILE, "landlock", "seccomp=unconfined"),
    "Docker, two options": (MASK, DOCKER, "", "landlock", "systempaths=unconfined"),
    "Docker, all three": ("", DOCKER, "", "namespaces", ""),
    "Podman, default options": (MASK, PODMAN, "sethostname", "landlock", "sethostname"),
    "read-only root": (READ_ONLY, EVERY, "", "namespaces", ""),
    "read-only root, no namespaces": (READ_ONLY, EVERY, "unshare", "landlock", "seccomp=unconfined"),
    "small /dev/shm": (SMALL_SHM, EVERY, "", "namespaces", ""),
    "small /dev/shm, no namespaces": (SMALL_SHM, EVERY, "unshare", "landlock", "seccomp=unconfined"),
}
DOCTOR = "import sys; sys.argv[:] = ['cellblock', 'doctor', '--json']; from plugin.cli import main; main()"


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A data directory that any uid may search, as an operator's is in a container."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.mark.parametrize("host", MADE_BY_HAND)
def test_a_host_made_by_hand_gives_what_the_docs_say(host: str, reachable: Path) -> None:
    """Real mounts and capabilities in a mount namespace of the test's own: the level, each promise, the remedy."""
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("setpriv")):
        pytest.skip("it takes root, and util-linux")
    prepare, capabilities, refused, level, remedy = MADE_BY_HAND[host]
    refusing = [sys.executable, str(ROOT / "tests/refusing.py"), refused, "--"] if refused else []
    command = ["setpriv", f"--bounding-set={capabilities}", *refusing, sys.executable, "-c", DOCTOR]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", f'{prepare}\nexec "$@"', "sh", *command],
        cwd=ROOT,
        env=os.environ | {"CELLBLOCK_HOME": str(reachable), "TMPDIR": str(reachable)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["level"], report["separate"]) == (level, True)
    assert [found["name"] for found in report["findings"] if not found["by"] or found["broken"]] == []
    assert remedy in "".join(report["refused"])
