"""The code in a tool call's arguments while the model is still writing them; the two stream readers feed it.

It only shows what will run: what runs is parsed and checked as a whole when the call is complete.
"""

import re

_PLAIN = re.compile(r'[^"\\]+')
_STRUCTURE = re.compile(r'["{}\[\]:,]')
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
# Where an escape may still be going on; RFC 8259, section 7.
_BEGUN_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_KEY = "code"
_REPLACEMENT = "\ufffd"  # for a half of a surrogate pair: no text that leaves here may hold one


class CodeReader:
    """Reads a JSON object in pieces and gives the value of its `code` as it grows.

    Each character is looked at a bounded number of times, whatever the pieces. Malformed JSON ends the reading silently.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._key: str | None = None  # of the value that is being read; None while a key is expected
        self._string: list[str] | None = None  # the key that is being read, or what this piece holds of the code
        self._in_string = False
        self._held = ""  # an escape that the last piece did not finish
        self._high = ""  # the first half of a surrogate pair
        self._over = False

    def feed(self, piece: str) -> str:
        """The part of the code that this piece of the arguments adds."""
        if self._over:
            return ""
        text, self._held = self._held + piece, ""
        code: list[str] = []
        at = 0
        while at < len(text) and not self._over:
            at = self._read_string(text, at, code) if self._in_string else self._read_structure(text, at)
        return "".join(code)

    def _read_structure(self, text: str, at: int) -> int:
        found = _STRUCTURE.search(text, at)
        if found is None:
            return len(text)
        mark = found[0]
        if mark == '"':
            self._in_string = True
            self._string = [] if self._depth == 1 and self._key is None else None
        elif mark in "{[":
            self._over = self._depth == 0 and mark == "["
            self._depth += 1
        elif mark in "}]":
            self._depth -= 1
            self._over = self._depth <= 0
        elif mark == "," and self._depth == 1:
            self._key = None
        return found.end()

    def _read_string(self, text: str, at: int, code: list[str]) -> int:
        if plain := _PLAIN.match(text, at):
            self._put(plain[0], code)
            return plain.end()
        if text[at] == '"':
            self._put("", code)
            self._end_string()
            return at + 1
        if escape := _ESCAPE.match(text, at):
            self._put_escape(escape, code)
            return escape.end()
        if _BEGUN_ESCAPE.match(text, at):
            self._held = text[at:]
        else:
            self._over = True
        return len(text)

    def _put_escape(self, escape: re.Match[str], code: list[str]) -> None:
        if escape[2]:
            self._put(_ESCAPED.get(escape[2], escape[2]), code)
            return
        unit = int(escape[1], 16)
        if 0xDC00 <= unit < 0xE000 and self._high:
            pair = 0x10000 + (ord(self._high) - 0xD800) * 0x400 + (unit - 0xDC00)
            self._high = ""
            self._put(chr(pair), code)
        elif 0xD800 <= unit < 0xDC00:
            self._put("", code)
            self._high = chr(unit)
        else:
            self._put(_REPLACEMENT if 0xDC00 <= unit < 0xE000 else chr(unit), code)

    def _put(self, text: str, code: list[str]) -> None:
        if self._high:
            self._high, text = "", _REPLACEMENT + text
        if self._string is not None:
            self._string.append(text[: len(_KEY) + 1])
            del self._string[len(_KEY) + 1 :]  # of a longer key only that it is another one matters
        elif self._depth == 1 and self._key == _KEY:
            code.append(text)

    def _end_string(self) -> None:
        self._in_string = False
        if self._string is not None:
            self._key, self._string = "".join(self._string), None
        elif self._depth == 1 and self._key == _KEY:
            self._over = True
