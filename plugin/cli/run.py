"""`cellblock run`: one file of code, run as a model's would be."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import events
from ..compat import as_dict
from ..errors import CellblockError, Refused
from ..interpreter import Interpreter
from ..result import ExecutionResult
from .progress import shown
from .saving import save_new

USER = "command line"

# What a script can tell apart; a cell's own return codes 1 to 255 are passed on as they are.
TIMED_OUT, REFUSED, OUT_OF_MEMORY, NOT_RUN = 124, 125, 137, 126
_EXIT_CODES = {-1: TIMED_OUT, -2: REFUSED, -3: OUT_OF_MEMORY, -4: NOT_RUN}


def command(
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="A Python file, or - for standard input.")],
    file: Annotated[list[Path] | None, typer.Option("--file", help="A file the code may read; repeatable.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds, 1 to 300.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Run a file of Python code in a sandbox; what it leaves in its working directory is saved here.

    Exit status: the code's own; 124 timeout, 125 refused, 126 the sandbox was lost or not there, 137 out of memory.

    Examples: `cellblock run plot.py --file sales.csv`, `echo 'print(1)' | cellblock run -`
    """
    try:
        code = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        result = asyncio.run(_run(code, file or [], timeout, as_json))
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(f"cellblock: {error}", err=True)
        raise typer.Exit(2) from None
    except CellblockError as error:
        typer.echo(f"cellblock: {error}", err=True)
        raise typer.Exit(REFUSED if isinstance(error, Refused) else NOT_RUN) from None
    raise typer.Exit(_EXIT_CODES.get(result.return_code, result.return_code))


async def _run(code: str, paths: list[Path], timeout: float | None, as_json: bool) -> ExecutionResult:
    async with Interpreter() as interpreter:
        with shown() as on_event:
            await interpreter.warm(on_event)
        ids = []
        try:
            for path in paths:
                record = await interpreter.files.upload(USER, await asyncio.to_thread(path.read_bytes), path.name)
                ids.append(record.file_id)
            on_text = None if as_json else _echo
            result = await interpreter.run(code, user_id=USER, files=ids, timeout=timeout, on_event=on_text)
        finally:
            for file_id in ids:
                await interpreter.files.delete(file_id, USER)
        for file_id in result.generated_file_ids:
            await interpreter.files.delete(file_id, USER)
    saved = await asyncio.to_thread(_save, result)
    if as_json:
        files = [{"filename": file.filename, "size": file.size, "type": file.type} for file in result.generated_files]
        typer.echo(json.dumps(as_dict(result) | {"generated_files": files, "generated_file_ids": []}))
    else:
        for name in saved:
            typer.echo(f"saved {name}", err=True)
        if result.error:
            typer.echo(result.error, err=True)
    return result


def _echo(event: events.Event) -> None:
    if isinstance(event, events.Stdout | events.Stderr):
        typer.echo(event.text, nl=False, err=isinstance(event, events.Stderr))


def _save(result: ExecutionResult) -> list[str]:
    return [str(save_new(file.filename, file.data)) for file in result.generated_files]
