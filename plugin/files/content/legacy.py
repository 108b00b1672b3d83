"""Content that the original bot left: where its document says, but only beneath that user's own directory under the bot's root.

A document is data that others can write: whatever it points to elsewhere is neither opened nor deleted.
"""

import os
import stat
from pathlib import Path

from ..users import UserId

CONTENT = "legacy"  # of a record's `content`
USER_FILES = "user_files"  # <root>/user_files/<user id>/<file>, as the original's guide shows it


def opened(root: Path | None, user_id: UserId, file_path: str) -> int:
    """A descriptor to read from; the caller closes it. Blocks.

    Raises:
        KeyError: it is not there, no regular file, or not beneath the user's directory.
    """
    directory, name = _place(root, user_id, file_path)
    try:
        # Without O_NONBLOCK a FIFO would hang whoever opens it.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(name, flags, dir_fd=directory)
    except OSError:
        raise KeyError(file_path) from None
    finally:
        os.close(directory)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise KeyError(file_path)
    return descriptor


def removed(root: Path | None, user_id: UserId, file_path: str) -> bool:
    """Delete it; False where it is not there or not that user's. Blocks."""
    try:
        directory, name = _place(root, user_id, file_path)
    except KeyError:
        return False
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:
        return False
    finally:
        os.close(directory)
    return True


def _place(root: Path | None, user_id: UserId, file_path: str) -> tuple[int, str]:
    """The directory that holds it, opened without following a link below the root, and its name there."""
    own = str(user_id)
    if root is None or "\0" in file_path or own in ("", ".", "..") or "/" in own:
        raise KeyError(file_path)
    parts = Path(file_path).parts[len(root.parts) :]
    if Path(file_path).parts[: len(root.parts)] != root.parts or parts[:2] != (USER_FILES, own) or len(parts) < 3:
        raise KeyError(file_path)
    if ".." in parts:
        raise KeyError(file_path)
    try:
        directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        raise KeyError(file_path) from None
    for part in parts[:-1]:
        try:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        except (OSError, ValueError):
            raise KeyError(file_path) from None
        finally:
            os.close(directory)
        directory = inner
    return directory, parts[-1]
