"""What a cell shows of a value: that of its last expression, and what is given to `display()`, as in a notebook.

The text goes to standard output. Richer forms (a picture, HTML) go beside it as a mime bundle, and pictures into files too,
so that they reach whoever reads files only. A figure or a picture is not told in text. An Axes or a list of bars is not
shown at all: its figure is saved at the end.
"""

import base64
import contextlib
import os
import sys
from typing import Any

from . import bundles, charts, figures, frames, plain_text

# Jupyter's protocol (ipython.readthedocs.io, "Rich display"), and what each method's value is.
_METHODS = {
    "_repr_html_": "text/html",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_markdown_": "text/markdown",
    "_repr_latex_": "text/latex",
}
MAX_HTML_FILES = 20

_first_process = 0
_html_files = 0


def install() -> None:
    """In the sandbox, before code runs: the value of a last expression comes to `show_last`."""
    global _first_process
    _first_process = os.getpid()
    sys.displayhook = show_last


def names() -> dict[str, Any]:
    """What every cell finds among its globals."""
    return {"display": display}


def display(*values: Any, **options: Any) -> None:
    """Show values as a notebook does: tables as text, pictures and charts as files.

    Args:
        options: IPython's; of these only `raw` counts: the values are mime bundles themselves.
    """
    for value in values:
        if options.get("raw") and isinstance(value, dict):
            _print(str(value.get("text/plain", "")))
            _tell(_checked(value))
        else:
            _show(value)


def show_last(value: Any) -> None:
    """sys.displayhook: None is not shown."""
    if value is not None:
        _show(value)


def _show(value: Any) -> None:
    if figures.is_picture(value):
        figures.show(value)
    elif charts.is_chart(value):
        charts.show(value)
    elif not figures.is_drawing(value) and not charts.is_part(value):
        text = plain_text.of(value)
        _print(text)
        if bundles.room() and (rich := _rich(value)):
            _tell({"text/plain": text} | rich)


def _print(text: str) -> None:
    if text:
        sys.stdout.write(f"{text}\n")


def _tell(bundle: dict[str, Any]) -> None:
    """One bundle. A picture becomes a file too, so that it reaches whoever reads files only; so does HTML that is too long."""
    global _html_files
    if os.getpid() != _first_process:
        return  # a child's records would get among its parent's
    html = bundle.get("text/html", "")
    if len(html) > bundles.room() and _html_files < MAX_HTML_FILES:
        _html_files += 1
        name = figures.free_name("display", "html")
        with open(name, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(bundle.pop("text/html"))
        bundle[bundles.FILE] = name
    for mime in frames.PICTURES:
        if isinstance(picture := bundle.get(mime), bytes) and bundles.FILE not in bundle:
            bundle = {bundles.FILE: figures.save(picture, mime.rpartition("/")[2])} | bundle
    bundles.tell(bundle)


def _rich(value: Any) -> dict[str, Any]:
    """The forms that the value's type knows besides text. One that fails is left out: the text was shown."""
    kind = type(value)
    if kind.__module__ == "builtins":
        return {}
    if plain_text.is_table(value):
        with plain_text.bounded_tables():
            return _form(value, "_repr_html_", "text/html")
    bundle: dict[str, Any] = {}
    made = _called(value, "_repr_mimebundle_")
    made = made[0] if isinstance(made, tuple) and made else made
    if isinstance(made, dict):
        bundle = _checked(made)
    for method, mime in _METHODS.items():
        if mime not in bundle:
            bundle |= _form(value, method, mime)
    return bundle


def _form(value: Any, method: str, mime: str) -> dict[str, Any]:
    data = _called(value, method)
    data = data[0] if isinstance(data, tuple) and data else data
    return _checked({mime: data})


def _checked(made: dict[Any, Any]) -> dict[str, Any]:
    """What is of the type that its mime type asks for: a picture may be bytes or base64."""
    bundle: dict[str, Any] = {}
    for mime, data in made.items():
        if mime in frames.PICTURES and isinstance(data, str):
            with contextlib.suppress(ValueError):
                bundle[mime] = base64.b64decode(data)
        elif isinstance(data, bytes if mime in frames.PICTURES else str):
            bundle[mime] = data
    return bundle


def _called(value: Any, method: str) -> Any:
    # Of its type: many an object answers to any name.
    form = getattr(type(value), method, None)
    try:
        return form(value) if callable(form) else None
    except Exception:  # noqa: BLE001 - code of the cell's
        return None
