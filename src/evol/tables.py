"""Figures of one run as tables on the terminal (rich); made for 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evol.figures import DifficultyStats, DiversityStats, DuplicateStats
from evol.progress import clean_for_terminal, show_speed
from evol.records import CallCount, ThrottleChange
from evol.runfigures import LengthStats, RunStats

SHOWN_CHANGES = 8
NAMES = {"single": "one by one", "joint": "jointly"}
"""Of the modes of `evol score`."""


def print_stats(stats: RunStats) -> None:
    """Print one run's figures to stdout."""
    console = Console(highlight=False)
    _say(console, f"{stats.folder}: {stats.seeds:,} seeds, {stats.status}", "bold")
    for table in _list_tables(stats, console.width):
        console.print(table)
    for line in _describe(stats):
        _say(console, line)
    verdict = "holds" if stats.adds_up else "does not hold: this is a bug"
    line = f"kept + eliminated + unfinished = {stats.seeds:,} seeds in each generation: {verdict}"
    _say(console, line, "" if stats.adds_up else "bold red")
    for lineage in stats.unfinished[:5]:
        _say(console, f"unfinished: {lineage.seed_id} from generation {lineage.generation} on: {lineage.error}")


def make_table(title: str, *columns: str) -> Table:
    """An empty table: the first column to the left, figures to the right, nothing wasted on lines."""
    table = Table(
        title=clean(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        collapse_padding=True,
    )
    for number, column in enumerate(columns):
        table.add_column(clean(column), justify="right" if number else "left", overflow="fold")
    return table


def clean(text: str) -> str:
    """Text that can neither drive the terminal nor be taken for markup."""
    return escape(clean_for_terminal(text))


def show_cost(cost: float | None) -> str:
    """USD; an unknown cost is never a zero."""
    return "unknown" if cost is None else f"${cost:,.4f}"


def show_share(part: float, whole: float) -> str:
    """A share as a percentage, "-" of nothing."""
    return f"{part / whole:.0%}" if whole else "-"


def show_lengths(found: LengthStats | None) -> tuple[str, str, str]:
    """The percentiles 50, 90 and 99, "-" where there is no text."""
    return (f"{found.p50:,}", f"{found.p90:,}", f"{found.p99:,}") if found else ("-", "-", "-")


def show_number(value: float | None, digits: int = 2) -> str:
    """A fraction, "-" where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def describe_duplicates(found: DuplicateStats) -> str:
    """How many rows repeat others."""
    line = f"{found.exact:,} exact"
    if found.near is None:
        return f"{line}; near ones need rensa and rapidfuzz: pip install 'evol-instruct[stats]'"
    rows = "" if found.compared >= found.rows - found.exact else f", among a sample of {found.compared:,} rows"
    return f"{line}, {found.near:,} near (similarity from {found.threshold:g}{rows})"


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(clean(text), style=style or None, soft_wrap=not console.is_terminal)


def _list_tables(stats: RunStats, width: int) -> Iterator[Table]:
    yield _generations(stats)
    yield from _reasons(stats, width)
    yield from _notes(stats, width)
    if stats.operations:
        yield _operations(stats)
    yield _lengths("Lengths in words", stats, stats.instruction_words, stats.response_words)
    if stats.tokenizer:
        title = f"Lengths in tokens of {stats.tokenizer}, in a sample of {sum(stats.sample.values()):,} rows"
        yield _lengths(title, stats, stats.instruction_tokens, stats.response_tokens)
    yield _variety("instructions", stats.instruction_diversity)
    yield _variety("responses", stats.response_diversity)
    yield _quality(stats)
    for mode, found in stats.difficulty.items():
        yield _difficulty(NAMES[mode], found)
    if any(count.attempts for count in stats.calls.values()):
        yield _calls(stats)
    if stats.latency:
        yield _latency(stats)


def _generations(stats: RunStats) -> Table:
    table = make_table("Generations", "generation", "evolved", "kept", "eliminated", "unfinished", "sum")
    for count in stats.generations:
        evolved = stats.evolved.get(str(count.generation), 0)
        figures = (
            evolved,
            count.survivors,
            sum(count.eliminated.values()),
            count.unfinished,
            evolved + count.unfinished,
        )
        table.add_row(str(count.generation), *(f"{figure:,}" for figure in figures))
    return table


def split_columns(headings: list[str], cells: list[list[str]], width: int) -> Iterator[slice]:
    """Yield which columns of figures stand in one table, so that none is wider than the terminal.

    Args:
        headings: of the columns.
        cells: of each column.
        width: that the columns of a table have for themselves.
    """
    widest = max(len(text) for column in [headings, *cells] for text in column)
    room = max(1, width // (widest + 2))
    for begin in range(0, len(headings), room):
        yield slice(begin, begin + room)


def _reasons(stats: RunStats, width: int) -> Iterator[Table]:
    reasons = sorted({reason for count in stats.generations[1:] for reason in count.eliminated})
    counts = [[count.eliminated.get(reason, 0) for reason in reasons] for count in stats.generations[1:]]
    return _by_generation("Eliminated by reason", "reason", reasons, counts, width)


def _notes(stats: RunStats, width: int) -> Iterator[Table]:
    """Repairs by name, and unclear verdicts: what happened beside the rows."""
    notes = sorted({note for count in stats.generations[1:] for note in count.notes})
    counts = [[count.notes.get(note, 0) for note in notes] for count in stats.generations[1:]]
    names = [note.replace("repaired_", "repaired: ") for note in notes]
    return _by_generation("Repairs and notes", "what", names, counts, width)


def _by_generation(title: str, what: str, names: list[str], counts: list[list[int]], width: int) -> Iterator[Table]:
    """Yield counts of each generation from 1 on, in as many tables as they need to stand side by side."""
    if not names:
        return
    headings = [f"gen {number}" for number in range(1, len(counts) + 1)]
    cells = [[f"{count:,}" for count in column] for column in counts]
    for part in split_columns(headings, cells, width - max(map(len, names)) - 2):
        table = make_table(title, what, *headings[part])
        for number, name in enumerate(names):
            table.add_row(clean(name), *(column[number] for column in cells[part]))
        yield table


def _operations(stats: RunStats) -> Table:
    table = make_table("Operations", "operation", "drawn", "survived", "rate", "like parent")
    for name, found in stats.operations.items():
        likeness = stats.operation_similarity.get(name)
        rate = show_share(found.survived, found.drawn)
        alike = show_number(likeness.mean if likeness else None)
        table.add_row(clean(name), f"{found.drawn:,}", f"{found.survived:,}", rate, alike)
    return table


def _lengths(
    title: str, stats: RunStats, instructions: dict[str, LengthStats], responses: dict[str, LengthStats]
) -> Table:
    columns = ("generation", "instruction p50", "p90", "p99", "response p50", "p90", "p99")
    table = make_table(title, *columns)
    for generation in _list_generations(stats):
        lengths = (show_lengths(found.get(generation)) for found in (instructions, responses))
        table.add_row(generation, *(text for shown in lengths for text in shown))
    return table


def _variety(name: str, found_all: dict[str, DiversityStats]) -> Table:
    title = f"Variety of {name}, in a sample of {sum(found.rows for found in found_all.values()):,} rows"
    table = make_table(title, "generation", "rows", "words", "distinct-1", "distinct-2", "compression")
    for generation, found in found_all.items():
        figures = (found.distinct_1, found.distinct_2, found.compression_ratio)
        table.add_row(generation, f"{found.rows:,}", f"{found.words:,}", *map(show_number, figures))
    return table


def _quality(stats: RunStats) -> Table:
    table = make_table(
        "Words shared with the parent (mean), in that sample; refused and cut responses of all rows",
        "generation", "like parent", "refused, kept", "eliminated", "cut, kept", "eliminated",
    )  # fmt: skip
    for generation in _list_generations(stats):
        likeness = stats.parent_similarity.get(generation)
        cells = [show_number(likeness.mean if likeness else None)]
        for flaws in (stats.refusals.get(generation), stats.truncations.get(generation)):
            cells += [f"{flaws.kept:,}", f"{flaws.eliminated:,}"] if flaws else ["-", "-"]
        table.add_row(generation, *cells)
    return table


def _difficulty(mode: str, found: DifficultyStats) -> Table:
    sample = "" if found.sample is None else f", a sample of {found.sample:,} a generation"
    stale = "" if found.is_current else "; of an earlier state of the run, `evol score` brings it up to date"
    has_missing = any(figures.missing for figures in found.generations.values())
    table = make_table(
        f"Difficulty, rated {mode} by {found.model}{sample}{stale}",
        "gen", "rated", "unclear", *(["missing"] if has_missing else []), "mean", "paper", "rows in %, rated 1 to 10",
    )  # fmt: skip
    for generation, figures in found.generations.items():
        shares = (100 * rows / figures.rated if figures.rated else 0 for rows in figures.distribution.values())
        table.add_row(
            generation,
            f"{figures.rated:,}",
            f"{figures.unclear:,}",
            *([f"{figures.missing:,}"] if has_missing else []),
            show_number(figures.mean),
            show_number(figures.paper),
            " ".join(f"{share:2.0f}" for share in shares),
        )
    return table


def _calls(stats: RunStats) -> Table:
    table = make_table("Calls", "role", "calls", "requests", "tokens in", "tokens out", "no usage", "cost")
    asked = [(role, count) for role, count in stats.calls.items() if count.attempts]
    for role, count in asked:
        table.add_row(role, *_show_calls([count], count.cost))
    if len(asked) > 1:
        table.add_section()
        table.add_row("all", *_show_calls([count for _, count in asked], stats.cost))
    return table


def _show_calls(counts: Sequence[CallCount], cost: float | None) -> list[str]:
    names = ("calls", "attempts", "input_tokens", "output_tokens", "calls_without_usage")
    return [*(f"{sum(getattr(count, name) for count in counts):,}" for name in names), show_cost(cost)]


def _latency(stats: RunStats) -> Table:
    table = make_table("Latency in seconds", "role", "p50", "p95")
    for role, found in stats.latency.items():
        table.add_row(role, f"{found.p50:.3g}", f"{found.p95:.3g}")
    return table


def _describe(stats: RunStats) -> Iterator[str]:
    """Yield what needs no table: duplicates, speed, the calls in flight."""
    if stats.duplicates:
        yield f"duplicate instructions among {stats.duplicates.rows:,} rows: {describe_duplicates(stats.duplicates)}"
    for name, found in stats.speed.items():
        if found.calls_per_second is not None:
            speed = show_speed(found.calls_per_second)
            yield f"speed of the {name}: {speed} calls a second over {found.seconds:,.1f} s"
    yield from _describe_throttle(stats.throttle)


def _describe_throttle(throttle: list[ThrottleChange]) -> Iterator[str]:
    """Yield, for each endpoint, how the calls in flight changed: the last changes with their seconds and reasons."""
    by_label: dict[str, list[ThrottleChange]] = {}
    for change in throttle:
        by_label.setdefault(change.label, []).append(change)
    for label, changes in by_label.items():
        limits = [change.limit for change in changes]
        yield (
            f"calls in flight at {label}: {limits[-1]} at last, {min(limits)} to {max(limits)} "
            f"over {len(changes)} change{'' if len(changes) == 1 else 's'}"
        )
        for change in changes[-SHOWN_CHANGES:]:
            pace = "" if change.pace is None else f", {change.pace * 60:.0f} requests a minute"
            yield f"  {change.time - changes[0].time:8.1f} s  {change.limit:5}{pace}  {change.reason}"


def _list_generations(stats: RunStats) -> list[str]:
    return [str(count.generation) for count in stats.generations]
