"""The check of what is sent bites: each of these the API or the SDK refuses, and pydantic alone would let through."""

from typing import Any

import pytest
import strict_types

ASSISTANT = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
ANSWER = {"role": "tool", "tool_call_id": "a", "content": "1"}
USER = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,", "detail": "high"}}]}
CALL = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "1"}]}
CUSTOM = {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": ""}
PICTURE = {"type": "input_image", "image_url": "data:,", "detail": "high"}


def chat(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"model": "gpt-5", "messages": list(messages)}


def responses(*items: dict[str, Any]) -> dict[str, Any]:
    return {"model": "gpt-5", "input": list(items)}


def test_what_is_right_passes() -> None:
    """A turn of each API, answered."""
    strict_types.check_chat_request(chat(USER, ASSISTANT, ANSWER, USER))
    output = {"type": "custom_tool_call_output", "call_id": "c", "output": [PICTURE]}
    strict_types.check_responses_request(responses(CALL, CUSTOM, OUTPUT, output))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(chat(USER | {"id": 1}), r"messages\[0\].id", id="unknown key"),
        pytest.param(
            chat(ASSISTANT, ANSWER | {"content": [USER["content"][0]]}), "content", id="image in a tool message"
        ),
        pytest.param(chat(ASSISTANT, ANSWER | {"content": None}), "content", id="no content"),
        pytest.param(chat(ASSISTANT, ANSWER | {"content": "\ud800"}), "content", id="lone surrogate"),
        pytest.param(chat(ASSISTANT, {"role": "tool", "content": "1"}), "tool_call_id", id="no call id"),
        pytest.param(chat(ASSISTANT), "no answer", id="unanswered"),
        pytest.param(chat(ASSISTANT, USER, ANSWER), "without an answer", id="answered late"),
        pytest.param(chat(ASSISTANT, ANSWER, ANSWER), "nobody waits", id="answered twice"),
        pytest.param(responses(CALL), "without an answer", id="unanswered item"),
        pytest.param(responses(OUTPUT), "nobody waits", id="output of no call"),
        pytest.param(responses(CALL | {"parsed_arguments": {}}, OUTPUT), "parsed_arguments", id="parsed arguments"),
        pytest.param(
            responses(
                CUSTOM, {"type": "custom_tool_call_output", "call_id": "c", "output": [PICTURE | {"detail": None}]}
            ),
            "detail",
            id="a custom output's image without detail",
        ),
    ],
)
def test_what_is_wrong_is_told(body: dict[str, Any], told: str) -> None:
    """With its place."""
    check = strict_types.check_chat_request if "messages" in body else strict_types.check_responses_request
    with pytest.raises(strict_types.Invalid, match=told):
        check(body)
