"""The system calls that Python 3.11 does not wrap, by ctypes: each raises OSError with the call's name and errno.

Constants are from the Linux UAPI headers named beside them; they are the same on x86_64 and aarch64.
"""

import ctypes
import os

# linux/sched.h
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# linux/mount.h
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_NOATIME = 0x400
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2

# linux/capability.h: version 3 has two 32-bit words a set
CAPABILITY_VERSION_3 = 0x20080522
CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN = 5, 6, 7, 21

# Made here, not where they are used: a new array type costs a sandbox 0.2 ms.
_CAPABILITY_HEADER = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
_NO_CAPABILITIES = (ctypes.c_uint32 * 6)()

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]


def _checked(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(name: str, number: int, *arguments: object) -> int:
    """Make one raw system call; pointers are passed as ctypes objects, integers as they are."""
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _checked(name, _libc.syscall(ctypes.c_long(number), *converted))


def unshare(flags: int) -> None:
    _checked(f"unshare({flags:#x})", _libc.unshare(flags))


def setns(descriptor: int, kind: int) -> None:
    _checked("setns", _libc.setns(descriptor, kind))


def mount(source: str, target: str, filesystem: str | None = None, flags: int = 0, options: str | None = None) -> None:
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        filesystem.encode() if filesystem else None,
        flags,
        options.encode() if options else None,
    )
    _checked(f"mount {filesystem or 'bind'} on {target}", result)


def unmount(target: str, flags: int = 0) -> None:
    _checked(f"umount {target}", _libc.umount2(os.fsencode(target), flags))


def pivot_root(new_root: str, put_old: str) -> None:
    _checked("pivot_root", _libc.pivot_root(os.fsencode(new_root), os.fsencode(put_old)))


def prctl(option: int, *arguments: int) -> int:
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(f"prctl({option})", _libc.prctl(option, *values))


def sethostname(name: str) -> None:
    encoded = name.encode()
    _checked("sethostname", _libc.sethostname(encoded, len(encoded)))


def drop_capabilities() -> None:
    """Give up every capability of the calling thread: effective, permitted, inheritable, and so the ambient ones."""
    _checked("capset", _libc.capset(_CAPABILITY_HEADER, _NO_CAPABILITIES))


def become(uid: int) -> None:
    """Take this uid, and the gid of the same number, for good."""
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    prctl(PR_SET_DUMPABLE, 1)  # or what /proc/self shows would be root's (proc(5))


def become_keeping(uid: int, capabilities: tuple[int, ...]) -> None:
    """Take this uid, keeping a few capabilities, across an execve too (capabilities(7), ambient set)."""
    prctl(PR_SET_KEEPCAPS, 1)
    become(uid)
    mask = sum(1 << capability for capability in capabilities)
    kept = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable
    _checked("capset", _libc.capset(_CAPABILITY_HEADER, kept))
    for capability in capabilities:
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def holds(capability: int) -> bool:
    """Whether this process has it in effect (proc(5), CapEff)."""
    with open("/proc/self/status") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    return bool(effective >> capability & 1)


def flush() -> None:
    """Write out what native code has printed through the C library, as exit(3) does."""
    _libc.fflush(None)
