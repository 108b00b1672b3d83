"""Links to files in a model's answer, `[the table](sandbox:/mnt/data/x.csv)`, resolved to the files that calls generated.

Models write such links by habit: to /mnt/data, to /work or relative ones, as Markdown, bare or as an image, with spaces or
percent-encoded. Nobody can follow them but the application that has the files. Pure functions; each looks at every
character a bounded number of times, for the text is a stranger's.
"""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from ..files import clean_filename
from ..result import GeneratedFile

MAX_TARGET = 2048  # characters; 255 bytes of a name, percent-encoded, in some directories

# What may begin or end a link, in the order in which it is looked for.
_TOKEN = re.compile(
    r"(?P<fence>^[ ]{0,3}(?:```(?=[^`\n]*$)|~~~))|(?P<escaped>\\[\\`*_{}\[\]()#+.!<>~-])|(?P<blank>\n[ \t]*\n)"
    r"|(?P<open>!?\[)|(?P<close>\](?P<target>\()?)|(?P<bare>\bsandbox:)",
    re.MULTILINE | re.IGNORECASE,
)
_SCHEME = re.compile(r"sandbox:/*", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//|#", re.IGNORECASE)
_WORKING_DIRECTORY = re.compile(r"/*(?:mnt/data|work)/+")
_IN_TARGET = re.compile(r"[()\n]|\]\(")
_BARE = re.compile(r"[^\s()\[\]<>\"'`*|]+")
_BEHIND_BARE = ".,;:!?"
_SPACED_ALIKE = 100  # names with spaces in them that begin with the same word


@dataclass(frozen=True)
class FileLink:
    """One link in a text.

    Attributes:
        path: of the file, beneath the working directory, as the model wrote it, percent-encoding and all.
        certain: it says `sandbox:`, /mnt/data or /work; other relative links may lead elsewhere.
        label: (start, end) of what stands in the brackets; None for a bare one.
        target: (start, end) of the address alone.
        whole: (start, end) of all of it.
    """

    path: str
    certain: bool
    image: bool
    label: tuple[int, int] | None
    target: tuple[int, int]
    whole: tuple[int, int]


def file_links(text: str) -> list[FileLink]:
    """Every link that may lead to a generated file, in the order of their ends; fenced code is passed over."""
    found: list[FileLink] = []
    opened: list[tuple[int, int, bool]] = []
    at, fenced = 0, ""
    while token := _TOKEN.search(text, at):
        at = token.end()
        kind = token.lastgroup if token["close"] is None else "close"
        if kind == "fence":
            mark = token["fence"].strip()
            fenced = mark if not fenced else "" if fenced == mark else fenced
            opened.clear()
        elif fenced:
            continue
        elif kind == "blank":
            opened.clear()
            at = token.end() - 1  # it may begin another one, or a fence's line
        elif kind == "open":
            opened.append((token.start(), token.end(), token["open"] == "!["))
        elif kind == "close" and opened:
            start, label, image = opened.pop()
            end = _target_end(text, at) if token["target"] else None
            if end is not None:
                link = _markdown_link(text, (start, label, token.start(), at, end), image)
                found += [link] if link else []
                at = end + 1
        elif kind == "bare":
            link = _bare_link(text, token.start(), at)
            found.append(link)
            at = link.whole[1]
    return found


def find_file(path: str, files: Sequence[GeneratedFile]) -> GeneratedFile | None:
    """The file that a link means: by the path under which the code wrote it, else by its name; of several the newest.

    Args:
        path: a `FileLink`'s.
        files: of all calls of the conversation, oldest first.
    """
    return _Known(files).named(path)


def with_links(text: str, files: Sequence[GeneratedFile], address: Callable[[GeneratedFile], str | None]) -> str:
    """The text with links that a reader can follow.

    Args:
        files: of all calls of the conversation, oldest first.
        address: the URL of a file, or None where it has none: its name then stands there as text.

    A link that says `sandbox:`, /mnt/data or /work and leads to no file becomes text that says so; other links stay.
    """
    known = _Known(files)
    edits: list[tuple[int, int, str]] = []
    for link in file_links(text):
        # Without `sandbox:` spaces tell where a bare name ends; a known name with spaces goes on behind them.
        link = known.lengthened(text, link)
        file = known.named(link.path)
        if file is not None:
            edits += _to_file(text, link, file, address(file))
        elif link.certain:
            edits += _to_nothing(text, link)
    return _edited(text, edits)


# ---- finding


def _target_end(text: str, start: int) -> int | None:
    """Where the parenthesis closes that was opened before `start`; None if it does not on this line, or not soon.

    The search ends at the next `](`, so that no character is looked at for two targets.
    """
    depth = 0
    for token in _IN_TARGET.finditer(text, start, start + MAX_TARGET):
        if token[0] == "(":
            depth += 1
        elif token[0] != ")":
            return None
        elif not depth:
            return token.start()
        else:
            depth -= 1
    return None


def _markdown_link(text: str, places: tuple[int, int, int, int, int], image: bool) -> FileLink | None:
    start, label, label_end, target, end = places
    while target < end and text[target].isspace():
        target += 1
    written = _without_title(text[target:end].rstrip())
    if written.startswith("<") and written.endswith(">"):
        target, written = target + 1, written[1:-1]
    scheme = _SCHEME.match(written)
    if not written or (not scheme and _OTHER_SCHEME.match(written)):
        return None
    certain = bool(scheme or _WORKING_DIRECTORY.match(written))
    if written.startswith("/") and not certain:
        return None
    span = (target, target + len(written))
    return FileLink(_beneath(written), certain, image, (label, label_end), span, (start, end + 1))


def _without_title(written: str) -> str:
    """`x.csv "The table"` is x.csv."""
    if written[-1:] not in ('"', "'"):
        return written
    before = written[: max(0, written.rfind(written[-1], 0, -1))]
    return before.rstrip() if before != before.rstrip() else written


def _bare_link(text: str, start: int, at: int) -> FileLink:
    match = _BARE.match(text, at, at + MAX_TARGET)
    end = at + len(match[0].rstrip(_BEHIND_BARE)) if match else at
    certain = text[at : at + 1] == "/"  # else it may be prose
    return FileLink(_beneath(text[start:end]), certain, False, None, (start, end), (start, end))


def _beneath(written: str) -> str:
    """What stands behind `sandbox:` and the working directory's name."""
    scheme = _SCHEME.match(written)
    path = "/" + written[scheme.end() :] if scheme else written
    directory = _WORKING_DIRECTORY.match(path)
    return path[directory.end() :].lstrip("/") if directory else path.lstrip("/")


# ---- which file


class _Known:
    """The files of a conversation, by path and by name."""

    def __init__(self, files: Iterable[GeneratedFile]) -> None:
        self._by_path: dict[str, GeneratedFile] = {}
        self._by_name: dict[str, GeneratedFile] = {}
        for file in files:
            self._by_path[_plain(file.path)] = self._by_name[_plain(file.filename)] = file
        self._spaced: dict[str, list[str]] = {}
        for name in sorted({*self._by_path, *self._by_name}, key=len, reverse=True):
            if first := any(map(str.isspace, name)) and _BARE.match(name):
                self._spaced.setdefault(first[0].rstrip(_BEHIND_BARE), []).append(name)

    def named(self, path: str) -> GeneratedFile | None:
        """By path before by name, as written before decoded, and whole before what an address may have behind it."""
        for asked in dict.fromkeys((path, unquote(path), unquote(re.split(r"[?#]", path, maxsplit=1)[0]))):
            wanted = _plain(posixpath.normpath(asked)) if asked else ""
            found = self._by_path.get(wanted) or self._by_name.get(_plain(clean_filename(wanted)))
            if wanted and found:
                return found
        return None

    def lengthened(self, text: str, link: FileLink) -> FileLink:
        """A bare link with the rest of a known name that has spaces in it: the longest that stands there."""
        if link.label is not None or self.named(link.path):
            return link
        start = link.target[1] - len(link.path)
        for path in self._spaced.get(link.path, [])[:_SPACED_ALIKE]:
            if text.startswith(path, start):
                span = (link.target[0], start + len(path))
                return FileLink(path, link.certain, False, None, span, span)
        return link


def _plain(path: str) -> str:
    return unicodedata.normalize("NFC", path)


# ---- replacing


def _to_file(text: str, link: FileLink, file: GeneratedFile, url: str | None) -> list[tuple[int, int, str]]:
    if url is not None:
        address = f"<{url}>" if link.label and re.search(r"[\s()<>]", url) else url
        start, end = link.target
        if link.label and text[start - 1] == "<" and text[end : end + 1] == ">":
            start, end = start - 1, end + 1
        return [(start, end, address)]
    label = text[slice(*link.label)].strip() if link.label else ""
    return _unlinked(link, "" if label else file.filename, f" ({file.filename})" if label != file.filename else "")


def _to_nothing(text: str, link: FileLink) -> list[tuple[int, int, str]]:
    name = unquote(posixpath.basename(link.path.rstrip("/"))) or link.path or "no name"
    name = "".join(character for character in name if character.isprintable())
    if link.label is None:
        return [(*link.whole, f"{name} (this file does not exist)")]
    return _unlinked(link, "", f" ({name}: this file does not exist)")


def _unlinked(link: FileLink, before: str, behind: str) -> list[tuple[int, int, str]]:
    """The label as text. Its own spans only, for a link's label may hold an image that is a link too."""
    if link.label is None:
        return [(*link.whole, before)]
    (start, end), (label, label_end) = link.whole, link.label
    return [(start, label, before), (label_end, end, "" if before else behind)]


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    parts, at = [], 0
    for start, end, new in sorted(edits):
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])
