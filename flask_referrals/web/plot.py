"""A small bar chart as SVG made on the server: no script, no style attribute, no foreign address; the page has the same
figures as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from markupsafe import Markup, escape

_WIDTH, _HEIGHT, _FOOT, _SIDE = 720, 220, 24, 34


@dataclass(frozen=True, slots=True)
class Bar:
    """One place on the axis: its label, and the values of the series, each within the one before."""

    label: str
    values: tuple[int, ...]


def bars(data: Sequence[Bar], series: Sequence[str], title: str) -> Markup:
    """The chart; the values of one bar stand beside each other, a series' shapes have the class `rfa-plot-N`."""
    most = _round_up(max((value for bar in data for value in bar.values), default=0))
    height = _HEIGHT - _FOOT - 10
    step = (_WIDTH - _SIDE) / max(1, len(data))
    wide = step * 0.8 / max(1, len(series))
    parts = []
    for share in (0, 0.5, 1):
        y = 10 + height * (1 - share)
        parts.append(f'<line class="rfa-plot-rule" x1="{_SIDE}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        if share * most == int(share * most):
            y_text, number = f"{y + 4:.1f}", int(share * most)
            parts.append(f'<text class="rfa-plot-text" x="{_SIDE - 6}" y="{y_text}" text-anchor="end">{number}</text>')
    every = max(1, -(-len(data) // 6))
    for place, bar in enumerate(data):
        x = _SIDE + place * step + step * 0.1
        for number, value in enumerate(bar.values):
            tall = height * value / most
            if value:
                hint = escape(f"{bar.label}: {value} {series[number]}")
                parts.append(
                    f'<rect class="rfa-plot-{number}" x="{x + number * wide:.1f}" y="{10 + height - tall:.1f}"'
                    f' width="{wide:.1f}" height="{tall:.1f}"><title>{hint}</title></rect>'
                )
        if place % every == 0:
            parts.append(
                f'<text class="rfa-plot-text" x="{_SIDE + (place + 0.5) * step:.1f}" y="{_HEIGHT - 6}"'
                f' text-anchor="middle">{escape(bar.label)}</text>'
            )
    return Markup(  # nosec: every text is escaped above
        f'<svg class="rfa-plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _round_up(most: int) -> int:
    """An even number that the axis can end at: 2, 10, 20, 100, 200, 1000 and so on."""
    end, factors = 2, cycle((5, 2))
    while end < most:
        end *= next(factors)
    return end
