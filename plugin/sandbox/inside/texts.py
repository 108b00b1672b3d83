"""The text of an error, read without a call of anything that a cell may have written."""


def of(error: BaseException) -> str:
    """Its first argument where that is text, else ''."""
    arguments: object = BaseException.args.__get__(error)  # type: ignore[attr-defined]
    first = arguments[0] if isinstance(arguments, tuple) and arguments else ""
    return first if type(first) is str else ""
