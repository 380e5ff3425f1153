"""Charts of what the texts are like: lengths, difficulty, and where they lie. Drawn as in `charts.py`."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from evol.charts import WIDTH, Rows, fit, plot, render, scale_generations


def draw_lengths(rows: Rows, medians: Rows, generations: Sequence[int], last: int, name: str) -> str:
    """Smoothed distributions of lengths, one hill for each generation, on a logarithmic axis.

    Args:
        rows: `generation`, `words`, `density` from 0 to 1.
        medians: `generation`, `words`; written at the right end.
        generations: the ones drawn, ascending.
        last: the greatest of the run.
        name: of the chart.
    """
    place = {generation: len(generations) - 1 - index for index, generation in enumerate(generations)}
    hills = [
        {"generation": row["generation"], "words": row["words"], "base": place[row["generation"]],
         "top": place[row["generation"]] + 1.25 * row["density"]}
        for row in rows
    ]  # fmt: skip
    ticks = [
        {"words": row["words"], "base": place[row["generation"]], "top": place[row["generation"]] + 0.42,
         "label": f"{row['words']:,}"}
        for row in medians
    ]  # fmt: skip
    names = [{"base": place[generation], "label": str(generation)} for generation in generations]
    scale = scale_generations(generations, last)
    low, high = min(row["words"] for row in rows), max(row["words"] for row in rows)
    steps = (1, 2, 5) if high < 100 * low else (1, 3)
    values = [step * 10**power for power in range(7) for step in steps if low <= step * 10**power <= high]
    x = alt.X("words:Q", title="words", scale=alt.Scale(type="log", nice=False),
              axis=alt.Axis(values=values, ticks=False, format=",d", labelOverlap="greedy"))  # fmt: skip
    y = alt.Y("base:Q", axis=None, scale=alt.Scale(domain=[0, len(generations) + 0.35], nice=False))
    colour = alt.Color("generation:O", scale=scale, legend=None)
    layers = [
        # the first generation stands behind the others
        plot([row for row in hills if row["generation"] == generation])
        .mark_area(opacity=0.75, stroke="var(--paper)", strokeWidth=1, aria=False)
        .encode(x=x, y=y, y2="top:Q", color=colour)
        for generation in generations
    ]
    marks = plot(ticks)
    left = plot(names).mark_text(align="right", baseline="bottom", dx=-6, color="var(--soft)")
    chart = alt.layer(
        *layers,
        marks.mark_rule(color="var(--ink)", aria=False).encode(x=x, y=y, y2="top:Q"),
        marks.mark_text(align="left", baseline="bottom", dx=6).encode(x=alt.value(WIDTH - 62), y=y, text="label:N"),
        left.encode(x=alt.value(0), y=y, text="label:N"),
    )
    height = 24 + 32 * len(generations)
    return render(chart.properties(width=WIDTH - 62, height=height), name)


def draw_difficulty(rows: Rows, means: Rows, paper: Rows, modes: Sequence[str]) -> str:
    """Scores by generation: how many rows have each, our mean, and the paper's; a panel for each mode of scoring.

    Args:
        rows: `mode`, `generation`, `score`, `share` of the generation.
        means: `mode`, `generation`, `mean`, `label`.
        paper: `generation`, `mean`, `label`.
        modes: in the order of the panels.
    """
    x = alt.X("generation:O", title="generation", axis=alt.Axis(labelAngle=0, ticks=False, grid=False))
    scale = alt.Scale(domain=[0.6, 11.4], nice=False)
    theirs = plot(paper)
    panels = []
    for mode in modes:
        is_first = mode == modes[0]
        axis = alt.Axis(values=list(range(1, 11)), labels=is_first, ticks=False, domain=False)
        mean = alt.Y("mean:Q", scale=scale, axis=axis, title="difficulty" if is_first else None)
        scored = [
            row | {"hint": f"generation {row['generation']}, difficulty {row['score']:g}: {row['share']:.0%}"}
            for row in rows
            if row["mode"] == mode
        ]
        ours = plot([row for row in means if row["mode"] == mode])
        size = alt.Size("share:Q", scale=alt.Scale(domain=[0, 1], range=[6, 1400 / len(modes)]), legend=None)
        panels.append(
            alt.layer(
                plot(scored)
                .mark_circle(color="var(--accent)", opacity=0.3)
                .encode(x=x, y=alt.Y("score:Q", scale=scale, axis=axis), size=size, description="hint:N"),
                theirs.mark_line(color="var(--soft)", strokeDash=[4, 3], aria=False).encode(x=x, y=mean),
                theirs.mark_point(color="var(--soft)", filled=True, size=30).encode(x=x, y=mean),
                ours.mark_line(color="var(--accent)", strokeWidth=2.5, aria=False).encode(x=x, y=mean),
                ours.mark_point(color="var(--accent)", filled=True, size=45, opacity=1).encode(x=x, y=mean),
                ours.mark_text(dy=8, fontWeight="bold", baseline="top").encode(x=x, y=alt.value(0), text="label:N"),
            ).properties(width=(WIDTH - 44 - 16 * (len(modes) - 1)) / len(modes), height=230, title=mode)
        )
    return render(alt.hconcat(*panels, spacing=16), "difficulty")


def draw_map(rows: Rows, clusters: Rows, generations: int) -> str:
    """Instructions in the plane, clusters by their numbers.

    Args:
        rows: `x`, `y`, `generation`; marks stand in the drawing in this order.
        clusters: `x`, `y`, `label`.
        generations: M.
    """
    used = sorted({row["generation"] for row in rows})
    hidden = alt.Axis(labels=False, ticks=False, domain=False, title=None, grid=False)
    radius = 18 if len(rows) > 1500 else 26 if len(rows) > 600 else 40
    x = alt.X("x:Q", axis=hidden, scale=alt.Scale(nice=False, padding=8))
    y = alt.Y("y:Q", axis=hidden, scale=alt.Scale(nice=False, padding=8))
    colour = alt.Color("generation:O", title="generation", scale=scale_generations(used, generations))
    points = plot(rows).mark_circle(size=radius, opacity=0.75, aria=False).encode(x=x, y=y, color=colour)
    names = plot(clusters).encode(x=x, y=y, text="label:N")
    # each number above its cluster, whose few points it would hide, and on a rim of paper, to be read over others
    rim = names.mark_text(dy=-9, fontWeight="bold", stroke="var(--paper)", strokeWidth=4, aria=False)
    return render(fit(alt.layer(points, rim, names.mark_text(dy=-9, fontWeight="bold", aria=False)), 380), "map")


def draw_breadth(rows: Rows) -> str:
    """Figures of breadth by generation, a panel each.

    Args:
        rows: `generation`, `figure`, `value`, `label`.
    """
    names = list(dict.fromkeys(row["figure"] for row in rows))
    x = alt.X("generation:O", title="generation", axis=alt.Axis(labelAngle=0, ticks=False, grid=False))
    panels = []
    for name in names:
        shown = [row for row in rows if row["figure"] == name]
        most = max(row["value"] for row in shown)
        y = alt.Y("value:Q", axis=None, scale=alt.Scale(domain=[0, 1.15 * most or 1], nice=False))
        bars = plot(shown)
        panels.append(
            alt.layer(
                bars.mark_bar(color="var(--accent)", opacity=0.75, aria=False).encode(x=x, y=y),
                bars.mark_text(dy=-4, baseline="bottom").encode(x=x, y=y, text="label:N"),
            ).properties(width=(WIDTH - 20) / len(names) - 10, height=190, title=name)
        )
    return render(alt.hconcat(*panels, spacing=16), "breadth")
