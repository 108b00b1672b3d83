"""What one message of either API costs: its frame, its text, its images. chat.py and responses.py call it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .count import Tally
from .errors import UnreadableRequest
from .models import ModelRule
from .text_counts import Tokens
from .tools import MESSAGE

if TYPE_CHECKING:
    from .images import ImageCount

SYSTEM_ROLES = frozenset({"system", "developer"})  # billed alike
IMAGE_PARTS = frozenset({"image_url", "input_image", "computer_screenshot"})
_TEXT_KEYS = {"text": "text", "input_text": "text", "output_text": "text", "summary_text": "text", "refusal": "refusal"}


@dataclass
class Images:
    """What a request's images cost, in the order in which its messages hold them."""

    counts: "Sequence[ImageCount]" = ()
    _next: int = field(default=0)

    def add_next(self, tally: Tally) -> None:
        """Add the next one."""
        if self._next >= len(self.counts):
            raise UnreadableRequest("an image part was added while the request was counted")
        count = self.counts[self._next]
        self._next += 1
        tally.add("images", count.tokens)
        if count.assumed:
            tally.assume("what this model's images cost is assumed, or the size of one is not known")
        if count.problem:
            tally.problem(count.problem)


def count_message(
    role: str, content: object, name: object, rule: ModelRule, tokens: Tokens, images: Images, tally: Tally
) -> None:
    """Add one message.

    Raises:
        UnreadableRequest: its content is neither text nor parts.
    """
    family = rule.family
    text = count_content(content, images, tally)
    tally.add("text", tokens(text))
    if family.text_only:
        return
    tally.add("overhead", MESSAGE)
    if isinstance(name, str) and name:
        tally.add("overhead", family.name_extra + tokens(name))
        if rule.unproven("name"):
            tally.assume(f"no bill of {family.name} models with names of people was recorded")
    if role == "assistant" and family.assistant_text:
        tally.add("overhead", family.assistant_text)


def count_content(content: object, images: Images, tally: Tally) -> str:
    """A message's text, its parts joined, as the API joins them before it encodes them; images are added to the tally.

    Raises:
        UnreadableRequest: it is neither text nor parts.
    """
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    texts = []
    for part in parts_of(content):
        kind = word(part.get("type"))
        if kind in _TEXT_KEYS:
            text = part.get(_TEXT_KEYS[kind])
            texts.append(text if isinstance(text, str) else "")
        elif kind in IMAGE_PARTS:
            images.add_next(tally)
        else:
            tally.unknowable(f"what a part of type {kind[:40]} costs, only the server knows")
    return "".join(texts)


def parts_of(content: object) -> Iterator[Mapping[str, Any]]:
    """The parts of a message's content.

    Raises:
        UnreadableRequest: these are none.
    """
    if isinstance(content, Mapping) or not isinstance(content, list | tuple):
        raise UnreadableRequest(
            f"the content of a message is a {type(content).__name__}; it has to be text or a list of parts"
        )
    for part in content:
        if isinstance(part, str):
            yield {"type": "text", "text": part}
        elif isinstance(part, Mapping):
            yield part
        else:
            raise UnreadableRequest(f"a part of a message is a {type(part).__name__}; it has to be a dict")


def image_parts_of(content: object) -> list[Mapping[str, Any]]:
    """Those parts of a message's content that are images, in order."""
    if content is None or isinstance(content, str):
        return []
    return [part for part in parts_of(content) if word(part.get("type")) in IMAGE_PARTS]


def word(value: object) -> str:
    """A role or a type; what is no text is none."""
    return value if isinstance(value, str) else ""


def as_mapping(item: object, what: str) -> Mapping[str, Any]:
    """A message or item, or an object of the openai package that holds one.

    Raises:
        UnreadableRequest: it is neither.
    """
    if isinstance(item, Mapping):
        return item
    dump = getattr(item, "model_dump", None)
    if callable(dump):
        dumped = dump(exclude_none=True)
        if isinstance(dumped, Mapping):
            return dumped
    raise UnreadableRequest(f"{what} is a {type(item).__name__}; it has to be a dict")
