"""Tables and arrays in formats of their own: workbooks, parquet, Arrow, HDF5, numpy, SQLite, Stata, SPSS, SAS, HTML."""

import contextlib
import os
import re
import resource
import sys
from typing import Any
from urllib.parse import quote

from . import loading

CELL_BYTES = 8  # the least that a value takes once it is decoded
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # [MS-OFFCRYPTO] 2.3.4: the stream that holds a protected document
MAX_TABLES = 1000
READER_CELL_BYTES = 32  # what calamine takes for each cell, empty ones too
_LONGEST_REFERENCE = len(' r="XFD1048576')
_COLUMN = re.compile(rb' r="([A-Z]{1,3})[0-9]')
_ROW = re.compile(rb' r="[A-Z]{1,3}([0-9]{1,7})"')


def read_excel(path: str, **options: Any) -> Any:
    """A DataFrame of the first sheet; a note names the others. `sheet_name=None` gives a dict of all."""
    pandas = loading.package("pandas", "pandas")
    engine = _checked_engine(path)
    if "engine" not in options:
        options["engine"] = engine
    if "sheet_name" in options:
        return pandas.read_excel(path, **options)
    with pandas.ExcelFile(path, engine=options.pop("engine")) as book:
        first, *others = book.sheet_names
        if others:
            names = ", ".join(repr(name) for name in others[:20])
            loading.note(f"this is the sheet {first!r}; there are also {names} (sheet_name=None gives a dict of all)")
        return book.parse(first, **options)


def _checked_engine(path: str) -> str:
    """calamine, which reads every kind; openpyxl where it is not there and can do it."""
    with open(path, "rb") as file:
        start = file.read(8)
        old = start.startswith(_OLE)
        if old and _ENCRYPTED in start + file.read():
            raise loading.Unloadable("it is protected with a password; ask for it without")
    if not old:
        reach = _Reach()
        loading.check_zip(path, reach.look)
        reach.check()
    try:
        loading.package("python_calamine", "python-calamine")
    except loading.MissingPackage:
        if not path.lower().endswith((".xlsx", ".xlsm")):
            raise
        loading.package("openpyxl", "openpyxl")
        return "openpyxl"
    return "calamine"


class _Reach:
    """How far from A1 an xlsx has cells: readers make all that lie between, one word far away stands for gigabytes."""

    def __init__(self) -> None:
        self._columns: set[bytes] = set()
        self._row = 0
        self._member, self._end = "", b""

    def look(self, member: str, piece: bytes) -> None:
        if not member.startswith("xl/worksheets/"):
            return
        if member != self._member:
            self._member, self._end = member, b""
        piece = self._end + piece
        self._end = piece[-_LONGEST_REFERENCE:]  # one may be cut in two
        self._columns.update(_COLUMN.findall(piece))
        last = max(set(_ROW.findall(piece)), key=lambda row: (len(row), row), default=b"0")
        self._row = max(self._row, int(last))

    def check(self) -> None:
        last = max(self._columns, key=lambda column: (len(column), column), default=b"A").decode()
        width = 0
        for letter in last:
            width = width * 26 + ord(letter) - ord("A") + 1
        if width * self._row * READER_CELL_BYTES > _memory():
            raise loading.Unloadable(
                f"its cells reach as far as {last}{self._row}, which is more than memory holds; "
                "ask for it without what stands far from the table, or for a csv"
            )


def read_html(path: str, **options: Any) -> Any:
    """A page in the place of a workbook: its table; a list where it has several."""
    pandas = loading.package("pandas", "pandas")
    loading.package("lxml", "lxml")
    try:
        tables = pandas.read_html(path, **{"flavor": "lxml"} | options)
    except ValueError as error:
        raise loading.Unloadable(f"it is an HTML page without a table ({loading.said(error)})") from None
    return tables[0] if len(tables) == 1 else tables


def read_parquet(path: str, **options: Any) -> Any:
    """A DataFrame; `columns=[...]` reads some."""
    pandas = loading.package("pandas", "pandas")
    loading.package("pyarrow", "pyarrow")
    parquet = loading.package("pyarrow.parquet", "pyarrow")
    with parquet.ParquetFile(path) as file:
        columns = len(options.get("columns") or file.schema_arrow.names)
        _check_size(file.metadata.num_rows, columns)
    return pandas.read_parquet(path, engine="pyarrow", **options)


def read_feather(path: str, **options: Any) -> Any:
    """A DataFrame; an Arrow stream is one too."""
    pandas = loading.package("pandas", "pandas")
    arrow = loading.package("pyarrow", "pyarrow")
    with open(path, "rb") as file:
        if file.read(4) == b"\xff\xff\xff\xff":  # an encapsulated message's continuation: the streaming format
            file.seek(0)
            return arrow.ipc.open_stream(file).read_pandas(**options)
    return pandas.read_feather(path, **options)


def _memory() -> int:
    """How many bytes this process may have."""
    most = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return sys.maxsize if most == resource.RLIM_INFINITY else most


def _check_size(rows: int, columns: int) -> None:
    most = _memory()
    if rows * columns * CELL_BYTES > most:
        raise loading.Unloadable(
            f"its {rows} rows of {columns} columns need more memory than the {most // 1024**2} MB there are; "
            "load some columns with columns=[...], or read it in batches with pyarrow.parquet.ParquetFile"
        )


def read_hdf5(path: str) -> Any:
    """An open h5py.File, read-only: a dict of groups and datasets, whose data is read when it is asked for (`f["x"][:]`)."""
    h5py = loading.package("h5py", "h5py")
    file = h5py.File(path, "r")
    if any("pandas_type" in group.attrs for group in file.values()):
        loading.note(
            "pandas wrote this: pandas.read_hdf(path, key) gives its tables, where the package tables is installed"
        )
    return file


def read_npy(path: str, **options: Any) -> Any:
    """An array; a dict of arrays of an npz. Arrays of objects are pickles and are not loaded."""
    numpy = loading.package("numpy", "numpy")
    with open(path, "rb") as file:
        if file.read(4) == b"PK\x03\x04":
            loading.check_zip(path)
        else:
            _check_array(numpy, file)
    try:
        loaded = numpy.load(path, allow_pickle=False, **options)
        if isinstance(loaded, numpy.ndarray):
            return loaded
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise loading.Unloadable(_PICKLED_ARRAY) from None
        raise


_PICKLED_ARRAY = "it holds Python objects, which are a pickle and not loaded; ask for plain numbers or text"


def _check_array(numpy: Any, file: Any) -> None:
    """A header may claim any shape: nothing is made for more than the file holds."""
    form = numpy.lib.format
    file.seek(0)
    readers = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}
    read = readers.get(form.read_magic(file))
    if read is None:
        return  # numpy says what is wrong
    shape, _, kind = read(file)
    if kind.hasobject:
        raise loading.Unloadable(_PICKLED_ARRAY)
    count = 1
    for length in shape:
        count *= length
    if count * kind.itemsize > os.fstat(file.fileno()).st_size:
        raise loading.Unloadable(f"it is cut off: its header says {shape} of {kind}, which is more than the file holds")


def read_sqlite(path: str) -> dict[str, Any]:
    """A dict of table name -> DataFrame; sqlite3.connect(get_file_path(id)) for queries."""
    import sqlite3  # a Python may be built without it

    pandas = loading.package("pandas", "pandas")
    # Read-only, and no look at a journal that was not uploaded with it (sqlite.org/uri.html, immutable).
    with contextlib.closing(sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.execute("PRAGMA trusted_schema = OFF")
        names = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                "AND sql NOT LIKE 'CREATE VIRTUAL%' LIMIT ?",
                (MAX_TABLES,),
            )
        ]
        return {
            name: pandas.read_sql_query('SELECT * FROM "' + name.replace('"', '""') + '"', connection) for name in names
        }


def read_stata(path: str, **options: Any) -> Any:
    """A DataFrame."""
    return loading.package("pandas", "pandas").read_stata(path, **options)


def read_spss(path: str, **options: Any) -> Any:
    """A DataFrame, with labels in the place of codes."""
    loading.package("pyreadstat", "pyreadstat")
    return loading.package("pandas", "pandas").read_spss(path, **options)


def read_sas(path: str, **options: Any) -> Any:
    """A DataFrame."""
    kind = "xport" if path.lower().endswith(".xpt") else "sas7bdat"
    return loading.package("pandas", "pandas").read_sas(path, **{"format": kind, "encoding": "infer"} | options)
