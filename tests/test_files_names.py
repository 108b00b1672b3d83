"""Names, types, ids and users: what is decided before a byte is read."""

import re
import unicodedata
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plugin.errors import InvalidRequest
from plugin.files import clean_filename, distinct, file_type
from plugin.files.arguments import checked_file_type, checked_metadata, checked_user
from plugin.files.file_ids import is_file_id, new_file_id
from plugin.files.types import ROWS, UNKNOWN, Kind, Loader, split_suffix
from plugin.files.users import spellings

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)
nasty = st.text(st.sampled_from("./\\- \u202e\u200bconCONnul:*a\u00e9\U0001f600\ud800\0\n"), max_size=400)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        pytest.param("sales.csv", "sales.csv", id="plain"),
        pytest.param("données été.csv", "données été.csv", id="accents and spaces"),
        pytest.param("图表 📈.png", "图表 📈.png", id="other scripts"),
        pytest.param("../../etc/passwd", "passwd", id="path"),
        pytest.param("C:\\Users\\ann\\x.csv", "x.csv", id="Windows path"),
        pytest.param("/tmp/a\\b/x.csv", "x.csv", id="both slashes"),
        pytest.param("folder/", "folder", id="ends in a slash"),
        pytest.param("..", "file", id="parent directory"),
        pytest.param("", "file", id="empty"),
        pytest.param("///", "file", id="slashes only"),
        pytest.param(".bashrc", "bashrc", id="hidden"),
        pytest.param("...x.csv", "x.csv", id="leading dots"),
        pytest.param("--rf.txt", "rf.txt", id="looks like an option"),
        pytest.param(".csv", "file.csv", id="suffix only"),
        pytest.param("???.csv", "file.csv", id="nothing left but the suffix"),
        pytest.param("x.csv. . ", "x.csv", id="trailing dots and spaces"),
        pytest.param("Q1: what? <new>|*.csv", "Q1 what new.csv", id="Windows characters"),
        pytest.param("invoice\u202efdp.exe", "invoicefdp.exe", id="reading direction turned"),
        pytest.param("a\u200b\u200d\ufeffb.csv", "ab.csv", id="zero-width"),
        pytest.param("a\0b\r\n\x1b[31m.csv", "ab[31m.csv", id="control characters"),
        pytest.param("a\ud800b.csv", "ab.csv", id="lone surrogate"),
        pytest.param("a\u2028b.csv", "ab.csv", id="line separator"),
        pytest.param("\u3164.csv", "file.csv", id="invisible letter"),
        pytest.param("con", "_con", id="reserved"),
        pytest.param("NUL.tar.gz", "_NUL.tar.gz", id="reserved with suffixes"),
        pytest.param("lpt9 .txt", "_lpt9 .txt", id="reserved before a space"),
        pytest.param("COM¹.csv", "_COM¹.csv", id="reserved superscript"),
        pytest.param("console.log", "console.log", id="not reserved"),
        pytest.param("x" * 300 + ".csv", "x" * 250 + ".csv", id="long: the stem is cut"),
        pytest.param("é" * 300 + ".tar.gz", "é" * 123 + ".tar.gz", id="long: whole characters, both suffixes"),
        pytest.param("x" * 255, "x" * 255, id="just fits"),
        pytest.param("con" + " " * 300 + "x", "_con", id="reserved once it is cut"),
        pytest.param("x" * 10_000_000 + ".csv", "x" * 250 + ".csv", id="10 MB"),
    ],
)
def test_clean_filename(given_name: str, kept: str) -> None:
    """A name becomes what any file system, terminal and dialog can show."""
    assert clean_filename(given_name) == kept


@given(any_text | nasty)
@example("con." + "a" * 251)
@example("con" + " " * 250 + "x.csv")
@example("- .")
def test_every_clean_filename_is_safe(name: str) -> None:
    """For every text: not empty, no path, 255 bytes, nothing invisible, not hidden, not reserved, and stable."""
    clean = clean_filename(name)
    assert clean
    assert len(clean.encode()) <= 255
    assert not set(clean) & set('/\\<>:"|?*')
    assert not {unicodedata.category(c) for c in clean} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert clean == clean.strip() and clean[0] not in ".-" and clean[-1] != "."
    assert not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)\s*(\.|$)", clean)
    assert clean_filename(clean) == clean


@given(any_text, st.sampled_from(sorted(ROWS)))
def test_a_known_suffix_is_never_lost(stem: str, suffix: str) -> None:
    """Whatever stands before it, and however long: the file is still of its type."""
    assert file_type(clean_filename(f"{stem}.{suffix}")) == ROWS[suffix]


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["a.csv", "b.csv"], ["a.csv", "b.csv"], id="different"),
        pytest.param(["x.csv", "x.csv", "x.csv"], ["x.csv", "x-2.csv", "x-3.csv"], id="counted"),
        pytest.param(
            ["x.csv", "x.csv", "x-2.csv"], ["x.csv", "x-3.csv", "x-2.csv"], id="a real x-2.csv keeps its name"
        ),
        pytest.param(["x-2.csv", "x-2.csv"], ["x-2.csv", "x-2-2.csv"], id="two real ones"),
        pytest.param(["x.tar.gz", "x.tar.gz"], ["x.tar.gz", "x-2.tar.gz"], id="double suffix"),
        pytest.param(["Makefile", "Makefile"], ["Makefile", "Makefile-2"], id="no suffix"),
        pytest.param(["y" * 251 + ".csv"] * 2, ["y" * 251 + ".csv", "y" * 249 + "-2.csv"], id="no room for the number"),
    ],
)
def test_distinct(names: list[str], kept: list[str]) -> None:
    """Of files with one name the first keeps it and the others are counted."""
    assert distinct(names) == kept


@given(
    st.lists(st.sampled_from(["x.csv", "x-2.csv", "x-3.csv", "x-2-2.csv", "x", "x-2"]) | any_text.map(clean_filename))
)
def test_distinct_names_are_distinct(names: list[str]) -> None:
    """For all lists: one name each, none twice, the first of a name unchanged, all still clean."""
    kept = distinct(names)
    assert len(kept) == len(names) == len(set(kept))
    assert all(kept[names.index(name)] == name for name in names)
    assert [clean_filename(name) for name in kept] == kept


@pytest.mark.parametrize(
    ("filename", "kind", "mime", "loader"),
    [
        ("x.csv", "data", "text/csv", "csv"),
        ("X.CSV", "data", "text/csv", "csv"),
        ("x.tsv", "data", "text/tab-separated-values", "tsv"),
        ("x.xlsx", "data", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "excel"),
        ("x.json", "data", "application/json", "json"),
        ("x.md", "text", "text/markdown", "text"),
        ("x.py", "text", "text/x-python", "text"),
        ("photo.jpeg", "image", "image/jpeg", "image"),
        ("logo.svg", "image", "image/svg+xml", "text"),
        ("x.pdf", "document", "application/pdf", "pdf"),
        ("x.csv.gz", "data", "text/csv", "csv"),
        ("x.tar.gz", "archive", "application/gzip", "path"),
        ("x.mp3", "audio", "audio/mpeg", "path"),
        ("x.mp4", "video", "video/mp4", "path"),
        ("model.pkl", "data", "application/octet-stream", "pickle"),
        ("x.unheard-of", "other", "application/octet-stream", "bytes"),
        ("Makefile", "other", "application/octet-stream", "bytes"),
        ("", "other", "application/octet-stream", "bytes"),
    ],
)
def test_file_type(filename: str, kind: str, mime: str, loader: str) -> None:
    """The name's suffix decides."""
    row = file_type(filename)
    assert (row.kind, row.mime, row.loader) == (kind, mime, loader)


def test_rows_of_types_toml_hold_together() -> None:
    """Each suffix stands in one row, in lower case, and each kind and loader is one that exists."""
    every = {row.suffixes: row for row in ROWS.values()}
    assert sum(map(len, every)) == len(ROWS)
    for suffix, row in ROWS.items():
        assert suffix == suffix.lower() and not suffix.startswith(".") and split_suffix(f"x.{suffix}") == ("x", suffix)
        assert row.kind in get_args(Kind) and row.loader in get_args(Loader) and row != UNKNOWN
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", row.mime)


@pytest.mark.parametrize(
    "user_id", [5, 0, -7, 2**63 - 1, "5", "ann", "a b/../c_d", "ü" * 200, "x" * 200, "a@b.example", " "]
)
def test_new_ids_have_their_form(user_id: int | str) -> None:
    """`user_<user>_<unix time>_<random>`, whatever the user is called, and never the same twice."""
    first, second = (new_file_id(user_id, 1705314600.9) for _ in range(2))
    assert is_file_id(first) and first != second
    assert re.fullmatch(r"user_[A-Za-z0-9.@-]{1,40}_1705314600_[0-9a-f]{32}", first)


@pytest.mark.parametrize(
    "file_id",
    [
        *(
            "",
            "x",
            "../../etc/passwd",
            "user_1/../x_1705314600_abcdef",
            "user_5_1705314600_abcdef\n",
            "\0user_5_1705314600_abcdef",
        ),
        *(
            "user_é_1705314600_abcdef",
            f"user_{'5' * 200}_1705314600_abcdef",
            None,
            5,
            {"$ne": None},
            ["x"],
            b"user_5_1705314600_abcdef",
        ),
    ],
)
def test_what_is_no_file_id(file_id: Any) -> None:
    """Nothing that could lead out of a directory, nor into a query, passes for an id."""
    assert not is_file_id(file_id)


def test_ids_of_the_original_are_ids() -> None:
    """`<user>_<unix time>_<8 hex>`, and the guide's own example."""
    assert is_file_id("123456789_1705314600_0a1b2c3d") and is_file_id("user_123_1234567890_abc123")


@pytest.mark.parametrize(
    "user_id",
    [None, True, False, 1.5, "", "x" * 201, 2**63, -(2**63) - 1, 10**5000, b"5", {"$ne": None}, [5], "\ud800"],
    ids=lambda _: "",
)
def test_what_is_no_user(user_id: Any) -> None:
    """Refused before it reaches a query."""
    with pytest.raises(InvalidRequest, match="user_id must be"):
        checked_user(user_id)


@pytest.mark.parametrize(
    ("user_id", "forms"),
    [
        (5, {5, "5"}), ("5", {5, "5"}), (-5, {-5, "-5"}), ("0", {0, "0"}), ("05", {"05"}), ("-0", {"-0"}), ("5 ", {"5 "}),
        ("\u0665", {"\u0665"}), ("ann", {"ann"}), (str(2**63), {str(2**63)}), (2**63 - 1, {2**63 - 1, str(2**63 - 1)}),
    ],
)  # fmt: skip
def test_spellings_of_a_user(user_id: int | str, forms: set[int | str]) -> None:
    """A number and its decimal text are one user; no other text is."""
    assert set(spellings(user_id)) == forms


@pytest.mark.parametrize("metadata", [[], "text", 5, {"a": object()}, {"a": "x" * 20_000}, {b"a": 1}])
def test_metadata_that_is_refused(metadata: Any) -> None:
    """Only small JSON objects are kept."""
    with pytest.raises(InvalidRequest, match="metadata must be"):
        checked_metadata(metadata)


@pytest.mark.parametrize("given_type", [5, b"csv", "x" * 101, "a\nb", "\ud800"])
def test_file_types_that_are_refused(given_type: Any) -> None:
    """Only short printable words are kept."""
    with pytest.raises(InvalidRequest, match="file_type must be"):
        checked_file_type(given_type)
