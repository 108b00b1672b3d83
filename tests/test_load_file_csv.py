"""Tables of text: encoding, delimiter and decimal sign are found out, for those that people have and for all that are made."""

import csv
import io
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin import Interpreter
from plugin.sandbox.inside import loaders_csv, loaders_text
from tests.test_load_file import loaded

MiB = 1024**2
SHOW = "d = load_file(ID); print(d.to_dict('list'))"


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        pytest.param("a,b\n1,x\n", "utf-8", {"a": [1], "b": ["x"]}, id="plain"),
        pytest.param("a,b\r\n1,x\r\n", "utf-8", {"a": [1], "b": ["x"]}, id="line ends of Windows"),
        pytest.param("é,b\n1,ü\n", "utf-8-sig", {"é": [1], "b": ["ü"]}, id="with a mark"),
        pytest.param("é,b\n1,ü\n", "utf-16", {"é": [1], "b": ["ü"]}, id="utf-16"),
        pytest.param("é,b\n1,ü\n", "utf-16-le", {"é": [1], "b": ["ü"]}, id="utf-16 without its mark"),
        pytest.param("é,b\n1,ü\n", "utf-16-be", {"é": [1], "b": ["ü"]}, id="utf-16 the other way round"),
        pytest.param("é,b\n1,€\n", "cp1252", {"é": [1], "b": ["€"]}, id="Windows"),
        pytest.param("a,b\n1,\x81é\n", "latin-1", {"a": [1], "b": ["\x81é"]}, id="bytes that Windows does not have"),
        pytest.param("a,b\n" + "1,x\n" * 20_000 + "2,é\n", "cp1252", None, id="an accent beyond the sample"),
        pytest.param("名前,値\n東京,1\n", "utf-8", {"名前": ["東京"], "値": [1]}, id="Japanese"),
        pytest.param("name;price\nCafé;1,5\nÜber;-2,25\n", "cp1252", {"name": ["Café", "Über"], "price": [1.5, -2.25]}, id="as German Excel writes it"),
        pytest.param("a;b\n1,5;x, y\n2;z\n", "utf-8", {"a": [1.5, 2.0], "b": ["x, y", "z"]}, id="commas in text too"),
        pytest.param("a;b\n1,5;2.5\n", "utf-8", {"a": ["1,5"], "b": [2.5]}, id="both signs: as they stand"),
        pytest.param("a\tb\n1,5\t2\n", "utf-8", {"a": [1.5], "b": [2]}, id="tabs"),
        pytest.param("a|b\n1.5|2\n", "utf-8", {"a": [1.5], "b": [2]}, id="pipes"),
        pytest.param("a,b\n1,x|y\n2,z|w\n", "utf-8", {"a": [1, 2], "b": ["x|y", "z|w"]}, id="pipes in fields"),
        pytest.param('a,b\n"x\ny",1\n"p,q",2\n', "utf-8", {"a": ["x\ny", "p,q"], "b": [1, 2]}, id="quoted line ends and commas"),
        pytest.param('"a";"b"\n"1;2";"3"\n', "utf-8", {"a": ["1;2"], "b": [3]}, id="all quoted"),
        pytest.param("name\nalice\nbob\n", "utf-8", {"name": ["alice", "bob"]}, id="one column is not split on letters"),
        pytest.param("note\nhello, world\nplain\n", "utf-8", {"note": ["hello, world", "plain"]}, id="one column with a comma in it"),
        pytest.param("id\n1\n2\n", "utf-8", {"id": [1, 2]}, id="one column of numbers"),
        pytest.param("", "utf-8", {}, id="empty"),
        pytest.param("\n\n", "utf-8-sig", {}, id="blank"),
        pytest.param("a,b\n", "utf-8", {"a": [], "b": []}, id="header only"),
        pytest.param("a,b\n1\n2,3,\n", "utf-8", "on_bad_lines", id="ragged"),
        pytest.param("a,b\n1\n2,3\n", "utf-8", None, id="a short row"),
        pytest.param("a,a\n1,2\n", "utf-8", {"a": [1], "a.1": [2]}, id="names twice"),
        pytest.param("date;x\n01.02.2024;1\n", "utf-8", {"date": ["01.02.2024"], "x": [1]}, id="dates stay text"),
        pytest.param("zip,x\n00501,1\n", "utf-8", {"zip": [501], "x": [1]}, id="as pandas reads it"),
    ],
)  # fmt: skip
async def test_tables_as_people_have_them(interpreter: Interpreter, text: str, encoding: str, shown: object) -> None:
    """Without an option."""
    printed = await loaded(interpreter, "t.csv", text.encode(encoding), SHOW)
    if isinstance(shown, dict):
        assert printed == f"{shown}\n"
    elif isinstance(shown, str):
        assert shown in printed
    else:
        assert "Error" not in printed


async def test_gzip_and_tsv(interpreter: Interpreter) -> None:
    """Packed tables; tabs win in a file named tsv, commas where it has none."""
    assert await loaded(interpreter, "t.tsv", b"a,b\tc\nx,y\t3\n", SHOW) == "{'a,b': ['x,y'], 'c': [3]}\n"
    assert await loaded(interpreter, "t.tsv", b"a,b\n1,2\n", SHOW) == "{'a': [1], 'b': [2]}\n"


async def test_50_mb_in_reasonable_time(interpreter: Interpreter) -> None:
    """A full upload: what is found out costs next to nothing beside pandas' own reading."""
    row = b"2024-01-01,Berlin,%d,3.14159,some text that is a little longer\n"
    data = b"day,city,id,value,text\n" + b"".join(row % n for n in range(45 * MiB // 66))
    code = """
import time, pandas as pd
s = time.perf_counter(); n = len(pd.read_csv(get_file_path(ID), usecols=['id', 'value'])); plain = time.perf_counter() - s
s = time.perf_counter(); m = len(load_file(ID, usecols=['id', 'value'])); ours = time.perf_counter() - s
print(n == m, ours < 1.5 * plain + 0.5)
"""
    started = time.monotonic()
    assert await loaded(interpreter, "big.csv", data, code) == "True True\n"
    assert time.monotonic() - started < 60


# What a cell may hold: text that pandas takes for no number, no missing value, no date.
words = st.text(
    st.characters(codec="cp1252", exclude_categories=["Cc", "Cf"], exclude_characters="\x1f"), min_size=1, max_size=12
).map(lambda word: "w" + word + "w")
numbers = st.integers(-(10**9), 10**9)
tables = st.integers(1, 5).flatmap(
    lambda width: st.tuples(
        st.lists(words, min_size=width, max_size=width, unique=True),
        st.lists(st.tuples(*[st.one_of(words) if n % 2 else numbers for n in range(width)]), min_size=1, max_size=8),
    )
)


def as_csv(header: list[str], rows: list[tuple[object, ...]], delimiter: str, quoting: int) -> str:
    """As Python's own writer, or Excel, writes it."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\r\n").writerows([header, *rows])
    return text.getvalue()


@given(
    tables,
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
async def test_every_quoted_table_round_trips(
    interpreter: Interpreter,
    table: tuple[list[str], list[tuple[object, ...]]],
    delimiter: str,
    encoding: str,
    quoting: int,
) -> None:
    """Whatever its words hold, the delimiter in them included: quotes tell."""
    header, rows = table
    text = as_csv(header, rows, delimiter, quoting)
    if len(header) == 1:  # nothing tells its delimiter: none is in sight
        return
    code = "import json\nd = load_file(ID)\nprint(json.dumps([list(d.columns), d.values.tolist()]))"
    printed = await loaded(interpreter, "t.csv", text.encode(encoding), code)
    assert json.loads(printed) == [header, [list(row) for row in rows]]


@given(tables, st.sampled_from(",;\t|"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
@settings(max_examples=300, deadline=None)
def test_every_delimiter_is_found(
    table: tuple[list[str], list[tuple[object, ...]]], delimiter: str, quoting: int
) -> None:
    """Where the words have no delimiter of another kind; a table of one column has none."""
    header, rows = table
    plain = str.maketrans(dict.fromkeys(',;\t|"', "-"))
    header = [word.translate(plain) for word in header]
    rows = [tuple(str(cell).translate(plain) for cell in row) for row in rows]
    found = loaders_csv.dialect(as_csv(header, rows, delimiter, quoting))
    assert found["sep"] == (delimiter if len(header) > 1 else loaders_csv.NO_DELIMITER)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
@settings(max_examples=300, deadline=None)
def test_every_unicode_text_decodes(text: str, encoding: str) -> None:
    """With its mark, or as UTF-8, any text is read as it was written; cut anywhere, it is still told for what it is."""
    written = text.encode(encoding)
    if encoding == "utf-8" and written.startswith(b"\xef\xbb\xbf"):
        return
    found = loaders_text.encoding(written)
    assert written.decode(found) == text
    if encoding != "utf-8":
        assert loaders_text.encoding(written + b"\0") == found


@given(st.binary(max_size=300))
@settings(max_examples=500, deadline=None)
def test_any_bytes_have_an_encoding_and_a_dialect(data: bytes) -> None:
    """Nothing that is uploaded makes the look at it fail."""
    name = loaders_text.encoding(data)
    found = loaders_csv.dialect(data.decode(name, "ignore"))
    assert len(found["sep"]) == 1
