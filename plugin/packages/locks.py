"""Locks on open files and directories, which the system lets go of with the process: flock(2), never waited for."""


def shared(descriptor: int) -> bool:
    """Lock it with others. Where the file system has no such locks, all may use it."""
    import fcntl  # not on every system that this package is imported on

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def alone(descriptor: int) -> bool:
    """Lock it without others. Where the file system has no such locks, nobody may.

    Raises:
        OSError: it has none.
    """
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def release(descriptor: int) -> None:
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)
