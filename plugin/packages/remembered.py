"""What `cellblock packages add` and `rm` decided, kept in the data directory: each process that shares it reads it."""

import json
import os
from pathlib import Path

from ..errors import SettingsError

NAME = "packages.json"
MAX_BYTES = 1024**2


class Remembered:
    """Rows added and names struck out, as `home/packages.json` has them.

    Args:
        home: None for nothing, ever. Nothing is read before `changed` is asked.
    """

    def __init__(self, home: Path | None) -> None:
        self._path = home / NAME if home else None
        self._version: tuple[int, int, int] | None = None
        self.added: tuple[str, ...] = ()
        self.removed: tuple[str, ...] = ()

    def changed(self) -> bool:
        """Whether the file is another one than when it was last read; it is read then. Blocks for microseconds.

        Raises:
            SettingsError: the file cannot be read.
        """
        if self._path is None:
            return False
        try:
            found = self._path.stat()
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError:
            version = None
        if version == self._version:
            return False
        self._version = version
        self._read()
        return True

    def _read(self) -> None:
        assert self._path is not None
        try:
            with self._path.open("rb") as file:
                kept = json.loads(file.read(MAX_BYTES))
            self.added, self.removed = tuple(map(str, kept["add"])), tuple(map(str, kept["remove"]))
        except FileNotFoundError:
            self.added = self.removed = ()
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise SettingsError(f"{self._path} cannot be read ({error}); mend or delete it") from None

    def write(self, added: tuple[str, ...], removed: tuple[str, ...]) -> None:
        """Replace the file in one step. Blocks."""
        assert self._path is not None
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_name(f"{NAME}.new-{os.getpid()}")
        with fresh.open("w") as file:
            json.dump({"add": added, "remove": removed}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self.changed()


NOTHING = Remembered(None)
