"""Hosts that give less: which level is found, what is said to change, and that what is promised then holds.

A host is emulated by refusing system calls to the launcher, by the kernel itself (refusing.py); docs/where-it-runs.md names the
real ones.
"""

import errno
import re
from pathlib import Path

import pytest
from refusing import NAMESPACES_REFUSED, launchers_refused

from plugin import Interpreter
from plugin.config import Settings
from plugin.errors import SandboxUnavailable
from plugin.sandbox import cgroups, levels
from plugin.sandbox.probe import probe

REFUSED = {
    "user namespaces": (("unshare",), "user namespaces are refused"),
    "user namespaces, out of them": (("unshare=ENOSPC",), "user.max_user_namespaces"),
    "a kernel without them": (("unshare=EINVAL",), "built without"),
    "mount": (("mount",), "apparmor=unconfined"),
    "mount, by SELinux": (("mount=EACCES",), "AppArmor, SELinux"),
    "proc mount": (("proc",), "systempaths=unconfined"),
    "pivot_root": (("pivot_root",), "mounting in them is not"),
    "Docker's default profile": (NAMESPACES_REFUSED, "seccomp=unconfined"),
}


@pytest.mark.parametrize("host", REFUSED)
async def test_without_namespaces_landlock_holds_every_promise(host: str, home: Path) -> None:
    """Whatever of it is refused: the next level is found, every promise is tried and holds, and the remedy is named."""
    calls, remedy = REFUSED[host]
    with launchers_refused(*calls):
        report = await probe(Settings(home=home))
    assert report.level == "landlock"
    assert [(found.name, found.broken) for found in report.findings if not found.holds] == []
    assert [refused.level for refused in report.refused] == ["namespaces"]
    assert remedy in "; ".join(report.refused[0].explained())


@pytest.mark.parametrize("abi", [0, 2, 4])
async def test_an_old_landlock_is_used_only_when_the_settings_say_so(abi: int, home: Path) -> None:
    """By default the refusal says what to change; when set, the weaker level runs and every promise that it gives holds."""
    with launchers_refused(*NAMESPACES_REFUSED, landlock_abi=abi):
        with pytest.raises(SandboxUnavailable, match=rf"this kernel has ABI {abi}.*Linux 6.12"):
            await probe(Settings(home=home))
        report = await probe(Settings(home=home, level="landlock-weak"))
    assert (report.level, report.landlock_abi) == ("landlock-weak", abi)
    assert [refused.level for refused in report.refused] == ["namespaces", "landlock"]
    broken = {found.name for found in report.findings if not found.holds}
    # Without landlock nothing is between code and what its uid may read and write; docs/security.md says so.
    assert broken <= ({"host files", "host files unchanged", "other users"} if abi == 0 else set())


async def test_landlock_refused_by_a_profile_is_told_from_a_kernel_without_it(home: Path) -> None:
    """An old container engine's filter does not know landlock's calls."""
    with (
        launchers_refused(*NAMESPACES_REFUSED, "landlock_create_ruleset"),
        pytest.raises(SandboxUnavailable, match=r"landlock_create_ruleset.*a seccomp profile around this process"),
    ):
        await probe(Settings(home=home))


async def test_namespaces_can_be_asked_for(home: Path) -> None:
    """Below what the settings ask for nothing runs."""
    with launchers_refused("unshare"), pytest.raises(SandboxUnavailable, match=r"level namespaces: unshare.*doctor"):
        async with Interpreter(home=home, level="namespaces") as interpreter:
            await interpreter.run("print(1)", user_id=1)


async def test_without_a_cgroup_the_promises_hold(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for an ordinary user, and in most containers."""
    monkeypatch.setattr(cgroups, "find", lambda limit: None)
    report = await probe(Settings(home=home))
    assert not report.cgroup and all(found.holds for found in report.findings)
    assert "watchdog" in next(found.by for found in report.findings if found.name == "memory")


@pytest.mark.parametrize("level", levels.LEVELS)
async def test_a_cell_runs_at_each_level(level: levels.Level, home: Path) -> None:
    """The main job, as a container's user meets it: a file in, pandas, a chart, files out; hints for what is not there."""
    calls = () if level == "namespaces" else NAMESPACES_REFUSED
    with launchers_refused(*calls, landlock_abi=4 if level == "landlock-weak" else None):
        async with Interpreter(home=home, level=level, policy="sandbox-only") as interpreter:
            uploaded = await interpreter.files.upload("u", b"a,b\n1,2\n3,4\n", "x.csv")
            code = f"""
import pandas, matplotlib.pyplot as plt
frame = load_file({uploaded.file_id!r})
print(frame.sum().to_dict(), open('x.csv').read() == open(get_file_path({uploaded.file_id!r})).read())
frame.plot(); frame.to_csv('out.csv')
import tempfile, shutil
with tempfile.TemporaryDirectory() as directory: shutil.copy('x.csv', directory + '/y.csv')
open('x.csv', 'a').write('5,6\\n')
"""
            result = await interpreter.run(code, user_id="u")
            assert result.error == "" and result.output == "{'a': 4, 'b': 6} True\n"
            assert sorted(file.filename for file in result.generated_files) == ["figure-1.png", "out.csv", "x.csv"]
            for path in ("/mnt/data/out.png", "/tmp/out.png"):
                result = await interpreter.run(f"open({path!r}, 'w')", user_id="u")
                assert result.success == (level == "namespaces")
                assert level == "namespaces" or "Hint: this sandbox has no /" in result.error


@pytest.mark.parametrize("row", levels.REASONS, ids=lambda row: row["text"])
def test_every_reason_can_be_told(row: dict[str, object]) -> None:
    """No row is hidden by one above it, and each names something to do."""
    text = {"^landlock: this kernel has ABI 0": "landlock: this kernel has ABI 0", "^landlock: this kernel has ABI": "landlock: this kernel has ABI 4"}.get(
        str(row["text"]), re.sub(r"[\^()]", "", str(row["text"]).split("|")[0])
    )  # fmt: skip
    names = row.get("errno", ["EPERM"])
    assert isinstance(names, list)
    for name in names:
        refused = levels.Refused("namespaces", getattr(errno, name), f"{text} /x: told")
        assert refused.explained() == (row["cause"], row["remedy"])
