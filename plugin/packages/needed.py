"""Which packages a call needs: those it names, those its code imports."""

from collections.abc import Iterable
from typing import Any

from ..errors import PackageNotApproved
from .catalogue import Catalogue, Package


def needed(
    catalogue: Catalogue, install: Iterable[str], imports: Iterable[dict[str, Any]], present: Iterable[str]
) -> list[Package]:
    """The approved packages that a call asks for.

    Args:
        install: distributions that the call names.
        imports: what the code imports and the sandbox does not have: dicts of name, line and optional.
        present: modules that code brings along itself, such as an uploaded `helper.py`.

    Raises:
        PackageNotApproved: a package that is named, or a module that is imported, is in no row. An import that the code
            itself guards with `except ImportError` is left to it.
    """
    packages = {row.distribution: row for row in (catalogue.approved(name) for name in install)}
    own = set(present)
    for found in imports:
        module = str(found["name"]).partition(".")[0]
        row = catalogue.importing(module)
        if row is not None:
            packages[row.distribution] = row
        elif module not in own and not found["optional"]:
            raise PackageNotApproved(module, found["line"])
    return list(packages.values())
