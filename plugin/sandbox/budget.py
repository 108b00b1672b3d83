"""How much memory all running cells may have together, so that the host neither swaps nor kills this process.

Two things end it: the machine's memory, and the limit of a cgroup that this process is in. Files: proc(5), cgroup-v1/memory.rst
and cgroup-v2.rst of the kernel's documentation. Everything here blocks and is called in a thread.
"""

import logging
from pathlib import Path

from . import cgroups

log = logging.getLogger("cellblock.sandbox")

SHARE = 0.75  # the rest is for this process, which holds results' files in memory, and for what else the machine does
NO_LIMIT = 2**62  # v1 says that there is none with the largest multiple of a page


def measure(proc: Path = cgroups.PROC, root: Path = cgroups.ROOT) -> int | None:
    """Bytes that cells may use from now on: a share of what is left of the tightest bound; None where nothing tells.

    Args:
        proc: where procfs is.
        root: where cgroups are.
    """
    bounds = [_available(proc)]
    for path, files in cgroups.own_groups(proc, root):
        bounds += [_left(group, files) for group in (path, *path.parents) if group.is_relative_to(root)]
    known = [bound for bound in bounds if bound is not None]
    return int(min(known) * SHARE) if known else None


def _available(proc: Path) -> int | None:
    """What the machine can give without swapping."""
    try:
        sizes = _table(proc / "meminfo")
        return sizes["MemAvailable:"] * 1024
    except (OSError, ValueError, KeyError) as error:
        log.debug("the machine's free memory is not known: %r", error)
        return None


def _left(group: Path, files: cgroups.Files) -> int | None:
    """What one group's limit leaves; None where it has none. Cached files are not in use: the kernel drops them first."""
    limits = [limit for name in files.bounds if (limit := _limit(group / name)) is not None]
    if not limits:
        return None
    try:
        used = int((group / files.usage).read_text())
        cached = sum(size for name, size in _table(group / "memory.stat").items() if name in files.cached)
    except (OSError, ValueError) as error:
        log.debug("what %s uses is not known: %r", group, error)
        return min(limits)
    return max(0, min(limits) - max(0, used - cached))


def _limit(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
        return None if text == "max" or int(text) >= NO_LIMIT else int(text)
    except (OSError, ValueError):  # the root group has no such file
        return None


def _table(path: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    return {words[0]: int(words[1]) for line in path.read_text().splitlines() if len(words := line.split()) > 1}
