"""Finds out what this host can hold: makes real sandboxes and tries in them to break each promise (promises.toml)."""

import asyncio
import contextlib
import os
import secrets
import socket
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from ..config import Settings
from ..errors import SandboxUnavailable
from . import levels
from .client import Sandbox
from .pool import Pool
from .template import Library

ATTEMPT_SECONDS = 20.0
MAX_SAID_BYTES = 1000
PRELUDE = "import ctypes, os, signal\nlibc = ctypes.CDLL(None)\n"
VARIABLE = "CELLBLOCK_PROBE_SECRET"

PROMISES: list[dict[str, Any]] = tomllib.loads(resources.files(__package__).joinpath("promises.toml").read_text())[
    "promise"
]


@dataclass(frozen=True)
class Finding:
    """One promise: `by` is what holds it, '' where nothing does; `but` what it leaves out; `broken` how it was broken."""

    name: str
    says: str
    by: str
    but: str
    broken: str

    @property
    def holds(self) -> bool:
        return bool(self.by) and not self.broken


@dataclass(frozen=True)
class Report:
    """What a host can hold.

    Attributes:
        level: the strongest that it gives.
        landlock_abi: 0 where the kernel has no landlock.
        separate: each sandbox has a uid of its own.
        cgroup: each sandbox has a memory cgroup.
        refused: the stronger levels, with what to change.
    """

    level: levels.Level
    landlock_abi: int
    separate: bool
    cgroup: bool
    refused: tuple[levels.Refused, ...]
    findings: tuple[Finding, ...]


async def probe(settings: Settings) -> Report:
    """Build the strongest sandbox that this host gives and attack it.

    Raises:
        SandboxUnavailable: the host gives none that the settings accept.
    """
    small = settings.model_copy(update={"pool_min": 0, "work_bytes": min(settings.work_bytes, 64 * 1024**2)})
    with _scratch() as scratch, _victims(Path(scratch)) as victims:
        pool = Pool(small, Library(victims.pop("no_packages"), Path(scratch, "no-fonts")), [])
        try:
            await pool.start()
            return await _report(pool, small, victims)
        finally:
            await pool.aclose()


async def _report(pool: Pool, settings: Settings, victims: dict[str, Any]) -> Report:
    facts = await pool.facts()
    values = victims | {
        "memory": settings.memory_bytes,
        "processes": settings.max_processes,
        "space": settings.work_bytes,
    }
    findings = []
    for row in PROMISES:
        async with pool.sandbox() as sandbox:
            said = await _attempt(sandbox, PRELUDE + row["attempt"].format(**values))
        by = _what_holds(row["by"], facts)
        findings.append(Finding(row["name"], row["says"], by.get("text", ""), by.get("but", ""), said))
    return Report(
        facts["level"], facts["abi"], facts["separate"], facts["cgroup"], tuple(pool.refused), tuple(findings)
    )


def _what_holds(rows: list[dict[str, Any]], facts: dict[str, Any]) -> dict[str, Any]:
    return next((row for row in rows if all(row[key] == facts[key] for key in row.keys() & facts.keys())), {})


async def _attempt(sandbox: Sandbox, code: str) -> str:
    """Returns: what the code said of its success, '' where it had none."""
    sandbox.listen(MAX_SAID_BYTES, None)
    await sandbox.parse(code, {}, at_once=True)
    deadline = asyncio.get_running_loop().time() + ATTEMPT_SECONDS
    run = await sandbox.run({}, {}, timeout=ATTEMPT_SECONDS, deadline=deadline)
    trouble = run.error if run.outcome.kind == "exception" else ""
    return "; ".join(filter(None, (*run.outputs.text().splitlines(), trouble)))


def _scratch() -> "tempfile.TemporaryDirectory[str]":
    try:
        return tempfile.TemporaryDirectory(prefix="cellblock-probe-")
    except OSError as error:
        raise SandboxUnavailable(
            f"no directory for temporary files: {error}; set TMPDIR to one that can be written"
        ) from None


@contextlib.contextmanager
def _victims(scratch: Path) -> Iterator[dict[str, Any]]:
    """What a sandbox must not reach: a file, a directory, an environment variable, a process, sockets."""
    file, secret = scratch / "secret", secrets.token_hex(16)
    file.write_text(secret)
    scratch.chmod(0o755)
    no_packages = scratch / "no-packages"
    no_packages.mkdir(mode=0o755)
    os.environ[VARIABLE] = secret
    try:
        with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as path, socket.socket(socket.AF_UNIX) as abstract:
            tcp.bind(("127.0.0.1", 0))
            name = str(scratch / "socket")
            path.bind(name)
            abstract.bind(f"\0{name}")
            for listener in (tcp, path, abstract):
                listener.listen()
            yield {
                "no_packages": no_packages,
                "file": str(file),
                "directory": str(scratch),
                "pid": os.getpid(),
                "secret": secret,
                "port": tcp.getsockname()[1],
                "socket": name,
            }
    finally:
        del os.environ[VARIABLE]
