"""What a file is, by its name: types.toml and the few lines that read it. To add a type, add a row there."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Kind = Literal["image", "data", "text", "document", "audio", "video", "archive", "other"]
Loader = Literal[
    "csv", "tsv", "excel", "parquet", "feather", "hdf5", "npy", "sqlite", "stata", "spss", "sas",
    "json", "jsonl", "yaml", "toml", "xml", "text", "document", "pdf", "image", "pickle", "path", "bytes",
]  # fmt: skip

_UNKNOWN_SUFFIX = re.compile(r"[\w+-]{1,16}")


@dataclass(frozen=True)
class FileType:
    """One row of types.toml.

    Attributes:
        suffixes: lower case, without the dot.
        loader: what `load_file` does with such a file inside the sandbox.
        packages: distributions that the loader needs there.
    """

    suffixes: tuple[str, ...]
    kind: Kind
    mime: str
    loader: Loader
    packages: tuple[str, ...] = ()


UNKNOWN = FileType((), "other", "application/octet-stream", "bytes")


def file_type(filename: str) -> FileType:
    """The row of the name's suffix, in upper or lower case; UNKNOWN where the table has none."""
    return by_suffix(split_suffix(filename)[1])


def by_suffix(suffix: str) -> FileType:
    """The row of a suffix given with or without its dot; UNKNOWN where the table has none."""
    return ROWS.get(suffix.removeprefix(".").lower(), UNKNOWN)


def split_suffix(filename: str) -> tuple[str, str]:
    """(stem, suffix without its dot), as written.

    The suffix is the longest that the table knows, else the short word behind the last dot, else ''.
    """
    for dots in (2, 1):
        stem, *suffixes = filename.rsplit(".", dots)
        if len(suffixes) == dots and ".".join(suffixes).lower() in ROWS:
            return stem, ".".join(suffixes)
    stem, dot, last = filename.rpartition(".")
    return (stem, last) if dot and _UNKNOWN_SUFFIX.fullmatch(last) else (filename, "")


def _shipped() -> Mapping[str, FileType]:
    table = tomllib.loads(resources.files(__package__).joinpath("types.toml").read_text("utf-8"))["type"]
    types = [
        FileType(tuple(row["suffixes"]), row["kind"], row["mime"], row["loader"], tuple(row.get("packages", ())))
        for row in table
    ]
    return {suffix: row for row in types for suffix in row.suffixes}


ROWS = _shipped()  # suffix -> its row
