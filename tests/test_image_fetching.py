"""Links to images over a real HTTPS server: what is asked, what is refused, and what a hostile server gets."""

import asyncio
import gzip
import json
import socket
import struct
import threading
from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest
from blockbuster import blockbuster_ctx
from local_https import LocalServer, Request, Write, as_json, local_https, plain, ranged, redirect

from token_counter import fetching
from token_counter.addresses import Endpoint, Resolver, is_public, public_only, with_own_hosts
from token_counter.discord_refresh import LINKS_A_REQUEST, refresher
from token_counter.errors import ImageUnreadable, LinkFailed, LinkGone, LinkRefused, RefreshFailed
from token_counter.fetching import ImageFetcher
from token_counter.https_links import https_link
from token_counter.image_parts import images_of_part, images_of_parts
from token_counter.images import HEADER_BYTES

CDN = "cdn.discordapp.com"
FILES = f"https://{CDN}/attachments/1/2"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 640, 480) + b"\x08\x02\x00\x00\x00" + bytes(1000)
JPEG_WITHOUT_SIZE = b"\xff\xd8" + (b"\xff\xe1" + struct.pack(">H", 65_535) + bytes(65_533)) * 3


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[LocalServer]:
    async with local_https(CDN, "media.discordapp.net", "discord.com", "images.test") as server:
        yield server


@pytest.fixture
async def server(running: LocalServer) -> AsyncIterator[LocalServer]:
    """The same server for all tests, with no answers and no memory."""
    yield running
    await running.forget()


def here(server: LocalServer, *hosts: str, otherwise: Resolver | None = None) -> Resolver:
    """The test's names lead to the server, as an operator's own do; all others where users' links may lead."""
    return with_own_hosts(dict.fromkeys(hosts or (CDN,), server.endpoint), otherwise or public_only())


@pytest.fixture
def fetcher(server: LocalServer) -> ImageFetcher:
    return ImageFetcher(resolver=here(server), tls=server.trust)


# What is asked


async def test_the_first_bytes_are_asked_for_by_range(server: LocalServer, fetcher: ImageFetcher) -> None:
    """64 KiB, not packed, with the name of the host; no cookie, no credentials, no referrer."""
    server.answers["/"] = ranged(PNG)
    assert await fetcher.size(f"{FILES}/a.png?ex=7fffffff&is=1&hm=ab&") == (640, 480)
    (request,) = server.requests
    assert request.line == "GET /attachments/1/2/a.png?ex=7fffffff&is=1&hm=ab& HTTP/1.1"
    assert request.headers == {
        "host": CDN,
        "accept": "image/*",
        "accept-encoding": "identity",
        "range": f"bytes=0-{HEADER_BYTES - 1}",
        "user-agent": "cellblock (image size)",
    }


async def test_a_server_that_ignores_ranges_is_cut_off(server: LocalServer, fetcher: ImageFetcher) -> None:
    """The whole image begins to arrive; the connection is closed as soon as its size is known."""
    sent = []

    async def endless(request: Request, write: Write) -> None:
        await write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG)
        while True:
            sent.append(1)
            await write(bytes(65_536))

    server.answers["/"] = endless
    assert await fetcher.size(f"{FILES}/a.png") == (640, 480)
    assert len(sent) < 1000


async def test_sizes_are_remembered_by_what_is_behind_the_link(server: LocalServer, fetcher: ImageFetcher) -> None:
    """A renewed signature is the same image; another file, or another scale, is not."""
    server.answers["/"] = ranged(PNG)
    for query in ("?ex=7fffffff&is=1&hm=aa&", "?ex=7ffffffe&is=2&hm=bb&", ""):
        assert await fetcher.size(f"{FILES}/a.png{query}") == (640, 480)
    assert len(server.requests) == 1
    await fetcher.size(f"{FILES}/b.png")
    await fetcher.size(f"{FILES}/a.png?format=webp")
    assert len(server.requests) == 3


async def test_a_new_signature_is_tried_after_the_old_one_failed(server: LocalServer, fetcher: ImageFetcher) -> None:
    """What is remembered of a failure is the link, not the image."""
    server.answers["/attachments/1/2/a.png?ex=7fffffff"] = ranged(PNG)
    with pytest.raises(LinkGone):
        await fetcher.size(f"{FILES}/a.png")
    assert await fetcher.size(f"{FILES}/a.png?ex=7fffffff&") == (640, 480)


async def test_memory_is_bounded(server: LocalServer, fetcher: ImageFetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest answer makes room, failures too."""
    monkeypatch.setattr(fetching, "REMEMBERED", 3)
    for number in range(5):
        with pytest.raises(LinkGone):
            await fetcher.size(f"{FILES}/{number}.png")
    assert len(fetcher._known) == 3
    with pytest.raises(LinkGone):
        await fetcher.size(f"{FILES}/4.png")
    assert len(server.requests) == 5


async def test_the_hosts_of_an_operator(server: LocalServer) -> None:
    """A host of the operator's own network, by name; no other."""
    server.answers["/"] = ranged(PNG)
    own = ImageFetcher(hosts=["images.test"], resolver=here(server, "images.test"), tls=server.trust)
    assert await own.size("https://images.test/x.png") == (640, 480)
    with pytest.raises(LinkRefused, match="not among the hosts"):
        await own.size(f"{FILES}/a.png")


# What is refused before anything is asked


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"http://{CDN}/a.png", id="http"),
        pytest.param(f"ftp://{CDN}/a.png", id="ftp"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param(f"//{CDN}/a.png", id="no scheme"),
        pytest.param("", id="nothing"),
        pytest.param("https://", id="no host"),
        pytest.param("https://evil.example/a.png", id="another host"),
        pytest.param(f"https://{CDN}.evil.example/a.png", id="a host that begins with Discord's"),
        pytest.param(f"https://evil{CDN}/a.png", id="a host that ends with Discord's"),
        pytest.param(f"https://{CDN}@evil.example/a.png", id="Discord's as the user name"),
        pytest.param(f"https://evil.example@{CDN}/a.png", id="a user name"),
        pytest.param(f"https://user:secret@{CDN}/a.png", id="a password"),
        pytest.param(f"https://{CDN}:444/a.png", id="another port"),
        pytest.param(f"https://{CDN}:0/a.png", id="port 0"),
        pytest.param(f"https://{CDN}:99999/a.png", id="no port"),
        pytest.param(f"https://{CDN}./a.png", id="a dot behind the host"),
        pytest.param("https://cdn.discordаpp.com/a.png", id="a Cyrillic letter"),
        pytest.param("https://xn--cdn-5cd.discordapp.com/a.png", id="punycode"),
        pytest.param("https://cdn。discordapp。com/a.png", id="ideographic dots"),
        pytest.param(f"https://{CDN}\\@evil.example/a.png", id="a backslash"),
        pytest.param(f"https://{CDN}\t.evil.example/a.png", id="a tab"),
        pytest.param(f"https://{CDN}/a.png\r\nHost: evil", id="a line break"),
        pytest.param(f"https://{CDN}%2eevil.example/a.png", id="an escaped host"),
        pytest.param("https://127.0.0.1/a.png", id="an address"),
        pytest.param("https://127.1/a.png", id="a short address"),
        pytest.param("https://2130706433/a.png", id="an address in one number"),
        pytest.param("https://0x7f000001/a.png", id="a hexadecimal address"),
        pytest.param("https://0177.0.0.1/a.png", id="an octal address"),
        pytest.param("https://[::1]/a.png", id="an IPv6 address"),
        pytest.param("https://[::ffff:127.0.0.1]/a.png", id="an IPv4 address in IPv6"),
        pytest.param("https://localhost/a.png", id="localhost"),
        pytest.param("https://[/a.png", id="a torn host"),
        pytest.param(f"https://{CDN}/" + "a" * 5000, id="an endless link"),
        pytest.param(f"https://{CDN}/?" + "a=1&" * 500, id="hundreds of parameters"),
        pytest.param(f"https://{CDN}/\ud800", id="a lone surrogate"),
    ],
)
@pytest.mark.parametrize("hosts", [fetching.HOSTS, None], ids=["Discord's hosts", "any host"])
async def test_links_that_are_never_asked(server: LocalServer, url: str, hosts: frozenset[str] | None) -> None:
    """Refused by the text alone, or by the address of the host; not one connection is made."""

    async def nowhere(host: str, port: int) -> list[Endpoint]:
        assert host not in fetching.HOSTS
        return [Endpoint(ip_address("10.0.0.1"), port)]

    with pytest.raises(LinkRefused):
        await ImageFetcher(hosts, public_only(nowhere), server.trust).size(url)
    assert server.connections == 0


@pytest.mark.parametrize(
    "text", [f"HTTPS://CDN.DiscordApp.com:443/a b{chr(0xE9)}"[:44], "https://a.example?x#y"], ids=str
)
def test_honest_links_keep_their_meaning(text: str) -> None:
    """Lower case, the usual port left out, letters beyond ASCII escaped, no fragment."""
    if " " in text:
        text = text.replace(" ", "%20")
    link = https_link(text)
    assert link.url in ("https://cdn.discordapp.com/a%20b%C3%A9", "https://a.example/?x")


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("0.0.0.0", id="this host"),
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.255.255.254", id="loopback's end"),
        pytest.param("10.1.2.3", id="private 10"),
        pytest.param("172.16.0.1", id="private 172"),
        pytest.param("172.31.255.255", id="private 172's end"),
        pytest.param("192.168.1.1", id="private 192"),
        pytest.param("100.64.0.1", id="shared"),
        pytest.param("100.100.100.200", id="Alibaba's metadata"),
        pytest.param("169.254.169.254", id="metadata"),
        pytest.param("168.63.129.16", id="Azure's host"),
        pytest.param("192.0.0.192", id="Oracle's metadata"),
        pytest.param("198.18.0.1", id="benchmarks"),
        pytest.param("192.0.2.1", id="documentation"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("::", id="IPv6 unspecified"),
        pytest.param("::1", id="IPv6 loopback"),
        pytest.param("::ffff:8.8.8.8", id="IPv4-mapped"),
        pytest.param("::ffff:127.0.0.1", id="IPv4-mapped loopback"),
        pytest.param("::127.0.0.1", id="IPv4-compatible"),
        pytest.param("64:ff9b::7f00:1", id="NAT64"),
        pytest.param("64:ff9b:1::1", id="local NAT64"),
        pytest.param("2002:7f00:1::", id="6to4"),
        pytest.param("2001::1", id="Teredo"),
        pytest.param("2001:db8::1", id="IPv6 documentation"),
        pytest.param("fe80::1", id="IPv6 link-local"),
        pytest.param("fc00::1", id="IPv6 private"),
        pytest.param("fd00:ec2::254", id="Amazon's IPv6 metadata"),
        pytest.param("fec0::1", id="site-local"),
        pytest.param("ff02::1", id="IPv6 multicast"),
    ],
)
async def test_addresses_that_are_never_connected_to(server: LocalServer, address: str) -> None:
    """Whatever name leads there, and beside a public address too."""
    assert not is_public(ip_address(address))

    async def answers(host: str, port: int) -> list[Endpoint]:
        return [Endpoint(ip_address(address), port)]

    with pytest.raises(LinkRefused, match="private network"):
        await ImageFetcher(None, public_only(answers), server.trust).size("https://harmless.example/a.png")


@pytest.mark.parametrize("address", ["8.8.8.8", "162.159.135.233", "172.32.0.1", "100.128.0.1", "2606:4700::1111"])
def test_public_addresses_are_public(address: str) -> None:
    """Discord's own among them, and the neighbours of private ones."""
    assert is_public(ip_address(address))


async def test_only_the_public_addresses_of_a_host_are_used() -> None:
    """A host with both is asked at the public one."""

    async def both(host: str, port: int) -> list[Endpoint]:
        return [Endpoint(ip_address(each), port) for each in ("127.0.0.1", "8.8.8.8", "::1")]

    assert await public_only(both)("x.example", 443) == [Endpoint(ip_address("8.8.8.8"), 443)]


async def test_the_systems_resolver_is_checked_too() -> None:
    """`localhost` is what every system knows; the default fetcher does not go there, nor to a link-local name."""
    with pytest.raises(LinkRefused, match="private network"):
        await public_only()("localhost", 443)


async def test_the_address_that_was_checked_is_the_one_connected_to(server: LocalServer) -> None:
    """A name server that answers otherwise the second time is not asked a second time."""
    asked = []

    async def rebinding(host: str, port: int) -> list[Endpoint]:
        asked.append(host)
        return [server.endpoint] if len(asked) == 1 else [Endpoint(ip_address("169.254.169.254"), port)]

    server.answers["/"] = ranged(PNG)
    assert await ImageFetcher(resolver=rebinding, tls=server.trust).size(f"{FILES}/a.png") == (640, 480)
    assert asked == [CDN]


async def test_a_dead_address_is_followed_by_the_next(server: LocalServer) -> None:
    """As browsers do, up to three."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = Endpoint(ip_address("127.0.0.1"), taken.getsockname()[1])  # bound and not listening

        async def two(host: str, port: int) -> list[Endpoint]:
            return [dead, server.endpoint]

        server.answers["/"] = ranged(PNG)
        assert await ImageFetcher(resolver=two, tls=server.trust).size(f"{FILES}/a.png") == (640, 480)

        async def dead_ones(host: str, port: int) -> list[Endpoint]:
            return [dead] * 3 + [server.endpoint]

        with pytest.raises(LinkFailed, match=f"no connection to {CDN}"):
            await ImageFetcher(resolver=dead_ones, tls=server.trust).size(f"{FILES}/a.png")


# Redirects


@pytest.mark.parametrize(
    "to",
    [
        pytest.param("https://127.0.0.1/a.png", id="loopback"),
        pytest.param("https://169.254.169.254/latest/meta-data/", id="metadata"),
        pytest.param("http://169.254.169.254/latest/meta-data/", id="metadata over http"),
        pytest.param(f"http://{CDN}/a.png", id="http"),
        pytest.param("https://evil.example/a.png", id="another host"),
        pytest.param("//evil.example/a.png", id="another host, without a scheme"),
        pytest.param(f"https://{CDN}@evil.example/a.png", id="a user name"),
        pytest.param(f"https://{CDN}:8443/a.png", id="another port"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("https://[::1", id="torn"),
    ],
)
async def test_redirects_are_checked_like_links(server: LocalServer, fetcher: ImageFetcher, to: str) -> None:
    """The second request is never made."""
    server.answers["/"] = redirect(to)
    with pytest.raises(LinkRefused):
        await fetcher.size(f"{FILES}/a.png")
    assert len(server.requests) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1"])
async def test_redirects_to_names_of_internal_addresses(server: LocalServer, address: str) -> None:
    """Where any host may be asked, the address decides, after a redirect as before."""

    async def internal(host: str, port: int) -> list[Endpoint]:
        return [Endpoint(ip_address(address), port)]

    server.answers["/"] = redirect("https://intranet.example/secret.png")
    resolver = here(server, "images.test", otherwise=public_only(internal))
    with pytest.raises(LinkRefused, match=r"intranet\.example is in a private network"):
        await ImageFetcher(None, resolver, server.trust).size("https://images.test/a.png")
    assert len(server.requests) == 1


async def test_honest_redirects_are_followed_three_times(server: LocalServer, fetcher: ImageFetcher) -> None:
    """Relative ones too; the fourth is too many."""
    server.answers |= {
        "/attachments/1/2/a": redirect("/attachments/1/2/b", "301 Moved"),
        "/attachments/1/2/b": redirect(f"https://{CDN}/attachments/1/2/c", "307 Temporary"),
        "/attachments/1/2/c": redirect("d"),
        "/attachments/1/2/d": ranged(PNG),
        "/loop": redirect("/loop"),
    }
    assert await fetcher.size(f"{FILES}/a") == (640, 480)
    server.requests.clear()
    with pytest.raises(LinkFailed, match="more than 3 times"):
        await fetcher.size(f"https://{CDN}/loop")
    assert len(server.requests) == 4


async def test_a_cookie_is_not_sent_back(server: LocalServer, fetcher: ImageFetcher) -> None:
    """Nothing of one answer reaches the next request."""
    server.answers |= {
        "/first": plain(b"", "302 Found", {"Location": "/second", "Set-Cookie": "a=b"}),
        "/second": ranged(PNG),
    }
    assert await fetcher.size(f"https://{CDN}/first") == (640, 480)
    assert "cookie" not in server.requests[1].headers


# Bad answers


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        pytest.param(plain(b"x", "404 Not Found"), LinkGone, "status 404", id="404"),
        pytest.param(plain(b"x", "403 Forbidden"), LinkGone, "status 403", id="403"),
        pytest.param(plain(b"x", "500 Oops"), LinkFailed, "status 500", id="500"),
        pytest.param(plain(b"", "304 Not Modified"), LinkFailed, "status 304", id="304"),
        pytest.param(plain(b"", "416 Range Not Satisfiable"), LinkFailed, "status 416", id="416"),
        pytest.param(plain(b"", "302 Found"), LinkFailed, "more than 3 times", id="a redirect to itself"),
        pytest.param(plain(b""), ImageUnreadable, "no PNG", id="nothing"),
        pytest.param(plain(PNG[:20]), ImageUnreadable, "do not tell its size", id="an image cut off"),
        pytest.param(plain(b"<html>"), ImageUnreadable, "no PNG", id="text that claims to be an image"),
        pytest.param(plain(PNG, headers={"Content-Type": "text/html"}), LinkFailed, "text/html", id="a page"),
        pytest.param(plain(PNG, headers={"Content-Type": "video/mp4"}), LinkFailed, "video/mp4", id="a video"),
        pytest.param(plain(b'<svg width="1" height="1"/>'), ImageUnreadable, "convert it", id="svg"),
        pytest.param(
            plain(PNG, "206 Partial Content", {"Content-Range": "bytes 100-200/300"}),
            LinkFailed, "another part", id="another range",
        ),
        pytest.param(plain(PNG, "206 Partial Content"), LinkFailed, "another part", id="a range of nothing"),
        pytest.param(
            plain(gzip.compress(PNG + bytes(10**7)), headers={"Content-Encoding": "gzip"}),
            LinkFailed, "not unpacked", id="gzip bomb",
        ),
        pytest.param(
            plain(PNG[:20], headers={"Content-Length": "5000"}), LinkFailed, "did not answer", id="a torn body"
        ),
        pytest.param(plain(JPEG_WITHOUT_SIZE), ImageUnreadable, "first 65536 bytes", id="a header without an end"),
    ],
)  # fmt: skip
async def test_answers_that_are_no_image(
    server: LocalServer, fetcher: ImageFetcher, answer: object, error: type[Exception], says: str
) -> None:
    """Each with a sentence that says what came; the failure is remembered, and not asked for again at once."""
    server.answers["/"] = answer  # type: ignore[assignment]
    for _ in range(2):
        with pytest.raises(error, match=says):
            await fetcher.size(f"{FILES}/a.png")
    assert len(server.requests) <= 4


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000, id="endless headers"),
        pytest.param(b"", id="silence"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="a torn chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", id="a negative length"),
    ],
)
async def test_servers_that_speak_no_http(server: LocalServer, fetcher: ImageFetcher, raw: bytes) -> None:
    """A clear error, whatever comes."""

    async def answer(request: Request, write: Write) -> None:
        await write(raw)

    server.answers["/"] = answer
    with pytest.raises(LinkFailed, match="did not answer"):
        await fetcher.size(f"{FILES}/a.png")


async def test_a_torn_image_may_be_enough(server: LocalServer, fetcher: ImageFetcher) -> None:
    """What came before the connection broke told the size."""
    server.answers["/"] = plain(PNG[:31], headers={"Content-Length": "5000"})
    assert await fetcher.size(f"{FILES}/a.png") == (640, 480)


async def test_another_certificate_is_refused(server: LocalServer) -> None:
    """The name of the link must be in it."""
    fetcher = ImageFetcher(["other.test"], here(server, "other.test"), server.trust)
    with pytest.raises(LinkFailed, match=r"other\.test did not answer"):
        await fetcher.size("https://other.test/a.png")
    assert server.requests == []


async def test_the_systems_certificates_are_the_default(server: LocalServer) -> None:
    """A server with a certificate of its own making is not believed."""
    with pytest.raises(LinkFailed, match="did not answer"):
        await ImageFetcher(resolver=here(server)).size(f"{FILES}/a.png")
    assert server.requests == []


# Time


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TOTAL_SECONDS", 0.3)


@pytest.mark.usefixtures("hurried")
async def test_a_slow_body_ends_with_the_time(server: LocalServer, fetcher: ImageFetcher) -> None:
    """A byte now and then keeps no connection open."""

    async def slow(request: Request, write: Write) -> None:
        await write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
        for byte in PNG:
            await write(bytes([byte]))
            await asyncio.sleep(0.05)

    server.answers["/"] = slow
    with pytest.raises(LinkFailed, match="within"):
        await fetcher.size(f"{FILES}/a.png")


@pytest.mark.usefixtures("hurried")
async def test_waiting_for_a_turn_counts_as_time(server: LocalServer, fetcher: ImageFetcher) -> None:
    """A message with a hundred dead links is counted in the time of one; nobody's tasks are left."""

    async def silent(request: Request, write: Write) -> None:
        await asyncio.sleep(30)

    server.answers["/"] = silent
    before = asyncio.all_tasks()
    parts = [{"type": "image_url", "image_url": {"url": f"{FILES}/{n}.png"}} for n in range(100)]
    counts = await asyncio.wait_for(images_of_parts(parts, "gpt-4o", fetcher), 10)
    assert {(count.tokens, count.assumed) for count in counts} == {(765, True)}
    assert len(server.requests) < 50  # eight at once, and a few that got their turn in the last moment
    assert not asyncio.all_tasks() - before - server.serving


@pytest.mark.usefixtures("hurried")
async def test_a_silent_name_server_ends_with_the_time(server: LocalServer) -> None:
    """Looking up is part of the five seconds."""

    async def never(host: str, port: int) -> list[Endpoint]:
        return await asyncio.Future()

    with pytest.raises(LinkFailed, match="within"):
        await ImageFetcher(resolver=never, tls=server.trust).size(f"{FILES}/a.png")


async def test_a_cancelled_fetch_leaves_nothing(server: LocalServer, fetcher: ImageFetcher) -> None:
    """No task, no connection, no answer in memory, and the next one works."""
    asked, over = asyncio.Event(), asyncio.Event()

    async def waits(request: Request, write: Write) -> None:
        asked.set()
        try:
            while True:  # until the client has hung up
                await write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await asyncio.sleep(0.01)
        finally:
            over.set()

    server.answers["/"] = waits
    fetching_it = asyncio.create_task(fetcher.size(f"{FILES}/a.png"))
    await asked.wait()
    fetching_it.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching_it
    await asyncio.wait_for(over.wait(), 5)
    server.answers["/"] = ranged(PNG)
    assert await fetcher.size(f"{FILES}/a.png") == (640, 480)


def test_one_fetcher_serves_several_event_loops(server: LocalServer) -> None:
    """It keeps no connection, and its turns are each loop's own: an application may run its loop anew."""

    async def slow(host: str, port: int) -> list[Endpoint]:
        await asyncio.sleep(0.01)
        return [Endpoint(ip_address("127.0.0.1"), port)]

    fetcher = ImageFetcher(["x.test"], public_only(slow), server.trust)
    parts = [{"type": "image_url", "image_url": {"url": f"https://x.test/{n}.png"}} for n in range(20)]
    failures: list[RuntimeError] = []

    def attempt() -> None:
        try:
            for _ in range(2):
                asyncio.run(images_of_parts(parts, "gpt-4o", fetcher))
                fetcher._known.clear()
        except RuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert failures == []


async def _loopback(host: str, port: int) -> list[Endpoint]:
    return [Endpoint(ip_address("127.0.0.1"), port)]


async def test_nothing_blocks_the_event_loop(server: LocalServer) -> None:
    """Certificates are read, names looked up and bytes awaited elsewhere."""
    server.answers["/"] = ranged(PNG)
    ImageFetcher(tls=server.trust)
    with blockbuster_ctx("token_counter"):
        with pytest.raises(LinkFailed):
            await ImageFetcher(resolver=here(server)).size(f"{FILES}/a.png")
        with pytest.raises(LinkRefused):
            await ImageFetcher(["localhost.localdomain"], public_only(_loopback)).size("https://localhost.localdomain/")
        assert await ImageFetcher(resolver=here(server), tls=server.trust).size(f"{FILES}/a.png") == (640, 480)


# Renewing links


def _expired(number: int) -> str:
    return f"{FILES}/{number}.png?ex=1&is=1&hm={number:x}&"


def _renewing(server: LocalServer) -> None:
    async def answer(request: Request, write: Write) -> None:
        links = json.loads(request.body)["attachment_urls"]
        rows = [{"original": link, "refreshed": link.replace("ex=1&", "ex=7fffffff&")} for link in links]
        await as_json({"refreshed_urls": rows})(request, write)

    server.answers |= {"/api/v10/attachments/refresh-urls": answer, "/attachments/": ranged(PNG)}


async def test_links_are_renewed_fifty_at_a_time(server: LocalServer) -> None:
    """Each once, with the bot's token, and only Discord's attachments."""
    _renewing(server)
    refresh = refresher("a.bot.token", here(server, "discord.com"), server.trust)
    links = [_expired(number) for number in range(LINKS_A_REQUEST + 1)]
    others = ["https://evil.example/a.png?ex=1", f"https://{CDN}/emojis/1.png", "no link"]
    found = await refresh([*links, *others, links[0]])
    assert list(found) == links
    assert found[links[0]] == links[0].replace("ex=1&", "ex=7fffffff&")
    assert [request.body.count(b"https://") for request in server.requests] == [50, 1]
    assert {request.headers["authorization"] for request in server.requests} == {"Bot a.bot.token"}
    assert await refresh(others) == {}
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(plain(b"", "401 Unauthorized"), "token right", id="401"),
        pytest.param(plain(b"", "429 Slow down", {"Retry-After": "7"}), "again in 7 seconds", id="429"),
        pytest.param(plain(b"", "500 Oops"), "status 500", id="500"),
        pytest.param(
            redirect("https://evil.example/"), "status 302", id="a redirect, which would take the token along"
        ),
        pytest.param(plain(b"nothing"), "cannot be read: JSONDecodeError", id="no json"),
        pytest.param(plain(b"[" * 100_000), "cannot be read", id="deep json"),
        pytest.param(as_json([]), "cannot be read", id="a list"),
        pytest.param(as_json({"refreshed_urls": [1]}), "cannot be read", id="rows that are none"),
        pytest.param(plain(bytes(1_100_000)), "more than", id="a large answer"),
        pytest.param(plain(b"{", headers={"Content-Length": "9"}), "did not answer", id="a torn answer"),
    ],
)
async def test_discord_answering_badly(server: LocalServer, answer: object, says: str) -> None:
    """One error, which says what to do and never shows the token."""
    server.answers["/"] = answer  # type: ignore[assignment]
    with pytest.raises(RefreshFailed, match=says) as raised:
        await refresher("a.bot.token", here(server, "discord.com"), server.trust)([_expired(1)])
    assert "a.bot.token" not in str(raised.value) + repr(raised.value.__cause__)


async def test_only_the_same_attachment_is_taken_for_a_link(server: LocalServer) -> None:
    """An answer that leads elsewhere is left out."""
    rows = [
        {"original": _expired(1), "refreshed": "https://evil.example/attachments/1/2/1.png?ex=7fffffff"},
        {"original": _expired(2), "refreshed": _expired(3)},
        {"original": "https://never.asked/", "refreshed": _expired(2)},
    ]
    server.answers["/"] = as_json({"refreshed_urls": rows})
    assert await refresher("t", here(server, "discord.com"), server.trust)([_expired(1), _expired(2)]) == {}


def test_a_token_that_would_break_the_request_is_not_shown() -> None:
    """A line break from the file that it was read from."""
    with pytest.raises(RefreshFailed) as raised:
        refresher("a.bot.token\n")
    assert "a.bot" not in str(raised.value)


async def test_expired_links_are_renewed_and_counted_as_new(server: LocalServer) -> None:
    """In one request for all of them; the count says which link to send instead."""
    _renewing(server)
    resolver = here(server, CDN, "discord.com")
    parts = [{"type": "input_image", "image_url": _expired(n), "detail": "low"} for n in range(3)]
    counts = await images_of_parts(
        parts, "gpt-4o", ImageFetcher(resolver=resolver, tls=server.trust), refresher("t", resolver, server.trust)
    )
    assert [(count.tokens, count.problem) for count in counts] == [(85, "")] * 3
    assert [count.fresh_link for count in counts] == [_expired(n).replace("ex=1&", "ex=7fffffff&") for n in range(3)]
    assert len([request for request in server.requests if request.line.startswith("POST")]) == 1


# Parts whose links are asked


async def test_a_link_is_counted_by_what_is_behind_it(server: LocalServer, fetcher: ImageFetcher) -> None:
    """640 x 480 on gpt-4o: two tiles; what is gone costs nothing; what fails costs an assumed image."""
    server.answers |= {
        "/attachments/1/2/a": ranged(PNG),
        "/attachments/1/2/broken": plain(b"", "500 Oops"),
    }
    parts = [{"type": "image_url", "image_url": {"url": f"{FILES}/{name}"}} for name in ("a", "gone", "broken")]
    a, gone, broken = await images_of_parts(parts, "gpt-4o", fetcher)
    assert (a.tokens, a.assumed, a.problem) == (85 + 2 * 170, False, "")
    assert (gone.tokens, gone.assumed) == (0, False) and "status 404" in gone.problem
    assert (broken.tokens, broken.assumed) == (765, True) and "status 500" in broken.problem


async def test_hostile_links_in_parts_cost_an_assumed_image(server: LocalServer, fetcher: ImageFetcher) -> None:
    """Counting never fails for what a user wrote."""
    for url in ("http://169.254.169.254/", "https://evil.example/a.png", "\ud800", "x" * 10**6):
        count = await images_of_part({"type": "image_url", "image_url": {"url": url}}, "gpt-4o", fetcher)
        assert (count.tokens, count.assumed) == (765, True) and count.problem
    assert server.connections == 0
