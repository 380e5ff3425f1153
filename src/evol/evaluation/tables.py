"""Figures of the evaluation commands as tables on the terminal (rich)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evol.evaluation.records import BallotCount, Bias, Comparison, Interval, Pair, Tally
from evol.progress import clean_for_terminal

DETAILED_PAIRS = 3
"""With more pairs than this, skills and difficulties are told by --json and --html alone."""


def print_comparison(comparison: Comparison) -> None:
    """Print a comparison to stdout."""
    console = _open_console()
    table = _table(
        f"A against B over {comparison.questions} questions, judged by {comparison.judge_model} "
        f"({'both orders' if comparison.order == 'both' else 'alternating orders'})",
        "A",
        "B",
        *_name_columns(pair.overall for pair in comparison.pairs),
    )
    for pair, cells in zip(comparison.pairs, _describe([pair.overall for pair in comparison.pairs]), strict=True):
        table.add_row(_safe(pair.a), _safe(pair.b), *cells)
    console.print(table)
    if comparison.ratings:
        ratings = _table("Bradley-Terry rating (mean 1000; 400 points: ten to one)", "responses", "rating", "95 %")
        for one in comparison.ratings:
            interval = f"{one.rating.low:.0f} to {one.rating.high:.0f}"
            ratings.add_row(_safe(one.name), f"{one.rating.value:.0f}", interval)
        console.print(ratings)
    for pair in comparison.pairs if len(comparison.pairs) <= DETAILED_PAIRS else []:
        _print_groups(console, pair, "difficulty", pair.by_difficulty)
        _print_groups(console, pair, "skill", pair.by_skill)
    for pair in comparison.pairs:
        told = f"{pair.a} against {pair.b}: {describe_bias(pair.bias)}{_describe_unread(pair)}"
        console.print(_safe(told), soft_wrap=True)
    if len(comparison.pairs) > DETAILED_PAIRS:
        console.print("by skill and difficulty: --json or --html", soft_wrap=True)


def print_ballot_count(count: BallotCount) -> None:
    """Print what annotators said to stdout."""
    console = _open_console()
    people = ", ".join(f"{name} ({ranked} of {count.questions})" for name, ranked in count.annotators.items())
    console.print(_safe(f"annotators, questions ranked: {people}"), soft_wrap=True)
    table = _table("A against B, by votes", "A", "B", "votes", "won", "tied", "lost", "win rate", "of decided")
    for pair in count.pairs:
        table.add_row(
            _safe(pair.a),
            _safe(pair.b),
            *(str(number) for number in (pair.votes, pair.wins, pair.ties, pair.losses)),
            _show(pair.win_rate),
            _show(pair.decided_win_rate),
        )
    console.print(table)
    if agreement := count.agreement:
        kappa = "undefined" if agreement.kappa is None else f"{agreement.kappa:.2f}"
        observed = "-" if agreement.observed is None else f"{agreement.observed:.0%}"
        console.print(
            f"agreement: {agreement.method} {kappa} over {agreement.items} pairs that all ranked, {observed} the same",
            soft_wrap=True,
        )


def describe_bias(bias: Bias) -> str:
    """One sentence about what the place of a response did."""
    decided = bias.first_wins + bias.second_wins
    share = f"{bias.first_wins / decided:.0%}" if decided else ""
    first = f"whoever stood first won {share} of {decided} decided verdicts" if decided else ""
    if not bias.read_both_ways or bias.rate is None:
        return f"position bias: {first or 'nothing was decided'}"
    return (
        f"position bias {bias.rate:.1%} ({bias.for_first} of {bias.read_both_ways} questions for whoever stood first, "
        f"{bias.for_second} for whoever stood second, {bias.wavered} wavered){'; ' if first else ''}{first}"
    )


def _describe_unread(pair: Pair) -> str:
    told = f"; {pair.unreadable_verdicts} verdicts unreadable" if pair.unreadable_verdicts else ""
    return told + (f", {pair.reasked} asked twice" if pair.reasked else "")


def _name_columns(tallies: Iterable[Tally]) -> list[str]:
    """Columns of some tallies: what could not be read, or is missing, only where there is any."""
    found = list(tallies)
    odd = [name for name, counts in _list_odd(found) if any(counts)]
    return ["won", "tied", "lost", *odd, "win rate", "of decided", "capacity"]


def _describe(tallies: Sequence[Tally]) -> Iterator[list[str]]:
    """Yield the cells of each tally, in the same columns."""
    odd = [counts for _, counts in _list_odd(tallies) if any(counts)]
    for place, tally in enumerate(tallies):
        counts = (tally.wins, tally.ties, tally.losses, *(column[place] for column in odd))
        figures = (tally.win_rate, tally.decided_win_rate, tally.capacity)
        yield [*(str(count) for count in counts), *(_show(figure) for figure in figures)]


def _list_odd(tallies: Sequence[Tally]) -> list[tuple[str, list[int]]]:
    return [("not read", [one.unreadable for one in tallies]), ("missing", [one.unfinished for one in tallies])]


def _print_groups(console: Console, pair: Pair, what: str, groups: Mapping[str, Tally]) -> None:
    if not groups:
        return
    table = _table(f"{pair.a} against {pair.b}, by {what}", what, *_name_columns(groups.values()))
    for name, cells in zip(groups, _describe(list(groups.values())), strict=True):
        table.add_row(_safe(name), *cells)
    console.print(table)


def _show(figure: Interval | None) -> str:
    """A share with its interval in percent."""
    if figure is None:
        return "-"
    return f"{figure.value * 100:.1f} % ({figure.low * 100:.0f}-{figure.high * 100:.0f})"


def _open_console() -> Console:
    """A terminal's own width; wide enough for every column where the output goes into a file or a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=_safe(title), title_justify="left")
    for column in columns:
        is_text = column in ("A", "B", "skill", "difficulty", "responses")
        table.add_column(column, justify="left" if is_text else "right")
    return table


def _safe(text: str) -> str:
    return escape(clean_for_terminal(text))
