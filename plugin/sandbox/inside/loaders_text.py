"""Text: which encoding it has; and what is text: source code, json, jsonl, yaml, toml, xml."""

import codecs
import gzip
import json
import tomllib
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from . import loading

SAMPLE_BYTES = 64 * 1024
MAX_YAML_NODES = 5_000_000  # with each alias counted as what it stands for
MAX_YAML_DEPTH = 200  # the composer calls itself once a level
# Longest first: the mark of utf-16 is the first half of that of utf-32.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
GZIP = b"\x1f\x8b"
_NO_TEXT = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1a\x1b\x08\0")  # control characters that text files do not have
# What Windows and old programs write; latin-1 takes every byte.
FALLBACKS = ("cp1252", "latin-1")


def encoding(head: bytes) -> str:
    """The encoding of a text that begins with these bytes; a guess where it is none of the Unicode ones."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if b"\0" in head and zeros.count(0) > 0.7 * len(zeros) and head.count(0) - zeros.count(0) < 0.1 * len(zeros):
            return name  # without its mark: Latin letters have a zero beside them
    return "utf-8" if _decodes(head, "utf-8") else fallback(head)


def fallback(content: bytes) -> str:
    return next(name for name in FALLBACKS if _decodes(content, name))


def _decodes(content: bytes, name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)().decode(content)  # a character may be cut off at the end
    except UnicodeDecodeError:
        return False
    return True


def sample(head: bytes) -> str | None:
    """The first bytes as text; None where they are none."""
    name = encoding(head)
    if name in FALLBACKS and (b"\0" in head or sum(byte in _NO_TEXT for byte in head) > len(head) // 100):
        return None
    try:
        text = codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def content(path: str, size: int = -1) -> bytes:
    """A file's bytes, or its first ones, unpacked where it is gzip."""
    if is_gzip(path):
        loading.check_gzip(path)
        with gzip.open(path) as unpacked:
            return unpacked.read(size)
    with open(path, "rb") as file:
        return file.read(size)


def is_gzip(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(len(GZIP)) == GZIP


def text(path: str, encoding: str | None = None) -> str:
    """A str; line ends are \\n."""
    decoded = _decoded(content(path), encoding)
    return decoded.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(given: bytes, name: str | None = None) -> str:
    if name is not None:
        return given.decode(name)
    try:
        return given.decode(encoding(given[:SAMPLE_BYTES]))
    except UnicodeDecodeError:
        return given.decode(fallback(given))


def text_or_bytes(path: str) -> str | bytes:
    """For a type that no row knows: its text, where it is text through and through."""
    with open(path, "rb") as file:
        given = file.read()
    if sample(given[:SAMPLE_BYTES]) is None or encoding(given[:SAMPLE_BYTES]) in FALLBACKS:
        return given
    try:
        decoded = given.decode(encoding(given[:SAMPLE_BYTES]))
    except UnicodeDecodeError:
        return given
    return given if "\0" in decoded else decoded


def read_json(path: str, **options: Any) -> Any:
    """What json.loads gives: a dict or a list, mostly."""
    source = _decoded(content(path)).lstrip("\ufeff")
    if not source.strip():
        raise loading.Unloadable("it is empty")
    try:
        return json.loads(source, **options)
    except RecursionError:
        raise loading.Unloadable("it is nested too deep") from None
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and not options:
            lines = _json_lines(source)
            if lines is not None:
                loading.note("this is JSON lines: one value a line, given as a list")
                return lines
        raise loading.Unloadable(f"it is no valid JSON: {error}; read it as text with open()") from None


def _json_lines(source: str) -> list[Any] | None:
    try:
        return [json.loads(line) for line in source.splitlines() if line.strip()]
    except (json.JSONDecodeError, RecursionError):
        return None


def read_jsonl(path: str, **options: Any) -> Any:
    """A DataFrame, a row a line; values are as JSON has them, so that "007" stays text."""
    pandas = loading.package("pandas", "pandas")
    if options:
        return pandas.read_json(path, lines=True, **options)
    rows = []
    for number, line in enumerate(_decoded(content(path)).lstrip("\ufeff").split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except (json.JSONDecodeError, RecursionError) as error:
                raise loading.Unloadable(f"line {number} is no valid JSON: {loading.said(error)}") from None
    return pandas.DataFrame(rows)


def read_toml(path: str) -> dict[str, Any]:
    """A dict."""
    try:
        return tomllib.loads(text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise loading.Unloadable(f"it is no valid TOML: {loading.said(error)}") from None


def read_yaml(path: str) -> Any:
    """What yaml.safe_load gives; a list where the file has several documents."""
    yaml = loading.package("yaml", "pyyaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    source = text(path)
    try:
        _check_yaml(yaml, yaml.parse(source, Loader=loader))
        documents = list(yaml.load_all(source, Loader=loader))
    except yaml.YAMLError as error:
        raise loading.Unloadable(
            f"it is no valid YAML, or needs more than safe_load gives: {loading.said(error)}"
        ) from None
    return documents[0] if len(documents) == 1 else documents or None


def _check_yaml(yaml: Any, events: Any) -> None:
    """Refuse aliases that stand for more than may be, and nesting that is too deep, before anything is built."""
    weights: dict[str, int] = {}
    open_nodes: list[tuple[str, int]] = []  # anchor, and the weight of all that came before it
    total = 0
    for event in events:
        anchor = getattr(event, "anchor", None) or ""
        if isinstance(event, yaml.events.AliasEvent):
            if anchor in (name for name, _ in open_nodes):
                raise loading.Unloadable(f"*{anchor} in it holds itself")
            total += weights.get(anchor, 1)
        elif isinstance(event, yaml.events.CollectionStartEvent):
            open_nodes.append((anchor, total))
            total += 1
        elif isinstance(event, yaml.events.CollectionEndEvent):
            name, before = open_nodes.pop()
            if name:
                weights[name] = total - before
        elif isinstance(event, yaml.events.ScalarEvent):
            total += 1
            if anchor:
                weights[anchor] = 1
        if total > MAX_YAML_NODES:
            raise loading.Unloadable(f"its aliases stand for more than {MAX_YAML_NODES} values")
        if len(open_nodes) > MAX_YAML_DEPTH:
            raise loading.Unloadable(f"it is nested deeper than {MAX_YAML_DEPTH} levels")


def read_xml(path: str) -> ElementTree.Element:
    """The root element of xml.etree; for a table, pandas.read_xml(get_file_path(id))."""
    source = content(path)
    if not source.strip():
        raise loading.Unloadable("it is empty")
    return parsed_xml(source)


def parsed_xml(source: bytes) -> ElementTree.Element:
    """The root element.

    Raises:
        Unloadable: it is no XML, or declares entities.
    """
    _check_entities(source)
    try:
        return ElementTree.fromstring(source)
    except ElementTree.ParseError as error:
        raise loading.Unloadable(f"it is no valid XML: {error}; read it as text with open()") from None


class _PrologueEnded(Exception):
    pass


def _check_entities(source: bytes) -> None:
    """Refuse entities that the document declares: few need them, and a few lines of them unpack to gigabytes."""

    def declared(name: str, *_: Any) -> None:
        raise loading.Unloadable(
            f"it declares the entity {name[:50]!r}, and entities are not unpacked; read it as text"
        )

    def ended(*_: Any) -> None:
        raise _PrologueEnded

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = declared
    parser.StartElementHandler = ended
    try:  # in pieces: a handler that raises does not end the piece that is being parsed
        for start in range(0, len(source), SAMPLE_BYTES):
            parser.Parse(source[start : start + SAMPLE_BYTES])
    except (_PrologueEnded, expat.ExpatError):
        return
