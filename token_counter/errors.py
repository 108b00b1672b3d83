"""What is refused and what troubles the operator.

    TokenCounterError
    ├── UnreadableRequest       what was given is no request of either API
    ├── VocabularyUnavailable   a tokenizer's vocabulary cannot be read
    ├── CountingFailed          the server that counts did not answer
    ├── CalibrationFailed       the server's counts follow no rule that is known here
    ├── ExchangesUnreadable     a file of recorded exchanges cannot be read
    ├── UnknownImageRule        image_rules.toml has no row of that name
    ├── ImageError              what an image costs cannot be told
    │   ├── ImageUnreadable     these bytes are no header of an image that the API takes
    │   │   └── SizeNotReached  they are, and end before the size
    │   ├── LinkRefused         a link that must not be fetched: scheme, host, port or address
    │   ├── LinkGone            a link whose time has passed, or whose image was taken away
    │   └── LinkFailed          the server of a link did not give the first bytes of an image
    ├── RefreshFailed           Discord did not renew its links
    ├── InvalidArgument         an argument is of the wrong type, size or value
    ├── InvalidUsage            a usage object whose numbers cannot be a bill
    ├── BudgetExceeded          the request would go over a limit; it must not be sent
    ├── UnpricedModel           a dollar limit applies, and nobody knows what the model costs
    ├── SettingsError           settings that cannot be used
    ├── LedgerError             the ledger's database failed
    └── MissingExtra            an optional dependency is not installed

Each message says what happened, where, and what to do about it.
"""

from datetime import datetime
from decimal import Decimal

SHOWN_CHARACTERS = 60  # of one echoed value


class TokenCounterError(Exception):
    """The root: whatever this library raises by itself."""


class UnreadableRequest(TokenCounterError, ValueError):
    """What was given is no request of either API: a message that is no dict, a tool without a name, a schema in circles."""


class VocabularyUnavailable(TokenCounterError):
    """A tokenizer's vocabulary is neither on this machine nor in the package that ships it."""


class CountingFailed(TokenCounterError):
    """The server that counts did not answer, or not with a count."""


class CalibrationFailed(TokenCounterError):
    """The server's counts follow no vocabulary and no frame of messages that is known here; nothing was written."""


class ExchangesUnreadable(TokenCounterError):
    """A file of recorded exchanges cannot be read; the message says which line, and what an exchange is."""


class UnknownImageRule(TokenCounterError):
    """image_rules.toml has no row of that name."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        super().__init__(f"no image rule is named '{name}'; image_rules.toml has {', '.join(known)}")


class ImageError(TokenCounterError):
    """What an image costs cannot be told."""


class ImageUnreadable(ImageError):
    """These bytes are no header of an image that the API takes."""


class SizeNotReached(ImageUnreadable):
    """They are the header of such an image, and end before its size, or state one that none can have."""


class LinkRefused(ImageError):
    """A link that must not be fetched: its scheme, host, port or address is not allowed."""


class LinkGone(ImageError):
    """A link whose time has passed, or whose image was taken away: the API cannot read it either, so it costs nothing."""


class LinkFailed(ImageError):
    """The server of a link did not give the first bytes of an image."""


class RefreshFailed(TokenCounterError):
    """Discord did not renew its links."""


class InvalidArgument(TokenCounterError, ValueError):
    """An argument is of the wrong type, size or value; nothing was changed."""


class InvalidUsage(TokenCounterError, ValueError):
    """A usage object that cannot be read as a bill: a negative number, more cached tokens than there were, no numbers."""


class BudgetExceeded(TokenCounterError):
    """The request would go over a limit. Nothing was reserved: do not send it.

    Attributes:
        user_id: whose request it was.
        per, unit: of the limit: "day" or "month"; "dollars" or "tokens".
        limit, spent, reserved, asked: amounts of that unit; `reserved` is what requests under way may still cost.
        resets_at: when the window ends, in UTC.
    """

    def __init__(
        self,
        *,
        user_id: str,
        everyone: bool,
        per: str,
        unit: str,
        limit: Decimal | int,
        spent: Decimal | int,
        reserved: Decimal | int,
        asked: Decimal | int,
        resets_at: datetime,
    ) -> None:
        self.user_id, self.everyone, self.per, self.unit = user_id, everyone, per, unit
        self.limit, self.spent, self.reserved, self.asked, self.resets_at = limit, spent, reserved, asked, resets_at
        whose = "all users together" if everyone else f"user {shown(user_id)}"
        super().__init__(
            f"this request may cost {_amount(asked, unit)}, and {whose} have {_amount(limit, unit)} a {per}: "
            f"{_amount(spent, unit)} are spent, {_amount(reserved, unit)} reserved. "
            f"Wait until {resets_at:%Y-%m-%d %H:%M} UTC, ask for less, or raise the limit in `budgets`"
        )


class UnpricedModel(TokenCounterError):
    """A dollar limit applies to the user, and nobody knows what the model costs. Nothing was reserved: do not send it."""

    def __init__(self, model: str | None, user_id: str) -> None:
        self.model, self.user_id = model, user_id
        which = "no model was named" if model is None else f"nobody knows the price of model {shown(model)}"
        super().__init__(
            f"user {shown(user_id)} has a limit in dollars, and {which}: set its price in `prices`, "
            "or add a limit in tokens to `budgets`"
        )


class SettingsError(TokenCounterError):
    """Settings that cannot be used."""


class LedgerError(TokenCounterError):
    """The ledger's database failed; what it had acknowledged is safe."""


class MissingExtra(TokenCounterError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{what} needs packages that are not installed: `pip install 'cellblock[{extra}]'`")


def shown(value: object) -> str:
    """A value of strangers, short and printable, as a message may echo it."""
    text = value if isinstance(value, str) else repr(value) if isinstance(value, int) else type(value).__name__
    head = text[: SHOWN_CHARACTERS + 1]
    safe = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in head)
    return f"'{safe}'" if len(safe) <= SHOWN_CHARACTERS else f"'{safe[: SHOWN_CHARACTERS - 3]}...'"


def _amount(amount: Decimal | int, unit: str) -> str:
    return f"${amount:.6f}".rstrip("0").rstrip(".") if unit == "dollars" else f"{amount:,} tokens"
