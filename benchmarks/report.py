"""Shows findings: a table of figures, a table of goals, and one JSON file with both."""

import json
from pathlib import Path
from typing import Any

from .figures import Figure, Findings
from .goals import GOALS


def print_figures(name: str, findings: Findings) -> None:
    """One benchmark's figures, when it has finished."""
    print(f"\n{name:<52}{'median':>10}{'min':>10}{'max':>10}{'n':>6}")
    for figure in findings.figures:
        low, high = min(figure.samples), max(figure.samples)
        values = "".join(f"{_digits(value):>10}" for value in (figure.median, low, high))
        print(f"  {figure.what:<50}{values}{len(figure.samples):>6}  {figure.unit}")


def print_goals(measured: dict[str, float]) -> None:
    """What was reached; `ratio` is measured / goal."""
    print(f"\n{'':<52}{'goal':<43}{'measured':>9}{'ratio':>7}  met")
    for key, value in measured.items():
        goal = GOALS[key]
        row = f"{goal.what:<52}{goal!s:<43}{_digits(value):>9}{value / goal.bound:>7.2f}"
        print(f"{row}  {'yes' if goal.met(value) else 'no'}")


def write(path: Path, machine: dict[str, str], findings: dict[str, Findings]) -> None:
    """Everything that was printed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {name: [_figure_row(figure) for figure in found.figures] for name, found in findings.items()}
    goals = [_goal_row(key, value) for found in findings.values() for key, value in found.measured.items()]
    path.write_text(json.dumps({"machine": machine, "figures": figures, "goals": goals}, indent=1) + "\n")


def _figure_row(figure: Figure) -> dict[str, Any]:
    return {
        "what": figure.what,
        "unit": figure.unit,
        "median": figure.median,
        "min": min(figure.samples),
        "max": max(figure.samples),
        "n": len(figure.samples),
    }


def _goal_row(key: str, value: float) -> dict[str, Any]:
    goal = GOALS[key]
    return {
        "key": key,
        "what": goal.what,
        "goal": str(goal),
        "measured": value,
        "ratio": value / goal.bound,
        "met": goal.met(value),
    }


def _digits(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
