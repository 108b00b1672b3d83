"""Builds the template and starts the zygote in it; stays behind, outside, only to wait for its end.

The keeper runs this with the base interpreter. Standard input gives the launch (JSON), CONTROL_FD becomes the
zygote's control socket, and a failure is told in one line on standard error. As root the namespaces are made while privileged,
mapped to an ordinary uid, and real root is dropped: no process inside ever has a uid that means something to the host.
"""

import json
import os
import signal
import sys
from typing import TypedDict

from . import libc, mounts

CONTROL_FD = 3
ASK_FOR_MAPS = b"m"
SETUP_FAILED = 70  # EX_SOFTWARE, sysexits.h

_SANDBOX_NAMESPACES = (
    libc.CLONE_NEWNS
    | libc.CLONE_NEWPID
    | libc.CLONE_NEWNET
    | libc.CLONE_NEWIPC
    | libc.CLONE_NEWUTS
    | libc.CLONE_NEWCGROUP
)


class Launch(TypedDict):
    """What the keeper writes to the launcher's standard input."""

    tree: mounts.Tree
    outer_uid: int  # what uid 0 of the template's user namespace is on the host
    outer_gid: int
    argv: list[str]  # the zygote's command line, inside
    environment: dict[str, str]


def main(control_fd: int) -> int:
    """Launch the zygote with `control_fd` as its socket; return its exit status when it is gone."""
    launch: Launch = json.load(sys.stdin)
    # Whatever the operator's: another uid than this one must search the template, and code's files have modes that it expects.
    os.umask(0o022)
    os.dup2(control_fd, CONTROL_FD, inheritable=False)
    if control_fd != CONTROL_FD:
        os.close(control_fd)
    # Orphans are handed up to here, so that this process, and so the keeper, sees the zygote's end.
    libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
    telling, answering = os.pipe(), os.pipe()
    builder = os.fork()
    if builder == 0:
        os.close(telling[0])
        os.close(answering[1])
        _build(launch, telling[1], answering[0])
    os.close(CONTROL_FD)
    os.close(telling[1])
    os.close(answering[0])
    if os.read(telling[0], 1) == ASK_FOR_MAPS:
        _write_maps(builder, launch["outer_uid"], launch["outer_gid"])
        os.write(answering[1], ASK_FOR_MAPS)
    zygote = os.read(telling[0], 16)
    status = os.waitpid(builder, 0)[1]
    if status or not zygote:
        return SETUP_FAILED
    return _outlive(int(zygote))


def _build(launch: Launch, tell: int, answer: int) -> None:
    """In the first child: make the namespaces and the root, then fork pid 1, which becomes the zygote. Never returns.

    Args:
        tell: pipe to the launcher: ASK_FOR_MAPS, then the zygote's pid as the launcher sees it.
        answer: pipe from the launcher, read when the maps are written.
    """

    def maps_written() -> None:
        os.write(tell, ASK_FOR_MAPS)
        if not os.read(answer, 1):
            os._exit(SETUP_FAILED)

    try:
        if os.geteuid() == 0:
            os.setgroups([])
            libc.unshare(libc.CLONE_NEWNS)
            # Paths to the interpreter may lead through directories that only root may search.
            mounts.build_root(launch["tree"])
            libc.unshare(libc.CLONE_NEWUSER | _SANDBOX_NAMESPACES)
            maps_written()
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
        else:
            libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWNS)
            maps_written()
            mounts.build_root(launch["tree"])
            libc.unshare(_SANDBOX_NAMESPACES & ~libc.CLONE_NEWNS)
        libc.sethostname("cellblock")
        zygote = os.fork()
        if zygote == 0:
            mounts.finish_root()
            os.set_inheritable(CONTROL_FD, True)
            os.execve(launch["argv"][0], launch["argv"], launch["environment"])
        os.write(tell, str(zygote).encode())
        os._exit(0)
    except OSError as error:
        sys.stderr.write(f"{error.strerror}\n")
        sys.stderr.flush()
        os._exit(SETUP_FAILED)


def _write_maps(pid: int, outer_uid: int, outer_gid: int) -> None:
    """user_namespaces(7): setgroups is denied before an unprivileged gid map may be written."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {outer_uid} 1"), ("gid_map", f"0 {outer_gid} 1")):
        with open(f"/proc/{pid}/{name}", "w") as file:
            file.write(text)


def _outlive(zygote: int) -> int:
    """Wait for the zygote; SIGTERM ends it, and with it every sandbox."""
    signal.signal(signal.SIGTERM, lambda *_: os.kill(zygote, signal.SIGKILL))
    return os.waitstatus_to_exitcode(os.waitpid(zygote, 0)[1]) & 0xFF
