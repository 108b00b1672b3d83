"""Tool definitions for a model, and the check of the arguments that it sends back.

Everything is loaded at first use, so that `import schemas` costs next to nothing and only the first `validate` imports
jsonschema.
"""

TYPE_CHECKING = False  # checkers take the name for true; importing typing for it would be most of this import's time

if TYPE_CHECKING:
    from .bounds import Bounds as Bounds
    from .convert import chat_custom_tool as chat_custom_tool
    from .convert import chat_tools as chat_tools
    from .convert import responses_custom_tool as responses_custom_tool
    from .convert import responses_tools as responses_tools
    from .definitions import names as names
    from .errors import InvalidArguments as InvalidArguments
    from .validation import check as check
    from .validation import validate as validate

_MODULES = {
    "Bounds": "bounds",
    "InvalidArguments": "errors",
    "chat_custom_tool": "convert",
    "chat_tools": "convert",
    "check": "validation",
    "names": "definitions",
    "responses_custom_tool": "convert",
    "responses_tools": "convert",
    "validate": "validation",
}

__all__ = [
    "Bounds",
    "InvalidArguments",
    "chat_custom_tool",
    "chat_tools",
    "check",
    "names",
    "responses_custom_tool",
    "responses_tools",
    "validate",
]

if not TYPE_CHECKING:  # a type checker would take any name for an attribute of a module that has __getattr__

    def __getattr__(name):
        """PEP 562: import a public name's module when the name is first asked for."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        return globals()[name]

    def __dir__():
        return sorted({*globals(), *__all__})
