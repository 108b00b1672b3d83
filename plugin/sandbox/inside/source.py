"""A cell's source, parsed once: what the policy says of it, what it imports, which file ids it names."""

import ast
import importlib.util
import io
import linecache
import re
import sys
import types
from typing import Any

from . import methods, policy, tracebacks

NAME = "<cell>"
MAX_REPORTED = 100  # imports and ids each: a report must fit into one frame
MAX_VIOLATIONS = 20
# `user_<user>_<unix time>_<random>` and the original's `<user>_<unix time>_<8 hex>`
FILE_ID = re.compile(r"[\w.@-]{1,100}_\d{9,11}_[0-9A-Za-z]{6,40}", re.ASCII)


def parse(text: str, rules: policy.Policy) -> tuple[types.CodeType | None, dict[str, Any]]:
    """Parse, check and scan.

    Returns: the code, or None where Python refuses the source, and the report that the host is told: `error`, Python's own
    complaint; `violations` of the policy; `imports` that would fail now; `file_ids` that stand in it as literals; `methods`, as
    methods.py says.
    """
    # Tracebacks show source lines through this cache; there is no file to read them from.
    lines = io.StringIO(text, newline=None).readlines()  # where Python's own tokenizer sees line ends
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"  # as linecache does: traceback's carets count on it
    linecache.cache[NAME] = (len(text), None, lines, NAME)
    report: dict[str, Any] = {
        "op": "parsed",
        "error": "",
        "violations": [],
        "imports": [],
        "file_ids": [],
        "methods": [],
    }
    try:  # what Python warns of goes to the cell's standard error, as a script's does
        tree = ast.parse(text, NAME)
        code = compile(tree, NAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return None, report | {"error": tracebacks.render(error)}
    facts = policy.Facts()
    try:
        facts = rules.examine(tree, lines)
    except RecursionError:
        return None, report | {"error": "RecursionError: the source is nested too deeply to be checked"}
    report["violations"] = facts.violations[:MAX_VIOLATIONS]
    report["imports"] = _missing(facts)[:MAX_REPORTED]
    report["file_ids"] = _file_ids(facts.strings)
    report["methods"] = methods.used(code)
    return code, report


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
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _file_ids(strings: list[str]) -> list[str]:
    found = dict.fromkeys(text for text in strings if len(text) <= 200 and FILE_ID.fullmatch(text))
    return list(found)[:MAX_REPORTED]
