"""Every call is answered, in the form of its API, in order, whatever a model wrote and whatever a tool does."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import strict_types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.chat import (
    ChatCompletionMessage,
    ChatCompletionMessageCustomToolCall,
    ChatCompletionMessageFunctionToolCall,
)
from openai.types.chat.chat_completion_message import FunctionCall
from openai.types.responses import Response, ResponseCustomToolCall, ResponseFunctionToolCall

from plugin import Interpreter
from plugin.dispatch.dispatcher import Dispatcher
from plugin.dispatch.registered import ToolResult
from plugin.errors import InvalidRequest
from plugin.events import Event, Stdout, ToolFinished

RUN = "execute_python_code"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ANYTHING = {"type": "object", "properties": {}}


async def weather(arguments: dict[str, Any], *, user_id: int | str) -> str:
    return f"sunny in {arguments['city']} for {user_id}"


async def raises(arguments: dict[str, Any], *, user_id: int | str) -> str:
    raise LookupError("no such thing; ask for another")


async def exits(arguments: dict[str, Any], *, user_id: int | str) -> str:
    raise SystemExit(3)


async def unspeakable(arguments: dict[str, Any], *, user_id: int | str) -> str:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    raise Silent


async def cancels_itself(arguments: dict[str, Any], *, user_id: int | str) -> str:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)
    return "unreachable"


async def is_cancelled(arguments: dict[str, Any], *, user_id: int | str) -> str:
    raise asyncio.CancelledError


async def gives_nothing(arguments: dict[str, Any], *, user_id: int | str) -> Any:
    return None


async def says_no(arguments: dict[str, Any], *, user_id: int | str) -> ToolResult:
    return ToolResult("there is no more", success=False)


async def hangs(arguments: dict[str, Any], *, user_id: int | str) -> str:
    await asyncio.Event().wait()
    return "unreachable"


ILL = (raises, exits, unspeakable, cancels_itself, is_cancelled, gives_nothing, says_no, hangs)


@pytest.fixture
def dispatcher(interpreter: Interpreter) -> Dispatcher:
    """With a tool that works and others that do not."""
    dispatcher = Dispatcher(interpreter, tool_seconds=0.3)
    dispatcher.register({"name": "weather", "description": "The weather", "parameters": CITY}, weather)
    for function in ILL:
        dispatcher.register({"name": function.__name__, "parameters": ANYTHING}, function)
    return dispatcher


def chat(name: str, arguments: Any = "{}", call_id: str = "call_1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def response(name: str, arguments: Any = "{}", call_id: str = "call_1", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **more}


def code(text: str) -> str:
    return json.dumps({"code": text})


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item.get("tool_call_id", item.get("call_id")) for item in items if item.get("role") != "user"]


def text_of(item: dict[str, Any]) -> str:
    content = item["content"] if "role" in item else item["output"]
    return content if isinstance(content, str) else content[0]["text"]


CUSTOM = {"id": "call_1", "type": "custom", "custom": {"name": RUN, "input": "print(6 * 7)"}}
CUSTOM_ITEM = {"type": "custom_tool_call", "call_id": "call_1", "name": RUN, "input": "print(6 * 7)"}
ARGUMENTS = code("print(6 * 7)")


@pytest.mark.parametrize(
    ("calls", "kind"),
    [
        pytest.param([chat(RUN, ARGUMENTS)], "tool", id="chat"),
        pytest.param(
            [ChatCompletionMessageFunctionToolCall.model_validate(chat(RUN, ARGUMENTS))], "tool", id="chat, SDK"
        ),
        pytest.param(
            [{"id": "call_1", "function": {"name": RUN, "arguments": ARGUMENTS}}], "tool", id="chat, of a stream"
        ),
        pytest.param([CUSTOM], "tool", id="chat custom"),
        pytest.param([ChatCompletionMessageCustomToolCall.model_validate(CUSTOM)], "tool", id="chat custom, SDK"),
        pytest.param(
            ChatCompletionMessage.model_validate({"role": "assistant", "tool_calls": [chat(RUN, ARGUMENTS)]}),
            "tool",
            id="the whole message",
        ),
        pytest.param([{"name": RUN, "arguments": ARGUMENTS}], "function", id="legacy"),
        pytest.param(FunctionCall(name=RUN, arguments=ARGUMENTS), "function", id="legacy, SDK, alone"),
        pytest.param([response(RUN, ARGUMENTS)], "function_call_output", id="response"),
        pytest.param(
            [ResponseFunctionToolCall.model_validate(response(RUN, ARGUMENTS))],
            "function_call_output",
            id="response, SDK",
        ),
        pytest.param([CUSTOM_ITEM], "custom_tool_call_output", id="response custom"),
        pytest.param([ResponseCustomToolCall.model_validate(CUSTOM_ITEM)], "custom_tool_call_output", id="custom, SDK"),
    ],
)
async def test_each_form_is_answered_in_its_own(dispatcher: Dispatcher, calls: Any, kind: str) -> None:
    """One item, of the right kind, with the call's id, that holds what the code printed; the SDK's types take it."""
    [item] = await dispatcher.run(calls, user_id=1)
    assert item.get("role", item.get("type")) == kind
    assert text_of(item).splitlines()[1:] == ["Output:", "> 42"]
    if kind == "function":
        assert item["name"] == RUN
    else:
        assert ids([item]) == ["call_1"]
    check = strict_types.check_chat_messages if "role" in item else strict_types.check_response_input
    check([item])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        pytest.param(chat(RUN, '{"code": '), "not valid JSON", id="torn JSON"),
        pytest.param(chat(RUN, "[1]"), "one JSON object", id="an array"),
        pytest.param(chat(RUN, "7"), "one JSON object", id="a number"),
        pytest.param(chat(RUN, ["code"]), "one JSON object", id="a list that is no text"),
        pytest.param(chat(RUN, None), "code: is required", id="no arguments"),
        pytest.param(chat(RUN, '{"code": "1", "user_id": 2}'), "user_id: there is no such argument", id="another user"),
        pytest.param(chat("nothing"), "the tools are delete_user_file", id="unknown tool"),
        pytest.param(chat(""), "there is no such tool", id="no name"),
        pytest.param(chat("analyze_data_file"), "use execute_python_code", id="a tool of old"),
        pytest.param({"type": "function", "id": "call_1"}, "there is no such tool", id="an empty call"),
        pytest.param(
            {"type": "custom", "id": "call_1", "custom": None}, "there is no such tool", id="an empty custom call"
        ),
        pytest.param(chat(RUN, code("import socket")), "Security validation failed", id="policy"),
        pytest.param(chat(RUN, code("while 1: pass")[:-1] + ', "timeout": 1}'), "its time was over", id="timeout"),
        pytest.param(chat(RUN, code("import os; os.abort()")), "it was killed", id="crash"),
        pytest.param(chat(RUN, code("1 / 0")), "> ZeroDivisionError: division by zero", id="exception"),
        pytest.param(chat(RUN, code("x = [0] * 10**9")), "Work on a part of the data", id="memory"),
        pytest.param(chat("weather", '{"city": 1}'), "city: must be a string", id="a registered tool's arguments"),
        pytest.param(chat("raises"), "> LookupError: no such thing; ask for another", id="a tool that raises"),
        pytest.param(chat("exits"), "> SystemExit: 3", id="a tool that exits"),
        pytest.param(chat("unspeakable"), "> Silent", id="a tool whose exception cannot be told"),
        pytest.param(chat("cancels_itself"), "> cancels_itself was cancelled", id="a tool that cancels itself"),
        pytest.param(chat("is_cancelled"), "> is_cancelled was cancelled", id="a tool that was cancelled"),
        pytest.param(chat("gives_nothing"), "> gives_nothing gave no text", id="a tool that gives nothing"),
        pytest.param(chat("says_no"), "The tool failed:\n> there is no more", id="a tool that says no"),
        pytest.param(chat("hangs"), "> hangs was stopped after 0.3 seconds", id="a tool that hangs"),
        pytest.param(response(RUN, ARGUMENTS, status="incomplete"), "cut off", id="a call that was cut off"),
    ],
)
async def test_what_goes_wrong_is_told(dispatcher: Dispatcher, call: dict[str, Any], told: str) -> None:
    """As the call's one answer, beside others that go right."""
    other = response if call["type"] == "function_call" else chat
    calls = [other("weather", '{"city": "A"}', "a"), call, other("weather", '{"city": "B"}', "b")]
    before, answer, after = await dispatcher.run(calls, user_id=7)
    assert told in text_of(answer)
    assert (text_of(before), text_of(after)) == ("Result:\n> sunny in A for 7", "Result:\n> sunny in B for 7")
    assert ids([before, answer, after]) == ["a", "call_1", "b"]


async def test_an_error_of_our_own_is_an_answer_too(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what it says of the host: that goes into the log."""

    async def broken(*_: Any) -> Any:
        raise KeyError("/srv/secret")

    monkeypatch.setattr(dispatcher.interpreter.files, "list", broken)
    [item] = await dispatcher.run([chat("list_user_files")], user_id=1)
    assert "KeyError" in text_of(item) and "secret" not in text_of(item)


@pytest.mark.parametrize("nothing", [None, [], "", {"role": "assistant", "content": "Hello", "tool_calls": None}])
async def test_without_calls_nothing_is_appended(dispatcher: Dispatcher, nothing: Any) -> None:
    """An empty list."""
    assert await dispatcher.run(nothing, user_id=1) == []


async def test_items_that_are_no_calls_to_answer_here_are_passed_over(dispatcher: Dispatcher) -> None:
    """Messages, reasoning, programs and hosted tools of a Response; the call of a program is answered with its caller."""
    caller = {"type": "program", "caller_id": "prog_1"}
    given = {
        "id": "resp_1", "object": "response", "created_at": 0, "model": "gpt-5", "tools": [], "tool_choice": "auto",
        "parallel_tool_calls": True,
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "program", "id": "p", "call_id": "prog_1", "code": "await weather()", "fingerprint": "f"},
            {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": []},
            response("weather", '{"city": "A"}', "one", caller=caller),
            response("weather", '{"city": "B"}', "two", **{"async": True}),
            response("weather", '{"city": "C"}', "three", caller={"type": "direct"}),
            {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "x"}},
        ],
    }  # fmt: skip
    for each in (given, Response.model_validate(given), Response.model_validate(given).output):
        items = await dispatcher.run(each, user_id=1)
        assert ids(items) == ["one", "two", "three"]
        assert [item.get("caller") for item in items] == [caller, None, {"type": "direct"}]
        strict_types.check_response_input(items)


@pytest.mark.parametrize("call_id", ["", "x" * 500, "same", "a\nb", "\0", "\u4f60"])
async def test_ids_are_answered_as_they_came(dispatcher: Dispatcher, call_id: str) -> None:
    """Long, odd, and the same one twice."""
    for make in (chat, response):
        items = await dispatcher.run([make("weather", '{"city": "A"}', call_id)] * 2, user_id=1)
        assert ids(items) == [call_id] * 2


# ---- anything at all

TEXT = st.text(max_size=20) | st.sampled_from(
    ["weather", "list_user_files", "raises", RUN, "", "x" * 500, "\ud800", "\0"]
)
JSON_TEXT = st.sampled_from(
    ['{"city": "A"}', '{"city": 1}', "{", "[]", "7", "null", '"x"', "{}", '{"a": NaN}', "[" * 99]
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=2), max_leaves=3
)
ANY = TEXT | JSON_TEXT | PLAIN


def forms(name: Any, arguments: Any, call_id: Any, free: Any) -> dict[str, Callable[[], Any]]:
    """The same call in each form, as a dict or as the SDK builds it from whatever it got."""
    function = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    custom = {"id": call_id, "type": "custom", "custom": {"name": name, "input": free}}
    item = {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
    custom_item = {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": free}
    return {
        "chat": lambda: function,
        "chat SDK": lambda: ChatCompletionMessageFunctionToolCall.construct(**function),
        "chat custom": lambda: custom,
        "chat custom SDK": lambda: ChatCompletionMessageCustomToolCall.construct(**custom),
        "response": lambda: item,
        "response SDK": lambda: ResponseFunctionToolCall.construct(**item),
        "custom": lambda: custom_item,
        "custom SDK": lambda: ResponseCustomToolCall.construct(**custom_item),
        "empty": lambda: {"type": "function", "id": call_id},
    }


CALLS = st.lists(
    st.tuples(ANY, ANY, TEXT, ANY).flatmap(
        lambda call: st.sampled_from(sorted(forms(*call))).map(lambda form: (call[2], forms(*call)[form]()))
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS)
async def test_whatever_a_model_writes_is_answered(dispatcher: Dispatcher, calls: list[tuple[str, Any]]) -> None:
    """Ids out are ids in, in order; what comes is plain JSON that UTF-8 can carry; the SDK's types take it."""
    items = await dispatcher.run([call for _, call in calls], user_id=1)
    assert ids(items) == [call_id.encode("utf-8", "backslashreplace").decode() for call_id, _ in calls]
    json.dumps(items, allow_nan=False, ensure_ascii=False).encode()
    strict_types.check_chat_messages([item for item in items if "role" in item])
    strict_types.check_response_input([item for item in items if "type" in item])


# ---- who, and at once


async def test_the_user_is_whom_the_application_names(dispatcher: Dispatcher) -> None:
    """Code sees that user's files and nobody else's; a file that has expired is left out, and named where code wants it."""
    files = dispatcher.interpreter.files
    mine = (await files.upload("mine", b"1", "mine.txt")).file_id
    other = (await files.upload("other", b"2", "other.txt")).file_id
    gone = (await files.upload("mine", b"3", "gone.txt")).file_id
    await files.delete(gone, "mine")
    text = f"print(sorted(FILES) == [{mine!r}], load_file({mine!r}))\ntry:\n  load_file({other!r})\nexcept FileNotFoundError as e: print('no')"
    [item] = await dispatcher.run([chat(RUN, code(text))], user_id="mine", files=[mine, gone, other])
    assert text_of(item).splitlines()[1:] == ["Output:", "> True 1", "> no"]
    [item] = await dispatcher.run([chat("list_user_files")], user_id="other")
    assert "other.txt" in text_of(item) and "mine.txt" not in text_of(item) and "/" not in text_of(item)
    [item] = await dispatcher.run([chat("delete_user_file", json.dumps({"file_id": mine}))], user_id="other")
    assert text_of(item).startswith("Nothing was deleted")


@pytest.mark.parametrize(
    "options", [{"user_id": None}, {"user_id": True}, {"user_id": 1, "files": "x"}, {"user_id": 1, "files": [1]}]
)
async def test_an_applications_mistake_is_raised(dispatcher: Dispatcher, options: dict[str, Any]) -> None:
    """Before anything runs."""
    with pytest.raises(InvalidRequest):
        await dispatcher.run([chat(RUN, ARGUMENTS)], **options)


async def test_calls_run_at_once_within_the_limit(interpreter: Interpreter) -> None:
    """Two of five at a time, and each other's answers in order."""
    dispatcher, running, most, both = Dispatcher(interpreter, parallel=2), 0, 0, asyncio.Event()

    async def counted(arguments: dict[str, Any], *, user_id: int | str) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            both.set()
        await both.wait()
        await asyncio.sleep(0)
        running -= 1
        return str(arguments["n"])

    dispatcher.register({"name": "counted", "parameters": {"type": "object", "properties": {"n": {}}}}, counted)
    items = await dispatcher.run([chat("counted", json.dumps({"n": n}), str(n)) for n in range(5)], user_id=1)
    assert most == 2
    assert [text_of(item) for item in items] == [f"Result:\n> {n}" for n in range(5)]


async def test_cancelling_leaves_nothing_running(interpreter: Interpreter) -> None:
    """Neither the cell nor the tool; the caller gets CancelledError."""
    dispatcher, begun, ended = Dispatcher(interpreter), asyncio.Event(), asyncio.Event()

    async def waits(arguments: dict[str, Any], *, user_id: int | str) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    dispatcher.register({"name": "waits"}, waits)
    printed = asyncio.Event()
    calls = [chat(RUN, code("print(1, flush=True)\nimport time; time.sleep(60)"), "a"), chat("waits", "{}", "b")]
    tasks_before = asyncio.all_tasks()
    running = asyncio.create_task(
        dispatcher.run(calls, user_id=1, on_event=lambda event: printed.set() if isinstance(event, Stdout) else None)
    )
    await begun.wait()
    await printed.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    assert not [task for task in asyncio.all_tasks() - tasks_before if task.get_name().startswith("cellblock call")]
    assert not interpreter._admission._running


async def test_events_carry_the_call_they_are_of(dispatcher: Dispatcher) -> None:
    """Numbered through; one ToolFinished a call, with the text that the model reads."""
    told: list[Event] = []
    calls = [
        chat(RUN, code("print('a')"), "a"),
        chat(RUN, code("print('b'); 1/0"), "b"),
        chat("weather", '{"city": "C"}', "c"),
    ]
    items = await dispatcher.run(calls, user_id=1, on_event=told.append)
    assert [event.seq for event in told] == list(range(len(told)))
    assert {(event.call_id, event.text.strip()) for event in told if isinstance(event, Stdout)} >= {
        ("a", "a"),
        ("b", "b"),
    }
    finished = [event for event in told if isinstance(event, ToolFinished)]
    assert [(event.call_id, event.name, event.success) for event in finished] == [
        ("a", RUN, True),
        ("b", RUN, False),
        ("c", "weather", True),
    ]
    assert [event.text for event in finished] == [text_of(item) for item in items]


# ---- tools of one's own


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"name": "own", "description": "d", "parameters": CITY}, id="bare"),
        pytest.param(
            {"type": "function", "function": {"name": "own", "description": "d", "parameters": CITY}}, id="chat"
        ),
        pytest.param(
            {"type": "function", "name": "own", "description": "d", "parameters": CITY, "strict": True}, id="responses"
        ),
    ],
)
async def test_a_tool_is_registered_in_any_form(interpreter: Interpreter, schema: dict[str, Any]) -> None:
    """Both APIs' definitions come out of it, and the SDK's types take them."""
    dispatcher = Dispatcher(interpreter)
    dispatcher.register(schema, weather)
    assert dispatcher.chat_tools()[-1]["function"]["name"] == dispatcher.responses_tools()[-1]["name"] == "own"
    strict_types.check_chat_request({"model": "gpt-5", "messages": [], "tools": dispatcher.chat_tools()})
    strict_types.check_responses_request({"model": "gpt-5", "input": [], "tools": dispatcher.responses_tools()})
    [item] = await dispatcher.run([chat("own", '{"city": "A"}')], user_id=1)
    assert "sunny in A" in text_of(item)


async def test_a_custom_tool_of_ones_own(interpreter: Interpreter) -> None:
    """Its bare text is the argument `input`."""
    dispatcher = Dispatcher(interpreter)

    async def shout(arguments: dict[str, Any], *, user_id: int | str) -> str:
        return str(arguments["input"]).upper()

    dispatcher.register({"type": "custom", "name": "shout", "description": "d", "format": {"type": "text"}}, shout)
    strict_types.check_chat_request({"model": "gpt-5", "messages": [], "tools": dispatcher.chat_tools()})
    strict_types.check_responses_request({"model": "gpt-5", "input": [], "tools": dispatcher.responses_tools()})
    [item] = await dispatcher.run([CUSTOM_ITEM | {"name": "shout", "input": "{no json"}], user_id=1)
    assert text_of(item) == "Result:\n> {NO JSON"


@pytest.mark.parametrize(
    ("schema", "function", "told"),
    [
        pytest.param({"name": RUN}, weather, "cellblock's own", id="a name of ours"),
        pytest.param({"name": "weather"}, weather, "already", id="twice"),
        pytest.param({}, weather, "`name`", id="no name"),
        pytest.param({"name": "x" * 65}, weather, "64", id="a long name"),
        pytest.param({"name": "x"}, "weather", "async function", id="no function"),
        pytest.param({"name": "x", "parameters": {"type": "objekt"}}, weather, "JSON schema", id="no schema"),
        pytest.param({"name": "x", "parameters": {"type": "array"}}, weather, '"object"', id="no object"),
        pytest.param("x", weather, "dict", id="no dict"),
    ],
)
async def test_what_cannot_be_registered_is_refused(
    dispatcher: Dispatcher, schema: Any, function: Any, told: str
) -> None:
    """At once, with the remedy."""
    with pytest.raises(InvalidRequest, match=told):
        dispatcher.register(schema, function)


@pytest.mark.parametrize(
    "options", [{"max_image": 1}, {"parallel": 0}, {"result_tokens": 10}, {"image_tokens": True}, {"tool_seconds": 0}]
)
async def test_options_are_checked(interpreter: Interpreter, options: dict[str, Any]) -> None:
    """By name and by value."""
    with pytest.raises(InvalidRequest, match=next(iter(options))):
        Dispatcher(interpreter, **options)


async def test_the_sdks_own_runner_is_given_the_same_tools(dispatcher: Dispatcher) -> None:
    """Functions of one user, which answer what went wrong instead of raising; images come as parts."""
    functions = {each.tool["name"]: each for each in dispatcher.registered_functions(user_id=9)}
    assert {"weather", RUN, "list_user_files"} <= set(functions)
    assert await functions["weather"].execute({"city": "A"}) == "Result:\n> sunny in A for 9"
    assert "LookupError" in await functions["raises"].execute({})
    drawn = await functions[RUN].execute({"code": "import matplotlib.pyplot as plt; plt.plot([1, 2])"})
    assert [part["type"] for part in drawn] == ["input_text", "input_text", "input_image"]
