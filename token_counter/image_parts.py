"""What the images of messages cost: a part of a Chat or Responses message in, tokens out. The counter calls it.

A part tells its image by a data URL, by a link that says the size, or by one that has to be asked for its first bytes.
"""

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .discord_links import DiscordLink, discord_link
from .errors import ImageError, ImageUnreadable, LinkGone
from .images import HEADER_BYTES, Api, ImageCount, ImageRule, image_tokens, ready, rule_named, size_of

if TYPE_CHECKING:
    # Only for their names: most requests have no link, and no need for an HTTP client.
    from .discord_refresh import Refresh
    from .fetching import ImageFetcher

STAND_IN = (1024, 1024)  # pixels, for an image whose size nobody can tell: a common one, and square
STORED_LINK_AGE = timedelta(hours=23)  # Discord's links work for 24; the original bot stopped using them at 23

# What the API calls the parts that hold an image: Chat, and the two of Responses.
PARTS: Mapping[str, Api] = {"image_url": "chat", "input_image": "responses", "computer_screenshot": "responses"}

_BASE64_CHARACTERS = -(-HEADER_BYTES // 3) * 4
_DATA_HEADER = 256  # characters before the comma; a media type and `;base64` are some thirty
_BLANKS = str.maketrans("", "", " \t\r\n")


@dataclass(frozen=True)
class PartCount(ImageCount):
    """What one part costs.

    Attributes:
        fresh_link: a new link to send in place of the expired one; it is the new one that was counted.
    """

    fresh_link: str = ""


@dataclass(frozen=True)
class _Image:
    """A part, as far as it matters here."""

    url: str
    detail: str | None
    api: Api
    stored_at: datetime | None


async def images_of_part(
    part: Mapping[str, Any],
    rule: ImageRule | str,
    fetcher: "ImageFetcher | None" = None,
    refresh: "Refresh | None" = None,
    now: datetime | None = None,
) -> PartCount:
    """What one image part costs; see `images_of_parts`."""
    return (await images_of_parts([part], rule, fetcher, refresh, now))[0]


async def images_of_parts(
    parts: Sequence[Mapping[str, Any]],
    rule: ImageRule | str,
    fetcher: "ImageFetcher | None" = None,
    refresh: "Refresh | None" = None,
    now: datetime | None = None,
) -> list[PartCount]:
    """What each of the parts costs, whatever is in them; links are asked at the same time.

    An expired link costs nothing, for the API cannot read it; `problem` says so. An image whose size cannot be told costs
    what one of 1024 x 1024 would, is marked as assumed, and `problem` says why.

    Args:
        parts: `image_url` of Chat, `input_image` or `computer_screenshot` of Responses, with their detail; a `timestamp`,
            as ISO text, seconds or a datetime, says when a link was stored: one older than 23 hours is expired.
        fetcher: asked for what links do not say; None: no network.
        refresh: asked once for new links in place of Discord's expired ones.
        now: None: the present.

    Raises:
        UnknownImageRule: no row has that name.
        RefreshFailed: from `refresh`.
    """
    found = rule_named(rule) if isinstance(rule, str) else rule
    now = now or datetime.now(UTC)
    await ready()
    images = [_image(part) for part in parts]
    expired = [image is not None and _expired(image, now) for image in images]
    fresh: Mapping[str, str] = {}
    wanted = [image.url for image, gone in zip(images, expired, strict=True) if image is not None and gone]
    if refresh is not None and wanted:
        fresh = await refresh(wanted)

    async def count(image: _Image | None, gone: bool) -> PartCount:
        if image is None:
            return _stand_in(found, None, "responses", "this part holds no link and no data of an image")
        if gone and image.url not in fresh:
            return PartCount(0, problem="the link to this image has expired: the API cannot read it; refresh it")
        link = fresh[image.url] if gone else ""
        return replace(await _counted(replace(image, url=link or image.url), found, fetcher), fresh_link=link)

    async with asyncio.TaskGroup() as tasks:
        counting = [tasks.create_task(count(image, gone)) for image, gone in zip(images, expired, strict=True)]
    return [each.result() for each in counting]


def head_of_data_url(url: str) -> bytes:
    """The first bytes of what a data URL holds; the rest of it is not decoded.

    Raises:
        ImageUnreadable: it is not in base64.
    """
    header, comma, _ = url[:_DATA_HEADER].partition(",")
    if not comma or not header.lower().endswith(";base64"):
        raise ImageUnreadable("the API takes a data URL in base64 only: data:image/png;base64,...")
    # Line breaks are a tenth of it at most where somebody wraps lines; what they displace is not needed.
    text = url[len(header) + 1 : len(header) + 1 + _BASE64_CHARACTERS].translate(_BLANKS).rstrip("=")
    try:
        return base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageUnreadable(f"this data URL is no base64: {error}") from None


async def _counted(image: _Image, rule: ImageRule, fetcher: "ImageFetcher | None") -> PartCount:
    try:
        size, at_most = await _size(image.url, fetcher)
        count = image_tokens(*size, rule, image.detail, image.api)
    except LinkGone as error:
        return PartCount(0, problem=str(error))
    except ImageError as error:
        return _stand_in(rule, image.detail, image.api, str(error))
    return PartCount(count.tokens, count.assumed or at_most, count.problem)


async def _size(url: str, fetcher: "ImageFetcher | None") -> tuple[tuple[int, int], bool]:
    """Width and height, and whether the image may be smaller."""
    if url[:5].lower() == "data:":
        return size_of(head_of_data_url(url)), False
    known = discord_link(url)
    if known is not None and known.size is not None:
        return known.size, known.at_most
    if fetcher is None:
        raise ImageUnreadable("the size of this image is behind its link, and nobody was allowed to ask")
    return await fetcher.size(url), False


def _stand_in(rule: ImageRule, detail: str | None, api: Api, why: str) -> PartCount:
    return PartCount(image_tokens(*STAND_IN, rule, detail, api).tokens, True, why)


def _expired(image: _Image, now: datetime) -> bool:
    if image.url[:5].lower() == "data:":
        return False
    known: DiscordLink | None = discord_link(image.url)
    if known is not None and known.expired(now):
        return True
    return image.stored_at is not None and now - image.stored_at > STORED_LINK_AGE


def _image(part: Mapping[str, Any]) -> _Image | None:
    """None where there is no link, such as for a file that is stored with OpenAI."""
    stated = part.get("image_url")
    inner = stated if isinstance(stated, Mapping) else {}
    url, detail = inner.get("url", stated), inner.get("detail", part.get("detail"))
    if not isinstance(url, str) or not url:
        return None
    stored = part.get("timestamp", inner.get("timestamp"))
    api = PARTS.get(str(part.get("type")), "chat" if inner else "responses")
    return _Image(url, detail if isinstance(detail, str) else None, api, _time(stored))


def _time(stated: object) -> datetime | None:
    """What a stored part says; without a zone it is UTC, and what is no time says nothing."""
    try:
        if isinstance(stated, str):
            stated = datetime.fromisoformat(stated)
        elif isinstance(stated, int | float) and not isinstance(stated, bool):
            stated = datetime.fromtimestamp(stated, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    if not isinstance(stated, datetime):
        return None
    return stated if stated.tzinfo else stated.replace(tzinfo=UTC)
