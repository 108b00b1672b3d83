"""Days of a time zone in SQL: SQLite knows UTC and fixed offsets only."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .sqlite_rows import as_text

# No zone changes its offset twice within a week; the shortest time between is Morocco's Ramadan.
_STEP = timedelta(days=7)
_AS_KEPT = {"%Y-%m-%d": 10, "%Y-%m": 7}  # what a time's text begins with, where the zone is UTC


def local(format_: str, zone: ZoneInfo, first: datetime, last: datetime) -> str:
    """An SQL expression that writes the column `at` as the zone's clock shows it. It holds no text of strangers.

    Args:
        format_: of strftime, such as "%Y-%m-%d".
        first, last: no `at` is outside.
    """
    *earlier, (_, offset) = _offsets(zone, first, last)
    if not earlier and not offset and format_ in _AS_KEPT:
        return f"substr(at, 1, {_AS_KEPT[format_]})"  # a fifth of the time
    if not earlier:
        return f"strftime('{format_}', at, '{offset:+d} seconds')"
    cases = " ".join(f"WHEN at < '{as_text(end)}' THEN '{seconds:+d} seconds'" for end, seconds in earlier)
    return f"strftime('{format_}', at, CASE {cases} ELSE '{offset:+d} seconds' END)"


def _offsets(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[tuple[datetime, int]]:
    """Pairs of: until when, and by how many seconds the zone's clock is ahead of UTC."""
    at, offset = first, _offset(zone, first)
    while at < last:
        step = min(at + _STEP, last)
        following = _offset(zone, step)
        if following != offset:
            yield _change(zone, at, step), offset
        at, offset = step, following
    yield last, offset


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The second at which the offset changes, between two times."""
    before, start, seconds = _offset(zone, low), low.replace(microsecond=0), int((high - low).total_seconds()) + 1
    reach = 0
    while seconds > reach + 1:
        middle = (reach + seconds) // 2
        if _offset(zone, start + timedelta(seconds=middle)) == before:
            reach = middle
        else:
            seconds = middle
    return start + timedelta(seconds=seconds)


def _offset(zone: ZoneInfo, at: datetime) -> int:
    difference = at.astimezone(zone).utcoffset()
    return 0 if difference is None else round(difference.total_seconds())
