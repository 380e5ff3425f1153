"""Several runs side by side on the terminal: one table, a column for each run; more tables where they do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console

from evol.breadth_tables import show_breadth
from evol.figures import DiversityStats, FlawCount
from evol.progress import show_speed
from evol.records import ALL_ROLES
from evol.runfigures import RunStats
from evol.tables import NAMES, clean, make_table, show_cost, show_lengths, show_number, show_share

LABEL_WIDTH = 33
RUN_WIDTH = 22
"""Columns of the terminal that a run needs."""

Line = tuple[str, list[str]]
"""What stands at the left, and a cell for each run; without a label it is a rule."""

_RULE: Line = ("", [])


def print_comparison(runs: list[RunStats]) -> None:
    """Print several runs' figures to stdout."""
    console = Console(highlight=False)
    lines = [line for part in (_outcomes, _texts, _difficulty, _costs) for line in (*part(runs), _RULE)]
    room = max(1, (console.width - LABEL_WIDTH) // RUN_WIDTH)
    for begin in range(0, len(runs), room):
        columns = slice(begin, begin + room)
        table = make_table("", "", *(stats.folder for stats in runs[columns]))
        table.columns[0].no_wrap = True
        for label, cells in lines[:-1]:
            if label:
                table.add_row(clean(label), *map(clean, cells[columns]))
            else:
                table.add_section()
        console.print(table)


def _outcomes(runs: list[RunStats]) -> Iterator[Line]:
    yield "status", [stats.status for stats in runs]
    yield "seeds", [f"{stats.seeds:,}" for stats in runs]
    yield "generations", [str(len(stats.generations) - 1) for stats in runs]
    yield "kept + eliminated + unfinished", ["= seeds" if stats.adds_up else "not seeds: a bug" for stats in runs]
    yield from _head("kept of evolved", runs)
    for key in _union(stats.evolved for stats in runs):
        cells = []
        for stats in runs:
            found = next((count for count in stats.generations if str(count.generation) == key), None)
            lost = f" ({found.unfinished:,} unfinished)" if found and found.unfinished else ""
            cells.append(f"{found.survivors:,} of {stats.evolved[key]:,}{lost}" if found else "-")
        yield _of_generation(key), cells
    yield from _head("eliminated", runs)
    for reason in _union(count.eliminated for stats in runs for count in stats.generations):
        counts = (sum(count.eliminated.get(reason, 0) for count in stats.generations) for stats in runs)
        yield f"  {reason}", [f"{count:,}" for count in counts]
    yield from _head("survival by operation", runs)
    for name in _union(stats.operations for stats in runs):
        found_all = (stats.operations.get(name) for stats in runs)
        yield f"  {name}", [show_share(found.survived, found.drawn) if found else "-" for found in found_all]


def _texts(runs: list[RunStats]) -> Iterator[Line]:
    for name in ("instruction_words", "response_words", "instruction_tokens", "response_tokens"):
        if keys := _union(getattr(stats, name) for stats in runs):
            yield from _head(f"{name.replace('_', ' ')} p50/p90/p99", runs)
        for key in keys:
            yield _of_generation(key), [" / ".join(show_lengths(getattr(stats, name).get(key))) for stats in runs]
    for kind in ("exact", "near"):
        counts = (getattr(stats.duplicates, kind, None) for stats in runs)
        yield f"{kind} duplicates", ["-" if count is None else f"{count:,}" for count in counts]
    yield "rows in the sample below", [f"{sum(stats.sample.values()):,}" for stats in runs]
    for texts, name in (("instructions", "instruction_diversity"), ("responses", "response_diversity")):
        yield from _head(f"{texts}: distinct-1/-2/zip", runs)
        for key in _union(getattr(stats, name) for stats in runs):
            yield _of_generation(key), [_show_diversity(getattr(stats, name).get(key)) for stats in runs]
    yield from _head("words shared with the parent", runs)
    for key in _union(stats.parent_similarity for stats in runs):
        likeness = (stats.parent_similarity.get(key) for stats in runs)
        yield _of_generation(key), [show_number(found.mean if found else None) for found in likeness]
    yield from _breadth(runs)
    yield "refused, kept (eliminated)", [_show_flaws(stats.refusals) for stats in runs]
    yield "cut, kept (eliminated)", [_show_flaws(stats.truncations) for stats in runs]


def _breadth(runs: list[RunStats]) -> Iterator[Line]:
    found = [stats.breadth for stats in runs]
    if not any(found):
        return
    yield "embedding", [one.embedding if one else "-" for one in found]
    yield from _head("breadth: Vendi / distance", runs)
    for key in _union(one.generations for one in found if one):
        yield _of_generation(key), [show_breadth(one.generations.get(key)) if one else "-" for one in found]
    for name, label in (("seeds", "  seeds, drawn"), ("evolved", "  evolved, drawn")):
        yield label, [show_breadth(one.sets[name]) if one else "-" for one in found]


def _difficulty(runs: list[RunStats]) -> Iterator[Line]:
    for mode in _union(stats.difficulty for stats in runs):
        rated = [stats.difficulty.get(mode) for stats in runs]
        yield f"difficulty {NAMES[mode]}, by", [found.model if found else "-" for found in rated]
        for key in _union(found.generations for found in rated if found):
            figures = [found.generations.get(key) if found else None for found in rated]
            paper = next((one.paper for one in figures if one and one.paper is not None), None)
            beside = "" if paper is None else f" (paper {paper:.2f})"
            yield f"{_of_generation(key)}{beside}", [show_number(one.mean if one else None) for one in figures]


def _costs(runs: list[RunStats]) -> Iterator[Line]:
    for label, name in (
        ("calls", "calls"), ("requests", "attempts"), ("tokens in", "input_tokens"), ("tokens out", "output_tokens"),
    ):  # fmt: skip
        yield label, [f"{sum(getattr(count, name) for count in stats.calls.values()):,}" for stats in runs]
    yield "cost", [show_cost(stats.cost) for stats in runs]
    for name in _union(stats.speed for stats in runs):
        speeds = (stats.speed.get(name) for stats in runs)
        cells = [show_speed(found.calls_per_second if found else None) for found in speeds]
        yield f"calls a second of the {name}", cells
    yield from _head("latency p50/p95 in seconds", runs)
    for role in ALL_ROLES:
        found_all = [stats.latency.get(role) for stats in runs]
        if any(found_all):
            yield f"  {role}", [f"{found.p50:.3g} / {found.p95:.3g}" if found else "-" for found in found_all]


def _head(label: str, runs: list[RunStats]) -> Iterator[Line]:
    """A line that heads those below it."""
    yield label, [""] * len(runs)


def _of_generation(key: str) -> str:
    return f"  generation {key}"


def _union(tables: Iterable[Iterable[str]]) -> list[str]:
    """The keys of all tables: numbers in their order, then words in the order in which they come."""
    keys = list(dict.fromkeys(key for table in tables for key in table))
    return sorted(keys, key=lambda key: (not key.isdecimal(), int(key) if key.isdecimal() else 0))


def _show_diversity(found: DiversityStats | None) -> str:
    figures = (found.distinct_1, found.distinct_2, found.compression_ratio) if found else (None, None, None)
    return " / ".join(map(show_number, figures))


def _show_flaws(flaws: dict[str, FlawCount]) -> str:
    kept, eliminated = (sum(getattr(one, fate) for one in flaws.values()) for fate in ("kept", "eliminated"))
    return f"{kept:,} ({eliminated:,})"
