"""The text of documents: Word, PowerPoint and OpenDocument by their own XML, PDF by pypdf; and images."""

import warnings
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from . import loaders_content, loaders_text, loading

# What the parts of a document are called: [ECMA-376] part 1 (w: 17.3, a: 21.1.2), OpenDocument 1.3 part 3 (5.1).
PARAGRAPHS = {"p", "h"}
ROWS = {"tr", "table-row"}
CELLS = {"tc", "table-cell"}
SPACES = {"tab": "\t", "br": "\n", "cr": "\n", "line-break": "\n", "s": " "}
LEFT_OUT = {"pPr", "rPr", "del", "delText", "instrText", "tracked-changes", "annotation", "Fallback"}
CELL_ENDS = "\0"  # no text of a document has it: XML does not allow it
MIXED = {"p", "h", "span", "a"}  # OpenDocument's text stands between elements, Office's in <t> only


def read_document(path: str) -> str:
    """The text of a docx, pptx or odt: a line a paragraph, a table's cells apart by tabs, a blank line between slides."""
    with open(path, "rb") as file:
        if file.read(8) == loaders_content.OLE2:
            raise loading.Unloadable(
                "it is protected with a password, or of the old format; ask for a docx without one"
            )
    loading.check_zip(path)
    pages = []
    with zipfile.ZipFile(path) as archive:
        for name in _pages(archive.namelist()):
            lines = _lines(loaders_text.parsed_xml(archive.read(name)))
            pages.append("\n".join(lines))
    if not pages:
        raise loading.Unloadable("there is no document's text in it; zipfile lists what it holds")
    return "\n\n".join(pages)


def _pages(names: list[str]) -> list[str]:
    for whole in ("word/document.xml", "content.xml"):
        if whole in names:
            return [whole]
    slides = [name for name in names if name.startswith("ppt/slides/slide") and name.endswith(".xml")]
    return sorted(slides, key=lambda name: (len(name), name))


def _lines(root: ElementTree.Element) -> list[str]:
    """Paragraphs in the order of the document, without recursion: what is uploaded may nest as deep as it likes."""
    lines: list[str] = []
    words: list[str] = []  # of the paragraph that is open
    rows: list[list[str]] = []  # those that are open, one in another
    for event, tag, text in _walk(root):
        if event == "text":
            words.append(text)
        elif event == "start" and tag in SPACES:
            words.append(SPACES[tag])
        elif event == "start" and tag in ROWS:
            rows.append([])
        elif event == "end" and tag in PARAGRAPHS:
            (rows[-1] if rows else lines).append("".join(words))
            words.clear()
        elif event == "end" and tag in CELLS and rows:
            rows[-1].append(CELL_ENDS)
        elif event == "end" and tag in ROWS and rows:
            row = _row(rows.pop())
            (rows[-1] if rows else lines).append(row)
    return lines


def _row(parts: list[str]) -> str:
    """Paragraphs of one cell apart by a space, cells by a tab."""
    cells: list[list[str]] = [[]]
    for part in parts:
        if part == CELL_ENDS:
            cells.append([])
        elif part:
            cells[-1].append(part.replace("\n", " "))
    return "\t".join(" ".join(cell) for cell in cells[:-1])


def _walk(root: ElementTree.Element) -> Iterator[tuple[str, str, str]]:
    """(event, local name, text): start and end of each element that shows, and text where it stands."""
    waiting: list[tuple[str, ElementTree.Element]] = [("start", root)]
    while waiting:
        event, element = waiting.pop()
        if event == "tail":
            yield "text", "", element.tail or ""
            continue
        tag = str(element.tag).rpartition("}")[2]
        yield event, tag, ""
        if event == "end" or tag in LEFT_OUT:
            continue
        mixed = "opendocument" in str(element.tag) and tag in MIXED
        if element.text and (mixed or tag == "t"):
            yield "text", "", element.text
        waiting.append(("end", element))
        for child in reversed(element):
            if mixed and child.tail:
                waiting.append(("tail", child))
            waiting.append(("start", child))


def read_pdf(path: str, password: str = "") -> str:
    """The text of all pages, a blank line between two."""
    pypdf = loading.package("pypdf", "pypdf")
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(password):
            raise loading.Unloadable("it is protected with a password; ask for it, and give it as password=")
        text = "\n\n".join(page.extract_text() for page in reader.pages)
    except pypdf.errors.DependencyError as error:
        raise loading.Unloadable(
            f"it is protected with a password ({loading.said(error)}); ask for it without"
        ) from None
    except pypdf.errors.PyPdfError as error:
        raise loading.Unloadable(f"it is no PDF that can be read ({loading.said(error)})") from None
    if not text.strip():
        loading.note("no text: its pages are pictures, and there is nothing here that reads text from pictures")
    return text


def read_image(path: str, **options: Any) -> Any:
    """A PIL image, whose pixels are read."""
    image_module = loading.package("PIL.Image", "pillow")
    image_module.MAX_IMAGE_PIXELS = most = loading.limits["image_pixels"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", image_module.DecompressionBombWarning)
            image = image_module.open(path, **options)
    except (image_module.DecompressionBombWarning, image_module.DecompressionBombError):
        raise loading.Unloadable(f"it has more than the {most} pixels that are opened; ask for a smaller one") from None
    except image_module.UnidentifiedImageError:
        raise loading.Unloadable("it is no image that can be read") from None
    try:
        image.load()
    except (OSError, SyntaxError, EOFError) as error:  # SyntaxError: Pillow's word for a broken PNG
        raise loading.Unloadable(f"the image is damaged or cut off ({loading.said(error)}); ask for it again") from None
    return image
