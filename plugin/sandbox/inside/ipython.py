"""What code written for notebooks takes from them: IPython's display() and what is given to it, tqdm's bars of progress."""

import base64
import importlib.util
import sys
import types
from typing import Any

from . import display, imports

LIBRARY = "IPython"
PROGRESS = "tqdm"


def watch(libraries: tuple[str, ...]) -> None:
    """Where the cell's source names IPython: a stand-in, or IPython's own with our display()."""
    if PROGRESS in libraries:
        imports.after({"tqdm.notebook": _plain_bars})
    if LIBRARY not in libraries:
        return
    if LIBRARY not in sys.modules and importlib.util.find_spec(LIBRARY) is None:
        _install()
    else:
        imports.after({"IPython.display": lambda module: setattr(module, "display", display.display)})


def _plain_bars(module: Any) -> None:
    """Progress as text: there is nothing that shows widgets."""
    plain = sys.modules["tqdm.std"]
    module.tqdm = module.tqdm_notebook = plain.tqdm
    module.trange = module.tnrange = plain.trange


class _Given:
    """A text, or bytes, that is of a mime type."""

    mime = "text/plain"

    def __init__(self, data: Any = None, url: str | None = None, filename: str | None = None, **_: Any) -> None:
        if url is not None:
            raise OSError(f"{url!r} cannot be fetched: there is no network")
        if filename is not None:
            with open(filename, "rb") as file:
                data = file.read()
        self.data = data

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        text = self.data.decode("utf-8", "replace") if isinstance(self.data, bytes) else self.data
        return {self.mime: text} if isinstance(text, str) else {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class HTML(_Given):
    mime = "text/html"


class SVG(_Given):
    mime = "image/svg+xml"


class Markdown(_Given):
    mime = "text/markdown"

    def __repr__(self) -> str:
        return str(self.data)


class Latex(Markdown):
    mime = "text/latex"


class Math(Latex):
    pass


class Pretty(Markdown):
    mime = "text/plain"


class Image(_Given):
    """A picture: bytes, or the name of a file."""

    def __init__(self, data: Any = None, url: str | None = None, filename: str | None = None, **options: Any) -> None:
        if isinstance(data, str):
            data, filename = None, data
        super().__init__(data, url, filename, **options)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        data = base64.b64decode(self.data) if isinstance(self.data, str) else self.data
        return {"image/jpeg" if data[:2] == b"\xff\xd8" else "image/png": data}


class InteractiveShell:
    """Takes the settings that notebooks make; there is no shell."""

    ast_node_interactivity = "last_expr"


def _install() -> None:
    shown: dict[str, Any] = {each.__name__: each for each in (HTML, SVG, Markdown, Latex, Math, Pretty, Image)}
    shown |= {"display": display.display, "clear_output": _nothing, "set_matplotlib_formats": _nothing}
    contents: dict[str, dict[str, Any]] = {
        "IPython": {"get_ipython": _nothing, "version_info": (0, 0, 0), "__version__": "0", **shown},
        "IPython.display": shown,
        "IPython.core": {},
        "IPython.core.display": shown,
        "IPython.core.interactiveshell": {"InteractiveShell": InteractiveShell},
    }
    for name, names in contents.items():
        module = types.ModuleType(name, __doc__)
        module.__dict__.update(names, __path__=[])
        sys.modules[name] = module
        package, _, own = name.rpartition(".")
        if package:
            setattr(sys.modules[package], own, module)


def _nothing(*_: Any, **__: Any) -> None:
    """Nothing to clear, to set or to get."""
