"""cellblock's interpreter: a model's code runs in a warm, jailed sandbox and comes back as a result.

The names below are all there is for callers. They are imported at first use, so that `import plugin` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compat import (
        CleanupScheduler,
        cleanup_expired_files,
        create_discord_cleanup_task,
        delete_all_user_files,
        delete_user_file,
        execute_code,
        forget_user,
        get_file_manager,
        get_interpreter_status,
        get_package_manager,
        list_user_files,
        load_file,
        upload_discord_attachment,
        upload_file,
    )
    from .config import Settings
    from .dispatch.chat import run_chat, stream_chat
    from .dispatch.dispatcher import Dispatcher
    from .dispatch.registered import Picture, ToolResult
    from .dispatch.responses import run_responses, stream_responses
    from .dispatch.tools import run_tool
    from .errors import CellblockError, TurnError
    from .interpreter import Interpreter
    from .result import ExecutionResult, GeneratedFile, Outcome, Turn

_HOMES = {
    "CellblockError": "errors",
    "CleanupScheduler": "compat",
    "Dispatcher": "dispatch.dispatcher",
    "ExecutionResult": "result",
    "GeneratedFile": "result",
    "Interpreter": "interpreter",
    "Outcome": "result",
    "Picture": "dispatch.registered",
    "Settings": "config",
    "ToolResult": "dispatch.registered",
    "Turn": "result",
    "TurnError": "errors",
    "cleanup_expired_files": "compat",
    "create_discord_cleanup_task": "compat",
    "delete_all_user_files": "compat",
    "delete_user_file": "compat",
    "execute_code": "compat",
    "forget_user": "compat",
    "get_file_manager": "compat",
    "get_interpreter_status": "compat",
    "get_package_manager": "compat",
    "list_user_files": "compat",
    "load_file": "compat",
    "run_chat": "dispatch.chat",
    "run_responses": "dispatch.responses",
    "run_tool": "dispatch.tools",
    "stream_chat": "dispatch.chat",
    "stream_responses": "dispatch.responses",
    "upload_discord_attachment": "compat",
    "upload_file": "compat",
}

__all__ = [
    "CellblockError",
    "CleanupScheduler",
    "Dispatcher",
    "ExecutionResult",
    "GeneratedFile",
    "Interpreter",
    "Outcome",
    "Picture",
    "Settings",
    "ToolResult",
    "Turn",
    "TurnError",
    "cleanup_expired_files",
    "create_discord_cleanup_task",
    "delete_all_user_files",
    "delete_user_file",
    "execute_code",
    "forget_user",
    "get_file_manager",
    "get_interpreter_status",
    "get_package_manager",
    "list_user_files",
    "load_file",
    "run_chat",
    "run_responses",
    "run_tool",
    "stream_chat",
    "stream_responses",
    "upload_discord_attachment",
    "upload_file",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
