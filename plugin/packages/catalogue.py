"""The catalogue: which distributions are approved, and by which names code imports and uses them."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import resources

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors import PackageNotApproved, SettingsError
from .remembered import NOTHING, Remembered
from .requirement import requested

_MODULE = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Package:
    """One row.

    Attributes:
        imports: the top-level modules that it brings.
        starter: every new environment has it.
        operator_only: so large that no call installs it.
        methods: what code calls on other packages' objects that works only with this one, such as `to_excel`.
        versions: which of them, as an operator pinned it: "==2.2.1" or "".
        extras: optional parts, as an operator asked for them.
    """

    distribution: str
    imports: tuple[str, ...]
    starter: bool = False
    operator_only: bool = False
    methods: tuple[str, ...] = ()
    versions: str = ""
    extras: tuple[str, ...] = ()

    @property
    def requirement(self) -> Requirement:
        """What an installer is asked for."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return Requirement(f"{self.distribution}{extras}{self.versions}")


_DATA = tomllib.loads(resources.files(__package__).joinpath("catalogue.toml").read_text())
SHIPPED = [
    Package(
        row["distribution"],
        tuple(row.get("imports", [row["distribution"].replace("-", "_")])),
        row.get("starter", False),
        row.get("operator_only", False),
        tuple(row.get("methods", ())),
    )
    for row in _DATA["package"]
]


class Catalogue:
    """The shipped rows, as the operator's settings and `cellblock packages` changed them.

    Args:
        add: rows to approve besides: `name`, or `name: module, module` where code imports other names than its own; the
            name may carry versions and extras, as in requirements files. Every environment has them.
        remove: distributions to strike out; that wins over all else.
        remembered: what `cellblock packages` keeps in the data directory.

    Raises:
        SettingsError: a row cannot be read.
    """

    def __init__(self, add: Iterable[str] = (), remove: Iterable[str] = (), remembered: Remembered = NOTHING) -> None:
        self._added = [_row(text) for text in add]
        self._removed = {normalized(name) for name in remove}
        self._remembered = remembered
        self.arrange()

    def refresh(self) -> None:
        """Take in what `cellblock packages` has changed since, in any process. Blocks for microseconds."""
        if self._remembered.changed():
            self.arrange()

    def arrange(self) -> None:
        """Put the rows together, after what is remembered was changed here."""
        added = [*self._added, *map(_row, self._remembered.added)]
        removed = self._removed | {normalized(name) for name in self._remembered.removed}
        rows = {normalized(row.distribution): row for row in SHIPPED}
        for row in added:
            known = rows.get(normalized(row.distribution))
            rows[normalized(row.distribution)] = _merged(known, row) if known else row
        self._rows = {name: row for name, row in rows.items() if name not in removed}
        self._by_import = {name: row for row in self._rows.values() for name in row.imports}

    def __iter__(self) -> Iterator[Package]:
        return iter(sorted(self._rows.values(), key=lambda row: row.distribution.lower()))

    @property
    def starters(self) -> list[Package]:
        return [row for row in self._rows.values() if row.starter]

    @property
    def methods(self) -> list[str]:
        """The names that code is searched for: see `using`."""
        return sorted({method for row in self._rows.values() for method in row.methods})

    def approved(self, name: str) -> Package:
        """The row of a distribution, however its name is written.

        Raises:
            PackageNotApproved: there is none, or this is no distribution's name at all.
        """
        wanted = requested(name)
        row = self._rows.get(normalized(wanted.name))
        if row is None or wanted.specifier:
            raise not_approved(name[:100])
        return row

    def requirement(self, text: str) -> tuple[Package, Requirement]:
        """The row and what is to be installed for `name` or `name==1.2`, within what the operator pinned.

        Raises:
            PackageNotApproved: there is no such row, or it is more than a name and versions.
        """
        wanted = requested(text)
        row = self._rows.get(normalized(wanted.name))
        if row is None:
            raise not_approved(wanted.name)
        found = row.requirement
        found.specifier &= wanted.specifier
        return row, found

    def importing(self, module: str) -> Package | None:
        """The row that brings a module, given its dotted name."""
        return self._by_import.get(module.partition(".")[0])

    def using(self, method: str) -> list[Package]:
        """The rows that a method of other packages' objects needs."""
        return [row for row in self._rows.values() if method in row.methods]

    def still(self, distributions: Iterable[str]) -> list[Requirement]:
        """What to install for those of these that are approved now."""
        return [self._rows[name].requirement for name in map(normalized, distributions) if name in self._rows]


def written(row: str) -> tuple[Requirement, tuple[str, ...]]:
    """Read a row as an operator writes it: what to install, and the modules it names.

    Raises:
        SettingsError: it is none.
    """
    text, _, names = row.partition(":")
    modules = tuple(filter(None, (name.strip() for name in names.split(","))))
    try:
        wanted = Requirement(text.strip())
        if not (wanted.url or wanted.marker) and all(map(_MODULE.fullmatch, modules)):
            return wanted, modules
    except InvalidRequirement:
        pass
    raise SettingsError(
        f"{row[:200]!r} is no package to add to the catalogue; write `name`, `name==1.2` or `name: module, module`"
    )


def _row(text: str) -> Package:
    wanted, modules = written(text)
    extras = tuple(sorted(wanted.extras))
    imports = modules or (_own_name(wanted.name),)
    return Package(wanted.name, imports, starter=True, versions=str(wanted.specifier), extras=extras)


def _own_name(distribution: str) -> str:
    return re.sub(r"[-.]", "_", distribution)


def _merged(shipped: Package, added: Package) -> Package:
    """An operator who adds a shipped row pins it, or wants it in every environment."""
    named = added.imports != (_own_name(added.distribution),)
    return replace(
        shipped,
        starter=True,
        versions=added.versions,
        extras=added.extras,
        imports=added.imports if named else shipped.imports,
    )


def not_approved(name: str, line: int | None = None) -> PackageNotApproved:
    """The refusal of a module or a distribution, with what does its work where that is known."""
    return PackageNotApproved(name, line, INSTEAD.get(normalized(name), ""))


def normalized(name: str) -> str:
    """PEP 503: runs of `-`, `_` and `.` are one `-`, case does not count."""
    return str(canonicalize_name(name))


INSTEAD: dict[str, str] = {normalized(name): text for name, text in _DATA["instead"].items()}
