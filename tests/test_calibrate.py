"""Rules found from a server's counts: a real server that counts by rules which the calibration does not know."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from openai import AsyncOpenAI
from typer.testing import CliRunner

from plugin.cli import app
from token_counter import CalibrationFailed, CountingFailed, SettingsError, TokenCounter, models, probes
from token_counter.calibrate import _difference, calibrate
from token_counter.local_models import save
from token_counter.models import ModelRule
from token_counter.probes import Probe

CHATML, HARMONY = models.rule("gpt-4o"), models.rule("gpt-5")

# None of it is any known family's.
STRANGE = replace(
    CHATML,
    images="o1",
    family=replace(
        CHATML.family,
        priming=5,
        assistant_text=4,
        tools_responses=17,
        header_apart=True,
        responses_call=21,
        stored_call=7,
        compact_arguments=False,
        choice_named=3,
        lone_required=False,
        choice_none=2,
        schema=11,
    ),
)


@contextmanager
def serving(rule: ModelRule, refusing: str = "", more: int = 0) -> Iterator[str]:
    """A server that counts Responses requests by a rule, refuses those that hold a word, and adds to what it counts."""

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            assert (self.path, body.pop("model")) == ("/v1/responses/input_tokens", "new-model")
            if refusing and refusing in json.dumps(body):
                self._answer(400, {"error": {"message": "not here"}})
            else:
                tokens = _difference(rule, Probe("", body), {"": 0})
                assert tokens is not None
                self._answer(
                    200, {"object": "response.input_tokens", "input_tokens": tokens + more * len(body["input"])}
                )

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(api_key="none", base_url=url, max_retries=0)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory of the test's own."""
    monkeypatch.setenv("CELLBLOCK_HOME", str(tmp_path))
    models.forget()
    yield tmp_path
    models.forget()


def numbers(rule: ModelRule) -> dict[str, Any]:
    """What of a rule can be asked of Responses."""
    names = ("encoding", "priming", "assistant_text", "tools_responses", "header_apart", "responses_call", "stored_call",
             "compact_arguments", "choice_named", "choice_none", "lone_required", "schema")  # fmt: skip
    found = {name: getattr(rule.family, name) for name in names}
    if found["choice_named"] is None:
        del found["lone_required"]  # of no consequence then
    return found


@pytest.mark.parametrize(
    "rule", [STRANGE, CHATML, HARMONY, models.rule("gpt-4-turbo")], ids=["strange", "gpt-4o", "gpt-5", "gpt-4"]
)
async def test_the_rules_of_the_server_are_found(rule: ModelRule) -> None:
    """Every number, the vocabulary and the image rule, whatever they are; all probes are then counted as the server does."""
    with serving(rule) as url:
        async with client(url) as openai:
            found = await calibrate(openai, "new-model", 12_345)
    assert numbers(found.rule) == numbers(rule)
    assert found.rule.images == rule.images
    assert found.rule.context == 12_345
    assert (found.exact, dict(found.off), found.refused) == (len(probes.ALL), {}, ())


async def test_what_the_server_refuses_is_taken_from_the_nearest_family() -> None:
    """A model without images, tools or schemas still gets its row, which says what is not proven."""
    with serving(HARMONY, refusing="tools") as url:
        async with client(url) as openai:
            found = await calibrate(openai, "new-model")
    assert {"a tool", "a call"} <= set(found.refused)
    assert found.rule.unproven("tools")
    assert not found.rule.unproven("schema")
    assert found.rule.family.tools_responses == models.rule(models.NEWEST).family.tools_responses
    with serving(CHATML, refusing="input_image") as url:
        async with client(url) as openai:
            assert (await calibrate(openai, "new-model")).rule.images is None


async def test_counts_that_no_rule_explains_are_listed() -> None:
    """A server that adds a token for each item: what differs is named, not hidden."""
    with serving(CHATML, more=1) as url:
        async with client(url) as openai:
            found = await calibrate(openai, "new-model")
    assert found.off
    assert found.exact + len(found.off) == found.asked


async def test_a_tokenizer_that_is_not_known_writes_nothing() -> None:
    """Counts that differ as those of no vocabulary do."""

    class Doubled:
        def __init__(self) -> None:
            self.responses = self.input_tokens = self

        async def count(self, *, model: str, input: Any, **rest: Any) -> Any:
            return type("Counted", (), {"input_tokens": 2 * len(str(input))})()

    with pytest.raises(CalibrationFailed, match="tokenizer"):
        await calibrate(Doubled(), "new-model")  # type: ignore[arg-type]


async def test_a_server_that_does_not_count_ends_it_at_once() -> None:
    """The first refusal is about the model or the key, not about the probe."""
    with serving(CHATML, refusing="Hello") as url:
        async with client(url) as openai:
            with pytest.raises(CountingFailed, match="not here"):
                await calibrate(openai, "new-model")


async def test_a_row_that_was_written_counts_from_then_on(own_home: Path) -> None:
    """Beside the shipped rows, in place of an older one of the same model."""
    assert not models.rule("new-model").known
    for number in (4, 9):
        family = replace(STRANGE.family, name="calibrated new-model", priming=number)
        save(replace(STRANGE, row="new-model", model="new-model", family=family))
    save(replace(HARMONY, row="other-model", family=replace(HARMONY.family, name="calibrated other-model")))
    rule = models.rule("openai/new-model-2027-01-01")
    assert (rule.known, rule.family.priming, rule.images) == (True, 9, "o1")
    assert models.rule("gpt-4o") == CHATML
    async with TokenCounter(fetch_links=False) as counter:
        assert (await counter.count_responses("Hello", model="new-model")).total == 9 + 4 + 1
    assert [path.name for path in own_home.iterdir()] == ["models.toml"]


@pytest.mark.parametrize("content", ["[[model]]\nname = 7", "no toml", "[[family]]\nname = 'x'\nmore = 1"])
def test_a_local_table_that_cannot_be_read_is_named(content: str, own_home: Path) -> None:
    """With what to do."""
    (own_home / "models.toml").write_text(content)
    with pytest.raises(SettingsError, match=r"models\.toml"):
        models.rule("gpt-4o")


def test_the_command_writes_the_row_and_says_what_it_met(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run finds the same and writes nothing."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with serving(STRANGE) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        dry = CliRunner().invoke(app, ["calibrate", "new-model", "--dry-run"])
        assert not (own_home / "models.toml").exists()
        written = CliRunner().invoke(app, ["calibrate", "new-model", "--context", "1000"])
    assert dry.exit_code == written.exit_code == 0, dry.output + written.output
    assert f"{len(probes.ALL)} of {len(probes.ALL)}" in dry.output
    assert "models.toml" in written.output
    assert models.rule("new-model").context == 1000


def test_the_command_without_a_key_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and status 1."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    shown = CliRunner().invoke(app, ["calibrate", "new-model"])
    assert shown.exit_code == 1
    assert "OPENAI_API_KEY" in shown.output
