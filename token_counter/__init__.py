"""Counting and pricing tokens, keeping what was billed, and reporting it.

Everything is loaded at first use, so that `import token_counter` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .budget import Threshold
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
    from .ledger import Charge, Entry, Estimate, Ledger, Reservation, SqliteLedger, open_ledger
    from .prices import Prices
    from .usage import Usage

_HOMES = {
    "BudgetExceeded": "errors",
    "Charge": "ledger",
    "Entry": "ledger",
    "Estimate": "ledger",
    "InvalidArgument": "errors",
    "InvalidUsage": "errors",
    "Ledger": "ledger",
    "LedgerError": "errors",
    "Limit": "config",
    "MissingExtra": "errors",
    "Price": "config",
    "Prices": "prices",
    "Reservation": "ledger",
    "Settings": "config",
    "SettingsError": "errors",
    "SqliteLedger": "ledger",
    "Threshold": "budget",
    "TokenCounterError": "errors",
    "UnpricedModel": "errors",
    "Usage": "usage",
    "open_ledger": "ledger",
}

__all__ = [
    "BudgetExceeded",
    "Charge",
    "Entry",
    "Estimate",
    "InvalidArgument",
    "InvalidUsage",
    "Ledger",
    "LedgerError",
    "Limit",
    "MissingExtra",
    "Price",
    "Prices",
    "Reservation",
    "Settings",
    "SettingsError",
    "SqliteLedger",
    "Threshold",
    "TokenCounterError",
    "UnpricedModel",
    "Usage",
    "open_ledger",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
