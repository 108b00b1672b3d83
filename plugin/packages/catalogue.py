"""The catalogue: which distributions are approved, and by which names code imports them."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from ..errors import PackageNotApproved

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Package:
    """One row: `imports` are the top-level modules it brings."""

    distribution: str
    imports: tuple[str, ...]
    starter: bool


SHIPPED = [
    Package(row["distribution"], tuple(row.get("imports", [row["distribution"]])), row.get("starter", False))
    for row in tomllib.loads(resources.files(__package__).joinpath("catalogue.toml").read_text())["package"]
]


class Catalogue:
    """The shipped rows, as the operator's settings changed them.

    Args:
        add: distributions to approve besides; their import name is taken to be their own.
        remove: distributions to strike out.
    """

    def __init__(self, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        rows = [*SHIPPED, *(Package(name, (name.replace("-", "_"),), starter=True) for name in add)]
        removed = {normalized(name) for name in remove}
        self._rows = {normalized(row.distribution): row for row in rows if normalized(row.distribution) not in removed}
        self._by_import = {name: row for row in self._rows.values() for name in row.imports}

    @property
    def starters(self) -> list[Package]:
        return [row for row in self._rows.values() if row.starter]

    def approved(self, name: str) -> Package:
        """The row of a distribution, however its name is written.

        Raises:
            PackageNotApproved: there is none, or this is no distribution's name at all.
        """
        row = self._rows.get(normalized(name)) if _NAME.fullmatch(name) else None
        if row is None:
            raise PackageNotApproved(name[:100])
        return row

    def importing(self, module: str) -> Package | None:
        """The row that brings a module, given its dotted name."""
        return self._by_import.get(module.partition(".")[0])


def normalized(name: str) -> str:
    """PEP 503: runs of `-`, `_` and `.` are one `-`, case does not count."""
    return re.sub(r"[-_.]+", "-", name).lower()
