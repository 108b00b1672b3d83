"""`load_file`, `get_file_path` and `FILES`: how code reaches the user's files."""

import os
from typing import Any

Entry = dict[str, str]  # name and loader of one user file, and its path

_directory = "/files"
_entries: dict[str, Entry] = {}
_limits: dict[str, int] = {}


def configure(directory: str) -> None:
    """Where the files lie."""
    global _directory
    _directory = directory


def install(entries: dict[str, dict[str, str]], limits: dict[str, int]) -> None:
    _entries.clear()
    for file_id, entry in entries.items():
        _entries[file_id] = entry | {"path": f"{_directory}/{entry['name']}"}
    _limits.update(limits)


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
    """Load a user file as the object its type suggests: a DataFrame for csv and xlsx, parsed JSON, text, a PIL image.

    Args:
        file_id: the file's id (or its name).
        options: handed to the reader, such as `sep=";"` for a csv.

    Raises:
        FileNotFoundError: no file of this user has the id.
    """
    entry = _entry(file_id)
    return _LOADERS[entry["loader"]](entry["path"], **options)


def _entry(file_id: str) -> Entry:
    if file_id in _entries:
        return _entries[file_id]
    for entry in _entries.values():
        if file_id == entry["name"] or file_id == entry["path"]:
            return entry
    known = ", ".join(f"{key} ({entry['name']})" for key, entry in _entries.items()) or "none"
    raise FileNotFoundError(f"no file {file_id!r}; this call's files: {known}; list_user_files names all of them")


def _csv(path: str, **options: Any) -> Any:
    import pandas

    return pandas.read_csv(path, **options)


def _tsv(path: str, **options: Any) -> Any:
    return _csv(path, **{"sep": "\t", **options})


def _excel(path: str, **options: Any) -> Any:
    import pandas

    return pandas.read_excel(path, **options)


def _json(path: str, **options: Any) -> Any:
    import json

    with open(path, encoding="utf-8-sig") as file:
        return json.load(file, **options)


def _text(path: str, encoding: str = "utf-8-sig") -> str:
    with open(path, encoding=encoding, errors="replace") as file:
        return file.read()


def _image(path: str) -> Any:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = _limits.get("image_pixels", Image.MAX_IMAGE_PIXELS)
    image = Image.open(path)
    image.load()
    return image


def _binary(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _path(path: str) -> str:
    return os.fspath(path)


_LOADERS = {
    "tsv": _tsv,
    "csv": _csv,
    "excel": _excel,
    "json": _json,
    "text": _text,
    "image": _image,
    "bytes": _binary,
    "path": _path,
}
