"""What all loaders share: how they refuse, what bounds them, how they say something beside the result."""

import gzip
import importlib
import sys
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

MAX_MESSAGE_CHARACTERS = 500
MAX_MEMBERS = 20_000  # of a zip archive; a workbook has some dozens, one of many pictures some thousands
CHUNK_BYTES = 1 << 20
_LOCAL_HEADER_BYTES = 30  # APPNOTE.TXT 4.3.7: the lengths of name and extra field are its last two fields

# The host's numbers (`Interpreter` sends them) replace these.
limits = {
    "image_pixels": 100_000_000,
    "unpacked_bytes": 256 * 1024**2,  # of an office document or a packed table: half of what memory is by default
}

Look = Callable[[str, bytes], None]


class Unloadable(Exception):
    """A file is refused; the message says why and what to do, and stands behind "x cannot be loaded: "."""


class MissingPackage(Exception):
    """A distribution that a loader needs is not installed."""

    def __init__(self, distribution: str) -> None:
        self.distribution = distribution
        super().__init__(distribution)


def package(module: str, distribution: str) -> Any:
    """Import what a loader needs.

    Raises:
        MissingPackage: it is not there.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingPackage(distribution) from None


def note(text: str) -> None:
    """One line beside the result, where code's own messages go."""
    if sys.stderr is not None:
        sys.stderr.write(f"note: {text}\n")


def said(error: BaseException) -> str:
    """An error's own words on one line, with its kind where the words are none or few."""
    words = " ".join(str(error).split())[:MAX_MESSAGE_CHARACTERS].rstrip(".")
    return words if " " in words else f"{type(error).__name__} {words}".strip()


def check_zip(path: str, look: Look | None = None) -> None:
    """Refuse an archive whose members unpack to more than may be, whatever its directory says of their sizes.

    Args:
        look: is shown each member's name and content, piece by piece.

    Raises:
        Unloadable: it does, has too many members, or is no archive that can be read.
    """
    most = limits["unpacked_bytes"]
    left = most
    with open(path, "rb") as file:
        try:
            members = zipfile.ZipFile(file).infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise Unloadable(f"it is damaged or cut off ({said(error)}); ask for it again") from None
        if len(members) > MAX_MEMBERS:
            raise Unloadable(f"it has {len(members)} parts; at most {MAX_MEMBERS} are read")
        for member in members:
            if member.flag_bits & 1:
                raise Unloadable("it is protected with a password; ask for it without")
            left -= _unpacked(file, member, left, look)
            if left < 0:
                raise Unloadable(f"it unpacks to more than {most // 1024**2} MB; ask for a smaller one, or for a csv")


def _unpacked(file: Any, member: zipfile.ZipInfo, most: int, look: Look | None) -> int:
    """How many bytes a member really unpacks to; counts no further than just above `most`."""
    if member.compress_type == zipfile.ZIP_STORED:
        return member.compress_size
    if member.compress_type != zipfile.ZIP_DEFLATED:
        raise Unloadable(f"{member.filename[:100]!r} in it is packed in a way that office programs do not use")
    file.seek(member.header_offset)
    header = file.read(_LOCAL_HEADER_BYTES)
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    unpack, count, packed = zlib.decompressobj(-zlib.MAX_WBITS), 0, member.compress_size
    try:
        while packed > 0 and not unpack.eof and count <= most:
            data = file.read(min(CHUNK_BYTES, packed))
            if not data:
                break
            packed -= len(data)
            while data and count <= most:
                piece = unpack.decompress(data, CHUNK_BYTES)
                count += len(piece)
                data = unpack.unconsumed_tail
                if look is not None:
                    look(member.filename, piece)
    except zlib.error as error:
        raise Unloadable(f"it is damaged ({said(error)}); ask for it again") from None
    return count


def check_gzip(path: str) -> None:
    """Refuse a gzip file that unpacks to more than may be.

    Raises:
        Unloadable: it does, or is damaged.
    """
    most, count = limits["unpacked_bytes"], 0
    try:
        with gzip.open(path) as file:
            while part := file.read(CHUNK_BYTES):
                count += len(part)
                if count > most:
                    raise Unloadable(f"it unpacks to more than {most // 1024**2} MB; ask for a smaller one")
    except (OSError, EOFError, zlib.error) as error:
        raise Unloadable(f"it is damaged or cut off ({said(error)}); ask for it again") from None
