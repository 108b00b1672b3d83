"""The system call filter, run on a simulated BPF machine for both architectures, and its table held against itself."""

import errno
import struct
from collections.abc import Sequence
from typing import Any, get_args

import pytest

from plugin.sandbox import filter

X86, ARM = filter.AUDIT_ARCH["x86_64"], filter.AUDIT_ARCH["aarch64"]


def run(program: bytes, number: int, arch: int, arguments: tuple[int, ...] = ()) -> int:
    """What the kernel would answer: a BPF machine with the instructions that the compiler uses (linux/filter.h)."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *(arguments + (0,) * (6 - len(arguments))))
    instructions = list(struct.iter_unpack("<HBBI", program))
    at = accumulator = 0
    while True:
        code, if_true, if_false, operand = instructions[at]
        at += 1
        if code == 0x20:
            accumulator = int.from_bytes(data[operand : operand + 4], "little")
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x05:
            at += operand
        elif code == 0x15:
            at += if_true if accumulator == operand else if_false
        elif code == 0x35:
            at += if_true if accumulator >= operand else if_false
        elif code == 0x06:
            return operand
        else:
            raise AssertionError(f"unknown instruction {code:#x}")


def refused(name: str) -> int:
    return filter.ERRNO | getattr(errno, name)


def always(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if "when" not in row]


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_every_call_of_the_table_is_answered_as_it_says(architecture: filter.Architecture) -> None:
    """Allowed calls pass, refused ones get their errno, all other numbers ENOSYS."""
    table, program = filter.TABLE, filter.program(architecture).code
    arch, column = filter.AUDIT_ARCH[architecture], ["x86_64", "aarch64"].index(architecture)
    expected = {}
    for row in table.allow:
        expected |= {table.numbers[name][column]: filter.ALLOW for name in row["calls"]}
    for row in always(table.refuse):
        expected |= {table.numbers[name][column]: refused(row["errno"]) for name in row["calls"]}
    for row in always(table.pretend):
        expected |= {table.numbers[name][column]: filter.ERRNO for name in row["calls"]}
    conditional = {table.numbers[row["call"]][column] for row in always(table.argument)}
    for number in range(1200):
        if number not in conditional:
            assert run(program, number, arch) == expected.get(number, refused("ENOSYS")), number


@pytest.mark.parametrize(
    ("call", "arguments", "answer"),
    [
        ("mmap", (0, 4096, 3, 0x22), filter.ALLOW),
        ("mmap", (0, 4096, 3, 0x01), filter.ALLOW),
        ("mmap", (0, 4096, 3, 0x21), refused("EPERM")),
        ("mmap", (0, 4096, 3, 0x23), refused("EPERM")),
        ("clone", (0x00003D0F00,), filter.ALLOW),
        ("clone", (0x10000000,), refused("EPERM")),
        ("clone", (0x40000011,), refused("EPERM")),
        ("clone", (0x00020011,), refused("EPERM")),
        ("fcntl", (3, 4), filter.ALLOW),
        ("fcntl", (3, 1024), refused("EPERM")),
        ("fcntl", (3, 1031), refused("EPERM")),
        ("ioctl", (1, 0x5401), filter.ALLOW),
        ("ioctl", (1, 0x5412), refused("ENOTTY")),
        ("prctl", (15,), filter.ALLOW),
        ("prctl", (22,), refused("EINVAL")),
        ("prlimit64", (0,), filter.ALLOW),
        ("prlimit64", (1,), refused("EPERM")),
        ("prlimit64", (0, 4), refused("EPERM")),
        ("prlimit64", (0, 7), filter.ALLOW),
        ("setrlimit", (4,), refused("EPERM")),
        ("setrlimit", (7,), filter.ALLOW),
        ("prlimit64", (0xFFFFFFFF00000000,), filter.ALLOW),  # the kernel reads a pid's low 32 bits alone
        ("personality", (0xFFFFFFFF,), filter.ALLOW),
        ("personality", (0x0040000,), refused("EPERM")),
        ("socketpair", (1, 1), filter.ALLOW),
        ("socketpair", (1, 0x80001), filter.ALLOW),
        ("socketpair", (1, 5), filter.ALLOW),
        ("socketpair", (1, 2), refused("EPERM")),
        ("socketpair", (1, 3), refused("EPERM")),
        ("mmap", (0, 4096, 3, 0x122), refused("EPERM")),
        ("mmap", (0, 4096, 3, 0x40022), refused("EPERM")),
        ("mmap", (0, 4096, 3, 0x20022), filter.ALLOW),
        ("setsockopt", (3, 1, 7), filter.ALLOW),
        ("setsockopt", (3, 1, 26), refused("EPERM")),
        ("getsockopt", (3, 1, 3), filter.ALLOW),
        ("getsockopt", (3, 1, 77), refused("EPERM")),
        ("socketpair", (1, 0x80802), refused("EPERM")),
        ("socketpair", (2, 1), refused("EPERM")),
    ],
)
@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_arguments_decide(
    architecture: filter.Architecture, call: str, arguments: tuple[int, ...], answer: int
) -> None:
    """The calls that depend on an argument, on both architectures."""
    number = filter.TABLE.numbers[call][["x86_64", "aarch64"].index(architecture)]
    assert run(filter.program(architecture).code, number, filter.AUDIT_ARCH[architecture], arguments) == answer


OWN = 4321
SHARED, NO_TRUNCATE = frozenset({"shared uid"}), frozenset({"truncate not handled"})


@pytest.mark.parametrize(
    ("conditions", "call", "arguments", "answer"),
    [
        (SHARED, "fork", (), refused("EPERM")),
        (SHARED, "vfork", (), refused("EPERM")),
        (SHARED, "clone", (0x00003D0F00,), filter.ALLOW),
        (SHARED, "clone", (0x11,), refused("EPERM")),
        (SHARED, "clone", (0x10010000 | 0x40000000,), refused("EPERM")),
        (SHARED, "kill", (0,), filter.ALLOW),
        (SHARED, "kill", (OWN,), filter.ALLOW),
        (SHARED, "kill", (OWN + 1,), refused("EPERM")),
        (SHARED, "kill", (0xFFFFFFFF,), refused("EPERM")),
        (SHARED, "kill", (1,), refused("EPERM")),
        (SHARED, "tgkill", (OWN, 5), filter.ALLOW),
        (SHARED, "tgkill", (0, 5), refused("EPERM")),
        (SHARED, "tkill", (OWN,), refused("EPERM")),
        (SHARED, "pidfd_open", (OWN,), filter.ALLOW),
        (SHARED, "pidfd_open", (1,), refused("EPERM")),
        (SHARED, "rt_sigqueueinfo", (1,), refused("EPERM")),
        (SHARED, "rt_tgsigqueueinfo", (1, 1), refused("EPERM")),
        (SHARED, "sched_setaffinity", (0,), filter.ALLOW),
        (SHARED, "sched_setaffinity", (1,), refused("EPERM")),
        (SHARED, "fcntl", (3, 8, 1), refused("EPERM")),
        (SHARED, "fcntl", (3, 1024), refused("EPERM")),
        (SHARED, "fcntl", (3, 4), filter.ALLOW),
        (SHARED, "get_robust_list", (1,), refused("EPERM")),
        (SHARED, "chmod", (), filter.ERRNO),
        (SHARED, "fchmodat2", (), filter.ERRNO),
        (SHARED, "fchown", (), filter.ERRNO),
        (SHARED, "utimensat", (), filter.ERRNO),
        (SHARED, "openat", (3, 0, 0x200), filter.ALLOW),
        (NO_TRUNCATE, "kill", (1,), filter.ALLOW),
        (NO_TRUNCATE, "truncate", (), refused("EPERM")),
        (NO_TRUNCATE, "ftruncate", (), filter.ALLOW),
        (NO_TRUNCATE, "openat2", (), refused("ENOSYS")),
        (NO_TRUNCATE, "openat", (3, 0, 0x200), refused("EACCES")),
        (NO_TRUNCATE, "openat", (3, 0, 0x201), filter.ALLOW),
        (NO_TRUNCATE, "openat", (3, 0, 0x240), refused("EACCES")),
        (SHARED | NO_TRUNCATE, "openat", (3, 0, 0x200), refused("EACCES")),
    ],
)
@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_weaker_levels_refuse_more(
    architecture: filter.Architecture,
    conditions: frozenset[filter.When],
    call: str,
    arguments: tuple[int, ...],
    answer: int,
) -> None:
    """What the kernel would allow a process of the bot's own uid, and an old landlock does not look at."""
    number = filter.TABLE.numbers[call][["x86_64", "aarch64"].index(architecture)]
    if number < 0:
        return  # aarch64 has no such call
    compiled = filter.program(architecture, conditions)
    code = bytearray(compiled.code)
    for offset in compiled.own_pid_at:
        struct.pack_into("<I", code, offset, OWN)
    assert bool(compiled.own_pid_at) == ("shared uid" in conditions)
    assert run(bytes(code), number, filter.AUDIT_ARCH[architecture], arguments) == answer


@pytest.mark.parametrize("arch", [0x40000003, ARM, 0, 0xFFFFFFFF], ids=["i386", "aarch64", "none", "all"])
def test_another_architecture_is_killed(arch: int) -> None:
    """32-bit calls have other numbers; a process that makes one is ended."""
    assert run(filter.program("x86_64").code, 1, arch) == filter.KILL_PROCESS


def test_x32_is_unknown() -> None:
    """The x32 bit makes any number one that nobody allowed."""
    program = filter.program("x86_64").code
    assert all(run(program, 0x40000000 | number, X86) == refused("ENOSYS") for number in range(600))


def test_the_table_is_consistent() -> None:
    """No call stands in two places, each has numbers, and no number is given twice."""
    table = filter.TABLE
    names = [name for row in [*table.allow, *always(table.refuse), *always(table.pretend)] for name in row["calls"]]
    names += {row["call"] for row in always(table.argument)}
    assert len(names) == len(set(names)) and set(names) == set(table.numbers)
    for row in [*table.refuse, *table.pretend, *table.argument]:
        assert row.get("when", "shared uid") in get_args(filter.When)
        assert {*row.get("calls", []), row.get("call", "read")} <= set(names)
    for column in (0, 1):
        numbers = [row[column] for row in table.numbers.values() if row[column] >= 0]
        assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
@pytest.mark.parametrize("conditions", [frozenset(), SHARED, SHARED | NO_TRUNCATE])
def test_the_program_is_one_the_kernel_takes(
    architecture: filter.Architecture, conditions: frozenset[filter.When]
) -> None:
    """At most 4096 instructions (BPF_MAXINSNS), and every jump lands inside."""
    instructions = list(struct.iter_unpack("<HBBI", filter.program(architecture, conditions).code))
    assert len(instructions) <= 4096
    for at, (code, if_true, if_false, operand) in enumerate(instructions):
        reach = max(if_true, if_false, operand if code == 0x05 else 0)
        assert code == 0x06 or at + 1 + reach < len(instructions)
