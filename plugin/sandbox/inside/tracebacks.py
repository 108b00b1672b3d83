"""Tracebacks as the cell's author wants them: only frames of the cell itself, whatever the exception does when shown."""

import traceback

MAX_CHARACTERS = 20_000
CELL = "<cell>"


def render(error: BaseException) -> str:
    """The traceback's text: frames of libraries and of ours left out, long ones cut in the middle.

    The exception's own code runs here (`__str__`, `__cause__` ...) and may fail; then its type alone is named.
    """
    try:
        report = traceback.TracebackException.from_exception(error, limit=None, lookup_lines=False, compact=True)
        _keep_cell_frames(report)
        text = "".join(report.format(chain=True))
    except BaseException as failure:  # noqa: BLE001 - raised by hostile code, not by ours
        text = f"{type(error).__name__} (showing it raised {type(failure).__name__})"
    text = text.strip("\n")
    if len(text) > MAX_CHARACTERS:
        half = MAX_CHARACTERS // 2
        text = f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"
    return text


def _keep_cell_frames(report: traceback.TracebackException) -> None:
    """Walk causes, contexts and groups without recursion; each seen once."""
    waiting, seen = [report], {id(report)}
    while waiting:
        current = waiting.pop()
        current.stack = traceback.StackSummary.from_list([frame for frame in current.stack if frame.filename == CELL])
        for other in (current.__cause__, current.__context__, *(getattr(current, "exceptions", None) or ())):
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)
