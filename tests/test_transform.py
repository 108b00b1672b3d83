"""Scripts of the library's own on bytes that the host must not open: they run in a sandbox like any other."""

import pytest

from plugin import Interpreter
from plugin.sandbox.transform import Transformed

UPPER = "data = open('in.txt', 'rb').read()\nopen('out.txt', 'wb').write(data.upper())"


async def transformed(interpreter: Interpreter, script: str, seconds: float = 10) -> Transformed:
    return await interpreter.transform(
        script, {"in.txt": b"a" * 100_000}, user_id="transform", seconds=seconds, max_bytes=1_000_000
    )


async def test_what_the_script_writes_comes_back(interpreter: Interpreter) -> None:
    """Without what it was given, and nothing of it is kept as a file of the user's."""
    done = await transformed(interpreter, UPPER)
    assert (done.outcome.kind, done.files) == ("ok", {"out.txt": b"A" * 100_000})
    assert not await interpreter.files.list("transform")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        pytest.param("1 / 0", "exception", id="exception"),
        pytest.param("while True: pass", "timeout", id="endless"),
        pytest.param("x = b'1' * 10**9", "memory", id="memory"),
        pytest.param("import os; os.abort()", "killed", id="crash"),
    ],
)
async def test_a_script_that_something_stops_says_how_it_ended(
    interpreter: Interpreter, script: str, kind: str
) -> None:
    """As cells do: what it opened may have taken it over."""
    assert (await transformed(interpreter, script, seconds=1)).outcome.kind == kind


async def test_no_more_comes_back_than_was_asked_for(interpreter: Interpreter) -> None:
    """A larger file is dropped, a link is not followed."""
    script = "import os\nopen('large', 'wb').write(b'1' * 2_000_000)\nos.symlink('/etc/passwd', 'link')\n" + UPPER
    assert set((await transformed(interpreter, script)).files) == {"out.txt"}
