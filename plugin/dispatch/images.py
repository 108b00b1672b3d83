"""Images for a model: opened and made small in a sandbox, never in the host. The dispatcher calls `seen` and `parts`.

What comes back may come from an image that took its sandbox over: only its first bytes are looked at here, by token_counter.
"""

import asyncio
import base64
import itertools
import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

from ..errors import CellblockError
from ..interpreter import Interpreter
from .calls import Item, Part
from .clean import name_of
from .registered import Picture, UserId

if TYPE_CHECKING:
    from token_counter.images import ImageRule

log = logging.getLogger("cellblock.dispatch")

Api = Literal["chat", "responses"]
Detail = Literal["low", "high"]

SECONDS = 20.0  # for one look at an image; a hundred million pixels take three
MAX_PIXELS = 100_000_000  # 400 MB as RGBA
MAX_BYTES = 8 * 1024**2  # of what comes back
TRIES = 2  # times as many as may be shown, where some cannot be
LONGEST_SIDE = 2048  # to more the API scales an image down itself, at detail high (token_counter/image_rules.toml)
TILED_SHORT_SIDE = 768  # the API's own, for models that count tiles: more pixels would be sent for nothing
LOW_SIDE = 512  # and at detail low
STEPS = 0.97  # from one size that is tried to the next
DEFAULT_MODEL = "gpt-5"  # where no model is named
INTRODUCTION = "Images that the tool calls above made. This message comes from the interpreter, not from the user."
_URL = re.compile(r"https?://[!-~]+")

CANNOT_OPEN = "it cannot be opened"
# The words that shrink.py refuses with.
REASONS = {
    "pixels": f"it has more than {MAX_PIXELS:,} pixels; save it smaller",
    "unknown": "it is no image that can be opened here; save it as PNG",
    "damaged": "it is damaged or cut off",
    "svg": "it is no SVG that can be drawn; save it as PNG",
    "resvg": "SVG cannot be drawn here, for the package resvg-py is missing; save it as PNG",
    "shape": "it is far longer than wide, or the other way round",
}


@dataclass(frozen=True)
class ShownImage:
    """An image as the model gets it.

    Attributes:
        detail: for the request; what it costs at it is `tokens`.
    """

    name: str
    data: bytes = field(repr=False)
    mime: str
    width: int
    height: int
    detail: Detail
    tokens: int
    file_id: str = ""


@dataclass(frozen=True)
class NotShown:
    """Why not, for the model."""

    reason: str


@dataclass(frozen=True)
class Seen:
    """What became of one image.

    Attributes:
        number: by which text and image refer to each other, 0 where it is not shown.
    """

    image: ShownImage | NotShown
    number: int = 0

    def told(self, apart: bool) -> str:
        """For the text of its call: where it is, or why it is not there."""
        if isinstance(self.image, NotShown):
            return f"not shown: {self.image.reason}"
        return f"shown as image {self.number} {'in the message behind the tool results' if apart else 'below'}"


@dataclass(frozen=True)
class Cost:
    """What an image costs with the model in use, and what it may cost; `rule` None: the model sees no images."""

    rule: "ImageRule | None"
    api: Api
    tokens: int

    @classmethod
    def of_model(cls, model: str | None, api: Api, tokens: int) -> "Cost":
        """By token_counter's rules; the newest family's for a model that it does not know."""
        from token_counter import images

        try:
            from token_counter import models
        except ImportError:  # until the counter is there
            return cls(images.rule_named("gpt-5"), api, tokens)
        name = models.rule(model or DEFAULT_MODEL).images
        return cls(images.rule_named(name) if name else None, api, tokens)

    @property
    def _in_tiles(self) -> bool:
        from token_counter.images import TileRule

        return isinstance(self.rule, TileRule)

    def of(self, width: int, height: int, detail: Detail) -> int:
        """Tokens of an image of that size."""
        from token_counter.images import image_tokens

        assert self.rule is not None
        return image_tokens(width, height, self.rule, detail, self.api).tokens

    def size(self, width: int, height: int) -> tuple[int, int, Detail] | None:
        """The largest size at which it costs no more than it may, with the detail; None where there is none."""
        for detail, side in (("high", LONGEST_SIDE), ("low", LOW_SIDE)):
            scale = min(1.0, side / max(width, height))
            if self._in_tiles:
                scale = min(scale, TILED_SHORT_SIDE / min(width, height))
            while True:
                scaled = (max(1, int(width * scale)), max(1, int(height * scale)))
                if self.of(*scaled, detail) <= self.tokens:  # type: ignore[arg-type]
                    return (*scaled, detail)  # type: ignore[return-value]
                if max(scaled) == 1:
                    break
                scale *= STEPS
        return None


Publish = Callable[[ShownImage], Awaitable[str]]


async def seen(
    pictures: Sequence[Picture], interpreter: Interpreter, user_id: UserId, cost: Cost, most: int
) -> list[Seen]:
    """What becomes of each image: the first `most` that can be shown are; those behind them are not even opened."""
    found: list[ShownImage | NotShown] = []
    shown, tries = 0, most * TRIES
    while len(found) < len(pictures) and shown < most and len(found) < tries and cost.rule is not None:
        batch = pictures[len(found) : len(found) + most - shown]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(prepared(picture, interpreter, user_id, cost)) for picture in batch]
        found += [task.result() for task in tasks]
        shown = sum(isinstance(each, ShownImage) for each in found)
    why = f"at most {most} images are shown at a time" if cost.rule is not None else "this model sees no images"
    found += [NotShown(why)] * (len(pictures) - len(found))
    numbers = itertools.count(1)
    return [Seen(each, next(numbers) if isinstance(each, ShownImage) else 0) for each in found]


async def parts(seen: Seen, apart: bool, publish: Publish | None) -> list[Part]:
    """The image for a request, behind a line that says which it is; none where it is not shown.

    Args:
        apart: for a user message of Chat Completions; else for an output item of Responses.
    """
    image = seen.image
    if isinstance(image, NotShown):
        return []
    url = await _address(image, publish)
    label = f"Image {seen.number}: {name_of(image.name)}"
    if apart:
        return [
            {"type": "text", "text": label},
            {"type": "image_url", "image_url": {"url": url, "detail": image.detail}},
        ]
    return [{"type": "input_text", "text": label}, {"type": "input_image", "image_url": url, "detail": image.detail}]


def message(parts: list[Part]) -> Item:
    """The user message with the images of all calls, for Chat Completions: its tool messages hold text only."""
    return {"role": "user", "content": [{"type": "text", "text": INTRODUCTION}, *parts]}


async def prepared(picture: Picture, interpreter: Interpreter, user_id: UserId, cost: Cost) -> ShownImage | NotShown:
    """One image, small enough, or why it is not shown. Raises nothing but a cancellation."""
    try:
        width, height = _two_numbers((await _made(picture, interpreter, user_id, None)).answer.get("size"))
        fitting = cost.size(width, height)
        if fitting is None:
            return NotShown(f"at any size it would cost more than the {cost.tokens} tokens that an image may cost")
        made = await _made(picture, interpreter, user_id, fitting[:2])
        return _believed(picture, made.out, cost, fitting[2])
    except _Unusable as error:
        return NotShown(str(error))
    except CellblockError as error:
        log.warning("an image could not be prepared: %s", error)
        return NotShown("it could not be prepared now")


async def _address(image: ShownImage, publish: Publish | None) -> str:
    """A URL that the API can read: the published one, else the image itself."""
    if publish is not None:
        try:
            url = await publish(image)
        except Exception:  # the application's code; the image can go without it
            log.exception("publish raised; the image is sent along instead")
        else:
            if isinstance(url, str) and _URL.fullmatch(url):
                return url
            log.error("publish gave no URL but %.100r; the image is sent along instead", url)
    return f"data:{image.mime};base64,{base64.b64encode(image.data).decode()}"


class _Unusable(Exception):
    """The image cannot be shown; the message is for the model."""


@dataclass(frozen=True)
class _Made:
    answer: dict[str, Any]
    out: bytes


async def _made(picture: Picture, interpreter: Interpreter, user_id: UserId, size: tuple[int, int] | None) -> _Made:
    """What the script in the sandbox says, and leaves."""
    request = json.dumps({"size": size, "max_pixels": MAX_PIXELS}).encode()
    files = {"image": picture.data, "request.json": request}
    done = await interpreter.transform(_script(), files, user_id=user_id, seconds=SECONDS, max_bytes=MAX_BYTES)
    if done.outcome.kind == "memory":
        raise _Unusable("it needs more memory than there is")
    if done.outcome.kind == "timeout":
        raise _Unusable(f"it takes longer than {SECONDS:g} seconds to open")
    try:
        answer = json.loads(done.files.get("answer.json", b""))
    except ValueError:
        log.info("no answer about an image: %s %s", done.outcome, done.error)
        raise _Unusable(CANNOT_OPEN) from None
    if not isinstance(answer, dict) or "refused" in answer:
        raise _Unusable(_reason(answer))
    return _Made(answer, done.files.get("out", b""))


def _reason(answer: Any) -> str:
    """Words of ours: what the sandbox says may be somebody else's."""
    refused = answer.get("refused") if isinstance(answer, dict) else None
    return REASONS.get(refused, CANNOT_OPEN) if isinstance(refused, str) else CANNOT_OPEN


def _believed(picture: Picture, out: bytes, cost: Cost, detail: Detail) -> ShownImage:
    """What the API would see, by its own first bytes."""
    from token_counter.errors import ImageUnreadable
    from token_counter.images import size_of

    try:
        width, height = size_of(out)
        tokens = cost.of(width, height, detail)
    except ImageUnreadable:
        raise _Unusable(CANNOT_OPEN) from None
    if tokens > cost.tokens:
        raise _Unusable("it cannot be made small enough")
    return ShownImage(picture.name, out, _mime(out), width, height, detail, tokens, picture.file_id)


def _mime(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8") else "image/webp"


def _two_numbers(size: Any) -> tuple[int, int]:
    if not (
        isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) and 0 < side < 2**31 for side in size)
    ):
        raise _Unusable(CANNOT_OPEN)
    return size[0], size[1]


@cache
def _script() -> str:
    return resources.files(__package__).joinpath("shrink.py").read_text("utf-8")
