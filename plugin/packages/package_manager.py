"""PackageManager, the original's name for who knows which packages are approved."""

from ..errors import PackageNotApproved
from .catalogue import Catalogue


class PackageManager:
    """Answers for a catalogue.

    Args:
        catalogue: an interpreter's.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def is_package_approved(self, name: str) -> tuple[bool, str]:
        """Whether a call may have a package installed, and why, or why not. `name` may carry versions."""
        if not isinstance(name, str):
            return False, f"a package's name is a str, not a {type(name).__name__}"
        try:
            row, _ = self._catalogue.requirement(name)
        except PackageNotApproved as error:
            return False, str(error)
        if row.operator_only:
            return True, f"Package '{row.distribution}' is approved; only the operator installs it, as it is large"
        return True, f"Package '{row.distribution}' is approved"
