"""The composition root of `evol score`: open the folder, rate the rows, write `scores.jsonl`, close.

As in a run there is no resume branch: every rating is asked for again, and what was paid for is answered from the run's
own journal, where the scorer's calls stand beside those of the run. At every ordinary end (done, budget, endpoint lost,
interrupted) the ratings that the journal knows are written in the order of the rows, so that the same replies give the
same bytes. The run is not touched: its rows, its status and its counts stay; the manifest learns what all calls of the
folder now come to.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from evol.calltotals import CallTotals
from evol.cost import mix_prices
from evol.errors import CallFailed, EvolError, FolderError, StorageError
from evol.figures import Score, ScoringCount, ScoringMeta
from evol.files import lock_folder, remove_leftovers
from evol.folder import read_manifest, write_manifest
from evol.gateway import Gateway
from evol.interrupts import Interrupts
from evol.journal import Journal
from evol.rating import Rater
from evol.records import ALL_ROLES, Manifest, Price, Role, RunStatus
from evol.replay import NotKnown, replay
from evol.rows import RowDict
from evol.scorechecks import CheckedScoring
from evol.scores import find_kept_mode, list_row_files, write_scores
from evol.session import Backends, Job, Session, check_past_cost, judge_end

MOST_FAILURES = 100
"""Failures that are remembered."""


class ScoringObserver(Protocol):
    """Who is told what happens, from the event loop's thread; must not block."""

    def notice(self, text: str) -> None:
        """One sentence for the user."""

    def begin(self, seeds: int, totals: Mapping[Role, CallTotals], prices: Mapping[Role, Price | None]) -> None:
        """So many prompts are to be answered; `totals` stays live."""

    def finish_lineage(self) -> None:
        """One prompt was answered, or given up."""

    def end(self) -> None:
        """The calls have ended; files are written next."""


@dataclass(frozen=True)
class ScoringResult:
    """How a scoring ended.

    Attributes:
        status: as of a run.
        exit_code: of the table in the README.
        manifest: as it stands now.
        error: why it stopped early, None if it did not.
        failures: why a prompt was given up, by the id of its first row; at most the first hundred.
        is_written: False where not one rating is known, and the scores before still stand.
    """

    status: RunStatus
    exit_code: int
    manifest: Manifest
    error: EvolError | None = None
    failures: dict[str, str] = field(default_factory=dict)
    is_written: bool = True


class _NothingRated(Exception):
    pass


def score(checked: CheckedScoring, backends: Backends, observer: ScoringObserver, price: Price | None) -> ScoringResult:
    """Rate the selected rows of a run.

    Args:
        checked: all inputs.
        backends: who plays the scorer.
        observer: is told what happens.
        price: of the scorer, None where unknown.

    Raises:
        FolderInUse: another process holds the folder.
        FolderError: the journal is damaged, or the folder changed since it was checked.
        ConfigError: a limit on money cannot be kept.
        StorageError: the disk refused.
    """
    folder = checked.folder
    with lock_folder(folder), Interrupts(observer.notice) as interrupts:
        if read_manifest(folder) != checked.manifest:
            raise FolderError(f"{folder}: another command changed it just now", "run the command again")
        remove_leftovers(folder)
        with Journal.open_for_run(folder, observer.notice) as journal:
            return _score_locked(checked, backends, observer, journal, interrupts, price)


def _score_locked(
    checked: CheckedScoring,
    backends: Backends,
    observer: ScoringObserver,
    journal: Journal,
    interrupts: Interrupts,
    price: Price | None,
) -> ScoringResult:
    folder, manifest = checked.folder, checked.manifest
    total = journal.totals["scorer"]
    tokens_before = total.tokens
    past: dict[Role, Price | None] = {role: manifest.prices.get(role) for role in ALL_ROLES}
    if not total.attempts and price is not None:
        past["scorer"] = price
        manifest = _note_calls(folder, manifest, journal, past)  # a kill must not leave calls of unknown price
    check_past_cost(journal, past, checked.limits)
    session = Session(
        {"scorer": checked.rater.model}, checked.limits, backends, journal, {"scorer": price}, observer.notice, past
    )
    gateway = session.gateway
    failures: dict[str, str] = {}
    observer.begin(checked.work.calls, {"scorer": total}, {"scorer": price})
    try:
        session.work_off(_list_jobs(checked, gateway, observer, failures), interrupts)
    finally:
        observer.end()
    if isinstance(gateway.fatal, StorageError | FolderError):
        raise gateway.fatal
    journal.sync()
    past["scorer"] = mix_prices(past["scorer"], tokens_before, price, total.tokens)
    manifest = _note_calls(folder, manifest, journal, past)
    counts: Counter[tuple[str, int]] = Counter()

    def judge() -> tuple[RunStatus, int]:
        is_complete = not any(fate == "missing" for fate, _ in counts) and not journal.open_batches
        return judge_end(gateway.fatal, interrupts.exit_code, is_complete=is_complete)

    def describe() -> ScoringMeta:
        if counts and all(fate == "missing" for fate, _ in counts):
            raise _NothingRated
        return ScoringMeta(
            model=checked.rater.model.name,
            sample=checked.sample,
            status=judge()[0],
            counts={str(number): _freeze_counts(counts, number) for number in sorted(checked.work.rows)},
            files=list_row_files(manifest),
            prompts=checked.rater.prompts.digest,
        )

    mode = checked.rater.mode
    is_written = True
    try:
        write_scores(folder, mode, _replay(checked, journal, counts), describe, find_kept_mode(folder, manifest, mode))
    except _NothingRated:
        is_written = False
    status, exit_code = judge()
    return ScoringResult(status, exit_code, manifest, gateway.fatal if exit_code else None, failures, is_written)


def _list_jobs(
    checked: CheckedScoring, gateway: Gateway, observer: ScoringObserver, failures: dict[str, str]
) -> Iterator[Job]:
    """Yield the work, one job for each prompt; why one was given up goes into `failures`."""

    async def rate(position: int, rows: list[RowDict]) -> None:
        try:
            await checked.rater.rate(rows, position, gateway.complete)
        except CallFailed as error:
            if len(failures) < MOST_FAILURES:
                failures[rows[0]["id"]] = error.message
        observer.finish_lineage()

    for position, rows in checked.list_tasks():
        yield functools.partial(rate, position, rows)


def _replay(checked: CheckedScoring, journal: Journal, counts: Counter[tuple[str, int]]) -> Iterator[Score]:
    """Yield the ratings that the journal knows, in the order of the rows; what became of each goes into `counts`."""
    for position, rows in checked.list_tasks():
        ratings = _replay_task(checked.rater, rows, position, journal)
        for row, rating in zip(rows, ratings or [None] * len(rows), strict=True):
            generation = row["generation"]
            counts["missing" if ratings is None else "unclear" if rating is None else "rated", generation] += 1
            if rating is not None:
                yield Score(id=row["id"], generation=generation, score=rating, mode=checked.rater.mode)


def _replay_task(rater: Rater, rows: list[RowDict], position: int, journal: Journal) -> list[float | None] | None:
    try:
        return replay(functools.partial(rater.rate, rows, position), journal.find)
    except NotKnown:
        return None


def _freeze_counts(counts: Counter[tuple[str, int]], generation: int) -> ScoringCount:
    return ScoringCount(
        rated=counts["rated", generation],
        unclear=counts["unclear", generation],
        missing=counts["missing", generation],
    )


def _note_calls(folder: Path, manifest: Manifest, journal: Journal, prices: Mapping[Role, Price | None]) -> Manifest:
    """Let the manifest say what the calls of the folder come to; the manifest as it stands then."""
    known = {str(role): price for role, price in prices.items() if price is not None}
    noted = manifest.model_copy(update={"calls": journal.freeze_totals(known), "prices": known})
    if noted != manifest:
        write_manifest(folder, noted)
    return noted
