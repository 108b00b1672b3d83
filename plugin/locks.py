"""Locks on open files and directories, which the system lets go of with the process: flock(2)."""


def shared(descriptor: int) -> bool:
    """Lock it with others, at once or not at all. Where the file system has no such locks, all may use it."""
    import fcntl  # not on every system that this package is imported on

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def alone(descriptor: int) -> bool:
    """Lock it without others, at once or not at all. Where the file system has no such locks, nobody may.

    Raises:
        OSError: it has none.
    """
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_alone(descriptor: int) -> None:
    """Lock it without others, when those that hold it let go.

    Raises:
        OSError: the file system has no such locks.
    """
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX)


def release(descriptor: int) -> None:
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_UN)
