"""`await` outside of a function, as notebooks let it: what runs, what it shows, and how it fails."""

import pytest

from plugin import Interpreter

SLEEPY = "import asyncio\nasync def f(x):\n    await asyncio.sleep(0.01)\n    return x\n"


@pytest.mark.parametrize(
    ("code", "output"),
    [
        pytest.param("print(await f(7))", "7\n", id="await"),
        pytest.param("await f('shown')", "'shown'\n", id="a last expression is shown"),
        pytest.param("await f('hidden');", "", id="a semicolon hides it"),
        pytest.param("x = await f(1)\ny = x + await f(2)\nprint(y)", "3\n", id="names stay"),
        pytest.param(
            "t = asyncio.create_task(f(3))\nprint('first')\nawait t", "first\n3\n", id="a task, made outside of await"
        ),
        pytest.param(
            "async def g():\n    yield 1\n    yield 2\nasync for i in g():\n    print(i)", "1\n2\n", id="async for"
        ),
        pytest.param("async with asyncio.timeout(5):\n    print(await f(4))", "4\n", id="async with"),
        pytest.param("[await f(i) for i in range(3)]", "[0, 1, 2]\n", id="a comprehension"),
        pytest.param("from __future__ import annotations\nawait f(5)", "5\n", id="from __future__"),
        pytest.param("x: int = await f(6)\nprint(x)\nexit()", "6\n", id="exit() at the end"),
        pytest.param(
            "async def forever():\n"
            "    try:\n        await asyncio.sleep(99)\n"
            "    except asyncio.CancelledError:\n        print('cancelled')\n        raise\n"
            "t = asyncio.create_task(forever())\nawait f(0);",
            "cancelled\n",
            id="what nobody waits for is cancelled at the end",
        ),
    ],
)
async def test_it_runs_as_in_a_notebook(interpreter: Interpreter, code: str, output: str) -> None:
    future, _, rest = code.partition("\n") if code.startswith("from __future__") else ("", "", code)
    result = await interpreter.run(f"{future}\n{SLEEPY}{rest}", user_id=1)
    assert (result.output, result.error, result.return_code) == (output, "", 0)


@pytest.mark.parametrize(
    ("code", "return_code", "error"),
    [
        pytest.param("await f(1/0)", 1, 'File "<cell>", line 5', id="an exception"),
        pytest.param("def g():\n    await f(1)", 1, "'await' outside async function", id="in a function it is none"),
        pytest.param("await f(1)\nreturn 2", 1, "'return' outside function", id="return"),
        pytest.param(
            "await f(1)\nasyncio.run(f(2))", 1, "cannot be called from a running event loop", id="a second loop"
        ),
        pytest.param("await f(1)\nimport sys; sys.exit(3)", 3, "SystemExit: 3", id="exit status"),
        pytest.param("await asyncio.sleep(99)", -1, "Execution timeout after 1 seconds", id="timeout while it waits"),
        pytest.param(
            "await f(1)\nwhile True: pass", -1, "Execution timeout after 1 seconds", id="timeout while it computes"
        ),
        pytest.param(
            "import os\n"
            "async def forge():\n"
            "    try:\n        await asyncio.sleep(99)\n    finally:\n        os._exit(0)\n"
            "t = asyncio.create_task(forge())\nawait f(0)\n1/0",
            1,
            "",
            id="a task that ends the process after the cell has failed",
        ),
    ],
)
async def test_it_fails_as_other_code_does(interpreter: Interpreter, code: str, return_code: int, error: str) -> None:
    result = await interpreter.run(SLEEPY + code, user_id=1, timeout=1)
    assert (result.success, result.return_code) == (False, return_code)
    assert error in result.error


async def test_a_cell_without_it_has_no_loop(interpreter: Interpreter) -> None:
    """asyncio.run works there, as in a script."""
    result = await interpreter.run(f"{SLEEPY}print(asyncio.run(f(8)))", user_id=1)
    assert result.output == "8\n"
