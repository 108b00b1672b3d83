"""What an image costs, by its size and image_rules.toml. `image_parts` and the counter call it; nothing is decoded."""

import asyncio
import io
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib import import_module, resources
from math import ceil, isqrt
from types import MappingProxyType
from typing import Any, Literal

from .errors import ImageUnreadable, SizeNotReached, UnknownImageRule

Api = Literal["chat", "responses"]

HEADER_BYTES = 64 * 1024  # what is looked at of an image; a JPEG may carry one whole EXIF segment before its size
MAX_SIDE = 2**31 - 1  # PNG specification, 11.2.1: the longest side that any of these formats can state
MAX_PATCHES = 30_000  # guide, "Image input requirements": what needs more after scaling is refused

PATCH = 32  # pixels
TILE = 512
TILES_FIT = 2048  # guide, "Tile-based image tokenization": first into this square, then to this shorter side
TILES_SHORT_SIDE = 768


@dataclass(frozen=True)
class ImageCount:
    """What one image, or several, cost.

    Attributes:
        tokens: 0 for what the API cannot read, such as an expired link.
        assumed: nobody has measured the rule, or the size is not known.
        problem: what is wrong with the image, as a sentence for the operator; empty where nothing is.
    """

    tokens: int
    assumed: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Limits:
    """To what an image is scaled down; `max_patches` None: there is no such limit."""

    max_side: int
    max_patches: int | None = None
    assumed: bool = False


@dataclass(frozen=True)
class TileRule:
    """A row of image_rules.toml that counts squares of 512 pixels."""

    name: str
    base: int
    tile: int
    source: str
    assumed: bool = False
    chat_extra: int = 0


@dataclass(frozen=True)
class PatchRule:
    """A row of image_rules.toml that counts squares of 32 pixels.

    Attributes:
        details: by detail; what is not in it is not supported.
        auto: the detail that stands for `auto`.
    """

    name: str
    multiplier: Fraction
    details: Mapping[str, Limits] = field(hash=False)
    auto: str
    source: str
    assumed: bool = False
    chat_extra: int = 0


ImageRule = TileRule | PatchRule


def image_tokens(
    width: int, height: int, rule: ImageRule | str, detail: str | None = "auto", api: Api = "responses"
) -> ImageCount:
    """What the API bills for an image of so many pixels.

    Args:
        rule: a row of image_rules.toml, or its name.
        detail: low, high, original or auto; another word counts as auto, and is marked as assumed.

    Raises:
        ImageUnreadable: no image has such sides.
        UnknownImageRule: no row has that name.
    """
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise ImageUnreadable(f"no image has {width} x {height} pixels; both sides are 1 to {MAX_SIDE}")
    found = rule_named(rule) if isinstance(rule, str) else rule
    extra = found.chat_extra if api == "chat" else 0
    if isinstance(found, TileRule):
        return _by_tiles(width, height, found, detail or "auto", extra)
    return _by_patches(width, height, found, detail or "auto", extra)


def size_of(head: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the first bytes of an image; the rest of it is never looked at.

    Args:
        head: the beginning of a PNG, JPEG, GIF or WebP, of which the first `HEADER_BYTES` are read.

    Raises:
        ImageUnreadable: it is none of these.
        SizeNotReached: it is cut off before its size, or states a size that none can have.
    """
    import imagesize  # see `ready`

    head = head[:HEADER_BYTES]
    kind = _kind(head)
    width, height = imagesize.get(io.BytesIO(head), exif_rotation=False)
    if kind == "GIF":  # both are unsigned there (GIF89a specification, 18); imagesize 2.0.1 reads them as signed
        width, height = width & 0xFFFF, height & 0xFFFF
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise SizeNotReached(
            f"the first {len(head)} bytes of this {kind} do not tell its size; give the whole file, or save it anew"
        )
    return int(width), int(height)


async def ready() -> None:
    """Import what `size_of` needs, in a thread: imagesize brings urllib and an XML parser, a tenth of a second of them.

    Not with this module: most requests have no image.
    """
    if "imagesize" not in sys.modules:
        await asyncio.to_thread(import_module, "imagesize")


def rule_named(name: str) -> ImageRule:
    """The row of that name.

    Raises:
        UnknownImageRule: there is none.
    """
    rules = _rules()
    if name not in rules:
        raise UnknownImageRule(name, sorted(rules))
    return rules[name]


def rule_names() -> list[str]:
    """Of every row, in the order of the file."""
    return list(_rules())


def patches(width: int, height: int, limits: Limits) -> int:
    """Squares of 32 pixels that cover an image after it was scaled down to the limits.

    The guide's steps A to C in whole numbers: there, the longest width in patches within the budget is
    floor(width * sqrt(32^2 * budget / (width * height)) / 32), which is isqrt(budget * width // height).
    """
    width, height = _fitted(width, height, limits.max_side)
    needed = _squares(width, PATCH) * _squares(height, PATCH)
    if limits.max_patches is None or needed <= limits.max_patches:
        return needed
    across = max(1, isqrt(limits.max_patches * width // height))
    down = max(1, isqrt(limits.max_patches * height // width))
    if across * height <= down * width:  # the scale that makes the width whole patches is the smaller one
        return across * _squares(max(1, height * PATCH * across // width), PATCH)
    return _squares(max(1, width * PATCH * down // height), PATCH) * down


def tiles(width: int, height: int) -> int:
    """Squares of 512 pixels that cover an image after it was scaled down to 2048, and its shorter side to 768."""
    width, height = _fitted(width, height, TILES_FIT)
    short = min(width, height)
    if short > TILES_SHORT_SIDE:
        width, height = width * TILES_SHORT_SIDE // short, height * TILES_SHORT_SIDE // short
    return _squares(width, TILE) * _squares(height, TILE)


def _by_tiles(width: int, height: int, rule: TileRule, detail: str, extra: int) -> ImageCount:
    assumed = rule.assumed or detail not in ("low", "high", "auto")
    if detail == "low":
        return ImageCount(rule.base + extra, assumed)
    return ImageCount(rule.base + rule.tile * tiles(width, height) + extra, assumed)


def _by_patches(width: int, height: int, rule: PatchRule, detail: str, extra: int) -> ImageCount:
    known = detail in rule.details or detail == "auto"
    limits = rule.details.get(rule.auto if detail not in ("low", "high", "original") else detail, rule.details["high"])
    needed = patches(width, height, limits)
    problem = ""
    if needed > MAX_PATCHES:
        problem = (
            f"the API refuses an image of {width} x {height} pixels at this detail: it needs {needed} patches "
            f"of {MAX_PATCHES}; make it smaller, or ask for detail 'high'"
        )
    return ImageCount(ceil(rule.multiplier * needed) + extra, rule.assumed or limits.assumed or not known, problem)


def _fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """Scaled down until no side is longer, to whole pixels; nothing is enlarged.

    Rounded, not cut: 2049x513 is billed as two rows of tiles, 2050x513 as one (forum 1281361).
    """
    longest = max(width, height)
    if longest <= side:
        return width, height
    return max(1, round(Fraction(width * side, longest))), max(1, round(Fraction(height * side, longest)))


def _squares(pixels: int, side: int) -> int:
    return -(-pixels // side)


def _kind(head: bytes) -> str:
    """The formats that the API takes (guide, "Image input requirements"); imagesize would also parse XML and TIFF."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    raise ImageUnreadable("this is no PNG, JPEG, GIF or WebP, the images that the API takes; convert it to one of them")


@cache
def _rules() -> Mapping[str, ImageRule]:
    text = resources.files(__package__).joinpath("image_rules.toml").read_text("utf-8")
    # As fractions: 1.2 x 130 is 156 here, where a float may be a hair above it.
    return MappingProxyType({row["name"]: _rule(row) for row in tomllib.loads(text, parse_float=Fraction)["rule"]})


def _rule(row: dict[str, Any]) -> ImageRule:
    kind = row.pop("kind")
    if kind == "tiles":
        return TileRule(**row)
    details: dict[str, Limits] = {
        detail: Limits(**row.pop(detail)) for detail in ("low", "high", "original") if detail in row
    }
    return PatchRule(**row, details=MappingProxyType(details))
