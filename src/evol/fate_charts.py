"""Charts of what became of evolutions: stages, reasons, operations. Drawn as in `charts.py`."""

from __future__ import annotations

import altair as alt

from evol.charts import Rows, fit, leave_room, plot, render, scale_generations


def draw_funnel(rows: Rows, generations: int) -> str:
    """Evolutions that reach each stage.

    Args:
        rows: `stage`, `generation`, `count`; stages in their order.
        generations: M.
    """
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    totals = {stage: sum(row["count"] for row in rows if row["stage"] == stage) for stage in stages}
    due = max(1, totals[stages[0]])
    labels = [
        {"stage": stage, "total": total, "label": f"{total:,}  {total / due:.0%}"} for stage, total in totals.items()
    ]
    y = alt.Y("stage:N", sort=stages, title=None, axis=alt.Axis(ticks=False, domain=False))
    x_scale = leave_room(due, [row["label"] for row in labels], stages)
    hinted = [row | {"hint": f"generation {row['generation']}, {row['stage']}: {row['count']:,}"} for row in rows]
    bars = plot(hinted).mark_bar(height={"band": 0.78}).encode(
        y=y,
        x=alt.X("count:Q", stack="zero", axis=None, scale=x_scale),
        color=alt.Color(
            "generation:O", title="generation", scale=scale_generations(range(1, generations + 1), generations)
        ),
        order="generation:Q",
        description="hint:N",
    )  # fmt: skip
    text = plot(labels).mark_text(align="left", dx=6).encode(
        y=y, x=alt.X("total:Q", scale=x_scale, axis=None), text="label:N"
    )  # fmt: skip
    return render(fit(bars + text, 60 + 30 * len(stages)), "funnel")


def draw_reasons(rows: Rows) -> str:
    """Eliminations by reason and generation, shaded by their share of the generation's evolutions.

    Args:
        rows: `reason`, `generation`, `count`, `share`, `label`.
    """
    most = max(row["share"] for row in rows) or 1
    shaded = [
        row | {"depth": 0.06 + 0.5 * row["share"] / most,
               "hint": f"generation {row['generation']}, {row['reason']}: {row['count']:,} ({row['share']:.1%})"}
        for row in rows
    ]  # fmt: skip
    base = plot(shaded).encode(
        x=alt.X("generation:O", title="generation", axis=alt.Axis(labelAngle=0, ticks=False, domain=False)),
        y=alt.Y("reason:N", sort=alt.EncodingSortField("count", op="sum", order="descending"), title=None,
                axis=alt.Axis(ticks=False, domain=False)),
    )  # fmt: skip
    cells = base.mark_rect(color="var(--bad)", cornerRadius=2, stroke="var(--paper)", strokeWidth=2).encode(
        opacity=alt.Opacity("depth:Q", scale=None, legend=None), description="hint:N"
    )
    reasons = len({row["reason"] for row in rows})
    generations = len({row["generation"] for row in rows})
    text = base.mark_text().encode(text=alt.Text("label:N")) if generations <= 12 else base.mark_text(text="")
    return render(fit(cells + text, 50 + 26 * reasons), "reasons")


def draw_operations(rows: Rows) -> str:
    """How often each operation was drawn and survived.

    Args:
        rows: `operation`, `drawn`, `survived`, `label`; most drawn first.
    """
    most = max(row["drawn"] for row in rows)
    hinted = [row | {"hint": f"{row['operation']}: {row['label']} survived"} for row in rows]
    base = plot(hinted).encode(
        y=alt.Y("operation:N", sort=[row["operation"] for row in rows], title=None,
                axis=alt.Axis(ticks=False, domain=False)),
        description="hint:N",
    )  # fmt: skip
    x_scale = leave_room(most, [row["label"] for row in rows], [row["operation"] for row in rows])
    x_axis = alt.Axis(grid=False, ticks=False, labels=False, domain=False)
    drawn = base.mark_bar(color="var(--track)", height={"band": 0.72}).encode(
        x=alt.X("drawn:Q", scale=x_scale, axis=x_axis, title=None)
    )
    survived = base.mark_bar(color="var(--good)", height={"band": 0.72}).encode(x=alt.X("survived:Q", scale=x_scale))
    text = base.mark_text(align="left", dx=6).encode(x=alt.X("drawn:Q", scale=x_scale), text="label:N")
    return render(fit(drawn + survived + text, 20 + 28 * len(rows)), "operations")
