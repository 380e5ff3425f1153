"""The breadth of one run's instructions as tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from evol.figures import BreadthStats, SetBreadth
from evol.tables import clean, make_table, show_number, split_columns

_LEAST_TEXT = 20
"""Characters of an instruction that tell it from others."""


def print_breadth(found: BreadthStats | None) -> None:
    """Print the figures to stdout."""
    console = Console(highlight=False)
    if found is None:
        console.print("breadth: too few rows, three at least")
        return
    for table in _list_tables(found, console.width):
        console.print(table)


def show_breadth(found: SetBreadth | None) -> str:
    """Vendi score and mean distance of a set, "-" where there are none."""
    return f"{show_number(found.vendi, 1)} / {show_number(found.distance, 3)}" if found else "-"


def _list_tables(found: BreadthStats, width: int) -> Iterator[Table]:
    title = f"Breadth in the lineages of {found.seeds:,} seeds, by {found.embedding}, {found.dimensions:,} dimensions"
    table = make_table(title, "set", "rows", "Vendi score", "mean distance", "clusters", "in the largest")
    for name, one in found.generations.items():
        table.add_row("seeds" if name == "0" else f"generation {name}", *_show(one))
    table.add_section()
    table.add_row("seeds, drawn", *_show(found.sets["seeds"]))
    table.add_row("evolved, drawn", *_show(found.sets["evolved"]))
    yield table
    yield from _clusters(found, width)


def _clusters(found: BreadthStats, width: int) -> Iterator[Table]:
    numbers = list(found.generations)
    headings = [f"gen {number}" for number in numbers]
    cells = [[f"{cluster.generations.get(number, 0):,}" for cluster in found.clusters] for number in numbers]
    for part in split_columns(headings, cells, width - 12 - _LEAST_TEXT):
        table = make_table("Clusters of the map (k-means)", "cluster", *headings[part])
        room = max(_LEAST_TEXT, width - 12 - 8 * len(headings[part]))
        table.add_column("in its middle", no_wrap=True, overflow="ellipsis", max_width=room)
        for place, cluster in enumerate(found.clusters):
            counts = (column[place] for column in cells[part])
            table.add_row(str(place + 1), *counts, clean(" ".join(cluster.instruction.split())))
        yield table


def _show(one: SetBreadth) -> tuple[str, ...]:
    largest = "-" if one.largest_cluster is None else f"{one.largest_cluster:.0%}"
    return f"{one.rows:,}", show_number(one.vendi, 1), show_number(one.distance, 3), str(one.clusters), largest
