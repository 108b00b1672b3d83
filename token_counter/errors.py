"""What this package raises by itself.

    TokenCounterError
    ├── UnknownImageRule        image_rules.toml has no row of that name
    ├── ImageError              what an image costs cannot be told
    │   ├── ImageUnreadable     these bytes are no header of an image that the API takes
    │   │   └── SizeNotReached  they are, and end before the size
    │   ├── LinkRefused         a link that must not be fetched: scheme, host, port or address
    │   ├── LinkGone            a link whose time has passed, or whose image was taken away
    │   └── LinkFailed          the server of a link did not give the first bytes of an image
    └── RefreshFailed           Discord did not renew its links

Each message says what happened, where, and what to do about it.
"""


class TokenCounterError(Exception):
    """The root: whatever this package raises by itself."""


class UnknownImageRule(TokenCounterError):
    """image_rules.toml has no row of that name."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        super().__init__(f"no image rule is named '{name}'; image_rules.toml has {', '.join(known)}")


class ImageError(TokenCounterError):
    """What an image costs cannot be told."""


class ImageUnreadable(ImageError):
    """These bytes are no header of an image that the API takes."""


class SizeNotReached(ImageUnreadable):
    """They are the header of such an image, and end before its size, or state one that none can have."""


class LinkRefused(ImageError):
    """A link that must not be fetched: its scheme, host, port or address is not allowed."""


class LinkGone(ImageError):
    """A link whose time has passed, or whose image was taken away: the API cannot read it either, so it costs nothing."""


class LinkFailed(ImageError):
    """The server of a link did not give the first bytes of an image."""


class RefreshFailed(TokenCounterError):
    """Discord did not renew its links."""
