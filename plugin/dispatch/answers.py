"""What came of one call, whichever tool it was of, and its way to text: one function for the dispatcher to call."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ..result import ExecutionResult
from . import shape
from .clean import name_of
from .registered import Picture, ToolResult
from .shape import Reading, Shaped


@dataclass(frozen=True)
class Own:
    """Words of a tool of ours."""

    text: str
    success: bool


@dataclass(frozen=True)
class Refused:
    """A call that was not carried out."""

    reason: str
    success: bool = False


Answer = ExecutionResult | ToolResult | Own | Refused


async def shaped(answer: Answer, told: Sequence[str], reading: Reading) -> Shaped:
    """Beside the event loop, unless that would take longer than the work."""
    if _is_short(answer, reading.tokens):
        return _shape(answer, told, reading)
    return await asyncio.to_thread(_shape, answer, told, reading)


def _shape(answer: Answer, told: Sequence[str], reading: Reading) -> Shaped:
    match answer:
        case ExecutionResult():
            sentences = iter(told)
            shown = [next(sentences, "") if file.type == "image" else "" for file in answer.generated_files]
            return shape.execution(answer, reading, shown)
        case ToolResult():
            named = [f"{name_of(picture.name)}: {seen}" for picture, seen in zip(pictures(answer), told, strict=True)]
            return shape.tool_result(answer.text, reading, success=answer.success, shown=named)
        case Own():
            return shape.own(answer.text, reading)
        case Refused():
            return shape.refusal(answer.reason, reading)


def _is_short(answer: Answer, tokens: int) -> bool:
    """Whether shaping it counts nothing: counting takes its time, and the first time loads a vocabulary."""
    match answer:
        case ExecutionResult():
            more = answer.generated_files or answer.dropped_files or answer.installed_packages
            length = tokens if more else len(answer.output) + len(answer.error)
        case ToolResult():
            length = tokens if answer.images else len(answer.text)
        case Own():
            length = len(answer.text)
        case Refused():
            length = len(answer.reason)
    return length * shape.MOST_BYTES_A_CHARACTER + shape.FRAME_BYTES <= tokens


def pictures(answer: Answer) -> list[Picture]:
    match answer:
        case ExecutionResult():
            files = answer.generated_files
            return [Picture(file.filename, file.data, file.file_id) for file in files if file.type == "image"]
        case ToolResult():
            return list(answer.images)
    return []
