"""Starts the zygote where a level wants it; stays behind, outside, to wait for its end.

The keeper runs this with the base interpreter. Standard input gives the launch (JSON), CONTROL_FD becomes the zygote's
control socket, and what the host refuses is told on standard error, in JSON. As root the namespaces are made while
privileged, mapped to ordinary uids, and real root is dropped: no process inside ever has a uid that means something to the
host.
"""

import contextlib
import errno
import json
import os
import signal
import sys
import traceback
from typing import NoReturn, TypedDict

from . import landlock, landlocked, libc, mounts, namespaces

CONTROL_FD = 3
ASK_FOR_MAPS = b"m"
SETUP_FAILED = 70  # EX_SOFTWARE, sysexits.h


class Launch(TypedDict):
    """What the keeper writes to the launcher's standard input."""

    tree: mounts.Tree | None  # level namespaces: the root to build
    ground: landlocked.Ground | None  # level landlock
    outer_uid: int  # what the first uid of the template's user namespace is on the host
    outer_gid: int
    ids: int  # how many follow each other
    landlock_at_least: int  # the ABI below which this level does not keep its promises here
    argv: list[str]  # the zygote's command line
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
    zygote = _start_in_namespaces(launch) if launch["ground"] is None else _start_on(launch["ground"], launch)
    if zygote == 0:
        return SETUP_FAILED
    os.close(CONTROL_FD)
    return _outlive(zygote, launch["ground"])


def _start_in_namespaces(launch: Launch) -> int:
    """Returns: the zygote's pid, 0 where it could not be started."""
    telling, answering = os.pipe(), os.pipe()
    builder = os.fork()
    if builder == 0:
        os.close(telling[0])
        os.close(answering[1])
        _build(launch, telling[1], answering[0])
    os.close(telling[1])
    os.close(answering[0])
    if os.read(telling[0], 1) == ASK_FOR_MAPS:
        namespaces.write_maps(builder, launch["outer_uid"], launch["outer_gid"], launch["ids"])
        os.write(answering[1], ASK_FOR_MAPS)
    zygote = os.read(telling[0], 16)
    status = os.waitpid(builder, 0)[1]
    return 0 if status else int(zygote or 0)


def _build(launch: Launch, tell: int, answer: int) -> NoReturn:
    """In the first child: make the namespaces and the root, then fork pid 1, which becomes the zygote.

    Args:
        tell: pipe to the launcher: ASK_FOR_MAPS, then the zygote's pid as the launcher sees it.
        answer: pipe from the launcher, read when the maps are written.
    """

    def ask_for_maps() -> None:
        os.write(tell, ASK_FOR_MAPS)
        if not os.read(answer, 1):
            os._exit(SETUP_FAILED)

    try:
        assert launch["tree"] is not None
        zygote = namespaces.enter_template(launch["tree"], ask_for_maps)
        if zygote == 0:
            _become_zygote(launch)
        os.write(tell, str(zygote).encode())
        os._exit(0)
    except OSError as error:
        _refused(error)


def _start_on(ground: landlocked.Ground, launch: Launch) -> int:
    zygote = os.fork()
    if zygote == 0:
        try:
            abi = landlock.abi()
            if abi < launch["landlock_at_least"]:
                _raise_if_filtered()
                raise OSError(errno.EOPNOTSUPP, f"landlock: this kernel has ABI {abi}")
            landlocked.enter(ground, abi)
            _become_zygote(launch)
        except OSError as error:
            _refused(error)
    return zygote


def _raise_if_filtered() -> None:
    try:
        landlock.ask()
    except PermissionError:
        raise
    except OSError:
        pass  # the kernel has none


def _become_zygote(launch: Launch) -> NoReturn:
    os.set_inheritable(CONTROL_FD, True)
    os.execve(launch["argv"][0], launch["argv"], launch["environment"])


def _refused(error: OSError) -> NoReturn:
    # A call of libc.py stands in the text already, one of os.py in the line that made it.
    what = error.filename or traceback.extract_tb(error.__traceback__)[-1].line
    reason = error.strerror or ""
    text = reason if ": " in reason else f"{what}: {reason}"
    sys.stderr.write(json.dumps({"errno": error.errno, "text": text}) + "\n")
    sys.stderr.flush()
    os._exit(SETUP_FAILED)


def _outlive(zygote: int, ground: landlocked.Ground | None) -> int:
    """Wait for the zygote; SIGTERM ends it, and with it every sandbox.

    Returns: its exit status, 128 and the signal's number where one killed it.
    """
    pidfd = os.pidfd_open(zygote)

    def end(*_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end)
    status = os.waitpid(zygote, 0)[1]
    if ground is not None:
        landlocked.end_orphans(ground)
    return status >> 8 or 128 + (status & 0x7F)
