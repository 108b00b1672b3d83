"""What an attack is, what its code finds before it, and how it is judged.

An attack is one row: the code of a cell and the promise (README, "What code may do") that it tries to break, by category. It
is run inside the sandbox, where it must not win, and without any sandbox (naive.py), where it must: what cannot succeed
anywhere proves nothing.
"""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Category = Literal[
    "host files",
    "environment",
    "network",
    "descriptors",
    "syscalls",
    "other users",
    "persistence",
    "host parser",
    "forged results",
    "resources",
    "interpreter internals",
]
Judge = Literal["says", "believed", "leaks", "harms"]

# Before each attack's code stands `V = {...}`, what is out there to be attacked (victims.py), and this. It imports nothing
# that the policy refuses, so that under the strict policy each attack is refused for what it does itself.
PRELUDE = """
import hashlib, os, re, sys, time
def win(what=''):
    print('SUCCESS', what, flush=True)
def found(data):
    data = data.encode('utf-8', 'surrogateescape') if isinstance(data, str) else bytes(data)
    for secret in re.findall(rb'SECRET-[0-9a-f]{32}', data):
        if hashlib.sha256(secret).hexdigest() in V['secrets']:
            win(V['secrets'][hashlib.sha256(secret).hexdigest()])
            return True
    return False
def read(path, size=1 << 20):
    try:
        with open(path, 'rb') as file:
            return file.read(size)
    except OSError:
        return b''
"""

# For attacks that make raw system calls: `call('mount', ...)` by name or number; 0 or more is success.
NATIVE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.syscall.restype = ctypes.c_long
FAILED = ctypes.c_void_p(-1).value
def call(name, *arguments):
    number = V['numbers'][name] if isinstance(name, str) else name
    return libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
"""


EVERYWHERE = ","
PIDS = ("landlock", "without a process namespace it can be told whether a process exists, and which group it is in")
STAT = ("landlock", "landlock does not keep code from asking whether a known path exists")

LOCKS = (EVERYWHERE, "flock(2) asks for no more than reading, and programs lock files of their own with it")


@dataclass(frozen=True)
class Attack:
    """One way to break a promise.

    Attributes:
        code: Python source; it prints `SUCCESS <what>` (`win`) when, by its own check, it got what it wanted.
        bites: True where it succeeds without the sandbox, else the reason why that is not tried.
        wins: the judge (below) that says whether it won.
        then: the code of a second call by another user, which looks for what the first left; V['planted'] is what that said.
        privileged: without the sandbox it needs root.
        timeout: seconds that its cell is given.
        not_promised: (where, why): it may win there, as the promise is not given; `where` is a part of a configuration's
            name, such as a level's, and holds everywhere when it is EVERYWHERE.
        unmended: (where, why): it still wins there; the test expects that, and fails when it is mended.
    """

    name: str
    category: Category
    code: str
    bites: bool | str = True
    wins: Judge = "says"
    then: str = ""
    privileged: bool = False
    timeout: float = 10
    not_promised: tuple[str, str] | None = None
    unmended: tuple[str, str] | None = None

    def source(self, victims: dict[str, Any], code: str = "") -> str:
        """The whole cell."""
        code = code or self.code
        known = {name: value for name, value in victims.items() if f"'{name}'" in PRELUDE + code}  # the less to parse
        if "numbers" in known:
            known["numbers"] = {name: number for name, number in known["numbers"].items() if f"'{name}'" in code}
        return f"V = {known!r}\n{PRELUDE}\n{code}"


@dataclass
class Seen:
    """What the host saw of one attack, inside the sandbox or without one."""

    success: bool = False
    output: str = ""
    error: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    harm: list[str] = field(default_factory=list)  # what the host or another user suffered meanwhile

    def as_row(self, won: bool) -> dict[str, Any]:
        """What the driver writes for the tests."""
        row = dataclasses.asdict(self) | {"won": won, "files": sorted(self.files)[:5]}
        return row | {"output": self.output[:500], "error": self.error[-800:]}


SECRET = re.compile(rb"SECRET-[0-9a-f]{32}")


def says(seen: Seen) -> bool:
    """The attack checked for itself, and says that it got what it wanted."""
    return any(line.startswith("SUCCESS") for line in seen.output.splitlines())


def believed(seen: Seen) -> bool:
    """The cell failed, and the host takes it for a success."""
    return seen.success


def leaks(seen: Seen) -> bool:
    """A secret of the operator's came back among the cell's files, or the host followed the attack's orders."""
    return bool(says(seen) or seen.harm or any(SECRET.search(content) for content in seen.files.values()))


def harms(seen: Seen) -> bool:
    """The host or another user suffered: an error that is not a result, a call that did not end in time, a limit passed."""
    return bool(seen.harm) or says(seen)


JUDGES: dict[Judge, Callable[[Seen], bool]] = {"says": says, "believed": believed, "leaks": leaks, "harms": harms}


def table(category: Category, rows: list[Attack]) -> list[Attack]:
    """The rows of one category, checked for being it."""
    assert all(row.category == category for row in rows)
    return rows
