"""What names mean in a cell's source: which are imported, which hold a text, which are the code's own. Nothing is run.

Scopes are Python's (docs.python.org, "Naming and binding"): a function, class, lambda or comprehension has its own, names of a
class are not seen in its methods, `global` binds outside. A name is looked at as a whole scope has it, wherever it is bound.
"""

import ast
import builtins
from typing import NamedTuple

MAX_TEXT = 300  # characters of a path or a dotted name that are looked at
BUILTINS = frozenset(vars(builtins))  # as they are before code runs
OWN = ""  # a name to which code gives a value of its own

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_OF_IMPORTS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")
_LOOKED_AT = (
    ast.Import, ast.ImportFrom, ast.Attribute, ast.Subscript, ast.Call,
)  # fmt: skip


class Scope:
    """The names of one scope: `imports` name -> dotted name; `values` name -> the one expression bound to it, or None."""

    __slots__ = ("elsewhere", "imports", "is_class", "is_comprehension", "parent", "values")

    def __init__(self, parent: "Scope | None", *, is_class: bool = False, is_comprehension: bool = False) -> None:
        self.parent = parent
        self.is_class = is_class
        self.is_comprehension = is_comprehension
        self.imports: dict[str, str] = {}
        self.values: dict[str, ast.expr | None] = {}
        self.elsewhere: dict[str, Scope] = {}  # names that `global` or `nonlocal` says are bound there

    def bind(self, name: str, value: ast.expr | None = None) -> None:
        values = self.elsewhere.get(name, self).values
        values[name] = value if name not in values else None

    def find(self, name: str) -> "Scope | None":
        """The scope that binds a name as it is seen from here; None where none does, and a builtin is meant."""
        scope: Scope | None = self.elsewhere.get(name, self)
        while scope is not None:
            if name in scope.values or name in scope.imports:
                return scope
            scope = scope.parent
            while scope is not None and scope.is_class:
                scope = scope.parent
        return None

    def dotted(self, name: str) -> str:
        """What a name was imported as, `builtins.name` where it is a builtin, else OWN."""
        scope = self.find(name)
        if scope is not None:
            return scope.imports.get(name, OWN)
        if name == "__builtins__":
            return "builtins"
        return f"builtins.{name}" if name in BUILTINS else OWN

    def value(self, name: str) -> ast.expr | None:
        """The expression that a name was bound to, where that happened once."""
        scope = self.find(name)
        return scope.values.get(name) if scope is not None else None


class Seen(NamedTuple):
    """A node that a rule may be about; `optional`: in a `try` that expects ImportError, or for type checkers only."""

    node: ast.AST
    scope: Scope
    optional: bool


def survey(tree: ast.Module, star: dict[str, list[str]]) -> tuple[list[Seen], set[str]]:
    """Walk the tree once, in source order, every parent before its children.

    Args:
        star: what `from module import *` brings that rules are about: module -> names.

    Returns: what was seen, and the names of the methods that code defines.
    """
    seen: list[Seen] = []
    methods: set[str] = set()
    outermost = Scope(None)
    # A stack of our own: hostile source nests deeper than Python recurses.
    waiting: list[tuple[ast.AST, Scope, bool]] = [(tree, outermost, False)]
    while waiting:
        node, scope, optional = waiting.pop()
        kind = type(node)
        if kind is ast.Constant:
            if isinstance(node.value, str):  # type: ignore[attr-defined]
                seen.append(Seen(node, scope, optional))
            continue
        if kind in _LOOKED_AT:
            seen.append(Seen(node, scope, optional))
        if kind is ast.Name:
            if isinstance(node.ctx, ast.Load):  # type: ignore[attr-defined]
                seen.append(Seen(node, scope, optional))
            else:
                scope.bind(node.id)  # type: ignore[attr-defined]
            continue
        inner = _bind(node, scope, outermost, star)
        if scope.is_class and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            methods.add(node.name)
        optional = optional or _is_optional(node)
        if isinstance(node, _FUNCTIONS):
            arguments = node.args
            outside = [*getattr(node, "decorator_list", ()), *arguments.defaults, *filter(None, arguments.kw_defaults)]
            body = [node.body] if isinstance(node.body, ast.expr) else node.body  # annotations say nothing
            waiting.extend((child, inner, optional) for child in reversed(body))
            waiting.extend((child, scope, optional) for child in reversed(outside))
            continue
        if isinstance(node, ast.Assign) and _is_plain(node):
            waiting.append((node.value, scope, optional))  # `_bind` has seen the name
            continue
        for name in reversed(node._fields):
            child = getattr(node, name, None)
            if type(child) is list:
                waiting.extend((each, inner, optional) for each in reversed(child) if isinstance(each, ast.AST))
            elif isinstance(child, ast.AST) and name not in ("ctx", "op", "annotation"):
                waiting.append((child, inner, optional))
    return seen, methods


def _bind(node: ast.AST, scope: Scope, outermost: Scope, star: dict[str, list[str]]) -> Scope:
    """Note the names that a node binds; returns the scope of what is within it."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            scope.bind(name)
            return _of_function(node.args, scope)
        case ast.Lambda():
            return _of_function(node.args, scope)
        case ast.ClassDef(name=name):
            scope.bind(name)
            return Scope(scope, is_class=True)
        case ast.Import():
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                scope.imports[local] = (alias.name if alias.asname else local)[:MAX_TEXT]
        case ast.ImportFrom():
            for alias in node.names:
                if alias.name == "*":
                    scope.imports.update({name: f"{node.module}.{name}" for name in star.get(node.module or ".", ())})
                elif node.level:
                    scope.bind(alias.asname or alias.name)
                else:
                    scope.imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"[:MAX_TEXT]
        case ast.Assign() if _is_plain(node):
            name, value = node.targets[0].id, node.value  # type: ignore[attr-defined]
            meant = dotted_name(value, scope)
            if meant:  # `o = os`, `e = eval`: the name is what it was given
                scope.imports.setdefault(name, meant)
            else:
                scope.bind(name, value)
        case ast.NamedExpr(target=ast.Name(id=name)):
            while scope.is_comprehension and scope.parent is not None:
                scope = scope.parent
            scope.bind(name)
        case ast.Global(names=names):
            scope.elsewhere.update(dict.fromkeys(names, outermost))
        case ast.Nonlocal(names=names) if scope.parent is not None:
            scope.elsewhere.update({name: scope.parent.find(name) or scope.parent for name in names})
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            scope.bind(name)
        case ast.MatchMapping(rest=str(name)):
            scope.bind(name)
        case _ if isinstance(node, _COMPREHENSIONS):
            return Scope(scope, is_comprehension=True)
    return scope


def _of_function(arguments: ast.arguments, parent: Scope) -> Scope:
    scope = Scope(parent)
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    for argument in filter(None, every):
        scope.bind(argument.arg)
    return scope


def _is_plain(node: ast.Assign) -> bool:
    return len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)


def dotted_name(node: ast.expr, scope: Scope) -> str:
    """The dotted name of a plain chain of names that begins with an import or a builtin."""
    names: list[str] = []
    while isinstance(node, ast.Attribute) and len(names) < 8:
        names.append(node.attr)
        node = node.value
    root = scope.dotted(node.id) if isinstance(node, ast.Name) else ""
    return ".".join((root, *reversed(names)))[:MAX_TEXT] if root else ""


def _is_optional(node: ast.AST) -> bool:
    if isinstance(node, ast.Try):
        return any(_expects_import_error(handler.type) for handler in node.handlers)
    if isinstance(node, ast.If):
        test = node.test
        return (test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")) == "TYPE_CHECKING"
    return False


def _expects_import_error(caught: ast.expr | None) -> bool:
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _OF_IMPORTS) for kind in kinds)
