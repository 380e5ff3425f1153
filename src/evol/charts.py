"""Charts as SVG that can stand in a page under the strictest policy: no script, no style, no link, colours by variable.

Altair makes the specifications, vl-convert renders them without a browser or network. Every colour is a CSS variable of
`page/report.css`, so one drawing serves light and dark. Texts of a run (operations, endpoints, modes) are values of the
data, never part of an expression; the renderer escapes them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert

WIDTH = 390
"""Pixels of a chart, axis labels included; a phone shows it a little smaller."""

_RAMP = 7
"""Colours of generations in the style sheet: --g1 … --g7; seeds have --g0."""
_TAG = re.compile(r"<[^>]*>")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_OWN_ID = re.compile(r'(\bid="|url\(#)([a-z]+_?\d+)')

Rows = Sequence[dict[str, Any]]


def colour_generation(generation: int, generations: int) -> str:
    """The colour of a generation: grey for seeds, then along the ramp, the last one always at its end."""
    if not generation:
        return "var(--g0)"
    place = 1.0 if generations <= 1 else (generation - 1) / (generations - 1)
    return f"var(--g{1 + round(place * (_RAMP - 1))})"


def plot(rows: Rows) -> Any:
    """A chart of altair over these rows, still without a mark; they stand in the specification itself."""
    return alt.Chart(alt.Data(values=list(rows)))  # type: ignore[no-untyped-call]


def render(chart: alt.TopLevelMixin, name: str) -> str:
    """A chart as an `<svg>` element without a background.

    Args:
        chart: of altair.
        name: unique in the page; letters and hyphens.
    """
    axis = {
        "labelColor": "var(--soft)", "titleColor": "var(--soft)", "gridColor": "var(--line)",
        "domainColor": "var(--line)", "tickColor": "var(--line)", "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal", "labelLimit": 150,
    }  # fmt: skip
    legend = {
        "labelColor": "var(--soft)", "titleColor": "var(--soft)", "titleFontWeight": "normal", "orient": "top",
        "titleOrient": "left", "labelFontSize": 12, "titleFontSize": 12, "symbolType": "square", "offset": 6,
        "labelLimit": 150,
    }  # fmt: skip
    spec = chart.to_dict()
    spec["config"] = {
        "background": None, "font": "inherit", "view": {"stroke": None}, "axis": axis, "legend": legend,
        "text": {"color": "var(--ink)", "fontSize": 12}, "rule": {"color": "var(--soft)"},
        "title": {"color": "var(--soft)", "fontSize": 12, "fontWeight": "normal", "anchor": "start", "offset": 4},
    }  # fmt: skip
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=version)
    return _TAG.sub(lambda tag: _shorten(_OWN_ID.sub(rf"\1{name}-\2", tag[0])), svg)


def _shorten(tag: str) -> str:
    """A hundredth of a pixel is enough."""
    return _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), tag)


def fit(chart: Any, height: int) -> Any:
    """Give a single chart the common width and a height in pixels, labels included."""
    return chart.properties(width=WIDTH, height=height, autosize=alt.AutoSizeParams(type="fit", contains="padding"))


def leave_room(most: float, labels: Sequence[str], names: Sequence[str]) -> alt.Scale:
    """A scale whose longest bar leaves the width of its label free; `names` stand left of the bars."""
    plot = WIDTH - 7 * max(map(len, names)) - 20
    free = min(0.6 * plot, 7.6 * max(map(len, labels)) + 10)
    return alt.Scale(domain=[0, max(1, most) * plot / (plot - free)], nice=False)


def scale_generations(generations: Sequence[int], last: int) -> alt.Scale:
    """A colour for each of these generations of a run whose greatest is `last`."""
    return alt.Scale(domain=list(generations), range=[colour_generation(number, last) for number in generations])
