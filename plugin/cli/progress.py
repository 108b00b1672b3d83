"""What the command line shows while something is built: lines on standard error, a spinner where it is a terminal."""

import contextlib
from collections.abc import Iterator

from rich.console import Console

from .. import events


@contextlib.contextmanager
def shown() -> Iterator[events.OnEvent]:
    """A consumer of events that shows InstallProgress and ignores the rest."""
    console = Console(stderr=True)
    with console.status("starting") as status:

        def on_event(event: events.Event) -> None:
            if isinstance(event, events.InstallProgress):
                status.update(event.message)
                if not console.is_terminal:
                    console.print(event.message, markup=False, highlight=False)

        yield on_event
