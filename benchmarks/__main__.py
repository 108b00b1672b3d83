"""`python -m benchmarks [--level LEVEL] [NAME...]`: run the named benchmarks, or all of them; show what was reached."""

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from plugin.packages.venv import Environment

from . import (
    calls,
    chart,
    counting,
    crowd,
    dispatch,
    drained,
    environment,
    forks,
    host,
    installs,
    levels,
    machine,
    memory,
    mongodb,
    report,
    streaming,
    throughput,
)
from .figures import Findings
from .home import BUILD

BENCHMARKS: dict[str, Callable[[Environment, host.Level], Coroutine[Any, Any, Findings]]] = {
    "forks": forks.measure,
    "calls": calls.measure,
    "drained": drained.measure,
    "throughput": throughput.measure,
    "chart": chart.measure,
    "memory": memory.measure,
    "crowd": crowd.measure,
    "installs": installs.measure,
    "dispatch": dispatch.measure,
    "levels": levels.measure,
    "counting": counting.measure,
    "streaming": streaming.measure,
    "mongodb": mongodb.measure,
}
AT_NAMESPACES_ONLY = {
    "levels",
    "counting",
    "streaming",
    "mongodb",
}  # one compares them all itself, the others run no sandbox


def main() -> None:
    """Every benchmark has an event loop of its own, and so a default interpreter of its own."""
    level, names = _asked()
    with host.giving(level):
        built = asyncio.run(environment.built(level))
        facts, started = {"level": level, **machine.facts()}, time.monotonic()
        print("\n".join(f"{name:<9} {fact}" for name, fact in facts.items()))
        findings = {}
        for name in names:
            findings[name] = asyncio.run(BENCHMARKS[name](built, level))
            report.print_figures(name, findings[name])
    report.print_goals({key: value for found in findings.values() for key, value in found.measured.items()})
    facts |= {"load afterwards": machine.load(), "seconds": f"{time.monotonic() - started:.0f}"}
    results = BUILD / f"benchmarks-{level}.json"
    report.write(results, facts, findings)
    print(f"\n{facts['seconds']} s; load afterwards {facts['load afterwards']}; all of it in {results}")


def _asked() -> tuple[host.Level, list[str]]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory, beside yardsticks.")
    parser.add_argument("--level", choices=host.LEVELS, default="namespaces", help="what the host is made to give")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all by default")
    asked = parser.parse_args()
    possible = [name for name in BENCHMARKS if asked.level == "namespaces" or name not in AT_NAMESPACES_ONLY]
    names = asked.names or possible
    if unknown := sorted(set(names) - set(possible)):
        parser.error(f"no benchmark {', '.join(unknown)} at level {asked.level}; there are {', '.join(possible)}")
    return asked.level, names


if __name__ == "__main__":
    main()
