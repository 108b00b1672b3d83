"""A host that refuses system calls, as a container's default profile or a restricted kernel does.

`python refusing.py NAME[=ERRNO][,...] -- COMMAND ...` executes the command under a seccomp filter that answers the named calls
with an errno (EPERM where none is given); `proc` refuses to mount a proc file system only. `launchers_refused` puts it before
every launcher of this process, so that the whole product meets such a host.
"""

import contextlib
import ctypes
import errno
import os
import platform
import struct
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

LOAD, RETURN, JUMP_EQUAL = 0x20, 0x06, 0x15
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
MOUNT_FLAGS_OFFSET = 16 + 8 * 3
PROC_FLAGS = 0xE  # nosuid, nodev, noexec: how proc alone is mounted
NUMBERS = tomllib.loads((Path(__file__).parent.parent / "plugin/sandbox/seccomp.toml").read_text())["numbers"]


@contextlib.contextmanager
def launchers_refused(*calls: str, landlock_abi: int | None = None) -> Iterator[None]:
    """Every launcher that is started within the block meets a host that refuses these calls.

    Args:
        landlock_abi: what the kernel is made to say of itself, instead of the truth.
    """
    from plugin.sandbox import template

    usual = template.launcher_command, template.LAUNCHER_PROGRAM, template.ZYGOTE_PROGRAM
    if calls:
        prefix = [sys.executable, "-I", str(Path(__file__)), ",".join(calls), "--"]
        template.launcher_command = lambda control_fd: [*prefix, *usual[0](control_fd)]
    if landlock_abi is not None:
        pretend = f"from inside import landlock\nlandlock.abi = lambda: {landlock_abi}\n"
        template.LAUNCHER_PROGRAM, template.ZYGOTE_PROGRAM = pretend + usual[1], pretend + usual[2]
    try:
        yield
    finally:
        template.launcher_command, template.LAUNCHER_PROGRAM, template.ZYGOTE_PROGRAM = usual


NAMESPACES_REFUSED = ("unshare", "mount", "pivot_root", "umount2", "setns")  # Docker's default profile


def _filter(calls: list[str]) -> bytes:
    column = 0 if platform.machine() == "x86_64" else 1
    program = [(LOAD, 0, 0, 0)]
    for call in calls:
        name, _, answer = call.partition("=")
        refuse = (RETURN, 0, 0, ERRNO | getattr(errno, answer or "EPERM"))
        if name == "proc":
            number = NUMBERS["mount"][column]
            program += [
                (JUMP_EQUAL, 0, 4, number),
                (LOAD, 0, 0, MOUNT_FLAGS_OFFSET),
                (JUMP_EQUAL, 0, 1, PROC_FLAGS),
                refuse,
            ]
            program += [(LOAD, 0, 0, 0)]
        else:
            number = {"landlock_create_ruleset": 444}.get(name) or NUMBERS[name][column]
            program += [(JUMP_EQUAL, 0, 1, number), refuse]
    program.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("<HBBI", *row) for row in program)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def main() -> None:
    calls, _, *command = sys.argv[1:]
    code = _filter(calls.split(","))
    header = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    for option, *arguments in ((38, 1, 0, 0, 0), (22, 2, ctypes.byref(header))):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        if libc.prctl(option, *arguments):
            raise OSError(ctypes.get_errno(), "prctl")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
