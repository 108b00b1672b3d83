"""A cell's source, parsed once: what the policy says of it, what it imports, which file ids it names, what it runs."""

import __future__

import ast
import gc
import importlib.util
import io
import linecache
import re
import sys
import types
import warnings
from dataclasses import dataclass
from typing import Any

from . import charts, hints, ipython, magics, methods, policy, tracebacks

NAME = "<cell>"
LIBRARIES = (*charts.LIBRARIES, ipython.LIBRARY, ipython.PROGRESS)
MAX_REPORTED = 100  # imports and ids each: a report must fit into one frame
# `user_<user>_<unix time>_<random>` and the original's `<user>_<unix time>_<8 hex>`
FILE_ID = re.compile(r"[\w.@-]{1,100}_\d{9,11}_[0-9A-Za-z]{6,40}", re.ASCII)
# Unlike in a notebook how much was written is not shown: many a script ends so, and nobody wants to know.
WRITERS = ("write", "write_text", "write_bytes")
_AWAITS = ("'await' outside", "'async for' outside", "'async with' outside", "asynchronous comprehension outside")
_SUPPRESSED = re.compile(rb"[ \t]*;")  # a semicolon after the last expression: its value is not shown, as in a notebook


@dataclass(frozen=True)
class Part:
    """Consecutive statements, or a last expression whose value goes to sys.displayhook."""

    code: types.CodeType
    timed: bool = False


@dataclass(frozen=True)
class Program:
    """What a cell runs.

    Attributes:
        timed: `%%time` stands at its head.
        libraries: those of LIBRARIES that it names.
        awaits: it says `await`, `async for` or `async with` outside of a function, as notebooks let it.
        mnt_data: a string in it is a path beneath /mnt/data.
    """

    parts: tuple[Part, ...]
    timed: bool = False
    libraries: tuple[str, ...] = ()
    awaits: bool = False
    mnt_data: bool = False


def parse(text: str, rules: policy.Policy) -> tuple[Program | None, dict[str, Any]]:
    """Parse, check and scan.

    Returns: the program, or None where Python refuses the source, and the report that the host is told: `error`, Python's
    own complaint; `violations` of the policy; `imports` that would fail now; `file_ids` that stand in it as literals;
    `install`, requirements of `!pip install`, as written; `methods`, as methods.py says.
    """
    report: dict[str, Any] = {
        "op": "parsed", "error": "", "violations": [], "imports": [], "file_ids": [], "install": [],
        "methods": [],
    }  # fmt: skip
    collecting = gc.isenabled()
    gc.disable()  # a tree is no garbage, and looking for some takes as long as parsing
    try:  # what Python warns of goes to the cell's standard error, as a script's does
        tree, plain = _tree(text)
        lines = _cached(plain.text)
        facts = rules.examine(tree, lines, _is_there)
        parts, awaits = _compiled(tree, plain, lines)
        mnt_data = any(text.startswith(hints.MNT_DATA) for text in facts.strings)
        program = Program(parts, plain.all_timed, _named(facts), awaits, mnt_data)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        _cached(text)
        return None, report | {"error": tracebacks.render(error)}
    finally:
        if collecting:
            gc.enable()
    report["violations"] = facts.violations
    report["imports"] = _missing(facts)[:MAX_REPORTED]
    report["file_ids"] = _file_ids(facts.strings)
    report["install"] = plain.install
    report["methods"] = methods.used(part.code for part in program.parts)
    return program, report


def _tree(text: str) -> tuple[ast.Module, magics.Plain]:
    """Python first: what is valid is never changed.

    Raises:
        SyntaxError: neither Python nor a notebook's cell.
    """
    try:
        return ast.parse(text, NAME), magics.Plain(text)
    except SyntaxError:
        bare = magics.without_fences(text)
        try:
            plain = magics.plain(bare)
        except magics.Refused as refusal:
            line = bare.split("\n")[refusal.line - 1].strip()[: policy.MAX_SHOWN]
            raise SyntaxError(str(refusal), (NAME, refusal.line, 1, line, refusal.line, len(line) + 1)) from None
        if plain is None and bare == text:
            raise
    plain = plain or magics.Plain(bare)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were shown when the text was parsed as it stood
        return ast.parse(plain.text, NAME), plain


def _cached(text: str) -> list[str]:
    """Tracebacks show source lines through this cache; there is no file to read them from."""
    lines = io.StringIO(text, newline=None).readlines()  # where Python's own tokenizer sees line ends
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"  # as linecache does: traceback's carets count on it
    linecache.cache[NAME] = (len(text), None, lines, NAME)
    return lines


def _compiled(tree: ast.Module, plain: magics.Plain, lines: list[str]) -> tuple[tuple[Part, ...], bool]:
    """As Python has it; only what says `await` outside of a function is compiled as notebooks do."""
    try:
        return _parts(tree, plain, lines, 0), False
    except SyntaxError as error:
        if not str(error.msg).startswith(_AWAITS):
            raise
        return _parts(tree, plain, lines, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), True


def _parts(tree: ast.Module, plain: magics.Plain, lines: list[str], flags: int) -> tuple[Part, ...]:
    """Statements in the order in which they stand, apart where one is timed or its value shown."""
    last = tree.body[-1] if tree.body else None
    shown = last if isinstance(last, ast.Expr) and _is_shown(last, lines) else None
    if shown is None and not plain.timed:
        return (Part(compile(tree, NAME, "exec", flags, dont_inherit=True)),)
    flags |= _future(tree)
    parts: list[Part] = []
    waiting: list[ast.stmt] = []

    def put(statements: list[ast.stmt], *, timed: bool = False) -> None:
        if shown is not None and statements == [shown]:
            parts.append(Part(compile(ast.Interactive([shown]), NAME, "single", flags, dont_inherit=True), timed))
        elif statements:
            module = ast.Module(statements, [])
            parts.append(Part(compile(module, NAME, "exec", flags, dont_inherit=True), timed))

    for statement in tree.body:
        timed = statement.lineno in plain.timed
        if timed or statement is shown:
            put(waiting)
            waiting = []
            put([statement], timed=timed)
        else:
            waiting.append(statement)
    put(waiting)
    return tuple(parts)


def _is_shown(last: ast.Expr, lines: list[str]) -> bool:
    if isinstance(last.value, ast.Call) and getattr(last.value.func, "attr", "") in WRITERS:
        return False
    line = lines[(last.end_lineno or 1) - 1].encode()
    return _SUPPRESSED.match(line[last.end_col_offset or 0 :]) is None


def _future(tree: ast.Module) -> int:
    """Flags of the cell's `from __future__ import`, which each of its parts must be compiled with."""
    flags = 0
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                flags |= getattr(getattr(__future__, alias.name, None), "compiler_flag", 0)
    return flags


def _named(facts: policy.Facts) -> tuple[str, ...]:
    """Libraries whose ways to show something lead here: those that are imported, or may be by what stands in a string."""
    imported = {found["name"].partition(".")[0] for found in facts.imports}
    return tuple(name for name in LIBRARIES if name in imported or any(name in text for text in facts.strings))


def _missing(facts: policy.Facts) -> list[dict[str, Any]]:
    """Imports that would fail now, except of modules that the code writes itself."""
    written = _written(facts.strings)
    missing = {}
    for found in facts.imports:
        module = found["name"].partition(".")[0]
        if module not in missing and module not in written and not _is_there(module):
            missing[module] = found
    return list(missing.values())


def _written(strings: list[str]) -> set[str]:
    """Modules that code which names `helper.py`, `toolbox/shapes.py`, or `toolbox` and `__init__.py`, may be writing."""
    names: set[str] = set()
    for text in strings:
        if text.endswith(".py"):
            names.update(text.removesuffix(".py").split("/"))
    if "__init__" in names:
        names.update(strings)
    return names


def _is_there(module: str) -> bool:
    try:
        if module == ipython.LIBRARY:
            return True  # or what stands in for it
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _file_ids(strings: list[str]) -> list[str]:
    found = dict.fromkeys(text for text in strings if len(text) <= 200 and FILE_ID.fullmatch(text))
    return list(found)[:MAX_REPORTED]
