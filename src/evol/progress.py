"""What a user sees while a run goes on: notices, the first evolutions, a progress bar. All on stderr.

Control characters of models' texts never reach the terminal.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from tqdm import tqdm

from evol.calltotals import CallTotals
from evol.records import EliminatedRow, Outcome, Price, Role

SHOWN_EVOLUTIONS = 3
REFRESH = 0.25
"""Seconds between two redraws of the figures, at least."""

_BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {unit}s [{elapsed}<{remaining}{postfix}]"
"""Without tqdm's own rate, which tells what the time left tells: 80 columns have no room for both it and the money."""

_MAX_SHOWN_CHARS = 600
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")


class TerminalObserver:
    """Tells one run's events to a person.

    Args:
        quiet: only notices.
        unit: what the bar counts; rows and eliminations are a run's, which counts seeds.
    """

    def __init__(self, *, quiet: bool = False, unit: str = "seed") -> None:
        self._quiet = quiet
        self._unit = unit
        self._bar: tqdm[NoReturn] | None = None
        self._totals: Mapping[Role, CallTotals] = {}
        self._prices: Mapping[Role, Price | None] = {}
        self._begun = self._drawn = 0.0
        self._calls_before = self._tokens_before = 0
        self._to_show = SHOWN_EVOLUTIONS
        self._rows = self._eliminated = 0

    def notice(self, text: str) -> None:
        """One sentence for the user."""
        self._write(f"evol: {clean_for_terminal(text)}")

    def begin(self, seeds: int, totals: Mapping[Role, CallTotals], prices: Mapping[Role, Price | None]) -> None:
        """Open the bar; off a terminal there is none."""
        self._totals, self._prices = totals, prices
        self._begun = time.monotonic()
        self._calls_before, self._tokens_before = self._sum()
        if self._calls_before:
            self.notice(f"{self._calls_before} calls are in the journal already and are not made again")
            self._to_show = 0
        self._bar = tqdm(
            total=seeds,
            unit=self._unit,
            file=sys.stderr,
            disable=True if self._quiet else None,
            dynamic_ncols=True,
            bar_format=_BAR,
        )

    def see(self, outcome: Outcome) -> None:
        """Count a row; show it if it is among the first evolutions."""
        self._rows += not outcome.eliminated
        self._eliminated += outcome.eliminated
        if self._to_show and outcome.row.generation and not self._quiet:
            self._to_show -= 1
            self._write(_describe_evolution(outcome, SHOWN_EVOLUTIONS - self._to_show))
        self._draw()

    def finish_lineage(self) -> None:
        """Move the bar by one seed."""
        if self._bar is not None:
            self._bar.update()
        self._draw()

    def end(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._draw(force=True)
            self._bar.close()
            self._bar = None

    def _sum(self) -> tuple[int, int]:
        totals = self._totals.values()
        return sum(total.calls for total in totals), sum(sum(total.tokens) for total in totals)

    def _draw(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self._bar is None or self._bar.disable or (now - self._drawn < REFRESH and not force):
            return
        self._drawn = now
        calls, tokens = self._sum()
        seconds = max(now - self._begun, 1e-9)
        rows = f"{self._rows} rows, {self._eliminated} eliminated, " if self._unit == "seed" else ""
        self._bar.set_postfix_str(
            f"{self._describe_cost()}{rows}{show_speed((calls - self._calls_before) / seconds)} calls/s, "
            f"{(tokens - self._tokens_before) / seconds:.0f} tokens/s"
        )

    def _describe_cost(self) -> str:
        """What the folder has cost so far, first, for a narrow terminal cuts the end; nothing where all is free."""
        cost = 0.0
        for role, total in self._totals.items():
            if total.calls and (price := self._prices.get(role)) is None:
                return "cost unknown, "
            cost += total.cost_at(price) if total.calls and price else 0.0
        return f"${cost:.2f}, " if cost else ""

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a log on a full disk, a terminal that is gone: no reason to end a run
            tqdm.write(text, file=sys.stderr)


def count_up(total: int, unit: str) -> Callable[[int], object]:
    """A bar on a terminal, nothing elsewhere; returns what is told how many more are done."""
    bar = tqdm(total=total, unit=unit, file=sys.stderr, disable=None if total else True, leave=False)

    def advance(done: int) -> None:
        bar.update(done)
        if bar.n >= total:
            bar.close()

    return advance


class ClusterBar:
    """Tells how the shards of a run go, as one bar; off a terminal there is none.

    Args:
        seeds: of all shards.
        shards: how many.
        quiet: only notices.
    """

    def __init__(self, seeds: int, shards: int, *, quiet: bool = False) -> None:
        self._seeds, self._shards = seeds, shards
        self._begun = time.monotonic()
        self._bar: tqdm[NoReturn] = tqdm(
            total=seeds,
            unit="seed",
            file=sys.stderr,
            disable=True if quiet else None,
            dynamic_ncols=True,
            bar_format=_BAR,
        )

    def notice(self, text: str) -> None:
        """One sentence for the user."""
        tqdm.write(f"evol: {clean_for_terminal(text)}", file=sys.stderr)

    def show(self, reports: Sequence[Mapping[str, Any]], ended: int) -> None:
        """Draw where all shards stand together."""
        if self._bar.disable:
            return
        done, rows, eliminated, calls = (
            sum(int(report[name]) for report in reports) for name in ("done", "rows", "eliminated", "calls")
        )
        self._bar.n = min(done, self._seeds)
        speed = calls / max(time.monotonic() - self._begun, 1e-9)
        self._bar.set_postfix_str(
            f"{ended} of {self._shards} shards done, {rows} rows, {eliminated} eliminated, {show_speed(speed)} calls/s"
        )

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def _describe_evolution(outcome: Outcome, number: int) -> str:
    row = outcome.row
    fate = f"eliminated: {row.reason}" if isinstance(row, EliminatedRow) else "kept"
    row_id = clean_for_terminal(row.id)
    return (
        f"\nevolution {number} of the first {SHOWN_EVOLUTIONS}: {row.operation} ({row_id}, {fate})\n"
        f"  parent: {_indent(outcome.parent_instruction)}\n  result: {_indent(row.instruction)}\n"
    )


def _indent(text: str) -> str:
    shown = clean_for_terminal(text)
    if len(shown) > _MAX_SHOWN_CHARS:
        shown = f"{shown[:_MAX_SHOWN_CHARS]} … ({len(text)} characters)"
    return shown.replace("\n", "\n          ")


def show_speed(calls: float | None) -> str:
    """Calls a second, "-" where unknown; a local model makes less than one, and is not said to make none."""
    if calls is None:
        return "-"
    return f"{calls:,.1f}" if calls >= 1 or not calls else f"{calls:.2g}"


def clean_for_terminal(text: str) -> str:
    """Remove control and direction characters (line feed kept), so that no text can drive the terminal."""
    plain = _SPACES.sub(" ", text.replace("\t", "    "))
    return "".join(char for char in plain if char == "\n" or char == " " or char.isprintable())
