"""Text made safe to post where people read it: mentions that ring nobody, images that load from nowhere.

The dispatcher does this to what tools say; a bot may do it to the model's answer before it posts that. Pure, linear in time.
"""

import re

ZERO_WIDTH_SPACE = "\u200b"  # between the parts of a mention: what discord.py's escape_mentions does

# https://discord.com/developers/docs/reference#message-formatting (users, roles) and what rings everybody.
_MENTIONS = re.compile(r"@(?=everyone|here|[!&]?\d{1,20}>)", re.IGNORECASE)
# Markdown images, in line or by a reference, but for those of the conversation's own files: an address of plain characters,
# so that no browser makes another host of it ("/\\host", "/&#47;host").
_IMAGE = re.compile(
    r"!\[(?![^\[\]\n]{0,500}\]\(<?(?:(?:sandbox|attachment):[\w./%-]{1,500}|(?!//)[\w./%-]{1,500})>?\))", re.IGNORECASE
)
_HTML_IMAGE = re.compile(r"<(?=img\b)", re.IGNORECASE)


def without_mentions(text: str) -> str:
    """@everyone, @here, <@1>, <@!1> and <@&1> with a character in between that shows nothing."""
    return _MENTIONS.sub(f"@{ZERO_WIDTH_SPACE}", text) if "@" in text else text


def without_foreign_images(text: str) -> str:
    r"""`![x](https://...)` as `!\[x](https://...)`: a link that a reader may follow, and nothing that loads by itself."""
    if "![" in text and "]" in text:
        text = _IMAGE.sub(r"!\\[", text)
    return _HTML_IMAGE.sub(r"\\<", text) if "<" in text else text
