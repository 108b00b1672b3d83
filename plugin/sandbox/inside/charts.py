"""Charts of plotly, altair and bokeh: shown, they become HTML files; those of plotly and bokeh hold all they need.

Nothing of these libraries is imported here. Their own `show` is replaced when a cell that names them imports them.
"""

import importlib
import os
import sys
from typing import Any

from . import bundles, figures, imports

MAX_CHARTS = 20  # a plotly file holds 5 MB of JavaScript
# Altair puts it into the file by a browser's engine, which needs more address space than a cell has.
NEEDS_NETWORK = "{} is a chart that loads its JavaScript from cdn.jsdelivr.net when it is opened"

_count = 0


def watch(libraries: tuple[str, ...]) -> None:
    """Have the ways in which these libraries show a chart lead here, once they are imported.

    Args:
        libraries: those that the cell's source names.
    """
    patches = {name: patch for name, patch in _PATCHES.items() if name.partition(".")[0] in libraries}
    if patches:
        imports.after(patches)


def is_chart(value: Any) -> bool:
    return _library_of(value) != ""


def is_part(value: Any) -> bool:
    """A piece of a bokeh chart, as `figure.line()` returns: its text says nothing."""
    model = sys.modules.get("bokeh.model")
    return model is not None and isinstance(value, model.Model)


def show(chart: Any, *_: Any, **__: Any) -> None:
    """Save a chart as figure-1.html and so on, and display it."""
    global _count
    if _count >= MAX_CHARTS:
        return
    _count += 1
    library = _library_of(chart)
    name = _SAVERS[library](chart)
    bundles.tell({bundles.FILE: name, "text/plain": f"<{type(chart).__name__} of {library}, saved as {name}>"})


def _library_of(value: Any) -> str:
    plotly, altair = sys.modules.get("plotly.basedatatypes"), sys.modules.get("altair")
    bokeh = sys.modules.get("bokeh.models.ui")
    if plotly is not None and isinstance(value, plotly.BaseFigure):
        return "plotly"
    if altair is not None and isinstance(value, _altairs_own(altair)):
        return "altair"
    return "bokeh" if bokeh is not None and isinstance(value, bokeh.UIElement) else ""


def _altairs_own(altair: Any) -> type:
    """What all charts of altair have in common."""
    own: type = next(each for each in altair.Chart.__mro__ if "to_html" in vars(each))
    return own


def _save_plotly(figure: Any) -> str:
    name = figures.free_name("figure", "html")
    figure.write_html(name, include_plotlyjs=True)
    return name


def _save_altair(chart: Any) -> str:
    name = figures.free_name("figure", "html")
    chart.save(name)
    sys.stdout.write(f"{NEEDS_NETWORK.format(name)}\n")
    return name


def _save_bokeh(model: Any) -> str:
    state = sys.modules["bokeh.io.state"].curstate()
    name = state.file.filename if state.file is not None else figures.free_name("figure", "html")
    sys.modules["bokeh.io.saving"].save(model, name, "inline", state.file.title if state.file else "Bokeh Plot")
    return str(name)


_SAVERS = {"plotly": _save_plotly, "altair": _save_altair, "bokeh": _save_bokeh}


def _patch_plotly(module: Any) -> None:
    module.show = _show_plotly


def _show_plotly(figure: Any, *_: Any, **__: Any) -> None:
    """Save a figure, or the dict of one, as HTML."""
    if isinstance(figure, dict):
        figure = importlib.import_module("plotly.graph_objects").Figure(figure)
    show(figure)


def _patch_altair(module: Any) -> None:
    charts: Any = _altairs_own(module)
    charts.show = charts.display = show


def _patch_bokeh(module: Any) -> None:
    os.environ.setdefault("BOKEH_RESOURCES", "inline")  # what code saves itself holds all it needs, too
    module.show = show


_PATCHES: dict[str, imports.Patch] = {
    "plotly.io": _patch_plotly,
    "altair": _patch_altair,
    "bokeh.io.showing": _patch_bokeh,
}
LIBRARIES = tuple(name.partition(".")[0] for name in _PATCHES)
