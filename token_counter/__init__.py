"""Counting and pricing tokens, keeping what was billed, and reporting it.

Everything is loaded at first use, so that `import token_counter` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import Limit, Price, Settings
    from .errors import (
        BudgetExceeded,
        InvalidArgument,
        InvalidUsage,
        LedgerError,
        MissingExtra,
        SettingsError,
        TokenCounterError,
        UnpricedModel,
    )
    from .prices import Prices
    from .usage import Usage

_HOMES = {
    "BudgetExceeded": "errors",
    "InvalidArgument": "errors",
    "InvalidUsage": "errors",
    "LedgerError": "errors",
    "Limit": "config",
    "MissingExtra": "errors",
    "Price": "config",
    "Prices": "prices",
    "Settings": "config",
    "SettingsError": "errors",
    "TokenCounterError": "errors",
    "UnpricedModel": "errors",
    "Usage": "usage",
}

__all__ = [
    "BudgetExceeded",
    "InvalidArgument",
    "InvalidUsage",
    "LedgerError",
    "Limit",
    "MissingExtra",
    "Price",
    "Prices",
    "Settings",
    "SettingsError",
    "TokenCounterError",
    "UnpricedModel",
    "Usage",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
