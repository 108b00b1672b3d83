"""Where and when a run took place: what a reader must know before he compares it with another."""

import datetime
import os
import platform
from pathlib import Path


def facts() -> dict[str, str]:
    """Taken before the run: the load average is the machine's own, not the benchmarks'."""
    settings = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("CELLBLOCK_"))
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "user": "root" if os.geteuid() == 0 else f"an ordinary user (uid {os.geteuid()})",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB",
        "load": load(),
        "python": platform.python_version(),
        "settings": " ".join(settings) or "defaults",
    }


def load() -> str:
    return " ".join(Path("/proc/loadavg").read_text().split()[:3])
