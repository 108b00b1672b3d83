"""`python -m benchmarks [NAME...]`: run the named benchmarks, or all of them, and show what was reached."""

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from plugin.packages.venv import Environment

from . import calls, chart, drained, forks, home, machine, memory, report, throughput
from .figures import Findings

BENCHMARKS: dict[str, Callable[[Environment], Coroutine[Any, Any, Findings]]] = {
    "forks": forks.measure,
    "calls": calls.measure,
    "drained": drained.measure,
    "throughput": throughput.measure,
    "chart": chart.measure,
    "memory": memory.measure,
}
RESULTS = home.BUILD / "benchmarks.json"


def main() -> None:
    """Every benchmark has an event loop of its own, and so a default interpreter of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory, beside yardsticks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all by default")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    environment = asyncio.run(home.built())
    facts, started = machine.facts(), time.monotonic()
    print("\n".join(f"{name:<9} {fact}" for name, fact in facts.items()))
    findings = {}
    for name in names:
        findings[name] = asyncio.run(BENCHMARKS[name](environment))
        report.print_figures(name, findings[name])
    report.print_goals({key: value for found in findings.values() for key, value in found.measured.items()})
    facts |= {"load afterwards": machine.load(), "seconds": f"{time.monotonic() - started:.0f}"}
    report.write(RESULTS, facts, findings)
    print(f"\n{facts['seconds']} s; load afterwards {facts['load afterwards']}; all of it in {RESULTS}")


if __name__ == "__main__":
    main()
