"""Counting and pricing tokens, keeping what was billed, and reporting it.

Everything is loaded at first use, so that `import token_counter` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .budget import Threshold
    from .config import Limit, Price, Settings
    from .count import Count
    from .counter import TokenCounter
    from .errors import (
        BudgetExceeded,
        CalibrationFailed,
        CountingFailed,
        ExchangesUnreadable,
        InvalidArgument,
        InvalidUsage,
        LedgerError,
        MissingExtra,
        SettingsError,
        TokenCounterError,
        UnpricedModel,
        UnreadableRequest,
        VocabularyUnavailable,
    )
    from .ledger import Charge, Entry, Estimate, Ledger, Reservation, SqliteLedger, open_ledger
    from .prices import Prices
    from .usage import Usage

_HOMES = {
    "BudgetExceeded": "errors",
    "CalibrationFailed": "errors",
    "Charge": "ledger",
    "Count": "count",
    "CountingFailed": "errors",
    "Entry": "ledger",
    "Estimate": "ledger",
    "ExchangesUnreadable": "errors",
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
    "TokenCounter": "counter",
    "TokenCounterError": "errors",
    "UnpricedModel": "errors",
    "UnreadableRequest": "errors",
    "Usage": "usage",
    "VocabularyUnavailable": "errors",
    "open_ledger": "ledger",
}

__all__ = [
    "BudgetExceeded",
    "CalibrationFailed",
    "Charge",
    "Count",
    "CountingFailed",
    "Entry",
    "Estimate",
    "ExchangesUnreadable",
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
    "TokenCounter",
    "TokenCounterError",
    "UnpricedModel",
    "UnreadableRequest",
    "Usage",
    "VocabularyUnavailable",
    "open_ledger",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
