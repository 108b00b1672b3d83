"""Text: tiktoken without a download, whatever the text, and off the event loop where it takes long."""

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from token_counter import TokenCounter, VocabularyUnavailable, text, vocabulary

ENCODINGS = ("cl100k_base", "o200k_base")
NAMES = {name: hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest() for name, url in vocabulary.URLS.items()}


def bare(content: str, encoding: str) -> int:
    """Tokens by tiktoken alone."""
    vocabulary.encoding(encoding)
    return len(tiktoken.get_encoding(encoding).encode_ordinary(content))


# The vocabularies

COUNT = "from token_counter import text; print(text.count('Hello, world!', {encoding!r}))"


def counting(encoding: str, **environment: str) -> "subprocess.Popen[str]":
    """A process that counts, with no cache variable but those given, and no proxy that could lead it to a network."""
    cleared = {key: value for key, value in os.environ.items() if key not in vocabulary.CACHE_VARIABLES}
    blocked = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    program = [sys.executable, "-c", COUNT.format(encoding=encoding)]
    return subprocess.Popen(
        program, env={**cleared, **blocked, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_processes_that_start_at_once_share_one_whole_copy(tmp_path: Path) -> None:
    """The first use writes it into the data directory; none reads half of one, none leaves a draft."""
    processes = [counting("cl100k_base", CELLBLOCK_HOME=str(tmp_path)) for _ in range(10)]
    answers = [process.communicate() for process in processes]
    assert [out.strip() for out, _ in answers] == ["4"] * 10, answers
    assert [path.name for path in (tmp_path / "vocabularies").iterdir()] == [NAMES["cl100k_base"]]


def test_the_operators_own_cache_is_used(tmp_path: Path) -> None:
    """TIKTOKEN_CACHE_DIR as it stands; a copy in it that is broken is written anew, as tiktoken would."""
    cache, home = tmp_path / "cache", tmp_path / "home"
    cache.mkdir()
    (cache / NAMES["cl100k_base"]).write_bytes(b"half of a vocabulary")
    process = counting("cl100k_base", CELLBLOCK_HOME=str(home), TIKTOKEN_CACHE_DIR=str(cache))
    out, err = process.communicate()
    assert out.strip() == "4", err
    assert [path.name for path in cache.iterdir()] == [NAMES["cl100k_base"]]
    assert not home.exists()


def test_a_cache_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path) -> None:
    """The message says which directory, and which variable names another."""
    (tmp_path / "file").write_text("no directory")
    _, err = counting("cl100k_base", CELLBLOCK_HOME=str(tmp_path / "file")).communicate()
    assert "VocabularyUnavailable" in err
    assert "TIKTOKEN_CACHE_DIR" in err


def test_loading_leaves_the_environment_as_it_was() -> None:
    """tiktoken reads a variable; nobody else sees ours."""
    before = dict(os.environ)
    vocabulary.encoding("o200k_base")
    assert dict(os.environ) == before


def test_a_vocabulary_that_nobody_ships_is_refused() -> None:
    """By name, with those there are."""
    with pytest.raises(VocabularyUnavailable, match="o200k_base"):
        text.count("a", "p50k_base")


# Texts


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_special_tokens_in_a_text_are_text(encoding: str) -> None:
    """A user who types the end of a prompt ends nothing, and pays for the letters."""
    assert text.count("<|endoftext|><|im_end|>", encoding) > 6


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(content=st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_a_short_text_is_what_tiktoken_says(encoding: str, content: str) -> None:
    """No rule of our own in between."""
    assert text.measure(content, encoding) == text.TextCount(bare(content, encoding))


@pytest.mark.parametrize("content", ["\ud800", "a\udfff b", "\ud83d\ude00", "\ud800" * 1000], ids=ascii)
def test_lone_surrogates_are_counted(content: str) -> None:
    """As the replacement character that a server would see."""
    assert text.count(content, "o200k_base") >= 1


PROSE = "The quick brown fox jumps over the lazy dog.\nThen it rests, 12 hours. "


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_cut_between_words_changes_no_count(encoding: str, data: st.DataObject) -> None:
    """Whatever stands around: each piece by itself, or the whole."""
    parts = st.sampled_from(
        ["word", "Word", "don't", "x.", "12", "  ", " ", "\n", "\r\n", "é", "漢", "!", "'s", "/", "\t", "😀"]
    )
    content = "".join(data.draw(st.lists(parts, min_size=1, max_size=30)))
    for match in text._BETWEEN_WORDS.finditer(content):
        head, tail = content[: match.start()], content[match.start() :]
        assert bare(head, encoding) + bare(tail, encoding) == bare(content, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "letter", ["a", "A", " ", "\n", "\t", "\u00a0", "!", "-", "_", "7", "漢", "😀", "\u0301"], ids=ascii
)
def test_a_run_cut_at_whole_blocks_changes_no_count(encoding: str, letter: str) -> None:
    """What `BLOCK` was chosen for: runs of one character that are longer than a piece."""
    content = letter * (text.BLOCK + 1234)
    cut = bare(content[: text.BLOCK], encoding) + bare(content[text.BLOCK :], encoding)
    assert cut == bare(content, encoding)


@pytest.mark.parametrize(
    ("content", "tokens", "exact"),
    [
        pytest.param(" " * 1_000_000, 7_813, True, id="spaces, in which tiktoken panics"),
        pytest.param("\t" * 999_999 + "x", 62_501, True, id="tabs and a letter, the same"),
        pytest.param("a" * 1_000_000, 125_000, True, id="one letter"),
        pytest.param("😀" * 500_000, 500_000, True, id="emoji"),
        pytest.param("7" * 1_000_000, 333_334, True, id="digits"),
        pytest.param(PROSE * 14_000, 18 * 14_000 + 1, True, id="prose"),
        pytest.param(" \n" * 500_000, 250_004, False, id="mixed blanks: two too many a cut"),
        pytest.param("漢字" * 300_000, 600_002, False, id="words without blanks between them"),
    ],
)
def test_a_million_characters_are_counted(content: str, tokens: int, exact: bool) -> None:
    """Nothing hangs and nothing crashes; what had to be cut within a word says so."""
    assert text.measure(content, "o200k_base") == text.TextCount(tokens, exact)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_estimate_is_never_too_low(encoding: str) -> None:
    """Cut where it hurts: random letters, and blanks of every kind."""
    import random

    random.seed(5)
    for letters in ("abcdefgh", " \t"):
        content = "".join(random.choices(letters, k=text.PIECE + 20_000))
        found = text.measure(content, encoding)
        assert found.exact or found.tokens >= bare(content, encoding)


# The event loop


async def test_long_texts_leave_the_loop_free() -> None:
    """The loop turns while a text is counted, and a short text is not worth a thread."""
    vocabulary.encoding("o200k_base")
    turns = 0
    counting = asyncio.create_task(text.count_async("漢字" * 150_000, "o200k_base"))
    while not counting.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    assert not text.is_quick(text.INLINE_BYTES + 1, "o200k_base")
    assert text.is_quick(text.INLINE_BYTES, "o200k_base")


FIRST_COUNT = """
import asyncio
from blockbuster import blockbuster_ctx
from token_counter import TokenCounter

IMAGE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z/C/HgAGgwJ/lK3Q6wAAAABJRU5ErkJggg=="

async def main():
    counter = TokenCounter()
    with blockbuster_ctx("token_counter"):
        parts = [{"type": "text", "text": "Hello, world!"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
        print((await counter.count_chat([{"role": "user", "content": parts}], model="gpt-4o")).total)

asyncio.run(main())
"""


def test_the_first_count_of_a_process_does_not_block_the_loop() -> None:
    """Tables, vocabularies and modules are read in a thread: 3 + 4 + 4 tokens, and 255 for the image."""
    process = subprocess.run([sys.executable, "-c", FIRST_COUNT], capture_output=True, text=True)
    assert process.stdout.strip() == "266", process.stderr


async def test_a_long_request_is_counted_in_a_thread_and_the_next_turn_is_not() -> None:
    """What was counted does not count against what may be counted on the loop."""
    threads = set[str]()
    measure = text.measure

    class Watched(str):
        """A text that says who hashes it: whoever counts does."""

        def __hash__(self) -> int:
            threads.add(threading.current_thread().name)
            return super().__hash__()

    counter = TokenCounter(fetch_links=False)
    messages = [{"role": "user", "content": Watched(PROSE * 1000)}]
    first = await counter.count_chat(messages, model="gpt-4o")
    assert len(threads) == 2  # the loop tried, a thread did it
    threads.clear()
    second = await counter.count_chat([*messages, {"role": "user", "content": "And?"}], model="gpt-4o")
    assert threads <= {threading.current_thread().name}
    assert second.total == first.total + 4 + measure("And?", "o200k_base").tokens


async def test_an_inexact_text_is_said_of_the_request() -> None:
    """An estimate in a part is one in the whole."""
    counter = TokenCounter(fetch_links=False)
    count = await counter.count_chat([{"role": "user", "content": " \n" * 300_000}], model="gpt-4o")
    assert any("pieces" in why for why in count.assumptions)
