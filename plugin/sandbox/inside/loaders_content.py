"""What a file holds, by its first bytes: names lie (a web page named .xls, a workbook named .csv, a PNG named .jpg)."""

import re
import zipfile

from . import loaders_text, loading

HEAD_BYTES = 64 * 1024
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # [MS-CFB] 2.2: old Office files, and new ones with a password
# A loader, and what a note calls the content that it loads.
NAMES = {
    "excel": "a workbook",
    "html": "an HTML page",
    "csv": "a table of text",
    "parquet": "a parquet table",
    "feather": "an Arrow table",
    "hdf5": "HDF5",
    "npy": "a numpy array",
    "sqlite": "an SQLite database",
    "image": "an image",
    "pdf": "a PDF",
    "document": "a text document",
    "gzip": "a gzip archive",
}
# The formats' own first bytes: (bytes, offset, loader).
_MAGIC = (
    (b"PAR1", 0, "parquet"),
    (b"ARROW1\0\0", 0, "feather"),
    (b"FEA1", 0, "feather"),
    (b"\x89HDF\r\n\x1a\n", 0, "hdf5"),
    (b"\x93NUMPY", 0, "npy"),
    (b"SQLite format 3\0", 0, "sqlite"),
    (b"%PDF-", 0, "pdf"),
    (OLE2, 0, "excel"),
    (b"\x89PNG\r\n\x1a\n", 0, "image"),
    (b"\xff\xd8\xff", 0, "image"),
    (b"GIF8", 0, "image"),
    (b"WEBP", 8, "image"),
    (b"II*\0", 0, "image"),
    (b"MM\0*", 0, "image"),
    (b"ftypavif", 4, "image"),
)
# What a zip archive is, by a member that only this kind has.
_MEMBERS = (("xl/", "excel"), ("word/", "document"), ("ppt/", "document"))
_OPEN_DOCUMENT = {
    b"application/vnd.oasis.opendocument.spreadsheet": "excel",
    b"application/vnd.oasis.opendocument.text": "document",
    b"application/vnd.oasis.opendocument.presentation": "document",
}
_HTML = re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|meta)\b", re.IGNORECASE | re.DOTALL)
_EXCEL_2003 = "urn:schemas-microsoft-com:office:spreadsheet"
_TABLES = ("csv", "tsv", "excel")
_TEXTS = ("csv", "tsv", "json", "jsonl", "yaml", "toml", "xml", "text")
_KNOWN_BY_CONTENT = set(NAMES) - {"csv", "html", "gzip"}


def loader(path: str, asked: str) -> str:
    """The loader for a file, given the one that its name asks for: another only where the content is plainly another's.

    Raises:
        Unloadable: the content is no such thing as the name says, and nothing else that is loaded.
    """
    if asked not in _KNOWN_BY_CONTENT and asked not in _TEXTS:
        return asked
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    found = _by_magic(path, head)
    if found:
        return asked if _reads(asked, found, head) else found
    if asked in _TEXTS:
        return "html" if asked in ("csv", "tsv") and _is_html(head) else asked
    return _instead(asked, head)


def _reads(asked: str, found: str, head: bytes) -> bool:
    """Whether the loader asked for can tell by itself."""
    return (found == "gzip" and asked in _TEXTS) or (asked == "document" and head.startswith(OLE2))


def _by_magic(path: str, head: bytes) -> str:
    for magic, offset, name in _MAGIC:
        if head.startswith(magic, offset):
            return name
    if head.startswith(b"PK\x03\x04"):
        return _of_zip(path)
    return "gzip" if head.startswith(b"\x1f\x8b\x08") else ""


def _of_zip(path: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [member.filename for member in archive.infolist()[:1000]]
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                return _OPEN_DOCUMENT.get(archive.read("mimetype"), "")
    except (zipfile.BadZipFile, NotImplementedError, ValueError, RuntimeError, OSError):
        return ""
    for start, name in _MEMBERS:
        if any(member.startswith(start) for member in names):
            return name
    return "npy" if names and all(name.endswith(".npy") for name in names) else ""


def _instead(asked: str, head: bytes) -> str:
    """For a binary format whose own first bytes are not there."""
    text = loaders_text.sample(head)
    if text is None or not head:
        return asked  # its reader says what is wrong
    if asked not in _TABLES:
        return asked
    if _is_html(head):
        return "html"
    if _EXCEL_2003 in text:
        raise loading.Unloadable("it is the XML of Excel 2003, which nothing here reads; ask for it as xlsx or csv")
    return "csv"


def _is_html(head: bytes) -> bool:
    text = loaders_text.sample(head)
    return text is not None and _HTML.match(text) is not None
