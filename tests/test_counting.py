"""What requests are counted to be: a case a rule, with the arithmetic written out, published bills, and what always holds."""

import copy
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import tiktoken
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from token_counter import Count, TokenCounter, UnreadableRequest, models, vocabulary
from token_counter.count import PARTS
from token_counter.typescript import definition

Parts = list[tuple[str, int]]
Json = dict[str, Any]


@pytest.fixture
async def counter() -> AsyncIterator[TokenCounter]:
    """A counter that asks nobody."""
    async with TokenCounter(fetch_links=False) as counter:
        yield counter


# How a case is written


def user(text: object, **more: object) -> Json:
    return {"role": "user", "content": text, **more}


def system(text: str) -> Json:
    return {"role": "system", "content": text}


def assistant(text: str | None = None, **more: object) -> Json:
    return {"role": "assistant", "content": text, **more}


def called(name: str, arguments: str, number: str = "call_1") -> Json:
    return {"id": number, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(text: str, number: str = "call_1") -> Json:
    return {"role": "tool", "tool_call_id": number, "content": text}


def function(name: str, properties: Json | None = None, description: str | None = None, **parameters: object) -> Json:
    """A function tool of Chat."""
    tool: Json = {"name": name, "parameters": {"type": "object", "properties": properties or {}, **parameters}}
    if description is not None:
        tool["description"] = description
    return {"type": "function", "function": tool}


def flat(tool: Json) -> Json:
    """The same tool as Responses takes it."""
    return {"type": "function", **tool["function"]}


def schema(name: str, **more: object) -> Json:
    return {
        "name": name,
        "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], **more},
    }


def text(content: str, tokens: int) -> tuple[str, int]:
    """A text of the arithmetic, in quotation marks: bare tiktoken has to agree."""
    return f"'{content}'", tokens


ASKED = [user("What time is it?")]
ASKING: Parts = [("the frame of a message", 4), text("What time is it?", 5)]
NOW = function("now")
NOW_DESCRIBED = function("now", description="Tell the time.")
NOW_TEXT = "namespace functions {\n\ntype now = () => any;\n\n} // namespace functions"
STRING = {"type": "string"}
PLAIN_SCHEMA = '{"type":"object","properties":{"a":{"type":"string"}}}'

CHAT: list[tuple[str, str, Json, Parts]] = [
    # Messages
    ("one message", "gpt-4o", {"messages": [user("Hello, world!")]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Hello, world!", 4)]),
    ("one message, older vocabulary", "gpt-3.5-turbo", {"messages": [user("Hello, world!")]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Hello, world!", 4)]),
    ("reasoning models begin the answer with less", "o3-mini", {"messages": [user("Hello, world!")]}, [
        ("the answer begins", 2), ("the frame of a message", 4), text("Hello, world!", 4)]),
    ("a developer's message is a system message", "gpt-4o",
     {"messages": [{"role": "developer", "content": "Be brief."}, *ASKED]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Be brief.", 3), *ASKING]),
    ("text parts are joined before they are encoded", "gpt-4o",
     {"messages": [user([{"type": "text", "text": "Hello, wor"}, {"type": "text", "text": "ld!"}])]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Hello, world!", 4)]),
    ("an answer of gpt-5 in the history names its channel", "gpt-5", {"messages": [assistant("It is Bob."), *ASKED]}, [
        ("the answer begins", 2), ("the frame of a message", 4), ("its channel", 2), text("It is Bob.", 4), *ASKING]),
    ("an answer of gpt-4o does not", "gpt-4o", {"messages": [assistant("It is Bob."), *ASKED]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("It is Bob.", 4), *ASKING]),
    ("a person's name stands behind a colon", "gpt-4o", {"messages": [user("Hello, world!", name="Bob")]}, [
        ("the answer begins", 3), ("the frame of a message", 4), ("a colon", 1), text("Bob", 1), text("Hello, world!", 4)]),
    ("a search model bills the texts only", "gpt-4o-search-preview", {"messages": [system("Be brief."), *ASKED]}, [
        text("Be brief.", 3), text("What time is it?", 5)]),
    # Tools
    ("a function without parameters, and a message made for it", "gpt-4o", {"messages": ASKED, "tools": [NOW]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5), text(NOW_TEXT, 14)]),
    ("the tools join the system message: a blank line behind a full stop is free", "gpt-4o",
     {"messages": [system("Be brief."), *ASKED], "tools": [NOW]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Be brief.", 3), *ASKING,
        ("their heading", 5), text(NOW_TEXT, 14)]),
    ("behind a letter it costs one", "gpt-4o", {"messages": [system("Be brief"), *ASKED], "tools": [NOW]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Be brief", 2), ("the blank line", 1), *ASKING,
        ("their heading", 5), text(NOW_TEXT, 14)]),
    ("a second system message is one like any other", "gpt-4o",
     {"messages": [system("Be brief."), system("Be kind."), *ASKED], "tools": [NOW]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Be brief.", 3), ("the frame of a message", 4),
        text("Be kind.", 3), *ASKING, ("their heading", 5), text(NOW_TEXT, 14)]),
    ("functions of the legacy kind are tools", "gpt-4o", {"messages": ASKED, "functions": [NOW["function"]]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5), text(NOW_TEXT, 14)]),
    ("a description is a comment, stripped as a whole and line by line; a blank line is an empty comment", "gpt-4o",
     {"messages": ASKED, "tools": [function("now", description="\n  Tell the time.\n\n    In UTC.\n  ")]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5),
        text("namespace functions {\n\n// Tell the time.\n//\n// In UTC.\ntype now = () => any;\n\n} // namespace functions", 21)]),
    ("fields without comments are one line; what is not required has a question mark", "gpt-4o",
     {"messages": ASKED, "tools": [function("get_weather", {"city": STRING, "days": {"type": "integer"}}, required=["city"])]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5),
        text("namespace functions {\n\ntype get_weather = (_: { city: string, days?: number }) => any;\n\n} // namespace functions", 25)]),
    ("with comments, one field a line: title, description, the field, its default", "gpt-4o",
     {"messages": ASKED, "tools": [function("get_weather", {
         "city": {"type": "string", "description": "Where it is.", "title": "City"},
         "days": {"type": "integer", "default": 3}}, required=["city"])]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5),
        text("namespace functions {\n\ntype get_weather = (_: {\n// City\n// Where it is.\ncity: string,\n"
             "days?: number, // default: 3\n}) => any;\n\n} // namespace functions", 39)]),
    ("defaults are JSON, null too", "gpt-4o", {"messages": ASKED, "tools": [function("find", {
        "language": {"type": "string", "default": "en"}, "limit": {"type": "integer", "default": None}})]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5),
        text('namespace functions {\n\ntype find = (_: {\nlanguage?: string, // default: "en"\nlimit?: number, // default: null\n'
             "}) => any;\n\n} // namespace functions", 36)]),
    ("an enum is its values", "gpt-4o", {"messages": ASKED, "tools": [function("find", {
        "kind": {"type": "string", "enum": ["book", "film"]}, "pages": {"type": "integer", "enum": [1, 2]}},
        required=["kind"])]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5),
        text('namespace functions {\n\ntype find = (_: { kind: "book" | "film", pages?: 1 | 2 }) => any;\n\n} // namespace functions', 33)]),
    ("objects, arrays and unions within", "gpt-4o", {"messages": ASKED, "tools": [function("find", {
        "where": {"type": "object", "properties": {"city": STRING, "zip": STRING}, "required": ["city"]},
        "tags": {"type": "array", "items": STRING},
        "size": {"anyOf": [STRING, {"type": "number"}, {"type": "null"}]}}, required=["where", "tags"])]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5),
        text("namespace functions {\n\ntype find = (_: { where: { city: string, zip?: string }, tags: string[], "
             "size?: string | number | null }) => any;\n\n} // namespace functions", 39)]),
    ("a list of types is a union", "gpt-4o", {"messages": ASKED, "tools": [function("find", {
        "where": {"type": "object", "properties": {"city": STRING, "zip": STRING}, "required": ["city"]},
        "tags": {"type": "array", "items": STRING}, "size": {"type": ["string", "number", "null"]}},
        required=["where", "tags"])]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5),
        text("namespace functions {\n\ntype find = (_: { where: { city: string, zip?: string }, tags: string[], "
             "size?: string | number | null }) => any;\n\n} // namespace functions", 39)]),
    ("a reference is written out, its comments above the field; the parameters' own title stands before the brace", "gpt-4o",
     {"messages": ASKED, "tools": [function("find", {"author": {"$ref": "#/$defs/Author"}}, required=["author"],
        title="FindArgs", **{"$defs": {"Author": {"type": "object", "title": "Author", "description": "Who wrote it.",
        "properties": {"first": {"type": "string", "title": "First Name"}}, "required": ["first"]}}})]}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5),
        text("namespace functions {\n\ntype find = (_: // FindArgs\n{\n// Author\n// Who wrote it.\nauthor: {\n// First Name\n"
             "first: string,\n},\n}) => any;\n\n} // namespace functions", 39)]),
    ("gpt-5 carries a preamble with tools", "gpt-5", {"messages": ASKED, "tools": [NOW]}, [
        ("the answer begins", 2), *ASKING, ("preamble and heading", 90), text(NOW_TEXT, 14)]),
    ("on gpt-5 the heading does not merge with a first comment", "gpt-5", {"messages": ASKED, "tools": [NOW_DESCRIBED]}, [
        ("the answer begins", 2), *ASKING, ("preamble and heading", 90), text("namespace functions {\n\n", 3),
        text("// Tell the time.\ntype now = () => any;\n\n} // namespace functions", 16)]),
    # The choice
    ("naming a tool costs its name and 7", "gpt-4o",
     {"messages": ASKED, "tools": [NOW], "tool_choice": {"type": "function", "function": {"name": "now"}}}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5), text(NOW_TEXT, 14),
        ("the choice", 7), text("now", 1)]),
    ("so does a function_call of the legacy kind", "gpt-3.5-turbo",
     {"messages": ASKED, "functions": [NOW["function"]], "function_call": {"name": "now"}}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5), text(NOW_TEXT, 14),
        ("the choice", 7), text("now", 1)]),
    ("required is free in Chat", "gpt-4o", {"messages": ASKED, "tools": [NOW], "tool_choice": "required"}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5), text(NOW_TEXT, 14)]),
    ("naming is free on gpt-5", "gpt-5",
     {"messages": ASKED, "tools": [NOW], "tool_choice": {"type": "function", "function": {"name": "now"}}}, [
        ("the answer begins", 2), *ASKING, ("preamble and heading", 90), text(NOW_TEXT, 14)]),
    ("none costs 1", "gpt-3.5-turbo", {"messages": ASKED, "tools": [NOW], "tool_choice": "none"}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5), text(NOW_TEXT, 14),
        ("the choice", 1)]),
    # Calls
    ("a call and its result; arguments are written anew without blanks", "gpt-4o", {"messages": [
        user("Hello, world!"), assistant(tool_calls=[called("get_weather", '{"city": "Paris"}')]), result("sunny")]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Hello, world!", 4), ("the frame of the call", 6),
        text("functions.get_weather", 3), text('{"city":"Paris"}', 5), ("the frame of the result", 6), text("get_weather", 2),
        text("sunny", 2)]),
    ("gpt-5 frames a call with 6 more, and leaves arguments as they are", "gpt-5", {"messages": [
        user("Hello, world!"), assistant(tool_calls=[called("find", '{"a": 1}')]), result("sunny")]}, [
        ("the answer begins", 2), ("the frame of a message", 4), text("Hello, world!", 4), ("the frame of the call", 12),
        text("functions.find", 2), text('{"a": 1}', 6), ("the frame of the result", 6), text("find", 1), text("sunny", 2)]),
    ("a call without arguments costs 1 more on gpt-5", "gpt-5", {"messages": [
        user("Hello, world!"), assistant(tool_calls=[called("now", "{}")]), result("12:00")]}, [
        ("the answer begins", 2), ("the frame of a message", 4), text("Hello, world!", 4), ("the frame of the call", 12),
        text("functions.now", 2), text("{}", 1), ("no arguments", 1), ("the frame of the result", 6), text("now", 1),
        text("12:00", 3)]),
    ("a text beside the call is a message", "gpt-4o", {"messages": [
        user("Hello, world!"), assistant("I looked.", tool_calls=[called("now", "{}")]), result("12:00")]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Hello, world!", 4), ("the frame of a message", 4),
        text("I looked.", 3), ("the frame of the call", 6), text("functions.now", 2), text("{}", 1),
        ("the frame of the result", 6), text("now", 1), text("12:00", 3)]),
    ("calls at once are one call of a tool that takes them all, and their results one list", "gpt-4o", {"messages": [
        user("Hello, world!"),
        assistant(tool_calls=[called("get_weather", '{"city": "Paris"}', "a"), called("get_weather", '{"city": "Oslo"}', "b")]),
        result("sunny", "a"), result("rainy", "b")]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Hello, world!", 4), ("the frame of the call", 6),
        text("multi_tool_use.parallel", 4),
        text('{"tool_uses":[{"recipient_name":"functions.get_weather","parameters":{"city":"Paris"}},'
             '{"recipient_name":"functions.get_weather","parameters":{"city":"Oslo"}}]}', 35),
        ("the frame of the result", 6), text("multi_tool_use.parallel", 4), text('["sunny", "rainy"]', 8)]),
    ("in that list other letters than ASCII are escaped", "gpt-4o", {"messages": [
        user("Hello, world!"),
        assistant(tool_calls=[called("get_weather", '{"city":"Paris"}', "a"), called("get_weather", '{"city":"Oslo"}', "b")]),
        result("sunny", "a"), result("été", "b")]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Hello, world!", 4), ("the frame of the call", 6),
        text("multi_tool_use.parallel", 4), ("the calls, as above", 35),
        ("the frame of the result", 6), text("multi_tool_use.parallel", 4), text('["sunny", "\\u00e9t\\u00e9"]', 15)]),
    # Schemas
    ("a JSON object as the answer's format is free", "gpt-4o",
     {"messages": ASKED, "response_format": {"type": "json_object"}}, [("the answer begins", 3), *ASKING]),
    ("a schema without tools: a message for it, its name and once more as a comment, without required", "gpt-4o",
     {"messages": ASKED, "response_format": {"type": "json_schema", "json_schema": schema("Answer")}}, [
        ("the answer begins", 3), *ASKING, ("a message for the schema", 4), ("its heading", 6), text("Answer", 1),
        text("// Answer\n", 3), text(PLAIN_SCHEMA, 14)]),
    ("a schema in the system message", "gpt-4o", {"messages": [system("Be brief."), *ASKED],
     "response_format": {"type": "json_schema", "json_schema": schema("Answer", additionalProperties=False)}}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Be brief.", 3), *ASKING,
        ("its heading", 6), text("Answer", 1), text("// Answer\n", 3), text(PLAIN_SCHEMA, 14)]),
    ("a schema behind tools, with a description", "gpt-4o", {"messages": ASKED, "tools": [NOW],
     "response_format": {"type": "json_schema", "json_schema": {**schema("Answer"), "description": "A book."}}}, [
        ("the answer begins", 3), *ASKING, ("a message for the tools", 4), ("their heading", 5), text(NOW_TEXT, 14),
        ("a blank line and the schema's heading", 7), text("Answer", 1), text("// A book.\n" + PLAIN_SCHEMA, 18)]),
]  # fmt: skip

RESPONSES: list[tuple[str, str, Json, Parts]] = [
    ("a text alone", "gpt-4o", {"input": "What time is it?"}, [("the answer begins", 3), *ASKING]),
    ("instructions are a system message", "gpt-4o", {"input": ASKED, "instructions": "Be brief."}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Be brief.", 3), *ASKING]),
    ("tools", "gpt-4o", {"input": ASKED, "tools": [flat(NOW)]}, [
        ("the answer begins", 3), *ASKING, ("their heading", 3), text(NOW_TEXT, 14)]),
    ("tools cost the same behind any system message", "gpt-4o",
     {"input": [system("Be brief"), *ASKED], "tools": [flat(NOW)]}, [
        ("the answer begins", 3), ("the frame of a message", 4), text("Be brief", 2), *ASKING, ("their heading", 3),
        text(NOW_TEXT, 14)]),
    ("tools on gpt-5, where the heading does not merge", "gpt-5", {"input": ASKED, "tools": [flat(NOW_DESCRIBED)]}, [
        ("the answer begins", 2), *ASKING, ("their heading", 8), text("namespace functions {\n\n", 3),
        text("// Tell the time.\ntype now = () => any;\n\n} // namespace functions", 16)]),
    ("required with one tool is as naming it", "gpt-4o", {"input": ASKED, "tools": [flat(NOW)], "tool_choice": "required"}, [
        ("the answer begins", 3), *ASKING, ("their heading", 3), text(NOW_TEXT, 14), ("the choice", 7), text("now", 1)]),
    ("allowed tools are free", "gpt-4o", {"input": ASKED, "tools": [flat(NOW)], "tool_choice": {
        "type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "now"}]}}, [
        ("the answer begins", 3), *ASKING, ("their heading", 3), text(NOW_TEXT, 14)]),
    ("a call that the caller wrote", "gpt-4o", {"input": [*ASKED,
        {"type": "function_call", "call_id": "a", "name": "now", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "12:00"}]}, [
        ("the answer begins", 3), *ASKING, ("the frame of the call", 4), text("functions.now", 2), text("{}", 1),
        ("the frame of the result", 6), text("now", 1), text("12:00", 3)]),
    ("a lone call with the server's id costs 3 more", "gpt-4o", {"input": [*ASKED,
        {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "now", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "12:00"}]}, [
        ("the answer begins", 3), *ASKING, ("the frame of the call", 4), ("its id", 3), text("functions.now", 2),
        text("{}", 1), ("the frame of the result", 6), text("now", 1), text("12:00", 3)]),
    ("calls at once are billed one by one, and their ids are free", "gpt-4o", {"input": [*ASKED,
        {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "now", "arguments": "{}"},
        {"type": "function_call", "id": "fc_2", "call_id": "b", "name": "find", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "a", "output": "12:00"},
        {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "sunny"}]}]}, [
        ("the answer begins", 3), *ASKING, ("the frame of a call", 4), text("functions.now", 2), text("{}", 1),
        ("the frame of a call", 4), text("functions.find", 2), text('{"a":1}', 5), ("the frame of a result", 6),
        text("now", 1), text("12:00", 3), ("the frame of a result", 6), text("find", 1), text("sunny", 2)]),
    ("an empty answer beside a call is a message", "gpt-4o", {"input": [*ASKED, assistant(""),
        {"type": "function_call", "call_id": "a", "name": "now", "arguments": "{}"}]}, [
        ("the answer begins", 3), *ASKING, ("the frame of a message", 4), ("the frame of the call", 4),
        text("functions.now", 2), text("{}", 1)]),
    ("a call on gpt-5", "gpt-5", {"input": [*ASKED,
        {"type": "function_call", "call_id": "a", "name": "find", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "a", "output": "12:00"}]}, [
        ("the answer begins", 2), *ASKING, ("the frame of the call", 10), text("functions.find", 2), text('{"a": 1}', 6),
        ("the frame of the result", 6), text("find", 1), text("12:00", 3)]),
    ("a schema", "gpt-4o", {"input": ASKED, "text": {"format": {"type": "json_schema", **schema("Answer")}}}, [
        ("the answer begins", 3), *ASKING, ("its heading", 7), text("Answer", 1), text(PLAIN_SCHEMA, 14)]),
    ("in a schema only keywords are left out: properties of their names, and definitions, stay", "gpt-4o",
     {"input": ASKED, "text": {"format": {"type": "json_schema", "name": "Answer", "schema": {
        "properties": {"required": STRING, "b": {"items": {"$ref": "#/$defs/B"}, "type": "array"}},
        "$defs": {"B": {"properties": {"c": {"type": "integer"}}, "type": "object", "required": ["c"],
        "additionalProperties": False}}, "type": "object", "required": ["required"]}}}}, [
        ("the answer begins", 3), *ASKING, ("its heading", 7), text("Answer", 1),
        text('{"properties":{"required":{"type":"string"},"b":{"items":{"$ref":"#/$defs/B"},"type":"array"}},'
             '"$defs":{"B":{"properties":{"c":{"type":"integer"}},"type":"object"}},"type":"object"}', 51)]),
]  # fmt: skip


@pytest.mark.parametrize(("model", "request_body", "parts"), [pytest.param(*row[1:], id=row[0]) for row in CHAT])
async def test_a_chat_request_is_the_sum_of_what_is_in_it(
    model: str, request_body: Json, parts: Parts, counter: TokenCounter
) -> None:
    """A rule a row; each text of the arithmetic is checked against bare tiktoken."""
    count = await counter.count_chat(**request_body, model=model)
    _assert_arithmetic(count, parts, model)


@pytest.mark.parametrize(("model", "request_body", "parts"), [pytest.param(*row[1:], id=row[0]) for row in RESPONSES])
async def test_a_responses_request_is_the_sum_of_what_is_in_it(
    model: str, request_body: Json, parts: Parts, counter: TokenCounter
) -> None:
    """A rule a row, as for Chat."""
    count = await counter.count_responses(**request_body, model=model)
    _assert_arithmetic(count, parts, model)


def _assert_arithmetic(count: Count, parts: Parts, model: str) -> None:
    vocabulary.encoding(models.rule(model).encoding)
    codec = tiktoken.get_encoding(models.rule(model).encoding)
    for label, tokens in parts:
        if label.startswith("'"):
            assert len(codec.encode_ordinary(label[1:-1])) == tokens, label
    assert count.total == sum(tokens for _, tokens in parts), count
    assert not count.unknown


# Published bills: what others measured and printed

MAIN = "This is the main function description"
SEARCH = "Retrieve sources from the Azure AI Search index"
QUERY = {"type": "string", "description": "Query string to retrieve documents from azure search eg: 'Health care plan'"}
ENUM = {"type": "string", "enum": ["Happy", "Sad"]}
LOST = {"type": "string", "description": "Description in a second object is lost"}
INNER = {"type": "object", "description": "The object data type as a property"}
ESCALATE = (
    "If user is showing signs of frustration or anger in the query. Also if the user says they want to talk to a "
    "real person and not a chat bot."
)


def named(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def inner(properties: Json, **beside: object) -> Json:
    return function(
        "data_demonstration", {"object_1": {**INNER, "properties": properties}, **beside}, MAIN, required=["object_1"]
    )


@pytest.mark.parametrize(
    ("tool", "choice", "billed"),
    [
        pytest.param(function("search_sources", {"search_query": QUERY}, SEARCH, required=["search_query"]), "auto", 66, id="auto"),
        pytest.param(function("search_sources", {"search_query": QUERY}, SEARCH, required=["search_query"]), "none", 67, id="none"),
        pytest.param(
            function("search_sources", {"search_query": QUERY}, SEARCH, required=["search_query"]), named("search_sources"), 75, id="named"
        ),
        pytest.param(function("data_demonstration", {"integer_enum": {"type": "integer", "enum": [-1, 1]}}, MAIN), "none", 54, id="enum of numbers"),
        pytest.param(
            function("data_demonstration", {"integer_enum": {"type": "integer", "enum": [-1, 1]}}, MAIN),
            named("data_demonstration"), 64, id="enum of numbers, named",
        ),
        pytest.param(function("search_sources", None, SEARCH), "auto", 42, id="no parameters"),
        pytest.param(function("search_sources", None, SEARCH), named("search_sources"), 51, id="no parameters, named"),
        pytest.param(function("search_sources", {"search_query": STRING}, SEARCH), "auto", 49, id="nothing required"),
        pytest.param(function("search_sources", {"search_query": STRING}, SEARCH, required=["search_query"]), "auto", 49, id="no comments"),
        pytest.param(
            function(
                "summarize_order",
                {
                    "product_name": {"type": "string", "description": "Product name ordered by customer"},
                    "quantity": {"type": "integer", "description": "Quantity ordered by customer"},
                    "unit": {"type": "string", "enum": ["meals", "days"], "description": "unit of measurement of the customer order"},
                },
                "Summarize the customer order request",
                required=["product_name", "quantity", "unit"],
            ),
            "none", 86, id="enum of texts",
        ),
        pytest.param(inner({"string1": STRING}), "none", 65, id="object within"),
        pytest.param(inner({"string_2a": ENUM}), "none", 73, id="enum within"),
        pytest.param(inner({"string_2a": ENUM, "string_2b": LOST}), "none", 89, id="description within"),
        pytest.param(
            inner({"string_2a": ENUM, "string_2b": LOST}, string_1={"type": "string", "description": "Not required gets a question mark"}),
            "none", 103, id="object and text",
        ),
        pytest.param(
            function(
                "human_escalation", {"requires_escalation": {"type": "boolean", "description": ESCALATE}},
                "Check if user wants to escalate to a human", required=["requires_escalation"],
            ),
            "none", 89, id="boolean",
        ),
        pytest.param(
            function(
                "get_coordinates",
                {"addresses": {"type": "array", "description": "The mailing addresses to be located", "items": STRING}},
                "Get the latitude and longitude of multiple mailing addresses", required=["addresses"],
            ),
            "none", 59, id="array",
        ),
        pytest.param(
            function(
                "get_null", {"null_value": {"type": "null", "description": "The null value to be returned"}},
                "Get the null value", required=["null_value"],
            ),
            "none", 55, id="null",
        ),
        pytest.param(
            function(
                "get_no_type", {"no_type_value": {"description": "The no type value to be returned"}},
                "Get the no type value", required=["no_type_value"],
            ),
            "none", 59, id="no type",
        ),
    ],
)  # fmt: skip
async def test_published_bills_of_tools(tool: Json, choice: object, billed: int, counter: TokenCounter) -> None:
    """github.com/pamelafox/openai-messages-token-helper (MIT), tests/functions.py: what gpt-3.5-turbo was billed."""
    count = await counter.count_chat([system("You are a bot.")], [tool], choice, model="gpt-3.5-turbo")
    assert count.total == billed


@pytest.mark.parametrize("model", ["gpt-3.5-turbo", "gpt-4o"])
@pytest.mark.parametrize(
    ("message", "billed"),
    [
        pytest.param(system("You are a bot."), 12, id="system"),
        pytest.param(system("á"), 8, id="a letter beyond ASCII"),
        pytest.param(
            {**system("New synergies will help drive top-line growth."), "name": "example_user"}, 20, id="name"
        ),
        pytest.param(user("What happens in a performance review?"), 14, id="user"),
        pytest.param(
            assistant("Yes, there is a dress code at Contoso Electronics. Look sharp! [employee_handbook-1.pdf]"),
            30,
            id="assistant",
        ),
    ],
)
async def test_published_bills_of_messages(model: str, message: Json, billed: int, counter: TokenCounter) -> None:
    """The same repository, tests/messages.py: each alone in a request, on both vocabularies."""
    assert (await counter.count_chat([message], model=model)).total == billed


async def test_a_published_bill_with_an_image(counter: TokenCounter) -> None:
    """The same file: 3 for the answer, 4 and 4 for the message and its text, 255 for one pixel on gpt-4o."""
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z/C/HgAGgwJ/lK3Q6wAAAABJRU5ErkJggg=="
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{pixel}", "detail": "auto"}}
    count = await counter.count_chat(
        [user([{"type": "text", "text": "Describe this picture:"}, image])], model="gpt-4o"
    )
    assert (count.total, count.images) == (266, 255)


# Recordings of other projects, which no rule was fitted on: open-telemetry/opentelemetry-python-contrib (Apache-2.0),
# opentelemetry-instrumentation-openai-v2, tool calls without content; Arize-ai/openinference (Apache-2.0),
# openinference-instrumentation-agent-framework, an agent with one tool and one with several. Those of the second project's
# requests that went on from a stored answer are written out here: the bill is for all of it.

SEATTLE = [system("You're a helpful assistant."), user("What's the weather in Seattle and San Francisco today?")]
CITY_TOOL = function(
    "get_current_weather",
    {"location": {"type": "string", "description": "The city and state, e.g. Boston, MA"}},
    "Get the current weather in a given location",
    required=["location"],
)
CITIES = [
    assistant(tool_calls=[
        called("get_current_weather", '{"location": "Seattle, WA"}', "a"),
        called("get_current_weather", '{"location": "San Francisco, CA"}', "b"),
    ]),
    result("50 degrees and raining", "a"),
    result("70 degrees and sunny", "b"),
]  # fmt: skip
TITLED = {"title": "Location", "type": "string"}


def located(name: str, description: str) -> Json:
    return flat(function(name, {"location": TITLED}, description, required=["location"], title=f"{name}_input"))


def found(name: str, number: str) -> Json:
    arguments = '{"location":"San Francisco"}'
    return {"type": "function_call", "id": f"fc_{number}", "call_id": number, "name": name, "arguments": arguments}


def output(text: str, number: str) -> Json:
    return {"type": "function_call_output", "call_id": number, "output": text}


ONE = [located("get_weather", "Get the weather for a location.")]
ONE_ASKED = [
    system("You are a weather assistant. Use the get_weather tool when asked about weather."),
    user("What's the weather in San Francisco?"),
]
SEVERAL = [
    located("get_temperature", "Get the temperature for a location."),
    located("get_humidity", "Get the humidity for a location."),
    flat(
        function(
            "calculate_heat_index",
            {
                "temperature": {"title": "Temperature", "type": "string"},
                "humidity": {"title": "Humidity", "type": "string"},
            },
            "Calculate heat index from temperature and humidity.",
            required=["temperature", "humidity"],
            title="calculate_heat_index_input",
        )
    ),
]
SEVERAL_ASKED = [
    system("You are a weather expert. Use available tools to provide detailed weather information."),
    user("What's the weather like in San Francisco? Give me temperature and humidity."),
]


@pytest.mark.parametrize(
    ("request_body", "billed"),
    [
        pytest.param({"messages": SEATTLE, "tools": [CITY_TOOL], "tool_choice": "auto"}, 75, id="tool"),
        pytest.param({"messages": [*SEATTLE, *CITIES]}, 99, id="two calls at once"),
        pytest.param({"input": ONE_ASKED, "tools": ONE}, 73, id="tool, Responses"),
        pytest.param(
            {
                "input": [
                    *ONE_ASKED,
                    found("get_weather", "a"),
                    output("The weather in San Francisco is sunny and 72°F", "a"),
                ],
                "tools": ONE,
            },
            108,
            id="stored call",
        ),
        pytest.param({"input": SEVERAL_ASKED, "tools": SEVERAL}, 149, id="three tools"),
        pytest.param(
            {
                "input": [
                    *SEVERAL_ASKED,
                    found("get_temperature", "a"),
                    found("get_humidity", "b"),
                    output("72°F", "a"),
                    output("65%", "b"),
                ],
                "tools": SEVERAL,
            },
            197,
            id="two stored calls",
        ),
    ],
)
async def test_bills_that_other_projects_recorded(request_body: Json, billed: int, counter: TokenCounter) -> None:
    """All of gpt-4o-mini, of November 2024 and April 2026."""
    assert (await counter.count_request({**request_body, "model": "gpt-4o-mini"})).total == billed


# What a count says of itself


async def test_what_only_the_server_adds_is_named_and_not_guessed(counter: TokenCounter) -> None:
    """Built-in tools, stored items, empty instructions: a sentence each, and no tokens."""
    bare = await counter.count_responses(ASKED, model="gpt-5.5")
    count = await counter.count_responses(
        [*ASKED, {"type": "reasoning", "id": "rs_1", "summary": []}, {"type": "item_reference", "id": "msg_1"}],
        "",
        [
            {"type": "web_search"},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {"type": "mcp", "server_label": "x"},
        ],
        previous_response_id="resp_1",
        reasoning={"mode": "pro"},
        context_management=[{"type": "compaction"}],
        model="gpt-5.5",
    )
    assert count.total == bare.total
    for what in ("web_search", "code_interpreter", "mcp", "reasoning items", "item_reference", "previous_response_id"):
        assert any(what in sentence for sentence in count.unknown), what
    assert len(count.unknown) == 9
    assert not bare.unknown


async def test_function_tools_are_counted_beside_built_in_ones(counter: TokenCounter) -> None:
    """What can be counted is."""
    alone = await counter.count_responses(ASKED, tools=[flat(NOW)], model="gpt-4o")
    both = await counter.count_responses(ASKED, tools=[{"type": "file_search"}, flat(NOW)], model="gpt-4o")
    assert both.total == alone.total
    assert both.unknown


@pytest.mark.parametrize(
    ("model", "request_body"),
    [
        pytest.param("gpt-5", {"messages": ASKED, "response_format": {"type": "json_schema", "json_schema": schema("A")}}, id="schema on gpt-5"),
        pytest.param("o3-mini", {"messages": ASKED, "tools": [NOW]}, id="tools on the o-series"),
        pytest.param("gpt-3.5-turbo", {"messages": [*ASKED, assistant(tool_calls=[called("now", "{}")])]}, id="calls on gpt-3.5"),
        pytest.param("llama-7", {"messages": ASKED}, id="a model that nobody knows"),
        pytest.param("gpt-6.2-sol", {"messages": ASKED}, id="a model without recordings"),
        pytest.param("gpt-4o", {"messages": ASKED, "tools": [{"type": "custom", "custom": {"name": "sql", "description": "Runs SQL."}}]}, id="custom tool"),
        pytest.param("gpt-4o", {"messages": ASKED, "tools": [function("f", {"a": {"allOf": [STRING]}})]}, id="allOf"),
        pytest.param("gpt-4o", {"messages": ASKED, "tools": [function("f", {"a": {"const": 1}})]}, id="const"),
        pytest.param("gpt-4o", {"messages": ASKED, "tools": [function("f", {"a": {"type": "object"}})]}, id="object without properties"),
    ],
)  # fmt: skip
async def test_what_no_recorded_bill_shows_is_marked(model: str, request_body: Json, counter: TokenCounter) -> None:
    """`assumed`, with the reason."""
    count = await counter.count_chat(**request_body, model=model)
    assert count.assumed
    assert all(count.assumptions)


async def test_a_custom_tool_is_counted_by_the_structure_of_the_rest(counter: TokenCounter) -> None:
    """`type sql = (FREEFORM) => any;`, its grammar as a comment; a call of it as a call of a function."""
    stated = {"name": "sql", "description": "Runs SQL."}
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: select"}}
    plain = await counter.count_chat(ASKED, [{"type": "custom", "custom": stated}], model="gpt-4o")
    with_grammar = await counter.count_chat(
        ASKED, [{"type": "custom", "custom": {**stated, "format": grammar}}], model="gpt-4o"
    )
    # namespace functions {\n\n// Runs SQL.\ntype sql = (FREEFORM) => any;\n\n} // namespace functions: 20; the grammar's line: 4
    assert plain.total == 3 + 4 + 5 + 4 + 5 + 20
    assert with_grammar.total == plain.total + 4
    flat_form = await counter.count_responses(ASKED, tools=[{"type": "custom", **stated, "format": {
        "type": "grammar", "syntax": "lark", "definition": "start: select"}}], model="gpt-4o")  # fmt: skip
    assert flat_form.tools == with_grammar.tools


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("gpt-4o", "gpt-4o"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("ft:gpt-4o-mini-2024-07-18:acme:bot:9xyz", "gpt-4o-mini"),
        ("openrouter/openai/gpt-5.1", "gpt-5.1"),
        ("gpt-5.1-codex-mini", "gpt-5.1-codex-mini"),
        ("gpt-5.1-codex-max", "gpt-5.1"),
        ("GPT-4.1", "gpt-4.1"),
        ("o3-mini-2025-01-31", "o3"),
        ("gpt-4-0613", "gpt-4"),
        ("gpt-4-turbo-2024-04-09", "gpt-4-turbo"),
        ("gpt-5.9", models.NEWEST),
        ("gpt-50", models.NEWEST),
        ("", models.NEWEST),
        ("x" * 100_000, models.NEWEST),
    ],
)
def test_a_model_has_the_row_that_its_name_begins_with(name: str, row: str) -> None:
    """Providers, dates and fine-tunings are taken off; a longer row wins; who is not known gets the newest."""
    assert models.rule(name).row == row
    assert models.rule(name).known is (row != models.NEWEST)


def test_every_row_of_the_table_can_be_used() -> None:
    """Each model's family, vocabulary and image rule exist."""
    from token_counter.images import rule_names

    rows = models._rows()
    assert models.NEWEST in rows
    for rule in rows.values():
        assert rule.encoding in vocabulary.URLS
        assert rule.images is None or rule.images in rule_names()
        assert rule.context >= 8192
        assert rule.family.source


# What always holds

words = st.text(st.characters(codec="utf-8"), max_size=40)
names = st.text("abcdefgh_", min_size=1, max_size=12)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)
calls = st.builds(called, names, st.dictionaries(names, leaves, max_size=2).map(json.dumps), names)
sent = st.one_of(
    st.builds(user, words),
    st.builds(system, words),
    st.builds(assistant, words),
    st.builds(lambda some: assistant(tool_calls=some), st.lists(calls, min_size=1, max_size=3)),
    st.builds(result, words, names),
)
subschemas = st.recursive(
    st.sampled_from([STRING, {"type": "integer"}, {"type": "boolean"}, {"enum": ["a", 1, None]}, {"$ref": "#/properties/x"}, {}]),
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda some, text: {"type": "object", "properties": some, "description": text}, st.dictionaries(names, inner, max_size=3), words),
    ),
    max_leaves=6,
)  # fmt: skip
functions = st.builds(function, names, st.dictionaries(names, subschemas, max_size=3), st.none() | words)
MODELS = ("gpt-3.5-turbo", "gpt-4o", "gpt-4o-search-preview", "o3-mini", "gpt-5", "who")
lenient = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@given(messages=st.lists(sent, max_size=5), tools=st.lists(functions, max_size=2), model=st.sampled_from(MODELS))
@lenient
async def test_parts_add_up(messages: list[Json], tools: list[Json], model: str) -> None:
    """The total is the sum of the parts, none is negative, and the dict form says the same."""
    count = await TokenCounter(fetch_links=False).count_chat(messages, tools, model=model)
    assert count.total == sum(getattr(count, part) for part in PARTS)
    assert all(getattr(count, part) >= 0 for part in PARTS)
    assert count.as_dict()["total"] == count.total


@given(messages=st.lists(sent, max_size=5), added=sent, model=st.sampled_from(MODELS), with_tools=st.booleans())
@lenient
async def test_a_message_more_never_costs_less(messages: list[Json], added: Json, model: str, with_tools: bool) -> None:
    """In either API, with tools and without."""
    tools = [NOW_DESCRIBED] if with_tools else None
    counter = TokenCounter(fetch_links=False)
    before = await counter.count_chat(messages, tools, model=model)
    assert (await counter.count_chat([*messages, added], tools, model=model)).total >= before.total


def reordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(each) for each in value] if isinstance(value, list) else value


@given(messages=st.lists(sent, max_size=4), tools=st.lists(functions, max_size=2), model=st.sampled_from(MODELS))
@lenient
async def test_the_order_of_keys_does_not_matter_to_messages_and_crashes_no_tool(
    messages: list[Json], tools: list[Json], model: str
) -> None:
    """Neighbours may merge into other tokens, so tools may differ; messages do not."""
    counter = TokenCounter(fetch_links=False)
    assert await counter.count_chat(messages, model=model) == await counter.count_chat(
        [dict(reversed(list(each.items()))) for each in messages], model=model
    )
    await counter.count_chat(messages, tools, model=model)
    await counter.count_chat(messages, reordered(tools), model=model)


@given(
    chat=st.booleans(),
    first=anything
    | st.lists(st.dictionaries(st.sampled_from(["role", "content", "type", "tool_calls", "name", "output"]), anything)),
    tools=anything,
    choice=anything,
    answer=anything,
)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
async def test_whatever_is_given_is_counted_or_refused_with_a_reason(
    chat: bool, first: Any, tools: Any, choice: Any, answer: Any
) -> None:
    """Any JSON at any place: a count, or an UnreadableRequest that says what it should have been."""
    counter = TokenCounter(fetch_links=False)
    try:
        if chat:
            count = await counter.count_chat(first, tools, choice, response_format=answer, model="gpt-4o")
        else:
            count = await counter.count_responses(first, None, tools, choice, answer, model="gpt-5")
    except UnreadableRequest as error:
        assert len(str(error)) > 20
    else:
        assert count.total >= 0


TREE = {
    "type": "object",
    "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}, "name": STRING},
}


@pytest.mark.parametrize(
    ("parameters", "rendered"),
    [
        pytest.param(
            {"properties": {"a": {"$ref": "#"}}, "type": "object"}, "{ a?: { a?: any } }", id="the whole"
        ),
        pytest.param({"properties": {"a": {"$ref": "#/properties/a"}}, "type": "object"}, "{ a?: any }", id="itself"),
        pytest.param(
            {"type": "object", "properties": {"tree": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": TREE}},
            "{ tree?: { children?: any[], name?: string } }",
            id="a tree",
        ),
    ],
)  # fmt: skip
async def test_a_reference_in_circles_is_anything(parameters: Json, rendered: str, counter: TokenCounter) -> None:
    """Once round, then `any`: a tool that takes a tree is counted, and the count says that nobody measured it."""
    found = definition({"name": "f", "parameters": parameters})
    assert found.text == f"type f = (_: {rendered}) => any;\n\n"
    assert any("circles" in why for why in found.assumptions)
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    assert (await counter.count_chat(ASKED, [tool], model="gpt-4o")).assumed


async def test_references_that_grow_without_end_are_refused(counter: TokenCounter) -> None:
    """Ten in each, thirty deep: quickly, with the way out, the server's count."""
    levels = {
        f"n{depth}": {"type": "object", "properties": {k: {"$ref": f"#/$defs/n{depth + 1}"} for k in "abcdefghij"}}
        for depth in range(30)
    }
    parameters = {"type": "object", "properties": {"a": {"$ref": "#/$defs/n0"}}, "$defs": levels}
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    with pytest.raises(UnreadableRequest, match="write out to more"):
        await counter.count_chat(ASKED, [tool], model="gpt-4o")


# The counter


async def test_a_growing_chat_is_counted_as_if_afresh(counter: TokenCounter) -> None:
    """What was counted before is not counted again, and yet no count differs; a message changed in place is seen."""
    messages: list[Json] = [system("Be brief")]
    for turn in range(30):
        messages += [
            user(f"Turn {turn}"),
            assistant(tool_calls=[called("now", "{}", f"c{turn}")]),
            result("12:00", f"c{turn}"),
        ]
        fresh = TokenCounter(fetch_links=False)
        assert await counter.count_chat(messages, [NOW], model="gpt-4o") == await fresh.count_chat(
            copy.deepcopy(messages), [NOW], model="gpt-4o"
        )
    before = await counter.count_chat(messages, model="gpt-4o")
    messages[1]["content"] = "Turn nought, which is longer"
    assert (await counter.count_chat(messages, model="gpt-4o")).total > before.total


async def test_many_conversations_do_not_mix(counter: TokenCounter) -> None:
    """The same words under another model, in the other API, or after another beginning cost what they cost there."""
    for model in ("gpt-4o", "gpt-5", "gpt-3.5-turbo"):
        for name in ("Ada", "Bob"):
            said = [system(f"You talk with {name}."), user("Hello"), assistant("Hi"), user("Bye")]
            for end in range(1, len(said) + 1):
                fresh = TokenCounter(fetch_links=False)
                chat = await counter.count_chat(said[:end], model=model)
                assert chat == await fresh.count_chat(said[:end], model=model)
                assert await counter.count_responses(said[:end], model=model) == await fresh.count_responses(
                    said[:end], model=model
                )
                await counter.count_chat([*said[:end], user("And then?")], [NOW], model=model)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(object(), id="an object"),
        pytest.param(iter("abc"), id="an iterator"),
        pytest.param({"deep": json.loads("[" * 500 + "]" * 500)}, id="deep"),
        pytest.param((1, 2), id="a tuple"),
    ],
)
async def test_what_applications_keep_in_messages_of_their_own_does_not_matter(
    odd: object, counter: TokenCounter
) -> None:
    """A field that the API does not know costs nothing, whatever is in it."""
    messages = [{**user("Hello, world!"), "mine": odd}]
    assert [(await counter.count_chat(messages, model="gpt-4o")).total for _ in range(2)] == [11, 11]


async def test_the_names_that_callers_know(counter: TokenCounter) -> None:
    """The original bot's methods, with the original's keys."""
    assert counter.count_text_tokens("Hello, world!", "openai/gpt-4o") == 4
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z/C/HgAGgwJ/lK3Q6wAAAABJRU5ErkJggg=="
    link = f"data:image/png;base64,{pixel}"
    assert await counter.count_image_tokens(image_url=link, model="gpt-4o") == 255
    assert await counter.count_image_tokens(image_url=link, detail="low", model="gpt-4o") == 85
    messages = [user([{"type": "text", "text": "Hello, world!"}, {"type": "image_url", "image_url": {"url": link}}])]
    assert await counter.count_message_tokens(messages, "gpt-4o") == {
        "text_tokens": 3 + 4 + 4,
        "image_tokens": 255,
        "total_tokens": 266,
    }
    assert await counter.check_context_limit(messages, "gpt-4o", max_output_tokens=1000) == {
        "within_limit": True,
        "input_tokens": 266,
        "max_tokens": 128_000,
        "available_output_tokens": 127_734,
        "text_tokens": 11,
        "image_tokens": 255,
        "needed_output_tokens": 1000,
    }
    assert not (await counter.check_context_limit(messages, "gpt-4", 8192))["within_limit"]


def test_a_cost_is_a_float_or_unknown(counter: TokenCounter) -> None:
    """$2.50 and $10 a million on gpt-4o, half of it for cached input; nobody knows what a model of one's own costs."""
    assert counter.estimate_cost(1_000_000, 100_000, "gpt-4o") == pytest.approx(2.5 + 1.0)
    assert counter.estimate_cost(1_000_000, 0, "openai/gpt-4o", cached_tokens=400_000) == pytest.approx(1.5 + 0.5)
    assert counter.estimate_cost(1000, 10, "acme-7") is None


async def test_an_image_is_given_as_bytes_or_as_a_link(counter: TokenCounter) -> None:
    """One of them; the bytes of anything else are refused."""
    from token_counter.errors import ImageUnreadable, InvalidArgument

    with pytest.raises(InvalidArgument, match="either"):
        await counter.count_image_tokens(model="gpt-4o")
    with pytest.raises(ImageUnreadable):
        await counter.count_image_tokens(image_data=b"no image", model="gpt-4o")


async def test_objects_of_the_openai_package_may_stand_among_messages(counter: TokenCounter) -> None:
    """An answer is appended to the history as it came."""
    from openai.types.chat import ChatCompletionMessage

    answer = ChatCompletionMessage.model_validate({"role": "assistant", "content": "It is Bob."})
    as_dict = await counter.count_chat([*ASKED, assistant("It is Bob.")], model="gpt-4o")
    assert await counter.count_chat([*ASKED, answer], model="gpt-4o") == as_dict
