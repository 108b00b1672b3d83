"""What callers say about a file, checked before anything is read or written."""

import json
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequest
from .names import clean_filename
from .users import INT64_MAX, INT64_MIN, UserId

MAX_USER_CHARACTERS = 200
MAX_FILE_TYPE_CHARACTERS = 100
MAX_METADATA_CHARACTERS = 16_384


def checked_user(user_id: Any) -> UserId:
    """The id as given.

    Raises:
        InvalidRequest: neither an int of 64 bits nor a text of 1 to 200 characters. True is no user.
    """
    if isinstance(user_id, int) and not isinstance(user_id, bool) and INT64_MIN <= user_id <= INT64_MAX:
        return int(user_id)
    if isinstance(user_id, str) and 0 < len(user_id) <= MAX_USER_CHARACTERS and _is_unicode(user_id):
        return user_id
    raise InvalidRequest(
        f"user_id must be an int of 64 bits or a str of 1 to {MAX_USER_CHARACTERS} characters; "
        f"this {type(user_id).__name__} is neither"
    )


def checked_filename(filename: Any) -> str:
    """The name under which the file is kept.

    Raises:
        InvalidRequest: it is no text.
    """
    if not isinstance(filename, str):
        raise InvalidRequest(f"filename must be a str, not {type(filename).__name__}")
    return clean_filename(filename)


def checked_file_type(file_type: Any) -> str | None:
    """The type as given; None where none is.

    Raises:
        InvalidRequest: it is no text of at most 100 printable characters.
    """
    if file_type is None or file_type == "":
        return None
    if isinstance(file_type, str) and len(file_type) <= MAX_FILE_TYPE_CHARACTERS and file_type.isprintable():
        return file_type
    raise InvalidRequest(
        f"file_type must be a str such as 'csv', of at most {MAX_FILE_TYPE_CHARACTERS} printable characters; "
        f"this {type(file_type).__name__} is not"
    )


def checked_metadata(metadata: Any) -> Mapping[str, Any] | None:
    """A copy as JSON would give it back; None where there is none.

    Raises:
        InvalidRequest: it is no dict, JSON cannot express it, or its JSON is longer than 16,384 characters.
    """
    if metadata is None:
        return None
    try:
        text = json.dumps(metadata)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"metadata must be a dict that JSON can express: {error}") from None
    if not isinstance(metadata, dict) or len(text) > MAX_METADATA_CHARACTERS:
        raise InvalidRequest(f"metadata must be a dict of at most {MAX_METADATA_CHARACTERS} characters as JSON")
    checked: dict[str, Any] = json.loads(text)
    return checked


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
