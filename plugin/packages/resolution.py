"""What an install would bring, known before anything is downloaded: distributions, versions, sizes."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from ..errors import EnvironmentUnavailable

ASK_SECONDS = 10.0
MAX_ASKED = 50  # wheels whose size the index leaves out


@dataclass(frozen=True)
class Wheel:
    """One distribution to be installed; `size` in bytes, None where the index does not tell it (it need not: PEP 700)."""

    version: str
    url: str
    size: int | None


@dataclass(frozen=True)
class Resolution:
    """Versions that fit together; `text` is the pylock.toml that an installer is given."""

    text: str
    wheels: dict[str, Wheel]

    @classmethod
    def of(cls, text: str) -> "Resolution":
        """Read uv's pylock.toml.

        Raises:
            EnvironmentUnavailable: it is none.
        """
        try:
            rows = tomllib.loads(text).get("packages", [])
            return cls(text, {canonicalize_name(row["name"]): _wheel(row) for row in rows})
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise EnvironmentUnavailable(
                f"uv's resolution cannot be read ({error}); is another uv installed?"
            ) from None

    @property
    def versions(self) -> dict[str, str]:
        return {name: wheel.version for name, wheel in self.wheels.items()}

    def fresh(self, installed: Mapping[str, str]) -> dict[str, Wheel]:
        """The wheels that are not installed yet."""
        return {name: wheel for name, wheel in self.wheels.items() if installed.get(name) != wheel.version}


def size(wheels: Mapping[str, Wheel]) -> int:
    """Bytes to be downloaded; a wheel whose size nobody tells counts nothing. Blocks: it may ask the index."""
    unknown = [wheel for wheel in wheels.values() if wheel.size is None][:MAX_ASKED]
    return sum(wheel.size or 0 for wheel in wheels.values()) + sum(map(_asked, unknown))


def _wheel(row: dict[str, object]) -> Wheel:
    wheels = row["wheels"]
    assert isinstance(wheels, list)
    wheel = wheels[0]
    told = wheel.get("size")
    return Wheel(str(row["version"]), str(wheel.get("url") or wheel["path"]), told if isinstance(told, int) else None)


def _asked(wheel: Wheel) -> int:
    import urllib.parse  # seldom needed, and slow to import
    import urllib.request

    parts = urllib.parse.urlsplit(wheel.url)
    try:
        if parts.scheme in ("", "file"):
            return Path(urllib.request.url2pathname(parts.path)).stat().st_size
        if parts.scheme not in ("http", "https"):
            return 0
        request = urllib.request.Request(wheel.url, method="HEAD")
        with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:
            return int(answer.headers.get("Content-Length") or 0)
    except (OSError, ValueError):
        return 0
