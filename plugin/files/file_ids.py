"""Ids of user files: `user_<user>_<unix time>_<random>`. The random part alone makes one impossible to guess."""

import re
import secrets
from typing import Any, TypeGuard

from .users import UserId

# Also the original's ids, <user>_<unix time>_<8 hex>. ASCII: an id is a file's name, and 255 bytes must hold it.
PATTERN = r"[\w.@-]{1,100}_\d{9,11}_[0-9A-Za-z]{6,40}"
_FILE_ID = re.compile(PATTERN, re.ASCII)
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9.@-]")
_USER_CHARACTERS = 40
_RANDOM_BYTES = 16


def new_file_id(user_id: UserId, now: float) -> str:
    """An id nobody had before.

    Args:
        now: seconds since 1970; for people who read the id, nothing depends on it.
    """
    user = _NOT_IN_IDS.sub("-", str(user_id)[:_USER_CHARACTERS])
    return f"user_{user}_{int(now):010d}_{secrets.token_hex(_RANDOM_BYTES)}"


def is_file_id(file_id: Any) -> TypeGuard[str]:
    """Whether it has the form of an id: such a text is also safe as a file's name."""
    return isinstance(file_id, str) and _FILE_ID.fullmatch(file_id) is not None
