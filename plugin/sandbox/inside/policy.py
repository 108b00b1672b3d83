"""What code may say, checked on its syntax tree before it runs: a clear, early answer for the model, never the wall.

The rules are rows of policy.toml. A name counts only where it means what the rule is about: `subprocess` imported is
refused, a variable of that name, a word in a string and `df.eval(...)` are not.
"""

import ast
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, str]

MAX_SHOWN = 150  # characters of a name or a source line that are told


@dataclass
class Facts:
    """What one walk over the tree found."""

    violations: list[dict[str, Any]] = field(default_factory=list)
    imports: list[dict[str, Any]] = field(default_factory=list)  # {name, line, optional}
    strings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Policy:
    """Rules by what they are about: a module and all beneath it, a dotted attribute, a builtin's name."""

    modules: dict[str, str]
    attributes: dict[str, str]
    builtins: dict[str, str]

    @classmethod
    def from_rows(cls, rows: list[Row]) -> "Policy":
        """Sort rows of policy.toml by their kind: module, attribute or builtin."""
        module, attribute, builtin = (
            {row["name"]: row["reason"] for row in rows if row["kind"] == kind}
            for kind in ("module", "attribute", "builtin")
        )
        return cls(module, attribute, builtin)

    def examine(self, tree: ast.Module, lines: list[str]) -> Facts:
        """Walk the tree once, in source order.

        Returns: violations as {what, line, source, reason}, imports, and every string literal.
        """
        walk = _Walk(self, lines)
        walk.collect_names(tree)
        walk.visit_all(tree)
        return walk.facts


class _Walk:
    def __init__(self, rules: Policy, lines: list[str]) -> None:
        self.rules = rules
        self.lines = lines
        self.facts = Facts()
        self.modules: dict[str, str] = {}  # local name -> the dotted name it was imported as
        self.rebound: set[str] = set()  # names that code itself binds, so that a builtin's name is not the builtin

    def collect_names(self, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    local = alias.asname or alias.name.partition(".")[0]
                    self.modules[local] = alias.name if alias.asname else local
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    self.modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.rebound.add(node.name)
            elif isinstance(node, ast.arg):
                self.rebound.add(node.arg)

    def visit_all(self, tree: ast.AST) -> None:
        # A stack of our own: hostile source nests deeper than Python recurses.
        waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
        while waiting:
            node, optional = waiting.pop()
            self.visit(node, optional)
            guarded = optional or (isinstance(node, ast.Try) and _expects_import_error(node))
            while isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                node = node.value  # a chain of attributes was looked at as a whole
            waiting.extend((child, guarded) for child in reversed(list(ast.iter_child_nodes(node))))

    def visit(self, node: ast.AST, optional: bool) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.check_import(node, alias.name, optional)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            if not self.check_import(node, node.module, optional):
                for alias in node.names:
                    self.check_attribute(node, f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Attribute):
            self.check_chain(node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self.check_builtin(node, node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.facts.strings.append(node.value)

    def check_import(self, node: ast.stmt, name: str, optional: bool) -> bool:
        reason = _of_module(self.rules.modules, name)
        if reason:
            self.refuse(node, f"import {name}", reason)
        else:
            self.facts.imports.append({"name": name[:MAX_SHOWN], "line": node.lineno, "optional": optional})
        return bool(reason)

    def check_chain(self, node: ast.Attribute) -> None:
        dotted = _dotted(node)
        root, _, rest = dotted.partition(".")
        if root in self.modules:
            self.check_attribute(node, f"{self.modules[root]}.{rest}")

    def check_attribute(self, node: ast.stmt | ast.expr, dotted: str) -> None:
        for depth in range(dotted.count("."), 0, -1):
            name = ".".join(dotted.split(".")[: depth + 1])
            reason = self.rules.attributes.get(name) or self.rules.modules.get(name)
            if reason:
                self.refuse(node, name, reason)
                return

    def check_builtin(self, node: ast.Name, name: str) -> None:
        if name in self.rules.builtins and name not in self.rebound and name not in self.modules:
            self.refuse(node, name, self.rules.builtins[name])

    def refuse(self, node: ast.stmt | ast.expr, what: str, reason: str) -> None:
        line = node.lineno
        shown = self.lines[line - 1].strip()[:MAX_SHOWN]
        self.facts.violations.append({"what": what[:MAX_SHOWN], "line": line, "source": shown, "reason": reason})


def _of_module(table: dict[str, str], name: str) -> str:
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        if reason := table.get(".".join(parts[:depth])):
            return reason
    return ""


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of a plain chain of names, else nothing."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(names)])


def _expects_import_error(node: ast.Try) -> bool:
    for handler in node.handlers:
        caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        for kind in caught:
            if kind is None or (
                isinstance(kind, ast.Name) and kind.id in {"ImportError", "ModuleNotFoundError", "Exception"}
            ):
                return True
    return False
