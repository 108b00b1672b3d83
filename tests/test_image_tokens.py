"""What images cost: published examples, billed requests, and what holds for every size and every file."""

import base64
import struct
import zlib
from math import ceil

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from token_counter import images
from token_counter.errors import ImageUnreadable, UnknownImageRule
from token_counter.images import HEADER_BYTES, MAX_SIDE, Limits, PatchRule, TileRule, image_tokens, size_of

DETAILS = ("low", "high", "original", "auto")
RULES = images.rule_names()
PATCHES = [name for name in RULES if isinstance(images.rule_named(name), PatchRule)]
sides = st.integers(1, 70_000)
# The smallest image there is, as an app sends it: 1 x 1.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)


# Published examples: the guide "Images and vision" of 2026-10, and its earlier states


@pytest.mark.parametrize(
    ("rule", "width", "height", "detail", "tokens"),
    [
        pytest.param("gpt-4o", 1024, 1024, "high", 85 + 4 * 170, id="square: 768 x 768, 4 tiles, 765"),
        pytest.param("gpt-4o", 2048, 4096, "high", 85 + 6 * 170, id="tall: 768 x 1536, 6 tiles, 1105"),
        pytest.param("gpt-4o", 4096, 8192, "low", 85, id="low is the base"),
        pytest.param("gpt-4o-mini", 1024, 1024, "low", 2833, id="low on 4o-mini"),
        pytest.param("gpt-4o-mini", 1024, 1024, "high", 2833 + 4 * 5667, id="tiles of 4o-mini"),
        pytest.param("o1", 1024, 1024, "high", 75 + 4 * 150, id="tiles of o1 and o3"),
        pytest.param("gpt-5", 1024, 1024, "high", 70 + 4 * 140, id="tiles of gpt-5"),
        pytest.param("computer-use-preview", 1024, 1024, "high", 65 + 4 * 129, id="tiles of computer use"),
        pytest.param("gpt-5-mini", 1024, 1024, "high", ceil(1024 * 1.2), id="32 x 32 patches"),
        pytest.param("gpt-5-mini", 1800, 2400, "high", ceil(1452 * 1.2), id="scaled to 33 x 44 patches"),
        pytest.param("o4-mini", 1800, 2400, "high", ceil(1452 * 1.72), id="the same on o4-mini"),
        pytest.param("gpt-5.4", 1024, 1024, "high", 1229, id="1024 patches at 1.2"),
        pytest.param("gpt-5.4", 2048, 2048, "high", 3000, id="1600 x 1600, 2500 patches"),
        pytest.param("gpt-5.4", 3840, 2160, "high", ceil(64 * 36 * 1.2), id="2048 pixels a side at most"),
        pytest.param("gpt-5.4", 3840, 2160, "auto", ceil(64 * 36 * 1.2), id="auto is high on 5.4"),
        pytest.param("gpt-5.4", 3840, 2160, "original", ceil(120 * 68 * 1.2), id="original on 5.4"),
        pytest.param("gpt-5.5", 3840, 2160, "auto", ceil(120 * 68 * 1.2), id="auto is original on 5.5"),
        pytest.param("gpt-5.5", 12000, 3000, "original", ceil(188 * 47 * 1.2), id="6000 pixels a side at most"),
        pytest.param("gpt-5.5", 4000, 4000, "low", ceil(16 * 16 * 1.2), id="low is 512 pixels a side"),
        pytest.param("gpt-5.6", 3840, 2160, "auto", ceil(120 * 68 * 1.2), id="auto is not scaled on 5.6"),
        pytest.param("gpt-6", 4096, 512, "high", 2458, id="no side limit at high on gpt-6"),
        pytest.param("gpt-6", 2048, 2048, "high", 3000, id="2500 patches at high on gpt-6"),
    ],
)
def test_published_examples(rule: str, width: int, height: int, detail: str, tokens: int) -> None:
    """The arithmetic that the guide prints, a row a statement."""
    assert image_tokens(width, height, rule, detail).tokens == tokens


@pytest.mark.parametrize(
    ("rule", "width", "height", "api", "tokens"),
    [
        pytest.param("gpt-4o", 100, 100, "responses", 255, id="gpt-4o"),
        pytest.param("gpt-4o", 100, 100, "chat", 255, id="gpt-4o in Chat"),
        pytest.param("gpt-4o", 800, 400, "chat", 425, id="gpt-4-vision-preview"),
        pytest.param("gpt-4o-mini", 1, 1, "responses", 8500, id="one pixel on gpt-4o-mini"),
        pytest.param("gpt-4o-mini", 2560, 1669, "responses", 36835, id="a photo on gpt-4o-mini"),
        pytest.param("gpt-4.1-nano", 540, 360, "chat", 502 + 1, id="gpt-4.1-nano in Chat, one more"),
        pytest.param("gpt-4o", 2049, 513, "responses", 1445, id="512.75 rows are 513"),
        pytest.param("gpt-4o", 2050, 513, "responses", 765, id="512.5 rows less a little are 512"),
        pytest.param("o1", 128, 64, "chat", 225, id="o3"),
        pytest.param("gpt-4.1-mini", 128, 64, "chat", 13 + 1, id="gpt-4.1-mini in Chat"),
        pytest.param("o4-mini", 128, 64, "chat", 14 + 1, id="o4-mini in Chat"),
        pytest.param("gpt-5-mini", 1600, 1600, "responses", 1826, id="1521 patches on gpt-5-mini"),
        pytest.param("gpt-5-mini", 1600, 1600, "chat", 1827, id="1521 patches on gpt-5-mini in Chat"),
        pytest.param("gpt-5-nano", 1600, 1600, "responses", 2282, id="1521 patches on gpt-5-nano"),
        pytest.param("gpt-5.4", 1600, 1600, "responses", 3000, id="2500 patches on gpt-5.4"),
        pytest.param("gpt-5", 2048, 2048, "responses", 630, id="gpt-5.1"),
    ],
)
def test_billed_images(rule: str, width: int, height: int, api: images.Api, tokens: int) -> None:
    """What requests were billed for their image alone; none of these rules is assumed."""
    count = image_tokens(width, height, rule, "auto", api)
    assert (count.tokens, count.assumed, count.problem) == (tokens, False, "")


def test_patches_of_the_guides_long_example() -> None:
    """1800 x 2400 within 1536 patches is 1056 x 1408 pixels, 33 x 44 patches, whether or not the sides are limited."""
    assert images.patches(1800, 2400, Limits(2048, 1536)) == images.patches(1800, 2400, Limits(MAX_SIDE, 1536)) == 1452


# The table


@pytest.mark.parametrize("name", RULES)
def test_every_row_says_where_it_is_from(name: str) -> None:
    """A source, and for every detail a count."""
    rule = images.rule_named(name)
    assert rule.source
    assert all(image_tokens(64, 64, rule, detail).tokens > 0 for detail in DETAILS)
    if isinstance(rule, PatchRule):
        assert rule.auto in rule.details and {"low", "high"} <= rule.details.keys()


def test_an_unknown_row_is_an_error_that_lists_them() -> None:
    """Whoever writes models.toml sees which there are."""
    with pytest.raises(UnknownImageRule, match="gpt-4o, gpt-4o-mini"):
        image_tokens(1, 1, "gpt-7")


@pytest.mark.parametrize(
    ("rule", "detail", "assumed"),
    [
        pytest.param("gpt-4o", "original", True, id="tiles know no original"),
        pytest.param("gpt-4o", "ultra", True, id="no such detail"),
        pytest.param("gpt-4o", None, False, id="left out is auto"),
        pytest.param("gpt-5-mini", "original", True, id="not supported on gpt-5-mini"),
        pytest.param("gpt-5.4", "original", True, id="only documented"),
        pytest.param("gpt-5.4", "high", False, id="a bill is published"),
        pytest.param("gpt-5.6", "high", True, id="nobody measured"),
    ],
)
def test_what_nobody_measured_is_marked(rule: str, detail: str | None, assumed: bool) -> None:
    """A detail that the family does not support counts as high; one that nobody knows as auto."""
    count = image_tokens(3000, 2000, rule, detail)
    assert count.assumed is assumed
    if detail in ("original", "ultra") and rule in ("gpt-4o", "gpt-5-mini"):
        assert count.tokens == image_tokens(3000, 2000, rule, "high").tokens


def test_what_the_api_refuses_is_said() -> None:
    """More than 30,000 patches after scaling: counted, and named; one column less is fine."""
    assert image_tokens(32 * 300, 32 * 100, "gpt-6").problem == ""
    refused = image_tokens(32 * 301, 32 * 100, "gpt-6")
    assert refused.tokens == ceil(30_100 * 1.2) and "30100 patches of 30000" in refused.problem


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (-1, 5), (MAX_SIDE + 1, 1)], ids=str)
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    """Nothing, less than nothing, and more than a PNG can state."""
    with pytest.raises(ImageUnreadable, match="pixels"):
        image_tokens(*size, "gpt-4o")


# What holds for every size


@given(sides, sides, st.sampled_from(RULES), st.sampled_from([*DETAILS, None, "", "ultra"]))
@example(1, MAX_SIDE, "gpt-5.4", "high")
@example(MAX_SIDE, MAX_SIDE, "gpt-6", "original")
def test_counts_are_positive_and_bounded(width: int, height: int, rule: str, detail: str | None) -> None:
    """Never nothing, never over the budget, and the same for an image on its side, give or take the two roundings."""
    count = image_tokens(width, height, rule, detail)
    found = images.rule_named(rule)
    assert count.tokens > 0
    assert count.tokens == image_tokens(height, width, rule, detail).tokens
    if isinstance(found, TileRule):
        assert count.tokens <= found.base + 8 * found.tile  # 2048 x 768
    else:
        limits = found.details.get(detail if detail in found.details else found.auto, found.details["high"])
        assert count.tokens <= ceil(found.multiplier * (limits.max_patches or 2048 * 2048))


@given(sides, sides, st.integers(0, 3000), st.integers(0, 3000), st.sampled_from(RULES), st.sampled_from(DETAILS))
def test_a_larger_image_costs_no_less_until_it_is_scaled(
    width: int, height: int, wider: int, taller: int, rule: str, detail: str
) -> None:
    """Scaling may make a larger image cheaper; without it, more pixels are more squares."""
    found = images.rule_named(rule)
    if isinstance(found, TileRule):
        side = images.TILES_SHORT_SIDE
        width, height = width % side + 1, height % side + 1
        larger = min(width + wider, side), min(height + taller, side)
    else:
        limits = found.details.get(detail, found.details[found.auto] if detail == "auto" else found.details["high"])
        largest = min(limits.max_side, 32 * int((limits.max_patches or 10**6) ** 0.5))
        width, height = width % largest + 1, height % largest + 1
        larger = min(width + wider, largest), min(height + taller, largest)
    assert image_tokens(*larger, rule, detail).tokens >= image_tokens(width, height, rule, detail).tokens


@given(sides, sides, st.sampled_from([1536, 2500, 6144, 10_000]), st.sampled_from([2048, 6000, 65_535]))
@example(3074, 3074, 2500, 6000)  # in floats 49.99999999999999 patches across
def test_patches_follow_the_guides_floating_point(width: int, height: int, budget: int, side: int) -> None:
    """The whole-number steps give what its formula gives, wherever a float's last bit does not decide."""
    patches = images.patches(width, height, Limits(side, budget))
    assert patches <= budget
    w, h = images._fitted(width, height, side)
    if ceil(w / 32) * ceil(h / 32) <= budget:
        assert patches == ceil(w / 32) * ceil(h / 32)
        return
    shrink = (32**2 * budget / (w * h)) ** 0.5
    across, down = w * shrink / 32, h * shrink / 32
    assume(min(across, down) >= 1)  # else the formula's scale is 0
    assume(all(abs(each - round(each)) > 1e-9 for each in (across, down)))
    shrink *= min(int(across) / across, int(down) / down)
    columns, rows = (ceil(int(each * shrink + 1e-6) / 32) for each in (w, h))
    assert patches == columns * rows


# The size, from the first bytes


def png(width: int, height: int, more: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + more


def gif(width: int, height: int, more: bytes = b"") -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00" + more


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def jpeg(width: int, height: int, before: bytes = b"", marker: int = 0xC0) -> bytes:
    size = segment(marker, struct.pack(">BHHB", 8, height, width, 3) + b"\x01\x11\x00" * 3)
    return b"\xff\xd8" + segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00") + before + size


def exif(orientation: int, thumbnail: bytes = b"") -> bytes:
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    return segment(0xE1, b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01" + entry + b"\x00\x00\x00\x00" + thumbnail)


def webp(kind: bytes, payload: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(body)) + body


ANIMATION = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


@pytest.mark.parametrize(
    ("file", "size"),
    [
        pytest.param(PIXEL, (1, 1), id="a whole png"),
        pytest.param(png(640, 480), (640, 480), id="png"),
        pytest.param(png(2**31 - 1, 1), (2**31 - 1, 1), id="the widest png"),
        pytest.param(gif(300, 200), (300, 200), id="gif"),
        pytest.param(gif(40_000, 60_000), (40_000, 60_000), id="gif whose sides look negative"),
        pytest.param(gif(300, 200, ANIMATION), (300, 200), id="animated gif"),
        pytest.param(jpeg(640, 480), (640, 480), id="jpeg"),
        pytest.param(jpeg(640, 480, marker=0xC2), (640, 480), id="progressive jpeg"),
        pytest.param(jpeg(640, 480, b"\xff\xff\xff"), (640, 480), id="jpeg with fill bytes"),
        pytest.param(jpeg(640, 480, exif(6)), (640, 480), id="jpeg on its side, as stored"),
        pytest.param(jpeg(640, 480, exif(1, jpeg(160, 120))), (640, 480), id="not the thumbnail's size"),
        pytest.param(jpeg(640, 480, segment(0xE1, bytes(60_000))), (640, 480), id="jpeg behind a large segment"),
        pytest.param(webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 70, 90)), (70, 90), id="webp"),
        pytest.param(webp(b"VP8L", b"\x2f" + struct.pack("<I", 69 | 89 << 14)), (70, 90), id="lossless webp"),
        pytest.param(
            webp(b"VP8X", b"\x02\x00\x00\x00" + b"\x45\x00\x00" + b"\x59\x00\x00"), (70, 90), id="animated webp"
        ),
    ],
)
def test_sizes_are_read_from_headers(file: bytes, size: tuple[int, int]) -> None:
    """Every format that the API takes, from a header without any picture behind it."""
    assert size_of(file) == size


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="png, cut off"),
        pytest.param(png(640, 480)[:20], id="png, cut off within its size"),
        pytest.param(png(0, 480), id="png of no width"),
        pytest.param(png(2**31, 480), id="png wider than its format allows"),
        pytest.param(gif(0, 200), id="gif of no width"),
        pytest.param(jpeg(640, 0), id="jpeg of no height"),
        pytest.param(jpeg(640, 480)[:25], id="jpeg, cut off"),
        pytest.param(jpeg(640, 480, segment(0xE1, bytes(65_000)) * 2), id="jpeg whose size is too far behind"),
        pytest.param(b"\xff\xd8\xff\xe1\x00\x00" * 50, id="jpeg with a segment of no length"),
        pytest.param(b"\xff\xd8" + b"\xff" * 100_000, id="jpeg of fill bytes"),
        pytest.param(b"RIFF\x00\x00\x00\x00WEBPVP8L", id="webp, cut off"),
        pytest.param(b"RIFF\x00\x00\x00\x00WEBPJUNK" + bytes(64), id="webp of no known kind"),
        pytest.param(b'<svg width="10" height="10"></svg>', id="svg"),
        pytest.param(b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><svg width="1"/>', id="svg with entities"),
        pytest.param(b"<html><body>Not found</body></html>", id="html"),
        pytest.param(b"BM" + bytes(64), id="bmp"),
        pytest.param(b"II*\x00" + bytes(64), id="tiff"),
        pytest.param(b"P6 " + b"9" * HEADER_BYTES, id="netpbm of endless digits"),
        pytest.param(b"\x00\x00\x00\x20ftypheic" + bytes(64), id="heic"),
        pytest.param(b"%PDF-1.7", id="pdf"),
    ],
)
def test_what_is_no_image_for_the_api_is_an_error(file: bytes) -> None:
    """Torn, lying and foreign files; each with a sentence, none with a size."""
    with pytest.raises(ImageUnreadable, match=r"convert it|do not tell its size"):
        size_of(file)


def test_only_the_first_bytes_are_looked_at() -> None:
    """A gigabyte behind the header costs nothing: it is not even copied."""
    assert size_of(png(640, 480, bytes(HEADER_BYTES * 4))) == (640, 480)
    far = jpeg(640, 480, segment(0xE1, bytes(65_000)) * 2)
    assert len(far) > HEADER_BYTES
    with pytest.raises(ImageUnreadable, match=f"first {HEADER_BYTES} bytes"):
        size_of(far)


MAGIC = st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFFxxxxWEBP", b"RIFFxxxxWEBPVP8X"])


@given(MAGIC, st.binary(max_size=300))
def test_any_bytes_give_a_size_or_a_clear_error(magic: bytes, rest: bytes) -> None:
    """Whatever a stranger uploads."""
    try:
        width, height = size_of(magic + rest)
    except ImageUnreadable:
        return
    assert 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE


@given(st.sampled_from([png(33, 44), gif(33, 44), jpeg(33, 44, exif(8))]), st.data())
def test_a_damaged_header_gives_a_size_or_a_clear_error(file: bytes, data: st.DataObject) -> None:
    """Any byte changed, anything cut off."""
    at = data.draw(st.integers(0, len(file) - 1))
    damaged = file[:at] + bytes([data.draw(st.integers(0, 255))]) + file[at + 1 :]
    try:
        size_of(damaged[: data.draw(st.integers(0, len(file)))])
    except ImageUnreadable:
        return
