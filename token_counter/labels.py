"""Names of strangers as a ledger keeps them: users, conversations, models. Different names stay different.

5 and "5" are one user: Discord's libraries give ids as numbers, its API gives them as text.
"""

import hashlib

from .errors import InvalidArgument, shown

MAX_CHARACTERS = 200

_MAX_BITS = 600  # of a number that is an id: what is longer would not fit, and takes long to write out


def user_label(user_id: object) -> str:
    """The one spelling of a user id.

    Raises:
        InvalidArgument: it is neither a number nor text, or it is empty.
    """
    if isinstance(user_id, int) and not isinstance(user_id, bool) and user_id.bit_length() <= _MAX_BITS:
        return str(int(user_id))
    if isinstance(user_id, str) and user_id:
        return label(user_id)
    what = "an empty str" if user_id == "" else f"a {type(user_id).__name__}"
    raise InvalidArgument(f"user_id is {what}; it must be the user's id, an int or a str")


def text_label(name: str, value: object) -> str:
    """A conversation or model as it is kept.

    Raises:
        InvalidArgument: it is no text.
    """
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} is {shown(value)}; it must be a str")
    return label(value)


def label(text: str) -> str:
    """The text itself where every database can hold it; else a likeness of it, with a digest that tells it from others."""
    head = text[:MAX_CHARACTERS]
    safe = head.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    if safe == text:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{safe[: MAX_CHARACTERS - 17]}~{digest}"
