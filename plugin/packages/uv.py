"""uv, the installer, found in its wheel: the four commands that environments are made with."""

import uv

from . import program
from .program import OnProgress

NO_SOLUTION = 1  # its exit status where no versions fit together; other troubles are 2


class Uv:
    """The installer, with the package index that it is to use.

    Args:
        index_url: None for uv's own default; what uv reads from its environment and files holds in either case.
        kept_open: see program.run.
    """

    def __init__(self, index_url: str | None, on_progress: OnProgress, kept_open: tuple[int, ...] = ()) -> None:
        self._index = ["--default-index", index_url] if index_url else []
        self._on_progress = on_progress
        self._kept_open = kept_open

    async def resolve(self, python: str, requirements: list[str], constraints: str) -> str:
        """Which wheels fit together, as the text of a pylock.toml (PEP 751): with versions, addresses, sizes and hashes.

        Args:
            constraints: path of a requirements file with what must stay as it is.

        Raises:
            ProgramFailed: nothing fits (`NO_SOLUTION`), or the index cannot be read.
        """
        wanted = ["pip", "compile", "-", "--constraints", constraints, "--python", python, *self._index]
        form = ["--no-build", "--format", "pylock.toml", "--no-header", "--no-annotate", "--quiet"]
        return await self._run([*wanted, *form], given="\n".join(requirements))

    async def create(self, python: str, path: str) -> None:
        """An empty environment in a directory that is empty."""
        await self._run(["venv", "--no-project", "--quiet", "--python", python, path])

    async def install(self, python: str, lock: str) -> None:
        """What a pylock.toml names. Wheels only: a source distribution would run its author's code on the host."""
        await self._run(["pip", "install", "--no-build", "--python", python, "--requirements", lock, *self._index])

    async def install_compiled(self, python: str, lock: str) -> None:
        """The same, and every module of the environment compiled."""
        options = ["--no-build", "--compile-bytecode", *self._index]
        await self._run(["pip", "install", "--python", python, "--requirements", lock, *options])

    async def _run(self, arguments: list[str], given: str = "") -> str:
        command = [uv.find_uv_bin(), *arguments, "--system-certs", "--color=never", "--preview-features=pylock"]
        return await program.run(command, self._on_progress, given=given, kept_open=self._kept_open)
