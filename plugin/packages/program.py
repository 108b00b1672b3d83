"""Runs a program that installs: its output bounded, ended with all it has started when nobody waits for it."""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Self

from ..errors import CellblockError

OnProgress = Callable[[str], None]

MAX_OUTPUT_BYTES = 4 * 1024**2  # a resolution of 300 packages is 150 KB
MAX_LINE = 500  # characters of one line that are told
COMPLAINT_LINES = 20
READ_BYTES = 64 * 1024


class ProgramFailed(CellblockError):
    """It ended with another status than 0. Never leaves this room: callers say what it means.

    Attributes:
        status: its exit status; negative where a signal ended it.
        said: its last lines.
    """

    def __init__(self, program: str, status: int, said: str) -> None:
        self.program, self.status, self.said = program, status, said
        super().__init__(f"{program} ended with status {status}:\n{said}")


async def run(command: list[str], on_progress: OnProgress, *, given: str = "", kept_open: tuple[int, ...] = ()) -> str:
    """Run a program to its end.

    Args:
        on_progress: told each line of its standard error.
        given: its standard input.
        kept_open: descriptors that it has too, so that their locks are held until it is over, whatever happens to us.

    Returns: its standard output.

    Raises:
        ProgramFailed: its exit status is not 0.
    """
    async with _Process.started(command, kept_open) as process:
        output, said = await asyncio.gather(process.output(given), process.told(on_progress))
        status = await process.ended()
    if status:
        raise ProgramFailed(os.path.basename(command[0]), status, "\n".join(said))
    return output


class _Process:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, command: list[str], kept_open: tuple[int, ...]) -> AsyncIterator[Self]:
        environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            umask=0o022,  # as root, sandboxes have another uid and must be able to read what is installed
            start_new_session=True,  # one signal ends it with the Python processes that it starts
            pass_fds=kept_open,
        )
        try:
            yield cls(process)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    async def output(self, given: str) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        with contextlib.suppress(ConnectionError):  # it ended before it had read all: its status says why
            stdin.write(given.encode())
            await stdin.drain()
        stdin.close()
        parts, size = [], 0
        while part := await stdout.read(READ_BYTES):
            size += len(part)
            if size <= MAX_OUTPUT_BYTES:
                parts.append(part)
        return b"".join(parts).decode("utf-8", "replace")

    async def told(self, on_progress: OnProgress) -> list[str]:
        """Returns: the last lines."""
        stderr = self._process.stderr
        assert stderr is not None
        last: deque[str] = deque(maxlen=COMPLAINT_LINES)
        rest = b""
        while part := await stderr.read(READ_BYTES):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                _tell(line, last, on_progress)
            rest = rest[-READ_BYTES:]
        _tell(rest, last, on_progress)
        return list(last)

    async def ended(self) -> int:
        return await self._process.wait()


def _tell(line: bytes, last: "deque[str]", on_progress: OnProgress) -> None:
    text = line[: 4 * MAX_LINE].decode("utf-8", "replace").rstrip()[:MAX_LINE]
    if text:
        last.append(text)
        on_progress(text)
