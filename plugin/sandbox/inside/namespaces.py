"""Level `namespaces`: a root of our own and, for each sandbox, its own processes, mounts, network, IPC and user ids."""

import os
from collections.abc import Callable

from . import landlock, libc, mounts
from .jail import Limits, Place, Rule

USER_ID = 1000  # as code sees itself; an ordinary, unprivileged uid on the host whatever this says
_OF_A_SANDBOX = libc.CLONE_NEWNS | libc.CLONE_NEWNET | libc.CLONE_NEWIPC
_OF_THE_TEMPLATE = (
    libc.CLONE_NEWNS
    | libc.CLONE_NEWPID
    | libc.CLONE_NEWNET
    | libc.CLONE_NEWIPC
    | libc.CLONE_NEWUTS
    | libc.CLONE_NEWCGROUP
)
WORK, TMP, FILES = "/work", "/tmp", "/files"


class Namespaces:
    """The wall of this level, as the zygote uses it; the zygote is pid 1 and uid 0 of the template's namespaces."""

    files = FILES

    def __init__(self, landlock_abi: int) -> None:
        self._abi = landlock_abi
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def fork(self) -> int:
        libc.setns(self._own, libc.CLONE_NEWPID)  # a fork fails while the last one's namespace is dead
        libc.unshare(libc.CLONE_NEWPID)
        return os.fork()

    def settle(self, limits: Limits, place: Place) -> None:
        """/proc is mounted while the zygote's is still fully visible, so before the inner user namespace."""
        libc.unshare(_OF_A_SANDBOX)
        mounts.mount_sandbox(limits.space_bytes, limits.inodes, place.uid)
        os.chdir(WORK)
        if place.uid:
            libc.become(place.uid)

    def enclose(self, place: Place) -> None:
        libc.unshare(libc.CLONE_NEWUSER)
        # user_namespaces(7): setgroups is denied before an unprivileged gid map may be written
        for name, text in (
            ("setgroups", "deny"),
            *((kind, f"{USER_ID} {place.uid} 1") for kind in ("uid_map", "gid_map")),
        ):
            file = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
            os.write(file, text.encode())
            os.close(file)

    def process_limit(self, limits: Limits) -> int:
        return limits.processes  # counted for each user namespace

    def rules(self, place: Place) -> list[Rule]:
        writable = landlock.everything(self._abi)
        return [("/", landlock.READ), (WORK, writable), (TMP, writable), *landlock.DEVICES]

    def end_others(self, pid: int, place: Place) -> None:
        """Nothing: a pid namespace ends with its first process."""


def enter_template(tree: mounts.Tree, ask_for_maps: Callable[[], None]) -> int:
    """Make the template's namespaces and root; fork pid 1 in them.

    Args:
        ask_for_maps: has the launcher, outside, write the maps of this process's user namespace.

    Returns: 0 in the child, which is to become the zygote; its pid in this process.
    """
    if libc.holds(libc.CAP_SYS_ADMIN):
        # Created while privileged: some hosts restrict what an unprivileged process's user namespace may do.
        os.setgroups([])
        libc.unshare(libc.CLONE_NEWNS)
        mounts.build_root(tree, mounts.open_sources(tree))
        libc.unshare(libc.CLONE_NEWUSER | _OF_THE_TEMPLATE)
        ask_for_maps()
        libc.become(0)
    else:
        libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWNS)
        ask_for_maps()
        sources = mounts.open_sources(
            tree
        )  # paths may lead through directories that only this process's own uid may search
        libc.become(0)
        mounts.build_root(tree, sources)
        libc.unshare(_OF_THE_TEMPLATE & ~libc.CLONE_NEWNS)
    libc.sethostname("cellblock")
    zygote = os.fork()
    if zygote == 0:
        mounts.finish_root()
    return zygote


def write_maps(pid: int, outer_uid: int, outer_gid: int, count: int) -> None:
    """Map the first `count` uids and gids of a process's new user namespace to ordinary ones of the host."""
    maps = (("setgroups", "deny"), ("uid_map", f"0 {outer_uid} {count}"), ("gid_map", f"0 {outer_gid} {count}"))
    for name, text in maps:
        with open(f"/proc/{pid}/{name}", "w") as file:
            file.write(text)
