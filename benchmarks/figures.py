"""What a benchmark hands back: samples as figures, and for each goal the one value that is held against it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One thing that was measured `len(samples)` times, each in `unit`."""

    what: str
    unit: str
    samples: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


@dataclass
class Findings:
    """What one benchmark found: `measured` has a value for each of its goals, by the goal's key in goals.py."""

    figures: list[Figure] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)

    def add(self, what: str, unit: str, samples: Sequence[float]) -> Figure:
        figure = Figure(what, unit, samples)
        self.figures.append(figure)
        return figure

    def add_ms(self, what: str, seconds: Sequence[float]) -> Figure:
        return self.add(what, "ms", [value * 1000 for value in seconds])
