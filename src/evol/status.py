"""Where a run stands, told from its folder alone: read by another terminal while it goes on, or long after it stopped.

Takes no lock, writes nothing, and does not read the journal but its end, so it is quick for a run of any size. Figures
of a run that goes on are a few seconds old, and say how many.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from evol.files import is_locked
from evol.folder import require_manifest
from evol.journal import JOURNAL_NAME, Journal
from evol.journaltail import read_last_progress
from evol.records import NOT_REACHED, BatchProgress, Manifest, Progress, RunStatus

STATUS_FORMAT = 1


class GenerationStatus(BaseModel):
    """How far one generation is: survivors + eliminated + open = seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generation: int
    survivors: int
    eliminated: int
    open: int


class Status(BaseModel):
    """What `evol status --json` prints; within a version fields are only added."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = STATUS_FORMAT
    folder: str
    state: RunStatus | Literal["killed"]
    """As in the manifest; "killed" for a run that could not write its end."""
    is_running: bool
    """Whether a process is at work in the folder."""
    seeds: int
    finished: int
    """Lineages that are through all generations."""
    generations: list[GenerationStatus]
    outcomes_known: bool = True
    """False while nobody has counted what came of the calls (a run's first seconds, or killed in them): then `finished`
    is 0 and every lineage open."""
    calls: int
    requests: int
    input_tokens: int
    """Estimates included."""
    output_tokens: int
    """Estimates included."""
    cost: float | None
    """USD; None where a price is unknown."""
    as_of: float
    """Seconds since the epoch; when these figures were true."""
    batches: list[BatchProgress]
    """Those that are out."""
    next: str
    """What to do, for people."""


def find_status(folder: Path) -> Status:
    """Where the run of a folder stands.

    Raises:
        FolderError: not the folder of a run, or a damaged one.
    """
    is_running = is_locked(folder)
    progress = read_last_progress(folder)
    manifest = require_manifest(folder)  # after the progress: if it has ended since, its end holds
    if manifest.status == "running" and progress is None:
        progress = _count_calls(folder, manifest)
    state: RunStatus | Literal["killed"] = manifest.status
    if state == "running" and not is_running:
        state = "killed"
    batches = progress.batches if progress else []
    figures = _from_progress(manifest, progress) if manifest.status == "running" else _from_manifest(manifest, folder)
    is_uncounted = manifest.status == "running" and progress is not None and not progress.generations and progress.calls
    return Status(
        folder=str(folder),
        state=state,
        is_running=is_running,
        seeds=manifest.seeds.count,
        batches=batches,
        outcomes_known=not is_uncounted,
        next=_suggest(folder, manifest, state, batches, is_running=is_running),
        **figures,
    )


def _count_calls(folder: Path, manifest: Manifest) -> Progress | None:
    """What a run of a few seconds, or of an older evol, has asked; what came of it is not known yet."""
    if not (folder / JOURNAL_NAME).exists():
        return None
    with Journal.open_for_reading(folder) as journal:
        counts = journal.freeze_totals(dict(manifest.prices)).values()
        costs = [count.cost for count in counts if count.attempts]
        return Progress(
            time=round(time.time(), 3),
            seeds=manifest.seeds.count,
            finished=0,
            generations=[],
            calls=journal.calls,
            requests=journal.attempts,
            input_tokens=sum(count.input_tokens + count.estimated_input_tokens for count in counts),
            output_tokens=sum(count.output_tokens + count.estimated_output_tokens for count in counts),
            cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        )


def _from_progress(manifest: Manifest, progress: Progress | None) -> dict[str, object]:
    seeds = manifest.seeds.count
    counts = progress.generations if progress else []
    counts = [*counts, *[(0, 0)] * (manifest.generations + 1 - len(counts))]
    return {
        "finished": progress.finished if progress else 0,
        "generations": [
            GenerationStatus(generation=number, survivors=kept, eliminated=lost, open=max(0, seeds - kept - lost))
            for number, (kept, lost) in enumerate(counts[: manifest.generations + 1])
        ],
        "calls": progress.calls if progress else 0,
        "requests": progress.requests if progress else 0,
        "input_tokens": progress.input_tokens if progress else 0,
        "output_tokens": progress.output_tokens if progress else 0,
        "cost": progress.cost if progress else 0.0,
        "as_of": progress.time if progress else time.time(),
    }


def _from_manifest(manifest: Manifest, folder: Path) -> dict[str, object]:
    calls = list(manifest.calls.values())
    costs = [count.cost for count in calls if count.attempts]
    return {
        "finished": manifest.seeds.count - (manifest.counts[-1].unfinished if manifest.counts else 0),
        "generations": [
            GenerationStatus(
                generation=count.generation,
                survivors=count.survivors,
                eliminated=sum(count.eliminated.values()),
                open=count.unfinished,
            )
            for count in manifest.counts
        ],
        "calls": sum(count.calls for count in calls),
        "requests": sum(count.attempts for count in calls),
        "input_tokens": sum(count.input_tokens + count.estimated_input_tokens for count in calls),
        "output_tokens": sum(count.output_tokens + count.estimated_output_tokens for count in calls),
        "cost": None if None in costs else round(sum(cost for cost in costs if cost is not None), 6),
        "as_of": (folder / "manifest.json").stat().st_mtime,
    }


def _suggest(folder: Path, manifest: Manifest, state: str, batches: list[BatchProgress], *, is_running: bool) -> str:
    suffix = "" if str(folder) == "output" else f" {folder}"
    if is_running:
        return f"a process is at work; evol stats{suffix} shows the figures so far"
    if state == "done":
        return f"evol merge{suffix} && evol stats{suffix}"
    if (
        state == "unfinished"
        and not manifest.collected
        and all(one.error == NOT_REACHED for one in manifest.unfinished)
    ):
        # a run that asks by itself ends so only with failures; this one goes through files
        return f"evol import-batch {folder} RESULT…, or evol export-batch {folder} for what waits now"
    again = f"the same evol run {manifest.seeds.path} --out {folder} … as before"
    if batches:
        return f"{again} picks the batches up"
    if state == "budget":
        return f"{again}, with a larger limit, goes on"
    return f"{again} goes on"
