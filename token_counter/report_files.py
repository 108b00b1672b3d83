"""Cost reports as files: csv, json, parquet. What strangers named cannot become a formula where a file is opened."""

import io
import re
from typing import TYPE_CHECKING

from .errors import MissingExtra

if TYPE_CHECKING:
    import pandas

# Where spreadsheets read a formula: at the beginning of a cell, plain and in full width, and after what some of them,
# by the country they are set to, take for the end of a cell: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(
    "^(?=[ \u00a0\u3000]*[\t\r\n])|(?:^|(?<=[;,\t\r\n]))(?=[ \u00a0\u3000]*[=+\\-@|\uff1d\uff0b\uff0d\uff20])"
)


def as_csv(frame: "pandas.DataFrame") -> bytes:
    """UTF-8, with a header. What looks like a formula in a name gets an apostrophe before it."""
    text: str = frame.map(_defused).to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")
    return text.encode()


def as_json(frame: "pandas.DataFrame") -> bytes:
    """A list of objects; unknown numbers are null, days 2026-11-03. ASCII: a terminal may be where it goes."""
    dated = frame.copy()
    for name in dated.columns.intersection(["day", "month"]):
        dated[name] = dated[name].dt.strftime("%Y-%m-%d")
    text: str = dated.to_json(orient="records", indent=2, double_precision=12)
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
    return _FORMULA.sub("'", value) if isinstance(value, str) else value
