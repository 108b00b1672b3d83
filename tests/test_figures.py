"""Charts of plotly, altair and bokeh become HTML files. They are no starters: this file builds an environment of its own."""

import re
from collections.abc import AsyncIterator

import pytest

from plugin import Interpreter
from plugin.sandbox.inside.frames import FILE_MIME

pytestmark = pytest.mark.soak  # building it takes most of a minute where nothing is cached

HEAVY = ("scipy", "scikit-learn", "seaborn", "openpyxl")
JAVASCRIPT = {"plotly": b"plotly.js v", "bokeh": b"Bokeh", "altair": b"vegaEmbed"}


@pytest.fixture(scope="module")
async def interpreter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Interpreter]:
    """One with these libraries."""
    home = tmp_path_factory.mktemp("charts")
    settings = {"catalogue_add": ("plotly", "altair", "bokeh"), "catalogue_remove": HEAVY}
    async with Interpreter(home=home, **settings) as interpreter:
        await interpreter.warm()
        yield interpreter


PLOTLY = "import plotly.express as px\nf = px.line(x=[1, 2], y=[3, 4])\n"
ALTAIR = "import altair as alt, pandas as pd\nc = alt.Chart(pd.DataFrame({'a': [1]})).mark_bar().encode(x='a')\n"
BOKEH = "from bokeh.plotting import figure, show, save, output_file\np = figure()\nline = p.line([1, 2], [3, 4])\n"


@pytest.mark.parametrize(
    ("code", "library", "names", "displays"),
    [
        pytest.param(PLOTLY + "f", "plotly", ["figure-1.html"], 1, id="plotly, last"),
        pytest.param(PLOTLY + "f.show()", "plotly", ["figure-1.html"], 1, id="plotly, shown"),
        pytest.param(PLOTLY + "f.show('png', width=3)\nf.show()", "plotly", ["figure-1.html", "figure-2.html"], 2, id="plotly, shown twice"),
        pytest.param(PLOTLY + "import plotly.io as pio\npio.show(f.to_dict())", "plotly", ["figure-1.html"], 1, id="plotly's dict"),
        pytest.param(PLOTLY + "f.write_html('mine.html')", "plotly", ["mine.html"], 0, id="plotly, written by the code"),
        pytest.param("import pandas as pd\npd.options.plotting.backend = 'plotly'\npd.Series([1, 2]).plot().show()", "plotly", ["figure-1.html"], 1, id="plotly as pandas' backend"),
        pytest.param(ALTAIR + "c", "altair", ["figure-1.html"], 1, id="altair, last"),
        pytest.param(ALTAIR + "(c | c).show()", "altair", ["figure-1.html"], 1, id="altair, shown"),
        pytest.param(ALTAIR + "c.save('mine.html')", "altair", ["mine.html"], 0, id="altair, saved by the code"),
        pytest.param(BOKEH + "show(p)", "bokeh", ["figure-1.html"], 1, id="bokeh, shown"),
        pytest.param(BOKEH + "p", "bokeh", ["figure-1.html"], 1, id="bokeh, last"),
        pytest.param(BOKEH + "output_file('mine.html')\nshow(p)", "bokeh", ["mine.html"], 1, id="bokeh, shown in a file of the code's"),
        pytest.param(BOKEH + "output_file('mine.html')\nsave(p);", "bokeh", ["mine.html"], 0, id="bokeh, saved by the code"),
    ],
)  # fmt: skip
async def test_a_chart_becomes_a_file(
    interpreter: Interpreter, code: str, library: str, names: list[str], displays: int
) -> None:
    """Shown, last, or saved by the code; it is displayed by the file's name."""
    result = await interpreter.run(code, user_id="cleo", timeout=60)
    assert (result.error, result.stderr) == ("", "")
    files = {file.filename: file.data for file in result.generated_files}
    assert sorted(files) == names and all(JAVASCRIPT[library] in data for data in files.values())
    assert [item[FILE_MIME] for item in result.displays] == names[:displays]
    needs_network = library == "altair" and displays
    assert ("cdn.jsdelivr.net" in result.output) == bool(needs_network)
    assert len(result.output) < 200


async def test_charts_of_plotly_and_bokeh_open_without_a_network(interpreter: Interpreter) -> None:
    """The library itself is in the file; no script is loaded from elsewhere."""
    result = await interpreter.run(PLOTLY + BOKEH + "f.show(); show(p)", user_id="cleo", timeout=60)
    assert len(result.generated_files) == 2
    for file in result.generated_files:
        assert file.size > 10**6 and not re.search(rb"<script[^>]{0,200}\ssrc=", file.data)


async def test_a_piece_of_a_chart_is_not_shown(interpreter: Interpreter) -> None:
    """What `figure.line()` returns says nothing."""
    result = await interpreter.run(BOKEH + "line", user_id="cleo", timeout=60)
    assert (result.output, result.displays, result.error) == ("", (), "")


async def test_charts_without_end_are_cut(interpreter: Interpreter) -> None:
    """Each file holds megabytes."""
    result = await interpreter.run(PLOTLY + "for _ in range(30): f.show()", user_id="cleo", timeout=120)
    assert result.success and len(result.generated_files) == 20


async def test_what_no_cell_names_is_not_watched(interpreter: Interpreter) -> None:
    """Python's finders are as they are in a script, and no library is imported that code does not import."""
    code = "import sys\n[type(each).__name__ for each in sys.meta_path if not isinstance(each, type)], 'bo' + 'keh' in sys.modules"
    assert (await interpreter.run(code, user_id="cleo")).output == "([], False)\n"
