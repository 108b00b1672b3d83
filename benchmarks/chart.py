"""A DataFrame described and one PNG chart, each time in a fresh sandbox, as a whole call: the picture comes back and is kept.

Beside it: the same in a sandbox whose zygote imported but did not rehearse, and a cold bubblewrapped Python.
"""

import time

from plugin import Interpreter
from plugin.packages.venv import Environment

from . import bubblewrap, quiet
from .figures import Findings
from .home import HOME
from .host import Level
from .zygote_programs import in_place_of_the_zygote

CODE = """
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt

rng = np.random.default_rng(1)
frame = pd.DataFrame({"day": np.arange(100), "sales": rng.normal(100, 15, 100)})
print(frame.describe())
frame.plot(x="day", y="sales", title="Sales by day")
plt.savefig("chart.png")
"""
ROUNDS, CALLS_A_ROUND = 7, 4  # a round has one bubblewrapped run


async def measure(environment: Environment, level: Level) -> Findings:
    """See the module's docstring."""
    found = Findings()
    rehearsed, unrehearsed, wrapped = [], [], []
    async with Interpreter(home=HOME) as usual, Interpreter(home=HOME) as imports_only:
        await usual.warm()
        with in_place_of_the_zygote("zygote_without_rehearsal.py"):
            await imports_only.warm()
        await one_chart(usual)
        await one_chart(imports_only)
        await bubblewrap.run(environment, CODE)
        for _ in range(ROUNDS):
            for _ in range(CALLS_A_ROUND):
                rehearsed.append(await one_chart(usual))
                unrehearsed.append(await one_chart(imports_only))
            wrapped.append(await bubblewrap.run(environment, CODE))
    ours = found.add_ms("describe and a PNG, fresh sandbox", rehearsed)
    without = found.add_ms("the same, no rehearsal in the zygote", unrehearsed)
    cold = found.add_ms("the same, Python in bubblewrap, cold", wrapped)
    found.measured |= {
        "chart": ours.median,
        "chart.bubblewrap": cold.median / ours.median,
        "chart.rehearsal": ours.median / without.median,
    }
    return found


async def one_chart(interpreter: Interpreter) -> float:
    """Seconds of one call; the kept file is deleted, and the pool settles, off the clock."""
    started = time.perf_counter()
    result = await interpreter.run(CODE, user_id="bench")
    seconds = time.perf_counter() - started
    if not result.success or [file.filename for file in result.generated_files] != ["chart.png"]:
        raise RuntimeError(f"the chart failed: {result}")
    await interpreter.files.delete_all("bench")
    await quiet.settled(await quiet.pool_of(interpreter))
    return seconds
