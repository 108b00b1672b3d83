"""The small requests that `cellblock calibrate` has the server count: one for each thing that a model's rules may differ in."""

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Probe:
    """One request of the Responses API, without its model, and a word for what it asks."""

    name: str
    request: Json


def _user(text: object) -> Json:
    return {"role": "user", "content": text}


def _function(name: str, properties: Json | None = None, description: str | None = None, **more: Any) -> Json:
    stated = {} if description is None else {"description": description}
    parameters = {"type": "object", "properties": properties or {}, "additionalProperties": False, **more}
    return {"type": "function", "name": name, **stated, "parameters": parameters, "strict": False}


def _call(number: int, name: str, arguments: str, **more: str) -> Json:
    return {"type": "function_call", "call_id": f"call_{number}", "name": name, "arguments": arguments, **more}


def _result(number: int, text: str) -> Json:
    return {"type": "function_call_output", "call_id": f"call_{number}", "output": text}


def _image(width: int, height: int, detail: str) -> Json:
    return {"type": "input_image", "image_url": f"data:image/png;base64,{_png(width, height)}", "detail": detail}


def _png(width: int, height: int) -> str:
    """A black picture of one bit a pixel: the largest here is some 500 bytes. PNG specification, 11.2."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 + -(-width // 8)) * height, 9)
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    ).decode()


_HELLO = [_user("Hello.")]
_NOW = _function("now")
_TOLD = _function("now", description="Tell the time.")
_FIND = _function("find", {"what": {"type": "string"}}, required=["what"])
_TEXT = {"type": "string"}
_SCHEMA = {"type": "object", "properties": {"a": _TEXT}, "required": ["a"], "additionalProperties": False}
_FORMAT = {"type": "json_schema", "name": "Answer", "schema": _SCHEMA, "strict": True}

# The texts tell vocabularies apart: each has another number of tokens in cl100k_base than in o200k_base.
TEXTS = (
    Probe("one word", {"input": _HELLO}),
    Probe("Russian", {"input": [_user("Сегодня мы посчитаем, сколько слов в этом предложении.")]}),
    Probe("Hindi", {"input": [_user("आज हम गिनेंगे कि इस वाक्य में कितने शब्द हैं।")]}),
    Probe("Chinese", {"input": [_user("今天我们来数一数这句话里有多少个词。")]}),
)
MESSAGES = (
    Probe("two messages", {"input": [*_HELLO, _user("Are you there?")]}),
    Probe("a system message", {"input": [{"role": "system", "content": "Be brief."}, *_HELLO]}),
    Probe("a developer message", {"input": [{"role": "developer", "content": "Be brief."}, *_HELLO]}),
    Probe("instructions", {"input": _HELLO, "instructions": "Be brief."}),
    Probe(
        "two parts", {"input": [_user([{"type": "input_text", "text": "Hel"}, {"type": "input_text", "text": "lo."}])]}
    ),
)
ASSISTANT = Probe("an answer", {"input": [*_HELLO, {"role": "assistant", "content": "Hi."}, _user("Bye.")]})

TOOL = Probe("a tool", {"input": _HELLO, "tools": [_NOW]})
DESCRIBED = Probe("a described tool", {"input": _HELLO, "tools": [_TOLD]})
_AUTHOR = {
    "type": "object",
    "title": "Author",
    "description": "Who wrote it.",
    "properties": {"name": _TEXT},
    "required": ["name"],
    "additionalProperties": False,
}
TOOLS = (
    Probe("two tools", {"input": _HELLO, "tools": [_TOLD, _FIND]}),
    Probe("fields with comments", {"input": _HELLO, "tools": [_function("find", {
        "what": {"type": "string", "title": "What", "description": "What to find."},
        "limit": {"type": "integer", "default": 3}}, "Find it.\n\nAnywhere.", required=["what"])]}),
    Probe("enums, arrays, unions", {"input": _HELLO, "tools": [_function("find", {
        "kind": {"type": "string", "enum": ["book", "film"]}, "tags": {"type": "array", "items": _TEXT},
        "size": {"anyOf": [{"type": "number"}, {"type": "null"}]}}, required=["kind"])]}),
    Probe("a reference", {"input": _HELLO, "tools": [_function("find", {"author": {"$ref": "#/definitions/Author"}},
        required=["author"], definitions={"Author": _AUTHOR})]}),
)  # fmt: skip

NAMED = Probe(
    "a tool named", {"input": _HELLO, "tools": [_NOW, _FIND], "tool_choice": {"type": "function", "name": "now"}}
)
LONE = Probe("one tool required", {"input": _HELLO, "tools": [_NOW], "tool_choice": "required"})
NONE = Probe("no tool", {"input": _HELLO, "tools": [_NOW], "tool_choice": "none"})
CHOICES = (Probe("any tool required", {"input": _HELLO, "tools": [_NOW, _FIND], "tool_choice": "required"}),)

_HERE = _result(1, "Here.")
_FOUND = [_call(1, "find", '{"what":"it"}'), _HERE]
_THAT = _call(2, "find", '{"what":"that"}')
_BLANKS = _call(1, "find", '{"what": "it"}')
_STORED = _call(1, "find", '{"what":"it"}', id="fc_" + "0" * 48)
CALL = Probe("a call", {"input": [*_HELLO, *_FOUND], "tools": [_FIND]})
BLANKS = Probe("a call with blanks", {"input": [*_HELLO, _BLANKS, _HERE], "tools": [_FIND]})
STORED = Probe("a call with an id", {"input": [*_HELLO, _STORED, _HERE], "tools": [_FIND]})
CALLS = (
    Probe("two calls", {"input": [*_HELLO, *_FOUND, _THAT, _result(2, "There.")], "tools": [_FIND]}),
    Probe("two calls at once", {"input": [*_HELLO, _FOUND[0], _THAT, _HERE, _result(2, "There.")], "tools": [_FIND]}),
    Probe("no arguments", {"input": [*_HELLO, _call(1, "now", "{}"), _result(1, "12:00")], "tools": [_NOW]}),
)

SCHEMA = Probe("a schema", {"input": _HELLO, "text": {"format": _FORMAT}})
SCHEMAS = (
    Probe("a schema and a tool", {"input": _HELLO, "tools": [_NOW], "text": {"format": _FORMAT}}),
    Probe("a described schema", {"input": _HELLO, "text": {"format": {**_FORMAT, "description": "What to say."}}}),
)
IMAGES = tuple(
    Probe(f"an image of {width} x {height}, {detail}", {"input": [_user([_image(width, height, detail)])]})
    for width, height, detail in (
        (64, 64, "high"),
        (1024, 1024, "high"),
        (1024, 1024, "low"),
        (2048, 1536, "high"),
        (2500, 2000, "auto"),
    )
)

ALL = (
    *TEXTS, *MESSAGES, ASSISTANT, TOOL, DESCRIBED, *TOOLS, NAMED, LONE, NONE, *CHOICES, CALL, BLANKS, STORED, *CALLS, SCHEMA,
    *SCHEMAS, *IMAGES,
)  # fmt: skip
