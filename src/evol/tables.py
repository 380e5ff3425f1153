"""Figures as tables on the terminal (rich)."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evol.progress import clean_for_terminal
from evol.records import RunStats, ThrottleChange

SHOWN_CHANGES = 8


def print_stats(stats: RunStats) -> None:
    """Print one run's figures to stdout."""
    console = Console(highlight=False)
    folder = escape(clean_for_terminal(stats.folder))
    console.print(f"[bold]{folder}[/bold]: {stats.seeds} seeds, {stats.status}", soft_wrap=True)
    console.print(_generations(stats))
    if any(count.eliminated for count in stats.generations):
        console.print(_reasons(stats))
    console.print(_operations(stats))
    console.print(_calls(stats))
    for line in _describe_throttle(stats):
        console.print(escape(clean_for_terminal(line)), soft_wrap=True)
    verdict = "holds" if stats.adds_up else "[bold red]does not hold: this is a bug[/bold red]"
    console.print(f"kept + eliminated + unfinished = {stats.seeds} seeds in each generation: {verdict}", soft_wrap=True)
    for lineage in stats.unfinished[:5]:
        text = f"unfinished: {lineage.seed_id} from generation {lineage.generation} on: {lineage.error}"
        console.print(escape(clean_for_terminal(text)), soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _generations(stats: RunStats) -> Table:
    table = _table(
        "Generations", "generation", "kept", "eliminated", "unfinished", "instruction words", "response words"
    )
    for count in stats.generations:
        key = str(count.generation)
        lengths = [found.get(key) for found in (stats.instruction_words, stats.response_words)]
        table.add_row(
            key,
            str(count.survivors),
            str(sum(count.eliminated.values())),
            str(count.unfinished),
            *(f"{length.p50} (p90 {length.p90})" if length else "-" for length in lengths),
        )
    return table


def _reasons(stats: RunStats) -> Table:
    table = _table("Eliminated by reason", "reason", *(f"gen {count.generation}" for count in stats.generations[1:]))
    for reason in sorted({reason for count in stats.generations for reason in count.eliminated}):
        table.add_row(reason, *(str(count.eliminated.get(reason, 0)) for count in stats.generations[1:]))
    return table


def _operations(stats: RunStats) -> Table:
    table = _table("Operations", "operation", "drawn", "survived", "rate")
    for name, found in stats.operations.items():
        table.add_row(escape(name), str(found.drawn), str(found.survived), f"{found.survived / found.drawn:.0%}")
    return table


def _calls(stats: RunStats) -> Table:
    table = _table("Calls", "role", "calls", "requests", "tokens in", "tokens out", "no usage", "cost")
    for role, count in stats.calls.items():
        if not count.attempts:
            continue
        table.add_row(
            role,
            f"{count.calls:,}",
            f"{count.attempts:,}",
            f"{count.input_tokens:,}",
            f"{count.output_tokens:,}",
            f"{count.calls_without_usage:,}",
            "unknown" if count.cost is None else f"${count.cost:,.4f}",
        )
    return table


def _describe_throttle(stats: RunStats) -> Iterator[str]:
    """Yield, for each endpoint, how the calls in flight changed: the last changes with their seconds and reasons."""
    by_label: dict[str, list[ThrottleChange]] = {}
    for change in stats.throttle:
        by_label.setdefault(change.label, []).append(change)
    for label, changes in by_label.items():
        limits = [change.limit for change in changes]
        yield (
            f"calls in flight at {label}: {limits[-1]} at last, {min(limits)} to {max(limits)} "
            f"over {len(changes)} changes"
        )
        for change in changes[-SHOWN_CHANGES:]:
            pace = "" if change.pace is None else f", {change.pace * 60:.0f} requests a minute"
            yield f"  {change.time - changes[0].time:8.1f} s  {change.limit:5}{pace}  {change.reason}"
