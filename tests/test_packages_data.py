"""Data that libraries would download: what is there without a network, and what is said of what is not."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from refusing import NAMESPACES_REFUSED, launchers_refused

from plugin import Interpreter


@pytest.fixture(scope="module", params=["namespaces", "landlock"])
async def interpreter(
    request: pytest.FixtureRequest, built_venv: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Interpreter]:
    """One of each level, over a data directory in which an operator has placed something."""
    home = tmp_path_factory.mktemp("home")
    (home / "venv").symlink_to(built_venv)
    (home / "data" / "nltk_data" / "corpora").mkdir(parents=True)
    (home / "data" / "spacy" / "my_model").mkdir(parents=True)
    (home / "data" / "nltk_data" / "corpora" / "words.txt").write_text("one\n")
    with launchers_refused(*(() if request.param == "namespaces" else NAMESPACES_REFUSED)):
        async with contextlib.AsyncExitStack() as stack:
            interpreter = await stack.enter_async_context(Interpreter(home=home, pool_min=1))
            await interpreter.warm()
            yield interpreter


DATA_SETS = [
    pytest.param(
        "tips",
        "(244, 7)",
        "total_bill float64, tip float64, sex category, smoker category, day category, time category, size int64",
        id="tips",
    ),
    pytest.param(
        "iris",
        "(150, 5)",
        "sepal_length float64, sepal_width float64, petal_length float64, petal_width float64, species str",
        id="iris",
    ),
]


@pytest.mark.parametrize(("name", "shape", "columns"), DATA_SETS)
async def test_seaborns_examples_are_there(interpreter: Interpreter, name: str, shape: str, columns: str) -> None:
    """As seaborn's own: the same columns, of the same types."""
    code = f"import seaborn as sns\nd = sns.load_dataset({name!r})\nprint(d.shape)\nprint(', '.join(f'{{c}} {{t}}' for c, t in d.dtypes.items()))"
    result = await interpreter.run(code, user_id=1)
    assert result.error == "" and result.output.splitlines() == [shape, columns]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import seaborn\nseaborn.load_dataset('penguins')", "seaborn's data sets this sandbox has 'iris' and 'tips'"),
        ("from seaborn import get_dataset_names\nget_dataset_names()", "'iris' and 'tips'"),
        ("import pandas as pd\nopen('x.ods', 'w').close()\npd.read_excel('x.ods', engine='odf')", "engine='calamine'"),
        ("raise LookupError('Resource punkt not found.  >>> nltk.download(\\'punkt\\')')", "data/nltk_data; there is"),
        ("raise OSError('[E050] Can\\'t find model \\'en\\'.')", "/data/spacy/my_model"),
    ],
)
async def test_what_cannot_be_downloaded_is_explained(interpreter: Interpreter, code: str, told: str) -> None:
    """With what there is instead, or who may place it where."""
    result = await interpreter.run(code, user_id=1)
    assert result.return_code == 1 and told in result.error


async def test_an_operators_data_can_be_read_only(interpreter: Interpreter) -> None:
    """nltk looks where NLTK_DATA says."""
    code = """
import os
path = os.environ['NLTK_DATA']
print(open(f'{path}/corpora/words.txt').read())
for attempt in (lambda: open(f'{path}/new', 'w'), lambda: os.remove(f'{path}/corpora/words.txt')):
    try:
        attempt()
    except OSError as error:
        print('refused')
"""
    result = await interpreter.run(code, user_id=1)
    assert result.output.split() == ["one", "refused", "refused"], result.error


@pytest.mark.parametrize(
    ("code", "methods"),
    [
        ("import pandas as pd\npd.read_parquet", ["read_parquet"]),
        ("def f(d):\n  class C:\n    g = lambda self: d.to_excel('x')\n", ["to_excel"]),
        ("from pandas import read_html, DataFrame", ["read_html"]),
        ("print('to_excel')  # to_excel", []),
    ],
)
async def test_methods_that_need_a_package_are_found(interpreter: Interpreter, code: str, methods: list[str]) -> None:
    """Where code uses them, not where it speaks of them."""
    pool = interpreter._starting
    assert pool is not None
    async with (await pool).sandbox() as sandbox:
        report = await sandbox.parse(code, {}, at_once=False)
    assert report["methods"] == methods
