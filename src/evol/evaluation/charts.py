"""The three small charts of the comparison page, as inline SVG drawn by plain code. Pure."""

from __future__ import annotations

from evol.evaluation.html import escape
from evol.evaluation.records import Interval, Tally

WIDTH, HEIGHT = 180, 16


def draw_shares(tally: Tally) -> str:
    """Wins, ties and losses as one bar; grey for questions without a verdict."""
    parts = (
        ("fa", tally.wins, "won"),
        ("ft", tally.ties, "tied"),
        ("fb", tally.losses, "lost"),
        ("fn", tally.unreadable + tally.unfinished, "without a verdict"),
    )
    left, drawn = 0.0, []
    for colour, count, _ in parts:
        width = WIDTH * count / max(1, tally.questions)
        if count:
            drawn.append(f'<rect class="{colour}" x="{left:.2f}" y="1" width="{width:.2f}" height="{HEIGHT - 2}"/>')
        left += width
    told = ", ".join(f"{count} {what}" for _, count, what in parts if count)
    return _wrap("".join(drawn), told, WIDTH)


def draw_interval(figure: Interval | None, low: float, high: float, mark: float, told: str) -> str:
    """A figure as a bar from the left, its interval as a whisker, and a rule at a mark.

    Args:
        figure: None draws the rule alone.
        low: value of the left edge.
        high: value of the right edge; what lies beyond is cut there.
        mark: where the rule stands.
        told: the same in words.
    """

    def place(value: float) -> float:
        return WIDTH * min(1.0, max(0.0, (value - low) / (high - low)))

    middle = HEIGHT / 2
    drawn = ""
    if figure is not None:
        colour = "fa" if figure.value >= mark else "fb"
        drawn = f'<rect class="{colour}" x="0" y="4" width="{place(figure.value):.2f}" height="{HEIGHT - 8}"/>'
        drawn += (
            f'<line class="whisker" x1="{place(figure.low):.2f}" x2="{place(figure.high):.2f}" '
            f'y1="{middle}" y2="{middle}"/>'
        )
    x = place(mark)
    return _wrap(f'{drawn}<line class="rule" x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="{HEIGHT}"/>', told, WIDTH)


def draw_key(colour: str) -> str:
    """A square of one colour, for the key of a chart."""
    return _wrap(f'<rect class="{colour}" x="1" y="2" width="12" height="12"/>', "", 14)


def _wrap(drawn: str, told: str, width: int) -> str:
    role = f'role="img" aria-label="{escape(told)}"' if told else 'aria-hidden="true"'
    box = f'viewBox="0 0 {width} {HEIGHT}" preserveAspectRatio="none"'  # the style may stretch it
    return f'<svg {role} width="{width}" height="{HEIGHT}" {box}>{drawn}</svg>'
