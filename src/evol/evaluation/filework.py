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
import glob
import hashlib
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from evol import __version__
from evol.backends.base import Backend
from evol.checks import refuse_other_settings
from evol.config import LimitsConfig, ModelConfig
from evol.errors import (
    EXIT_DONE,
    EXIT_UNFINISHED,
    BudgetExhausted,
    CallFailed,
    EvolError,
    FolderError,
    StorageError,
    UsageError,
)
from evol.evaluation.records import FileMeta
from evol.files import digest_file, lock_file, open_atomically, write_atomically
from evol.gateway import Gateway
from evol.interrupts import Interrupts
from evol.journal import CallTotals, Journal, has_calls
from evol.lineage import Complete
from evol.projection import JournalMiss
from evol.records import CallCount, Completion, CompletionRequest, Price, Role
from evol.session import Job, Session

NOT_REACHED = "not reached"
"""Why a task is missing that the command stopped before; nothing is wrong with it."""

RowT = TypeVar("RowT", bound=BaseModel)


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
class Task(Generic[RowT]):
    """One row to be made.

    Attributes:
        name: for messages.
        carry_out: makes the row; asks through the given `complete`, and nothing else in it may wait.
    """

    name: str
    carry_out: Callable[[Complete], Coroutine[Any, Any, RowT]]


@dataclass(frozen=True)
class FileJob(Generic[RowT]):
    """What a command wants made.

    Attributes:
        command: as a user types it, e.g. `evol respond`.
        out: the file.
        settings: what changes requests, for the comparison with an earlier call.
        models: of the roles that are asked.
        limits: of the command; budgets are totals of the file's journal.
        tasks: in the order of the rows.
        watch: sees each row as it comes; gives an error that ends the work, else None.
    """

    command: str
    out: Path
    settings: dict[str, Any]
    models: Mapping[Role, ModelConfig]
    limits: LimitsConfig
    tasks: Sequence[Task[RowT]]
    watch: Callable[[RowT], EvolError | None] = lambda row: None

    @property
    def journal_name(self) -> str:
        """File name of the journal beside the file."""
        return f"{self.out.stem}.journal.jsonl"

    @property
    def meta_path(self) -> Path:
        """The file that says how the file was made."""
        return self.out.with_name(f"{self.out.stem}.meta.json")


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
    with Journal.open_for_reading(job.out.parent, job.journal_name) as journal:
        return journal.calls


def list_first_requests(job: FileJob[RowT]) -> Iterator[CompletionRequest]:
    """Yield what each task asks first; sends nothing."""
    asked: list[CompletionRequest] = []

    async def complete(request: CompletionRequest) -> Completion:
        asked.append(request)
        raise JournalMiss

    for task in job.tasks:
        with contextlib.suppress(JournalMiss, StopIteration):
            task.carry_out(complete).send(None)
        yield asked.pop()


def work_off(
    job: FileJob[RowT],
    connect: Callable[[], Mapping[Role, Backend]],
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
    _check_place(job)
    journal_path = job.out.with_name(job.journal_name)
    made = [path for path in (journal_path, job.meta_path) if not path.exists()]
    # the journal stands for the lock file: it is never replaced
    with lock_file(journal_path, job.out), Interrupts(observer.notice) as interrupts:
        try:
            current = _check_target(job)
            _remove_leftovers(job.out)
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
    connect: Callable[[], Mapping[Role, Backend]],
    observer: Observer,
    prices: Mapping[Role, Price | None],
    journal: Journal,
    interrupts: Interrupts,
    current: str,
) -> FileResult[RowT]:
    rows = _project(job, journal)
    failures: dict[int, str] = {}
    fatal: EvolError | None = None
    was_done = None not in rows
    if not was_done:
        backends = connect()
        _write_meta(job, current, _describe(job, journal, prices, "running", current))
        session = Session(job.models, job.limits, backends, journal, prices, observer.notice)
        observer.begin(len(job.tasks), journal.totals, prices)
        try:
            session.work_off(_list_jobs(job, session.gateway, observer, failures), interrupts)
        finally:
            observer.end()
        fatal = session.gateway.fatal
        if isinstance(fatal, StorageError | FolderError):
            raise fatal
        if fatal and not journal.calls and not isinstance(fatal, BudgetExhausted):
            raise fatal
        rows = _project(job, journal)
    journal.sync()
    missing = [place for place, row in enumerate(rows) if row is None]
    status, exit_code = _judge_end(bool(missing), fatal, interrupts.exit_code)
    meta = _describe(job, journal, prices, status, "", rows)
    _write(job, rows, meta, current)
    unfinished = [(job.tasks[place].name, failures.get(place, NOT_REACHED)) for place in missing]
    return FileResult(rows, unfinished, meta.calls, exit_code, fatal if exit_code else None, was_done)


def _judge_end(is_missing: bool, fatal: EvolError | None, interrupted: int) -> tuple[str, int]:
    if not is_missing:
        return "done", EXIT_DONE
    if interrupted:
        return "interrupted", interrupted
    if fatal:
        return ("budget" if isinstance(fatal, BudgetExhausted) else "endpoint"), fatal.exit_code
    return "unfinished", EXIT_UNFINISHED


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

    async def complete(request: CompletionRequest) -> Completion:
        if (hit := journal.find(request)) is None:
            raise JournalMiss
        return hit

    rows: list[RowT | None] = []
    for task in job.tasks:
        coroutine = task.carry_out(complete)
        try:
            coroutine.send(None)  # nothing in it ever suspends, so one step runs it to its end
        except StopIteration as ended:
            rows.append(ended.value)
        except JournalMiss:
            rows.append(None)
    return rows


def _check_place(job: FileJob[RowT]) -> None:
    out = job.out
    if out.suffix != ".jsonl" or not out.stem:
        raise UsageError(f"{out}: rows go to a .jsonl file", "name it like --out responses.jsonl")
    try:
        if out.is_dir():
            raise UsageError(f"{out}: a folder", "name a file with --out")
        if not out.parent.is_dir():
            raise UsageError(f"{out.parent}: no such folder", "make it first, or name another place with --out")
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}", "name another place with --out") from None


def _check_target(job: FileJob[RowT]) -> str:
    """The digest of the file, "" where there is none; refuses what evol did not write, and other settings."""
    out, meta = job.out, _read_meta(job)
    foreign = f"not written by `{job.command}`, or changed since"
    if meta is None or meta.command != job.command:
        for path in (out, job.meta_path):
            if path.exists():
                raise UsageError(f"{path}: {foreign}", "move it away, or name another file with --out")
        if has_calls(out.parent, job.journal_name):
            raise UsageError(
                f"{out.with_name(job.journal_name)}: {job.meta_path.name}, which says how it was made, is missing",
                "restore that file, or name another place with --out",
            )
        return ""
    current = digest_file(out) if out.exists() else ""
    if current and current not in (meta.sha256, meta.replaces_sha256):
        raise UsageError(f"{out}: {foreign}", "move it away, or name another file with --out")
    if has_calls(out.parent, job.journal_name):
        refuse_other_settings(out, meta.settings, job.settings)
    return current


def _read_meta(job: FileJob[RowT]) -> FileMeta | None:
    try:
        return FileMeta.model_validate_json(job.meta_path.read_bytes())
    except (OSError, ValidationError):
        return None


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


def _write(job: FileJob[RowT], rows: Sequence[RowT | None], meta: FileMeta, current: str) -> None:
    """Replace file and meta, unless they already say the same."""
    lines = [orjson.dumps(row.model_dump()) for row in rows if row is not None]
    sha256 = hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
    meta = meta.model_copy(update={"sha256": sha256})
    if current == sha256:
        found = _read_meta(job)
        if found is None or found.model_copy(update={"replaces_sha256": ""}) != meta:
            _write_meta(job, current, meta)
        return
    with open_atomically(job.out) as writer:
        for line in lines:
            writer.write_line(line)
        # first, so that a kill between the two leaves a file that is still known as ours
        _write_meta(job, current, meta)


def _write_meta(job: FileJob[RowT], current: str, meta: FileMeta) -> None:
    replaced = current if current != meta.sha256 else ""
    found = meta.model_copy(update={"replaces_sha256": replaced})
    write_atomically(job.meta_path, orjson.dumps(found.model_dump(mode="json"), option=orjson.OPT_INDENT_2))


def _remove_leftovers(out: Path) -> None:
    """Remove temporary files of a killed process; the caller holds the lock."""
    for path in out.parent.glob(f".{glob.escape(out.stem)}.*.tmp"):
        if path.name.startswith((f".{out.name}.", f".{out.stem}.meta.json.")):
            with contextlib.suppress(OSError):
                path.unlink()
