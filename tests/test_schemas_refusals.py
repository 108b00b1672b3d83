"""Calls that are refused: always by InvalidArguments, which says what is wrong and where, whatever the input was."""

import json
import pickle
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import InvalidArguments, names, validate

MIB = 1024 * 1024
RUN = "execute_python_code"


def cyclic() -> dict[str, Any]:
    """An object that holds itself."""
    given: dict[str, Any] = {"code": "x"}
    given["input_data"] = given
    return given


def doubling() -> dict[str, Any]:
    """Sixty small lists that spell a JSON text of 2^60 members."""
    data: list[Any] = []
    for _ in range(60):
        data = [data, data]
    return {"code": "x", "input_data": data}


class Hostile(str):
    """Text that fails at whatever it is asked."""

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("asked")

    __str__ = __repr__ = __eq__ = __len__ = __iter__ = __getitem__ = __format__ = encode = strip = _fail  # type: ignore[assignment]
    __hash__ = str.__hash__


class Unequal(str):
    """Text that equals nothing, so that one dict holds it twice."""

    __eq__ = lambda self, other: False  # noqa: E731
    __hash__ = str.__hash__


class HostileDict(dict[Any, Any]):
    """An object that fails at whatever it is asked."""

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("asked")

    __repr__ = __iter__ = __len__ = __getitem__ = __contains__ = items = keys = values = get = copy = _fail


class Nameless:
    """Not JSON, and not willing to say what it is."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("asked")


@pytest.mark.parametrize(
    ("name", "arguments", "where", "problem"),
    [
        pytest.param("nope", "{}", "", "there is no such tool; the tools are delete_user_file, execute_python_code, list_user_files", id="unknown tool"),
        pytest.param("analyze_data_file", "{}", "", "use execute_python_code", id="removed tool"),
        pytest.param("", "{}", "", "there is no such tool", id="no name"),
        pytest.param("../secrets", "{}", "", "there is no such tool", id="path as a name"),
        pytest.param(7, "{}", "", "name must be a string", id="name is no text"),
        pytest.param(RUN, None, "code", "is required and missing; the arguments are code (required), install_packages, timeout", id="None lacks code"),
        pytest.param(RUN, "  ", "code", "is required and missing", id="blank lacks code"),
        pytest.param(RUN, "{}", "code", "is required and missing", id="missing"),
        pytest.param(RUN, '{"code": null}', "code", "must be a string, not null", id="null where required"),
        pytest.param(RUN, '{"code": 5}', "code", "must be a string, not 5", id="number for text"),
        pytest.param(RUN, '{"code": ["a"]}', "code", "must be a string, not an array", id="array for text"),
        pytest.param(RUN, '{"code": "x", "python": 1}', "python", "there is no such argument; the arguments are code", id="unknown argument"),
        pytest.param("list_user_files", '{"user": 1}', "user", "this tool takes no arguments", id="argument of a tool without"),
        pytest.param("delete_user_file", '{"file_id": 7}', "file_id", "must be a string, not 7", id="number for an id"),
        pytest.param(RUN, '{"code": "x", "install_packages": "numpy"}', "install_packages", "must be an array, not the string 'numpy'", id="text for an array"),
        pytest.param(RUN, '{"code": "x", "install_packages": ["a", "b", 3]}', "install_packages[2]", "must be a string, not 3", id="within an array"),
        pytest.param(RUN, '{"code": "x", "install_packages": [null]}', "install_packages[0]", "must be a string, not null", id="null within an array"),
        pytest.param(RUN, '{"code": "x", "timeout": 0}', "timeout", "must be at least 1, not 0", id="timeout below"),
        pytest.param(RUN, '{"code": "x", "timeout": 300.5}', "timeout", "must be at most 300, not 300.5", id="timeout above"),
        pytest.param(RUN, '{"code": "x", "timeout": "60"}', "timeout", "must be a number, not the string '60'", id="timeout as text"),
        pytest.param(RUN, '{"code": "x", "timeout": true}', "timeout", "must be a number, not true", id="boolean for a number"),
        pytest.param(RUN, '{"code": "x", "timeout": NaN}', "timeout", "must be a finite number", id="NaN"),
        pytest.param(RUN, '{"code": "x", "timeout": -Infinity}', "timeout", "must be a finite number", id="Infinity"),
        pytest.param(RUN, '{"code": "x", "timeout": 1e999}', "timeout", "must be a finite number", id="float too large"),
        pytest.param(RUN, '{"code": "x", "timeout": %s}' % ("9" * 5000), "timeout", "must be a finite number", id="integer of 5000 digits"),
        pytest.param(RUN, {"code": "x", "timeout": 10**5000}, "timeout", "must be a finite number", id="the same, parsed"),
        pytest.param(RUN, {"code": "x", "timeout": 10**300}, "timeout", "must be at most 300", id="large integer"),
        pytest.param(RUN, {"code": "x", "timeout": float("nan")}, "timeout", "must be a finite number", id="NaN, parsed"),
        pytest.param(RUN, '{"code": "x", "code": "y"}', "code", "is given twice", id="duplicate key"),
        pytest.param(RUN, '{"code": "x", "input_data": [{"a": 1, "a": 1}]}', "input_data[0].a", "is given twice", id="duplicate key within"),
        pytest.param(RUN, r'{"code": "a\ud800"}', "code", r"is not valid Unicode: lone surrogate \ud800 at character 1", id="lone surrogate, escaped"),
        pytest.param(RUN, '{"code": "\udfff"}', "code", "is not valid Unicode", id="lone surrogate, raw"),
        pytest.param("delete_user_file", {"file_id": "\ud800"}, "file_id", "is not valid Unicode", id="lone surrogate in an id"),
        pytest.param(RUN, r'{"code": "x", "\ud800": 1}', r"\ud800", "is not valid Unicode", id="lone surrogate in a key"),
        pytest.param(RUN, r'{"code": "a\nb\u0000"}', "code", "line 2 holds a NUL character", id="NUL"),
        pytest.param(RUN, json.dumps({"code": "#" * (MIB + 1)}), "code", "is too long: 1048577 bytes; at most 1 MiB", id="code too long"),
        pytest.param(RUN, {"code": "é" * (MIB // 2 + 1)}, "code", "is too long: 1048578 bytes", id="code too long in bytes"),
    ],
)  # fmt: skip
def test_refusals_say_what_and_where(name: Any, arguments: Any, where: str, problem: str) -> None:
    """The path of the argument, and what to do about it."""
    with pytest.raises(InvalidArguments) as refused:
        validate(name, arguments)
    assert refused.value.where == where
    assert problem in refused.value.problem
    assert refused.value.problem in str(refused.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("print(1)", "line 1, column 1: Expecting value, found 'print(1)'", id="bare code"),
        pytest.param('{"code": "a\nb"}', r"Invalid control character at, found '\nb\"}'".replace(r"\"", '"'), id="raw line break"),
        pytest.param('{"code": "a', "its closing quote is missing", id="cut off"),
        pytest.param('{"code": ', "found the end", id="cut off before a value"),
        pytest.param(r'{"code": "\d"}', r"inside a string a backslash is written \\", id="backslash"),
        pytest.param('{"code": "x"} {}', "line 1, column 15: Extra data", id="two objects"),
        pytest.param('{\n "code": x}', "line 2, column 10", id="second line"),
        pytest.param("{'code': 'x'}", "Expecting property name enclosed in double quotes", id="single quotes"),
        pytest.param("\ufeff{}", "Unexpected UTF-8 BOM", id="byte order mark"),
        pytest.param("]" * 100, "Expecting value", id="closing brackets"),
        pytest.param('["code"]', "must be one JSON object", id="array"),
        pytest.param('"{}"', "must be one JSON object", id="JSON in JSON"),
        pytest.param("null", "must be one JSON object", id="null"),
        pytest.param("NaN", "must be one JSON object", id="NaN"),
        pytest.param(b'{"code": "\xff"}', "not valid UTF-8 at byte 10", id="invalid UTF-8"),
        pytest.param('{"code": "x"}'.encode("utf-16"), "not valid UTF-8 at byte 0", id="UTF-16"),
        pytest.param(b'{"code": "\xed\xa0\x80"}', "not valid UTF-8", id="surrogate in bytes"),
        pytest.param("[" * 100_000, "nested deeper than 64", id="deep array"),
        pytest.param('{"a":' * 100_000, "nested deeper than 64", id="deep object"),
        pytest.param('{"code": "x", "input_data": ' + "[" * 64 + "]" * 64 + "}", "nested deeper than 64", id="one too deep"),
        pytest.param('{"code": "' + "[" * 5 + '", "input_data": ' + "[" * 64, "nested deeper than 64", id="deep after brackets in text"),
        pytest.param(" " * (4 * MIB) + "{}", "larger than 4 MiB", id="large text"),
        pytest.param(b" " * (4 * MIB) + b"{}", "larger than 4 MiB", id="large bytes"),
        pytest.param("é" * (2 * MIB + 1), "larger than 4 MiB", id="large in bytes only"),
        pytest.param('{"code": "x", "input_data": [' + "0," * 100_000 + "0]}", "more than 100000 values", id="many values"),
    ],
)  # fmt: skip
def test_text_that_is_no_json_object_is_told_apart(text: str | bytes, problem: str) -> None:
    """What is wrong with the text as a whole: its syntax with line and column, its encoding, size or depth."""
    with pytest.raises(InvalidArguments) as refused:
        validate(RUN, text)
    assert refused.value.where == ""
    assert problem in refused.value.problem


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(cyclic(), "nested deeper than 64", id="cycle"),
        pytest.param(doubling(), "more than 100000 values", id="members shared many times over"),
        pytest.param({"code": "x", "input_data": [0] * 100_000}, "more than 100000 values", id="long array"),
        pytest.param({"code": "é" * (3 * MIB)}, "larger than 4 MiB", id="long text"),
        pytest.param({1: 2}, "a key that is not a string", id="number as a key"),
        pytest.param({"code": b"x"}, "is not JSON", id="bytes for text"),
        pytest.param({"code": "x", "install_packages": ("numpy",)}, "is not JSON", id="tuple for an array"),
        pytest.param({"code": Nameless()}, "is not JSON", id="an object that hides its class"),
        pytest.param({Unequal("code"): "x", Unequal("code"): "y"}, "is given twice", id="two keys of one spelling"),
        pytest.param(HostileDict(), "is required", id="hostile dict"),
        pytest.param([("code", "x")], "must be one JSON object", id="list"),
        pytest.param(5, "must be one JSON object", id="number"),
        pytest.param(Nameless(), "must be one JSON object", id="something else"),
    ],
)
def test_hostile_objects_are_refused(arguments: Any, problem: str) -> None:
    """An object that was parsed elsewhere is trusted no more than text."""
    with pytest.raises(InvalidArguments) as refused:
        validate(RUN, arguments)
    assert problem in refused.value.problem


def test_subclasses_are_taken_for_what_they_hold() -> None:
    """Whatever its class overrides, the arguments come back as plain values."""
    result = validate(Hostile(RUN), HostileDict({Hostile("code"): Hostile("x"), "input_data": OrderedDict(a=1)}))
    assert result == {"code": "x"}
    assert {type(item) for pair in result.items() for item in pair} == {str}
    assert validate(RUN, Hostile('{"code": "x"}')) == {"code": "x"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("x" * 100_000, "{}", id="tool"),
        pytest.param("\ud800\x1b[31m\n" * 100, "{}", id="tool of odd characters"),
        pytest.param(RUN, {"\x00" * 100_000: 1}, id="key"),
        pytest.param(RUN, {"code": "x", "timeout": "\U0010ffff" * 100_000}, id="value"),
        pytest.param(RUN, "Q" * 100_000, id="text"),
        pytest.param(RUN, {"code": "x", "input_data": {"k" * 1000: {"l" * 1000: b""}}}, id="path"),
    ],
)
def test_messages_are_short_and_printable(name: str, arguments: Any) -> None:
    """A message can be logged, encoded and paid for, whatever was sent."""
    with pytest.raises(InvalidArguments) as refused:
        validate(name, arguments)
    message = str(refused.value)
    assert len(message) < 400
    assert message.isprintable()
    assert message.encode()


def test_errors_survive_pickling() -> None:
    """A worker process can hand the error back."""
    error = InvalidArguments("tool", "code", "is missing")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.tool, copy.where, copy.problem, str(copy)) == ("tool", "code", "is missing", "tool: code: is missing")


# What holds for every input

KEYS = st.sampled_from(["code", "install_packages", "timeout", "file_id", "input_data"]) | st.text()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20)
ODD = st.binary() | st.tuples(st.integers()) | st.complex_numbers() | st.sets(st.integers()) | st.just(object())
TOKENS = [
    "{",
    "}",
    "[",
    "]",
    '"',
    ",",
    ":",
    "\\",
    "\\u",
    "d800",
    "code",
    "timeout",
    "1e999",
    "-",
    "NaN",
    "null",
    "\n",
    "é",
]


def checked(name: str, arguments: Any) -> None:
    """A dict of JSON values, or InvalidArguments: nothing else."""
    try:
        result = validate(name, arguments)
    except InvalidArguments as refused:
        assert len(str(refused)) < 600
        assert str(refused).isprintable()
    else:
        assert type(result) is dict
        assert json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
        assert validate(name, result) == result


@given(name=st.sampled_from(names()), arguments=st.binary())
def test_any_bytes_are_judged(name: str, arguments: bytes) -> None:
    """Bytes of any kind give arguments or InvalidArguments."""
    checked(name, arguments)


@given(name=st.sampled_from(names()), parts=st.lists(st.sampled_from(TOKENS)))
def test_anything_like_json_is_judged(name: str, parts: list[str]) -> None:
    """Torn and mixed-up JSON gives arguments or InvalidArguments."""
    checked(name, "".join(parts))
    checked(name, '{"code": "' + "".join(parts))


@given(name=st.sampled_from(names()), value=VALUES)
def test_any_json_value_is_judged(name: str, value: Any) -> None:
    """Every JSON value, as text and as it is, gives arguments or InvalidArguments."""
    checked(name, value)
    checked(name, json.dumps(value))


@given(
    name=st.sampled_from(names()),
    value=st.dictionaries(KEYS | ODD.filter(lambda key: type(key) is not set), VALUES | ODD),
)
def test_any_dict_is_judged(name: str, value: dict[Any, Any]) -> None:
    """Objects that hold what JSON does not give InvalidArguments at most."""
    checked(name, value)


@given(name=st.text(st.characters(exclude_categories=())))
def test_any_name_is_judged(name: str) -> None:
    """A tool's name is foreign text too."""
    checked(name, "{}")
