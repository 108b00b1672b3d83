"""Opens what code may have made unreadable. What a name means may change at any time; what is open stays what it is."""

import contextlib
import os
import stat


def open_directory(name: str, parent: int) -> int:
    """Open a directory for listing, changing its mode where that keeps its owner out.

    Raises:
        OSError: it is none, a link among them, or it is not this process's to open.
    """
    held = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    return _reopened(held, os.O_DIRECTORY, 0o700)


def open_file(name: str, parent: int) -> int:
    """Open a regular file for reading, likewise.

    Raises:
        OSError: it is none, a link among them, or it is not this process's to open.
    """
    held = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(held).st_mode):
        os.close(held)
        raise PermissionError(f"{name!r} is not a regular file")
    return _reopened(held, os.O_NONBLOCK | os.O_NOCTTY, 0o600)


def _reopened(held: int, flags: int, mode: int) -> int:
    itself = f"/proc/self/fd/{held}"
    try:
        if os.fstat(held).st_mode & mode != mode:
            with contextlib.suppress(PermissionError):  # of another owner: its mode is not this process's to change
                os.chmod(itself, mode)
        return os.open(itself, os.O_RDONLY | os.O_CLOEXEC | flags)
    finally:
        os.close(held)
