"""What the command line saves in the directory it was called from."""

from pathlib import Path


def save_new(name: str, data: bytes) -> Path:
    """Write a file here, under the name or a numbered one: what is there already is never overwritten.

    Args:
        name: a clean one (files/names.py): no path.
    """
    path, number = Path(name), 1
    while True:
        try:
            with path.open("xb") as target:
                target.write(data)
            return path
        except FileExistsError:
            number += 1
            path = Path(f"{Path(name).stem}-{number}{Path(name).suffix}")
