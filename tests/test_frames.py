"""Frames and records: the same whatever the pieces in which they come, refused early when they are hostile."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.sandbox.inside import frames

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FRAMES = st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), max_size=4)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(FRAMES, st.lists(st.integers(0, 10**6), max_size=6))
def test_frames_survive_any_split(sent: list[frames.Frame], cuts: list[int]) -> None:
    """However a stream is cut, the same frames come out."""
    decoder = frames.FrameDecoder(10**6)
    data = b"".join(frames.encode(frame) for frame in sent)
    received = [frame for piece in pieces(data, cuts) for frame in decoder.feed(piece)]
    assert received == sent and not decoder.torn


def test_frames_survive_every_split_point() -> None:
    """Byte by byte and at each place in two."""
    sent = [{"a": "é"}, {}, {"b": [1, {"c": None}]}]
    data = b"".join(frames.encode(frame) for frame in sent)
    for cut in range(len(data) + 1):
        decoder = frames.FrameDecoder(1000)
        assert decoder.feed(data[:cut]) + decoder.feed(data[cut:]) == sent
    decoder = frames.FrameDecoder(1000)
    assert [frame for byte in data for frame in decoder.feed(bytes([byte]))] == sent


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_an_error(data: bytes) -> None:
    """Nothing but FrameError comes out of hostile bytes."""
    decoder = frames.FrameDecoder(200)
    try:
        received = decoder.feed(data)
    except frames.FrameError:
        return
    assert all(isinstance(frame, dict) for frame in received)


@pytest.mark.parametrize(
    "body",
    [b"[1]", b"1", b"null", b"{", b"", b"\xff", b"[" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000],
    ids=["list", "number", "null", "torn", "empty", "no UTF-8", "deep list", "deep object"],
)
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    """One JSON object, nothing else."""
    with pytest.raises(frames.FrameError):
        frames.FrameDecoder(10**6).feed(len(body).to_bytes(4, "big") + body)


def test_what_came_whole_before_the_error_is_not_lost() -> None:
    """A peer that goes wrong in the same packet takes nothing back."""
    decoder = frames.FrameDecoder(100)
    assert decoder.feed(frames.encode({"op": "parsed"}) + b"\xff" * 9) == [{"op": "parsed"}]
    assert decoder.error is not None
    with pytest.raises(frames.FrameError):
        decoder.feed(b"")


def test_a_long_frame_is_refused_at_its_header() -> None:
    """No byte of its body is waited for."""
    with pytest.raises(frames.FrameError, match="at most 10"):
        frames.FrameDecoder(10).feed((11).to_bytes(4, "big"))


def test_a_huge_number_is_refused() -> None:
    """Python refuses to parse integers of many digits; that is a frame error too."""
    body = b'{"a": ' + b"9" * 10_000 + b"}"
    with pytest.raises(frames.FrameError):
        frames.FrameDecoder(10**6).feed(len(body).to_bytes(4, "big") + body)


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), max_size=5),
    st.lists(st.integers(0, 10**6), max_size=6),
)
def test_records_survive_any_split(sent: list[tuple[int, bytes]], cuts: list[int]) -> None:
    """Stream and bytes come out as they went in."""
    decoder = frames.RecordDecoder()
    data = b"".join(frames.record(stream, part) for stream, part in sent)
    received = [part for piece in pieces(data, cuts) for part in decoder.feed(piece)]
    assert received == sent


@given(st.binary(max_size=200), st.lists(st.integers(0, 10**6), max_size=4))
def test_any_bytes_are_records(data: bytes, cuts: list[int]) -> None:
    """Hostile bytes are output like any other: never an error, never more than was sent."""
    decoder = frames.RecordDecoder()
    received = [part for piece in pieces(data, cuts) for part in decoder.feed(piece)]
    assert sum(len(part) for _, part in received) <= len(data)
    assert all(stream in (1, 2) for stream, _ in received)


def test_a_record_is_never_longer_than_a_pipe_keeps_whole() -> None:
    """PIPE_BUF bytes with its header; the rest is for the next one."""
    assert len(frames.record(1, bytes(10**5))) == 4096
