"""Installs a system call filter that the host compiled from seccomp.toml."""

import ctypes
import os
import struct

from . import libc

PR_SET_SECCOMP = 22  # linux/prctl.h
SECCOMP_MODE_FILTER = 2  # linux/seccomp.h
INSTRUCTION_BYTES = 8  # struct sock_filter, linux/filter.h


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def install(program: bytes, own_pid_at: list[int]) -> None:
    """Put the filter on the calling thread and all it will start; no_new_privs must be set already.

    Args:
        own_pid_at: offsets in bytes of the operands that stand for this process's own pid.
    """
    if own_pid_at:
        own = bytearray(program)
        for offset in own_pid_at:
            struct.pack_into("<I", own, offset, os.getpid())
        program = bytes(own)
    header = _Program(len(program) // INSTRUCTION_BYTES, program)
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header))
