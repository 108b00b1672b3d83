"""The loop of a turn, both APIs, plain and streamed, against a real HTTP server with the SDK's own client.

The server holds every request against the SDK's types, strictly, and whatever a test does the history stays valid.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import openai
import pytest

from plugin import Interpreter, events
from plugin.dispatch.chat import run_chat, stream_chat
from plugin.dispatch.dispatcher import Dispatcher
from plugin.dispatch.responses import run_responses, stream_responses
from plugin.errors import AnswerCut, AnswerFailed, DeadlineExceeded, InvalidRequest, TurnError
from tests.api_server import ApiServer, Chat, Reply, Responses, custom, function, function_item, message_item
from tests.loop_parts import NOTE, WAYS, Notes, Way

USER = {"role": "user", "content": "go"}
CODE = "execute_python_code"


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """What holds for one of them holds for all four."""
    return request.param


@pytest.fixture(params=[way for way in WAYS if way.streams], ids=lambda way: way.name)
def streamed(request: pytest.FixtureRequest) -> Way:
    """The two that stream."""
    return request.param


@pytest.fixture
async def dispatcher(notes: Notes, tmp_path: Path) -> AsyncIterator[Dispatcher]:
    """One whose interpreter never starts: the tool of these tests is a registered one."""
    async with Interpreter(home=tmp_path, pool_min=0) as interpreter:
        dispatcher = Dispatcher(interpreter)
        dispatcher.register(NOTE, notes.note)
        yield dispatcher


# ---- a turn


async def test_a_turn_of_several_rounds(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Calls run, parallel ones together, results go back, the answer comes; all is kept, and added up."""
    api.replies(
        way.calls(("note", {"text": "a"}), ("note", {"text": "b"})),
        way.calls(("note", {"text": "c"})),
        way.says("Done."),
    )
    turn = await way.turn(client, dispatcher)
    assert (turn.text, turn.requests, sorted(notes.taken)) == ("Done.", 3, ["a", "b", "c"])
    assert [len(way.sent(request)) for request in api.requests] == ([1, 4, 6] if way.is_chat else [1, 5, 7])
    assert all("note" in str(request["tools"]) for request in api.requests)
    for letter, answer in zip("abc", way.answers(turn.messages), strict=True):
        assert f"noted {letter} for 7" in answer
    assert turn.messages[0] == USER and turn.messages[-1] == turn.message
    assert turn.usage is not None and (turn.usage.input_tokens, turn.usage.output_tokens) == (300, 30)
    assert turn.cost == 3 * Decimal("0.000225")  # gpt-5: $1.25 and $10 a million
    way.check(turn.messages)


async def test_a_turn_goes_on_from_the_last_one(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """`turn.messages` and the user's next words are the next request; what was given is left alone."""
    api.replies(way.calls(("note", {"text": "a"})), way.says("One."), way.says("Two."))
    first = await way.turn(client, dispatcher)
    given = [*first.messages, {"role": "user", "content": "and now?"}]
    copy = json.loads(json.dumps(given))
    second = await way.turn(client, dispatcher, messages=given)
    assert given == copy and way.sent(api.requests[-1]) == given
    assert second.messages == [*given, second.message]


async def test_events_of_a_streamed_turn(
    streamed: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """Text and calls as they are written, the answer to each call, what each request cost, the turn; numbered from 0."""
    api.replies(streamed.calls(("note", {"text": "a"})), streamed.says("The answer is 42."))
    told: list[events.Event] = []
    turn = await streamed.turn(client, dispatcher, told)
    kinds = [type(event).__name__ for event in told if not isinstance(event, events.TextDelta)]
    assert kinds == ["ToolCallStarted", "UsageReported", "ToolFinished", "UsageReported", "Done"]
    assert "".join(event.text for event in told if isinstance(event, events.TextDelta)) == turn.text
    assert len([event for event in told if isinstance(event, events.TextDelta)]) > 1
    assert [event.seq for event in told] == list(range(len(told)))
    assert {event.call_id for event in told} == {None, "call_0"}


CODES = ["print('\"\\\\ é 😀')\n" * 5, "", "\t\x00\u2028", "x" * 300]


@pytest.mark.parametrize("code", CODES, ids=["escapes", "empty", "controls", "long"])
@pytest.mark.parametrize("piece", [1, 3, 1000])
async def test_code_is_told_while_it_is_written(
    streamed: Way, code: str, piece: int, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """Decoded, whatever the pieces it comes in, and before the call is complete."""
    calls = ((CODE, {"timeout": "no number: nothing runs", "code": code}),)
    api.replies(streamed.calls(*calls).but(piece=piece), streamed.says("ok"))
    told: list[events.Event] = []
    await streamed.turn(client, dispatcher, told)
    assert "".join(event.text for event in told if isinstance(event, events.CodeDelta)) == code
    assert all(event.call_id == "call_0" for event in told if isinstance(event, events.CodeDelta))


async def test_a_character_cut_in_halves_is_mended(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """Servers that count in UTF-16 cut emoji in two: the halves come together, and a lone one becomes U+FFFD."""
    halves = "\ud83d\ude00 and \ud83d"
    for piece in (1, 100):
        api.replies(Chat(content=halves, piece=piece))
        told: list[events.Event] = []
        turn = await WAYS[1].turn(client, dispatcher, told)
        assert turn.text == "😀 and \ufffd"
        assert "".join(event.text for event in told if isinstance(event, events.TextDelta)) in (
            "😀 and ",
            "😀 and \ufffd",
        )
    api.replies(Chat(content=halves))
    assert (await WAYS[0].turn(client, dispatcher)).text == "😀 and \ufffd"


# ---- forms of calls


@pytest.mark.parametrize("way", WAYS[:2], ids=lambda way: way.name)
async def test_custom_calls(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Bare text, which the SDK's stream helper cannot read; answered by an ordinary tool message."""
    api.replies(Chat(calls=(custom("note", "a {b"), function("note", {"text": "c"}, "call_2"))), Chat(content="ok"))
    turn = await way.turn(client, dispatcher)
    assert sorted(notes.taken) == ["a {b", "c"]
    assert turn.messages[1]["tool_calls"][0] == custom("note", "a {b")
    way.check(turn.messages)


@pytest.mark.parametrize("way", WAYS[2:], ids=lambda way: way.name)
async def test_custom_items_and_what_surrounds_them(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Reasoning goes back before its call, programs and asynchronous calls as they came, each output says its caller."""
    program = {"type": "program", "id": "p_1", "call_id": "prog", "code": "await note()", "fingerprint": "f"}
    caller = {"type": "program", "caller_id": "prog"}
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "opaque", "status": None}
    given = {
        "type": "custom_tool_call",
        "call_id": "c1",
        "name": "note",
        "input": "a",
        "id": "ct",
        "status": "completed",
    }
    asynchronous = function_item(
        "note", {"text": "b"}, "c2", caller=caller, parsed_arguments={"text": "b"}, **{"async": True}
    )
    output = {"type": "program_output", "id": "po", "call_id": "prog", "result": "1", "status": "completed"}
    api.replies(Responses(output=(reasoning, given, program, asynchronous, output)), way.says("ok"))
    turn = await way.turn(client, dispatcher)
    assert sorted(notes.taken) == ["a", "b"]
    sent = way.sent(api.requests[-1])
    assert sent[1] == {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "opaque"}
    assert sent[3] == program and sent[5] == output
    assert sent[4] == function_item("note", {"text": "b"}, "c2", caller=caller, **{"async": True})
    assert [{**item, "output": item["output"][-13:]} for item in sent[6:]] == [
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "noted a for 7"},
        {"type": "function_call_output", "call_id": "c2", "output": "noted b for 7", "caller": caller},
    ]
    way.check(turn.messages)


@pytest.mark.parametrize("way", WAYS[:2], ids=lambda way: way.name)
async def test_the_legacy_function_call(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Answered by a message of role `function`."""
    api.replies(Chat(function_call={"name": "note", "arguments": '{"text": "a"}'}), Chat(content="ok"))
    turn = await way.turn(client, dispatcher)
    assert notes.taken == ["a"]
    answer = turn.messages[2]
    assert (answer["role"], answer["name"]) == ("function", "note") and "noted a for 7" in answer["content"]
    assert turn.messages[1]["function_call"] == {"name": "note", "arguments": '{"text": "a"}'}


BAD_CALLS = [
    pytest.param([("note", '{"text": ')], id="malformed"),
    pytest.param([("note", "[1, 2]")], id="an array"),
    pytest.param([("note", "42")], id="a number"),
    pytest.param([("note", "")], id="empty arguments"),
    pytest.param([("", "")], id="an empty call"),
    pytest.param([("no_such_tool", "{}")], id="unknown tool"),
    pytest.param([("note", {"text": 5})], id="wrong type"),
    pytest.param([("note", '{"text": "' + "\\ud83d" + '"}')], id="a lone surrogate"),
]


@pytest.mark.parametrize("calls", BAD_CALLS)
async def test_calls_that_are_wrong_are_answered(
    way: Way, calls: list[tuple[str, object]], api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """The model reads what is wrong, and the turn goes on."""
    api.replies(way.calls(*calls), way.says("I see."))
    turn = await way.turn(client, dispatcher)
    assert turn.text == "I see." and len(way.answers(turn.messages)) == 1
    way.check(turn.messages)


@pytest.mark.parametrize("ids", [["same", "same"], ["x" * 500, "y" * 500]], ids=["duplicate", "500 characters"])
async def test_odd_ids_are_answered_as_they_came(
    way: Way, ids: list[str], api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Each call has its answer, under its id."""
    api.replies(way.calls(("note", {"text": "a"}), ("note", {"text": "b"}), ids=ids), way.says("ok"))
    turn = await way.turn(client, dispatcher)
    assert sorted(notes.taken) == ["a", "b"]
    way.check(turn.messages)


async def test_an_empty_list_of_calls_is_an_answer(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """It must not go back: the API refuses an empty `tool_calls`."""
    api.replies(Chat(content=None, finish="tool_calls", more={"tool_calls": []}))
    turn = await WAYS[0].turn(client, dispatcher)
    assert turn.message == {"role": "assistant", "content": ""}


async def test_servers_that_give_every_call_the_same_index(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Their ids tell the calls apart."""

    class OneIndex(Chat):
        def pieces(self):  # type: ignore[no-untyped-def]
            for piece in super().pieces():
                for choice in piece["choices"]:
                    for call in choice["delta"].get("tool_calls", ()):
                        call["index"] = 0
                yield piece

    calls = (function("note", {"text": "a"}, "one"), function("note", {"text": "b"}, "two"))
    api.replies(OneIndex(calls=calls), Chat(content="ok"))
    await WAYS[1].turn(client, dispatcher)
    assert sorted(notes.taken) == ["a", "b"]


async def test_arguments_of_a_megabyte(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """They arrive whole."""
    text = "x\n" * 500_000
    api.replies(way.calls(("note", {"text": text})).but(piece=1000), way.says("ok"))
    turn = await way.turn(client, dispatcher)
    assert notes.taken == [text]
    way.check(turn.messages)


# ---- limits


async def test_after_the_last_round_the_model_must_answer(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """One more request, without tools; what it calls even so does not run."""
    call = way.calls(("note", {"text": "again"}))
    api.replies(call, call, call)
    turn = await way.turn(client, dispatcher, max_rounds=2, options={"tool_choice": "auto"})
    assert len(notes.taken) == 2 and turn.requests == 3
    assert ["tools" in request for request in api.requests] == [True, True, False]
    assert "tool_choice" not in api.requests[-1]
    way.check(turn.messages)


async def test_a_call_cut_by_the_limit_on_output_never_runs(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Not even where its arguments happen to be whole. The model is told; cut again, it is asked for words alone."""
    whole = ("note", {"text": "whole"})
    api.replies(way.cut_off(("note", '{"text": "ha')), way.cut_off(whole), way.says("Sorry."))
    turn = await way.turn(client, dispatcher)
    assert notes.taken == [] and turn.text == "Sorry."
    assert ["tools" in request for request in api.requests] == [True, True, False]
    assert all(answer.startswith("Not run: ") for answer in way.answers(turn.messages))
    way.check(turn.messages)


async def test_a_filtered_answer_never_runs(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Nor one whose end this version does not know."""
    for finish in ("content_filter", "something new"):
        api.replies(Chat(calls=(function("note", {"text": "a"}),), finish=finish), Chat(content="ok"))
        await WAYS[0].turn(client, dispatcher)
    assert notes.taken == []


async def test_a_refusal_is_the_answer(api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher) -> None:
    """In the text, and kept as what it is."""
    for way in WAYS[:2]:
        api.replies(Chat(refusal="I will not."))
        turn = await way.turn(client, dispatcher)
        assert turn.text == "I will not." and turn.message["refusal"] == "I will not."


async def test_the_deadline_while_the_server_is_slow(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """The turn ends, and says how to go on."""
    api.replies(way.calls(("note", {"text": "a"})), way.says("too late").but(delay=asyncio.Event()))
    with pytest.raises(DeadlineExceeded, match=r"after 0\.3 seconds") as raised:
        await way.turn(client, dispatcher, deadline=0.3)
    assert isinstance(raised.value, TimeoutError) and len(way.answers(raised.value.messages)) == 1
    way.check(raised.value.messages)


async def test_the_deadline_while_a_tool_runs(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """The tool is cancelled; the history keeps what was called, with an answer that says so."""
    api.replies(way.calls(("note", {"text": "never"})))
    with pytest.raises(DeadlineExceeded) as raised:
        await way.turn(client, dispatcher, deadline=0.3)
    assert notes.running == 0 and "Cancelled" in way.answers(raised.value.messages)[0]
    way.check(raised.value.messages)


# ---- what goes wrong at the other end


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_retries_are_the_clients(way: Way, status: int, api: ApiServer, dispatcher: Dispatcher) -> None:
    """An error that passes is never seen, and Retry-After is honoured; the tools do not run again."""
    error = Reply(status=status, headers={"retry-after": "0.02"}, error="later")
    api.replies(error, way.calls(("note", {"text": "a"})), error, error, way.says("ok"))
    async with api.client(max_retries=2) as client:
        turn = await way.turn(client, dispatcher)
    assert turn.text == "ok" and len(api.requests) == 5 and len(way.answers(turn.messages)) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, openai.RateLimitError), (500, openai.InternalServerError), (400, openai.BadRequestError)],
)
async def test_an_error_that_stays_is_the_sdks_own(
    way: Way, status: int, kind: type[Exception], api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """With the history so far: what ran need not run again."""
    api.replies(way.calls(("note", {"text": "a"})), Reply(status=status, error="no"))
    with pytest.raises(kind) as raised:
        await way.turn(client, dispatcher)
    assert len(way.answers(raised.value.messages)) == 1  # type: ignore[attr-defined]
    way.check(raised.value.messages)  # type: ignore[attr-defined]


async def test_a_stream_cut_anywhere_runs_nothing(
    streamed: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """At every piece of it: the answer is absent from the history, which is as it was."""
    reply = streamed.calls(("note", {"text": "a"}))
    ends = 1 if streamed.is_chat else 0  # behind a chat's finish reason only the usage comes
    for cut_after in range(len(list(reply.pieces())) - ends):
        api.replies(reply.but(cut_after=cut_after))
        with pytest.raises((AnswerCut, openai.APIConnectionError)) as raised:
            await streamed.turn(client, dispatcher)
        assert raised.value.messages == [USER]  # type: ignore[union-attr]
    assert notes.taken == []


async def test_a_stream_without_an_end_runs_nothing(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Closed in good order, but without a finish reason; the same in one piece."""
    call = Chat(calls=(function("note", {"text": "a"}),), finish="")
    api.replies(call, call, Chat(content="ok"))
    with pytest.raises(AnswerCut):
        await WAYS[1].turn(client, dispatcher)
    await WAYS[0].turn(client, dispatcher)
    assert notes.taken == []


@pytest.mark.parametrize("way", WAYS[2:], ids=lambda way: way.name)
async def test_a_response_that_failed(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """Its calls do not run, and the error says what the API said."""
    failure = {"code": "server_error", "message": "the model fell over"}
    api.replies(way.calls(("note", {"text": "a"}), ending="failed", failure=failure))
    with pytest.raises(AnswerFailed, match=r"server_error.*fell over") as raised:
        await way.turn(client, dispatcher)
    assert raised.value.messages == [USER] and notes.taken == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param({"error": {"message": "no GPU left", "type": "overloaded"}}, r"\(overloaded\): no GPU left", id="an error"),
        pytest.param({"error": "no GPU left"}, "no GPU left", id="an error of one word"),
        pytest.param({"choices": []}, "no choices", id="no choices"),
        pytest.param({"choices": [{"index": 0, "message": None, "finish_reason": "stop"}]}, "no choices", id="no message"),
    ],
)  # fmt: skip
async def test_a_failure_with_status_200_is_no_empty_answer(
    body: dict[str, Any], told: str, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """As some servers that speak OpenAI's API report theirs."""

    class Failed(Chat):
        def whole(self) -> dict[str, Any]:
            return body

    api.replies(Failed())
    with pytest.raises(AnswerFailed, match=told) as raised:
        await WAYS[0].turn(client, dispatcher)
    assert raised.value.messages == [USER]


async def test_an_error_in_the_middle_of_a_stream(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """Both APIs send such events; both end the turn."""

    class Broken(Responses):
        def pieces(self):  # type: ignore[no-untyped-def]
            yield next(super().pieces())
            yield {"type": "error", "code": "x", "message": "it broke", "param": None, "sequence_number": 1}

    class BrokenChat(Chat):
        def pieces(self):  # type: ignore[no-untyped-def]
            yield next(super().pieces())
            yield {"error": {"message": "it broke", "code": "x"}}

    api.replies(Broken(), BrokenChat())
    with pytest.raises(AnswerFailed, match="it broke") as raised:
        await WAYS[3].turn(client, dispatcher)
    assert raised.value.messages == [USER]
    with pytest.raises(openai.APIError, match="it broke"):
        await WAYS[1].turn(client, dispatcher)


async def test_a_bill_that_cannot_be_read_costs_nobody_the_answer(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """The cost is unknown then, never 0."""
    odd = {"prompt_tokens": -5, "completion_tokens": 1, "total_tokens": 1}
    api.replies(way.says("ok", usage=odd if way.is_chat else None))
    turn = await way.turn(client, dispatcher)
    assert (turn.text, turn.usage, turn.cost) == ("ok", None, None)


# ---- leaving


async def test_leaving_a_stream_ends_the_turn(
    streamed: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher, notes: Notes
) -> None:
    """The tool is cancelled, and the stream still has the history."""
    api.replies(streamed.calls(("note", {"text": "never"})))
    start = stream_chat if streamed.is_chat else stream_responses
    async with start(client, dispatcher, model="gpt-5", messages=[USER], user_id=7) as stream:
        async for event in stream:
            if isinstance(event, events.UsageReported):
                await notes.begun.wait()
                break
    assert notes.running == 0
    assert "Cancelled" in streamed.answers(stream.messages)[0]
    streamed.check(stream.messages)


async def test_a_stream_that_was_never_read_sends_nothing(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """It begins with the first event."""
    async with stream_chat(client, dispatcher, model="gpt-5", messages=[USER], user_id=7):
        pass
    assert api.requests == []


async def test_a_callers_own_timeout(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """asyncio.timeout around a turn: the history is on the cancellation behind the TimeoutError."""
    api.replies(way.calls(("note", {"text": "a"})), way.calls(("note", {"text": "never"})))
    with pytest.raises(TimeoutError) as raised:
        async with asyncio.timeout(0.3):
            await way.turn(client, dispatcher)
    messages = raised.value.__cause__.messages  # type: ignore[union-attr]
    assert len(way.answers(messages)) == 2
    way.check(messages)


# ---- what callers give


class Given:
    """Ways to say what a model answered, as the SDK's users have it at hand."""

    CALL: ClassVar = function("note", {"text": "a"})
    ANSWER: ClassVar = {"role": "tool", "tool_call_id": "call_1", "content": "noted"}

    @staticmethod
    def completion() -> openai.types.chat.ChatCompletionMessage:
        message = {"role": "assistant", "content": None, "tool_calls": [Given.CALL], "annotations": []}
        return openai.types.chat.ChatCompletionMessage.model_validate(message)

    @staticmethod
    def parsed() -> dict[str, object]:
        call = {**Given.CALL, "function": {**Given.CALL["function"], "parsed_arguments": {"text": "a"}}}
        return {"role": "assistant", "content": None, "tool_calls": [call], "parsed": None, "annotations": None}


@pytest.mark.parametrize(
    "said",
    [Given.completion(), Given.completion().model_dump(), Given.parsed()],
    ids=["the SDK's object", "its dump", "a parsed one"],
)
async def test_messages_as_the_sdk_has_them(
    said: object, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """They go out in the form in which the API takes them; `parsed_arguments` never does."""
    api.replies(Chat(content="ok"))
    await run_chat(client, dispatcher, model="gpt-5", messages=[USER, said, Given.ANSWER, USER], user_id=7)
    assert api.requests[0]["messages"][1] == {"role": "assistant", "content": None, "tool_calls": [Given.CALL]}


async def test_input_as_text_or_as_the_sdks_items(
    api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """What `client.responses.create` takes and gives."""
    api.replies(Responses(output=(message_item("hi"),)), Responses(output=(message_item("ok"),)))
    response = await client.responses.create(model="gpt-5", input="hello")
    await run_responses(client, dispatcher, model="gpt-5", messages=[*response.output, USER], user_id=7)
    assert api.requests[1]["input"] == [message_item("hi"), USER]


async def test_tools_of_the_caller(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """Offered besides the dispatcher's own; one of the same name takes its place."""
    form = {"name": "note", "description": "mine", "parameters": {"type": "object", "properties": {}}}
    mine = {"type": "function", "function": form} if way.is_chat else {"type": "function", **form, "strict": False}
    hosted = {"type": "web_search"}
    api.replies(way.says("ok"))
    await way.turn(client, dispatcher, tools=[mine] if way.is_chat else [mine, hosted])
    offered = api.requests[0]["tools"]
    assert [tool for tool in offered if "'name': 'note'" in str(tool)] == [mine]
    assert len(offered) == (4 if way.is_chat else 5)


async def test_options_of_the_caller(
    way: Way, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """They go into every request."""
    api.replies(way.calls(("note", {"text": "a"})), way.says("ok"))
    await way.turn(client, dispatcher, options={"service_tier": "flex", "metadata": {"a": "b"}})
    assert all((request["service_tier"], request["metadata"]) == ("flex", {"a": "b"}) for request in api.requests)


REFUSED = [
    pytest.param({"max_rounds": -1}, "max_rounds", id="negative rounds"),
    pytest.param({"max_rounds": True}, "max_rounds", id="rounds that are no number"),
    pytest.param({"deadline": 0}, "deadline", id="no time"),
    pytest.param({"messages": []}, "messages is empty", id="no messages"),
    pytest.param({"messages": {"role": "user"}}, "messages is a dict", id="one message"),
    pytest.param({"options": {"stream": True}}, "options has stream", id="stream"),
    pytest.param({"options": {"tools": []}}, "options has tools", id="tools"),
    pytest.param({"options": {"n": 2}}, "n > 1", id="several answers"),
    pytest.param({"tools": ["note"]}, r"tools\[0\] is a str", id="a tool that is none"),
    pytest.param({"tools": [{"type": "local_shell"}]}, "local_shell", id="a tool that nobody answers"),
    pytest.param({"model": ""}, "model", id="no model"),
]


@pytest.mark.parametrize(("asked", "message"), REFUSED)
async def test_callers_mistakes_are_told_at_once(
    way: Way, asked: dict[str, object], message: str, api: ApiServer, client: openai.AsyncOpenAI, dispatcher: Dispatcher
) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequest, match=message):
        await way.turn(client, dispatcher, **asked)
    assert api.requests == []


async def test_a_synchronous_client_is_told_apart(way: Way, dispatcher: Dispatcher) -> None:
    """It would block the loop: refused before it does."""
    with openai.OpenAI(api_key="x") as client, pytest.raises(InvalidRequest, match="AsyncOpenAI"):
        await way.turn(client, dispatcher)


def test_errors_of_a_turn_have_a_history_from_the_start() -> None:
    """`messages` is there on each, also where no turn ever was."""
    assert AnswerCut().messages == [] and issubclass(DeadlineExceeded, TurnError)
