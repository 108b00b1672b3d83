"""Which packages a call needs: those it names, those its code imports, those that its methods and files work with."""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement

from ..errors import OperatorOnly, PackageNotApproved
from .catalogue import Catalogue, normalized, not_approved


@dataclass(frozen=True)
class Needed:
    """What to install before a call.

    Attributes:
        required: without these it fails.
        helpful: it may do without; where they cannot be installed the call goes on.
    """

    required: tuple[Requirement, ...]
    helpful: tuple[Requirement, ...]

    def __iter__(self) -> Iterator[Requirement]:
        return iter((*self.required, *self.helpful))


NOTHING = Needed((), ())


def needed(
    catalogue: Catalogue,
    install: Iterable[str],
    imports: Iterable[dict[str, Any]],
    present: Iterable[str],
    *,
    methods: Iterable[str] = (),
    helpful: Iterable[str] = (),
    installed: Collection[str] | None = None,
) -> Needed:
    """The approved packages that a call asks for.

    Args:
        install: distributions that the call names, with versions where they matter.
        imports: what the code imports and the sandbox does not have: dicts of name, line and optional.
        present: modules that code brings along itself, such as an uploaded `helper.py`.
        methods: names of `catalogue.methods` that the code uses.
        helpful: distributions that the call's files are read with.
        installed: normalized distributions; None where that is not known yet.

    Raises:
        PackageNotApproved: a package that is named, or a module that is imported, is in no row. An import that the code
            itself guards with `except ImportError` is left to it.
        OperatorOnly: what is required is not installed, and only an operator may install it.
    """
    required: dict[str, Requirement] = {}
    optional: dict[str, Requirement] = {}

    def want(text: str, wanted: dict[str, Requirement]) -> None:
        row, requirement = catalogue.requirement(text)
        name = normalized(row.distribution)
        if row.operator_only and installed is not None and name not in installed:
            if wanted is required:
                raise OperatorOnly(row.distribution)
            return
        if name in wanted:
            requirement.specifier &= wanted[name].specifier
        wanted[name] = requirement

    for text in install:
        want(text, required)
    own = set(present)
    for found in imports:
        module = str(found["name"]).partition(".")[0]
        row = catalogue.importing(module)
        if row is not None:
            want(row.distribution, optional if found["optional"] or module in own else required)
        elif module not in own and not found["optional"]:
            raise not_approved(module, found["line"])
    for method in methods:
        for row in catalogue.using(method):
            want(row.distribution, optional)
    for distribution in helpful:
        with contextlib.suppress(PackageNotApproved):  # struck out by the operator: load_file says what it lacks
            want(distribution, optional)
    return Needed(tuple(required.values()), tuple(row for name, row in optional.items() if name not in required))
