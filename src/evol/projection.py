"""The output files as a projection of the journal: lineages replayed in seed order, stopping at the first miss.

A replay never calls anybody, so it runs without an event loop, lineage by lineage, in constant memory. The same seeds,
settings and journal give the same bytes, whatever order the calls were made in (design, promise 2).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evol.config import RunConfig
from evol.files import JsonlWriter, open_atomically
from evol.folder import ELIMINATED_NAME, generation_name
from evol.journal import Journal
from evol.lineage import Complete, evolve_lineage
from evol.packs import Pack
from evol.records import FileDigest, GenerationCount, Outcome, Seed
from evol.replay import NotKnown, replay
from evol.spool import Fate, Spool, fate_of


class NotFinished(Exception):
    """The journal does not hold all of a run."""


@dataclass
class Tally:
    """Counts of a projection, filled while it goes.

    Attributes:
        generations: one counter set for each generation, 0 … M.
        unfinished: (seed id, first missing generation), at most the first hundred.
        seeds: lineages seen.
    """

    generations: list[_GenerationTally]
    unfinished: list[tuple[str, int]] = field(default_factory=list)
    seeds: int = 0

    @classmethod
    def for_generations(cls, count: int) -> Tally:
        """An empty tally of generations 0 … `count`."""
        return cls([_GenerationTally() for _ in range(count + 1)])

    def add(self, seed: Seed, fates: Sequence[Fate]) -> None:
        """Count one lineage."""
        self.seeds += 1
        for tally, (row, notes) in zip(self.generations, fates, strict=False):
            tally.operations[row["operation"]] += 1
            tally.notes.update(notes)
            if reason := row.get("reason"):
                tally.eliminated[reason] += 1
            else:
                tally.survivors += 1
        for tally in self.generations[len(fates) :]:
            tally.unfinished += 1
        if len(fates) < len(self.generations) and len(self.unfinished) < 100:
            self.unfinished.append((seed.id, len(fates)))

    def freeze(self) -> list[GenerationCount]:
        """The persisted form."""
        return [
            GenerationCount(
                generation=number,
                survivors=tally.survivors,
                eliminated=dict(sorted(tally.eliminated.items())),
                unfinished=tally.unfinished,
                operations=dict(sorted(tally.operations.items())),
                notes=dict(sorted(tally.notes.items())),
            )
            for number, tally in enumerate(self.generations)
        ]


@dataclass
class _GenerationTally:
    survivors: int = 0
    unfinished: int = 0
    eliminated: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)


def replay_lineage(seed: Seed, position: int, config: RunConfig, pack: Pack, journal: Journal) -> list[Outcome]:
    """What the journal knows of one lineage: outcomes of generations 0 … k, k < M where it is unfinished."""
    outcomes: list[Outcome] = []

    async def collect(complete: Complete) -> None:
        async for outcome in evolve_lineage(seed, position, config, pack, complete):
            outcomes.append(outcome)  # noqa: PERF401 - what came before a miss must stay

    with contextlib.suppress(NotKnown):
        replay(collect, journal.find)
    return outcomes


def replay_all(
    seeds: Iterable[Seed], config: RunConfig, pack: Pack, journal: Journal, tally: Tally
) -> Iterator[Outcome]:
    """Yield every outcome the journal knows, in seed order, then generation; counts into `tally`."""
    for position, seed in enumerate(seeds):
        outcomes = replay_lineage(seed, position, config, pack, journal)
        tally.add(seed, [fate_of(outcome) for outcome in outcomes])
        yield from outcomes


def write_outputs(
    folder: Path,
    seeds: Iterable[Seed],
    config: RunConfig,
    pack: Pack,
    journal: Journal,
    tally: Tally,
    *,
    whole: bool = False,
    spool: Spool | None = None,
) -> dict[str, FileDigest]:
    """Write `generation-0 … M.jsonl` and `eliminated.jsonl`, each whole or not at all.

    Args:
        folder: of the run.
        seeds: all of them.
        config: of the run.
        pack: of the run.
        journal: of the run.
        tally: is filled.
        whole: write nothing unless every lineage is finished.
        spool: lineages that this process has carried through, and that need no replay.

    Returns:
        Rows and digest by file name, for the manifest, which the caller writes last.

    Raises:
        NotFinished: a lineage is not finished, and `whole` was asked for; no file was touched.
        StorageError: the disk refused; files already replaced are whole, the others are the old ones.
    """
    names = [*(generation_name(number) for number in range(config.generations + 1)), ELIMINATED_NAME]
    with contextlib.ExitStack() as stack:
        writers: dict[str, JsonlWriter] = {name: stack.enter_context(open_atomically(folder / name)) for name in names}
        for position, seed in enumerate(seeds):
            fates = spool.find(position) if spool else None
            if fates is None:
                outcomes = replay_lineage(seed, position, config, pack, journal)
                fates = [fate_of(outcome) for outcome in outcomes]
            tally.add(seed, fates)
            if whole and tally.unfinished:
                raise NotFinished
            for row, _ in fates:
                writers[ELIMINATED_NAME if "reason" in row else generation_name(row["generation"])].write(row)
    return {name: FileDigest(rows=writer.rows, sha256=writer.sha256) for name, writer in writers.items()}
