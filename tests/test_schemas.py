"""What a model is told about the tools, and how its calls are checked."""

import json
import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import schemas
from schemas import (
    Bounds,
    InvalidArguments,
    chat_custom_tool,
    chat_tools,
    names,
    responses_custom_tool,
    responses_tools,
    validate,
)
from schemas.definitions import definition

TOOLS = ("delete_user_file", "execute_python_code", "list_user_files")
DEPRECATED = ("input_data", "enable_visualization")
ALL_FORMS = [
    pytest.param(lambda bounds: chat_tools(bounds), id="chat"),
    pytest.param(lambda bounds: chat_tools(bounds, strict=True), id="chat strict"),
    pytest.param(lambda bounds: responses_tools(bounds), id="responses"),
    pytest.param(lambda bounds: responses_tools(bounds, strict=True), id="responses strict"),
    pytest.param(lambda bounds: [chat_custom_tool(bounds)], id="chat custom"),
    pytest.param(lambda bounds: [responses_custom_tool(bounds)], id="responses custom"),
]
# Structured Outputs guide, "Supported schemas"; openai's own converter refuses the rest (lib/_pydantic.py).
STRICT_SUBSET = {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "description"}


def function_of(tools: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """A function tool's definition, whichever API it is made for."""
    functions = [tool.get("function", tool) for tool in tools]
    return next(function for function in functions if function["name"] == name)


def objects_in(schema: Any) -> list[dict[str, Any]]:
    """Every object schema within a schema."""
    if isinstance(schema, list):
        return [found for item in schema for found in objects_in(item)]
    if not isinstance(schema, dict):
        return []
    here = [schema] if "properties" in schema and isinstance(schema.get("type"), str) else []
    return here + [found for item in schema.values() for found in objects_in(item)]


def subschemas(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema, those of its properties, and those of their items."""
    below = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return [schema, *(found for item in below for found in subschemas(item))]


# The package


def test_importing_schemas_is_cheap_and_leaves_jsonschema_alone() -> None:
    """Only the first `validate` pays for jsonschema."""
    program = """
import sys, schemas
assert not {"jsonschema", "json", "dataclasses"} & set(sys.modules), sorted(sys.modules)
schemas.chat_tools()
assert "jsonschema" not in sys.modules
schemas.validate("execute_python_code", '{"code": "print(1)"}')
assert "jsonschema" in sys.modules
"""
    subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"], check=True)


def test_public_names_are_the_ones_that_can_be_imported() -> None:
    """`__all__`, the table of lazy names and dir() agree, and every name is there."""
    assert sorted(schemas.__all__) == sorted(schemas._MODULES)
    assert set(schemas.__all__) <= set(dir(schemas))
    assert all(getattr(schemas, name).__module__.startswith("schemas.") for name in schemas.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        schemas.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_names_are_the_json_files() -> None:
    """A tool is its file; the file says its own name and is a valid schema as it stands."""
    assert names() == TOOLS
    for name in names():
        tool = definition(name, Bounds())
        assert tool["name"] == name
        Draft202012Validator.check_schema(tool["parameters"])
        assert tool["parameters"]["additionalProperties"] is False


def test_the_numbers_in_the_file_are_the_default_bounds() -> None:
    """Whoever reads the .json alone reads what is true by default."""
    path = schemas.__path__[0] + "/execute_python_code.json"
    with open(path, encoding="utf-8") as file:
        written = json.load(file)["parameters"]["properties"]["timeout"]
    rendered = definition("execute_python_code", Bounds())["parameters"]["properties"]["timeout"]
    assert {**written, "description": ""} == {**rendered, "description": ""}


# The forms


@pytest.mark.parametrize("strict", [False, True])
def test_chat_tools_have_the_shape_of_chat_completions(strict: bool) -> None:
    """openai: ChatCompletionFunctionToolParam, FunctionDefinition."""
    for tool in chat_tools(strict=strict):
        assert tool.keys() == {"type", "function"}
        assert tool["type"] == "function"
        assert tool["function"].keys() == {"name", "description", "parameters"} | ({"strict"} if strict else set())
        assert tool["function"].get("strict", False) is strict
        assert tool["function"]["parameters"]["type"] == "object"


@pytest.mark.parametrize("strict", [False, True])
def test_responses_tools_have_the_shape_of_responses(strict: bool) -> None:
    """openai: FunctionToolParam, where `strict` is required."""
    for tool in responses_tools(strict=strict):
        assert tool.keys() == {"type", "name", "description", "parameters", "strict"}
        assert tool["type"] == "function"
        assert tool["strict"] is strict


def test_custom_tools_have_the_shapes_of_both_apis() -> None:
    """openai: ChatCompletionCustomToolParam and CustomToolParam; the input is text without a grammar."""
    chat, responses = chat_custom_tool(), responses_custom_tool()
    assert chat.keys() == {"type", "custom"}
    assert responses == {"type": "custom", **chat["custom"]}
    assert chat["custom"].keys() == {"name", "description", "format"}
    assert chat["custom"]["name"] == "execute_python_code"
    assert chat["custom"]["format"] == {"type": "text"}
    assert "no JSON" in chat["custom"]["description"]


@pytest.mark.parametrize("make", [chat_tools, responses_tools])
def test_strict_forms_keep_to_strict_mode(make: Any) -> None:
    """Every property required, optional ones nullable, nothing additional, no keyword the API refuses."""
    for tool in make(strict=True):
        parameters = tool.get("function", tool)["parameters"]
        for found in objects_in(parameters):
            assert found["required"] == list(found["properties"])
            assert found["additionalProperties"] is False
        for schema in subschemas(parameters):
            assert schema.keys() <= STRICT_SUBSET
    properties = function_of(make(strict=True), "execute_python_code")["parameters"]["properties"]
    assert properties["code"]["type"] == "string"
    assert properties["install_packages"]["type"] == ["array", "null"]
    assert properties["timeout"]["type"] == ["number", "null"]


@pytest.mark.parametrize("form", ALL_FORMS)
def test_deprecated_arguments_are_never_advertised(form: Any) -> None:
    """A model is not taught what the old tool took; nor of sessions, which there are none."""
    text = json.dumps(form(Bounds())).lower()
    assert not [word for word in (*DEPRECATED, "session", "${") if word in text]


@pytest.mark.parametrize("form", ALL_FORMS)
def test_forms_are_fresh_copies(form: Any) -> None:
    """What a caller does to a definition is not seen by the next one."""
    before = json.dumps(form(Bounds()))
    for tool in form(Bounds()):
        inner = tool.get("function", tool.get("custom", tool))
        inner.get("parameters", {}).get("properties", {}).clear()
        inner.clear()
    assert json.dumps(form(Bounds())) == before


@pytest.mark.parametrize(
    "phrase",
    [
        "load_file('id')", "DataFrame for csv and xlsx", "parsed JSON", "PIL image", "get_file_path('id')", "FILES",
        "relative paths", "kept for 48 hours", "saved as PNG", "print what you want to see", "100 KB",
        "no network", "input() fails", "starts fresh", "60 seconds", "512 MiB",
        "numpy, pandas, matplotlib, seaborn, openpyxl, pillow, scipy, scikit-learn",
    ],
)  # fmt: skip
def test_description_teaches_what_is_true_today(phrase: str) -> None:
    """What a model needs to know stands in every form of the tool."""
    for tools in (chat_tools(), chat_tools(strict=True), responses_tools()):
        assert phrase in function_of(tools, "execute_python_code")["description"]
    assert phrase in responses_custom_tool()["description"]


def test_bounds_are_written_into_schema_and_description() -> None:
    """An operator's numbers reach the model, whole ones without a decimal point."""
    bounds = Bounds(
        max_timeout=90.0, timeout=20.0, max_output_bytes=5000, memory_bytes=1 << 30, file_hours=12, packages=("numpy",)
    )
    tool = function_of(chat_tools(bounds), "execute_python_code")
    timeout = tool["parameters"]["properties"]["timeout"]
    assert (timeout["minimum"], timeout["maximum"], timeout["default"]) == (1, 90, 20)
    assert "90.0" not in json.dumps(tool)
    assert "1 to 90, 20 if not given" in timeout["description"]
    for phrase in ("5 KB", "1024 MiB", "kept for 12 hours", "20 seconds", "the standard library, numpy."):
        assert phrase in tool["description"]


@pytest.mark.parametrize("hours", [None, -1])
def test_files_kept_for_ever_are_said_to_be(hours: float | None) -> None:
    """No number of hours where files do not expire."""
    text = json.dumps(chat_tools(Bounds(file_hours=hours)))
    assert "kept until it is deleted" in text
    assert "hours" not in text


def test_default_and_minimum_stay_below_a_lowered_maximum() -> None:
    """A maximum alone may be lowered, even under the usual minimum."""
    timeout = function_of(chat_tools(Bounds(max_timeout=0.5)), "execute_python_code")["parameters"]["properties"][
        "timeout"
    ]
    assert timeout["minimum"] == timeout["maximum"] == timeout["default"] == 0.5


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_bounds_refuse_what_is_no_limit(value: float) -> None:
    """An operator's mistake is told at once, not in a schema that an API refuses."""
    with pytest.raises(ValueError, match="max_timeout must be a positive, finite number"):
        Bounds(max_timeout=value)


# Accepted calls


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        pytest.param("execute_python_code", '{"code": "print(1)"}', {"code": "print(1)"}, id="text"),
        pytest.param("execute_python_code", b'{"code": "\xc3\xa9"}', {"code": "é"}, id="bytes"),
        pytest.param("execute_python_code", bytearray(b'{"code": ""}'), {"code": ""}, id="empty code"),
        pytest.param("execute_python_code", {"code": "x"}, {"code": "x"}, id="dict"),
        pytest.param("execute_python_code", r'{"code": "\ud83d\ude00"}', {"code": "😀"}, id="surrogate pair"),
        pytest.param(
            "execute_python_code",
            '{"code": "x", "install_packages": ["numpy"], "timeout": 2.5}',
            {"code": "x", "install_packages": ["numpy"], "timeout": 2.5},
            id="all arguments",
        ),
        pytest.param(
            "execute_python_code",
            '{"code": "x", "install_packages": null, "timeout": null}',
            {"code": "x"},
            id="null means not given",
        ),
        pytest.param(
            "execute_python_code",
            {"code": "x", "input_data": {"a": [1, None]}, "enable_visualization": True},
            {"code": "x"},
            id="deprecated arguments are dropped",
        ),
        pytest.param("execute_python_code", '{"code": "x", "timeout": 1}', {"code": "x", "timeout": 1}, id="shortest"),
        pytest.param("execute_python_code", '{"code": "x", "timeout": 300}', {"code": "x", "timeout": 300}, id="longest"),
        pytest.param("execute_python_code", {"code": "[" * 1000}, {"code": "[" * 1000}, id="brackets are only text"),
        pytest.param(
            "execute_python_code", json.dumps({"code": '"[\\"' * 100}), {"code": '"[\\"' * 100}, id="brackets in JSON text"
        ),
        pytest.param("delete_user_file", '{"file_id": "f1"}', {"file_id": "f1"}, id="file id"),
        pytest.param("list_user_files", None, {}, id="no arguments"),
        pytest.param("list_user_files", "", {}, id="empty text"),
        pytest.param("list_user_files", b" \n\t\r", {}, id="blank bytes"),
        pytest.param("list_user_files", "{}", {}, id="empty object"),
        pytest.param("list_user_files", {}, {}, id="empty dict"),
    ],
)  # fmt: skip
def test_good_calls_return_their_arguments(name: str, arguments: Any, expected: dict[str, Any]) -> None:
    """What is right comes back as it was given, without what means nothing."""
    assert validate(name, arguments) == expected


def test_limits_themselves_are_accepted() -> None:
    """1 MiB of code, and nesting of 64 levels, are the last that pass."""
    code = "#" * (1024 * 1024)
    assert validate("execute_python_code", json.dumps({"code": code}))["code"] == code
    assert validate("execute_python_code", '{"code": "x", "input_data": ' + "[" * 63 + "]" * 63 + "}") == {"code": "x"}


def test_bounds_decide_what_is_accepted() -> None:
    """The check follows the same numbers as the definition."""
    assert validate("execute_python_code", {"code": "x", "timeout": 900}, Bounds(max_timeout=1000))["timeout"] == 900
    with pytest.raises(InvalidArguments, match="timeout: must be at most 10, not 11"):
        validate("execute_python_code", {"code": "x", "timeout": 11}, Bounds(max_timeout=10))
    with pytest.raises(InvalidArguments, match="code: is too long: 6 bytes; at most 5 bytes"):
        validate("execute_python_code", {"code": "ééé"}, Bounds(max_code_bytes=5))


def test_result_shares_nothing_with_the_input() -> None:
    """A caller that changes its own object later changes nothing here."""
    packages = ["numpy"]
    result = validate("execute_python_code", {"code": "x", "install_packages": packages})
    packages.append("pandas")
    assert result["install_packages"] == ["numpy"]
