"""Costs as one page with charts that opens offline: no script, nothing fetched, every name escaped."""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from .report import KINDS
from .report_overview import TITLES, Overview, by_day, dollars, printable, share, shown_rows, written

if TYPE_CHECKING:
    import pandas

TABLE_ROWS = 500  # of a page; files have them all
CHART_DAYS = 366
SERIES = 6  # models with a colour of their own; the others share the last

_COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#a463f2", "#9c6b4e")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 960, 260, 70, 24  # of a chart, in its own units

# Scripts, images, frames and connections are forbidden: were a name to slip through, it could do nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .5rem; text-align: right; border-bottom: 1px solid var(--line) }
th.name, td.name { text-align: left; overflow-wrap: anywhere }
.wide { overflow-x: auto } svg { width: 100%; height: auto } svg text { fill: currentColor; font-size: 12px }
.cards { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem } .cards b { display: block; font-size: 1.5rem }
.key { margin-right: 1rem; white-space: nowrap } .key i { display: inline-block; width: .8em; height: .8em; margin-right: .3em }
"""
_SHOWN = (
    "requests",
    "unpriced",
    "input_tokens",
    "cached_share",
    "output_tokens",
    "reasoning_share",
    "tool_calls",
    "latency",
    "cost",
)


def page(overview: Overview) -> bytes:
    """The whole page, UTF-8."""
    sections = [_cards(overview)]
    if len(overview.days):
        sections.append(f"<h2>By day</h2>{_days_chart(overview)}")
        sections.append(f"<h2>By model</h2>{_bars_chart(overview.models)}")
    rows = shown_rows(overview, TABLE_ROWS)
    sections.append(f"<h2>By {escape(', '.join(overview.by)) or 'all'}</h2>{_table(rows, overview.by, _SHOWN)}")
    if hidden := len(overview.rows) - len(rows):
        sections.append(f"<p>{hidden:,} more rows are not shown; a csv file has them.</p>")
    if len(overview.drift):
        sections.append(
            f"<h2>Estimates against bills</h2>{_table(overview.drift, ('family',), list(overview.drift.columns)[1:])}"
        )
    title = escape(overview.title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{''.join(sections)}</body></html>\n"
    ).encode()


def _cards(overview: Overview) -> str:
    total = overview.total
    facts = {
        "cost": written(total["cost"], "dollars"),
        "requests": f"{total['requests']:,}",
        "unpriced requests": f"{total['unpriced']:,}",
        "failed or cancelled": f"{total['failed'] + total['cancelled']:,}",
        "of the input cached": written(total["cached_share"], "share"),
        "of the output reasoning": written(total["reasoning_share"], "share"),
        "of the estimates exact": written(total["exact_share"], "share"),
        "for other than tokens": written(total["charge_cost"], "dollars"),
    }
    return (
        '<div class="cards">' + "".join(f"<div><b>{value}</b>{name}</div>" for name, value in facts.items()) + "</div>"
    )


def _days_chart(overview: Overview) -> str:
    """A stacked column a day."""
    days = by_day(overview).tail(CHART_DAYS)
    top, names = days.max() or 1.0, _series(overview.models)
    costs = {(day, model): cost for day, model, cost in overview.days[["day", "model", "cost"]].itertuples(index=False)}
    step = (_WIDTH - _LEFT) / len(days)
    shapes = [_axis(top)]
    for place, day in enumerate(days.index):
        x, y = _LEFT + place * step, float(_HEIGHT - _BOTTOM)
        parts = {name: costs.get((day, name), math.nan) for name in names}
        others = days[day] - sum(cost for cost in parts.values() if not math.isnan(cost))
        for number, (name, cost) in enumerate([*parts.items(), ("others", others)]):
            height = 0.0 if math.isnan(cost) else max(cost, 0) / top * (_HEIGHT - _BOTTOM - 10)
            if height < 0.01:
                continue
            y -= height
            tip = f"{day:%Y-%m-%d}, {_text(name)}: {dollars(cost)}"
            colour = _COLOURS[min(number, SERIES)]
            shapes.append(_rectangle(x + step * 0.1, y, step * 0.8, height, colour, tip))
    for place in {0, len(days) - 1}:
        anchor = "end" if place else "start"
        x = _LEFT + place * step + (step if place else 0)
        shapes.append(f'<text x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{days.index[place]:%Y-%m-%d}</text>')
    return _svg(_HEIGHT, shapes, "Cost of each day") + _key(names, overview.models["cost"].notna().sum() > SERIES)


def _bars_chart(models: "pandas.DataFrame") -> str:
    """A bar a model: the dearest, then what they are of all."""
    priced = models[models["cost"].notna()].head(12)
    whole = models["cost"].sum() or 1.0
    top, row, shapes = priced["cost"].max() if len(priced) else 1.0, 26, []
    for place, (name, cost) in enumerate(priced[["model", "cost"]].itertuples(index=False)):
        y, width = place * row, cost / (top or 1.0) * 480
        label = _text(name if len(name) <= 32 else f"{name[:31]}…")
        shapes.append(f'<text x="240" y="{y + 17}" text-anchor="end">{label}</text>')
        shapes.append(
            _rectangle(250, y + 4, width, row - 8, _COLOURS[min(place, SERIES)], f"{_text(name)}: {dollars(cost)}")
        )
        shapes.append(f'<text x="{258 + width:.1f}" y="{y + 17}">{dollars(cost)}, {share(cost / whole)}</text>')
    return _svg(max(len(priced), 1) * row, shapes, "Cost of each model")


def _table(frame: "pandas.DataFrame", names: Sequence[str], numbers: Sequence[str]) -> str:
    head = "".join(f'<th class="name">{escape(name)}</th>' for name in names)
    head += "".join(f"<th>{escape(TITLES.get(name, name))}</th>" for name in numbers)
    lines = "".join(_row(row, names, numbers) for row in frame.to_dict("records"))
    return f'<div class="wide"><table><tr>{head}</tr>{lines}</table></div>'


def _row(row: dict[Any, Any], names: Iterable[str], numbers: Iterable[str]) -> str:
    cells = "".join(f'<td class="name"><bdi>{escape(written(row[name], None))}</bdi></td>' for name in names)
    return f"<tr>{cells}{''.join(f'<td>{escape(written(row[name], KINDS[name]))}</td>' for name in numbers)}</tr>"


def _series(models: "pandas.DataFrame") -> list[str]:
    return list(models[models["cost"].notna()]["model"].head(SERIES))


def _key(names: Iterable[str], others: bool) -> str:
    entries = [*map(_text, names), *(["others"] if others else [])]
    return (
        "<p>"
        + "".join(
            f'<span class="key"><i style="background:{colour}"></i><bdi>{name}</bdi></span>'
            for name, colour in zip(entries, _COLOURS, strict=False)
        )
        + "</p>"
    )


def _axis(top: float) -> str:
    x, y = _LEFT - 8, _HEIGHT - _BOTTOM
    return (
        f'<text x="{x}" y="14" text-anchor="end">{dollars(top)}</text><text x="{x}" y="{y}" text-anchor="end">0</text>'
        f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH}" y2="{y}" stroke="currentColor" opacity=".3"/>'
    )


def _rectangle(x: float, y: float, width: float, height: float, colour: str, tip: str) -> str:
    size = f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
    return f'<rect {size} fill="{colour}"><title>{tip}</title></rect>'


def _svg(height: int, shapes: Iterable[str], label: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">{"".join(shapes)}</svg>'


def _text(name: str) -> str:
    return escape(printable(name))
