"""What a cell displays besides text, taken from its records: mime bundles, bounded whatever the sandbox sends."""

import base64
from collections.abc import Callable

from ..result import DisplayItem
from .inside import frames

OnDisplay = Callable[[DisplayItem], None]


class Displays:
    """Puts bundles together from records of stream 3; what is no part of one, or too much, is dropped.

    Args:
        on_display: told each bundle when it is whole.
    """

    def __init__(self, on_display: OnDisplay | None = None) -> None:
        self.items: list[DisplayItem] = []
        self._on_display = on_display
        self._room = frames.MAX_ALL_DISPLAY_BYTES
        self._parts: dict[str, bytearray] = {}
        self._open: bytearray | None = None
        self._size = 0

    def write(self, payload: bytes) -> None:
        """Take what one record holds."""
        if len(self.items) >= frames.MAX_DISPLAYS:
            return
        kind, data = payload[:1], payload[1:]
        if kind == frames.DISPLAY_DATA and self._open is not None:
            self._size += len(data)
            if self._size > min(frames.MAX_DISPLAY_BYTES, self._room):
                self._start_over()
            else:
                self._open += data
        elif kind == frames.DISPLAY_NAME:
            mime = data.decode("ascii", "replace")
            self._open = self._parts.setdefault(mime, bytearray()) if mime in frames.DISPLAYED else None
        elif kind == frames.DISPLAY_END and self._parts:
            self._room -= self._size
            self.items.append({mime: _told(mime, bytes(part)) for mime, part in self._parts.items()})
            self._start_over()
            if self._on_display is not None:
                self._on_display(self.items[-1])

    def _start_over(self) -> None:
        self._parts, self._open, self._size = {}, None, 0


def _told(mime: str, data: bytes) -> str:
    return base64.b64encode(data).decode() if mime in frames.PICTURES else data.decode("utf-8", "replace")
