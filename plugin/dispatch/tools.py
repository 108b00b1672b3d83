"""The one table of tools: each schema's name and the function that answers it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from schemas import Bounds, InvalidArguments, validate

from .. import compat
from ..errors import CellblockError
from ..interpreter import Interpreter

UserId = int | str
Handler = Callable[[Interpreter, dict[str, Any], UserId], Awaitable[dict[str, Any]]]


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
        # In a thread: 4 MiB of JSON takes a second to check.
        arguments = await asyncio.to_thread(validate, name, arguments_json, bounds(interpreter))
        return await HANDLERS[name](interpreter, arguments, user_id)
    except InvalidArguments as error:
        return compat.not_run(CellblockError(str(error))) | {"return_code": compat.REFUSED}
    except CellblockError as error:
        return compat.not_run(error)


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


async def _execute(interpreter: Interpreter, arguments: dict[str, Any], user_id: UserId) -> dict[str, Any]:
    result = await interpreter.run(
        arguments["code"],
        user_id=user_id,
        install=arguments.get("install_packages", ()),
        timeout=arguments.get("timeout"),
    )
    return compat.as_dict(result)


async def _list(interpreter: Interpreter, arguments: dict[str, Any], user_id: UserId) -> dict[str, Any]:
    return {"success": True, "files": [record.as_document() for record in await interpreter.files.list(user_id)]}


async def _delete(interpreter: Interpreter, arguments: dict[str, Any], user_id: UserId) -> dict[str, Any]:
    deleted = await interpreter.files.delete(arguments["file_id"], user_id)
    return {"success": deleted, "error": "" if deleted else "no such file; list_user_files names the files there are"}


HANDLERS: dict[str, Handler] = {
    "execute_python_code": _execute,
    "list_user_files": _list,
    "delete_user_file": _delete,
}
