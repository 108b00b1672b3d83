"""Foreign text made fit for a tool message: as a terminal would show it, encodable, and with nothing invisible in it."""

import re

from .calls import encodable

# Colours, cursor movements, window titles (ECMA-48, 5.4 and 5.6): a model reads none of them.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
# What else ends a line for str.splitlines, a browser or a chat program; a frame's line must not begin after one.
_LINE_ENDS = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls but tab and newline; what turns the reading direction; tags and other format characters that show nothing. Joiners
# (U+200C, U+200D) and variation selectors make scripts and emoji, and stay.
_UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)


def readable(text: str) -> str:
    """Lines apart by newlines only; of a line that was written over, as progress bars are, what was written last."""
    text = encodable(text)
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "\r" in text:
        text = "\n".join(map(_last_written, text.replace("\r\n", "\n").split("\n")))
    text = _LINE_ENDS.sub("\n", text)
    return _UNSEEN.sub(_spelled, text)


def quoted(text: str) -> str:
    """Each line behind `> `, so that none of them can be taken for a line of the frame around it."""
    return "> " + text.replace("\n", "\n> ")


def name_of(name: str, most: int = 100) -> str:
    """A file's or a tool's name as one word of the frame: in double quotes, of which it then has none, on one line."""
    name = encodable(name).replace('"', "'")
    name = name if len(name) <= most else f"{name[: most // 2]}...{name[-most // 2 :]}"
    return '"' + "".join(each if each.isprintable() else _escaped(each) for each in name) + '"'


def _last_written(line: str) -> str:
    return next((part for part in reversed(line.split("\r")) if part), "")


def _spelled(match: re.Match[str]) -> str:
    return _escaped(match[0])


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
