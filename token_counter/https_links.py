"""A link taken apart once, strictly. `discord_links` and `fetching` read this and never the text again, so that no two
readings of it can differ."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from .errors import LinkRefused

MAX_LINK = 4096  # characters; Discord's longest, of its image proxy, hold another link percent-encoded
HTTPS_PORT = 443

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})+")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")  # a last label like this makes the host an address: 127.1, 0x7f000001
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")  # urlsplit would drop some of them, browsers read `\` as `/`
_KEPT = "/%:@!$&'()*+,;=~?-._"


@dataclass(frozen=True)
class HttpsLink:
    """A link to port 443 of a named host.

    Attributes:
        host: lower case, ASCII, no address and no dot at its end.
        path, query: percent-encoded; a fragment is dropped.
    """

    host: str
    path: str
    query: str

    @property
    def target(self) -> str:
        """What a request asks the host for."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def url(self) -> str:
        return f"https://{self.host}{self.target}"

    def parameters(self) -> dict[str, str]:
        """The query's names and first values."""
        pairs = parse_qsl(self.query, keep_blank_values=True, max_num_fields=100)
        return dict(reversed(pairs))


def https_link(text: str) -> HttpsLink:
    """The link that a text is.

    Raises:
        LinkRefused: it is none over https, or has what no honest link to an image has: a user name, another port, an
            address for a host, control characters.
    """
    if len(text) > MAX_LINK or _UNSAFE.search(text):
        raise LinkRefused(f"this link is longer than {MAX_LINK} characters, or has spaces or control characters in it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise LinkRefused(f"this link cannot be read: {error}") from None
    if parts.scheme != "https":
        raise LinkRefused("only https links are fetched")
    if "@" in parts.netloc:
        raise LinkRefused("a link with a user name in it is not fetched")
    host = parts.hostname or ""
    if not _HOST.fullmatch(host) or _NUMBER.fullmatch(host.rpartition(".")[2]) or len(host) > 253:
        raise LinkRefused("a link is fetched from a host with a name in plain letters, not from an address")
    if port not in (None, HTTPS_PORT):
        raise LinkRefused(f"only port {HTTPS_PORT} is fetched from, not {port}")
    try:
        link = HttpsLink(host, quote(parts.path or "/", safe=_KEPT), quote(parts.query, safe=_KEPT))
        link.parameters()
    except ValueError:  # a lone surrogate, or hundreds of parameters
        raise LinkRefused("this link's path or query cannot be read") from None
    return link
