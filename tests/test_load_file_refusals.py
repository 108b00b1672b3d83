"""load_file and files that are not what their name says, that unpack to more than may be, are protected, or are programs."""

import gzip
import io
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from plugin import Interpreter
from tests.test_load_file import FRAME, loaded, written

MiB = 1024**2
LOAD = "d = load_file(ID); print(type(d).__name__)"


def zipped(members: dict[str, bytes], claimed: int | None = None) -> bytes:
    """An archive; `claimed` is the unpacked size that its directory and headers tell of the last member, true or not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    data = buffer.getvalue()
    if claimed is not None:
        real = struct.pack("<I", len(list(members.values())[-1]))
        assert data.count(real) >= 2
        data = data.replace(real, struct.pack("<I", claimed))
    return data


def png(width: int, height: int) -> bytes:
    """A PNG's header, which claims so many pixels, and next to no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def npy(header: str, data: bytes = b"") -> bytes:
    """A numpy file with a header of its own."""
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


ZEROS = bytes(300 * MiB)
SHEET = {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}
LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join(['*' + old] * 10)}]}}\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "xxxxxxxxxx">'
    + "".join(f'<!ENTITY {n} "{f"&{o};" * 10}">' for o, n in zip("abcdefgh", "bcdefghi", strict=True))
    + "]><r>&i;</r>"
)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        pytest.param("b.xlsx", lambda: zipped(SHEET | {"xl/s.xml": ZEROS}), "unpacks to more than 256 MB", id="xlsx that unpacks to much"),
        pytest.param("b.xlsx", lambda: zipped(SHEET | {"xl/s.xml": ZEROS}, 1000), "unpacks to more than 256 MB", id="xlsx that lies of it"),
        pytest.param("b.docx", lambda: zipped({"word/document.xml": ZEROS}), "unpacks to more than 256 MB", id="docx"),
        pytest.param(
            "b.ods", lambda: zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": ZEROS}),
            "unpacks to more than 256 MB", id="ods",
        ),
        pytest.param("b.npz", lambda: zipped({"a.npy": ZEROS}), "unpacks to more than 256 MB", id="npz"),
        pytest.param("b.csv.gz", lambda: gzip.compress(ZEROS, 1), "unpacks to more than 256 MB", id="csv.gz"),
        pytest.param("b.csv", lambda: gzip.compress(ZEROS, 1), "unpacks to more than 256 MB", id="gzip named csv"),
        pytest.param("b.xlsx", lambda: zipped(SHEET | {f"xl/{n}": b"" for n in range(30_000)}), "has 30002 parts", id="many members"),
        pytest.param("b.xlsx", lambda: zipped(SHEET | {"xl/worksheets/sheet1.xml": b'<c r="A1"/>' + bytes(MiB - 16) + b'<c r="XFD1048576"/>'}), "its cells reach as far as XFD1048576", id="a cell far away"),
        pytest.param("b.png", lambda: png(60_000, 60_000), "more than the 100000000 pixels", id="pixels"),
        pytest.param("b.png", lambda: png(12_000, 12_000), "more than the 100000000 pixels", id="some more pixels than may be"),
        pytest.param("b.npy", lambda: npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,)}"), "more than the file holds", id="npy that claims"),
        pytest.param("b.yaml", lambda: LAUGHS.encode(), "its aliases stand for more than", id="yaml aliases"),
        pytest.param("b.yaml", lambda: MERGED.encode(), "its aliases stand for more than", id="yaml merge keys"),
        pytest.param("b.yaml", lambda: b"a: &a [*a]", "*a in it holds itself", id="yaml that holds itself"),
        pytest.param("b.yaml", lambda: b"[" * 100_000, "nested deeper than 200", id="deep yaml"),
        pytest.param("b.json", lambda: b"[" * 1_000_000, "nested too deep", id="deep json"),
        pytest.param("b.toml", lambda: b"a = " + b"[" * 100_000, "no valid TOML", id="deep toml"),
        pytest.param("b.xml", lambda: ENTITIES.encode(), "declares the entity 'a'", id="xml entities"),
        pytest.param("b.xml", lambda: b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>', "declares the entity 'x'", id="xml that reads files"),
        pytest.param("b.docx", lambda: zipped({"word/document.xml": ENTITIES.encode()}), "declares the entity 'a'", id="docx with entities"),
        pytest.param("b.pkl", lambda: pickle.dumps({"a": 1}), "is a pickle, which is a program", id="pickle"),
        pytest.param("b.pt", lambda: b"PK\x03\x04", "is a pickle", id="torch"),
        pytest.param("b.npy", lambda: npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps([1])), "Python objects, which are a pickle", id="npy of objects"),
        pytest.param("b.npz", lambda: zipped({"a.npy": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps([1]))}), "Python objects, which are a pickle", id="npz of objects"),
        pytest.param("b.xlsx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "protected with a password", id="xlsx with a password"),
        pytest.param("b.docx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "protected with a password", id="docx with a password"),
        pytest.param("b.xlsx", lambda: zipped(SHEET)[:100], "damaged or cut off", id="half a workbook"),
        pytest.param("b.parquet", lambda: b"PAR1" + bytes(100), "cannot be loaded", id="no parquet"),
        pytest.param("b.parquet", lambda: b"a,b\n1,2\n", "cannot be loaded", id="text named parquet"),
        pytest.param("b.h5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(100), "cannot be loaded", id="no HDF5"),
        pytest.param("b.db", lambda: b"SQLite format 3\0" + b"\xff" * 4000, "cannot be loaded", id="no database"),
        pytest.param("b.sav", lambda: b"$FL2" + bytes(100), "cannot be loaded", id="no SPSS"),
        pytest.param("b.pdf", lambda: b"%PDF-1.7\nnothing", "no PDF that can be read", id="no PDF"),
        pytest.param("b.jpg", lambda: b"\xff\xd8\xff\xe0" + bytes(100), "no image that can be read", id="no image"),
        pytest.param("b.png", lambda: png(100, 100)[:60], "damaged or cut off", id="half an image"),
        pytest.param("b.json", lambda: b"", "it is empty", id="empty json"),
        pytest.param("b.json", lambda: b"{'a': 1}", "no valid JSON", id="Python named json"),
        pytest.param("b.jsonl", lambda: b'{"a": 1}\n{"a": \n', "line 2 is no valid JSON", id="half a line"),
        pytest.param("b.yaml", lambda: b"a: [1", "no valid YAML", id="half a yaml"),
        pytest.param("b.yaml", lambda: b"!!python/object/apply:os.system ['id']", "no valid YAML", id="yaml that runs"),
        pytest.param("b.csv", lambda: b"a,b\n1,2\n1,2,3,4\n", "on_bad_lines='skip'", id="ragged csv"),
        pytest.param("b.xls", lambda: b"<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'/>", "XML of Excel 2003", id="Excel's XML of 2003"),
        pytest.param("b.xls", lambda: b"<html><p>Please log in</p></html>", "HTML page without a table", id="a log-in page named xls"),
    ],
)  # fmt: skip
async def test_what_cannot_be_loaded_is_refused_in_one_sentence(full: Interpreter, name: str, data, says: str) -> None:
    """The sentence names the file, what is wrong, and mostly what to do; the sandbox neither dies nor swaps."""
    error = await loaded(full, name, data(), LOAD)
    assert error.startswith(f"ValueError: {name} cannot be loaded: ") and says in error, error


@pytest.mark.parametrize(
    ("name", "writer", "made", "reader", "output"),
    [
        pytest.param("a.xls", FRAME + "frame.to_csv('o', sep='\\t', index=False)", "o", "d.a.tolist()", "[1, 2]", id="tsv named xls"),
        pytest.param("a.xlsx", FRAME + "frame.to_csv('o', index=False)", "o", "d.a.tolist()", "[1, 2]", id="csv named xlsx"),
        pytest.param("a.csv", FRAME + "frame.to_excel('o.xlsx', index=False)", "o.xlsx", "d.a.tolist()", "[1, 2]", id="xlsx named csv"),
        pytest.param("a.xls", FRAME + "frame.to_excel('o.xlsx', index=False)", "o.xlsx", "d.a.tolist()", "[1, 2]", id="xlsx named xls"),
        pytest.param("a.xls", FRAME + "frame.to_html('o', index=False)", "o", "d.a.tolist()", "[1, 2]", id="HTML named xls"),
        pytest.param("a.csv", FRAME + "frame.to_parquet('o')", "o", "d.a.tolist()", "[1, 2]", id="parquet named csv"),
        pytest.param("a.csv", FRAME + "frame.to_csv('o', index=False, encoding='utf-16')", "o", "d.a.tolist()", "[1, 2]", id="utf-16"),
        pytest.param("a.jpg", "from PIL import Image; Image.new('L', (3, 4)).save('o.png')", "o.png", "d.size", "(3, 4)", id="png named jpg"),
        pytest.param("a.txt", "from PIL import Image; Image.new('L', (3, 4)).save('o.png')", "o.png", "d.size", "(3, 4)", id="png named txt"),
        pytest.param("a.json", FRAME + "frame.to_json('o', orient='records', lines=True)", "o", "d[1]", "{'a': 2, 'b': 'y'}", id="jsonl named json"),
        pytest.param("a.npy", "import numpy; numpy.savez('o.npz', x=[1])", "o.npz", "d['x'].tolist()", "[1]", id="npz named npy"),
        pytest.param("a.dat", "import numpy; numpy.savez('o.npz', x=[1])", "o.npz", "type(d).__name__", "bytes", id="unknown names are not looked behind"),
    ],
)  # fmt: skip
async def test_content_under_another_name_is_loaded_as_what_it_is(
    full: Interpreter, name: str, writer: str, made: str, reader: str, output: str
) -> None:
    """What banks, browsers and people do to names."""
    data = (await written(full, writer))[made]
    assert await loaded(full, name, data, f"d = load_file(ID); print({reader})") == f"{output}\n"


async def test_a_pdf_with_a_password(full: Interpreter) -> None:
    """Refused without the password, read with it; one that only forbids printing is read."""
    made = await written(
        full,
        "import pypdf, matplotlib.pyplot as plt\nf = plt.figure(); f.text(.1, .5, 'Hello'); f.savefig('t.pdf')\n"
        "for name, user in (('user', 'secret'), ('owner', '')):\n"
        "    w = pypdf.PdfWriter(clone_from='t.pdf'); w.encrypt(user, 'boss', algorithm='RC4-128'); w.write(name + '.pdf')",
    )
    assert "protected with a password" in await loaded(full, "a.pdf", made["user.pdf"], LOAD)
    given = "print('Hello' in load_file(ID, password='secret'))"
    assert await loaded(full, "a.pdf", made["user.pdf"], given) == "True\n"
    assert await loaded(full, "a.pdf", made["owner.pdf"], "print('Hello' in load_file(ID))") == "True\n"


async def test_an_office_file_with_a_password(full: Interpreter) -> None:
    """As Office protects it: refused, a workbook and a document alike."""
    made = await written(
        full,
        FRAME + "frame.to_excel('t.xlsx', index=False)\nfrom msoffcrypto.format.ooxml import OOXMLFile\n"
        "with open('t.xlsx', 'rb') as plain, open('locked.xlsx', 'wb') as locked:\n"
        "    OOXMLFile(plain).encrypt('secret', locked)",
    )
    for name in ("t.xlsx", "t.docx"):
        assert "it is protected with a password" in await loaded(full, name, made["locked.xlsx"], LOAD)


async def test_parquet_with_absurd_row_counts(full: Interpreter) -> None:
    """A few kilobytes that stand for gigabytes: refused by what the file says of itself; a column of it is refused too."""
    made = await written(
        full,
        "import pyarrow as pa, pyarrow.parquet as pq\n"
        "t = pa.table({c: pa.array([0]).take(pa.array([0] * 1_000_000)) for c in 'ab'})\n"
        "with pq.ParquetWriter('t.parquet', t.schema) as w:\n    for _ in range(100): w.write_table(t)",
    )
    data = made["t.parquet"]
    assert len(data) < MiB
    assert "100000000 rows of 2 columns need more memory" in await loaded(full, "a.parquet", data, LOAD)


async def test_a_table_larger_than_memory(full: Interpreter) -> None:
    """The error names the file and a way out, and the call ends as out of memory."""
    data = b"a\n" + b"\n".join(b"%d" % n for n in range(4_000_000))
    record = await full.files.upload("lou", data, "long.csv")
    code = f"hold = bytearray(420 * 2**20)\nload_file('{record.file_id}')"
    result = await full.run(code, user_id="lou")
    await full.files.delete(record.file_id, "lou")
    assert result.return_code == -3
    assert "long.csv needs more memory than this sandbox has; load a part of it" in result.error


@pytest.mark.parametrize(
    ("call", "says"),
    [
        pytest.param(
            "load_file('nope.csv')", "FileNotFoundError: no file 'nope.csv'; this call's files: none", id="unknown"
        ),
        pytest.param(
            "open('own.csv', 'w').close(); load_file('own.csv')",
            "a file that code wrote is opened by its path",
            id="its own",
        ),
        pytest.param("load_file(5)", "TypeError: a file's id or name is a str, not int", id="no str"),
        pytest.param("get_file_path('nope')", "FileNotFoundError: no file 'nope'", id="path"),
    ],
)
async def test_a_file_that_is_not_there(interpreter: Interpreter, call: str, says: str) -> None:
    """The error says which files there are."""
    assert says in (await interpreter.run(call, user_id="lou")).error


async def test_options_reach_the_reader_and_its_words_the_caller(full: Interpreter) -> None:
    """`sheet_name`, `sep`, `usecols`; an option that the reader does not know is told as the reader tells it."""
    made = await written(
        full, FRAME + "with pd.ExcelWriter('t.xlsx') as w:\n    frame.to_excel(w, sheet_name='May', index=False)\n"
        "    frame.a.to_excel(w, sheet_name='June', index=False)",
    )  # fmt: skip
    data = made["t.xlsx"]
    record = await full.files.upload("lou", data, "t.xlsx")
    result = await full.run(f"print(load_file('{record.file_id}').shape)", user_id="lou")
    assert result.stdout == "(2, 2)\n"
    assert (
        result.stderr == "note: this is the sheet 'May'; there are also 'June' (sheet_name=None gives a dict of all)\n"
    )
    assert await loaded(full, "t.xlsx", data, "print(load_file(ID, sheet_name='June').shape)") == "(2, 1)\n"
    assert await loaded(full, "t.xlsx", data, "print(list(load_file(ID, sheet_name=None)))") == "['May', 'June']\n"
    assert "July" in await loaded(full, "t.xlsx", data, "load_file(ID, sheet_name='July')")
    assert await loaded(full, "t.csv", b"a;b\n1;2\n", "print(load_file(ID, sep=',').shape)") == "(1, 1)\n"
    assert await loaded(full, "t.csv", b"a;b\n1;2\n", "print(load_file(ID, usecols=['b']).shape)") == "(1, 1)\n"
    error = await loaded(full, "t.csv", b"a;b\n1;2\n", "load_file(ID, sheet=1)")
    assert "unexpected keyword argument 'sheet'" in error or "while load_file read t.csv with sheet" in error


async def test_a_missing_package_is_named(home: Path) -> None:
    """Where an operator struck out what a loader needs, the error names it."""
    removed = ("pyreadstat", "h5py", "pyarrow")
    async with Interpreter(home=home, catalogue_remove=removed, pool_min=0) as interpreter:
        for suffix, content, name in (
            ("sav", b"x", "pyreadstat"),
            ("h5", b"x", "h5py"),
            ("parquet", b"PAR1", "pyarrow"),
        ):
            error = await loaded(interpreter, f"a.{suffix}", content, LOAD)
            assert error == (
                f"ModuleNotFoundError: a.{suffix} needs the package {name!r}, which is not installed here; "
                f"call again with install_packages=[{name!r}]"
            )


async def test_user_files_are_where_models_look_for_them(interpreter: Interpreter) -> None:
    """By relative name, in /mnt/data, /work and /files; load_file takes such paths too."""
    record = await interpreter.files.upload("lou", b"a,b\n1,2\n", "x.csv")
    code = """
import os, pandas as pd
from pathlib import Path
for path in ('x.csv', './x.csv', '/mnt/data/x.csv', '/work/x.csv', '/files/x.csv', get_file_path('x.csv')):
    assert pd.read_csv(path).shape == load_file(path).shape == (1, 2), path
assert 'x.csv' in os.listdir('/mnt/data') and list(Path('/mnt/data').glob('*.csv'))
pd.DataFrame({'a': [1]}).to_csv('/mnt/data/made.csv')
assert os.path.exists('made.csv')
"""
    result = await interpreter.run(code, user_id="lou", files=[record.file_id])
    assert (result.error, [file.filename for file in result.generated_files]) == ("", ["made.csv"])
