"""How far a run is, written into its journal now and then, so that another terminal can read it from the file's end.

The records are for people: nothing of a run depends on them. They come at most every EVERY seconds, and whenever
something has become of a batch.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping

from evol.errors import StorageError
from evol.journal import Journal
from evol.records import BatchProgress, Outcome, Price, Progress, Role

EVERY = 5.0
"""Seconds between two records, at least."""


class ProgressLog:
    """Counts outcomes, and writes them down.

    Args:
        journal: of the run.
        seeds: how many there are.
        generations: M.
        prices: of the roles, where known.
        list_batches: those that are out.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        journal: Journal,
        seeds: int,
        generations: int,
        prices: Mapping[Role, Price | None],
        list_batches: Callable[[], list[BatchProgress]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._seeds = seeds
        self._prices = prices
        self._list_batches = list_batches
        self._clock = clock
        self._written = clock()
        self._finished = 0
        self._counts = [[0, 0] for _ in range(generations + 1)]

    def see(self, outcome: Outcome) -> None:
        """One generation of one lineage came to something."""
        self._counts[outcome.row.generation][outcome.eliminated] += 1
        if self._clock() - self._written >= EVERY:
            self.write()

    def finish_lineage(self) -> None:
        """One lineage ended."""
        self._finished += 1

    def write(self) -> None:
        """Write down how far it is, if the disk lets us; where it does not, the next call's record will say so."""
        self._written = self._clock()
        asked = [(total, self._prices.get(role)) for role, total in self._journal.totals.items() if total.attempts]
        costs = [total.cost_at(price) for total, price in asked if price is not None]
        cost = sum(costs) if len(costs) == len(asked) else None
        with contextlib.suppress(StorageError):
            self._journal.append_progress(self._describe(cost))

    def _describe(self, cost: float | None) -> Progress:
        totals = self._journal.totals.values()
        return Progress(
            time=round(time.time(), 3),
            seeds=self._seeds,
            finished=self._finished,
            generations=[(kept, eliminated) for kept, eliminated in self._counts],
            calls=sum(total.calls for total in totals),
            requests=sum(total.attempts for total in totals),
            input_tokens=sum(total.tokens[0] for total in totals),
            output_tokens=sum(total.tokens[1] for total in totals),
            cost=None if cost is None else round(cost, 6),
            batches=self._list_batches(),
        )
