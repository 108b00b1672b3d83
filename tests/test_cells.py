"""What honest code gets: its output, its errors, its files, its figures."""

import re
from pathlib import Path

import pytest

from plugin import Interpreter, compat
from plugin.errors import FileTooLarge, InvalidRequest, PackageNotApproved, PolicyViolation, UserFileNotFound

CSV = b"region,units\nnorth,3\nsouth,5\n"


@pytest.mark.parametrize(
    ("code", "output"),
    [
        pytest.param("print(1)", "1\n", id="print"),
        pytest.param("", "", id="empty"),
        pytest.param("# nothing\n", "", id="comment only"),
        pytest.param("if __name__ == '__main__': print('main')", "main\n", id="main guard"),
        pytest.param("print('é', '日本', '\\ud800')", "é 日本 \\ud800\n", id="text that UTF-8 cannot hold is escaped"),
        pytest.param(
            "import sys; print('a'); print('b', file=sys.stderr); print('c')", "a\nb\nc\n", id="order of streams"
        ),
        pytest.param("import os; os.write(1, b'raw\\n')", "raw\n", id="written to the descriptor"),
        pytest.param("import sys; sys.exit(0)", "", id="exit with success"),
        pytest.param("import sys; sys.exit(256)", "", id="exit with a status that wraps to success"),
        pytest.param("import sys; sys.stdout.write('no newline')", "no newline", id="no newline at the end"),
        pytest.param(
            "import threading, time\nthreading.Thread(target=lambda: (time.sleep(.05), print('late'))).start()",
            "late\n",
            id="threads are waited for, as Python does",
        ),
        pytest.param("import atexit; atexit.register(print, 'bye');", "bye\n", id="atexit"),
        pytest.param(
            "import pickle, dataclasses\n"
            "@dataclasses.dataclass\nclass P: x: int\n"
            "print(pickle.loads(pickle.dumps(P(1))))",
            "P(x=1)\n",
            id="pickle of a class of the cell",
        ),
        pytest.param(
            "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 7\nprint(asyncio.run(f()))",
            "7\n",
            id="asyncio",
        ),
        pytest.param(
            "from concurrent.futures import ThreadPoolExecutor as T\nprint(sum(T(4).map(abs, range(-3, 0))))",
            "6\n",
            id="executor",
        ),
        pytest.param(
            "from multiprocessing import Pool\ndef f(x): return x * x\n"
            "if __name__ == '__main__':\n    with Pool(2) as p: print(p.map(f, [1, 2, 3]))",
            "[1, 4, 9]\n",
            id="multiprocessing",
        ),
        pytest.param(
            "import sqlite3; c = sqlite3.connect('a.db'); print(c.execute('select 1').fetchone())",
            "(1,)\n",
            id="sqlite",
        ),
        pytest.param("import tempfile; print(tempfile.TemporaryFile().write(b'abc'))", "3\n", id="tempfile"),
        pytest.param(
            "open('a', 'w').write('x'); import shutil; shutil.copy2('a', 'b'); print(open('b').read())",
            "x\n",
            id="copy2",
        ),
        pytest.param(
            "import os; print(os.getcwd(), os.path.samefile('.', '/mnt/data'))", "/work True\n", id="/mnt/data"
        ),
        pytest.param(
            "from PIL import ImageFont; print(ImageFont.truetype('DejaVuSans-Bold.ttf', 20).getname())",
            "('DejaVu Sans', 'Bold')\n",
            id="a font by its name",
        ),
        pytest.param(
            "import getpass, os; print(getpass.getuser(), os.path.expanduser('~'))", "sandbox /work\n", id="a user"
        ),
        pytest.param("import zoneinfo; print(zoneinfo.ZoneInfo('Asia/Tokyo'))", "Asia/Tokyo\n", id="time zones"),
        pytest.param(
            "from sklearn.cluster import KMeans; import numpy as np\n"
            "print(KMeans(2, n_init=1).fit(np.array([[0.], [0.1], [9.], [9.1]])).labels_.tolist() in ([0,0,1,1],[1,1,0,0]))",
            "True\n",
            id="scikit-learn",
        ),
    ],
)
async def test_honest_code_runs_as_it_would_outside(interpreter: Interpreter, code: str, output: str) -> None:
    """Ordinary programs give the output that they give without a sandbox."""
    result = await interpreter.run(code, user_id="honest")
    assert (result.output, result.error, result.return_code) == (output, "", 0)
    assert result.success


@pytest.mark.parametrize(
    ("code", "return_code", "error"),
    [
        pytest.param("1/0", 1, "ZeroDivisionError: division by zero", id="exception"),
        pytest.param("def f(:", 1, "SyntaxError", id="syntax error"),
        pytest.param("x = '\\x00'\ny = \x00", 1, "null bytes", id="NUL in the source"),
        pytest.param("import sys; sys.exit(3)", 3, "SystemExit: 3", id="exit status"),
        pytest.param("import sys; sys.exit('why')", 1, "why", id="exit with a message"),
        pytest.param(
            "import atexit; atexit.register(lambda: [][1]); 1/0", 1, "ZeroDivisionError", id="atexit fails too"
        ),
        pytest.param("raise SystemExit(-1)", 255, "SystemExit: 255", id="negative exit status"),
        pytest.param("raise KeyboardInterrupt", 1, "KeyboardInterrupt", id="its own KeyboardInterrupt"),
        pytest.param("input('name? ')", 1, "nobody to ask", id="input"),
        pytest.param("import os; os._exit(0)", 1, "ended its own process", id="os._exit(0) is no success"),
        pytest.param("import os; os._exit(9)", 9, "ended its own process", id="os._exit"),
        pytest.param(
            "import atexit, os; atexit.register(os._exit, 0); 1/0", 1, "ended its own process", id="atexit forges"
        ),
        pytest.param(
            "x = bytearray(10**10)", -3, "Out of memory: the code needed more than 256 MiB", id="one allocation"
        ),
        pytest.param("x = []\nwhile True: x.append(bytearray(10**6))", -3, "Out of memory", id="many allocations"),
        pytest.param("def f(): f()\nf()", 1, "RecursionError", id="deep recursion"),
        pytest.param(
            "from joblib import Parallel, delayed\ndef f(x): raise ArithmeticError('no')\n"
            "Parallel(n_jobs=2)(delayed(f)(x) for x in [1])",
            1,
            "ArithmeticError: no",
            id="in a worker of joblib",
        ),
        pytest.param(
            "import pandas as pd; pd.read_csv('https://example.org/x.csv')", 1, "there is no network", id="a URL"
        ),
        pytest.param("load_file('user_1_1234567890_abcdef0123456789')", 1, "list_user_files", id="unknown file"),
    ],
)
async def test_a_failing_cell_says_why(interpreter: Interpreter, code: str, return_code: int, error: str) -> None:
    """Each way to fail has its return code and a text that names the cause."""
    result = await interpreter.run(code, user_id="honest", timeout=10)
    assert error in result.error
    assert (result.success, result.return_code) == (False, return_code)


async def test_a_traceback_shows_the_users_frames_only(interpreter: Interpreter) -> None:
    """Frames of libraries and of the runner are left out; the user's source lines are shown."""
    result = await interpreter.run("import json\ndef f():\n    json.loads('{')\nf()", user_id="honest")
    assert "json.loads('{')" in result.error
    assert 'File "<cell>", line 4' in result.error
    assert "decoder.py" not in result.error and "kernel" not in result.error


async def test_an_exception_that_cannot_be_shown_is_named(interpreter: Interpreter) -> None:
    """An exception whose own code fails when it is shown is still reported, and huge texts are cut."""
    code = "class E(Exception):\n    def __str__(self): raise self\nraise E"
    assert "E" in (await interpreter.run(code, user_id="honest")).error
    huge = await interpreter.run("raise ValueError('x' * 10**7)", user_id="honest")
    assert "ValueError" in huge.error and "characters left out" in huge.error and len(huge.error) < 30_000


async def test_output_is_cut_and_counted(interpreter: Interpreter) -> None:
    """What is over the limit is thrown away while it streams, and counted to the byte."""
    result = await interpreter.run("print('x' * 1_000_000)", user_id="honest")
    assert result.success
    assert len(result.output) == 100_000
    assert result.truncated_bytes == 900_001


async def test_streams_are_kept_apart_too(interpreter: Interpreter) -> None:
    """`output` is both streams in order; `stdout` and `stderr` are each alone."""
    result = await interpreter.run(
        "import sys\nfor i in range(50):\n  print(i, file=(sys.stdout, sys.stderr)[i % 2])", user_id="u"
    )
    assert result.output == "".join(f"{i}\n" for i in range(50))
    assert result.stdout == "".join(f"{i}\n" for i in range(0, 50, 2))
    assert result.stderr == "".join(f"{i}\n" for i in range(1, 50, 2))


async def test_a_handler_may_print_while_code_prints(interpreter: Interpreter) -> None:
    """A signal that arrives in the middle of a `write` is no reason for RuntimeError."""
    code = """
import signal, time
signal.signal(signal.SIGALRM, lambda number, frame: print('tick'))
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
until = time.monotonic() + 0.1
while time.monotonic() < until: print('.')
signal.setitimer(signal.ITIMER_REAL, 0)
"""
    result = await interpreter.run(code, user_id="u")
    assert (result.success, result.error) == (True, "")


async def test_random_numbers_differ_between_sandboxes(interpreter: Interpreter) -> None:
    """Forks of one zygote do not share their random numbers."""
    code = "import random, numpy as np; print(random.random(), np.random.rand(), np.random.default_rng().random())"
    first, second = [(await interpreter.run(code, user_id="u")).output.split() for _ in range(2)]
    assert not set(first) & set(second)


async def test_user_files_are_there_under_their_names(interpreter: Interpreter) -> None:
    """A file given, or mentioned by its id, can be loaded, opened by name, and found in FILES and /mnt/data."""
    record = await interpreter.files.upload("ann", CSV, "sales.csv")
    code = f"""
df = load_file('{record.file_id}')
print(df.units.sum(), get_file_path('{record.file_id}'), FILES['{record.file_id}'])
print(open('sales.csv').read() == open('/mnt/data/sales.csv').read() == open('/files/sales.csv').read())
"""
    given = await interpreter.run(code, user_id="ann", files=[record.file_id])
    mentioned = await interpreter.run(code, user_id="ann")
    assert given.output == mentioned.output == "8 /files/sales.csv /files/sales.csv\nTrue\n"
    assert given.generated_files == ()


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="nothing else"),
        pytest.param("def f(): pass", id="a function"),
        pytest.param(
            "import logging\nclass H(logging.Handler):\n    emit = print\nlogging.getLogger().addHandler(H())",
            id="a handler that a library holds",
        ),
        pytest.param("del __loader__, __file__, __name__", id="no special names"),
    ],
)
async def test_a_file_that_was_never_closed_is_whole(interpreter: Interpreter, before: str) -> None:
    """As Python does at its end; the same for an archive."""
    code = f"""
{before}
import zipfile
f = open('open.txt', 'w'); f.write('hello')
z = zipfile.ZipFile('open.zip', 'w'); z.writestr('a', 'b')
"""
    result = await interpreter.run(code, user_id="zoe")
    files = {file.filename: file.data for file in result.generated_files}
    assert result.success, result.error
    assert files["open.txt"] == b"hello"
    assert files["open.zip"].startswith(b"PK\x03\x04") and b"PK\x05\x06" in files["open.zip"]


async def test_what_is_not_kept_is_told(interpreter: Interpreter) -> None:
    """Names of the first, the number of the others; files of one name in two directories are told apart."""
    code = "import os\nfor i in range(130): open(f'{i:03}.txt', 'w').write('x')\nos.mkfifo('pipe')"
    result = await interpreter.run(code, user_id="zoe")
    assert len(result.generated_files) == 100 and result.dropped_files[-1] == "and 11 others"
    assert "files not kept" in compat.as_dict(result)["output"]
    code = "import os\nfor d in 'ab': os.mkdir(d); open(f'{d}/x.csv', 'w').write(d)"
    result = await interpreter.run(code, user_id="zoe")
    assert sorted(file.filename for file in result.generated_files) == ["x-2.csv", "x.csv"]


async def test_a_callback_that_raises_does_not_harm_the_call(interpreter: Interpreter) -> None:
    """It is logged and told no more."""
    assert (await interpreter.run("print(1)", user_id="zoe", on_event=lambda event: 1 / 0)).output == "1\n"


async def test_two_files_of_one_name_are_told_apart(interpreter: Interpreter) -> None:
    """The second x.csv is x-2.csv."""
    ids = [(await interpreter.files.upload("bob", CSV + bytes([i + 49]), "x.csv")).file_id for i in range(2)]
    result = await interpreter.run("import os; print(sorted(os.listdir('.')))", user_id="bob", files=ids)
    assert result.output == "['x-2.csv', 'x.csv']\n"


@pytest.mark.parametrize(
    ("filename", "data", "code", "output"),
    [
        pytest.param("a.csv", CSV, "print(load_file(ID).shape)", "(2, 2)\n", id="csv"),
        pytest.param("a.tsv", b"a\tb\n1\t2\n", "print(load_file(ID).b.tolist())", "[2]\n", id="tsv"),
        pytest.param("a.json", b'{"a": [1]}', "print(load_file(ID))", "{'a': [1]}\n", id="json"),
        pytest.param("a.txt", "é".encode(), "print(load_file(ID))", "é\n", id="text"),
    ],
)
async def test_load_file_gives_the_natural_object(
    interpreter: Interpreter, filename: str, data: bytes, code: str, output: str
) -> None:
    """A table for tables, parsed JSON, text."""
    record = await interpreter.files.upload("cy", data, filename)
    result = await interpreter.run(f"ID = '{record.file_id}'\n{code}", user_id="cy")
    assert (result.output, result.error) == (output, "")
    await interpreter.files.delete(record.file_id, "cy")


def test_every_file_types_loader_is_there() -> None:
    """types.toml names no loader that the sandbox does not have."""
    from plugin.files.types import ROWS, UNKNOWN
    from plugin.sandbox.inside import loaders

    assert {row.loader for row in [*ROWS.values(), UNKNOWN]} <= set(loaders.LOADERS)


async def test_what_a_cell_writes_can_be_loaded_by_the_next(interpreter: Interpreter) -> None:
    """xlsx and images round-trip through generated files and their ids."""
    made = await interpreter.run(
        "import pandas as pd\nfrom PIL import Image\n"
        "pd.DataFrame({'a': [1, 2]}).to_excel('t.xlsx', index=False)\nImage.new('RGB', (7, 5)).save('p.png')",
        user_id="dee",
    )
    ids = {file.filename: file.file_id for file in made.generated_files}
    kinds = {file.filename: (file.type, file.mime) for file in made.generated_files}
    assert kinds["p.png"] == ("image", "image/png") and kinds["t.xlsx"][0] == "data"
    code = f"print(load_file('{ids['t.xlsx']}').a.tolist(), load_file('{ids['p.png']}').size)"
    assert (await interpreter.run(code, user_id="dee")).output == "[1, 2] (7, 5)\n"


async def test_new_and_changed_files_come_back(interpreter: Interpreter) -> None:
    """A user file that was only read does not come back; one that was rewritten, and a new one in a directory, do."""
    ids = [(await interpreter.files.upload("eve", CSV, name)).file_id for name in ("read.csv", "rewritten.csv")]
    result = await interpreter.run(
        "open('read.csv').read()\nopen('rewritten.csv', 'r+').write('REGION')\n"
        "import os; os.mkdir('out'); open('out/new.txt', 'w').write('n')",
        user_id="eve",
        files=ids,
    )
    assert {file.filename: file.data for file in result.generated_files} == {
        "rewritten.csv": CSV.replace(b"region", b"REGION"),
        "new.txt": b"n",
    }
    assert [record.file_id for record in await interpreter.files.list("eve")]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        pytest.param("plt.plot([1, 2])", ["figure-1.png"], id="left open"),
        pytest.param("plt.plot([1, 2]); plt.show()", ["figure-1.png"], id="shown"),
        pytest.param("plt.plot([1, 2]); plt.savefig('mine.png')", ["mine.png"], id="saved by the code, once"),
        pytest.param("plt.plot([1, 2]); plt.savefig('mine.png'); plt.show()", ["mine.png"], id="saved and shown, once"),
        pytest.param(
            "plt.figure(); plt.plot([1]); plt.figure(); plt.plot([2])", ["figure-1.png", "figure-2.png"], id="two"
        ),
        pytest.param("plt.plot([1]); plt.close()", [], id="closed"),
        pytest.param("plt.plot([1]); 1/0", ["figure-1.png"], id="left open by a cell that fails"),
    ],
)
async def test_figures_are_saved_once(interpreter: Interpreter, code: str, names: list[str]) -> None:
    """A figure that is open at the end, or shown, becomes a PNG unless the code saved it."""
    result = await interpreter.run(f"import matplotlib.pyplot as plt\n{code}", user_id="fay")
    assert sorted(file.filename for file in result.generated_files) == names
    assert all(file.data.startswith(b"\x89PNG") for file in result.generated_files)


@pytest.mark.parametrize(
    ("code", "options", "error", "message"),
    [
        pytest.param(
            "import socket",
            {},
            PolicyViolation,
            "Security validation failed: Blocked unsafe operation: import socket",
            id="policy",
        ),
        pytest.param(
            "x = 1\nimport os\nos.system('ls')", {}, PolicyViolation, "os.system (line 3", id="policy names the line"
        ),
        pytest.param(
            "import nosuchthing",
            {},
            PackageNotApproved,
            "Package 'nosuchthing' is not in the approved list",
            id="import",
        ),
        pytest.param(
            "1",
            {"install": ["requests"]},
            PackageNotApproved,
            "Package 'requests' is not in the approved list",
            id="install",
        ),
        pytest.param(
            "1",
            {"install": ["numpy @ http://x/y"]},
            PackageNotApproved,
            "not in the approved list",
            id="no package's name",
        ),
        pytest.param("1", {"files": ["user_2_1_a"]}, UserFileNotFound, "not found", id="file"),
        pytest.param("1", {"timeout": 0}, InvalidRequest, "1 to 300", id="timeout"),
        pytest.param("1", {"timeout": float("nan")}, InvalidRequest, "1 to 300", id="timeout is no number"),
        pytest.param("1", {"user_id": None}, InvalidRequest, "user_id must be", id="no user"),
        pytest.param("1", {"files": "abc"}, InvalidRequest, "list of str", id="a str for a list"),
        pytest.param("1", {"install": [1]}, InvalidRequest, "no str", id="no str in a list"),
        pytest.param(
            "\n".join(["import socket." + "\U00010400" * 150 + "a"] * 100),
            {},
            PolicyViolation,
            "import socket",
            id="long",
        ),
        pytest.param("1", {"session_id": "s"}, InvalidRequest, "no sessions", id="session"),
        pytest.param("#" * (1024**2 + 1), {}, InvalidRequest, "at most 1048576", id="too long"),
        pytest.param("\ud800", {}, InvalidRequest, "surrogate", id="no Unicode"),
        pytest.param(b"1", {}, InvalidRequest, "must be a str", id="no text"),
    ],
)
async def test_what_is_refused_runs_nothing(
    interpreter: Interpreter, code: str, options: dict[str, object], error: type[Exception], message: str
) -> None:
    """A refusal is an exception of its kind that says what to change."""
    with pytest.raises(error, match=re.escape(message)):
        await interpreter.run(code, **{"user_id": "gus", **options})


@pytest.mark.parametrize(
    "code",
    [
        "import pandas as pd; print(pd.DataFrame({'a': [1]}).eval('a + 1').tolist())",
        "import re; re.compile('a')",
        "requests = 1; print(requests)",
        "print('subprocess, eval(')",
        "from urllib.parse import quote; quote('a b')",
        "from http import HTTPStatus; print(HTTPStatus.OK)",
        "try:\n    import torch\nexcept ImportError:\n    torch = None",
        "try:\n    import requests\nexcept ImportError:\n    requests = None\nassert requests is None",
        "open('helper.py', 'w').write('x = 1')\nimport helper\nprint(helper.x)",
    ],
)
async def test_what_looks_alike_and_is_innocent_passes(interpreter: Interpreter, code: str) -> None:
    """The policy looks at what names mean, not at words."""
    result = await interpreter.run(code, user_id="hal")
    assert (result.success, result.error) == (True, "")


async def test_files_over_the_sandboxs_space_are_refused(interpreter: Interpreter) -> None:
    """A call's files must fit into its working directory; the error says how much does."""
    ids = [(await interpreter.files.upload("ida", bytes(40 * 1024**2), f"{i}.bin")).file_id for i in range(2)]
    with pytest.raises(FileTooLarge, match="fit into a sandbox"):
        await interpreter.run("1", user_id="ida", files=ids)
    await interpreter.files.delete_all("ida")


async def test_sandbox_only_switches_the_policy_off(home: Path) -> None:
    """With policy='sandbox-only' code may say anything; the sandbox alone holds it."""
    async with Interpreter(home=home, policy="sandbox-only", pool_min=0) as interpreter:
        result = await interpreter.run("import subprocess, socket; print(eval('1 + 1'))", user_id="jo")
        assert result.output == "2\n"
