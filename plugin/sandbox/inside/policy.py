"""What code may say, checked on its syntax tree before it runs: a clear, early answer for the model, never the wall.

The rules are rows of policy.toml. A name counts only where it means what the rule is about: `subprocess` imported is
refused, a variable of that name, a word in a string and `df.eval(...)` are not.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .places import Places, Text, text_of
from .scopes import MAX_TEXT, OWN, Scope, survey

Row = dict[str, str]

MAX_SHOWN = 150  # characters of a name or a source line that are told
MAX_VIOLATIONS = 20
MAX_DOTS = 8
# From any object to all classes there are: `().__class__.__base__.__subclasses__()`.
ANY_CLASS = "*"
_UPWARDS = ("__base__", "__bases__", "__mro__", "mro")
_LITERALS = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.JoinedStr)
ALL_CLASSES = "builtins.object.__subclasses__"


@dataclass
class Facts:
    """What one walk over the tree found."""

    violations: list[dict[str, Any]] = field(default_factory=list)
    imports: list[dict[str, Any]] = field(default_factory=list)  # {name, line, optional}
    strings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Policy:
    """Rules by what they are about.

    Attributes:
        modules: name -> reason, for it and all beneath it.
        names: dotted name -> reason; a builtin's is `builtins.name`.
        writers: dotted name, `.name` of a method or `Path.name` -> the row that says where its path and mode stand.
        writable: where files may be written.
        star: module -> the names of it that rules are about.
    """

    modules: dict[str, str]
    names: dict[str, str]
    writers: dict[str, Row]
    writable: tuple[str, ...]
    star: dict[str, list[str]]

    @classmethod
    def from_rows(cls, rows: list[Row]) -> "Policy":
        """Sort rows of policy.toml by their kind."""
        by_kind: dict[str, dict[str, Row]] = {}
        for row in rows:
            by_kind.setdefault(row["kind"], {})[row["name"]] = row
        names = {name: row["reason"] for name, row in by_kind.get("attribute", {}).items()}
        names |= {f"builtins.{name}": row["reason"] for name, row in by_kind.get("builtin", {}).items()}
        modules = {name: row["reason"] for name, row in by_kind.get("module", {}).items()}
        writers = by_kind.get("writer", {})
        star: dict[str, list[str]] = {}
        for dotted in (*names, *writers):
            module, _, name = dotted.rpartition(".")
            star.setdefault(module, []).append(name)
        return cls(modules, names, writers, tuple(by_kind.get("writable", {})), star)

    def examine(self, tree: ast.Module, lines: list[str], is_there: Callable[[str], bool]) -> Facts:
        """Walk the tree.

        Args:
            is_there: whether a module, given its top-level name, can be imported.

        Returns: the first violations as {what, line, source, reason}, imports, and every string literal, in source order.
        """
        examination = _Examination(self, is_there)
        examination.run(tree)
        facts = examination.facts
        for (line, _), what, reason in sorted(examination.refused)[:MAX_VIOLATIONS]:
            shown = lines[line - 1].strip()[:MAX_SHOWN]
            facts.violations.append({"what": what[:MAX_SHOWN], "line": line, "source": shown, "reason": reason})
        return facts


class _Examination:
    def __init__(self, rules: Policy, is_there: Callable[[str], bool]) -> None:
        self.rules = rules
        self.is_there = is_there
        self.facts = Facts()
        self.refused: list[tuple[tuple[int, int], str, str]] = []
        self.told: set[str] = set()  # modules that an import statement named: their use is no news
        self.meant: dict[int, str] = {}  # of an expression: the dotted name that it leads to
        self.places = Places(rules.writable)
        self.moves = False  # the code changes its working directory, so that `../x` may lie within it
        self.escapes: list[tuple[ast.AST, str, str]] = []
        self.methods: set[str] = set()

    def run(self, tree: ast.Module) -> None:
        seen, self.methods = survey(tree, self.rules.star)
        for node, _, optional in seen:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.check_import(node, alias.name, optional)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                if not self.check_import(node, node.module, optional):
                    for alias in node.names:
                        self.check_name(node, f"{node.module}.{alias.name}")
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.facts.strings.append(node.value)
        for node, scope, _ in reversed(seen):  # children before their parents
            self.look_at(node, scope)
        if not self.moves:
            for node, what, reason in self.escapes:
                self.refuse(node, what, reason)

    def look_at(self, node: ast.AST, scope: Scope) -> None:
        dotted = OWN
        if isinstance(node, ast.Name):
            dotted = scope.dotted(node.id)
            self.check_name(node, dotted)
        elif isinstance(node, ast.Attribute):
            dotted = self.attribute(node, node.value, node.attr)
        elif isinstance(node, ast.Subscript):
            dotted = self.item(node.value, text_of(node.slice, scope))
            self.check_name(node, dotted)
        elif isinstance(node, ast.Call):
            called = self.meant.get(id(node.func), OWN)
            self.moves = self.moves or called in ("os.chdir", "contextlib.chdir")
            dotted = self.result(node, called, scope)
            self.check_writing(node, called, scope)
        if dotted:
            self.meant[id(node)] = dotted[:MAX_TEXT]

    # ---- what an expression leads to

    def attribute(self, node: ast.expr, value: ast.expr, name: str) -> str:
        if name == "__builtins__":
            return "builtins"
        base = self.meant.get(id(value), OWN)
        if name == "__subclasses__" and base in (ANY_CLASS, "builtins.object", "builtins.type"):
            self.check_name(node, ALL_CLASSES)
        if base == ANY_CLASS or name in _UPWARDS or (name == "__class__" and isinstance(value, _LITERALS)):
            return ANY_CLASS
        if not base or base.count(".") >= MAX_DOTS:
            return OWN
        dotted = base if name == "__dict__" else f"{base}.{name}"
        self.check_name(node, dotted)
        return dotted

    def item(self, value: ast.expr, key: Text | None) -> str:
        """`sys.modules['os']`, `vars(os)['system']`, `__builtins__['eval']`, `f.__globals__['__builtins__']`."""
        base = self.meant.get(id(value), OWN)
        if base == ANY_CLASS:
            return ANY_CLASS
        if key is None or not key.whole:
            return OWN
        if key.start == "__builtins__":
            return "builtins"
        if base == "sys.modules":
            return key.start
        return f"{base}.{key.start}" if base and base.count(".") < MAX_DOTS else OWN

    def result(self, call: ast.Call, called: str, scope: Scope) -> str:
        """`getattr(os, 'system')`, `vars(os)`, `sys.modules.get('os')`; what a method of a chain to all classes returns."""
        if called == ANY_CLASS:
            return ANY_CLASS
        if called == "builtins.vars" and len(call.args) == 1:
            return self.meant.get(id(call.args[0]), OWN)
        if called in ("sys.modules.get", "sys.modules.pop", "sys.modules.__getitem__") and call.args:
            key = text_of(call.args[0], scope)
            dotted = key.start if key and key.whole else OWN
            self.check_name(call, dotted)
            return dotted
        if called == "builtins.getattr" and len(call.args) >= 2:
            key = text_of(call.args[1], scope)
            return self.attribute(call, call.args[0], key.start) if key and key.whole else OWN
        return OWN

    # ---- the rules

    def check_import(self, node: ast.stmt, name: str, optional: bool) -> bool:
        self.told.add(name)
        reason = _of_module(self.rules.modules, name)
        # Where it is not there, code that is ready for that goes on without it, as on any machine that has it not.
        if reason and not (optional and not self.is_there(name.partition(".")[0])):
            self.refuse(node, f"import {name}", reason)
            return True
        self.facts.imports.append({"name": name[:MAX_SHOWN], "line": node.lineno, "optional": optional})
        return False

    def check_name(self, node: ast.AST, dotted: str) -> None:
        reason = self.rules.names.get(dotted)
        if not reason and dotted not in self.told and (reason := self.rules.modules.get(dotted)):
            self.told.add(dotted)
        while not reason and dotted.count(".") > 1:  # `shutil.os.system`
            dotted = dotted.partition(".")[2].lstrip("_")
            reason = self.rules.names.get(dotted)
        if reason:
            self.refuse(node, dotted.removeprefix("builtins."), reason)

    def check_writing(self, call: ast.Call, called: str, scope: Scope) -> None:
        row, path = self.rules.writers.get(called.removeprefix("builtins.")), None
        if row is None and isinstance(call.func, ast.Attribute):
            name = call.func.attr
            receiver = text_of(call.func.value, scope)
            if receiver is not None and receiver.is_path and (row := self.rules.writers.get(f"Path.{name}")):
                path = receiver
            elif name not in self.methods:
                row = self.rules.writers.get(f".{name}")
        if row is None or ("mode" in row and not self.writes(_argument(call, row["mode"]), scope)):
            return
        paths = [text_of(_argument(call, each), scope) for each in row.get("path", "").split()]
        for text in (path, *paths):
            if text is not None and self.places.is_outside(text):
                what = (row["name"] + f"({text.start!r}")[:MAX_SHOWN] + ("" if text.whole else "...") + ")"
                if text.start.startswith("/"):
                    self.refuse(call, what, row["reason"])
                else:
                    self.escapes.append((call, what, row["reason"]))
                return

    def writes(self, mode: ast.expr | None, scope: Scope) -> bool:
        text = text_of(mode, scope)
        return text is not None and not set(text.start[:8]).isdisjoint("wax+")

    def refuse(self, node: Any, what: str, reason: str) -> None:
        self.refused.append(((node.lineno, node.col_offset), what, reason))


def _argument(call: ast.Call, where: str) -> ast.expr | None:
    """One that is written `0` or `0:name`: by its place or by its name."""
    place, _, name = where.partition(":")
    if len(call.args) > int(place):
        return call.args[int(place)]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _of_module(table: dict[str, str], name: str) -> str:
    parts = name.split(".")[:MAX_DOTS]
    for depth in range(len(parts), 0, -1):
        if reason := table.get(".".join(parts[:depth])):
            return reason
    return ""
