"""Level `landlock`, where namespaces are refused: the host's own file tree, of which landlock leaves next to nothing.

Where the bot is root each sandbox has a uid of its own. Where it is not, all share the bot's uid: there the system call filter
refuses what landlock cannot (seccomp.toml, `when = "shared uid"`), child processes among it.
"""

import os
import re
import signal
import tempfile
from typing import NoReturn, TypedDict

from . import hints, landlock, libc
from .jail import Limits, Place, Rule

# RLIMIT_NPROC counts the bot's own processes where the uid is shared: a fence far off. The host counts a sandbox's threads.
SHARED_PROCESSES = 4096

# What a sandbox reads of its own process: not `net`, the host's connections, nor `mountinfo`, the host's mounts.
_OWN_PROCESS = ("auxv", "cmdline", "comm", "environ", "fdinfo", "io", "limits", "maps", "mem", "smaps", "smaps_rollup", "stat",
                "statm", "status")  # fmt: skip

_UID = re.compile(rb"^Uid:\t(\d+)", re.MULTILINE)

_KEPT = (libc.CAP_SETUID, libc.CAP_SETGID, libc.CAP_KILL)


class Ground(TypedDict):
    """What the host has prepared for this level; absolute paths of the host."""

    readable: list[str]  # what the zygote may read: without the operator's own packages
    coarse: list[str]  # what a sandbox may, within that: fewer paths, as each costs time
    spaces: str  # where each sandbox makes its own directory
    scratch: str  # the zygote's own
    uid: int  # the zygote's, where sandboxes have uids of their own; else 0
    spare_uid: int  # the last of theirs: of no process but those that kill


class Landlocked:
    """The wall of this level, as the zygote uses it."""

    def __init__(self, landlock_abi: int, ground: Ground) -> None:
        self._abi = landlock_abi
        self._ground = ground
        self._sandboxes: set[int] = set()
        self._zygote = os.getpid()
        self.files = ""
        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)  # what a sandbox's processes leave behind comes to be ours

    def fork(self) -> int:
        pid = os.fork()
        if pid:
            self._sandboxes.add(pid)
        return pid

    def settle(self, limits: Limits, place: Place) -> None:
        if place.uid:
            os.setgroups([])
            libc.become(place.uid)
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)  # no namespace ends it with the zygote
        if os.getppid() != self._zygote:
            os._exit(1)  # the zygote was gone before that
        space = f"{self._ground['spaces']}/{place.name}"
        for path in (space, f"{space}/work", f"{space}/tmp"):
            os.mkdir(path, 0o700)
        self.files = f"{space}/work"
        os.chdir(self.files)
        os.environ.update(
            HOME=self.files,
            TMPDIR=f"{space}/tmp",
            XDG_CACHE_HOME=f"{space}/tmp/.cache",
            XDG_CONFIG_HOME=f"{space}/tmp/.config",
            MPLCONFIGDIR=f"{space}/tmp/matplotlib",
        )
        hints.configure(space, children=bool(place.uid))
        tempfile.tempdir = None  # the zygote's, if a library asked for it

    def enclose(self, place: Place) -> None:
        pass

    def process_limit(self, limits: Limits) -> int:
        return limits.processes if self._ground["uid"] else SHARED_PROCESSES

    def rules(self, place: Place) -> list[Rule]:
        process = f"/proc/{os.getpid()}"
        return [
            *((path, landlock.READ) for path in self._ground["coarse"]),
            (process, landlock.READ_DIR),
            *((f"{process}/{name}", landlock.READ) for name in _OWN_PROCESS),
            (f"{self._ground['spaces']}/{place.name}", landlock.everything(self._abi)),
            *landlock.DEVICES,
        ]

    def end_others(self, pid: int, place: Place) -> None:
        """Kill what has this uid until nothing has: a fork that is under way fails when its parent was sent a signal."""
        self._sandboxes.discard(pid)
        while place.uid and (others := self._orphans(place.uid)):
            killer = os.fork()
            if killer == 0:
                _kill_all_of(place.uid, self._ground["spare_uid"])
            for child in (killer, *others):
                os.waitpid(child, 0)

    def _orphans(self, uid: int) -> list[int]:
        with open("/proc/thread-self/children") as file:
            children = set(map(int, file.read().split()))
        return [pid for pid in children - self._sandboxes if _uid_of(pid) == uid]


def enter(ground: Ground, landlock_abi: int) -> None:
    """In the zygote-to-be, before it is executed: leave the bot's uid where possible, and see no more than a sandbox needs."""
    if ground["uid"]:
        os.setgroups([])
        libc.become_keeping(ground["uid"], _KEPT)
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    writable = landlock.everything(landlock_abi)
    landlock.restrict(
        landlock_abi,
        [
            *((path, landlock.READ) for path in (*ground["readable"], "/proc")),
            *((ground[name], writable) for name in ("spaces", "scratch")),
            *landlock.DEVICES,
        ],
    )


def end_orphans(ground: Ground) -> None:
    """In the launcher, when the zygote is gone: end every process that has come to be this one's child."""
    while True:
        with open("/proc/thread-self/children") as file:
            children = list(map(int, file.read().split()))
        if not children:
            return
        for pid in children:
            uid = _uid_of(pid)
            if ground["uid"] and ground["uid"] <= uid < ground["spare_uid"]:
                killer = os.fork()
                if killer == 0:
                    _kill_all_of(uid, ground["spare_uid"])
                os.waitpid(killer, 0)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _kill_all_of(uid: int, spare: int) -> NoReturn:
    """One call, so that no process can fork away between two (kill(2), pid -1: all but the caller).

    Args:
        spare: the real and saved uid meanwhile: a process of `uid` may not signal one that has it in effect only.
    """
    try:
        os.setresgid(spare, spare, spare)
        os.setresuid(spare, uid, spare)
        libc.drop_capabilities()  # with CAP_KILL it would be every process that there is
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nobody was left
    finally:
        os._exit(0)


def _uid_of(pid: int) -> int:
    """Of bytes: the line before holds the process's name, which may be any but a newline (proc(5))."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            found = _UID.search(status.read())
    except (FileNotFoundError, ProcessLookupError):
        return -1
    return int(found[1]) if found else -1
