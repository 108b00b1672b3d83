"""Whether a name is that of a time zone, as the IANA database has them."""

import asyncio
import zoneinfo

from ..errors import InvalidRequest

UTC = "UTC"
MAX_NAME = 64  # characters; the longest there is has 32

_known = {UTC}


async def checked(name: object) -> str:
    """The name itself; UTC for None.

    Raises:
        InvalidRequest: there is no such zone.
    """
    if name is None:
        return UTC
    if not isinstance(name, str):
        raise InvalidRequest(f"tz is a {type(name).__name__}; it must be a str such as 'Europe/Berlin'")
    if name not in _known:
        if len(name) > MAX_NAME or not await asyncio.to_thread(_is_there, name):
            raise InvalidRequest(
                f"tz is {name[:MAX_NAME]!r}, which is no IANA time zone; 'Europe/Berlin' is one, and 'UTC' the default"
            )
        _known.add(name)
    return name


def _is_there(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (
        ValueError,
        OSError,
        zoneinfo.ZoneInfoNotFoundError,
    ):  # a path that leads elsewhere, a directory, no zone's file
        return False
    return True
