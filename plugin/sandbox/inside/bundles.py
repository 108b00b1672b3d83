"""What a cell displays besides text, on its way to the host: mime bundles as Jupyter's, bounded in number and size."""

from . import frames, streams

FILE = frames.FILE_MIME
_count = 0
_bytes = 0


def room() -> int:
    """How many bytes the next bundle may have; 0 where there were too many."""
    if _count >= frames.MAX_DISPLAYS:
        return 0
    return min(frames.MAX_DISPLAY_BYTES, frames.MAX_ALL_DISPLAY_BYTES - _bytes)


def tell(bundle: dict[str, str | bytes]) -> None:
    """Send one; what does not fit is left out, and the whole where nothing does.

    Args:
        bundle: mime type -> text, or bytes of an image. What comes first is kept first.
    """
    global _count, _bytes
    left, payloads = room(), []
    for mime, value in bundle.items():
        data = value if isinstance(value, bytes) else value.encode("utf-8", "backslashreplace")
        if mime in frames.DISPLAYED and len(data) <= left:
            left -= len(data)
            _bytes += len(data)
            payloads += frames.display_part(mime, data)
    if payloads:
        _count += 1
        streams.display([*payloads, frames.DISPLAY_END])
