"""Times as people write them on a command line: 2026-11-01, 2026-11-01T12:00, 7d."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from .budget import midnight
from .errors import InvalidArgument, shown

_DAYS = re.compile(r"([0-9]{1,5})d")


def start(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The beginning of that day, or that time. `7d` is today and the six days before.

    Raises:
        InvalidArgument: it is none of these.
    """
    ago = _DAYS.fullmatch(text)
    if ago is not None:
        days = max(int(ago[1]) - 1, 0)
        today = now.astimezone(zone).date()
        return midnight(max(today, date.min + timedelta(days=days + 2)) - timedelta(days=days), zone)
    return _read("since", text, zone, timedelta(0))


def end(text: str, zone: ZoneInfo) -> datetime:
    """The end of that day, or that time: a day that is named is in the report.

    Raises:
        InvalidArgument: it is none of these.
    """
    return _read("until", text, zone, timedelta(days=1))


def _read(name: str, text: str, zone: ZoneInfo, add: timedelta) -> datetime:
    try:
        try:
            return midnight(date.fromisoformat(text) + add, zone)
        except ValueError:
            at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument(f"{name}: {shown(text)} is no time; 2026-11-01, 2026-11-01T12:00 and 7d are") from None
