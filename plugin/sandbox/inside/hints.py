"""What a sandbox or its level lacks, told to the code that runs into it: files, places, processes, a network, a screen."""

import _multiprocessing
import _posixshmem
import _posixsubprocess
import contextlib
import mimetypes
import os
import subprocess
import sys
from typing import Any, NoReturn

from . import data_sets, texts

NO_CHILDREN = (
    "child processes are not available in this sandbox: its host refuses namespaces and the interpreter does not run as "
    "root there; use threads, or do the work in this process"
)
NOT_SHARED = (
    "semaphores and memory shared between processes are not available in this sandbox: its host refuses namespaces, and its "
    "/dev/shm is everybody's; use threads, or processes with pipes"
)
MNT_DATA = "/mnt/data"
WRITTEN_BY_HABIT = ("/work", MNT_DATA, "/files", "/tmp", "/dev/shm")
NO_SUCH_PLACE = (
    "Hint: this sandbox has no {}; use paths relative to the working directory, get_file_path(id) or FILES, "
    "and tempfile for temporary files"
)
NO_NETWORK = "Hint: there is no network in this sandbox; work with the user's files instead"
# What the standard library and its like raise where a name cannot be looked up or nobody can be reached.
OF_NETWORK = ("gaierror", "URLError", "ConnectionError", "ConnectTimeout", "MaxRetryError", "ClientConnectorError")
THESE_FILES = "Hint: in the working directory there are: {}"
NO_FILES = "Hint: the working directory is empty: this call was given no files"
NO_SCREEN = "Hint: there is no screen here; draw with matplotlib, or print"
NO_KALEIDO = "Hint: kaleido is not available here; use fig.write_html(), or draw with matplotlib for a picture"
NO_LATEX = (
    "Hint: LaTeX is not available here; leave text.usetex off: matplotlib draws what stands between dollar signs itself"
)
MAX_FILES = 20
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


def explain(error: BaseException, *, mnt_data: bool = False) -> None:
    """Add notes to an error of which the code's author could not know the cause, or the remedy.

    Args:
        mnt_data: the code names paths beneath /mnt/data.
    """
    data_sets.explain(error)
    of_network = isinstance(error, OSError) and type(error).__name__ in OF_NETWORK
    if of_network and "__notes__" not in object.__getattribute__(error, "__dict__"):
        BaseException.add_note(error, NO_NETWORK)
    text = texts.of(error)
    path: object = error.filename if isinstance(error, OSError) else None
    if mnt_data and _directory:
        BaseException.add_note(error, NO_SUCH_PLACE.format(MNT_DATA))
    elif isinstance(error, FileNotFoundError | PermissionError) and isinstance(path, str):
        _explain_place(error, path)
    if isinstance(error, FileNotFoundError) or text.startswith("Package not found at"):  # python-docx's and -pptx's
        BaseException.add_note(error, _files_here())
    if type(error).__module__ == "_tkinter" or (isinstance(error, ImportError) and "tkinter" in text):
        BaseException.add_note(error, NO_SCREEN)
    elif "Kaleido" in text:
        BaseException.add_note(error, NO_KALEIDO)
    elif "latex could not be found" in text or (isinstance(path, str) and "tex.cache" in path):
        BaseException.add_note(error, NO_LATEX)


def remind(*, mnt_data: bool) -> None:
    """A cell that asks whether there is a file beneath /mnt/data, or for all of them, is told no by no error."""
    if mnt_data and _directory:
        # Code may have closed it, or put something in its place.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            sys.stderr.write(f"{NO_SUCH_PLACE.format(MNT_DATA)}\n")


def _explain_place(error: OSError, path: str) -> None:
    """One that exists at level `namespaces` only."""
    if not _directory or path.startswith(_directory):
        return
    for place in WRITTEN_BY_HABIT:
        if path == place or path.startswith(f"{place}/"):
            BaseException.add_note(error, NO_SUCH_PLACE.format(place))


def _files_here() -> str:
    try:
        names = sorted(os.listdir("."))
    except OSError:
        names = []
    more = f" and {len(names) - MAX_FILES} more" if len(names) > MAX_FILES else ""
    return THESE_FILES.format(", ".join(map(repr, names[:MAX_FILES])) + more) if names else NO_FILES


class _NoSemaphore(_multiprocessing.SemLock):  # type: ignore[misc]
    def __new__(cls, *_: Any, **__: Any) -> NoReturn:
        raise PermissionError(NOT_SHARED)


def _refuse_shared_memory(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError(NOT_SHARED)


def _refuse_child(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError(NO_CHILDREN)
