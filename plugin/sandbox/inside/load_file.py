"""`load_file`, `get_file_path` and `FILES`: how code reaches the user's files."""

import os
from typing import Any

from . import loaders, loaders_content, loading

Entry = dict[str, str]  # name and loader of one user file, and its path

# Where models look for files by habit; at level `landlock` these do not exist, and a name given with them still works here.
HABITS = ("/mnt/data", "/files", "/work", ".")

_directory = "/files"
_entries: dict[str, Entry] = {}


def configure(directory: str) -> None:
    """Where the files lie."""
    global _directory
    _directory = directory


def install(entries: dict[str, dict[str, str]], limits: dict[str, int]) -> None:
    _entries.clear()
    for file_id, entry in entries.items():
        _entries[file_id] = entry | {"path": f"{_directory}/{entry['name']}"}
    loading.limits.update(limits)


def names() -> dict[str, Any]:
    """What every cell finds among its globals."""
    return {
        "load_file": load_file,
        "get_file_path": get_file_path,
        "FILES": {file_id: entry["path"] for file_id, entry in _entries.items()},
    }


def get_file_path(file_id: str) -> str:
    """The path of a user file, given its id (or its name).

    Raises:
        FileNotFoundError: no file of this user has the id.
    """
    return _entry(file_id)["path"]


def load_file(file_id: str, **options: Any) -> Any:
    """Load a user file as the object its type suggests; docs: the table of loaders in loaders.py.

    A table (csv, tsv, Excel, ods, jsonl, parquet, feather, Stata, SPSS, SAS) is a DataFrame; json, yaml and toml are what they
    hold; npy an array; npz and SQLite a dict of arrays and of DataFrames; HDF5 an open h5py.File; xml its root element;
    text, source code, docx, pptx, odt and pdf a str; an image a PIL image; audio, video and archives their path; of an
    unknown type text if it is text, else bytes. A file that holds something else than its name says is loaded as what it holds.

    Args:
        file_id: the file's id (or its name).
        options: handed to the reader, such as `sep=";"` for a csv or `sheet_name="May"` for a workbook.

    Raises:
        FileNotFoundError: no file of this user has the id.
        ValueError: it cannot be read, is protected, or unpacks to more than may be; the message says what to do.
        ModuleNotFoundError: a package is missing; the message names it.
        MemoryError: it needs more memory than there is.
    """
    entry = _entry(file_id)
    name, path = entry["name"], entry["path"]
    try:
        return loaders.LOADERS[_loader(entry)](path, **options)
    except loading.Unloadable as refused:
        raise ValueError(f"{name} cannot be loaded: {refused}") from None
    except loading.MissingPackage as missing:
        raise ModuleNotFoundError(
            f"{name} needs the package {missing.distribution!r}, which is not installed here; "
            f"call again with install_packages=[{missing.distribution!r}]",
            name=missing.distribution,
        ) from None
    except MemoryError:
        raise MemoryError(
            f"{name} needs more memory than this sandbox has; load a part of it, as with nrows= or columns=, "
            f"or read it piece by piece from get_file_path({file_id!r})"
        ) from None
    except Exception as error:  # third-party readers raise what they like at what a user uploaded
        if options:  # most likely about them: the reader's own words say it best
            error.add_note(f"(while load_file read {name} with {', '.join(options)})")
            raise
        raise ValueError(
            f"{name} cannot be loaded: {loading.said(error)}; the file may be damaged or hold something else than its "
            f"name says: look at it with open(get_file_path({file_id!r}), 'rb').read(200)"
        ) from None


def _loader(entry: Entry) -> str:
    """The loader that the name asks for, unless the content is plainly something else."""
    asked = entry["loader"]
    found = loaders_content.loader(entry["path"], asked)
    if found != asked:
        loading.note(f"{entry['name']} holds {loaders_content.NAMES[found]}, and is loaded as that")
    return found


def _entry(file_id: str) -> Entry:
    if not isinstance(file_id, str):
        raise TypeError(f"a file's id or name is a str, not {type(file_id).__name__}")
    if file_id in _entries:
        return _entries[file_id]
    for entry in _entries.values():
        if file_id in (entry["name"], entry["path"], *(f"{place}/{entry['name']}" for place in HABITS)):
            return entry
    known = ", ".join(f"{key} ({entry['name']})" for key, entry in _entries.items()) or "none"
    made = "; a file that code wrote is opened by its path, not with load_file" if os.path.exists(file_id) else ""
    raise FileNotFoundError(f"no file {file_id!r}; this call's files: {known}; list_user_files names all of them{made}")
