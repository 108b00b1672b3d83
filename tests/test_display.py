"""What a cell shows: the value of its last expression, and what is given to display()."""

import base64
import time
from pathlib import Path

import pytest

from plugin import Interpreter, events
from plugin.sandbox.displays import Displays
from plugin.sandbox.inside import frames, plain_text

FILE = frames.FILE_MIME
PNG = b"\x89PNG"


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("1 + 1", "2\n"),
        ("x = 3\nx", "3\n"),
        ("'a\\nb'", "'a\\nb'\n"),
        ("x = 3\nx;", ""),
        ("x = 3\nx ;  # not shown", ""),
        ("(\n  1,\n  2,\n)", "(1, 2)\n"),
        ("None", ""),
        ("print('a')", "a\n"),
        ("x = 3", ""),
        ("1\nx = 2", ""),
        ("if True:\n    5", ""),
        ("[1, [2, (3,), {'a': {4}}], set(), frozenset({1}), frozenset(), {}, ()]", None),
        ("x = [1]\nx.append(x)\nx", "[1, [...]]\n"),
        ("x = {}\nx['x'] = (x,)\nx", "{'x': ({...},)}\n"),
        ("'\\ud800'", "'\\ud800'\n"),
        ("b'\\x00' * 3", "b'\\x00\\x00\\x00'\n"),
        ("open('f', 'w').write('abc')", ""),
        ("import sys\nsys.stdout.write('abc')", "abc"),
        ("display(1, 'a', None)", "1\n'a'\nNone\n"),
        ("display()", ""),
        ("for i in range(2): display(i)", "0\n1\n"),
        ("display({'text/plain': 'shown'}, raw=True)", "shown\n"),
        ("import sys\nsys.displayhook = lambda value: print('own', value)\n7", "own 7\n"),
        ("import sys\nsys.displayhook = sys.__displayhook__\n[7]", "[7]\n"),
        ("from __future__ import annotations\ndef f(x: no_such_name): pass\nf.__annotations__", "{'x': 'no_such_name'}\n"),
        ("import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as f: display(1)\nf.getvalue()", "'1\\n'\n"),
        ("import numpy as np\nnp.arange(3)", "array([0, 1, 2])\n"),
        ("import pandas as pd\npd.DataFrame({'a': [1, 2]})", "   a\n0  1\n1  2\n"),
        ("import pandas as pd\npd.Series([1], name='s')", "0    1\nName: s, dtype: int64\n"),
        ("import matplotlib.pyplot as plt\nplt.plot([1])", ""),
        ("import matplotlib.pyplot as plt\nplt.hist([1, 2])", ""),
        ("import matplotlib.pyplot as plt\nplt.title('t')", ""),
        ("import matplotlib.pyplot as plt\nplt.subplots(2, 2)", ""),
        ("import matplotlib.pyplot as plt\nplt.boxplot([1, 2])", ""),
        ("import pandas as pd\npd.DataFrame({'a': [1, 2]}).hist()", ""),
        ("import pandas as pd\npd.Series([1, 2]).plot()", ""),
        ("import seaborn as sns, pandas as pd\nsns.relplot(x=[1, 2], y=[1, 2])", ""),
        ("import matplotlib.pyplot as plt\nplt.figure()", ""),
        ("import datetime\ndatetime.date(2026, 1, 2)", "datetime.date(2026, 1, 2)\n"),
    ],
)  # fmt: skip
async def test_a_value_is_shown_as_in_a_notebook(interpreter: Interpreter, code: str, output: str | None) -> None:
    """What a script would print, and then the value, unless it is None, silenced, or a piece of a drawing."""
    result = await interpreter.run(code, user_id="dan")
    assert (result.error, result.stderr) == ("", "")
    assert result.output == (f"{eval(code)!r}\n" if output is None else output)


@pytest.mark.parametrize(
    ("code", "least", "most", "holds"),
    [
        pytest.param("'a' * 10**7", 19_000, 21_000, "...", id="string"),
        pytest.param("range(10**9)", 5, 30, "range(0, 1000000000)", id="range"),
        pytest.param("[None] * 10**7", 19_000, 21_000, "(10000000 elements in all)", id="list"),
        pytest.param("{i: i for i in range(10**5)}", 19_000, 21_000, "(100000 elements in all)", id="dict"),
        pytest.param("[[0] * 10**6]", 19_000, 21_000, "(1 elements in all)", id="nested"),
        pytest.param("class R:\n    def __repr__(self): return 'r' * 10**7\nR()", 19_000, 21_000, "left out", id="repr"),
        pytest.param(
            "import pandas as pd, numpy as np\npd.DataFrame({'a': np.arange(10**7)})", 50, 500, "[10000000 rows x 1 columns]", id="10 million rows"
        ),
        pytest.param(
            "import pandas as pd, numpy as np\npd.set_option('display.max_rows', None)\npd.DataFrame({'a': np.arange(10**7)})",
            100, 20_500, "[10000000 rows x 1 columns]", id="10 million rows, all of them asked for",
        ),
        pytest.param(
            "import pandas as pd, numpy as np\npd.set_option('display.max_columns', None)\npd.DataFrame(np.zeros((2, 20000)))",
            100, 20_500, "[2 rows x 20000 columns]", id="20,000 columns",
        ),
        pytest.param("import pandas as pd\npd.set_option('display.max_colwidth', None)\npd.DataFrame({'a': ['x' * 10**7]})", 100, 20_500, "...", id="a long cell"),
        pytest.param("import pandas as pd\npd.Series(range(10**6))", 50, 500, "Length: 1000000", id="series"),
        pytest.param("import numpy as np\nnp.arange(10**7)", 10, 500, "...", id="array"),
    ],
)  # fmt: skip
async def test_a_large_value_is_cut_before_it_is_made(
    interpreter: Interpreter, code: str, least: int, most: int, holds: str
) -> None:
    """Its text is short, says how much there is, and is there in no time."""
    started = time.monotonic()
    result = await interpreter.run(code, user_id="dan", timeout=20)
    assert result.error == "" and least <= len(result.output) <= most and holds in result.output
    assert all(len(item.get("text/html", "")) < frames.MAX_DISPLAY_BYTES for item in result.displays)
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("code", "mimes", "files"),
    [
        pytest.param("import pandas as pd\npd.DataFrame({'a': [1]})", ["text/plain", "text/html"], [], id="table"),
        pytest.param("5", None, [], id="a plain value is text only"),
        pytest.param("import matplotlib.pyplot as plt\nf, a = plt.subplots()\na.plot([1])\nf", [FILE, "text/plain", "image/png"], ["figure-1.png"], id="figure"),
        pytest.param("import matplotlib.pyplot as plt\nf, a = plt.subplots()\na.plot([1])\nplt.close()\nf", [FILE, "text/plain", "image/png"], ["figure-1.png"], id="closed figure"),
        pytest.param("import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()", [FILE, "text/plain", "image/png"], ["figure-1.png"], id="shown figure"),
        pytest.param("import matplotlib.pyplot as plt\nf, a = plt.subplots()\na.plot([1])\nf.savefig('m.png')\nf", [FILE, "text/plain", "image/png"], ["m.png"], id="figure that code saved"),
        pytest.param("from PIL import Image\nImage.new('RGB', (2, 2))", [FILE, "text/plain", "image/png"], ["image-1.png"], id="image"),
        pytest.param("from PIL import Image\nImage.new('CMYK', (2, 2)).show()", [FILE, "text/plain", "image/png"], ["image-1.png"], id="image.show(), of a mode that PNG has not"),
        pytest.param("from PIL import Image\ni = Image.new('L', (2, 2))\ni.save('m.jpg')\ni", [FILE, "text/plain", "image/png"], ["m.jpg"], id="image that code saved"),
        pytest.param("class R:\n    def _repr_html_(self): return '<b>r</b>'\nR()", ["text/plain", "text/html"], [], id="_repr_html_"),
        pytest.param("class R:\n    def _repr_png_(self): return b'\\x89PNG', {'width': 1}\nR()", [FILE, "text/plain", "image/png"], ["image-1.png"], id="_repr_png_ with metadata"),
        pytest.param("class R:\n    def _repr_mimebundle_(self, **k): return {'text/html': 'x', 'text/odd': 'y', 'image/svg+xml': 3}\nR()", ["text/plain", "text/html"], [], id="_repr_mimebundle_"),
        pytest.param("class R:\n    def __getattr__(self, name): return lambda: 'x'\nR()", None, [], id="an object that answers to any name"),
        pytest.param("class R:\n    def _repr_html_(self): 1 / 0\n    def _repr_svg_(self): return 3\nR()", None, [], id="forms that fail"),
        pytest.param("class R:\n    def _repr_html_(self): return 'x' * 2**21\nR()", [FILE, "text/plain"], ["display-1.html"], id="long HTML becomes a file"),
        pytest.param("from IPython.display import display, HTML\ndisplay(HTML('<i>x</i>'))", ["text/plain", "text/html"], [], id="IPython's names"),
        pytest.param("from PIL import Image\nimport io\nfrom IPython import display as d\nb = io.BytesIO()\nImage.new('L', (1, 1)).save(b, 'PNG')\nd.display(d.Image(b.getvalue()))", [FILE, "text/plain", "image/png"], ["image-1.png"], id="IPython's Image"),
    ],
)  # fmt: skip
async def test_richer_forms_are_told_beside_the_text(
    interpreter: Interpreter, code: str, mimes: list[str] | None, files: list[str]
) -> None:
    """As mime bundles; pictures are files too, once, and the bundle names them."""
    told: list[events.Event] = []
    result = await interpreter.run(code, user_id="dan", on_event=told.append)
    assert result.error == ""
    assert [file.filename for file in result.generated_files] == files
    if mimes is None:
        assert result.displays == ()
        return
    (item,) = result.displays
    assert set(item) == set(mimes)
    assert [event.data for event in told if isinstance(event, events.Display)] == [item]
    assert item.get(FILE) == (files[0] if files else None)
    if "image/png" in item:
        assert base64.b64decode(item["image/png"], validate=True).startswith(PNG)


async def test_what_is_displayed_comes_in_order_with_what_is_printed(interpreter: Interpreter) -> None:
    """Events are told while the cell runs, each after what was written before it."""
    code = "class R:\n    def _repr_html_(self): return 'h'\n    def __repr__(self): return 'r'\nprint('a', end='')\ndisplay(R())\nprint('b')\ndisplay(R())"
    told: list[events.Event] = []
    result = await interpreter.run(code, user_id="dan", on_event=told.append)
    assert result.output == "ar\nb\nr\n"
    kinds = "".join(
        event.text if isinstance(event, events.Stdout) else "H" * isinstance(event, events.Display) for event in told
    )
    assert kinds == "ar\nHb\nr\nH"


async def test_a_flood_of_displays_is_cut(interpreter: Interpreter) -> None:
    """In number and in size, and what was printed is whole."""
    many = await interpreter.run(
        "class R:\n    def _repr_html_(self): return 'h' * 1000\nfor i in range(20_000): display(R())\nprint('end')",
        user_id="dan", timeout=60,
    )  # fmt: skip
    assert many.success and len(many.displays) == frames.MAX_DISPLAYS
    large = await interpreter.run(
        "class R:\n    def _repr_html_(self): return 'h' * 900_000\nfor i in range(40): display(R())", user_id="dan"
    )
    assert sum(len(item.get("text/html", "")) for item in large.displays) <= frames.MAX_ALL_DISPLAY_BYTES
    assert large.success and len(large.generated_files) == 20


@pytest.mark.parametrize(
    ("code", "return_code", "error"),
    [
        pytest.param("class R:\n    def __repr__(self): return 1 / 0\nR()", 1, "line 2, in __repr__", id="raises"),
        pytest.param("class R:\n    def __repr__(self): return 3\nR()", 1, "__repr__ returned non-string", id="no text"),
        pytest.param("class R:\n    def __repr__(self):\n        while True: pass\nR()", -1, "timeout", id="never ends"),
        pytest.param("class R:\n    def __repr__(self): raise SystemExit(3)\nR()", 3, "SystemExit: 3", id="leaves"),
        pytest.param("class R:\n    def __repr__(self):\n        import os; os._exit(0)\nR()", 1, "ended its own process", id="ends the process"),
        pytest.param("class R:\n    def __repr__(self): return 'x' * 10**10\nR()", -3, "Out of memory", id="too large"),
        pytest.param("class R:\n    def _repr_html_(self):\n        while True: pass\nR()", -1, "timeout", id="HTML that never ends"),
        pytest.param("x = []\nfor _ in range(10**5): x = [x]\nx", 1, "RecursionError", id="too deep"),
        pytest.param("import sys\ndel sys.displayhook\n1", 1, "lost sys.displayhook", id="no hook"),
        pytest.param("import sys\nsys.displayhook = lambda v: 1 / 0\n1", 1, "ZeroDivisionError", id="a hook that fails"),
        pytest.param("import sys\nsys.stdout = None\n1", 1, "AttributeError", id="no output"),
        pytest.param("1 / 0\n2", 1, "ZeroDivisionError", id="what comes before it fails"),
    ],
)  # fmt: skip
async def test_a_value_that_cannot_be_shown_is_the_cells_failure(
    interpreter: Interpreter, code: str, return_code: int, error: str
) -> None:
    """Showing it is the last thing that a cell does."""
    result = await interpreter.run(code, user_id="dan", timeout=3)
    assert (result.success, result.return_code) == (False, return_code) and error in result.error
    assert (await interpreter.run("1", user_id="dan")).output == "1\n"


async def test_a_repr_may_print(interpreter: Interpreter) -> None:
    """What it prints comes first."""
    code = "class R:\n    def __repr__(self):\n        print('from repr')\n        return 'R'\nR()"
    assert (await interpreter.run(code, user_id="dan")).output == "from repr\nR\n"


async def test_nothing_is_shown_after_sys_exit(interpreter: Interpreter) -> None:
    """A cell that leaves with success is over."""
    assert (await interpreter.run("import sys\nsys.exit(0)\n'shown'", user_id="dan")).output == ""


async def test_what_a_value_holds_is_let_go(interpreter: Interpreter) -> None:
    """A file that a last expression opened is closed at the end."""
    result = await interpreter.run("f = open('a.txt', 'w')\nf.write('abc')\n[f];", user_id="dan")
    assert [file.data for file in result.generated_files] == [b"abc"]


@pytest.mark.parametrize(
    "value",
    [1, "a'b", b"x", 1.5, None, True, [], [1], (1,), (1, 2), {1}, {1: 2, "a": [3]}, frozenset([1]), [[[]]], {"a": ({},)}],
)  # fmt: skip
def test_a_small_value_is_its_repr(value: object) -> None:
    """Character by character."""
    assert plain_text.of(value) == repr(value)


def bundle(*parts: tuple[str, bytes]) -> list[bytes]:
    return [piece for mime, data in parts for piece in frames.display_part(mime, data)] + [frames.DISPLAY_END]


@pytest.mark.parametrize(
    ("payloads", "items"),
    [
        (bundle(("text/plain", b"a")), [{"text/plain": "a"}]),
        (bundle(("image/png", b"ab")), [{"image/png": "YWI="}]),
        (bundle(("text/html", b"x" * 10_000), ("text/plain", b"")), [{"text/html": "x" * 10_000, "text/plain": ""}]),
        (bundle(("text/plain", b"\xff")), [{"text/plain": "\ufffd"}]),
        (bundle(("application/json", b"{}")), []),
        (bundle(("x" * 300, b"{}"), ("text/plain", b"a")), [{"text/plain": "a"}]),
        ([frames.DISPLAY_DATA + b"x", frames.DISPLAY_END], []),
        ([b"", b"?", frames.DISPLAY_END * 3, frames.DISPLAY_NAME], []),
        (bundle(("text/plain", b"a"))[:-1], []),
        ([*frames.display_part("text/html", b"x" * 2**20), *frames.display_part("text/html", b"x"), frames.DISPLAY_END], []),
        (bundle(("text/html", b"x" * 2**20)) * 6, [{"text/html": "x" * 2**20}] * 4),
        (bundle(("text/plain", b"a")) * 60, [{"text/plain": "a"}] * 50),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value),
)  # fmt: skip
def test_the_host_takes_no_more_than_it_should(payloads: list[bytes], items: list[dict[str, str]]) -> None:
    """Whatever a sandbox sends."""
    displays = Displays()
    for payload in payloads:
        displays.write(payload)
    assert displays.items == items


async def test_forged_displays_spoil_their_own_call_only(home: Path) -> None:
    """Records that code writes itself are bounded like any, and never make a failure a success."""
    code = """
import os, stat
def forge():
    payload = b'ntext/html'
    for fd in range(3, 20):
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                for body in (b'ntext/plain', b'dforged', b'e', b'nimage/png', b'd' + b'x' * 4000, b'e'):
                    os.write(fd, bytes([3]) + len(body).to_bytes(2, 'big') + body)
        except OSError: pass
class R:
    def __repr__(self):
        forge()
        raise ValueError('not shown')
R()
"""
    async with Interpreter(home=home, policy="sandbox-only", pool_min=0) as interpreter:
        result = await interpreter.run(code, user_id="mallory")
        assert not result.success and "not shown" in result.error
        assert {"text/plain": "forged"} in result.displays
        assert (await interpreter.run("1", user_id="ann")).displays == ()
