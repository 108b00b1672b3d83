"""The size of an image behind a link, from its first bytes. `image_parts` asks it for links that do not say their size."""

import asyncio
import re
import ssl
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from contextlib import aclosing, suppress
from typing import NamedTuple
from urllib.parse import urljoin
from weakref import WeakKeyDictionary

from .addresses import Resolver, public_only
from .discord_links import HOSTS, discord_link
from .errors import ImageError, ImageUnreadable, LinkFailed, LinkGone, LinkRefused, SizeNotReached
from .https_links import HttpsLink, https_link
from .images import HEADER_BYTES, size_of
from .pinned_http import PinnedHttp, Response

TOTAL_SECONDS = 5.0  # for one link: its turn, looking up, connecting, redirects and bytes together
MAX_REDIRECTS = 3
AT_ONCE = 8  # links that are fetched; the others wait, within their time
REMEMBERED = 1024  # links
REMEMBERED_SECONDS = 3600.0
FAILURE_SECONDS = 60.0  # so that each turn of a chat does not wait for the same dead host

_REDIRECTS = frozenset({301, 302, 303, 307, 308})  # RFC 9110, 15.4
_GONE = frozenset({403, 404, 410})  # Discord: 404 for an expired link
_FIRST_LOOK = 32  # bytes in which every format but JPEG has told its size
_HEADERS = {
    "Accept": "image/*",
    "Accept-Encoding": "identity",
    "Range": f"bytes=0-{HEADER_BYTES - 1}",
    "User-Agent": "cellblock (image size)",
}
_FROM_THE_START = re.compile(r"bytes 0-\d+/(?:\d+|\*)")

Size = tuple[int, int]


class ImageFetcher:
    """Finds sizes by asking for the first 64 KiB; keeps no connection and no task, only the last 1024 answers.

    Args:
        hosts: the hosts that are asked, also after a redirect; None: every one with a public address.
        resolver: where connections go; the default refuses addresses that are not public.
        tls: the certificates to trust; None: the system's.
    """

    def __init__(
        self,
        hosts: Collection[str] | None = HOSTS,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._http = PinnedHttp(resolver or public_only(), tls)
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._known: OrderedDict[str, tuple[float, Size | _Failure]] = OrderedDict()

    async def size(self, url: str) -> Size:
        """Width and height in pixels.

        Raises:
            LinkRefused: the link, a redirect of it, or its host's address is not one to ask.
            LinkGone: the host has no such image, or no longer.
            LinkFailed: the host did not answer with the start of an image in time.
            ImageUnreadable: it did, and no size is in it.
        """
        link = self._allowed(url)
        known = discord_link(link)
        image = known.identity if known else link.url
        for key in (image, link.url):
            remembered = self._remembered(key)
            if isinstance(remembered, _Failure):
                raise remembered.kind(remembered.says)
            if remembered is not None:
                return remembered
        try:
            size = await self._fetched(link)
        except ImageError as error:
            # By the link itself: the same image may well be there under a new signature.
            self._remember(link.url, _Failure(type(error), str(error)), FAILURE_SECONDS)
            raise
        self._remember(image, size, REMEMBERED_SECONDS)
        return size

    async def _fetched(self, link: HttpsLink) -> Size:
        try:
            async with asyncio.timeout(TOTAL_SECONDS), self._turn():
                for _ in range(MAX_REDIRECTS + 1):
                    async with self._http.request("GET", link, _HEADERS) as response:
                        if response.status not in _REDIRECTS:
                            return await _size_in(response, link.host)
                        link = self._allowed(_target(link, response.headers.get("location", "")))
        except TimeoutError:
            raise LinkFailed(f"{link.host} did not answer within {TOTAL_SECONDS:.0f} seconds") from None
        raise LinkFailed(f"{link.host} redirected more than {MAX_REDIRECTS} times")

    def _turn(self) -> asyncio.Semaphore:
        """One a loop: an application that counts with `asyncio.run`, again and again, keeps its fetcher."""
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))

    def _allowed(self, url: str) -> HttpsLink:
        link = https_link(url)
        if self._hosts is not None and link.host not in self._hosts:
            raise LinkRefused(f"{link.host} is not among the hosts that images are fetched from; name it in `hosts`")
        return link

    def _remembered(self, key: str) -> "Size | _Failure | None":
        until, answer = self._known.get(key, (0.0, None))
        return answer if until > time.monotonic() else None

    def _remember(self, key: str, answer: "Size | _Failure", seconds: float) -> None:
        self._known[key] = time.monotonic() + seconds, answer
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


class _Failure(NamedTuple):
    """An error, without the frames and bytes that one that was raised holds on to."""

    kind: type[ImageError]
    says: str


async def _size_in(response: Response, host: str) -> Size:
    _check(response.status, response.headers, host)
    head, looked = bytearray(), _FIRST_LOOK
    torn: LinkFailed | None = None
    try:
        async with aclosing(response.body) as parts:
            async for part in parts:
                head += part[: HEADER_BYTES - len(head)]
                if len(head) == HEADER_BYTES:
                    break
                if len(head) >= looked:
                    looked = 2 * len(head)  # a body in single bytes is looked at a dozen times, not thousands
                    with suppress(SizeNotReached):
                        return size_of(bytes(head))
    except LinkFailed as error:  # cut off: what came may be enough
        torn = error
    try:
        return size_of(bytes(head))
    except ImageUnreadable:
        if torn is not None:
            raise torn from None
        raise


def _target(link: HttpsLink, location: str) -> str:
    try:
        return urljoin(link.url, location)
    except ValueError as error:
        raise LinkRefused(f"{link.host} redirects to what is no link: {error}") from None


def _check(status: int, headers: Mapping[str, str], host: str) -> None:
    if status in _GONE:
        raise LinkGone(f"{host} has no such image, or no longer (status {status}); refresh the link, or leave it out")
    if status not in (200, 206):
        raise LinkFailed(f"{host} answered with status {status} instead of an image")
    if status == 206 and not _FROM_THE_START.fullmatch(headers.get("content-range", "")):
        raise LinkFailed(f"{host} answered with another part of the image than its start")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise LinkFailed(f"{host} sent the image compressed, which was not asked for; it is not unpacked")
    kind = headers.get("content-type", "image/").lower()
    if not kind.startswith(("image/", "application/octet-stream", "binary/octet-stream")):
        raise LinkFailed(f"{host} answered with '{kind[:60]}' instead of an image")
