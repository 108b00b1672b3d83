"""Links in a model's answer: every form that models write leads to the file, what leads nowhere says so, and hostile text is quick."""

import re
import time
from functools import partial
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.dispatch.links import file_links, find_file, with_links
from plugin.files import clean_filename
from plugin.result import GeneratedFile


def generated(name: str, path: str = "", file_id: str = "id") -> GeneratedFile:
    return GeneratedFile(name, "data", "text/csv", 1, b"x", file_id, path or name)


FILES = [
    generated("x.csv"),
    generated("plot (1).png"),
    generated("my table.csv"),
    generated("été 图表.png"),
    generated("x-2.csv", "out/x.csv"),
    generated("100%.txt"),
]


def url(file: GeneratedFile) -> str:
    return f"https://files.example/{quote(file.filename, safe='')}"


def linked(text: str) -> str:
    return with_links(text, FILES, url)


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        pytest.param("[the table](sandbox:/mnt/data/x.csv)", "[the table](U/x.csv)", id="as most models write"),
        pytest.param("![chart](sandbox:/mnt/data/x.csv)", "![chart](U/x.csv)", id="image"),
        pytest.param("[t](sandbox:/work/x.csv) [t](/work/x.csv)", "[t](U/x.csv) [t](U/x.csv)", id="/work"),
        pytest.param("[t](/mnt/data/x.csv)", "[t](U/x.csv)", id="path"),
        pytest.param("[t](x.csv), [t](./x.csv)", "[t](U/x.csv), [t](U/x.csv)", id="relative"),
        pytest.param(
            "[t](sandbox:x.csv) [t](sandbox:///mnt/data/x.csv) [t](sandbox://mnt/data/x.csv)",
            "[t](U/x.csv) [t](U/x.csv) [t](U/x.csv)",
            id="slashes",
        ),
        pytest.param("[t](SANDBOX:/mnt/data/x.csv)", "[t](U/x.csv)", id="upper case"),
        pytest.param("Saved: sandbox:/mnt/data/x.csv.", "Saved: U/x.csv.", id="bare, at a sentence's end"),
        pytest.param("**sandbox:/mnt/data/x.csv**", "**U/x.csv**", id="bare and bold"),
        pytest.param("<sandbox:/mnt/data/x.csv>", "<U/x.csv>", id="autolink"),
        pytest.param("`sandbox:/mnt/data/x.csv`", "`U/x.csv`", id="in backticks"),
        pytest.param("[t](sandbox:/mnt/data/my table.csv)", "[t](U/my%20table.csv)", id="space"),
        pytest.param("[t](<sandbox:/mnt/data/my table.csv>)", "[t](U/my%20table.csv)", id="space in angle brackets"),
        pytest.param("[t](sandbox:/mnt/data/my%20table.csv)", "[t](U/my%20table.csv)", id="percent-encoded"),
        pytest.param("it is sandbox:/mnt/data/my table.csv now", "it is U/my%20table.csv now", id="bare with a space"),
        pytest.param("[t](sandbox:/mnt/data/plot (1).png)", "[t](U/plot%20%281%29.png)", id="parentheses"),
        pytest.param("[t](sandbox:/mnt/data/100%.txt)", "[t](U/100%25.txt)", id="a real percent sign"),
        pytest.param(
            "[t](sandbox:/mnt/data/e\u0301te\u0301 图表.png)",
            "[t](U/%C3%A9t%C3%A9%20%E5%9B%BE%E8%A1%A8.png)",
            id="decomposed letters",
        ),
        pytest.param("[t](sandbox:/mnt/data/out/x.csv)", "[t](U/x-2.csv)", id="a path tells two of one name apart"),
        pytest.param("[t](sandbox:/mnt/data/x-2.csv)", "[t](U/x-2.csv)", id="by the name it was given"),
        pytest.param("[t](sandbox:/mnt/data/other/x.csv)", "[t](U/x.csv)", id="by the name alone"),
        pytest.param('[t](sandbox:/mnt/data/x.csv "The table")', '[t](U/x.csv "The table")', id="title"),
        pytest.param("[t](sandbox:/mnt/data/x.csv?download=1)", "[t](U/x.csv)", id="query"),
        pytest.param(
            "[![alt](sandbox:/mnt/data/x.csv)](sandbox:/mnt/data/x.csv)",
            "[![alt](U/x.csv)](U/x.csv)",
            id="image in a link",
        ),
        pytest.param("[a [b] c](sandbox:/mnt/data/x.csv)", "[a [b] c](U/x.csv)", id="brackets in the label"),
        pytest.param("| [t](sandbox:/mnt/data/x.csv) | 1 |", "| [t](U/x.csv) | 1 |", id="in a table"),
        pytest.param("[t](https://example.org/x.csv)", None, id="another address"),
        pytest.param("[t](#x.csv) [t](mailto:x.csv) [t](/etc/x.csv) [t](//x.csv)", None, id="no files"),
        pytest.param("[t](nothing.csv)", None, id="relative, unknown: it may lead elsewhere"),
        pytest.param("\\[t](sandbox)", None, id="escaped"),
        pytest.param("the sandbox: it is safe", None, id="a word"),
        pytest.param("a[0](1)", None, id="code"),
        pytest.param("```\n[t](sandbox:/mnt/data/x.csv)\n```", None, id="fenced"),
        pytest.param("```a``` [t](sandbox:/mnt/data/x.csv)", "```a``` [t](U/x.csv)", id="backticks that are no fence"),
        pytest.param("~~~\n```\nsandbox:/mnt/data/x.csv", None, id="a fence that stays open"),
        pytest.param("[t]\n\n(sandbox:/mnt/data/x.csv)", "[t]\n\n(U/x.csv)", id="no link, but bare"),
        pytest.param("", None, id="empty"),
    ],
)
def test_links_of_every_form(text: str, replaced: str | None) -> None:
    """They get the application's address; whatever else stays as it is."""
    expected = text if replaced is None else re.sub(r"U/", "https://files.example/", replaced)
    assert linked(text) == expected


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("See [the table](sandbox:/mnt/data/y.csv).", "See the table (y.csv: this file does not exist)."),
        ("![chart](/mnt/data/out/y%20z.png)", "chart (y z.png: this file does not exist)"),
        ("at sandbox:/mnt/data/y.csv, there", "at y.csv (this file does not exist), there"),
        ("[t](sandbox:/mnt/data/)", "t (no name: this file does not exist)"),
        ("[t](sandbox:/mnt/data/%1b[31m.csv)", "t ([31m.csv: this file does not exist)"),
        (
            "[![a](sandbox:/b.png)](sandbox:/c.png)",
            "a (b.png: this file does not exist) (c.png: this file does not exist)",
        ),
    ],
)
def test_a_link_that_leads_nowhere_says_so(text: str, replaced: str) -> None:
    """As text, with the name."""
    assert with_links(text, FILES, url) == replaced


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("[the table](sandbox:/mnt/data/x.csv)", "the table (x.csv)"),
        ("[x.csv](sandbox:/mnt/data/x.csv)", "x.csv"),
        ("![](sandbox:/mnt/data/x.csv)", "x.csv"),
        ("sandbox:/mnt/data/x.csv", "x.csv"),
    ],
)
def test_without_an_address_the_name_stands_there(text: str, replaced: str) -> None:
    """Where files are attached to the message, say."""
    assert with_links(text, FILES, lambda file: None) == replaced


def test_of_two_with_one_name_the_newest_is_meant() -> None:
    """A later call wrote it anew."""
    files = [generated("x.csv", file_id="old"), generated("x.csv", file_id="new")]
    found = find_file("x.csv", files)
    assert found is not None and found.file_id == "new"
    assert find_file("y.csv", files) is None and find_file("", files) is None and find_file(".", files) is None


def test_an_address_with_spaces_is_put_in_angle_brackets() -> None:
    """A Markdown target ends at a space."""
    assert with_links("[t](sandbox:/x.csv)", FILES, lambda file: "/f/a b.csv") == "[t](</f/a b.csv>)"
    assert with_links("[t](<sandbox:/x.csv>)", FILES, lambda file: "/f/a b.csv") == "[t](</f/a b.csv>)"


def told_of(told: list[str], file: GeneratedFile) -> str:
    told.append(file.filename)
    return "U"


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60).map(clean_filename)


@given(st.lists(names, min_size=1, max_size=5, unique=True), st.data())
def test_every_file_is_found_by_every_form_of_link(some: list[str], data: st.DataObject) -> None:
    """Percent-encoded always; as it stands where the name does not end a link by itself."""
    files = [generated(name) for name in some]
    name = data.draw(st.sampled_from(some))
    encoded = quote(name, safe="")
    forms = [f"[a](sandbox:/mnt/data/{encoded})", f"![a](sandbox:/work/{encoded})", f"<sandbox:/mnt/data/{encoded}>"]
    if name.isalnum():
        forms += [f"[a](sandbox:/mnt/data/{name})", f"sandbox:/mnt/data/{name}.", f"[a](/mnt/data/{name})"]
    for form in forms:
        told: list[str] = []
        with_links(f"before {form} behind", files, partial(told_of, told))
        assert told == [name], form


pieces = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "(",
            ")",
            "](",
            "![",
            "sandbox:",
            "/mnt/data/",
            "x.csv",
            "my table.csv",
            " ",
            "\n",
            "\n\n",
            "```",
            "`",
            "<",
            ">",
            '"',
            "\\",
            "%20",
            "é",
            "a",
        ]
    ),
    max_size=40,
).map("".join)


@given(pieces)
def test_any_text_survives(text: str) -> None:
    """Links lie in order of their ends, with addresses that do not overlap; text without any stays."""
    links = file_links(text)
    assert [link.whole[1] for link in links] == sorted(link.whole[1] for link in links)
    targets = sorted(link.target for link in links)
    assert all(one[1] <= two[0] for one, two in pairwise(targets))
    once = linked(text)
    if not links:
        assert once == text


HOSTILE = {
    "open brackets": "[" * 1_000_000,
    "closed brackets": "]" * 1_000_000,
    "empty links": "[](" * 333_333,
    "nested links": "[" * 300_000 + "](sandbox:/x)" * 50_000,
    "parentheses": "[a](" + "(" * 999_000,
    "half links": "[a](sandbox:/mnt/data/" * 45_000,
    "bare": "sandbox:/x " * 90_000,
    "the same word": "sandbox:/my " * 80_000,
    "one long name": "sandbox:/" + "x" * 1_000_000,
    "spaces in targets": ("[a](sandbox:/x" + " " * 1900 + '")') * 500,
    "quotes in targets": ("[a](sandbox:/x " + '"' * 1900 + ")") * 500,
    "blank lines": "\n" * 1_000_000,
    "spaces": (" " * 999 + "\n") * 1000,
    "backslashes": "\\" * 1_000_000,
    "fences": "```\n" * 250_000,
    "percent signs": "sandbox:/" + "%41" * 300_000,
    "dots": ("[a](sandbox:" + "/.." * 600 + ")") * 550,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_of_anything_takes_linear_time(text: str) -> None:
    """Twice the text, about twice the time; and seconds at the most, however it is made."""
    files = [*FILES, *(generated(f"my table {n}.csv") for n in range(500))]

    def seconds(some: str) -> float:
        before = time.process_time()
        with_links(some, files, url)
        return time.process_time() - before

    quarter, whole = seconds(text[: len(text) // 4]), seconds(text)
    assert whole < 10 and whole < 8 * max(quarter, 0.02)
