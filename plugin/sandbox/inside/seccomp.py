"""Installs a system call filter that the host compiled from seccomp.toml."""

import ctypes

from . import libc

PR_SET_SECCOMP = 22  # linux/prctl.h
SECCOMP_MODE_FILTER = 2  # linux/seccomp.h
INSTRUCTION_BYTES = 8  # struct sock_filter, linux/filter.h


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def install(program: bytes) -> None:
    """Put the filter on the calling thread and all it will start; no_new_privs must be set already."""
    header = _Program(len(program) // INSTRUCTION_BYTES, program)
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header))
