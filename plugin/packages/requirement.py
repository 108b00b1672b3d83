"""What may be asked to be installed: a distribution's name, with versions where they matter, and nothing else."""

import re

from packaging.requirements import InvalidRequirement, Requirement

from ..errors import PackageNotApproved

MAX_LENGTH = 200
MAX_SHOWN = 100
# A name (PEP 508) and version specifiers (PEP 440). No brackets, markers, addresses or options get as far as the parser.
_FORM = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?(?: *(?:[<>=!~]=|===|[<>]) *[A-Za-z0-9.*+!_, <>=~-]+)?"
)


def requested(text: str) -> Requirement:
    """Read what a call or a cell asks for.

    Raises:
        PackageNotApproved: it is more than a name and versions, or none.
    """
    if len(text) <= MAX_LENGTH and _FORM.fullmatch(text):
        try:
            found = Requirement(text)
        except InvalidRequirement:
            raise PackageNotApproved(text[:MAX_SHOWN]) from None
        if not (found.url or found.extras or found.marker):
            return found
    raise PackageNotApproved(text[:MAX_SHOWN])
