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

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand
Answer = tuple[Instruction, ...]


@dataclass(frozen=True)
class Table:
    """seccomp.toml, as it stands."""

    allow: Sequence[dict[str, Any]]
    refuse: Sequence[dict[str, Any]]
    argument: Sequence[dict[str, Any]]
    numbers: dict[str, list[int]]


# Read at import: afterwards no file is touched, whatever thread asks.
TABLE = Table(**tomllib.loads(resources.files(__package__).joinpath("seccomp.toml").read_text()))


@cache
def program(architecture: Architecture) -> bytes:
    """The filter for one architecture, as an array of struct sock_filter."""
    instructions = [
        (LOAD, 0, 0, ARCH_OFFSET),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH[architecture]),
        # A 32-bit call has other numbers: `int 0x80` opened sockets past a filter that looked at numbers only.
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER_OFFSET),
        *_search(_ranges(_answers(architecture))),
    ]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions)


def _errno(name: str) -> Instruction:
    """`NONE`: the call is not made, and said to have succeeded."""
    return (RETURN, 0, 0, ERRNO | (0 if name == "NONE" else getattr(errno, name)))


_ALLOWED: Answer = ((RETURN, 0, 0, ALLOW),)
_UNKNOWN: Answer = (_errno("ENOSYS"),)


def _answers(architecture: Architecture) -> dict[int, Answer]:
    """What each call's number is answered; a number that is not there is unknown."""
    names: dict[str, Answer] = {}
    for row in TABLE.allow:
        names |= dict.fromkeys(row["calls"], _ALLOWED)
    for row in TABLE.refuse:
        names |= dict.fromkeys(row["calls"], (_errno(row["errno"]),))
    for row in TABLE.argument:
        names[row["call"]] = _condition(row) + names.get(row["call"], _ALLOWED)
    column = _COLUMN[architecture]
    numbers = {name: TABLE.numbers[name][column] for name in names}
    return {number: names[name] for name, number in numbers.items() if number >= 0}


def _condition(row: dict[str, Any]) -> Answer:
    """Refuse or go on with the next instruction; arguments are compared by their low 32 bits, as the kernel reads these."""
    load = [(LOAD, 0, 0, ARGUMENTS_OFFSET + 8 * row["argument"])]
    if "mask" in row:
        load.append((AND, 0, 0, row["mask"]))
    values = row["equals"]
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
