"""Text within a number of tokens: its head and its tail, at the ends of lines where that costs little.

Counting 100 KB takes longer than a small cell runs, so that only pieces of about the budget's size are counted.
"""

from collections.abc import Callable
from dataclasses import dataclass

CountTokens = Callable[[str], int]

CHARACTERS_A_TOKEN = 4  # a first guess, of English text (platform.openai.com/tokenizer); counting corrects it
MOST_CHARACTERS_A_TOKEN = 8  # text that has more is cut without counting all of it
ATTEMPTS = 6
FULL_ENOUGH = 0.85  # of what it may cost


@dataclass(frozen=True)
class Cut:
    """What stays of a text.

    Attributes:
        tail: '' where all of it is the head.
        left_out: characters in between.
        tail_starts_a_line: nothing of the tail's first line was left out.
    """

    head: str
    tail: str = ""
    left_out: int = 0
    tail_starts_a_line: bool = True


def cut(text: str, tokens: int, count: CountTokens, head_share: float = 0.5) -> Cut:
    """At most so many tokens of it, head and tail counted apart.

    Args:
        count: tokens of a piece of text.
        head_share: of the tokens, for the head.
    """
    if fits(text, tokens, count):
        return Cut(text)
    at_head = int(tokens * head_share)
    head = _within(text, at_head, count, from_end=False)
    rest = text[len(head) :]
    tail = _within(rest, tokens - at_head, count, from_end=True)
    between = len(rest) - len(tail)
    return Cut(head, tail, between, rest[between - 1 : between] in ("\n", "") and (between > 0 or head.endswith("\n")))


def fits(text: str, tokens: int, count: CountTokens) -> bool:
    """Whether it has at most so many tokens; text of very long tokens may be said not to fit although it does."""
    if len(text) > tokens * MOST_CHARACTERS_A_TOKEN:
        return False
    # A token has at least one byte.
    return (len(text) <= tokens and len(text.encode()) <= tokens) or count(text) <= tokens


def _within(text: str, tokens: int, count: CountTokens, *, from_end: bool) -> str:
    """The longest piece found in a few attempts; '' where none was."""
    best, too_long = 0, len(text) + 1
    length = min(len(text), tokens * CHARACTERS_A_TOKEN)
    for _ in range(ATTEMPTS):
        if length <= best:
            break
        counted = count(_piece(text, length, from_end))
        if counted > tokens:
            too_long = length
        else:
            best = length
            if counted >= tokens * FULL_ENOUGH or length == len(text):
                break
        most = min(too_long - 1, len(text), tokens * MOST_CHARACTERS_A_TOKEN)
        length = min(int(length * tokens / max(counted, 1) * 0.97), most)
    return _at_a_line(_piece(text, best, from_end), from_end)


def _piece(text: str, length: int, from_end: bool) -> str:
    return text[len(text) - length :] if from_end else text[:length]


def _at_a_line(piece: str, from_end: bool) -> str:
    """Without the part of a line at the cut, unless that is much of it."""
    if from_end:
        start = piece.find("\n") + 1
        return piece[start:] if 0 < start <= len(piece) // 4 else piece
    end = piece.rfind("\n") + 1
    return piece[:end] if end >= len(piece) * 3 // 4 and end else piece
