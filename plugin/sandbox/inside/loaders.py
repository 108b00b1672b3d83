"""The table of loaders: a word of types.toml's column `loader` -> the function that loads such a file, given its path.

To add a type, add a row in types.toml, and where no loader fits, a function and its line here. A function takes the path and
the reader's options, imports its packages when it is called (`loading.package`), and refuses with `loading.Unloadable`.
"""

import os
from collections.abc import Callable
from typing import Any, NoReturn

from . import loaders_csv, loaders_documents, loaders_tables, loaders_text, loading

Load = Callable[..., Any]


def _path(path: str) -> str:
    return os.fspath(path)


def _pickle(path: str) -> NoReturn:
    raise loading.Unloadable(
        "it is a pickle, which is a program rather than data and is not loaded; ask for the data as csv, parquet or json"
    )


def _gzip(path: str) -> NoReturn:
    raise loading.Unloadable("it is packed with gzip; unpack it with gzip.open(get_file_path(id))")


LOADERS: dict[str, Load] = {
    "csv": loaders_csv.read_csv,
    "tsv": loaders_csv.read_tsv,
    "excel": loaders_tables.read_excel,
    "html": loaders_tables.read_html,  # what is named as a table and is a web page
    "parquet": loaders_tables.read_parquet,
    "feather": loaders_tables.read_feather,
    "hdf5": loaders_tables.read_hdf5,
    "npy": loaders_tables.read_npy,
    "sqlite": loaders_tables.read_sqlite,
    "stata": loaders_tables.read_stata,
    "spss": loaders_tables.read_spss,
    "sas": loaders_tables.read_sas,
    "json": loaders_text.read_json,
    "jsonl": loaders_text.read_jsonl,
    "yaml": loaders_text.read_yaml,
    "toml": loaders_text.read_toml,
    "xml": loaders_text.read_xml,
    "text": loaders_text.text,
    "document": loaders_documents.read_document,
    "pdf": loaders_documents.read_pdf,
    "image": loaders_documents.read_image,
    "pickle": _pickle,
    "gzip": _gzip,  # what is named as something else and is packed
    "path": _path,
    "bytes": loaders_text.text_or_bytes,
}
