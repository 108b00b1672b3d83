"""New links for Discord's expired ones, by the bot's token. Applications give `refresher(token)` to `images_of_parts`.

`POST /attachments/refresh-urls` is what Discord's own clients call; it takes up to 50 links (as discord.js and others use
it; Discord's reference does not list it, 2026-11-24).
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing

from .addresses import Resolver, public_only
from .discord_links import discord_link
from .errors import LinkFailed, RefreshFailed
from .https_links import HttpsLink
from .pinned_http import PinnedHttp

Refresh = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]

REFRESH_URLS = HttpsLink("discord.com", "/api/v10/attachments/refresh-urls", "")
LINKS_A_REQUEST = 50
ANSWER_BYTES = 1024 * 1024  # 50 links of 4 kB, twice, and what JSON adds
REQUEST_SECONDS = 10.0


def refresher(bot_token: str, resolver: Resolver | None = None, tls: ssl.SSLContext | None = None) -> Refresh:
    """A function from links to their new links; it asks Discord for at most 50 at a time.

    Links that are not Discord's attachments are left out, and so are those that Discord does not renew. The function
    raises RefreshFailed where Discord does not answer, or not as it should.

    Args:
        bot_token: sent to discord.com and nowhere else; in no message and no log.
        resolver, tls: as of `ImageFetcher`.

    Raises:
        RefreshFailed: this can be no token.
    """
    if not (bot_token.isascii() and bot_token.isprintable()):  # the HTTP library's refusal would quote it
        raise RefreshFailed("the bot's token has a line break or another character in it that no token has")
    http = PinnedHttp(resolver or public_only(), tls)

    async def refreshed(links: Sequence[str]) -> Mapping[str, str]:
        wanted = list(dict.fromkeys(link for link in links if _refreshable(link)))
        found: dict[str, str] = {}
        for start in range(0, len(wanted), LINKS_A_REQUEST):
            some = wanted[start : start + LINKS_A_REQUEST]
            found |= _checked(some, await _asked(http, bot_token, some))
        return found

    return refreshed


def _refreshable(link: str) -> bool:
    known = discord_link(link)
    return known is not None and known.refreshable


async def _asked(http: PinnedHttp, bot_token: str, links: Iterable[str]) -> bytes:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Authorization": f"Bot {bot_token}",
        "Content-Type": "application/json",
        "User-Agent": "DiscordBot (cellblock, 1)",  # Discord's reference, "User Agent": others are blocked
    }
    body, content = bytearray(), json.dumps({"attachment_urls": list(links)}).encode()
    try:
        async with asyncio.timeout(REQUEST_SECONDS), http.request("POST", REFRESH_URLS, headers, content) as response:
            if response.status != 200:
                raise RefreshFailed(_reason(response.status, response.headers))
            async with aclosing(response.body) as parts:
                async for part in parts:
                    body += part
                    if len(body) > ANSWER_BYTES:
                        raise RefreshFailed(f"Discord answered with more than {ANSWER_BYTES} bytes of links")
    except (LinkFailed, TimeoutError) as error:
        raise RefreshFailed(f"Discord renewed no links: {str(error) or 'no answer in time'}") from error
    return bytes(body)


def _reason(status: int, headers: Mapping[str, str]) -> str:
    if status in (401, 403):
        return f"Discord renewed no links: status {status}; is the bot's token right?"
    if status == 429:
        return f"Discord renewed no links: too many requests; try again in {headers.get('retry-after', 'some')} seconds"
    return f"Discord renewed no links: status {status}"


def _checked(links: Iterable[str], answer: bytes) -> dict[str, str]:
    """From what was asked to what was answered: links to the same attachments, and nothing else."""
    try:
        pairs = [(str(row["original"]), str(row["refreshed"])) for row in json.loads(answer)["refreshed_urls"]]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise RefreshFailed(f"Discord's answer cannot be read: {type(error).__name__}") from error
    asked = {link: known for link in links if (known := discord_link(link)) is not None}
    found = {}
    for original, fresh in pairs:
        known = discord_link(fresh)
        if original in asked and known is not None and known.link.path == asked[original].link.path:
            found[original] = known.link.url
    return found
