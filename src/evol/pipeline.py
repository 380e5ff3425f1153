"""The composition root of a run: check everything, open the folder, evolve all lineages, project, close.

There is no resume branch: lineages always start over, and what was paid for is answered from the journal. A worker
(`session.py`) takes the next seed and carries it through all generations, so a slow call delays its own lineage only
and memory does not grow with the number of seeds. At every ordinary end (done, budget,
endpoint lost, interrupted) the journal is projected into the output files and the manifest is written last.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from evol import __version__
from evol.calltotals import CallTotals
from evol.checks import Checked
from evol.errors import (
    CallFailed,
    EvolError,
    FolderError,
    SeedError,
    StorageError,
)
from evol.files import lock_folder, remove_leftovers, remove_lock, sync_folder, translate_storage_errors
from evol.folder import (
    MANIFEST_NAME,
    SEEDS_NAME,
    generation_name,
    read_manifest,
    read_seeds_again,
    write_manifest,
    write_seeds,
)
from evol.gateway import Gateway
from evol.interrupts import Interrupts
from evol.journal import JOURNAL_NAME, Journal, has_calls
from evol.lineage import evolve_lineage
from evol.progresslog import ProgressLog
from evol.projection import NotFinished, Tally, write_outputs
from evol.records import (
    ALL_ROLES,
    NOT_REACHED,
    ROLES,
    Estimate,
    FileDigest,
    Manifest,
    Outcome,
    Price,
    Role,
    Seed,
    UnfinishedLineage,
)
from evol.session import Backends, Job, Session, check_open_batches, check_past_cost, judge_end
from evol.spool import Spool


class Observer(Protocol):
    """Who is told what happens, from the event loop's thread; must not block."""

    def notice(self, text: str) -> None:
        """One sentence for the user."""

    def begin(self, seeds: int, totals: Mapping[Role, CallTotals], prices: Mapping[Role, Price | None]) -> None:
        """The lineages start; `totals` stays live."""

    def see(self, outcome: Outcome) -> None:
        """One generation of one lineage came to something."""

    def finish_lineage(self) -> None:
        """One lineage ended, finished or not."""

    def end(self) -> None:
        """The lineages have ended; files are written next."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        manifest: as written.
        exit_code: of the table in the README.
        error: why it stopped early, None if it did not.
        was_done: nothing was left to do.
    """

    manifest: Manifest
    exit_code: int
    error: EvolError | None = None
    was_done: bool = False


def run(
    checked: Checked,
    backends: Backends,
    observer: Observer,
    prices: Mapping[Role, Price | None] | None = None,
    estimate: Estimate | None = None,
) -> RunResult:
    """Carry out a run in its folder.

    Args:
        checked: all inputs.
        backends: who plays which role.
        observer: is told what happens.
        prices: of the roles, where known.
        estimate: of the whole run, to stand beside the facts in the manifest.

    Raises:
        FolderInUse: another process holds the folder.
        FolderError: the journal is damaged, or the folder changed since it was checked.
        StorageError: the disk refused.
    """
    with _open(checked, observer) as (journal, interrupts):
        return _run_locked(checked, backends, observer, journal, interrupts, prices or {}, estimate)


def project(
    checked: Checked,
    observer: Observer,
    work: Callable[[Journal], None],
    prices: Mapping[Role, Price | None] | None = None,
) -> RunResult:
    """Do something with the journal of a run that asks nobody, then write the outputs as at any end of a run.

    Args:
        checked: all inputs.
        observer: is told what happens.
        work: is given the journal, open for appending.
        prices: of the roles, where known.

    Raises:
        FolderInUse: another process holds the folder.
        FolderError: the journal is damaged, or the folder changed since it was checked.
        StorageError: the disk refused.
    """
    with _open(checked, observer) as (journal, interrupts):
        prices = _know_prices(checked, prices or {})
        manifest = _describe(checked, prices, checked.existing.estimate if checked.existing else None)
        _store_seeds(checked)
        if checked.existing is None:
            write_manifest(checked.folder, manifest)
        work(journal)
        tally = Tally.for_generations(checked.config.generations)
        seeds = read_seeds_again(checked.folder)
        files = write_outputs(checked.folder, seeds, checked.config, checked.pack, journal, tally)
        ends = _Ends(interrupted=interrupts.exit_code)
        return _finish(checked, manifest, journal, tally, files, prices, observer, ends)


@contextlib.contextmanager
def _open(checked: Checked, observer: Observer) -> Iterator[tuple[Journal, Interrupts]]:
    """Hold the folder, made if missing, and open its journal; a new one that gets nothing is given up again."""
    folder = checked.folder
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    with translate_storage_errors(folder):
        folder.mkdir(0o700, parents=True, exist_ok=True)  # it will hold prompts; one that is there stays as it is
        for path in made:
            sync_folder(path.parent)  # else power loss takes the folder with everything in it
    with lock_folder(folder), Interrupts(observer.notice) as interrupts:
        if read_manifest(folder) != checked.existing:
            raise FolderError(f"{folder}: another run changed it just now", "run the command again")
        remove_leftovers(folder)
        try:
            with Journal.open_for_run(folder, observer.notice) as journal:
                yield journal, interrupts
        except EvolError:
            if checked.existing is None and not has_calls(folder):
                _undo(folder, made)
            raise


def _know_prices(checked: Checked, prices: Mapping[Role, Price | None]) -> dict[Role, Price | None]:
    """Prices of all roles of the folder: those that are not asked now have cost something as well."""
    before = checked.existing.prices if checked.existing is not None else {}
    return {**{role: before[role] for role in ALL_ROLES if role in before}, **prices}


def _store_seeds(checked: Checked) -> None:
    if checked.is_again:
        return
    digest = write_seeds(checked.folder, checked.read_seeds())
    if digest != checked.seeds.sha256:
        raise SeedError(f"{checked.seeds_path}: changed while it was read", "run the command again")


def _describe(checked: Checked, prices: Mapping[Role, Price | None], estimate: Estimate | None) -> Manifest:
    """The manifest of a run that begins."""
    config = checked.config
    return Manifest(
        evol_version=__version__,
        status="running",
        generations=config.generations,
        seeds=checked.seeds,
        shard=checked.shard,
        settings=config.model_dump(mode="json"),
        fingerprint=checked.fingerprint,
        eliminator=checked.eliminator,
        prices={role: price for role, price in prices.items() if price is not None},
        estimate=estimate,
    )


def _run_locked(
    checked: Checked,
    backends: Backends,
    observer: Observer,
    journal: Journal,
    interrupts: Interrupts,
    prices: Mapping[Role, Price | None],
    estimate: Estimate | None,
) -> RunResult:
    config, folder = checked.config, checked.folder
    prices = _know_prices(checked, prices)
    check_past_cost(journal, prices, config.limits)
    check_open_batches(journal, backends)
    _store_seeds(checked)
    manifest = _describe(checked, prices, estimate)
    write_manifest(folder, manifest)
    tally = Tally.for_generations(config.generations)
    files = _write_again(checked, journal, tally)
    if files is not None:
        observer.notice(f"{folder}: all calls are in the journal; the outputs are written from it again")
        return _finish(checked, manifest, journal, tally, files, prices, observer)
    session = Session(config.models, config.limits, backends, journal, prices, observer.notice)
    gateway = session.gateway
    failures: dict[str, str] = {}
    log = ProgressLog(journal, checked.seeds.count, config.generations, prices, session.list_batches)
    session.on_batches = log.write
    observer.begin(checked.seeds.count, {role: journal.totals[role] for role in ROLES}, prices)
    with contextlib.closing(Spool(folder)) as spool:
        kept = None if session.batching else spool  # the rows of 20,000 open lineages are replayed, not held
        try:
            session.work_off(_list_lineages(checked, gateway, observer, failures, kept, log), interrupts)
        finally:
            observer.end()
        if isinstance(gateway.fatal, StorageError | FolderError):
            raise gateway.fatal
        is_empty = checked.existing is None and not journal.calls and not journal.open_batches
        if gateway.fatal and is_empty and gateway.fatal.exit_code != 4:
            raise gateway.fatal  # nothing was got, and the folder shall not remember it
        journal.sync()
        tally = Tally.for_generations(config.generations)
        files = write_outputs(folder, read_seeds_again(folder), config, checked.pack, journal, tally, spool=spool)
    ends = _Ends(failures, gateway.fatal, interrupts.exit_code)
    return _finish(checked, manifest, journal, tally, files, prices, observer, ends)


def _write_again(checked: Checked, journal: Journal, tally: Tally) -> dict[str, FileDigest] | None:
    """Restore the outputs of a run that was done before, in one pass over the journal; None where calls are missing."""
    before, config = checked.existing, checked.config
    if before is None or before.status != "done" or before.generations < config.generations or journal.open_batches:
        return None
    seeds = read_seeds_again(checked.folder)
    try:
        return write_outputs(checked.folder, seeds, config, checked.pack, journal, tally, whole=True)
    except NotFinished:
        return None


@dataclass(frozen=True)
class _Ends:
    """Why a run ended where it did."""

    failures: Mapping[str, str] = field(default_factory=dict)
    fatal: EvolError | None = None
    interrupted: int = 0


def _finish(
    checked: Checked,
    manifest: Manifest,
    journal: Journal,
    tally: Tally,
    files: dict[str, FileDigest],
    prices: Mapping[Role, Price | None],
    observer: Observer,
    ends: _Ends = _Ends(),
) -> RunResult:
    """Write the manifest, last of all files."""
    folder, generations = checked.folder, checked.config.generations
    if checked.existing is not None and checked.existing.seeds.count > tally.seeds:
        observer.notice(
            f"{folder}: {tally.seeds} seeds now, {checked.existing.seeds.count} before; the outputs hold these, "
            "the journal keeps the calls of all"
        )
    _remove_surplus_generations(folder, generations, observer.notice)
    is_complete = not any(generation.unfinished for generation in tally.generations) and not journal.open_batches
    status, exit_code = judge_end(ends.fatal, ends.interrupted, is_complete=is_complete)
    manifest = manifest.model_copy(
        update={
            "status": status,
            "counts": tally.freeze(),
            "calls": journal.freeze_totals({str(role): price for role, price in prices.items()}),
            "unfinished": [
                UnfinishedLineage(seed_id=seed_id, generation=generation, error=ends.failures.get(seed_id, NOT_REACHED))
                for seed_id, generation in tally.unfinished
            ],
            "files": files,
        }
    )
    write_manifest(folder, manifest)
    return RunResult(manifest, exit_code, ends.fatal if exit_code else None)


def _list_lineages(
    checked: Checked,
    gateway: Gateway,
    observer: Observer,
    failures: dict[str, str],
    spool: Spool | None,
    log: ProgressLog,
) -> Iterator[Job]:
    """Yield the work of a run, one job for each seed; why a lineage could not finish goes into `failures`."""

    async def evolve(position: int, seed: Seed) -> None:
        outcomes: list[Outcome] = []
        try:
            async for outcome in evolve_lineage(seed, position, checked.config, checked.pack, gateway.complete):
                observer.see(outcome)
                log.see(outcome)
                if spool is not None:
                    outcomes.append(outcome)
            if spool is not None:
                spool.keep(position, outcomes)
            log.finish_lineage()
        except CallFailed as error:
            failures[seed.id] = error.message
        observer.finish_lineage()

    for position, seed in enumerate(read_seeds_again(checked.folder)):
        yield functools.partial(evolve, position, seed)


def _remove_surplus_generations(folder: Path, generations: int, notice: Callable[[str], None]) -> None:
    """Generations beyond M stay in the journal, but are no longer part of the outputs."""
    for path in sorted(_surplus(folder, generations)):
        with translate_storage_errors(path):
            path.unlink()
        notice(f"{path} removed: this run has {generations} generations; its calls stay in the journal")


def _surplus(folder: Path, generations: int) -> Iterator[Path]:
    for path in folder.glob("generation-*.jsonl"):
        number = path.name.removeprefix("generation-").removesuffix(".jsonl")
        if number.isdecimal() and int(number) > generations and path.name == generation_name(int(number)):
            yield path


def _undo(folder: Path, made: list[Path]) -> None:
    """Leave nothing behind of a new run that never got a reply."""
    for name in (MANIFEST_NAME, SEEDS_NAME, JOURNAL_NAME):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    remove_lock(folder)
    for path in made:
        with contextlib.suppress(OSError):
            path.rmdir()
