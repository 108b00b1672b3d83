"""The text that a model reads of one call: within a token budget, and framed so that no output passes for the frame.

Lines of the frame begin at the left edge; whatever a program or a tool wrote stands behind `> `, names in double quotes. The
dispatcher calls `execution`, `tool_result`, `refusal` in a thread where the text is long, and stores what they leave out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..result import ExecutionResult, GeneratedFile, Outcome
from .clean import name_of, quoted, readable
from .cut import CountTokens, Cut, cut
from .file_lists import size
from .posting import without_foreign_images, without_mentions

ERROR_SHARE = 0.4  # of the budget, where there is output too
ERROR_HEAD = 0.25  # a traceback says what happened at its end
NOTICE_TOKENS = 60  # what was left out and where it is
MAX_FILES_NAMED = 20
MIN_TOKENS = 200  # less, and the frame alone would not fit

# What a model can do about an ending: one row a kind of Outcome.
ADVICE = {
    "timeout": "Do less in one call, or give a longer `timeout`; print while it runs to see how far it gets.",
    "memory": "Work on a part of the data at a time: nrows=, usecols=, chunksize=, smaller types, del what is done.",
    "lost": "Run it again; if it happens again, change the code.",
    "killed": "Change the code so that it needs less.",
    "left": "Leave out os._exit and the like: end by reaching the end.",
}
HAPPENED = {
    "exception": "the code raised an exception",
    "exit": "the code called sys.exit({code})",
    "timeout": "its time was over",
    "memory": "it ran out of memory",
    "left": "the code ended its own process",
    "killed": "it was killed",
    "lost": "the sandbox was lost",
}


@dataclass(frozen=True)
class Reading:
    """How much a model may read of one call, and how it is written.

    Attributes:
        tokens: of one call's text.
        count: tokens of a piece of text, for the model in use.
        safe_to_post: applied to all that programs and tools wrote.
    """

    tokens: int
    count: CountTokens
    safe_to_post: Sequence[Callable[[str], str]] = (without_mentions, without_foreign_images)

    def foreign(self, text: str) -> str:
        """What a program or a tool wrote, fit to stand in the frame."""
        text = readable(text)
        for defused in self.safe_to_post:
            text = defused(text)
        return text


@dataclass(frozen=True)
class Shaped:
    """One call's text, but for where its whole output is kept.

    Attributes:
        whole: the text that was not shown completely and should be kept as a file; '' where all was shown.
    """

    lines: tuple[str, ...]
    whole: str = field(default="", repr=False)

    def text(self, kept_as: str = "") -> str:
        """
        Args:
            kept_as: the id of the file that holds `whole`, '' where it could not be kept.
        """
        where = f"; all of it: load_file({name_of(kept_as, 300)})" if kept_as else ""
        return "\n".join(line.replace(_WHERE, where) for line in self.lines)


_WHERE = "\0where"  # in no text: readable() spells NUL out


def execution(result: ExecutionResult, reading: Reading, shown: Sequence[str] = ()) -> Shaped:
    """What a cell did.

    Args:
        shown: for each generated file what becomes of it as an image, '' where it is none.
    """
    before = [_status(result)]
    if result.installed_packages:
        before.append(f"Installed: {', '.join(map(name_of, result.installed_packages))}")
    behind = _files(result.generated_files, shown)
    if result.dropped_files:
        behind += ["Files that were not kept:", quoted(reading.foreign("\n".join(result.dropped_files)))]
    if advice := ADVICE.get(result.outcome.kind):
        behind.append(advice)
    left = _left(reading, [*before, *behind])
    error = reading.foreign(result.error.strip("\n"))
    output = reading.foreign(result.output.rstrip("\n"))
    error_lines: list[str] = []
    if error:
        cut_error = cut(quoted(error), int(left * ERROR_SHARE) if output else left, reading.count, ERROR_HEAD)
        error_lines = ["Error:", *_cut_lines(cut_error)]
        left -= _count(reading, error_lines)
    if not output:
        said = "It printed nothing." if result.success else ""
        return Shaped(tuple(filter(None, [*before, said, *error_lines, *behind])))
    cut_output = cut(quoted(output), max(left, 0), reading.count)
    lines = [*before, "Output:", *_cut_lines(cut_output)]
    if result.truncated_bytes:
        lines.append(f"[{result.truncated_bytes:,} more bytes of output were not kept: print less, or write a file]")
    return Shaped((*lines, *error_lines, *behind), result.output if cut_output.left_out else "")


def tool_result(text: str, reading: Reading, *, success: bool = True, shown: Sequence[str] = ()) -> Shaped:
    """What a registered tool answered.

    Args:
        shown: one line an image.
    """
    before = "Result:" if success else "The tool failed:"
    left = _left(reading, [before, *shown])
    cut_text = cut(quoted(reading.foreign(text)), left, reading.count)
    return Shaped((before, *_cut_lines(cut_text), *shown), text if cut_text.left_out else "")


def own(text: str, reading: Reading) -> Shaped:
    """What a tool of ours says in words of its own, names in it quoted: cut where it is too long."""
    for defused in reading.safe_to_post:
        text = defused(text)
    return Shaped(tuple(_cut_lines(cut(text, _left(reading, []), reading.count, 0.9))))


def refusal(reason: str, reading: Reading) -> Shaped:
    """A call that was not carried out; the reason says what to change."""
    cut_reason = cut(quoted(reading.foreign(reason)), _left(reading, []), reading.count)
    return Shaped(("Nothing was run:", *_cut_lines(cut_reason)))


# ---- the frame


def _status(result: ExecutionResult) -> str:
    if result.success:
        return f"Done in {result.execution_time:.2f} s."
    return f"Failed after {result.execution_time:.2f} s: {_happened(result.outcome)}."


def _happened(outcome: Outcome) -> str:
    return HAPPENED.get(outcome.kind, outcome.kind).format(code=outcome.return_code)


def _files(files: Sequence[GeneratedFile], shown: Sequence[str]) -> list[str]:
    if not files:
        return []
    lines = ["Files for the user:"]
    for file, seen in zip(files[:MAX_FILES_NAMED], [*shown, *[""] * len(files)], strict=False):
        kept = f"id {name_of(file.file_id, 300)}" if file.file_id else "not kept for later calls"
        lines.append(f"- {name_of(file.filename)} ({file.type}, {size(file.size)}), {kept}{seen and f'; {seen}'}")
    if len(files) > MAX_FILES_NAMED:
        lines.append(f"- and {len(files) - MAX_FILES_NAMED} more; list_user_files names them")
    return lines


def _cut_lines(piece: Cut) -> list[str]:
    """Head, what was left out, tail. A tail that begins within a line gets the mark that stood before it."""
    if not piece.left_out:
        return [piece.head.removesuffix("\n")]
    notice = f"[... {piece.left_out:,} characters are left out here{_WHERE} ...]"
    tail = piece.tail if piece.tail_starts_a_line or not piece.tail else f"> {piece.tail}"
    return [line for line in (piece.head.removesuffix("\n"), notice, tail) if line]


def _left(reading: Reading, frame: Sequence[str]) -> int:
    """Tokens for foreign text."""
    return max(reading.tokens, MIN_TOKENS) - _count(reading, frame) - NOTICE_TOKENS


def _count(reading: Reading, lines: Sequence[str]) -> int:
    # Each line is counted with its end: joined they are never more.
    return reading.count("\n".join([*lines, ""])) if lines else 0
