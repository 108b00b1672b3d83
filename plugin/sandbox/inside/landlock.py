"""Landlock: what files may be touched, and no TCP, abstract sockets or signals beyond this sandbox.

Numbers and bits are from linux/landlock.h and Documentation/userspace-api/landlock.rst (checked 2026-11).
"""

import ctypes
import os
import stat

from . import libc

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
CREATE_RULESET_VERSION = 1 << 0
RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
ALL_OF_ABI_1 = (1 << 13) - 1
ON_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # a rule on a file may carry no other (else EINVAL)
READ = EXECUTE | READ_FILE | READ_DIR
WRITE_DEVICE = READ_FILE | WRITE_FILE | TRUNCATE
Rule = tuple[str, int]  # path, rights beneath it
DEVICES: list[Rule] = [(device, WRITE_DEVICE) for device in ("/dev/null", "/dev/full")]

NET_BIND_TCP, NET_CONNECT_TCP = 1 << 0, 1 << 1  # ABI 4
SCOPE_ABSTRACT_UNIX_SOCKET, SCOPE_SIGNAL = 1 << 0, 1 << 1  # ABI 6


class _RulesetAttr(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def abi() -> int:
    """The kernel's landlock version, 0 where it has none."""
    try:
        return ask()
    except OSError:
        return 0


def ask() -> int:
    """What the kernel says of its version.

    Raises:
        OSError: ENOSYS or EOPNOTSUPP: it has none. EPERM: a filter around this process refuses the question.
    """
    return libc.syscall("landlock_create_ruleset", CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)


def everything(version: int) -> int:
    """All file rights that a kernel of this ABI knows."""
    rights = ALL_OF_ABI_1
    rights |= REFER if version >= 2 else 0
    rights |= TRUNCATE if version >= 3 else 0
    rights |= IOCTL_DEV if version >= 5 else 0
    return rights


def restrict(version: int, rules: list[Rule]) -> None:
    """Allow these rights beneath these paths and nothing else, for good.

    Args:
        version: what `abi` said; 0 does nothing, and the level's other walls hold alone.
        rules: rights that this kernel does not know, or that a file cannot have, are left out.
    """
    if version == 0:
        return
    handled = everything(version)
    attr = _RulesetAttr(
        handled,
        NET_BIND_TCP | NET_CONNECT_TCP if version >= 4 else 0,
        SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall("landlock_create_ruleset", CREATE_RULESET, ctypes.byref(attr), size, 0)
    try:
        for path, rights in rules:
            parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                known = handled if stat.S_ISDIR(os.fstat(parent).st_mode) else handled & ON_A_FILE
                rule = _PathBeneathAttr(rights & known, parent)
                libc.syscall("landlock_add_rule", ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(rule), 0)
            finally:
                os.close(parent)
        libc.syscall("landlock_restrict_self", RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
