"""cellblock's interpreter: a model's code runs in a warm, jailed sandbox and comes back as a result.

The names below are all there is for callers. They are imported at first use, so that `import plugin` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compat import (
        delete_user_file,
        execute_code,
        list_user_files,
        load_file,
        upload_file,
    )
    from .config import Settings
    from .dispatch.tools import run_tool
    from .errors import CellblockError
    from .interpreter import Interpreter
    from .result import ExecutionResult, GeneratedFile, Outcome

_HOMES = {
    "CellblockError": "errors",
    "ExecutionResult": "result",
    "GeneratedFile": "result",
    "Interpreter": "interpreter",
    "Outcome": "result",
    "Settings": "config",
    "delete_user_file": "compat",
    "execute_code": "compat",
    "list_user_files": "compat",
    "load_file": "compat",
    "run_tool": "dispatch.tools",
    "upload_file": "compat",
}

__all__ = [
    "CellblockError",
    "ExecutionResult",
    "GeneratedFile",
    "Interpreter",
    "Outcome",
    "Settings",
    "delete_user_file",
    "execute_code",
    "list_user_files",
    "load_file",
    "run_tool",
    "upload_file",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
