"""Pictures: what matplotlib figures code leaves open or shows, and what images it displays, are saved in the working directory.

A figure or image that code saved itself is not saved again.
"""

import functools
import io
import os
import sys
import weakref
from typing import Any

from . import bundles

MAX_OPEN = 20  # figures that are saved together
MAX_PICTURES = 100  # of a cell
MAX_DEPTH = 2  # of lists in lists, where drawings are looked for
PNG_LEVEL = 3  # of zlib: 9 ms a chart and 55 KB, where Pillow's default takes 16 ms for 46 KB

_GRIDS = ("seaborn.axisgrid", "seaborn.matrix")
_saved: "weakref.WeakKeyDictionary[Any, str]" = weakref.WeakKeyDictionary()  # figure -> file's name
_saved_images: dict[int, tuple[Any, str]] = {}  # by identity, as they cannot be hashed -> weak reference, name
_count = 0


def install() -> None:
    """Wrap matplotlib's two ways out: savefig is noted, show saves. The same of Pillow's."""
    import matplotlib.figure
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    savefig = matplotlib.figure.Figure.savefig

    def noting_savefig(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = savefig(self, *args, **kwargs)
        _saved[self] = _name_of(args[0] if args else kwargs.get("fname"))
        return result

    noting_savefig.__doc__ = savefig.__doc__
    noting_savefig.__name__ = "savefig"
    matplotlib.figure.Figure.savefig = noting_savefig

    def show(*args: Any, **kwargs: Any) -> None:
        """Save every open figure as a PNG and close it, as a window would be closed."""
        save_open_figures()
        plt.close("all")

    def save(*args: Any, **kwargs: Any) -> Any:
        """Save the current figure. Unlike pyplot's own, this does not draw it once more for a window that is not there."""
        return plt.gcf().savefig(*args, **kwargs)

    print_png = FigureCanvasAgg.print_png

    @functools.wraps(print_png)  # matplotlib looks at its parameters
    def print_png_fast(self: Any, *args: Any, pil_kwargs: Any = None, **kwargs: Any) -> None:
        print_png(self, *args, pil_kwargs={"compress_level": PNG_LEVEL} | (pil_kwargs or {}), **kwargs)

    FigureCanvasAgg.print_png = print_png_fast
    plt.show = show
    plt.savefig = save
    _install_for_images()


def _install_for_images() -> None:
    from PIL import Image

    save_image = Image.Image.save

    @functools.wraps(save_image)
    def noting_save(self: Any, fp: Any, *args: Any, **kwargs: Any) -> None:
        save_image(self, fp, *args, **kwargs)
        if name := _name_of(fp):
            number = id(self)
            _saved_images[number] = (weakref.ref(self, lambda _: _saved_images.pop(number, None)), name)

    def show_image(self: Any, *args: Any, **kwargs: Any) -> None:
        """Save the image as a PNG: there is no screen."""
        show(self)

    Image.Image.save = noting_save
    Image.Image.show = show_image


def forget() -> None:
    _saved.clear()
    _saved_images.clear()


def is_picture(value: Any) -> bool:
    """A matplotlib Figure or a Pillow Image."""
    figure, image = sys.modules.get("matplotlib.figure"), sys.modules.get("PIL.Image")
    return (figure is not None and isinstance(value, figure.Figure)) or (
        image is not None and isinstance(value, image.Image)
    )


def is_drawing(value: Any, depth: int = MAX_DEPTH) -> bool:
    """What drawing functions return: an Axes, artists, lists or arrays of them. Their text says nothing."""
    artist, container = sys.modules.get("matplotlib.artist"), sys.modules.get("matplotlib.container")
    if artist is None or container is None:
        return False
    kind = type(value)
    if isinstance(value, artist.Artist | container.Container) or kind.__module__ in _GRIDS:
        return True
    if not depth:
        return False
    if kind is dict:
        return any(is_drawing(each, depth - 1) for each in [*value.values()][:1])
    if kind is list or kind is tuple:
        return any(is_drawing(each, depth - 1) for each in (*value[:1], *value[-1:]))
    # Arrays and Series of axes, as DataFrame.hist() and .boxplot() return.
    if kind.__module__.startswith(("numpy", "pandas")) and getattr(value, "dtype", None) == "object" and value.size:
        return is_drawing(value.flat[0] if hasattr(value, "flat") else value.iloc[0], depth - 1)
    return False


def show(picture: Any) -> None:
    """Save a figure or an image, unless code has, and display it."""
    image = sys.modules.get("PIL.Image")
    if image is not None and isinstance(picture, image.Image):
        reference, name = _saved_images.get(id(picture), (None, ""))
        _tell("image", picture, name if reference is not None and reference() is picture else "")
    elif picture.axes:
        _tell("figure", picture, _saved.get(picture, ""))


def save_open_figures() -> None:
    """Save the open figures that code did not save itself, as figure-1.png and so on."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    for number in pyplot.get_fignums()[:MAX_OPEN]:
        figure = pyplot.figure(number)
        if figure not in _saved and figure.axes:
            _tell("figure", figure, "")


def free_name(stem: str, suffix: str) -> str:
    """The first of stem-1.suffix, stem-2.suffix ... that is no file yet."""
    number = 1
    while os.path.lexists(f"{stem}-{number}.{suffix}"):
        number += 1
    return f"{stem}-{number}.{suffix}"


def save(picture: bytes, suffix: str, stem: str = "image") -> str:
    """Save a picture as image-1.png and so on; its name, "" where there are too many."""
    global _count
    if _count >= MAX_PICTURES:
        return ""
    _count += 1
    name = free_name(stem, suffix)
    with open(name, "wb") as file:
        file.write(picture)
    return name


def _tell(stem: str, picture: Any, name: str) -> None:
    if _count >= MAX_PICTURES:
        return
    png = _png_of_figure(picture) if stem == "figure" else _png_of_image(picture)
    name = name or save(png, "png", stem)
    if stem == "figure":
        _saved[picture] = name
    bundles.tell({bundles.FILE: name, "text/plain": repr(picture), "image/png": png})


def _png_of_figure(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _png_of_image(image: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        image.save(buffer, "PNG", compress_level=PNG_LEVEL)
    except (OSError, ValueError):  # a mode that PNG has not
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def _name_of(target: Any) -> str:
    """Of a file in the working directory; "" where it is elsewhere, or no file."""
    try:
        name = os.fspath(target)
    except TypeError:
        return ""
    if not isinstance(name, str) or os.path.dirname(name) not in ("", ".", os.getcwd(), "/mnt/data"):
        return ""
    return os.path.basename(name)
