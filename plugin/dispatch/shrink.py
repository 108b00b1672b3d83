"""Runs in a sandbox, where images.py sends its text: makes of any image a small PNG, JPEG or WebP, or tells its size.

It finds `image` and `request.json` in its working directory and leaves `answer.json`, and `out` where it made one. Nothing in
the host imports this: what it opens may be hostile, and may take it over.
"""

import io
import json
import os
import warnings
from typing import Any

from PIL import Image, ImageOps

# What is opened at all; Pillow knows dozens more, some of which start programs or follow references.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "ICO", "AVIF")
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # EXIF 2.32, 4.6.4: values that swap width and height
QUALITY = 85
SVG_LOOK = 64  # pixels of height in which an SVG is drawn once to see its shape
SVG_SIDE = 2048  # an SVG has no pixels: the longer side that it is said to have
MOST_SHAPE = 100  # times as wide as high
STEPS_16_BIT = 257  # 65535 / 255


class Refused(Exception):
    """The image cannot be shown: a word of images.py's REASONS."""


def main() -> None:
    with open("request.json", encoding="utf-8") as file:
        request = json.load(file)
    try:
        answer = shrunk(request) if request["size"] else {"size": measured(request["max_pixels"])}
    except Refused as refused:
        answer = {"refused": str(refused)}
    with open("answer.json", "w", encoding="utf-8") as file:
        json.dump(answer, file)


def measured(max_pixels: int) -> list[int]:
    """Width and height as the image is looked at."""
    if is_svg():
        width, height = drawn_svg(height=SVG_LOOK).size
        longest = max(width, height)
        return [max(1, width * SVG_SIDE // longest), max(1, height * SVG_SIDE // longest)]
    image = opened(max_pixels)
    width, height = image.size
    return [height, width] if orientation(image) in TURNED else [width, height]


def shrunk(request: dict[str, Any]) -> dict[str, Any]:
    """Make `out`."""
    width, height = request["size"]
    if is_svg():
        image = drawn_svg(width=width, height=height)
    else:
        image = opened(request["max_pixels"])
        turn = orientation(image)
        stored = (height, width) if turn in TURNED else (width, height)
        image.draft("RGB", stored)  # a JPEG is decoded no larger than need be
        try:
            image.load()
        except (OSError, SyntaxError, EOFError, ValueError):  # SyntaxError: Pillow's word for a broken PNG
            raise Refused("damaged") from None
        image = plain(image).resize(stored, Image.Resampling.LANCZOS, reducing_gap=3.0)
        image.getexif()[ORIENTATION] = turn
        image = ImageOps.exif_transpose(image)
    mime, data = smallest(flat(image))
    with open("out", "wb") as file:
        file.write(data)
    return {"mime": mime}


def opened(max_pixels: int) -> Any:
    """Its header is read, no pixel."""
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open("image", formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Refused("pixels") from None
    except (OSError, SyntaxError, ValueError):
        raise Refused("unknown") from None


def orientation(image: Any) -> int:
    """As cameras write it. Not asked of a PNG, which Pillow would decode to know."""
    return 1 if image.format == "PNG" else int(image.getexif().get(ORIENTATION, 1))


def plain(image: Any) -> Any:
    """Grey, RGB or RGBA, whatever it was: 16 bits a channel, palettes, CMYK."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value / STEPS_16_BIT).convert("L")
    if image.mode in ("I", "F"):
        low, high = image.getextrema()
        scale = 255 / (high - low) if high > low else 1.0
        return image.point(lambda value: value * scale - low * scale).convert("L")
    if image.mode in ("L", "RGB", "RGBA"):
        return image
    return image.convert("RGBA" if "transparency" in image.info or image.mode in ("LA", "PA", "La", "RGBa") else "RGB")


def flat(image: Any) -> Any:
    """On white where it is transparent: models see transparency as black, and charts are black on nothing."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def smallest(image: Any) -> tuple[str, bytes]:
    """The shortest of what the API takes (platform.openai.com/docs/guides/images-vision: PNG, JPEG, WebP, GIF)."""
    made = [
        ("image/png", encoded(image, "PNG", compress_level=6)),
        ("image/jpeg", encoded(image, "JPEG", quality=QUALITY)),
        ("image/webp", encoded(image, "WEBP", lossless=True, quality=20, method=2)),
        ("image/webp", encoded(image, "WEBP", quality=QUALITY, method=2)),
    ]
    return min(made, key=lambda each: len(each[1]))


def encoded(image: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# ---- SVG


def is_svg() -> bool:
    with open("image", "rb") as file:
        head = file.read(4096)
    return b"<svg" in head or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<!--"))


def drawn_svg(**size: int) -> Any:
    """Drawn with fonts that the environment brings; it reaches no network, and no file but those of this sandbox."""
    try:
        import resvg_py
    except ImportError:
        raise Refused("resvg") from None
    with open("image", encoding="utf-8", errors="replace") as file:
        text = file.read()
    try:
        data = resvg_py.svg_to_bytes(
            svg_string=text, skip_system_fonts=True, font_dirs=font_directories(), background="white",
            font_family="DejaVu Sans", sans_serif_family="DejaVu Sans", serif_family="DejaVu Serif",
            monospace_family="DejaVu Sans Mono", **size,
        )  # fmt: skip
    except ValueError:
        raise Refused("svg") from None
    image = Image.open(io.BytesIO(data), formats=("PNG",))
    if max(image.size) > min(image.size) * MOST_SHAPE:
        raise Refused("shape")
    return image.convert("RGBA")


def font_directories() -> list[str]:
    import matplotlib

    site_packages = os.path.dirname(os.path.dirname(matplotlib.__file__))
    wanted = [os.path.join(matplotlib.get_data_path(), "fonts", "ttf")]
    wanted += [os.path.join(site_packages, name) for name in ("manimgx_fonts", "noto_cjk_sans_otc")]
    return [path for path in wanted if os.path.isdir(path)]


main()
