"""File names as strangers send them, made fit for any file system, terminal and download dialog."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from .types import UNKNOWN, by_suffix, split_suffix

MAX_BYTES = 255  # NAME_MAX of ext4, xfs, btrfs and tmpfs
_LONG = 4096  # characters; no name that anybody wrote is longer, and looking at each one takes time
_NAMELESS = "file"

_STRIPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (bidi, zero-width), surrogate, line, paragraph
_BLANK_LETTERS = "\u034f\u115f\u1160\u3164\uffa0"  # invisible although Unicode calls them letters or marks
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file, read 2026-11-23
_RESERVED_CHARACTERS = '<>:"/\\|?*'
_RESERVED_NAME = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
_LEADING = re.compile(r"^[\s.-]+")  # hidden files, and names that a command takes for an option
_TRAILING = re.compile(r"[\s.]+$")


def clean_filename(name: str) -> str:
    """The name under which a file is kept: never empty, never a path, at most 255 bytes of UTF-8.

    The last component of a path in either style, without characters that are invisible, turn the reading direction,
    or mean something to a file system. A name that is too long loses the end of its stem, never its suffix. Clean names
    come back unchanged.
    """
    visible = _TRAILING.sub("", "".join(filter(_is_kept, _last_component(name))))
    stem, suffix = split_suffix(visible)
    if not _LEADING.sub("", stem) and by_suffix(suffix) is not UNKNOWN:
        return f"{_NAMELESS}.{suffix}"
    return _unreserved(_short(_unreserved(_LEADING.sub("", visible) or _NAMELESS)))


def distinct(names: Iterable[str]) -> list[str]:
    """The names in their order, each only once: the second x.csv becomes x-2.csv.

    The first of a name keeps it, so a file that really is called x-2.csv stays x-2.csv.
    """
    names = list(names)
    taken, seen = set(names), Counter[str]()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else _numbered(name, seen, taken))
    return result


def _last_component(name: str) -> str:
    name = name.rstrip("/\\")
    name = name[max(name.rfind("/"), name.rfind("\\")) + 1 :]
    return name if len(name) <= _LONG else name[: _LONG // 2] + name[-_LONG // 2 :]


def _is_kept(character: str) -> bool:
    return (
        unicodedata.category(character) not in _STRIPPED_CATEGORIES
        and character not in _RESERVED_CHARACTERS
        and character not in _BLANK_LETTERS
    )


def _unreserved(name: str) -> str:
    return f"_{name}" if _RESERVED_NAME.match(name) else name


def _short(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    # One byte less than there is: cutting may lay bare a reserved name ("con", spaces, more), which takes a "_" then.
    return _TRAILING.sub("", _with_suffix(*split_suffix(name), max_bytes=MAX_BYTES - 1))


def _numbered(name: str, seen: Counter[str], taken: set[str]) -> str:
    stem, suffix = split_suffix(name)
    while True:
        numbered = _with_suffix(stem, suffix, f"-{seen[name]}")
        if numbered not in taken:
            taken.add(numbered)
            return numbered
        seen[name] += 1


def _with_suffix(stem: str, suffix: str, number: str = "", max_bytes: int = MAX_BYTES) -> str:
    end = f"{number}.{suffix}" if suffix else number
    return stem.encode()[: max_bytes - len(end.encode())].decode(errors="ignore") + end
