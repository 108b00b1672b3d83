"""The one table of tools: each schema's name, the function that answers it and what the model reads of its answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from schemas import Bounds, InvalidArguments, validate

from .. import compat
from ..errors import CellblockError
from ..events import OnEvent
from ..interpreter import Interpreter
from ..result import ExecutionResult
from . import file_lists

UserId = int | str
AT_ONCE_CHARACTERS = 16_384  # checked in less than a millisecond; more goes to a thread


@dataclass(frozen=True)
class Caller:
    """For whom a tool runs, as the application says, never the model.

    Attributes:
        files: ids of that user's files that every cell sees.
    """

    user_id: UserId
    session_id: str | None = None
    files: tuple[str, ...] = ()
    on_event: OnEvent | None = None


Answer = ExecutionResult | dict[str, Any]
Handler = Callable[[Interpreter, dict[str, Any], Caller], Awaitable[Answer]]


@dataclass(frozen=True)
class Tool:
    """One row: `run` gives an ExecutionResult, which shape.py shapes, or a dict, of which `text` says what the model reads.

    Attributes:
        free_form: the argument that a custom call's bare text is.
    """

    run: Handler
    text: Callable[[dict[str, Any]], str] = str
    free_form: str | None = None


async def run_tool(
    name: str, arguments_json: str | bytes, user_id: UserId, interpreter: Interpreter | None = None
) -> dict[str, Any]:
    """Answer one tool call: check the model's arguments, once, and run the tool.

    Args:
        name: as the model gave it.
        arguments_json: as the model wrote them.
        user_id: from the caller, never from the model.
        interpreter: the running loop's default one where none is given.

    Returns: the tool's dict; for what the model did wrong one with `success` False and an `error` that it can act on.
    """
    interpreter = interpreter or await compat.default_interpreter()
    try:
        arguments = await checked(name, arguments_json, interpreter)
        answer = await HANDLERS[name].run(interpreter, arguments, Caller(user_id))
    except InvalidArguments as error:
        return compat.not_run(CellblockError(str(error))) | {"return_code": compat.REFUSED}
    except CellblockError as error:
        return compat.not_run(error)
    return compat.as_dict(answer) if isinstance(answer, ExecutionResult) else answer


async def checked(name: str, arguments: Any, interpreter: Interpreter) -> dict[str, Any]:
    """The model's arguments, checked.

    Raises:
        InvalidArguments: with what to change.
    """
    limits = bounds(interpreter)
    return await beside_the_loop_if_long(lambda: validate(name, arguments, limits), arguments)


async def beside_the_loop_if_long(check: Callable[[], dict[str, Any]], arguments: Any) -> dict[str, Any]:
    """4 MiB of JSON takes a second to check; a few lines are checked faster than a thread takes them over."""
    short = isinstance(arguments, str) and len(arguments) <= AT_ONCE_CHARACTERS
    return check() if short else await asyncio.to_thread(check)


def bounds(interpreter: Interpreter) -> Bounds:
    """What the tools' schemas and descriptions say of this interpreter's limits."""
    settings = interpreter.settings
    return Bounds(
        max_timeout=settings.max_timeout,
        timeout=settings.timeout,
        max_output_bytes=settings.max_output_bytes,
        memory_bytes=settings.memory_bytes,
        max_code_bytes=settings.max_code_bytes,
        file_hours=settings.file_expiration_hours,
        packages=tuple(package.distribution for package in interpreter.catalogue.starters),
    )


async def _execute(interpreter: Interpreter, arguments: dict[str, Any], caller: Caller) -> ExecutionResult:
    return await interpreter.run(
        arguments["code"],
        user_id=caller.user_id,
        files=caller.files,
        install=arguments.get("install_packages", ()),
        timeout=arguments.get("timeout"),
        session_id=caller.session_id,
        on_event=caller.on_event,
    )


async def _list(interpreter: Interpreter, arguments: dict[str, Any], caller: Caller) -> dict[str, Any]:
    files = await interpreter.files.list(caller.user_id)
    return {"success": True, "files": [record.as_document() for record in files]}


async def _delete(interpreter: Interpreter, arguments: dict[str, Any], caller: Caller) -> dict[str, Any]:
    deleted = await interpreter.files.delete(arguments["file_id"], caller.user_id)
    return {"success": deleted, "error": "" if deleted else "no such file; list_user_files names the files there are"}


HANDLERS: dict[str, Tool] = {
    "execute_python_code": Tool(_execute, free_form="code"),
    "list_user_files": Tool(_list, file_lists.listed),
    "delete_user_file": Tool(_delete, file_lists.deleted, free_form="file_id"),
}
