"""What Discord's links say, and what the parts that carry them cost: no test here asks anything over the network."""

import base64
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_counter.discord_links import DiscordLink, discord_link
from token_counter.errors import ImageUnreadable, UnknownImageRule
from token_counter.image_parts import head_of_data_url, images_of_part, images_of_parts
from token_counter.images import HEADER_BYTES

CDN = "https://cdn.discordapp.com"
MEDIA = "https://media.discordapp.net"
PROXY = "https://images-ext-1.discordapp.net/external/aB-c_d/%3Fv%3D1/https/example.com/a.png"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
YESTERDAY, TOMORROW = NOW - timedelta(days=1), NOW + timedelta(days=1)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 640, 480) + b"\x08\x02\x00\x00\x00"


def until(time: datetime) -> str:
    """The query of a signed link."""
    return f"ex={int(time.timestamp()):x}&is=65a0b1c2&hm={'ab' * 32}&"


def link_of(url: str) -> DiscordLink:
    found = discord_link(url)
    assert found is not None
    return found


# The size


@pytest.mark.parametrize(
    ("url", "size", "at_most"),
    [
        pytest.param(f"{MEDIA}/attachments/1/2/a.png?{until(NOW)}=&format=webp&quality=lossless&width=550&height=309", (550, 309), False, id="scaled by the media proxy"),
        pytest.param(f"{MEDIA}/attachments/1/2/a.mp4?{until(NOW)}format=jpeg&width=400&height=225", (400, 225), False, id="a still of a video"),
        pytest.param(f"{MEDIA}/ephemeral-attachments/1/2/a.png?width=10&height=20", (10, 20), False, id="ephemeral, scaled"),
        pytest.param(f"{MEDIA}/stickers/1.png?size=160&width=160&height=120", (160, 120), False, id="a sticker, scaled"),
        pytest.param(f"{MEDIA}/stickers/1.png?size=160", (160, 160), True, id="a sticker of a size"),
        pytest.param(f"{PROXY}?width=400&height=300", (400, 300), False, id="somebody's image behind Discord's proxy"),
        pytest.param(f"{CDN}/avatars/1/a_b.gif?size=128", (128, 128), True, id="avatar"),
        pytest.param(f"{CDN}/guilds/1/users/2/avatars/ab.webp?size=1024", (1024, 1024), True, id="a member's avatar"),
        pytest.param(f"{CDN}/embed/avatars/3.png?size=256", (256, 256), True, id="default avatar"),
        pytest.param(f"{CDN}/emojis/1.webp?size=64&quality=lossless&name=x", (64, 64), True, id="emoji"),
        pytest.param(f"{CDN}/stickers/1.png?size=4096", (4096, 4096), True, id="sticker"),
        pytest.param(f"{CDN}/icons/1/ab.png?size=16", (16, 16), True, id="icon"),
    ],
)  # fmt: skip
def test_links_that_say_their_size(url: str, size: tuple[int, int], at_most: bool) -> None:
    """No request is needed for these."""
    assert (link_of(url).size, link_of(url).at_most) == (size, at_most)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"{CDN}/attachments/1/2/a.png?{until(NOW)}", id="attachment"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?width=1&height=1", id="the plain network does not scale"),
        pytest.param(f"{CDN}/ephemeral-attachments/1/2/a.png", id="ephemeral attachment"),
        pytest.param(f"{MEDIA}/attachments/1/2/a.png?width=550", id="one side only"),
        pytest.param(f"{MEDIA}/attachments/1/2/a.png?width=0&height=10", id="no width"),
        pytest.param(f"{MEDIA}/attachments/1/2/a.png?width=-5&height=10", id="less than no width"),
        pytest.param(f"{MEDIA}/attachments/1/2/a.png?width=1e3&height=10", id="not in digits"),
        pytest.param(f"{MEDIA}/attachments/1/2/a.png?width=٣&height=٣", id="Arabic digits"),
        pytest.param(f"{MEDIA}/attachments/1/2/a.png?width={'9' * 4000}&height=10", id="thousands of digits"),
        pytest.param(f"{PROXY}?width=400", id="one side of a proxied image"),
        pytest.param(f"{CDN}/avatars/1/ab.png", id="avatar of no size"),
        pytest.param(f"{CDN}/avatars/1/ab.png?size=8192", id="a size that is not offered"),
        pytest.param(f"{CDN}/banners/1/ab.png?size=1024", id="banner, which is no square"),
        pytest.param(f"{CDN}/attachments/1/2/avatars?size=128", id="an attachment named like one"),
    ],
)  # fmt: skip
def test_links_whose_image_has_to_be_looked_at(url: str) -> None:
    """They are Discord's, and do not say a size that can be believed."""
    assert link_of(url).size is None


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://example.com/attachments/1/2/a.png?width=1&height=1", id="another host"),
        pytest.param("https://media.discordapp.net@evil.example/a.png?width=1&height=1", id="a user name"),
        pytest.param("https://media.discordapp.net.evil.example/a.png?width=1&height=1", id="a longer host"),
        pytest.param("http://media.discordapp.net/a.png?width=1&height=1", id="http"),
        pytest.param("https://media.discordapp.net:8080/a.png?width=1&height=1", id="a port"),
        pytest.param("https://images-ext-3.discordapp.net/a.png?width=1&height=1", id="a proxy that there is not"),
        pytest.param("", id="nothing"),
        pytest.param("data:image/png;base64,AAAA", id="data"),
    ],
)
def test_links_that_are_not_discords(url: str) -> None:
    """What they claim about their size is not believed."""
    assert discord_link(url) is None


# The expiry


@pytest.mark.parametrize(
    ("url", "expired"),
    [
        pytest.param(f"{CDN}/attachments/1/2/a.png?{until(TOMORROW)}", False, id="good until tomorrow"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?{until(YESTERDAY)}", True, id="good until yesterday"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?{until(NOW)}", True, id="good until now"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?hm=ab&is=1&ex=1", True, id="in any order"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?EX=1", False, id="ex is lower case"),
        pytest.param(f"{CDN}/ephemeral-attachments/1/2/a.png?{until(YESTERDAY)}", True, id="ephemeral"),
        pytest.param(f"{MEDIA}/attachments/1/2/a.png?{until(YESTERDAY)}width=1&height=1", True, id="media"),
        pytest.param(f"{CDN}/attachments/1/2/a.png", False, id="not signed: its server says"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?ex=", True, id="empty"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?ex=zz", True, id="no number"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?ex=-1", True, id="a sign"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?ex={'f' * 3000}", True, id="in ages"),
        pytest.param(f"{CDN}/attachments/1/2/a.png?ex=1&ex=7fffffff", True, id="twice: the first"),
        pytest.param(f"{CDN}/avatars/1/ab.png?size=128&ex=1", False, id="avatars do not expire"),
        pytest.param(f"{PROXY}?width=1&height=1&ex=1", False, id="nor proxied images"),
    ],
)
def test_expiry_is_read_from_the_link(url: str, expired: bool) -> None:
    """`ex`, in hexadecimal seconds; one that cannot be read was tampered with, and never worked."""
    assert link_of(url).expired(NOW) is expired


def test_only_attachments_can_be_renewed() -> None:
    """Discord signs nothing else."""
    assert link_of(f"{CDN}/attachments/1/2/a.png?ex=1").refreshable
    assert link_of(f"{MEDIA}/ephemeral-attachments/1/2/a.png?ex=1").refreshable
    assert not link_of(f"{CDN}/avatars/1/ab.png").refreshable
    assert not link_of(PROXY).refreshable


@given(st.text(max_size=200))
def test_any_text_behind_a_host_is_read_without_an_error(text: str) -> None:
    """Users write links by hand."""
    for url in (text, f"{CDN}/{text}", f"{MEDIA}/attachments/1/2/a.png?{text}", f"https://{text}"):
        found = discord_link(url)
        if found is not None:
            assert found.size is None or min(found.size) > 0
            found.expired(NOW)
            assert found.identity


# What parts cost


def chat(url: object, **more: object) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def data_url(file: bytes, header: str = "data:image/png;base64,") -> str:
    return header + base64.b64encode(file).decode()


@pytest.mark.parametrize(
    ("part", "rule", "tokens"),
    [
        pytest.param(chat(data_url(PNG)), "gpt-4o", 85 + 2 * 170, id="Chat"),
        pytest.param(chat(data_url(PNG), detail="low"), "gpt-4o", 85, id="Chat, low"),
        pytest.param({"type": "image_url", "image_url": data_url(PNG)}, "gpt-4o", 425, id="Chat, the link alone"),
        pytest.param({"type": "input_image", "image_url": data_url(PNG), "detail": "low"}, "gpt-4o", 85, id="Responses"),
        pytest.param({"type": "computer_screenshot", "image_url": data_url(PNG)}, "gpt-4o", 425, id="a screenshot"),
        pytest.param({"type": "input_image", "image_url": data_url(PNG)}, "gpt-5-mini", 360, id="20 x 15 patches x 1.2"),
        pytest.param(chat(data_url(PNG)), "gpt-5-mini", 361, id="one more in Chat"),
        pytest.param(chat(data_url(PNG, "DATA:;charset=x;Base64,")), "gpt-4o", 425, id="an unusual header"),
        pytest.param(chat(data_url(PNG).rstrip("=")), "gpt-4o", 425, id="without padding"),
        pytest.param(chat(data_url(PNG)[:40] + "\r\n " + data_url(PNG)[40:]), "gpt-4o", 425, id="wrapped lines"),
        pytest.param(chat(data_url(PNG + bytes(3_000_000))), "gpt-4o", 425, id="megabytes"),
        pytest.param(chat(f"{MEDIA}/attachments/1/2/a.png?{until(TOMORROW)}width=640&height=480"), "gpt-4o", 425, id="a link that says its size"),
    ],
)  # fmt: skip
async def test_parts_cost_what_their_image_costs(part: dict[str, object], rule: str, tokens: int) -> None:
    """Both APIs' parts, without any request."""
    count = await images_of_part(part, rule, now=NOW)
    assert (count.tokens, count.assumed, count.problem, count.fresh_link) == (tokens, False, "", "")


async def test_what_may_be_smaller_is_assumed() -> None:
    """An avatar of 1024 pixels may be stored with 300."""
    count = await images_of_part(chat(f"{CDN}/avatars/1/ab.png?size=1024"), "gpt-4o", now=NOW)
    assert (count.tokens, count.assumed, count.problem) == (765, True, "")


@pytest.mark.parametrize(
    ("part", "says"),
    [
        pytest.param(chat(f"{CDN}/attachments/1/2/a.png?{until(TOMORROW)}"), "nobody was allowed to ask", id="a link, and no fetcher"),
        pytest.param(chat("http://example.com/a.png"), "nobody was allowed to ask", id="http"),
        pytest.param(chat("not a link"), "nobody was allowed", id="no link"),
        pytest.param(chat(""), "holds no link", id="nothing"),
        pytest.param(chat(None), "holds no link", id="null"),
        pytest.param(chat(["a"]), "holds no link", id="a list"),
        pytest.param({"type": "image_url"}, "holds no link", id="a part without an image"),
        pytest.param({"type": "input_image", "file_id": "file-1"}, "holds no link", id="a file stored with OpenAI"),
        pytest.param(chat("data:image/png,%89PNG"), "base64 only", id="a data URL without base64"),
        pytest.param(chat("data:" + "x" * 10**6), "base64 only", id="a header without an end"),
        pytest.param(chat("data:image/png;base64,!!!!"), "no base64", id="bad base64"),
        pytest.param(chat("data:image/png;base64,é\ud800"), "no base64", id="letters"),
        pytest.param(chat("data:image/png;base64,"), "convert it", id="an empty data URL"),
        pytest.param(chat(data_url(PNG[:10])), "do not tell its size", id="a torn image"),
        pytest.param(chat(data_url(b"<svg/>", "data:image/svg+xml;base64,")), "convert it", id="svg"),
    ],
)  # fmt: skip
async def test_an_image_of_unknown_size_costs_an_assumed_one(part: dict[str, object], says: str) -> None:
    """1024 x 1024, marked, and with the reason."""
    count = await images_of_part(part, "gpt-4o", now=NOW)
    assert (count.tokens, count.assumed) == (765, True) and says in count.problem


async def test_an_unknown_rule_is_the_programmers_mistake() -> None:
    """It is raised as itself, whatever the parts are."""
    with pytest.raises(UnknownImageRule):
        await images_of_parts([chat(data_url(PNG))], "gpt-7")


FRESH = f"{MEDIA}/attachments/1/2/a.png?{until(TOMORROW)}width=640&height=480"


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        pytest.param(chat(FRESH.replace(until(TOMORROW), until(YESTERDAY))), 0, id="ex is past"),
        pytest.param({**chat(FRESH), "timestamp": YESTERDAY.isoformat()}, 0, id="stored a day ago"),
        pytest.param({**chat(FRESH), "timestamp": YESTERDAY}, 0, id="as a datetime"),
        pytest.param({**chat(FRESH), "timestamp": YESTERDAY.timestamp()}, 0, id="as seconds"),
        pytest.param({**chat(FRESH), "timestamp": "2026-11-23T12:00:00Z"}, 0, id="with a Z"),
        pytest.param({**chat(FRESH), "timestamp": "2026-11-23T12:59:59"}, 0, id="23 hours and a second"),
        pytest.param({**chat(FRESH), "timestamp": "2026-11-23T13:00:00"}, 425, id="23 hours"),
        pytest.param(chat(FRESH, timestamp=YESTERDAY.isoformat()), 0, id="beside the link"),
        pytest.param({"type": "input_image", "image_url": FRESH, "timestamp": YESTERDAY.isoformat()}, 0, id="Responses"),
        pytest.param({**chat(FRESH), "timestamp": NOW.isoformat()}, 425, id="stored now"),
        pytest.param({**chat(FRESH), "timestamp": TOMORROW.isoformat()}, 425, id="stored tomorrow"),
        pytest.param({**chat(FRESH), "timestamp": "some day"}, 425, id="no time"),
        pytest.param({**chat(FRESH), "timestamp": 10**30}, 425, id="no such time"),
        pytest.param({**chat(FRESH), "timestamp": float("nan")}, 425, id="not a number"),
        pytest.param({**chat(FRESH), "timestamp": True}, 425, id="true"),
        pytest.param({**chat(data_url(PNG)), "timestamp": YESTERDAY.isoformat()}, 425, id="data does not expire"),
    ],
)  # fmt: skip
async def test_expired_links_cost_nothing(part: dict[str, object], tokens: int) -> None:
    """The API cannot read them either; the count says so, as nothing else tells the operator."""
    count = await images_of_part(part, "gpt-4o", now=NOW)
    assert (count.tokens, "expired" in count.problem) == (tokens, tokens == 0)


async def test_expired_links_are_renewed_in_one_call() -> None:
    """The hook gets all of them at once; what it does not renew costs nothing."""
    asked = []

    async def refresh(links: object) -> dict[str, str]:
        asked.append(links)
        return {old[0]: FRESH}

    old = [f"{CDN}/attachments/1/2/{name}.png?{until(YESTERDAY)}" for name in "ab"]
    parts = [chat(FRESH), chat(old[0]), chat(old[1])]
    counts = await images_of_parts(parts, "gpt-4o", refresh=refresh, now=NOW)
    assert asked == [old]
    assert [(count.tokens, count.fresh_link) for count in counts] == [(425, ""), (425, FRESH), (0, "")]


def test_only_the_beginning_of_a_data_url_is_decoded() -> None:
    """64 KiB of it, and a few bytes where it does not come out even."""
    head = head_of_data_url(data_url(bytes(10**6)))
    assert HEADER_BYTES <= len(head) <= HEADER_BYTES + 2
    assert head_of_data_url(data_url(PNG)) == PNG


@given(st.text(max_size=100))
def test_any_data_url_gives_bytes_or_a_clear_error(text: str) -> None:
    """Whatever stands behind the comma."""
    try:
        head_of_data_url("data:image/png;base64," + text)
    except ImageUnreadable:
        return


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["url", "detail", "x"]), inner),
        max_leaves=5,
    ),
    st.sampled_from(["image_url", "input_image", "nothing", None]),
    st.text(max_size=5) | st.none() | st.integers(),
)
async def test_any_part_is_counted(image: object, kind: str | None, detail: object) -> None:
    """A malformed request is the API's to refuse; counting it does not fail."""
    part = {"type": kind, "image_url": image, "detail": detail, "timestamp": image}
    assert (await images_of_part(part, "gpt-5-mini", now=NOW)).tokens >= 0
