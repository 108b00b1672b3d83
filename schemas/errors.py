"""The one exception of this package, and how a piece of foreign input is shown in a message."""

from collections.abc import Iterable

SHOWN_CHARACTERS = 60  # of one echoed value; a message echoes at most three
PROBLEM_CHARACTERS = 400
TOOL_CHARACTERS = 64  # the longest name the APIs allow (openai, FunctionDefinition.name)


class InvalidArguments(ValueError):
    """A tool call that cannot be carried out as it stands; nothing ran.

    The message is meant for the model: it says what is wrong and where, so that the next call can be right. It is
    short, printable and encodable whatever the input was.

    Attributes:
        tool: the name that was called.
        where: path of the argument at fault, such as `timeout` or `install_packages[2]`; empty if it is the whole call.
        problem: what is wrong there.
    """

    def __init__(self, tool: str, where: str, problem: str) -> None:
        self.tool = _printable(tool, TOOL_CHARACTERS)
        self.where = _printable(where, SHOWN_CHARACTERS)
        self.problem = _printable(problem, PROBLEM_CHARACTERS)
        super().__init__(": ".join(part for part in (self.tool, self.where, self.problem) if part))

    def __reduce__(self) -> tuple[type["InvalidArguments"], tuple[str, str, str]]:
        """Pickling by the three facts: by its message alone the exception could not cross processes."""
        return type(self), (self.tool, self.where, self.problem)


def path(steps: Iterable[str | int]) -> str:
    """The way to a value within the arguments, as in `install_packages[2]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def shown(value: str | float | None) -> str:
    """A scalar as JSON would spell it, cut to what a message may echo."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"'{_printable(value, SHOWN_CHARACTERS)}'"
    return _printable(repr(value), SHOWN_CHARACTERS)


def _printable(text: str, limit: int) -> str:
    """Escape what cannot be printed or encoded (control characters, lone surrogates) and cut the rest."""
    head = text[: limit + 1]
    safe = head if head.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in head)
    return safe if len(safe) <= limit else f"{safe[: limit - 3]}..."
