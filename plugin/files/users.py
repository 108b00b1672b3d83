"""Whose file it is. 5 and "5" are one user: Discord's libraries give ids as numbers, its API gives them as text."""

import re

UserId = int | str

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1  # what SQLite and BSON can hold
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}")


def spellings(user_id: UserId) -> tuple[UserId, UserId]:
    """Both forms in which a store may hold this user: 5 and "5" give the same two; "05" and "ann" have only one."""
    if isinstance(user_id, int):
        return user_id, str(user_id)
    if _NUMBER.fullmatch(user_id) and INT64_MIN <= int(user_id) <= INT64_MAX:
        return int(user_id), user_id
    return user_id, user_id
