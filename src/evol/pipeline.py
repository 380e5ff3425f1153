"""The composition root of a run: check everything, open the folder, evolve all lineages, project, close.

There is no resume branch: lineages always start over, and what was paid for is answered from the journal. Admission has
no barrier: `window` workers each take the next seed and carry it through all generations, so a slow call delays its own
lineage only and memory does not grow with the number of seeds. At every ordinary end (done, budget, endpoint lost,
interrupted) the journal is projected into the output files and the manifest is written last.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from evol import __version__
from evol.backends.base import Backend
from evol.checks import Checked
from evol.config import RunConfig
from evol.cost import Budget
from evol.errors import (
    EXIT_DONE,
    EXIT_UNFINISHED,
    BudgetExhausted,
    CallFailed,
    EvolError,
    FolderError,
    SeedError,
    StorageError,
)
from evol.files import lock_folder, remove_leftovers, remove_lock, translate_storage_errors
from evol.folder import (
    MANIFEST_NAME,
    SEEDS_NAME,
    generation_name,
    read_manifest,
    read_seeds_again,
    write_manifest,
    write_seeds,
)
from evol.gateway import Gateway, RunStopped
from evol.interrupts import Interrupts
from evol.journal import JOURNAL_NAME, CallTotals, Journal, has_calls
from evol.lineage import evolve_lineage
from evol.projection import Tally, write_outputs
from evol.records import ROLES, Manifest, Outcome, Role, RunStatus, Seed, UnfinishedLineage
from evol.seeds import SeedTally, read_seeds
from evol.throttle import Throttle

LOCAL_TIMEOUT_FACTOR = 6
"""A local model on a busy machine is ten times slower than on an idle one."""


NOT_REACHED = "not reached"
"""The `error` of a lineage that the run stopped before; nothing is wrong with it."""


class Observer(Protocol):
    """Who is told what happens, from the event loop's thread; must not block."""

    def notice(self, text: str) -> None:
        """One sentence for the user."""

    def begin(self, seeds: int, totals: Mapping[Role, CallTotals]) -> None:
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


def make_backends(config: RunConfig) -> dict[Role, Backend]:
    """A backend for each role; roles with the same model and endpoint share one.

    Raises:
        EndpointError: no key, or the local model's weights or runtime are missing.
    """
    made: dict[tuple[str, str, str], Backend] = {}
    backends: dict[Role, Backend] = {}
    for role in ROLES:
        if role == "judge" and config.judge_scope == "off":
            continue
        model = config.model_of(role)
        identity = (model.model, model.base_url, model.api_key_env)
        if identity not in made:
            if model.is_local:
                from evol.backends.local import LocalBackend

                made[identity] = LocalBackend(model, config.concurrency, config.limits.timeout * LOCAL_TIMEOUT_FACTOR)
            else:
                from evol.backends.endpoint import EndpointBackend

                made[identity] = EndpointBackend(model, config.limits.timeout)
        backends[role] = made[identity]
    return backends


def run(checked: Checked, backends: Mapping[Role, Backend], observer: Observer) -> RunResult:
    """Carry out a run in its folder.

    Raises:
        FolderInUse: another process holds the folder.
        FolderError: the journal is damaged, or the folder changed since it was checked.
        StorageError: the disk refused.
    """
    folder = checked.folder
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    with translate_storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with lock_folder(folder), Interrupts(observer.notice) as interrupts:
        if read_manifest(folder) != checked.existing:
            raise FolderError(f"{folder}: another run changed it just now", "run the command again")
        remove_leftovers(folder)
        try:
            with Journal.open_for_run(folder, observer.notice) as journal:
                return _run_locked(checked, backends, observer, journal, interrupts)
        except EvolError:
            if checked.existing is None and not has_calls(folder):
                _undo(folder, made)
            raise


def _run_locked(
    checked: Checked,
    backends: Mapping[Role, Backend],
    observer: Observer,
    journal: Journal,
    interrupts: Interrupts,
) -> RunResult:
    config, folder = checked.config, checked.folder
    digest = write_seeds(folder, read_seeds(checked.seeds_path, config.limit, SeedTally()))
    if digest != checked.seeds.sha256:
        raise SeedError(f"{checked.seeds_path}: changed while it was read", "run the command again")
    manifest = Manifest(
        evol_version=__version__,
        status="running",
        generations=config.generations,
        seeds=checked.seeds,
        settings=config.model_dump(mode="json"),
        fingerprint=checked.fingerprint,
        eliminator=checked.eliminator,
    )
    write_manifest(folder, manifest)
    budget = Budget(config.limits.max_calls, journal.attempts)
    gateway = Gateway(journal, backends, Throttle(config.concurrency), budget, config.limits)
    failures: dict[str, str] = {}
    observer.begin(checked.seeds.count, journal.totals)
    try:
        _run_loop(lambda: _evolve_all(checked, gateway, observer, interrupts, failures, backends))
    finally:
        observer.end()
    if isinstance(gateway.fatal, StorageError | FolderError):
        raise gateway.fatal
    if gateway.fatal and checked.existing is None and not journal.calls and gateway.fatal.exit_code != 4:
        raise gateway.fatal  # nothing was got, and the folder shall not remember it
    journal.sync()
    tally = Tally.for_generations(config.generations)
    files = write_outputs(folder, read_seeds_again(folder), config, checked.pack, journal, tally)
    if checked.existing is not None and checked.existing.seeds.count > tally.seeds:
        observer.notice(
            f"{folder}: {tally.seeds} seeds now, {checked.existing.seeds.count} before; the outputs hold these, "
            "the journal keeps the calls of all"
        )
    _remove_surplus_generations(folder, config.generations, observer.notice)
    status, exit_code = _judge_end(tally, gateway.fatal, interrupts.exit_code)
    manifest = manifest.model_copy(
        update={
            "status": status,
            "counts": tally.freeze(),
            "calls": {role: total.freeze() for role, total in journal.totals.items()},
            "unfinished": [
                UnfinishedLineage(seed_id=seed_id, generation=generation, error=failures.get(seed_id, NOT_REACHED))
                for seed_id, generation in tally.unfinished
            ],
            "files": files,
        }
    )
    write_manifest(folder, manifest)
    return RunResult(manifest, exit_code, gateway.fatal if exit_code else None)


def _judge_end(tally: Tally, fatal: EvolError | None, interrupted: int) -> tuple[RunStatus, int]:
    if not any(generation.unfinished for generation in tally.generations):
        return "done", EXIT_DONE
    if interrupted:
        return "interrupted", interrupted
    if fatal:
        return ("budget" if isinstance(fatal, BudgetExhausted) else "endpoint"), fatal.exit_code
    return "unfinished", EXIT_UNFINISHED


async def _evolve_all(
    checked: Checked,
    gateway: Gateway,
    observer: Observer,
    interrupts: Interrupts,
    failures: dict[str, str],
    backends: Mapping[Role, Backend],
) -> None:
    seeds = enumerate(read_seeds_again(checked.folder))

    async def work() -> None:
        for position, seed in seeds:
            try:
                await _evolve_one(seed, position, checked, gateway, observer)
            except CallFailed as error:
                failures[seed.id] = error.message
            except (RunStopped, asyncio.CancelledError):
                if not gateway.is_stopping:
                    raise
                return
            observer.finish_lineage()
            if gateway.is_stopping:
                return
            await asyncio.sleep(0)  # a lineage answered from the journal alone never suspends

    try:
        async with asyncio.TaskGroup() as group:
            # twice the slots, so that they stay full while some lineages wait for a retry
            workers = [group.create_task(work()) for _ in range(2 * checked.config.concurrency)]
            interrupts.attach(asyncio.get_running_loop(), gateway.stop, lambda: [task.cancel() for task in workers])
    finally:
        interrupts.detach()
        for backend in set(backends.values()):
            await backend.close()


async def _evolve_one(seed: Seed, position: int, checked: Checked, gateway: Gateway, observer: Observer) -> None:
    async for outcome in evolve_lineage(seed, position, checked.config, checked.pack, gateway.complete):
        observer.see(outcome)


def _run_loop(main: Callable[[], Any]) -> None:
    factory = None
    if importlib.util.find_spec("uvloop"):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


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
