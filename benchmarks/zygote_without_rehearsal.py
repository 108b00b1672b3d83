"""A zygote that imports everything and rehearses nothing; see zygote_programs.py."""

from collections.abc import Callable

from inside import figures, zygote  # type: ignore[import-not-found]


def replace(name: str, function: Callable[[], None]) -> None:
    getattr(zygote, name)  # a name that is there no more would change nothing, unnoticed
    setattr(zygote, name, function)


replace("_rehearse_pandas", lambda: None)
replace("_rehearse_matplotlib", figures.install)
zygote.main()
