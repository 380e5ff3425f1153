"""The figures of a run: what happened, at what cost, how good. From the output files, or the journal meanwhile.

A finished run is read from its files, which must be what the manifest says; one that is going on or was killed is
projected from its journal, read-only. Calls, latency and speed come from the journal in either case. The shape of
`--json` is `RunStats` in `records.py`, versioned.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from evol.files import is_locked
from evol.folder import check_outputs, load_settings, read_seeds_again, require_manifest
from evol.journal import JOURNAL_NAME, Journal
from evol.projection import Tally, replay_all
from evol.records import CallCount, GenerationCount, Manifest
from evol.rows import RowDict, read_lineages
from evol.runfigures import RunStats
from evol.scores import read_difficulty
from evol.speed import CallTimes
from evol.survey import Survey
from evol.tokens import TokenCounter

Collector = Callable[[list[RowDict]], None]
"""Is given each lineage that has a row, in seed order: its rows by generation, eliminated ones among them."""


def compute_stats(folder: Path, tokens: TokenCounter | None = None, collectors: Sequence[Collector] = ()) -> RunStats:
    """The figures of one run folder; see `survey_run`."""
    return survey_run(folder, tokens, collectors)[0]


def survey_run(
    folder: Path, tokens: TokenCounter | None = None, collectors: Sequence[Collector] = ()
) -> tuple[RunStats, Survey]:
    """The figures of one run folder, and the survey they come from; touches nothing.

    Args:
        folder: the run folder.
        tokens: counts tokens of texts, None where nobody asked.
        collectors: what else is to see the rows, so that they are read once.

    Raises:
        FolderError: no run's folder, damaged, or its files are not what was written.
        StorageError: no room for temporary files.
    """
    manifest = require_manifest(folder)
    with contextlib.closing(Survey(manifest.seeds.count, manifest.generations, tokens)) as survey:
        if manifest.status == "running":
            return _project(folder, manifest, survey, collectors), survey
        check_outputs(folder, manifest)
        _collect(read_lineages(folder, manifest.generations), survey, collectors)
        calls: dict[str, Any] = {"calls": manifest.calls}
        if (folder / JOURNAL_NAME).exists():
            times = CallTimes()
            with Journal.open_for_reading(folder, times.see) as journal:
                calls = _describe_calls(journal, manifest, times)
        return _compose(folder, manifest, manifest.status, manifest.counts, survey, calls), survey


def _project(folder: Path, manifest: Manifest, survey: Survey, collectors: Sequence[Collector]) -> RunStats:
    config, pack = load_settings(folder, manifest)
    tally, times = Tally.for_generations(config.generations), CallTimes()
    with Journal.open_for_reading(folder, times.see) as journal:
        outcomes = replay_all(read_seeds_again(folder), config, pack, journal, tally)
        _collect(_group(outcome.row.model_dump() for outcome in outcomes), survey, collectors)
        calls = _describe_calls(journal, manifest, times)
    status = "in progress" if is_locked(folder) else "killed"
    return _compose(folder, manifest, status, tally.freeze(), survey, calls)


def _collect(lineages: Iterator[list[RowDict]], survey: Survey, collectors: Sequence[Collector]) -> None:
    for rows in lineages:
        for collect in (survey.add, *collectors):
            collect(rows)


def _group(rows: Iterator[RowDict]) -> Iterator[list[RowDict]]:
    for _, lineage in itertools.groupby(rows, key=lambda row: row["seed_id"]):
        yield list(lineage)


def _describe_calls(journal: Journal, manifest: Manifest, times: CallTimes) -> dict[str, Any]:
    return {
        "calls": journal.freeze_totals(manifest.prices),
        "throttle": journal.throttle_changes,
        "latency": times.freeze_latency(),
        "speed": times.freeze_speed(),
    }


def _compose(
    folder: Path,
    manifest: Manifest,
    status: str,
    counts: list[GenerationCount],
    survey: Survey,
    calls: dict[str, Any],
) -> RunStats:
    evolved = {str(count.generation): count.survivors + sum(count.eliminated.values()) for count in counts}
    return RunStats(
        folder=str(folder),
        status=status,
        seeds=manifest.seeds.count,
        generations=counts,
        adds_up=all(evolved[str(count.generation)] + count.unfinished == manifest.seeds.count for count in counts),
        evolved=evolved,
        estimate=manifest.estimate,
        unfinished=manifest.unfinished,
        cost=_add_costs(calls["calls"]),
        difficulty=read_difficulty(folder, manifest),
        **calls,
        **survey.freeze(),
    )


def _add_costs(calls: dict[str, CallCount]) -> float | None:
    """USD of all roles that were asked; None where a price is unknown."""
    costs = [count.cost for count in calls.values() if count.attempts]
    known = [cost for cost in costs if cost is not None]
    return round(sum(known), 6) if len(known) == len(costs) else None
