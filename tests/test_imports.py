"""What importing costs and reaches: nothing heavy, nothing from the wrong side."""

import subprocess
import sys
from pathlib import Path

import pytest

import plugin

INSIDE = Path(plugin.__file__).parent / "sandbox" / "inside"
HEAVY = [
    "openai",
    "motor",
    "pymongo",
    "genai_prices",
    "jsonschema",
    "pandas",
    "numpy",
    "pydantic",
    "typer",
    "rich",
    "sqlite3",
]


@pytest.mark.parametrize("package", ["plugin", "schemas", "token_counter"])
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    """Heavy libraries come at first use."""
    program = f"import sys, {package}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_using_the_interpreter_never_imports_pandas_here() -> None:
    """The host parses no user's data: pandas is the sandbox's."""
    program = "import sys; from plugin import Interpreter, execute_code, run_tool; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_every_public_name_is_there() -> None:
    """What is in __all__ can be imported, and what can be imported lazily is in __all__."""
    assert sorted(plugin._HOMES) == sorted(plugin.__all__) == sorted(dir(plugin))
    assert all(getattr(plugin, name).__name__ == name for name in plugin.__all__)
    with pytest.raises(AttributeError, match="nothing_like_this"):
        _ = plugin.nothing_like_this


@pytest.mark.parametrize("module", sorted(path.stem for path in INSIDE.glob("*.py") if path.stem != "__init__"))
def test_inside_needs_the_standard_library_only(module: str) -> None:
    """The sandbox's Python has no `plugin`: each file imports alone, without site-packages."""
    program = f"import sys; sys.path.insert(0, {str(INSIDE.parent)!r}); import inside.{module}"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True)


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_elsewhere_than_linux_everything_imports_and_the_interpreter_says_what_to_do(system: str) -> None:
    """schemas and token_counter work anywhere; the interpreter names WSL2 and containers."""
    program = f"""
import asyncio, filelock, os, platformdirs, pydantic_settings, signal, socket, subprocess, sys, sysconfig, uv
sys.platform = {system!r}
sys.modules["resource"] = sys.modules["fcntl"] = None
for module, names in ((os, "pidfd_open memfd_create O_DIRECTORY O_NOFOLLOW O_CLOEXEC O_NONBLOCK geteuid setns"),
                      (signal, "SIGKILL pidfd_send_signal"), (socket, "AF_UNIX SOCK_SEQPACKET send_fds recv_fds")):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
import plugin, schemas, token_counter
schemas.chat_tools()
try:
    plugin.Interpreter()
except plugin.CellblockError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "WSL2" in done.stdout and "container" in done.stdout
