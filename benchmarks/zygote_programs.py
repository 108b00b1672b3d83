"""Programs of our own in the zygote's place: same template, same Python, same start, one thing changed.

A program is a file beside this one, `zygote_*.py`, whose text the zygote's Python runs instead of the usual one.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from plugin.sandbox import template


@contextlib.contextmanager
def in_place_of_the_zygote(name: str) -> Iterator[None]:
    """Zygotes that are started within the block run the file of this name."""
    usual = template.ZYGOTE_PROGRAM
    template.ZYGOTE_PROGRAM = Path(__file__).with_name(name).read_text()
    try:
        yield
    finally:
        template.ZYGOTE_PROGRAM = usual
