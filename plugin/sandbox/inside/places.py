"""Paths that stand in a cell's source, and whether what is there may be written."""

import ast
import posixpath
from dataclasses import dataclass

from .scopes import MAX_TEXT, Scope, dotted_name

_PATHS = ("pathlib.Path", "pathlib.PosixPath", "pathlib.PurePath", "pathlib.PurePosixPath")
_JOINS = ("os.path.join", "posixpath.join")
MAX_STEPS = 50  # from an expression to the texts that it consists of


@dataclass(frozen=True, slots=True)
class Text:
    """A text as far as the source shows it; `whole` where that is all of it, `is_path` where it is a pathlib.Path."""

    start: str
    whole: bool = True
    is_path: bool = False

    def then(self, other: "Text | None", separator: str = "") -> "Text":
        if not self.whole:
            return self
        if other is None:
            return Text(f"{self.start}{separator}"[:MAX_TEXT], False, self.is_path)
        if separator and other.start.startswith("/"):
            return Text(other.start, other.whole, self.is_path)
        return Text(f"{self.start}{separator}{other.start}"[:MAX_TEXT], other.whole, self.is_path)


def text_of(node: ast.AST | None, scope: Scope) -> Text | None:
    """The text of an expression, through the names that were given it; None where the source does not show its start."""
    return _Reading(scope).read(node)


class _Reading:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._steps = MAX_STEPS

    def read(self, node: ast.AST | None) -> Text | None:
        self._steps -= 1
        if self._steps < 0:
            return None
        match node:
            case ast.Constant(value=str(value)):
                return Text(value[:MAX_TEXT], len(value) <= MAX_TEXT)
            case ast.Name(id=name):
                return self.read(self._scope.value(name))
            case ast.JoinedStr(values=[ast.Constant(value=str(value)), *rest]):
                return Text(value[:MAX_TEXT], not rest)
            case ast.JoinedStr(values=[ast.FormattedValue(value=ast.expr() as value), *rest]):
                start = self.read(value)
                return start and start.then(self.read(ast.JoinedStr(rest)) if rest else Text(""))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                start = self.read(left)
                return start and start.then(self.read(right))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                start = self.read(left)
                return start.then(self.read(right), "/") if start and start.is_path else None
            case ast.Call(func=function, args=[first, *rest]):
                called = dotted_name(function, self._scope)
                start = self.read(first) if called in (*_PATHS, *_JOINS) else None
                if start is None:
                    return None
                text = Text(start.start, start.whole, called in _PATHS)
                for part in rest[:MAX_STEPS]:
                    text = text.then(self.read(part), "/")
                return text
        return None


class Places:
    """Where code may write.

    Args:
        writable: directories beneath which it may, and devices.
    """

    def __init__(self, writable: tuple[str, ...]) -> None:
        self._writable = writable

    def is_outside(self, text: Text) -> bool:
        """Whether a path, whatever its unseen rest is, leads where nothing can be written."""
        path = text.start
        if text.whole:
            place = posixpath.normpath(path) if path else "."
        else:  # what stands before the last slash is sure
            place = posixpath.normpath(path.rpartition("/")[0] or "/") if "/" in path else "."
        if place == ".." or place.startswith("../"):
            return True
        if not place.startswith("/"):
            return False
        place = f"/{place.lstrip('/')}"
        if any(place == root or place.startswith(f"{root}/") for root in self._writable):
            return False
        return text.whole or not any(root.startswith(path) for root in self._writable)
