"""Cost reports as files: csv, json, parquet. What strangers named cannot become a formula where a file is opened."""

import io
from typing import TYPE_CHECKING

from .errors import MissingExtra

if TYPE_CHECKING:
    import pandas

# What spreadsheets read as the beginning of a formula, plain and in full width:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def as_csv(frame: "pandas.DataFrame") -> bytes:
    """UTF-8, with a header. A name that looks like a formula gets an apostrophe before it."""
    text: str = frame.map(_defused).to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")
    return text.encode()


def as_json(frame: "pandas.DataFrame") -> bytes:
    """A list of objects; unknown numbers are null, days 2026-11-03."""
    dated = frame.copy()
    for name in dated.columns.intersection(["day", "month"]):
        dated[name] = dated[name].dt.strftime("%Y-%m-%d")
    text: str = dated.to_json(orient="records", indent=2, double_precision=12, force_ascii=False)
    return f"{text}\n".encode()


def as_parquet(frame: "pandas.DataFrame") -> bytes:
    """Snappy-compressed; days are timestamps, names text.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    target = io.BytesIO()
    typed = frame.astype(dict.fromkeys(frame.select_dtypes("object"), "string"))
    try:
        typed.to_parquet(target, engine="pyarrow", index=False)
    except ImportError:
        raise MissingExtra("a parquet file", "costs") from None
    return target.getvalue()


def _defused(value: object) -> object:
    if isinstance(value, str) and value.lstrip(" \u00a0\u3000").startswith(_FORMULA):
        return f"'{value}"
    return value
