"""What a turn is asked with besides the conversation, checked: the client, the tools it offers, what the caller adds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InvalidRequest
from .sendable import Item

# Kinds of tools whose calls somebody on the client's side must answer, in a form of their own: nobody here does.
# openai/types/responses/tool_param.py, 3.54
_ANSWERED_ELSEWHERE = ("apply_patch", "computer", "computer_use_preview", "local_shell", "shell")


def checked_client(client: Any) -> Any:
    """The SDK's asynchronous client.

    Raises:
        InvalidRequest: it is the synchronous one.
    """
    import openai

    if isinstance(client, openai.OpenAI):
        raise InvalidRequest("client is an OpenAI, which would block the event loop; give an AsyncOpenAI")
    return client


def offered(own: Iterable[Item], given: Sequence[Mapping[str, Any]]) -> list[Item]:
    """The dispatcher's tools and the caller's; one of the caller's takes the place of one of the same name.

    Raises:
        InvalidRequest: a tool is no dict, or of a kind that the dispatcher cannot answer.
    """
    tools = {_name(tool): tool for tool in own}
    for at, tool in enumerate(given):
        if not isinstance(tool, Mapping):
            raise InvalidRequest(f"tools[{at}] is a {type(tool).__name__}; it must be a dict, as the API takes it")
        if tool.get("type") in _ANSWERED_ELSEWHERE:
            raise InvalidRequest(
                f"tools[{at}] is of type {tool['type']!r}: its calls need answers that the dispatcher cannot give; "
                "use the SDK's AsyncResponsesToolRunner for it"
            )
        tools[_name(tool) or f"#{at}"] = dict(tool)
    return list(tools.values())


def _name(tool: Mapping[str, Any]) -> str:
    inner = tool.get(tool.get("type", ""), tool)
    return str(inner.get("name") or "") if isinstance(inner, Mapping) else ""


def checked_options(options: Mapping[str, Any] | None, own: Sequence[str]) -> dict[str, Any]:
    """What the caller adds to each request.

    Raises:
        InvalidRequest: it is about something that the loop itself decides.
    """
    taken = sorted(set(options or ()) & set(own))
    if taken:
        raise InvalidRequest(f"options has {', '.join(taken)}: the loop says that itself; see its own arguments")
    if (options or {}).get("n", 1) not in (1, None):
        raise InvalidRequest("options has n > 1; a turn has one answer")
    return dict(options or {})
