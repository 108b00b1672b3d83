"""Costs as text for a terminal: totals, a sparkline, a table, estimates against bills. `cellblock costs` prints it."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size

from .report import KINDS
from .report_overview import TITLES, Overview, by_day, dollars, shown_rows, written

if TYPE_CHECKING:
    import pandas

COLUMNS = ("requests", "input_tokens", "cached_share", "output_tokens", "reasoning_share", "latency", "cost")
NAME_CELLS = 40  # of a name in a table; a longer one is cut
SPARK_DAYS = 60
BAR_CELLS = 10

_SPARKS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def render(overview: Overview, limit: int = 20) -> str:
    """The whole text.

    Args:
        limit: of rows of the table; 0: all.
    """
    if not overview.total["requests"]:
        return f"{overview.title}\n\nNothing was recorded.\n"
    parts = [overview.title, _totals(overview), _table(overview, limit)]
    if len(overview.drift):
        parts.append("Estimates against bills\n" + _plain_table(overview.drift))
    return "\n\n".join(parts) + "\n"


def sparkline(values: Sequence[float]) -> str:
    """A character a value; the highest is full, 0 is a space, and what is more than 0 is seen."""
    top = max(values, default=0)
    if top <= 0:
        return " " * len(values)
    return "".join(" " if value <= 0 else _SPARKS[min(int(value / top * 8), 7)] for value in values)


def bar(part: float, cells: int = BAR_CELLS) -> str:
    """A horizontal bar, in eighths of a cell."""
    eighths = max(round(min(part, 1) * cells * 8), 0)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(cells)


def _totals(overview: Overview) -> str:
    total = overview.total
    asides = [f"{total[name]:,} {name}" for name in ("failed", "cancelled", "unpriced") if total[name]]
    requests = f"{total['requests']:,} requests" + (f" ({', '.join(asides)})" if asides else "")
    lines = [
        ("cost", f"{_cost(total)}, {requests}"),
        ("input", f"{total['input_tokens']:,} tokens, {written(total['cached_share'], 'share')} cached"),
        ("output", f"{total['output_tokens']:,} tokens, {written(total['reasoning_share'], 'share')} reasoning"),
    ]
    if total["charge_cost"]:
        lines.append(("fees", f"{dollars(total['charge_cost'])} of the cost is not for tokens"))
    if total["compared"]:
        exact, error = written(total["exact_share"], "share"), written(total["mean_error"], "share")
        lines.append(("estimates", f"{exact} exact, mean error {error}"))
    days = by_day(overview).tail(SPARK_DAYS)
    if len(days) > 1:
        first, last = (f"{day:%Y-%m-%d}" for day in (days.index[0], days.index[-1]))
        lines.append(("by day", f"{sparkline(list(days))}  {first} to {last}, at most {dollars(days.max())}"))
    return "\n".join(f"{name:10} {text}" for name, text in lines)


def _cost(total: Any) -> str:
    if math.isnan(total["cost"]):
        return "unpriced"
    return dollars(total["cost"]) + (" and what is unpriced" if total["unpriced"] else "")


def _table(overview: Overview, limit: int) -> str:
    shown = shown_rows(overview, limit)
    whole = overview.total["cost"]
    header = [*overview.by, *(TITLES.get(name, name) for name in COLUMNS), "share", ""]
    rows = []
    for row in shown.to_dict("records"):
        part = row["cost"] / whole if whole and not math.isnan(row["cost"]) else math.nan
        cost = written(row["cost"], "dollars") + ("*" if row["unpriced"] else " ")
        cells = [written(row[name], KINDS.get(name)) for name in (*overview.by, *COLUMNS[:-1])]
        rows.append([*cells, cost, written(part, "share"), "" if math.isnan(part) else bar(part)])
    text = _aligned(header, rows, len(overview.by))
    if shown["unpriced"].any():
        text += "\n* some of its requests have no price: set one in `prices`"
    hidden = len(overview.rows) - len(shown)
    return text + (f"\n{hidden:,} more rows: --limit 0 shows all" if hidden else "")


def _plain_table(frame: "pandas.DataFrame") -> str:
    rows = [[written(row[name], KINDS.get(name)) for name in frame.columns] for row in frame.to_dict("records")]
    return _aligned([TITLES.get(name, name) for name in frame.columns], rows, 1)


def _aligned(header: Sequence[str], rows: Iterable[Sequence[str]], names: int) -> str:
    """Names to the left, numbers to the right. Widths are those of terminal cells: a wide letter takes two."""
    lines = [[_cut(cell) for cell in line] for line in (header, *rows)]
    widths = [max(cell_len(line[place]) for line in lines) for place in range(len(header))]
    last = len(header) - 1

    def padded(cell: str, place: int) -> str:
        space = " " * (widths[place] - cell_len(cell))
        return cell + space if place < names or (place == last and not header[last]) else space + cell

    return "\n".join("  ".join(padded(cell, place) for place, cell in enumerate(line)).rstrip() for line in lines)


def _cut(cell: str) -> str:
    return cell if cell_len(cell) <= NAME_CELLS else set_cell_size(cell, NAME_CELLS - 1) + "…"
