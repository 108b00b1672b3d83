"""The policy: what is refused, with its name and line, and what looks alike and is innocent."""

import ast
import importlib.util

import pytest

from plugin.errors import PolicyViolation
from plugin.interpreter import POLICY_ROWS
from plugin.sandbox.inside.policy import Policy

POLICY = Policy.from_rows(POLICY_ROWS)
HERE = {"urllib3"}  # what is taken to be installed besides the standard library


def is_there(module: str) -> bool:
    return module in HERE or (module not in {"requests", "httpx"} and importlib.util.find_spec(module) is not None)


def refused(code: str) -> list[tuple[int, str]]:
    facts = POLICY.examine(ast.parse(code), code.splitlines(keepends=True), is_there)
    return [(each["line"], each["what"]) for each in facts.violations]


# (code, line, what)
REFUSED = [
    # ---- network
    ("import socket", 1, "import socket"),
    ("x = 1\nimport requests", 2, "import requests"),
    ("import requests as r\nr.get('http://x')", 1, "import requests"),
    ("import numpy, httpx", 1, "import httpx"),
    ("import urllib.request", 1, "import urllib.request"),
    ("from urllib.request import urlopen", 1, "import urllib.request"),
    ("from urllib import request", 1, "urllib.request"),
    ("import urllib\nurllib.request.urlopen('http://x')", 2, "urllib.request"),
    ("import http.client", 1, "import http.client"),
    ("from http import server", 1, "http.server"),
    ("from http.cookiejar import CookieJar", 1, "import http.cookiejar"),
    ("def f():\n    import ftplib", 2, "import ftplib"),
    ("import xmlrpc.client", 1, "import xmlrpc.client"),
    ("import asyncio\nasyncio.open_connection('x', 80)", 2, "asyncio.open_connection"),
    ("import webbrowser", 1, "import webbrowser"),
    ("if True:\n    from ssl import SSLContext", 2, "import ssl"),
    # ---- other programs
    ("import subprocess", 1, "import subprocess"),
    ("from subprocess import run", 1, "import subprocess"),
    ("import os\nos.system('ls')", 2, "os.system"),
    ("import os as o\no.system('ls')", 2, "os.system"),
    ("from os import system as s\ns('ls')", 1, "os.system"),
    ("from os import *\nsystem('ls')", 2, "os.system"),
    ("import os\nr = os.popen", 2, "os.popen"),
    ("import os\no = os\no.execvp('ls', [])", 3, "os.execvp"),
    ("import os\nif os.fork() == 0: pass", 2, "os.fork"),
    ("import os\nos.kill(1, 9)", 2, "os.kill"),
    ("import pty", 1, "import pty"),
    ("import posix", 1, "import posix"),
    ("import asyncio\nasyncio.create_subprocess_shell('ls')", 2, "asyncio.create_subprocess_shell"),
    ("import os\ngetattr(os, 'system')('ls')", 2, "os.system"),
    ("import os\ngetattr(os, 'sys' + 'tem')('ls')", 2, "os.system"),
    ("import os\nname = 'system'\ngetattr(os, name)('ls')", 3, "os.system"),
    ("import os\nvars(os)['system']('ls')", 2, "os.system"),
    ("import os\nos.__dict__['popen']('ls')", 2, "os.popen"),
    ("import sys\nsys.modules['os'].system('ls')", 2, "os.system"),
    ("import sys\nsys.modules['subprocess'].run('ls')", 2, "subprocess"),
    ("import sys\nsys.modules.get('subprocess')", 2, "subprocess"),
    ("import shutil\nshutil.os.system('ls')", 2, "os.system"),
    ("import random\nrandom._os.system('ls')", 2, "os.system"),
    # ---- text run as code, and Python's own machinery
    ("eval('1')", 1, "eval"),
    ("x = 1\nexec('x = 2')", 2, "exec"),
    ("compile('1', '', 'eval')", 1, "compile"),
    ("e = eval\ne('1')", 1, "eval"),
    ("list(map(eval, ['1']))", 1, "eval"),
    ("import builtins\nbuiltins.eval('1')", 2, "eval"),
    ("from builtins import exec as run", 1, "exec"),
    ("__builtins__.eval('1')", 1, "eval"),
    ("__builtins__['eval']('1')", 1, "eval"),
    ("getattr(__builtins__, 'exec')('1')", 1, "exec"),
    ("f.__globals__['__builtins__']['eval']('1')", 1, "eval"),
    ("exec = exec\nexec('1')", 1, "exec"),
    ("def f(exec): pass\nexec('1')", 2, "exec"),
    ("class A:\n    def eval(self): pass\neval('1')", 3, "eval"),
    ("[eval for eval in ()]\neval('1')", 2, "eval"),
    ("def f(x=eval('1')): pass", 1, "eval"),
    ("@eval\ndef f(): pass", 1, "eval"),
    ("f'{eval(x)}'", 1, "eval"),
    ("lambda: eval('1')", 1, "eval"),
    ("print(globals())", 1, "globals"),
    ("def f():\n    return locals()", 2, "locals"),
    ("__import__('os')", 1, "__import__"),
    ("import importlib\nimportlib.import_module('os')", 2, "importlib.import_module"),
    ("from importlib import import_module as i", 1, "importlib.import_module"),
    (
        "import importlib.util\nimportlib.util.spec_from_file_location('a', 'b')",
        2,
        "importlib.util.spec_from_file_location",
    ),
    ("().__class__.__base__.__subclasses__()", 1, "object.__subclasses__"),
    ("''.__class__.__mro__[1].__subclasses__()", 1, "object.__subclasses__"),
    ("x.__class__.__bases__[0].__subclasses__()", 1, "object.__subclasses__"),
    ("object.__subclasses__()", 1, "object.__subclasses__"),
    ("getattr((1).__class__.__base__, '__subclasses__')()", 1, "object.__subclasses__"),
    ("__loader__.load_module('os')", 1, "__loader__.load_module"),
    ("import code", 1, "import code"),
    ("import ctypes.util", 1, "import ctypes.util"),
    ("from ctypes import *", 1, "import ctypes"),
    # ---- a try that expects ImportError is no way to what is there
    ("try:\n    import subprocess\nexcept ImportError:\n    pass", 2, "import subprocess"),
    ("try:\n    import urllib3\nexcept ImportError:\n    pass", 2, "import urllib3"),
    ("try:\n    import requests\nexcept ValueError:\n    pass", 2, "import requests"),
    # ---- writing elsewhere
    ("open('/etc/passwd', 'w')", 1, "open('/etc/passwd')"),
    ("open('/root/x', mode='ab')", 1, "open('/root/x')"),
    ("open(file='../x', mode='w')", 1, "open('../x')"),
    ("with open('/home/u/x.txt', 'r+') as f: pass", 1, "open('/home/u/x.txt')"),
    ("open('/mnt/data/../../etc/x', 'w')", 1, "open('/mnt/data/../../etc/x')"),
    ("for i in x: open(f'/var/log/{i}', 'w')", 1, "open('/var/log/'...)"),
    ("base = '/opt/app'\nopen(base + '/x', 'w')", 2, "open('/opt/app/x')"),
    ("import os\nopen(os.path.join('/etc', name), 'w')", 2, "open('/etc/'...)"),
    ("df.to_csv('/root/x.csv')", 1, ".to_csv('/root/x.csv')"),
    ("df.to_excel(excel_writer='/usr/x.xlsx')", 1, ".to_excel('/usr/x.xlsx')"),
    ("import matplotlib.pyplot as plt\nplt.savefig('../a.png')", 2, ".savefig('../a.png')"),
    ("from pathlib import Path\nPath('/home/u/x').write_text('a')", 2, "Path.write_text('/home/u/x')"),
    ("from pathlib import Path\nd = Path('/srv')\n(d / 'x').write_bytes(b'')", 3, "Path.write_bytes('/srv/x')"),
    ("import pathlib\npathlib.Path('/etc', 'x').unlink()", 2, "Path.unlink('/etc/x')"),
    ("from pathlib import Path\nPath('/etc/x').open('w')", 2, "Path.open('/etc/x')"),
    ("import shutil\nshutil.rmtree('/')", 2, "shutil.rmtree('/')"),
    ("import shutil\nshutil.copy('a', '/usr/a')", 2, "shutil.copy('/usr/a')"),
    ("import shutil as s\ns.move('a', dst='/boot')", 2, "shutil.move('/boot')"),
    ("import os\nos.remove('/etc/hosts')", 2, "os.remove('/etc/hosts')"),
    ("import os\nos.rename('/etc/a', 'b')", 2, "os.rename('/etc/a')"),
    ("from os import makedirs\nmakedirs('/data/out')", 2, "os.makedirs('/data/out')"),
    ("import gzip\ngzip.open('/x.gz', 'wt')", 2, "gzip.open('/x.gz')"),
    ("import sqlite3\nsqlite3.connect('/var/lib/x.db')", 2, "sqlite3.connect('/var/lib/x.db')"),
    ("import zipfile\nzipfile.ZipFile('/x.zip').extractall('/etc')", 2, ".extractall('/etc')"),
]

INNOCENT = [
    # ---- methods and functions of these names
    "df.eval('a + b')",
    "df.query('a > 1')",
    "import pandas as pd\npd.eval('1 + 1')",
    "model.eval()",
    "import re\nre.compile('a')",
    "from re import compile\ncompile('a')",
    "model.compile(optimizer='adam')",
    "def compile(x): return x\ncompile(1)",
    "def f(eval): return eval(1)",
    "eval = len\neval([])",
    "class A:\n    def exec(self): return self.exec()",
    "class A:\n    eval = 1\n    print(eval)",
    "def g():\n    def exec(x): pass\n    exec(1)",
    "for compile in range(3): print(compile)",
    "with open('x') as exec: print(exec)",
    "try: pass\nexcept ValueError as eval: print(eval)",
    "match x:\n    case [eval, *rest]: print(eval)",
    "f(eval=True, exec=1)",
    "import ast\nast.literal_eval('1')",
    "self.globals = 1\nself.locals()",
    "import sympy\nsympy.sympify('x').subs(x, 1)",
    # ---- modules that look alike
    "from urllib.parse import quote\nquote('a')",
    "import urllib.parse\nurllib.parse.urlencode({})",
    "import urllib.error",
    "from http import HTTPStatus",
    "import http\nhttp.HTTPStatus.OK",
    "import html, email.message, mimetypes",
    "import os\nos.path.join(os.getcwd(), os.environ.get('X', ''))",
    "import os\nos.listdir('/')",
    "import os\nprint(os.cpu_count(), os.sep, os.name)",
    "import os\nos.systematic = 1",
    "import importlib.metadata\nimportlib.metadata.version('numpy')",
    "from importlib import resources",
    "import importlib.util\nimportlib.util.find_spec('numpy')",
    "import multiprocessing\nmultiprocessing.Pool(2)",
    "from concurrent.futures import ProcessPoolExecutor",
    "import asyncio\nasyncio.run(main())\nasyncio.create_task(x)",
    "import codecs, code_helper\nimport signal",
    "import sys\nsys.modules['json'].dumps(1)\n'numpy' in sys.modules",
    "import platform, getpass, tempfile, shutil\nshutil.which('ls')",
    "import pickle, marshal, inspect, dis, types",
    "from .socket import x",
    "import bs4, lxml.html, nltk, spacy",
    # ---- words, not their meaning
    "requests = [1]\nrequests.append(2)",
    "socket = {'a': 1}\nsocket['a']",
    "subprocess: int = 3",
    "x = 'import subprocess; eval(1)'",
    "# os.system('ls')\nx = 1",
    "'''\nimport socket\nexec('1')\n'''",
    "df['eval'], df.exec, d['__import__']",
    "def socket(requests): return requests.get(1)",
    "x: 'eval' = 1\ndef f(a: eval) -> exec: pass",
    "import numpy as os\nos.array([1])",
    "def f(os): os.system('x')\nimport os",
    "system = 1\nprint(system)",
    "getattr(obj, 'system')",
    "import os\ngetattr(os, 'getcwd')()",
    "class Shape: pass\nShape.__subclasses__()",
    "class A:\n    def all(self): return self.__class__.__subclasses__()",
    "print(type(x).__mro__, A.__bases__, f.__globals__)",
    "vars(obj)['system']",
    # ---- ready to do without
    "try:\n    import requests\nexcept ImportError:\n    requests = None\nif requests: requests.get('x')",
    "try:\n    from httpx import get\nexcept (ImportError, ValueError):\n    get = None",
    "try:\n    import requests\nexcept:\n    pass",
    # ---- writing where one may, reading anywhere
    "open('x.txt', 'w')",
    "open('out/x.txt', 'w')",
    "open('a/../x', 'w')",
    "open('/mnt/data/x', 'w')",
    "open('/tmp/x', 'wb')",
    "open('/work/x', 'a')",
    "open('/dev/null', 'w')",
    "open('/etc/passwd')",
    "open('../x')",
    "open('/etc/hosts', 'rb')",
    "for n in x: open(f'/mnt/{n}', 'w')",
    "open(path, 'w')",
    "path = '/etc/x'\npath = 'y'\nopen(path, 'w')",
    "def f(path='/etc/x'): open(path, 'w')",
    "import os\nos.chdir('sub')\nopen('../x', 'w')",
    "df.to_csv('x.csv', index=False)",
    "df.to_csv('/mnt/data/x.csv')",
    "import pandas as pd\npd.read_csv('/data/x.csv')",
    "from pathlib import Path\nPath('out').mkdir(exist_ok=True)",
    "from pathlib import Path\nPath('/etc/x').read_text()",
    "from pathlib import Path\nPath('/tmp').joinpath('x').write_text('a')",
    "'/a/b'.replace('/', '_')",
    "'/etc'.rename if 0 else 1",
    "import os\nos.makedirs('/tmp/out', exist_ok=True)",
    "import shutil\nshutil.copy('/usr/share/x', 'x')",
    "import sqlite3\nsqlite3.connect(':memory:')",
    "class Store:\n    def save(self, key): pass\nStore().save('/users/1')",
    "import tempfile, os\nopen(os.path.join(tempfile.mkdtemp(), 'x'), 'w')",
    "def open(path, mode): pass\nopen('/etc/x', 'w')",
    "import os.path as p\np.join('/etc', 'x')",
]


@pytest.mark.parametrize(("code", "line", "what"), REFUSED)
def test_what_is_refused_is_named_with_its_line(code: str, line: int, what: str) -> None:
    """However code gets at it."""
    assert (line, what) in refused(code)


@pytest.mark.parametrize("code", INNOCENT)
def test_what_looks_alike_is_innocent(code: str) -> None:
    """Names count where they mean what a rule is about."""
    assert refused(code) == []


def test_there_are_enough_snippets() -> None:
    """At least 120, half of them innocent."""
    assert len(REFUSED) + len(INNOCENT) >= 120 and abs(len(REFUSED) - len(INNOCENT)) < 40


def test_every_rule_has_what_it_needs() -> None:
    """A kind that is applied, a reason a model can act on, places that can be read, no two rows for one thing."""
    kinds = {"module", "attribute", "builtin", "writer", "writable"}
    assert {row["kind"] for row in POLICY_ROWS} == kinds
    assert all(row.get("reason") or row["kind"] == "writable" for row in POLICY_ROWS)
    places = [place for row in POLICY_ROWS for place in f"{row.get('path', '')} {row.get('mode', '')}".split()]
    assert places and all(place.partition(":")[0].isdigit() for place in places)
    assert len({(row["kind"], row["name"]) for row in POLICY_ROWS}) == len(POLICY_ROWS)


@pytest.mark.parametrize("row", [row for row in POLICY_ROWS if row["kind"] in ("module", "attribute", "builtin")], ids=lambda row: row["name"])  # fmt: skip
def test_every_row_refuses(row: dict[str, str]) -> None:
    """With its own reason."""
    name = row["name"]
    code = f"import {name}" if row["kind"] == "module" else name
    if row["kind"] == "attribute":
        code = f"import {name.partition('.')[0]}\n{name}"
    violations = POLICY.examine(ast.parse(code), code.splitlines(), is_there).violations
    assert row["reason"] in {each["reason"] for each in violations}


def test_a_violation_says_what_where_and_what_to_do() -> None:
    """The original's sentence first, then the line as it stands, then the reason, then how many more there are."""
    code = "import os\n  \nif True:\n    os.system('ls')  # list\n    eval('1')\n"
    facts = POLICY.examine(ast.parse(code), code.splitlines(keepends=True), is_there)
    assert str(PolicyViolation(facts.violations)) == (
        "Security validation failed: Blocked unsafe operation: os.system (line 4: os.system('ls')  # list). "
        "Other programs cannot be started; do the work in Python (and 1 more)"
    )


def test_what_is_told_is_bounded() -> None:
    """The first twenty in source order, lines and names cut."""
    code = "eval(1); " * 1000 + "'" + "x" * 10_000 + "'\nimport socket." + "y" * 1000
    violations = POLICY.examine(ast.parse(code), code.splitlines(), is_there).violations
    assert len(violations) == 20 and all(len(each["source"]) <= 150 for each in violations)
    long = f"import socket.{'y' * 1000}"
    assert len(POLICY.examine(ast.parse(long), [long], is_there).violations[0]["what"]) <= 150
