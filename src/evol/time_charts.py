"""Charts over the active time of a run: speed and cost. Drawn as in `charts.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from evol.charts import WIDTH, Rows, plot, render

PANEL = 74
"""Pixels of one panel's height."""
_LABELS = 62
_PLAIN_ZERO = "datum.value ? datum.label : '0'"
_COLOURS = ["var(--accent)", "var(--g1)", "var(--good)", "var(--g6)", "var(--bad)"]


def draw_speed(rates: Rows, latencies: Rows, slots: Rows, unit: str) -> str:
    """Calls per second, their latency, and how many were allowed in flight.

    Args:
        rates: `time`, `kind` ("calls" or "failures"), `rate` per second.
        latencies: `time`, `p50`, `p95` in seconds.
        slots: `time`, `endpoint`, `slots`; empty where nothing changed.
        unit: of all times.
    """
    last = not slots
    panels: list[Any] = [
        plot(rates)
        .mark_line(interpolate="step-after", strokeWidth=1.5, aria=False)
        .encode(
            x=_time(unit, labelled=False),
            y=_value("rate", "requests/s"),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=["calls", "failures"], range=["var(--accent)", "var(--bad)"]),
            ),
        )
    ]
    wait = plot(latencies)
    panels.append(
        wait.mark_area(color="var(--accent)", opacity=0.2, aria=False).encode(
            x=_time(unit, labelled=last), y=_value("p50", "latency, s"), y2="p95:Q"
        )
        + wait.mark_line(color="var(--accent)", strokeWidth=1.5, aria=False).encode(
            x=_time(unit, labelled=last), y=_value("p50", "latency, s")
        )
    )
    if slots:
        endpoints = list(dict.fromkeys(row["endpoint"] for row in slots))
        legend = alt.Legend(title=None) if len(endpoints) > 1 else None
        panels.append(
            plot(slots)
            .mark_line(interpolate="step-after", strokeWidth=1.5, aria=False)
            .encode(
                x=_time(unit, labelled=True),
                y=_value("slots", "in flight", whole=True),
                detail="endpoint:N",
                color=alt.Color("endpoint:N", legend=legend, scale=_palette(endpoints)),
            )
        )
    return _stack(panels, "speed")


def draw_cost(tokens: Rows, costs: Rows, unit: str) -> str:
    """Tokens so far by role, and money so far.

    Args:
        tokens: `time`, `role`, `tokens` in and out.
        costs: `time`, `cost` in USD; empty where it is unknown or nothing.
        unit: of all times.
    """
    roles = list(dict.fromkeys(row["role"] for row in tokens))
    panels: list[Any] = [
        plot(tokens)
        .mark_area(opacity=0.8, aria=False)
        .encode(
            x=_time(unit, labelled=not costs),
            y=alt.Y("tokens:Q", title="tokens so far", axis=_axis(format="~s", labelExpr=_PLAIN_ZERO), stack="zero"),
            color=alt.Color("role:N", title=None, scale=_palette(roles)),
        )
    ]
    if costs:
        panels.append(
            plot(costs)
            .mark_line(color="var(--accent)", strokeWidth=1.5, aria=False)
            .encode(
                x=_time(unit, labelled=True),
                y=_value("cost", "USD so far"),
            )
        )
    return _stack(panels, "cost")


def _stack(panels: list[Any], name: str) -> str:
    height = PANEL if len(panels) > 1 else 2 * PANEL
    sized = [panel.properties(width=WIDTH - _LABELS, height=height) for panel in panels]
    return render(alt.vconcat(*sized, spacing=12).resolve_scale(x="shared", color="independent"), name)


def _axis(**more: Any) -> Any:
    # of one width, so that the panels stand exactly below each other
    room = _LABELS - 26
    return alt.Axis(**{"tickCount": 4, "minExtent": room, "maxExtent": room, "domain": False, "ticks": False, **more})


def _value(field: str, title: str, *, whole: bool = False) -> Any:
    axis = _axis(format=",.3~r", **({"tickMinStep": 1} if whole else {}))
    return alt.Y(f"{field}:Q", title=title, axis=axis, scale=alt.Scale(zero=True))


def _time(unit: str, *, labelled: bool) -> Any:
    axis = alt.Axis(labels=labelled, ticks=False, grid=False, tickCount=6)
    title = f"{unit} of active time" if labelled else None
    return alt.X("time:Q", title=title, axis=axis, scale=alt.Scale(nice=False))


def _palette(names: Sequence[str]) -> Any:
    return alt.Scale(domain=list(names), range=[_COLOURS[index % len(_COLOURS)] for index in range(len(names))])
