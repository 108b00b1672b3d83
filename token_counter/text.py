"""How many tokens a text is: tiktoken, in pieces that it can take, whatever the text. Every other count ends here.

Special tokens written in a text count as the text that they are: a user who types `<|im_end|>` ends nothing.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import vocabulary

if TYPE_CHECKING:
    from tiktoken import Encoding

INLINE_BYTES = 20_000  # what is longer goes to a thread: some 5 ms of work

# tiktoken 0.14 panics in a run of a million blanks (fancy-regex's limit of backtracking), and needs 2.7 s for a million
# letters without a break. A text no longer than this is encoded as it is.
BLOCK = (
    24_576  # 3 x 2^13: runs of one character merge in powers of two, digits in threes, so a cut here changes nothing
)
PIECE = 16 * BLOCK
LOOK_BACK = 4_096  # characters before the end of a piece, in which a place to cut is looked for
CUT_COST = 2  # tokens by which a cut elsewhere may make a count too small: 0 to 1 on mixed blanks, never measured as 2

# Between a word and the next: both encodings' patterns begin a piece at the blank, whatever stands around the two words.
_BETWEEN_WORDS = re.compile(r"(?<=[A-Za-z]) (?=[A-Za-z])|(?<=[A-Za-z.,;:]\n)(?=[A-Za-z])")


@dataclass(frozen=True)
class TextCount:
    """Tokens of a text; not exact where it had to be cut within a word: then a little too many."""

    tokens: int
    exact: bool = True


def count(text: str, encoding: str) -> int:
    """Tokens of a text in an encoding, such as "o200k_base"; see `measure`."""
    return measure(text, encoding).tokens


def measure(text: str, encoding: str) -> TextCount:
    """Tokens of a text, in time that grows with its length, whatever is in it.

    Raises:
        VocabularyUnavailable: the encoding is not one that is shipped.
    """
    codec = vocabulary.encoding(encoding)
    if len(text) <= PIECE:
        return TextCount(_tokens(text, codec))
    return _in_pieces(text, codec)


async def count_async(text: str, encoding: str) -> int:
    """`count`, which leaves the event loop free: loading an encoding and long texts go to a thread."""
    if is_quick(len(text), encoding):
        return count(text, encoding)
    return await asyncio.to_thread(count, text, encoding)


def is_quick(length: int, encoding: str) -> bool:
    """Whether so many characters may be counted on the event loop."""
    return length <= INLINE_BYTES and vocabulary.loaded(encoding)


def _tokens(text: str, codec: "Encoding") -> int:
    return len(codec.encode_ordinary(text))  # mends lone surrogates by itself


def _in_pieces(text: str, codec: "Encoding") -> TextCount:
    tokens, exact, start = 0, True, 0
    while start < len(text):
        end, clean = _cut(text, start)
        tokens += _tokens(text[start:end], codec) + (0 if clean else CUT_COST)
        exact, start = exact and clean, end
    return TextCount(tokens, exact)


def _cut(text: str, start: int) -> tuple[int, bool]:
    """Where the piece that begins at `start` ends, and whether it is known that cutting there changes no count."""
    end = start + PIECE
    if end >= len(text):
        return len(text), True
    places = [match.start() for match in _BETWEEN_WORDS.finditer(text, end - LOOK_BACK, end)]
    if places:
        return places[-1], True
    # A run of one character that is a block long or longer: cut where the run is whole blocks.
    tail = text[end - BLOCK : end]
    if tail == tail[0] * BLOCK and text[end] == tail[0]:
        before = text[start:end]
        return end - (len(before) - len(before.rstrip(tail[0]))) % BLOCK, True
    return end, False
