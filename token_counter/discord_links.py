"""What a link to an image on Discord says by itself: until when it is good, and often how large the image is.

Sources: Discord's reference, "Image Formatting" (discord.com/developers/docs/reference#image-formatting) and "Signed
Attachment CDN URLs" (the same page), read on 2026-11-24. Nothing is asked over the network here.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from .errors import LinkRefused
from .https_links import HttpsLink, https_link

CDN = "cdn.discordapp.com"
MEDIA = "media.discordapp.net"
PROXIES = ("images-ext-1.discordapp.net", "images-ext-2.discordapp.net")
HOSTS = frozenset({CDN, MEDIA, *PROXIES})

LARGEST = 4096  # pixels, of `?size=`: the reference offers powers of two, Discord's own apps ask for others too (160)
# Squares, or fitted into one: `?size=` is the longer side. Banners, splashes and covers have other shapes.
SIZED = ("avatars", "embed/avatars", "emojis", "icons", "stickers", "app-icons", "role-icons", "team-icons")
SIGNED = ("attachments", "ephemeral-attachments")

_HEX = re.compile(r"[0-9a-fA-F]{1,8}")  # seconds until 2106
_PIXELS = re.compile(r"[1-9][0-9]{0,4}")
_MEMBER_AVATAR = re.compile(r"/guilds/\d+/users/\d+/avatars/")


@dataclass(frozen=True)
class DiscordLink:
    """A link to something on Discord's content network.

    Attributes:
        size: width and height in pixels, where the link states them; None: look at the image.
        at_most: the image may be smaller than `size`: Discord does not enlarge, and an emoji may be narrow.
        expires: when the link stops working; None: it does not, or does not say.
    """

    link: HttpsLink
    size: tuple[int, int] | None = None
    at_most: bool = False
    expires: datetime | None = None

    def expired(self, now: datetime) -> bool:
        """Whether it no longer works at that time."""
        return self.expires is not None and self.expires <= now

    @property
    def refreshable(self) -> bool:
        """Whether Discord gives a new link for it."""
        return self.link.host in (CDN, MEDIA) and _room(self.link) in SIGNED

    @property
    def identity(self) -> str:
        """The same for all links to the same pixels: signatures and expiry change, what is behind an id does not."""
        kept = sorted((k, v) for k, v in self.link.parameters().items() if k not in ("ex", "is", "hm", ""))
        return f"{self.link.host}{self.link.path}?{kept}"


def discord_link(url: str | HttpsLink) -> DiscordLink | None:
    """What the link says; None if it does not lead to Discord's content network, or is none."""
    try:
        link = https_link(url) if isinstance(url, str) else url
    except LinkRefused:
        return None
    if link.host not in HOSTS:
        return None
    room, parameters = _room(link), link.parameters()
    size = None
    if link.host == MEDIA or link.host in PROXIES:
        size = _size(parameters.get("width", ""), parameters.get("height", ""))
    if size is not None:
        return DiscordLink(link, size, False, _expiry(room, parameters))
    side = parameters.get("size", "")
    if room in SIZED and _PIXELS.fullmatch(side) and int(side) <= LARGEST:
        return DiscordLink(link, (int(side), int(side)), at_most=True)
    return DiscordLink(link, None, False, _expiry(room, parameters))


def _room(link: HttpsLink) -> str:
    """The first words of the path: what kind of thing it is."""
    if link.host in PROXIES:
        return "external"
    if _MEMBER_AVATAR.match(link.path):
        return "avatars"
    first, _, rest = link.path.lstrip("/").partition("/")
    return f"{first}/{rest.partition('/')[0]}" if first == "embed" else first


def _size(width: str, height: str) -> tuple[int, int] | None:
    """Both sides, as the media proxy scales an image to them; with one of them it keeps the shape, which is not known."""
    if _PIXELS.fullmatch(width) and _PIXELS.fullmatch(height):
        return int(width), int(height)
    return None


def _expiry(room: str, parameters: dict[str, str]) -> datetime | None:
    """`ex`, seconds since 1970 in hexadecimal. One that is no number was tampered with: such a link never worked."""
    if room not in SIGNED or "ex" not in parameters:
        return None
    stated = parameters["ex"]
    return datetime.fromtimestamp(int(stated, 16) if _HEX.fullmatch(stated) else 0, UTC)
