"""What counting costs, against bare tiktoken on the same texts and against litellm.token_counter, in the same run.

litellm needs an openai older than 3, so it has an environment of its own in build/, made when it is first needed.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import tiktoken

from plugin.packages.venv import Environment
from token_counter import TokenCounter, vocabulary

from .figures import Findings
from .home import BUILD
from .host import Level

MODEL = "gpt-4o"
ROUNDS = 15
TURNS = 200
LITELLM = BUILD / "bench-litellm"

SENTENCE = "The quick brown fox jumps over the lazy dog; in 1999 it was already {n} years old, or so its owner said.\n"
ANSWER = "It depends on what you mean: turn {n} of this chat is about foxes, dogs, and their owners. " * 6
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city."},
                "unit": {"type": "string", "enum": ["C", "F"]},
            },
            "required": ["city"],
        },
    },
}

# Reads {"messages", "tools", "rounds"}; prints seconds a round, or why there are none.
LITELLM_PROGRAM = """
import json, sys, time
given = json.load(sys.stdin)
from litellm import token_counter
count = lambda: token_counter(model="gpt-4o", messages=given["messages"], tools=given["tools"])
tokens = count()
seconds = []
for _ in range(given["rounds"]):
    started = time.perf_counter()
    count()
    seconds.append(time.perf_counter() - started)
json.dump({"tokens": tokens, "seconds": seconds}, sys.stdout)
"""


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring; neither the environment nor the level matters here."""
    found = Findings()
    vocabulary.encoding("o200k_base")
    codec = tiktoken.get_encoding("o200k_base")
    long_text = "".join(SENTENCE.format(n=n) for n in range(5000))
    message = [{"role": "user", "content": long_text}]
    ours, bare = await _paired(lambda: _afresh(message), lambda: len(codec.encode_ordinary(long_text)))
    kilobytes = len(long_text) // 1000
    found.add_ms(f"a message of {kilobytes} kB, counted", ours)
    found.add_ms("  bare tiktoken on its text", bare)
    found.measured["counting.long"] = _median_ratio(ours, bare)

    chat = _chat(TURNS)
    counter = TokenCounter(fetch_links=False)
    await counter.count_chat(chat[:-2], [TOOL], model=MODEL)
    turn, afresh = [], []
    for number in range(ROUNDS):
        last = [*chat[:-2], *_turn(TURNS + number)]
        turn.append(await _seconds(counter.count_chat, last))
        afresh.append(await _seconds(TokenCounter(fetch_links=False).count_chat, last))
    found.add_ms(f"turn {TURNS} of a chat, counted", turn)
    found.add_ms("  the whole chat counted afresh", afresh)
    found.measured["counting.turn"] = _median_ratio(turn, afresh)

    short = _chat(5)
    texts = [json.dumps(TOOL), *(str(each["content"]) for each in short)]
    ours, bare = await _paired(
        lambda: _afresh(short, [TOOL]), lambda: sum(len(codec.encode_ordinary(t)) for t in texts)
    )
    found.add_ms("10 messages and a tool, counted", ours)
    found.add_ms("  bare tiktoken on the texts and the tool's JSON", bare)
    for name, messages in (("10 messages and a tool", short), (f"the message of {kilobytes} kB", message)):
        peer = await asyncio.to_thread(_litellm, messages)
        if isinstance(peer, str):
            print(f"litellm was not measured: {peer}")
            break
        found.add_ms(f"  litellm.token_counter: {name}", peer)
    return found


def _turn(number: int) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": SENTENCE.format(n=number)},
        {"role": "assistant", "content": ANSWER.format(n=number)},
    ]


def _chat(turns: int) -> list[dict[str, Any]]:
    return [message for number in range(turns) for message in _turn(number)]


async def _afresh(messages: list[dict[str, Any]], tools: list[Any] | None = None) -> int:
    return (await TokenCounter(fetch_links=False).count_chat(messages, tools, model=MODEL)).total


async def _paired(ours: Callable[[], Any], bare: Callable[[], int]) -> tuple[list[float], list[float]]:
    """Each in turn, so that both meet the same machine."""
    first, second = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await ours()
        first.append(time.perf_counter() - started)
        started = time.perf_counter()
        bare()
        second.append(time.perf_counter() - started)
    return first, second


async def _seconds(count: Callable[..., Any], messages: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    await count(messages, [TOOL], model=MODEL)
    return time.perf_counter() - started


def _median_ratio(ours: list[float], theirs: list[float]) -> float:
    ratios = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
    return ratios[len(ratios) // 2]


def _litellm(messages: list[dict[str, Any]]) -> list[float] | str:
    """Seconds of each round in a process of its own; why not, where it cannot be installed or run."""
    python = LITELLM / "bin" / "python"
    try:
        if not python.exists():
            uv = [sys.executable, "-m", "uv"]
            subprocess.run(
                [*uv, "venv", "-q", "--python", sys.executable, str(LITELLM)], check=True, capture_output=True
            )
            packages = [*uv, "pip", "install", "-q", "--python", str(python), "litellm>=1.106"]
            subprocess.run(packages, check=True, capture_output=True)
        vocabularies = os.environ.get("TIKTOKEN_CACHE_DIR") or str(vocabulary.kept_in())
        answer = subprocess.run(
            [str(python), "-c", LITELLM_PROGRAM],
            input=json.dumps({"messages": messages, "tools": [TOOL], "rounds": ROUNDS}),
            env={
                "PATH": os.environ["PATH"],
                "CUSTOM_TIKTOKEN_CACHE_DIR": vocabularies,
                "TIKTOKEN_CACHE_DIR": vocabularies,
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            },
            check=True,
            capture_output=True,
            text=True,
        )
        return list(json.loads(answer.stdout.splitlines()[-1])["seconds"])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        return f"{error}: {getattr(error, 'stderr', '') or ''}"[-500:]
