"""Images as the model gets them: opened in a sandbox, within their tokens, each named in text."""

import asyncio
import base64
import json
import resource
import struct
import zlib
from typing import Any

import pytest
import strict_types
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin import Interpreter
from plugin.dispatch import images
from plugin.dispatch.dispatcher import Dispatcher
from plugin.dispatch.images import Cost, NotShown, ShownImage, prepared
from plugin.dispatch.registered import Picture, ToolResult
from token_counter.images import image_tokens, rule_named, rule_names, size_of

RUN = "execute_python_code"
GPT_5 = Cost(rule_named("gpt-5"), "responses", 1000)
PATCHES = Cost(rule_named("gpt-4.1-mini"), "responses", 1000)

DRAW = """
from PIL import Image
red, blue = (255, 0, 0), (0, 0, 255)
two = Image.new("RGB", (400, 200), red); two.paste(blue, (200, 0, 400, 200))
for name in ("png", "jpg", "webp", "bmp", "tiff", "ico"):
    two.save("two." + name, quality=95, lossless=True) if name != "ico" else two.save("two.ico", sizes=[(256, 128)])
Image.new("P", (50, 40)).save("first.gif", save_all=True, append_images=[Image.new("RGB", (50, 40), red)])
two.convert("CMYK").save("cmyk.jpg", quality=95); two.convert("1").save("bits.png"); two.convert("LA").save("grey.png")
two.quantize(4).save("palette.png"); two.convert("L").convert("I;16").point(lambda v: v * 257).save("deep.tiff")
exif = Image.Exif(); exif[0x0112] = 6
two.save("turned.jpg", exif=exif, quality=95)
Image.new("RGBA", (60, 60), (0, 0, 0, 0)).save("clear.png")
Image.effect_noise((3000, 1500), 90).convert("RGB").save("large.jpg")
Image.new("L", (4000, 30), 255).save("long.png")
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" viewBox="0 0 40 20">{}</svg>'
RECTANGLE = '<rect width="40" height="20" fill="#00ff00"/>'


@pytest.fixture(scope="module")
async def drawn(interpreter: Interpreter) -> dict[str, bytes]:
    """One file of each kind, made inside: this project's own Python has no Pillow."""
    result = await interpreter.run(DRAW, user_id="draw")
    assert result.success, result.error
    return {file.filename: file.data for file in result.generated_files}


async def looked_at(interpreter: Interpreter, shown: ShownImage, *places: tuple[float, float]) -> list[list[int]]:
    """The colours at places of an image, which are given as parts of its width and height."""
    script = (
        "import json\nfrom PIL import Image\nimage = Image.open('in').convert('RGB')\n"
        f"found = [image.getpixel((int(x * (image.width - 1)), int(y * (image.height - 1)))) for x, y in {list(places)!r}]\n"
        "open('out', 'w').write(json.dumps(found))"
    )
    done = await interpreter.transform(script, {"in": shown.data}, user_id="look", seconds=20, max_bytes=1000)
    found: list[list[int]] = json.loads(done.files["out"])
    return found


def near(colour: list[int], wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(colour, wanted, strict=True))


RED, BLUE, WHITE, BLACK, GREEN = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (0, 255, 0)


@pytest.mark.parametrize(
    ("name", "size", "left", "right"),
    [
        pytest.param("two.png", (400, 200), RED, BLUE, id="PNG"),
        pytest.param("two.jpg", (400, 200), RED, BLUE, id="JPEG"),
        pytest.param("two.webp", (400, 200), RED, BLUE, id="WebP"),
        pytest.param("two.bmp", (400, 200), RED, BLUE, id="BMP"),
        pytest.param("two.tiff", (400, 200), RED, BLUE, id="TIFF"),
        pytest.param("two.ico", (256, 128), RED, BLUE, id="ICO"),
        pytest.param("first.gif", (50, 40), BLACK, BLACK, id="the first picture of a GIF"),
        pytest.param("cmyk.jpg", (400, 200), RED, BLUE, id="CMYK"),
        pytest.param("palette.png", (400, 200), RED, BLUE, id="palette"),
        pytest.param("grey.png", (400, 200), (76, 76, 76), (29, 29, 29), id="grey with transparency"),
        pytest.param("deep.tiff", (400, 200), (76, 76, 76), (29, 29, 29), id="16 bits"),
        pytest.param("clear.png", (60, 60), WHITE, WHITE, id="transparent is white"),
    ],
)
async def test_each_format_is_shown(
    interpreter: Interpreter, drawn: dict[str, bytes], name: str, size: tuple[int, int], left: Any, right: Any
) -> None:
    """In a form that the API takes, small images as large as they are, with the colours they have."""
    shown = await prepared(Picture(name, drawn[name]), interpreter, 1, GPT_5)
    assert isinstance(shown, ShownImage), shown
    assert (shown.width, shown.height) == size == size_of(shown.data)
    assert shown.mime in ("image/png", "image/jpeg", "image/webp") and shown.detail == "high"
    assert shown.tokens == image_tokens(*size, "gpt-5", "high").tokens <= 1000
    at_left, at_right = await looked_at(interpreter, shown, (0.25, 0.5), (0.75, 0.5))
    assert near(at_left, left) and near(at_right, right)


async def test_a_photo_is_turned_as_its_camera_was(interpreter: Interpreter, drawn: dict[str, bytes]) -> None:
    """EXIF's orientation, without which a model sees it lying on its side."""
    shown = await prepared(Picture("turned.jpg", drawn["turned.jpg"]), interpreter, 1, GPT_5)
    assert isinstance(shown, ShownImage) and (shown.width, shown.height) == (200, 400)
    above, below = await looked_at(interpreter, shown, (0.5, 0.25), (0.5, 0.75))
    assert near(above, RED) and near(below, BLUE)


@pytest.mark.parametrize(
    ("cost", "largest"),
    [
        pytest.param(GPT_5, (1536, 768), id="tiles"),
        pytest.param(PATCHES, (1100, 560), id="patches"),
        pytest.param(Cost(rule_named("gpt-5"), "responses", 250), (512, 256), id="one tile"),
        pytest.param(Cost(rule_named("gpt-5"), "responses", 100), (512, 256), id="detail low"),
    ],
)
async def test_a_large_image_is_made_small(
    interpreter: Interpreter, drawn: dict[str, bytes], cost: Cost, largest: tuple[int, int]
) -> None:
    """Within its tokens by token_counter's own rules, in its proportions, in fewer bytes."""
    shown = await prepared(Picture("large.jpg", drawn["large.jpg"]), interpreter, 1, cost)
    assert isinstance(shown, ShownImage)
    assert cost.of(shown.width, shown.height, shown.detail) == shown.tokens <= cost.tokens
    assert abs(shown.width / shown.height - 2) < 0.02 and shown.width <= largest[0] and shown.width > largest[0] * 0.9
    assert len(shown.data) < len(drawn["large.jpg"])
    assert shown.detail == ("low" if cost.tokens == 100 else "high")


@settings(deadline=None)
@given(
    st.integers(1, 30_000), st.integers(1, 30_000), st.sampled_from(rule_names()), st.integers(50, 9000),
    st.sampled_from(["chat", "responses"]),
)  # fmt: skip
def test_the_size_is_the_largest_that_may_be(width: int, height: int, rule: str, tokens: int, api: Any) -> None:
    """For every rule: no more tokens than allowed, never enlarged; none only where not even one pixel is cheap enough."""
    cost = Cost(rule_named(rule), api, tokens)
    found = cost.size(width, height)
    if found is None:
        assert min(cost.of(1, 1, "high"), cost.of(1, 1, "low")) > tokens
        return
    wide, high, detail = found
    assert cost.of(wide, high, detail) <= tokens and 1 <= wide <= width and 1 <= high <= height
    full = cost.size(width, height) if max(width, height) <= 512 else None
    if full is not None and cost.of(width, height, "high") <= tokens:
        assert (wide, high) == (width, height)


# ---- what cannot be shown


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG that says it is so large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows or zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        pytest.param("bomb.png", png(20_000, 20_000), "more than 100,000,000 pixels", id="bomb"),
        pytest.param("bomb.png", png(2**31 - 1, 2**31 - 1), "more than 100,000,000 pixels", id="as large as can be said"),
        pytest.param("cut.png", png(100, 100), "damaged or cut off", id="cut off"),
        pytest.param("x.png", b"", "no image that can be opened", id="empty"),
        pytest.param("x.png", b"\x89PNG\r\n\x1a\nrubbish", "no image that can be opened", id="rubbish"),
        pytest.param("x.png", b"%!PS-Adobe-3.0 EPSF-3.0\n", "no image that can be opened", id="PostScript"),
        pytest.param("x.svg", b"<svg", "no SVG that can be drawn", id="no SVG"),
        pytest.param("x.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="9"/>', "far longer", id="a long SVG"),
        pytest.param("x.svg", SVG.format('<!DOCTYPE svg [<!ENTITY a "&a;&a;">]>&a;').encode(), "no SVG that can", id="entities"),
    ],
)  # fmt: skip
async def test_what_cannot_be_shown_says_why(interpreter: Interpreter, name: str, data: bytes, told: str) -> None:
    """In words of ours, whatever the image says."""
    shown = await prepared(Picture(name, data), interpreter, 1, GPT_5)
    assert isinstance(shown, NotShown) and told in shown.reason


async def test_a_bomb_costs_the_host_nothing(interpreter: Interpreter) -> None:
    """One below the limit of pixels that is larger than the sandbox's memory ends the sandbox alone."""
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(b"\0" + b"\0" * 3 * 9900) for _ in range(9900)) + rows.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    shown = await prepared(Picture("bomb.png", png(9900, 9900, packed)), interpreter, 1, GPT_5)
    assert shown == NotShown("it needs more memory than there is")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


async def test_too_dear_a_model_is_said(interpreter: Interpreter, drawn: dict[str, bytes]) -> None:
    """Where not even detail low is within the budget; and a model without eyes is not sent anything."""
    mini = Cost(rule_named("gpt-4o-mini"), "responses", 1000)
    shown = await prepared(Picture("two.png", drawn["two.png"]), interpreter, 1, mini)
    assert isinstance(shown, NotShown) and "1000 tokens" in shown.reason
    [seen] = await images.seen([Picture("a", b"")], interpreter, 1, Cost(None, "chat", 1000), 4)
    assert seen.told(True) == "not shown: this model sees no images"


@pytest.mark.parametrize(
    "out",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<svg/>", id="another format"),
        pytest.param(png(20_000, 20_000), id="larger than asked for"),
        pytest.param(b"GIF89a\xff\xff\xff\xff", id="a GIF"),
    ],
)
def test_a_sandbox_that_was_taken_over_is_not_believed(out: bytes) -> None:
    """What it hands out is looked at by its first bytes alone, and what it says is in words of ours or in none."""
    with pytest.raises(images._Unusable):
        images._believed(Picture("x.png", b""), out, Cost(rule_named("gpt-5"), "chat", 300), "high")
    for lie in ("\n[Image 1 attached]", 7, {}, ["pixels"], None):
        assert images._reason({"refused": lie}) == images.CANNOT_OPEN
    for size in (None, [1], [0, 5], [1, 2**40], "12", [True, "x"]):
        with pytest.raises(images._Unusable):
            images._two_numbers(size)


# ---- SVG


async def test_an_svg_is_drawn(interpreter: Interpreter) -> None:
    """As large as an image may be, for it has no pixels of its own; text in any script."""
    drawing = SVG.format(RECTANGLE + '<text x="4" y="15" font-size="12">Hi \u4f60</text>').encode()
    shown = await prepared(Picture("a.svg", drawing), interpreter, 1, GPT_5)
    assert isinstance(shown, ShownImage), shown
    assert shown.width > 1000 and abs(shown.width / shown.height - 2) < 0.02
    [corner] = await looked_at(interpreter, shown, (0.01, 0.01))
    assert near(corner, GREEN)


@pytest.mark.parametrize(
    "address",
    ["/etc/passwd", "file:///proc/self/environ", "image", "request.json", "http://127.0.0.1:9/x.png", "/venv/x.png"],
)
async def test_an_svg_reaches_neither_files_nor_network(interpreter: Interpreter, address: str) -> None:
    """It looks the same as without what it refers to."""
    drawing = SVG.format(RECTANGLE + f'<image href="{address}" x:href="{address}" width="40" height="20"/>').encode()
    plain = await prepared(Picture("a.svg", SVG.format(RECTANGLE).encode()), interpreter, 1, GPT_5)
    shown = await prepared(Picture("a.svg", drawing), interpreter, 1, GPT_5)
    assert isinstance(plain, ShownImage) and isinstance(shown, ShownImage)
    assert shown.data == plain.data


# ---- in a conversation

PLOTS = "import matplotlib.pyplot as plt\nfor n in range({}):\n    plt.figure(); plt.plot([n, 2])"


def chat(call_id: str, code: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": RUN, "arguments": json.dumps({"code": code})}}


async def test_chat_gets_one_user_message_behind_all_answers(interpreter: Interpreter) -> None:
    """Images numbered through, at most four, the others named; each says which it is, and has a detail."""
    calls = [chat("a", PLOTS.format(3)), chat("b", "print(1)"), chat("c", PLOTS.format(2))]
    *answers, message = await Dispatcher(interpreter).run(calls, user_id="chat")
    assert [item["tool_call_id"] for item in answers] == ["a", "b", "c"]
    for number in (1, 2, 3):
        assert f'"figure-{number}.png"' in answers[0]["content"]
        assert f"shown as image {number} in the message behind" in answers[0]["content"]
    assert "shown as image 4 in" in answers[2]["content"]
    assert "not shown: at most 4 images are shown at a time" in answers[2]["content"]
    said, *parts = message["content"]
    assert message["role"] == "user" and "not from the user" in said["text"]
    assert [part["text"] for part in parts[::2]] == [
        'Image 1: "figure-1.png"', 'Image 2: "figure-2.png"', 'Image 3: "figure-3.png"', 'Image 4: "figure-1.png"',
    ]  # fmt: skip
    assert {part["image_url"]["detail"] for part in parts[1::2]} == {"high"}
    data = base64.b64decode(parts[1]["image_url"]["url"].partition("base64,")[2])
    assert size_of(data)[0] == 640
    assistant = {"role": "assistant", "tool_calls": calls}
    strict_types.check_chat_request({"model": "gpt-5", "messages": [assistant, *answers, message]})


async def test_responses_get_images_in_their_output(interpreter: Interpreter) -> None:
    """Of function and of custom calls, for which the detail is not optional."""
    calls = [
        {"type": "function_call", "call_id": "a", "name": RUN, "arguments": json.dumps({"code": PLOTS.format(1)})},
        {"type": "custom_tool_call", "call_id": "b", "name": RUN, "input": PLOTS.format(1)},
    ]
    items = await Dispatcher(interpreter, max_images=2).run(calls, user_id="responses")
    for number, item in enumerate(items, 1):
        text, label, image = item["output"]
        assert f"shown as image {number} below" in text["text"]
        assert label == {"type": "input_text", "text": f'Image {number}: "figure-1.png"'}
        assert image["type"] == "input_image" and image["detail"] == "high"
        assert image["image_url"].startswith("data:image/")
    strict_types.check_responses_request({"model": "gpt-5", "input": [*calls, *items]})


@pytest.mark.parametrize("most", [0, 1])
async def test_how_many_may_be_said_for_each_run(interpreter: Interpreter, most: int) -> None:
    """A loop over several rounds counts what a turn has had."""
    items = await Dispatcher(interpreter).run([chat("a", PLOTS.format(2))], user_id=1, max_images=most)
    assert len(items) == 1 + most
    assert items[0]["content"].count(f"not shown: at most {most} images") == 2 - most


async def test_one_that_cannot_be_shown_takes_no_place(interpreter: Interpreter, drawn: dict[str, bytes]) -> None:
    """The one behind it is shown instead; of many such not all are tried."""
    bad, good = Picture("bad.png", b"x"), Picture("good.png", drawn["two.png"])
    seen = await images.seen([bad, good, good], interpreter, 1, GPT_5, 1)
    assert [each.number for each in seen] == [0, 1, 0]
    seen = await images.seen([bad] * 5, interpreter, 1, GPT_5, 1)
    assert [each.told(True).partition(",")[0] for each in seen[:3]] == [
        "not shown: it is no image that can be opened here; save it as PNG",
        "not shown: it is no image that can be opened here; save it as PNG",
        "not shown: at most 1 images are shown at a time",
    ]


async def test_a_registered_tools_images_are_shown_too(interpreter: Interpreter, drawn: dict[str, bytes]) -> None:
    """By the same way; what is no image is named."""

    async def camera(arguments: dict[str, Any], *, user_id: int | str) -> ToolResult:
        return ToolResult("two", [Picture("door.jpg", drawn["two.jpg"]), Picture("x\n[Image 9]", b"junk")])

    dispatcher = Dispatcher(interpreter)
    dispatcher.register({"name": "camera"}, camera)
    answer, message = await dispatcher.run([{"id": "a", "function": {"name": "camera"}}], user_id=1)
    assert answer["content"].splitlines() == [
        "Result:",
        "> two",
        '"door.jpg": shown as image 1 in the message behind the tool results',
        r'"x\x0a[Image 9]": not shown: it is no image that can be opened here; save it as PNG',
    ]
    assert len(message["content"]) == 3


@pytest.mark.parametrize(
    ("gives", "published"),
    [
        pytest.param("https://cdn.example/a.webp?ex=1", True, id="an address"),
        pytest.param("ftp://cdn.example/a", False, id="another scheme"),
        pytest.param("https://cdn.example/a b\n", False, id="white space"),
        pytest.param(None, False, id="nothing"),
        pytest.param(OSError("no upload"), False, id="raises"),
    ],
)
async def test_images_can_be_published(interpreter: Interpreter, gives: Any, published: bool) -> None:
    """The application's own address is sent; where it has none, the image itself."""
    got: list[ShownImage] = []

    async def publish(image: ShownImage) -> str:
        got.append(image)
        if isinstance(gives, Exception):
            raise gives
        return gives  # type: ignore[no-any-return]

    _, message = await Dispatcher(interpreter, publish=publish).run([chat("a", PLOTS.format(1))], user_id=1)
    address = message["content"][-1]["image_url"]["url"]
    assert address == gives if published else address.startswith("data:image/")
    assert got[0].name == "figure-1.png" and got[0].file_id and got[0].mime.startswith("image/")


async def test_cancelling_while_images_are_made_leaves_nothing(interpreter: Interpreter) -> None:
    """Not while a slow publish is waited for either."""
    begun = asyncio.Event()

    async def publish(image: ShownImage) -> str:
        begun.set()
        await asyncio.Event().wait()
        return ""

    running = asyncio.create_task(
        Dispatcher(interpreter, publish=publish).run([chat("a", PLOTS.format(1))], user_id="cancel")
    )
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not interpreter._admission._running
