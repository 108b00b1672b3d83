"""A call that imports a small package which is not installed, from an index on this machine; its parts; what a second
process pays.

The packages are tiny wheels under names of the catalogue; the environment is the real one, so that copying it, starting a
zygote over it and filling the pool cost what they cost.
"""

import contextlib
import functools
import inspect
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from plugin import Interpreter
from plugin.packages import building
from plugin.packages.building import Build
from plugin.packages.uv import Uv
from plugin.packages.venv import Environment, Environments
from plugin.sandbox.pool import Pool
from tests.tiny_wheels import Index

from .figures import Findings
from .home import BUILD  # on one file system with the environment: what is copied is linked
from .host import Level

NAMES = ["toml", "emoji", "unidecode", "simpy", "squarify", "humanize", "uncertainties", "xmltodict"]
PARTS: list[tuple[str, Any, str]] = [
    ("resolve", Uv, "resolve"),
    ("copy the environment", building, "_copy"),
    ("download and install", Uv, "install"),
    ("compile", Build, "_compile"),
    ("put in place", Environments, "_put_in_place"),
    ("the install, all parts", Environments, "extended"),
    ("a zygote over the new environment", Pool, "renew"),
]


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    calls: list[float] = []
    seconds: dict[str, list[float]] = {name: [] for name, _, _ in PARTS}
    again: list[float] = []
    with tempfile.TemporaryDirectory(prefix="installs-", dir=BUILD) as scratch:
        home, index = Path(scratch, "home"), Index(Path(scratch, "index"))
        _prepare(home, index, environment)
        with contextlib.ExitStack() as stack:
            for name, owner, attribute in PARTS:
                stack.enter_context(_timed(owner, attribute, seconds[name]))
            async with _warm(home, index) as first, _warm(home, index) as second:
                for name in NAMES:
                    calls.append(await _one_call(first, name))
                    again.append(await _one_call(second, name))
    call = found.add_ms("a call that imports a package which is not installed", calls)
    for name in seconds:
        found.add_ms(f"  {name}", seconds[name])
    found.add_ms("the next call of another process for it", again)
    found.measured |= {"install.call": call.median}
    return found


def _prepare(home: Path, index: Index, environment: Environment) -> None:
    for name in NAMES:
        index.add(name)
    home.mkdir(mode=0o700)
    (home / "venv").symlink_to(environment.path)


@contextlib.asynccontextmanager
async def _warm(home: Path, index: Index) -> AsyncIterator[Interpreter]:
    async with Interpreter(home=home, index_url=index.url) as interpreter:
        await interpreter.warm()
        yield interpreter


async def _one_call(interpreter: Interpreter, name: str) -> float:
    started = time.perf_counter()
    result = await interpreter.run(f"import {name}; print({name}.version)", user_id="bench")
    seconds = time.perf_counter() - started
    if result.output != "1.0\n":
        raise RuntimeError(f"the call failed: {result}")
    return seconds


@contextlib.contextmanager
def _timed(owner: Any, attribute: str, seconds: list[float]) -> Any:
    """Every call of a function takes its time, and tells it."""
    usual: Callable[..., Any] = getattr(owner, attribute)

    @functools.wraps(usual)
    async def waited(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return await usual(*arguments, **options)
        finally:
            seconds.append(time.perf_counter() - started)

    @functools.wraps(usual)
    def called(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return usual(*arguments, **options)
        finally:
            seconds.append(time.perf_counter() - started)

    setattr(owner, attribute, waited if inspect.iscoroutinefunction(usual) else called)
    try:
        yield
    finally:
        setattr(owner, attribute, usual)
