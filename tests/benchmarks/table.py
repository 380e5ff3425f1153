"""What the benchmark prints: one table; what it says meanwhile goes to stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: what is measured, and in which setting.
        found: the figure.
        least: what it must reach, "" where nothing is asked.
        aim: what it should reach.
        notes: the figures behind it.
    """

    what: str
    found: str
    least: str = ""
    aim: str = ""
    notes: str = ""


def say(text: str) -> None:
    """Tell how far it is, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def print_table(rows: Sequence[Row]) -> None:
    """Print all rows as one Markdown table."""
    cells = [("what", "found", "at least", "aim", "figures behind it")]
    cells += [(row.what, row.found, row.least, row.aim, row.notes) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    for number, line in enumerate(cells):
        padded = [text.ljust(width) for text, width in zip(line, widths, strict=False)]
        print("| " + " | ".join([*padded, line[4]]).rstrip() + " |")
        if not number:
            print("| " + " | ".join("-" * width for width in widths) + " | --- |")
