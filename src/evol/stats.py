"""The figures of a run: what happened, and whether anything vanished. From the output files, or the journal meanwhile.

A finished run is read from its files, which must be what the manifest says; one that is going on or was killed is
projected from its journal, read-only. The shape of `--json` is `RunStats` in `records.py`, versioned.
"""

from __future__ import annotations

import itertools
from array import array
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from evol.config import RunConfig
from evol.eliminator import count_words
from evol.errors import FolderError
from evol.files import is_locked, read_jsonl
from evol.folder import (
    ELIMINATED_NAME,
    check_outputs,
    generation_name,
    read_seeds_again,
    require_manifest,
)
from evol.journal import JOURNAL_NAME, Journal
from evol.packs import load_pack
from evol.projection import Tally, replay_all
from evol.records import (
    CallCount,
    GenerationCount,
    LengthStats,
    Manifest,
    OperationStats,
    RunStats,
    ThrottleChange,
)


def compute_stats(folder: Path) -> RunStats:
    """The figures of one run folder; touches nothing.

    Raises:
        FolderError: no run's folder, damaged, or its files are not what was written.
    """
    manifest = require_manifest(folder)
    figures = _Figures()
    if manifest.status == "running":
        return _project(folder, manifest, figures)
    check_outputs(folder, manifest)
    for row in _read_rows(folder, manifest.generations):
        figures.add(row)
    changes: list[ThrottleChange] = []
    if (folder / JOURNAL_NAME).exists():
        with Journal.open_for_reading(folder) as journal:
            changes = journal.throttle_changes
    return figures.freeze(folder, manifest, manifest.status, manifest.counts, manifest.calls, changes)


def _project(folder: Path, manifest: Manifest, figures: _Figures) -> RunStats:
    config = RunConfig.model_validate_json(orjson.dumps(manifest.settings))
    pack = load_pack(config.pack, config.prompt_variant, config.evolver.weights, config.evolver.breadth_share)
    if any(
        manifest.fingerprint.get(role, {}).get("prompts", digest) != digest for role, digest in pack.digests().items()
    ):
        raise FolderError(
            f"{folder}: the prompt pack changed since the run began", "restore it, or finish the run first"
        )
    tally = Tally.for_generations(config.generations)
    with Journal.open_for_reading(folder) as journal:
        for outcome in replay_all(read_seeds_again(folder), config, pack, journal, tally):
            figures.add(outcome.row.model_dump())
        calls = journal.freeze_totals(manifest.prices)
    status = "in progress" if is_locked(folder) else "killed"
    return figures.freeze(folder, manifest, status, tally.freeze(), calls, journal.throttle_changes)


def _read_rows(folder: Path, generations: int) -> Iterator[dict[str, Any]]:
    names = [*(generation_name(number) for number in range(generations + 1)), ELIMINATED_NAME]
    for _, row in itertools.chain.from_iterable(read_jsonl(folder / name, FolderError, orjson.loads) for name in names):
        yield row


class _Figures:
    """Collects lengths and operations row by row; four bytes a length."""

    def __init__(self) -> None:
        self._instructions: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))
        self._responses: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))
        self._drawn: defaultdict[str, int] = defaultdict(int)
        self._survived: defaultdict[str, int] = defaultdict(int)

    def add(self, row: dict[str, Any]) -> None:
        survived = not row.get("reason")
        if row["generation"]:
            self._drawn[row["operation"]] += 1
            self._survived[row["operation"]] += survived
        if survived:
            self._instructions[row["generation"]].append(count_words(row["instruction"]))
            self._responses[row["generation"]].append(count_words(row["response"]))

    def freeze(
        self,
        folder: Path,
        manifest: Manifest,
        status: str,
        counts: list[GenerationCount],
        calls: dict[str, CallCount],
        throttle: list[ThrottleChange],
    ) -> RunStats:
        return RunStats(
            folder=str(folder),
            status=status,
            seeds=manifest.seeds.count,
            generations=counts,
            adds_up=all(
                count.survivors + sum(count.eliminated.values()) + count.unfinished == manifest.seeds.count
                for count in counts
            ),
            operations={
                name: OperationStats(drawn=drawn, survived=self._survived[name])
                for name, drawn in sorted(self._drawn.items())
            },
            instruction_words={str(number): _summarise(found) for number, found in sorted(self._instructions.items())},
            response_words={str(number): _summarise(found) for number, found in sorted(self._responses.items())},
            calls=calls,
            estimate=manifest.estimate,
            throttle=throttle,
            unfinished=manifest.unfinished,
        )


def _summarise(values: array[int]) -> LengthStats:
    ordered = sorted(values)
    return LengthStats(
        mean=round(sum(ordered) / len(ordered), 2),
        p50=_percentile(ordered, 50),
        p90=_percentile(ordered, 90),
        p99=_percentile(ordered, 99),
    )


def _percentile(ordered: list[int], percent: int) -> int:
    """Nearest rank: the smallest value that at least `percent` of all do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
