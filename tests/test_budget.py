"""What cells may use together is read rightly from every form in which a host tells it."""

import asyncio
import os
from itertools import pairwise
from pathlib import Path

import pytest

from plugin import Interpreter
from plugin.sandbox import budget

MB = 1024**2
V1_UNLIMITED = 0x7FFFFFFFFFFFF000  # LONG_MAX in whole pages, as the kernel shows it


class Host:
    """Files as a host has them in /proc and /sys/fs/cgroup."""

    def __init__(self, path: Path, available_mb: int | None = 8000) -> None:
        self.proc, self.root = path / "proc", path / "cgroup"
        (self.proc / "self").mkdir(parents=True)
        self.root.mkdir()
        if available_mb is not None:
            text = f"MemTotal:       16000000 kB\nMemAvailable:   {available_mb * 1024} kB\nHugePages_Total:       0\n"
            (self.proc / "meminfo").write_text(text)

    def is_in(self, *lines: str) -> None:
        (self.proc / "self" / "cgroup").write_text("".join(f"{line}\n" for line in lines))

    def v1(self, group: str, limit: int, used: int, cached: int = 0) -> None:
        path = self.root / "memory" / group
        path.mkdir(parents=True, exist_ok=True)
        (path / "memory.limit_in_bytes").write_text(f"{limit}\n")
        (path / "memory.usage_in_bytes").write_text(f"{used}\n")
        stat = f"cache 1\nactive_file 5\ntotal_active_file {cached // 2}\ntotal_inactive_file {cached // 2}\n"
        (path / "memory.stat").write_text(stat)

    def v2(self, group: str, limit: int | str, used: int, cached: int = 0, high: int | str = "max") -> None:
        path = self.root / group
        path.mkdir(parents=True, exist_ok=True)
        (path / "memory.max").write_text(f"{limit}\n")
        (path / "memory.high").write_text(f"{high}\n")
        (path / "memory.current").write_text(f"{used}\n")
        (path / "memory.stat").write_text(f"anon 7\nactive_file 0\ninactive_file {cached}\n")

    def left_mb(self) -> float | None:
        """What the tightest bound leaves, before the share that is kept back."""
        measured = budget.measure(self.proc, self.root)
        return None if measured is None else round(measured / MB / budget.SHARE, 3)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_without_a_cgroup_the_machine_decides(host: Host) -> None:
    """No /proc/self/cgroup at all, and one that names no memory controller."""
    assert host.left_mb() == 8000
    host.is_in("3:cpuset:/a", "1:name=systemd:/a")
    assert host.left_mb() == 8000


def test_a_share_is_kept_back(host: Host) -> None:
    """The process itself needs memory too."""
    assert budget.measure(host.proc, host.root) == int(8000 * MB * budget.SHARE)


def test_v1(host: Host) -> None:
    """Limit minus use; what only caches files is not in use."""
    host.is_in("4:memory:/bot", "0::/bot")
    host.v1("", V1_UNLIMITED, 9000 * MB)
    host.v1("bot", 2000 * MB, 700 * MB, cached=200 * MB)
    assert host.left_mb() == 1500


def test_v1s_huge_number_is_no_limit(host: Host) -> None:
    """Even where the machine does not tell what it has."""
    host.is_in("4:cpu,memory:/bot")
    host.v1("bot", V1_UNLIMITED, 700 * MB)
    assert host.left_mb() == 8000
    (host.proc / "meminfo").unlink()
    assert host.left_mb() is None


def test_v2(host: Host) -> None:
    """The same with the files of the unified hierarchy; the root group has none."""
    host.is_in("0::/system.slice/bot.service")
    host.v2("system.slice/bot.service", 2000 * MB, 700 * MB, cached=200 * MB)
    assert host.left_mb() == 1500


def test_v2_without_a_limit(host: Host) -> None:
    """`max` is none."""
    host.is_in("0::/bot")
    host.v2("bot", "max", 700 * MB)
    assert host.left_mb() == 8000


def test_what_slows_a_group_down_bounds_it_too(host: Host) -> None:
    """memory.high is where swapping begins."""
    host.is_in("0::/bot")
    host.v2("bot", 4000 * MB, 100 * MB, high=1100 * MB)
    assert host.left_mb() == 1000


def test_a_tighter_parent_decides(host: Host) -> None:
    """A group may have no limit, or a larger one than what it is in."""
    host.is_in("0::/user.slice/session/bot")
    host.v2("user.slice/session/bot", "max", 100 * MB)
    host.v2("user.slice/session", 3000 * MB, 200 * MB)
    host.v2("user.slice", 2000 * MB, 1500 * MB)
    assert host.left_mb() == 500
    host.v2("user.slice/session/bot", 200 * MB, 100 * MB)
    assert host.left_mb() == 100


@pytest.mark.parametrize("line", ["4:memory:/docker/0123", "0::/docker/0123", "0::/../0123"])
def test_in_a_container_that_shows_its_own_group_as_the_root(host: Host, line: str) -> None:
    """The path in /proc/self/cgroup is the host's there, and does not exist here."""
    host.is_in(line)
    host.v1("", 1000 * MB, 400 * MB)
    if line.startswith("0:"):
        host.v2("", 1000 * MB, 400 * MB)
    assert host.left_mb() == 600


def test_a_group_that_is_over_its_limit_leaves_nothing(host: Host) -> None:
    """Never less than nothing."""
    host.is_in("0::/bot")
    host.v2("bot", 100 * MB, 150 * MB)
    assert host.left_mb() == 0


@pytest.mark.parametrize("name", ["memory.max", "memory.current", "memory.stat"])
@pytest.mark.parametrize("content", [b"what", b"", b"\xff\xfe", None])
def test_files_that_cannot_be_read_are_passed_over(host: Host, name: str, content: bytes | None) -> None:
    """What else is known still counts."""
    host.is_in("0::/bot")
    host.v2("bot", 900 * MB, 100 * MB)
    host.v2("", 7000 * MB, 100 * MB)
    path = host.root / "bot" / name
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    left = host.left_mb()
    assert left in (6900, 800, 900)
    assert (left == 6900) == (name == "memory.max")


@pytest.mark.parametrize("text", ["", "MemTotal: 5 kB\n", "MemAvailable: much kB\n"])
def test_nothing_known(tmp_path: Path, text: str) -> None:
    """A host that tells nothing: None, and the other limits hold."""
    host = Host(tmp_path, None)
    assert host.left_mb() is None
    (host.proc / "meminfo").write_text(text)
    assert host.left_mb() is None


def test_this_host() -> None:
    """The real files: no more than the machine has."""
    measured = budget.measure()
    assert measured is not None and 0 <= measured < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("budget_mb", [100, 320, 639])
async def test_cells_wait_for_one_another_where_memory_holds_only_one(home: Path, budget_mb: int) -> None:
    """Three users' cells of 320 MiB each: none begins before the last has ended."""
    code = "import time; began = time.monotonic(); time.sleep(0.2); print(began, time.monotonic())"
    sizes = {"memory_bytes": 256 * MB, "work_bytes": 64 * MB, "memory_budget_bytes": budget_mb * MB}
    async with Interpreter(home=home, **sizes) as interpreter:
        results = await asyncio.gather(*(interpreter.run(code, user_id=user) for user in range(3)))
    spans = sorted(tuple(map(float, result.output.split())) for result in results)
    assert all(ended < began for (_, ended), (began, _) in pairwise(spans))
