"""Compiles seccomp.toml into the BPF program that `inside/seccomp.py` installs.

The program is a binary search over the call's number, so that its length and its running time hardly depend on how many
calls the table has. Instruction codes are from linux/bpf_common.h, the data's layout and return values from linux/seccomp.h.
"""

import errno
import struct
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Architecture = Literal["x86_64", "aarch64"]
AUDIT_ARCH: dict[Architecture, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h
_COLUMN: dict[Architecture, int] = {"x86_64": 0, "aarch64": 1}

LOAD, AND, RETURN, JUMP = 0x20, 0x54, 0x06, 0x05  # BPF_LD|W|ABS, ALU|AND|K, RET|K, JMP|JA
JUMP_EQUAL, JUMP_AT_LEAST = 0x15, 0x35  # JMP|JEQ|K, JMP|JGE|K
NUMBER_OFFSET, ARCH_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16
ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
FAR = 255  # a conditional jump's offset is one byte

OWN_PID = -1  # an operand that inside/seccomp.py fills in

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand
Answer = tuple[Instruction, ...]
When = Literal["shared uid", "shared disk", "truncate not handled"]


@dataclass(frozen=True)
class Table:
    """seccomp.toml, as it stands."""

    allow: Sequence[dict[str, Any]]
    refuse: Sequence[dict[str, Any]]
    pretend: Sequence[dict[str, Any]]
    argument: Sequence[dict[str, Any]]
    numbers: dict[str, list[int]]


# Read at import: afterwards no file is touched, whatever thread asks.
TABLE = Table(**tomllib.loads(resources.files(__package__).joinpath("seccomp.toml").read_text()))


@dataclass(frozen=True)
class Program:
    """`code` is an array of struct sock_filter; `own_pid_at` are offsets where the sandbox's own pid is to stand."""

    code: bytes
    own_pid_at: tuple[int, ...]


@cache
def program(architecture: Architecture, conditions: frozenset[When] = frozenset()) -> Program:
    """The filter for one architecture.

    Args:
        conditions: which rows with a `when` apply.
    """
    instructions = [
        (LOAD, 0, 0, ARCH_OFFSET),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH[architecture]),
        # A 32-bit call has other numbers: `int 0x80` opened sockets past a filter that looked at numbers only.
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER_OFFSET),
        *_search(_ranges(_answers(architecture, conditions))),
    ]
    code = b"".join(struct.pack("<HBBI", *row[:3], max(row[3], 0)) for row in instructions)
    own_pid_at = tuple(8 * index + 4 for index, row in enumerate(instructions) if row[3] == OWN_PID)
    return Program(code, own_pid_at)


def _errno(name: str) -> Instruction:
    return (RETURN, 0, 0, ERRNO | getattr(errno, name))


_ALLOWED: Answer = ((RETURN, 0, 0, ALLOW),)
_UNKNOWN: Answer = (_errno("ENOSYS"),)


_PRETENDED: Answer = ((RETURN, 0, 0, ERRNO),)  # errno 0: the call returns 0 and nothing was done


def _answers(architecture: Architecture, conditions: frozenset[When]) -> dict[int, Answer]:
    """What each call's number is answered; a number that is not there is unknown. Rows with a `when` go before others."""
    names: dict[str, Answer] = {}
    for applies in (_always, lambda row: row.get("when") in conditions):
        for row in filter(applies, TABLE.allow):
            names |= dict.fromkeys(row["calls"], _ALLOWED)
        for row in filter(applies, TABLE.refuse):
            names |= dict.fromkeys(row["calls"], (_errno(row["errno"]),))
        for row in filter(applies, TABLE.pretend):
            names |= dict.fromkeys(row["calls"], _PRETENDED)
    for row in TABLE.argument:
        if _always(row) or row["when"] in conditions:
            names[row["call"]] = _condition(row) + names.get(row["call"], _ALLOWED)
    column = _COLUMN[architecture]
    numbers = {name: TABLE.numbers[name][column] for name in names}
    return {number: names[name] for name, number in numbers.items() if number >= 0}


def _always(row: dict[str, Any]) -> bool:
    return "when" not in row


def _condition(row: dict[str, Any]) -> Answer:
    """Refuse or go on with the next instruction; arguments are compared by their low 32 bits, as the kernel reads these."""
    load = [(LOAD, 0, 0, ARGUMENTS_OFFSET + 8 * row["argument"])]
    if "mask" in row:
        load.append((AND, 0, 0, row["mask"]))
    values = [*row["equals"], *([OWN_PID] if row.get("own_pid") else [])]
    matches = [(JUMP_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
    if "then" in row:  # no match: jump over the refusal
        return (*load, *matches, (JUMP, 0, 0, 1), _errno(row["then"]))
    return (*load, *matches, _errno(row["otherwise"]))


def _ranges(answers: dict[int, Answer]) -> list[tuple[int, Answer]]:
    """(first number, answer): each answer holds up to the next row's first number."""
    ranges: list[tuple[int, Answer]] = []
    for number in range(max(answers) + 2):
        answer = answers.get(number, _UNKNOWN)
        if not ranges or ranges[-1][1] != answer:
            ranges.append((number, answer))
    return ranges


def _search(ranges: list[tuple[int, Answer]]) -> list[Instruction]:
    if len(ranges) == 1:
        return list(ranges[0][1])
    middle = len(ranges) // 2
    below, above = _search(ranges[:middle]), _search(ranges[middle:])
    first = ranges[middle][0]
    if len(below) <= FAR:
        return [(JUMP_AT_LEAST, len(below), 0, first), *below, *above]
    return [(JUMP_AT_LEAST, 0, 1, first), (JUMP, 0, 0, len(below)), *below, *above]
