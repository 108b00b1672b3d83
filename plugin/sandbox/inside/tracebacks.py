"""Tracebacks as the cell's author wants them: only frames of his own code, whatever the exception does when shown."""

import os
import sys
import threading
import traceback
import types

MAX_CHARACTERS = 20_000
_OURS = os.path.dirname(__file__) + "/"
# The rest is the user's: the cell, modules that it wrote, text that it executed.
_NOT_THE_USERS = (_OURS, f"{sys.prefix}/", f"{sys.base_prefix}/", "<frozen ")

_COMPILED = (".pyx", ".pxi", ".pxd")  # Cython's: relative to where a library was built


def render(error: BaseException) -> str:
    """The traceback's text: frames of libraries and of ours left out, long ones cut in the middle.

    The exception's own code runs here (`__str__`, `__cause__` ...) and may fail; then its type alone is named.
    """
    try:
        report = traceback.TracebackException.from_exception(error, limit=None, lookup_lines=False, compact=True)
        _keep_users_frames(report)
        text = "".join(report.format(chain=True))
    except BaseException as failure:  # noqa: BLE001 - raised by hostile code, not by ours
        text = f"{type(error).__name__} (showing it raised {type(failure).__name__})"
    text = text.strip("\n")
    if len(text) > MAX_CHARACTERS:
        half = MAX_CHARACTERS // 2
        text = f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"
    return text


def without_ours(frames: types.TracebackType | None) -> types.TracebackType | None:
    """A traceback from where the cell begins, as it begins in a script."""
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_OURS):
        frames = frames.tb_next
    return frames


def show_in_thread(args: threading.ExceptHookArgs) -> None:
    """What threading.excepthook prints, source lines included: Python's own reads them from files, and a cell has none."""
    stderr = sys.stderr
    if args.exc_type is SystemExit or stderr is None:
        return
    name = args.thread.name if args.thread is not None else threading.get_ident()
    lines = traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback)
    stderr.write("".join((f"Exception in thread {name}:\n", *lines)))
    stderr.flush()


def _keep_users_frames(report: traceback.TracebackException) -> None:
    """Walk causes, contexts and groups without recursion; each seen once."""
    waiting, seen = [report], {id(report)}
    while waiting:
        current = waiting.pop()
        users = [
            frame
            for frame in current.stack
            if not frame.filename.startswith(_NOT_THE_USERS) and not frame.filename.endswith(_COMPILED)
        ]
        current.stack = traceback.StackSummary.from_list(users)
        for other in (current.__cause__, current.__context__, *(getattr(current, "exceptions", None) or ())):
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)
