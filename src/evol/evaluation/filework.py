"""A command that asks a model for each row of one file: `responses.jsonl`, `verdicts.jsonl`.

It keeps a run's promises on a smaller scale. Beside the file stands its journal (`responses.journal.jsonl`), held by a
lock, so that the same command again pays only for what is missing, and when nothing is missing it asks nobody and needs
no key. `responses.meta.json` says with what settings the file was made: others are refused, and so is a file that evol
did not write. The rows are a projection of the journal in the order of the tasks, and appear whole or not at all; at
every ordinary end (done, budget, endpoint lost, interrupted) they hold what is known so far.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol

from evol import __version__
from evol.calltotals import CallTotals
from evol.errors import BudgetExhausted, CallFailed, EvolError, FolderError, StorageError
from evol.evaluation.jobs import FileJob, RowT, Task
from evol.evaluation.records import FileMeta
from evol.evaluation.target import check_place, check_target, remove_leftovers, write_meta, write_rows
from evol.files import lock_file
from evol.gateway import Gateway
from evol.interrupts import Interrupts
from evol.journal import Journal, has_calls
from evol.records import NOT_REACHED, CallCount, CompletionRequest, Price, Role
from evol.replay import NotKnown, replay
from evol.session import Backends, Job, Session, judge_end


class Observer(Protocol):
    """Who is told what happens; must not block."""

    def notice(self, text: str) -> None:
        """One sentence for the user."""

    def begin(self, seeds: int, totals: Mapping[Role, CallTotals], prices: Mapping[Role, Price | None]) -> None:
        """So many tasks start; `totals` stays live."""

    def finish_lineage(self) -> None:
        """One task ended, finished or not."""

    def end(self) -> None:
        """The tasks have ended."""


@dataclass(frozen=True)
class FileResult(Generic[RowT]):
    """How it ended.

    Attributes:
        rows: one for each task, None where it is missing.
        unfinished: names of missing tasks, and why.
        calls: by role, over the whole life of the file.
        exit_code: of the table in the README.
        error: why it stopped early, None if it did not.
        was_done: nobody had to be asked.
    """

    rows: list[RowT | None]
    unfinished: list[tuple[str, str]]
    calls: dict[str, CallCount]
    exit_code: int
    error: EvolError | None = None
    was_done: bool = False


def count_journaled(job: FileJob[RowT]) -> int:
    """Completed calls in the journal of a file; touches nothing."""
    if not has_calls(job.out.parent, job.journal_name):
        return 0
    with Journal.open_for_reading(job.out.parent, name=job.journal_name) as journal:
        return journal.calls


def list_first_requests(job: FileJob[RowT]) -> Iterator[CompletionRequest]:
    """Yield what each task asks first; sends nothing."""
    for task in job.tasks:
        try:
            replay(task.carry_out, lambda request: None)
        except NotKnown as stop:
            yield stop.request


def work_off(
    job: FileJob[RowT],
    connect: Callable[[], Backends],
    observer: Observer,
    prices: Mapping[Role, Price | None],
) -> FileResult[RowT]:
    """Make the rows of a file, or as many as can be.

    Args:
        job: what is wanted.
        connect: makes the backends; called only if somebody must be asked.
        observer: is told what happens.
        prices: of the roles, where known.

    Raises:
        UsageError: the file cannot stand there, or evol did not write what stands there.
        FolderError: the journal is damaged, or was made with other settings.
        FolderInUse: another process makes the same file.
        EndpointError: nobody can be asked, and nothing was got.
        StorageError: the disk refused.
    """
    check_place(job)
    journal_path = job.out.with_name(job.journal_name)
    made = [path for path in (journal_path, job.meta_path) if not path.exists()]
    # the journal stands for the lock file: it is never replaced
    with lock_file(journal_path, job.out), Interrupts(observer.notice) as interrupts:
        try:
            current = check_target(job)
            remove_leftovers(job.out)
            with Journal.open_for_run(job.out.parent, observer.notice, job.journal_name) as journal:
                return _work_locked(job, connect, observer, prices, journal, interrupts, current)
        except EvolError:
            if journal_path in made and not has_calls(job.out.parent, job.journal_name):
                for path in made:
                    with contextlib.suppress(OSError):
                        path.unlink()  # nothing was got, and nothing shall be remembered
            raise


def _work_locked(
    job: FileJob[RowT],
    connect: Callable[[], Backends],
    observer: Observer,
    prices: Mapping[Role, Price | None],
    journal: Journal,
    interrupts: Interrupts,
    current: str,
) -> FileResult[RowT]:
    rows = _project(job, journal)
    failures: dict[int, str] = {}
    fatal: EvolError | None = None
    was_done = None not in rows and not journal.open_batches
    if not was_done:
        backends = connect()
        write_meta(job, current, _describe(job, journal, prices, "running", current))
        session = Session(job.models, job.limits, backends, journal, prices, observer.notice)
        observer.begin(len(job.tasks), journal.totals, prices)
        try:
            session.work_off(_list_jobs(job, session.gateway, observer, failures), interrupts)
        finally:
            observer.end()
        fatal = session.gateway.fatal
        if isinstance(fatal, StorageError | FolderError):
            raise fatal
        if fatal and not journal.calls and not journal.open_batches and not isinstance(fatal, BudgetExhausted):
            raise fatal
        rows = _project(job, journal)
    journal.sync()
    missing = [place for place, row in enumerate(rows) if row is None]
    is_complete = not missing and not journal.open_batches
    status, exit_code = judge_end(fatal, interrupts.exit_code, is_complete=is_complete)
    meta = _describe(job, journal, prices, status, "", rows)
    write_rows(job, rows, meta, current)
    unfinished = [(job.tasks[place].name, failures.get(place, NOT_REACHED)) for place in missing]
    return FileResult(rows, unfinished, meta.calls, exit_code, fatal if exit_code else None, was_done)


def _list_jobs(job: FileJob[RowT], gateway: Gateway, observer: Observer, failures: dict[int, str]) -> Iterator[Job]:
    """Yield the work, one job for each task; why a task could not finish goes into `failures`, by its place."""

    async def carry_out(place: int, task: Task[RowT]) -> None:
        try:
            row = await task.carry_out(gateway.complete)
            if (fatal := job.watch(row)) is not None:
                gateway.stop(fatal)
        except CallFailed as error:
            failures[place] = error.message
        observer.finish_lineage()

    for place, task in enumerate(job.tasks):
        yield functools.partial(carry_out, place, task)


def _project(job: FileJob[RowT], journal: Journal) -> list[RowT | None]:
    """What the journal knows of each task."""
    rows: list[RowT | None] = []
    for task in job.tasks:
        try:
            rows.append(replay(task.carry_out, journal.find))
        except NotKnown:
            rows.append(None)
    return rows


def _describe(
    job: FileJob[RowT],
    journal: Journal,
    prices: Mapping[Role, Price | None],
    status: str,
    sha256: str,
    rows: Sequence[RowT | None] = (),
) -> FileMeta:
    finished = sum(row is not None for row in rows)
    totals = {str(role): journal.totals[role].freeze(prices.get(role)) for role in job.models}
    return FileMeta(
        evol_version=__version__,
        command=job.command,
        status=status,
        settings=job.settings,
        rows=finished,
        unfinished=len(job.tasks) - finished,
        calls=totals,
        sha256=sha256,
        replaces_sha256="",
    )
