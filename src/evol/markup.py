"""Pieces of the report's page as HTML. Every text is escaped here and nowhere else; callers pass plain values."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_UNSEEN = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_PLACEHOLDER = re.compile(r"\{\{([a-z]+)\}\}")


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with what belongs to it.

    Attributes:
        name: unique in the page; letters and hyphens.
        title: heading.
        caption: what it shows, in a sentence or two.
        svg: the drawing, markup of ours.
        columns: of the figures behind it.
        rows: the figures behind it.
    """

    name: str
    title: str
    caption: str
    svg: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()


def escape(text: object) -> str:
    """A text for any place in the page; what acts unseen (controls, direction overrides, half characters) is shown."""
    shown = _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", str(text))
    return html.escape(shown, quote=True)


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """Put markup into `{{name}}`, in one pass: values are never looked at again.

    Raises:
        KeyError: the template names a value that is not given.
    """
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def write_tiles(tiles: Iterable[tuple[str, object, str, bool]]) -> str:
    """The row of headline figures.

    Args:
        tiles: (label, figure, remark, whether something is wrong).
    """
    found = "\n".join(
        f'<div class="{"wrong" if wrong else "right"}"><dt>{escape(label)}</dt>'
        f"<dd>{escape(figure)}<small>{escape(remark)}</small></dd></div>"
        for label, figure, remark, wrong in tiles
    )
    return f'<dl class="tiles">\n{found}\n</dl>'


def write_figure(figure: Figure) -> str:
    """A chart with heading, caption and the figures behind it."""
    title = f"figure-{figure.name}-title"
    svg = figure.svg.replace("<svg ", f'<svg role="img" aria-labelledby="{title}" ', 1)
    numbers = ""
    if figure.rows:
        table = write_table(figure.columns, figure.rows)
        numbers = f'<details class="numbers"><summary>Numbers</summary>{table}</details>\n'
    return (
        f'<figure id="figure-{figure.name}">\n<h3 id="{title}">{escape(figure.title)}</h3>\n{svg}\n'
        f"<figcaption>{escape(figure.caption)}</figcaption>\n{numbers}</figure>"
    )


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; the first column names the row. Whole numbers get thousands separators."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "\n".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{_format(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _format(cell: object) -> str:
    return escape(f"{cell:,}" if isinstance(cell, int) else cell)
