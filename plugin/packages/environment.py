"""One built environment: where it is, what is in it, and the stamp that says it is whole."""

import csv
import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
STAMP = "cellblock.json"
MAX_STAMP_BYTES = 1024**2


@dataclass(frozen=True)
class Environment:
    """What sandboxes see. Never changed once it is whole: what is to differ is built beside it.

    Attributes:
        path: the virtual environment.
        packages: normalized distribution -> version, of all that is installed.
        requested: normalized distributions that were asked for by name; the others are there because these need them.
        built_at: Unix time of the last build from nothing; installs keep it.
    """

    path: Path
    packages: dict[str, str]
    built_at: float
    requested: tuple[str, ...] = ()

    @property
    def site_packages(self) -> Path:
        return self.path / "lib" / VERSION / "site-packages"

    @property
    def font_cache(self) -> Path:
        return self.path / "matplotlib"

    @property
    def seaborn_data(self) -> Path:
        return self.path / "seaborn-data"

    @property
    def python(self) -> str:
        return str(self.path / "bin" / "python")

    @property
    def age(self) -> float:
        """Seconds since it was built from nothing."""
        return time.time() - self.built_at

    def lacks(self, requirements: Iterable[Requirement]) -> list[Requirement]:
        """Those that are not installed, or not in a version that they allow."""
        return [each for each in requirements if not self._satisfies(each)]

    def _satisfies(self, requirement: Requirement) -> bool:
        version = self.packages.get(canonicalize_name(requirement.name))
        if version is None:
            return False
        try:
            return requirement.specifier.contains(Version(version), prereleases=True)
        except InvalidVersion:
            return False

    def files_of(self, distributions: Iterable[str]) -> list[str]:
        """The files of these, as their RECORDs list them, which lie in site-packages. Blocks."""
        wanted, found, beneath = set(distributions), [], f"{self.site_packages}/"
        for directory in self.site_packages.glob("*.dist-info"):
            if canonicalize_name(directory.name.removesuffix(".dist-info").rpartition("-")[0]) not in wanted:
                continue
            with (directory / "RECORD").open(encoding="utf-8", errors="replace", newline="") as record:
                paths = [os.path.normpath(self.site_packages / row[0]) for row in csv.reader(record) if row]
            found += [path for path in paths if path.startswith(beneath) and os.path.isfile(path)]
        return found

    def modules_of(self, distribution: str) -> list[str]:
        """The names that code imports a distribution by, but private ones. Blocks."""
        names = set()
        for path in self.files_of([distribution]):
            first, _, rest = os.path.relpath(path, self.site_packages).partition("/")
            if path.endswith((".py", ".so")):
                names.add(first if rest else first.partition(".")[0])
        return sorted(name for name in names if name.isidentifier() and not name.startswith("_"))

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """The one in a directory, if its stamp says that it is whole and of this very Python. Blocks."""
        try:
            with open(path / STAMP, "rb") as file:
                stamp = json.loads(file.read(MAX_STAMP_BYTES))
            if stamp["python"] != sys.version:
                return None
            return cls(path, dict(stamp["packages"]), float(stamp["built_at"]), tuple(stamp.get("requested", ())))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write_stamp(self) -> None:
        """Blocks."""
        stamp = {
            "python": sys.version,
            "packages": self.packages,
            "built_at": self.built_at,
            "requested": self.requested,
        }
        (self.path / STAMP).write_text(json.dumps(stamp))


def base_python() -> str:
    """The interpreter that environments are made of: this process's own, whatever environment it runs in itself."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))
