"""What a sandbox or its level lacks, told to the code that runs into it: the network, child processes, absolute paths."""

import _multiprocessing
import _posixshmem
import _posixsubprocess
import mimetypes
import os
import subprocess
from typing import Any, NoReturn

from . import data_sets

NO_CHILDREN = (
    "child processes are not available in this sandbox: its host refuses namespaces and the interpreter does not run as "
    "root there; use threads, or do the work in this process"
)
NOT_SHARED = (
    "semaphores and memory shared between processes are not available in this sandbox: its host refuses namespaces, and its "
    "/dev/shm is everybody's; use threads, or processes with pipes"
)
WRITTEN_BY_HABIT = ("/work", "/mnt/data", "/files", "/tmp", "/dev/shm")
NO_SUCH_PLACE = (
    "Hint: this sandbox has no {}; use paths relative to the working directory, get_file_path(id) or FILES, "
    "and tempfile for temporary files"
)
NO_NETWORK = "Hint: there is no network in this sandbox; work with the user's files instead"
# What the standard library and its like raise where a name cannot be looked up or nobody can be reached.
OF_NETWORK = ("gaierror", "URLError", "ConnectionError", "ConnectTimeout", "MaxRetryError", "ClientConnectorError")
_STARTERS = ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system")

_directory = ""


def configure(directory: str, *, children: bool) -> None:
    """At level landlock, before code runs.

    Args:
        directory: the sandbox's own, beneath which all that it may write lies.
        children: whether this sandbox may start processes.
    """
    global _directory
    _directory = directory
    mimetypes.knownfiles.clear()  # those that the host has may be seen and not read
    _multiprocessing.SemLock = _NoSemaphore
    _posixshmem.shm_open = _refuse_shared_memory
    if not children:
        for name in _STARTERS:
            setattr(os, name, _refuse_child)
        _posixsubprocess.fork_exec = _refuse_child
        subprocess._fork_exec = _refuse_child  # type: ignore[attr-defined]


def explain(error: BaseException) -> None:
    """Add a note to an error about a path that exists at level `namespaces` only, a download, or the network."""
    data_sets.explain(error)
    of_network = isinstance(error, OSError) and type(error).__name__ in OF_NETWORK
    if of_network and "__notes__" not in object.__getattribute__(error, "__dict__"):
        BaseException.add_note(error, NO_NETWORK)
    if not _directory or not isinstance(error, FileNotFoundError | PermissionError):
        return
    path: object = error.filename
    if not isinstance(path, str) or path.startswith(_directory):
        return
    for place in WRITTEN_BY_HABIT:
        if path == place or path.startswith(f"{place}/"):
            BaseException.add_note(error, NO_SUCH_PLACE.format(place))


class _NoSemaphore(_multiprocessing.SemLock):  # type: ignore[misc]
    def __new__(cls, *_: Any, **__: Any) -> NoReturn:
        raise PermissionError(NOT_SHARED)


def _refuse_shared_memory(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError(NOT_SHARED)


def _refuse_child(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError(NO_CHILDREN)
