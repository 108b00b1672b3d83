"""Tables of text: which encoding, delimiter and decimal sign they have, told from their first 64 KiB."""

import csv
import re
from collections import Counter
from typing import Any

from . import loaders_text, loading

# Where two fit equally well, the first: a comma stands in text and numbers too, the others seldom do.
DELIMITERS = "\t;|,"
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*%?")
_DECIMAL_POINT = re.compile(r"\s*[-+]?\d+\.\d+\s*%?")
NO_DELIMITER = "\x1f"  # ASCII's unit separator: a table of one column has none of the others, and pandas wants one


def read_csv(path: str, **options: Any) -> Any:
    """A DataFrame; an empty one of an empty file."""
    return _read(path, None, options)


def read_tsv(path: str, **options: Any) -> Any:
    """The same, with tabs if its first line has any."""
    return _read(path, "\t", options)


def _read(path: str, likely: str | None, options: dict[str, Any]) -> Any:
    pandas = loading.package("pandas", "pandas")
    head = loaders_text.content(path, loaders_text.SAMPLE_BYTES)
    encoding = options.get("encoding") or loaders_text.encoding(head)
    sample = head.decode(encoding, "ignore").removeprefix("\ufeff")
    if not sample.strip() and len(head) < loaders_text.SAMPLE_BYTES:
        return pandas.DataFrame()
    packed = {"compression": "gzip" if loaders_text.is_gzip(path) else None}
    asked = {"encoding": encoding} | packed | _found(sample, likely, options) | options
    try:
        return pandas.read_csv(path, **asked)
    except UnicodeDecodeError:
        if "encoding" in options:
            raise
        whole = loaders_text.content(path)  # beyond the sample stands what is no UTF-8
        asked["encoding"] = loaders_text.fallback(whole)
        return pandas.read_csv(path, **asked)
    except pandas.errors.ParserError as error:
        if options:
            raise
        raise loading.Unloadable(
            f"its lines do not fit together as a table ({loading.said(error)}); look at the text with "
            "open(), then give load_file what pandas.read_csv needs, such as sep=, skiprows= or on_bad_lines='skip'"
        ) from None


def _found(sample: str, likely: str | None, options: dict[str, Any]) -> dict[str, str]:
    """The dialect, less what the call itself says of it."""
    given = options.get("sep") or options.get("delimiter")
    found = dialect(sample, given, likely)
    if "delimiter" in options or "sep" in options:
        del found["sep"]
    return found


def dialect(sample: str, delimiter: str | None = None, likely: str | None = None) -> dict[str, str]:
    """What pandas.read_csv is to be told: `sep`, and `decimal` where numbers have a comma.

    Args:
        sample: the text's beginning; its last line may be cut off.
        delimiter: if it is known.
        likely: what it is wherever the first line has it.
    """
    lines = sample.splitlines(keepends=True)
    if len(lines) > 1 and len(sample) >= loaders_text.SAMPLE_BYTES // 4:
        lines.pop()
    sep = delimiter or (likely if likely and lines and likely in lines[0] else _delimiter(lines))
    found = {"sep": sep}
    if sep not in (",", NO_DELIMITER) and len(sep) == 1:
        cells = [cell for row in _rows(lines, sep)[1:] for cell in row]
        if any(map(_DECIMAL_COMMA.fullmatch, cells)) and not any(map(_DECIMAL_POINT.fullmatch, cells)):
            found["decimal"] = ","
    return found


def _delimiter(lines: list[str]) -> str:
    """The one that splits the header, and most other rows into as many fields."""
    best, best_score = NO_DELIMITER, (-1.0, 0)
    for candidate in DELIMITERS:
        widths = [len(row) for row in _rows(lines, candidate)]
        if not widths or widths[0] < 2:
            continue
        alike = Counter(widths)[widths[0]] / len(widths)
        score = (round(alike, 1), widths[0])
        if score > best_score:
            best, best_score = candidate, score
    return best


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    """The rows that are whole; blank ones are left out."""
    rows = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if row and any(row):
                rows.append(row)
    except csv.Error:  # a field of more than 128 KiB, or a carriage return in the middle
        pass
    return rows
