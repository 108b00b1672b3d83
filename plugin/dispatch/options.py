"""What a bot's author may decide about the dispatcher: the one owner of its numbers."""

from dataclasses import dataclass

from ..errors import InvalidRequest
from .images import Publish
from .shape import MIN_TOKENS


@dataclass(frozen=True)
class Options:
    """What a bot's author may decide; keyword arguments of Dispatcher.

    Attributes:
        result_tokens: of one call's text; what is longer is cut in the middle and kept as a file.
        image_tokens: of one image; a larger one is made smaller.
        max_images: of one `run`; the others are named in text.
        parallel: calls of one `run` that run at once.
        tool_seconds: for one call of a registered tool.
        defuse_mentions: @everyone and the like ring nobody when what a program printed is posted.
        inert_images: nor do Markdown images of other hosts load.
        publish: puts an image where the API can fetch it and gives the URL; None: images are sent along as data URLs.
    """

    result_tokens: int = 4000
    image_tokens: int = 1000
    max_images: int = 4
    parallel: int = 4
    tool_seconds: float = 300
    defuse_mentions: bool = True
    inert_images: bool = True
    publish: Publish | None = None

    def __post_init__(self) -> None:
        for name, least in (
            ("result_tokens", MIN_TOKENS),
            ("image_tokens", 1),
            ("max_images", 0),
            ("parallel", 1),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InvalidRequest(f"{name} is {value!r}; it must be a whole number, {least} or more")
        if not self.tool_seconds > 0:
            raise InvalidRequest(f"tool_seconds is {self.tool_seconds!r}; it must be more than 0")
