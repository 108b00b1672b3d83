"""Text that arrives in pieces; the two stream readers collect answers, arguments and code with it."""


class Pieces:
    """Joins the pieces of one text, in linear time, and mends what was cut through the middle of a character.

    Servers that count in UTF-16 send an emoji as two halves in two pieces; JSON in Python keeps such halves apart, and a
    string that holds one cannot be sent to anybody.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._half = ""

    def add(self, piece: str) -> str:
        """What can be shown of the text now that this piece has come."""
        text, self._half = self._half + piece, ""
        if text and "\ud800" <= text[-1] < "\udc00":
            text, self._half = text[:-1], text[-1]
        text = mended(text)
        self._parts.append(text)
        return text

    def text(self) -> str:
        return "".join(self._parts) + mended(self._half)


def mended(text: str) -> str:
    """The text with halves of surrogate pairs joined, and lone ones replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
