"""The composition root of a run: check everything, open the folder, evolve all lineages, project, close.

There is no resume branch: lineages always start over, and what was paid for is answered from the journal. Admission has
no barrier: workers, twice as many as slots, each take the next seed and carry it through all generations, so a slow
call delays its own lineage only and memory does not grow with the number of seeds. At every ordinary end (done, budget,
endpoint lost, interrupted) the journal is projected into the output files and the manifest is written last.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from evol import __version__
from evol.adaptive import ConcurrencyFinder
from evol.backends.base import Backend
from evol.checks import Checked
from evol.config import LOCAL_CONCURRENCY, RunConfig
from evol.cost import Budget, BudgetLimits, Spending
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
from evol.gateway import Gateway, RunStopped, Terms
from evol.interrupts import Interrupts
from evol.journal import JOURNAL_NAME, CallTotals, Journal, has_calls
from evol.lineage import evolve_lineage
from evol.projection import Tally, write_outputs
from evol.records import (
    ROLES,
    Estimate,
    Manifest,
    Outcome,
    Price,
    Role,
    RunStatus,
    Seed,
    ThrottleChange,
    UnfinishedLineage,
)
from evol.seeds import SeedTally, read_seeds
from evol.throttle import FIXED, Rates, Throttle

LOCAL_TIMEOUT_FACTOR = 6
"""A local model on a busy machine is ten times slower than on an idle one."""
MOST_SLOTS = 1024
"""That `--concurrency auto` may find; a number may be larger."""
_OTHER_FILES = 64  # that a run has open beside its connections

NOT_REACHED = "not reached"
"""The `error` of a lineage that the run stopped before; nothing is wrong with it."""


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

                slots = config.slots_of(role) or LOCAL_CONCURRENCY
                made[identity] = LocalBackend(model, slots, config.limits.timeout * LOCAL_TIMEOUT_FACTOR)
            else:
                from evol.backends.endpoint import EndpointBackend

                made[identity] = EndpointBackend(model, config.limits.timeout)
        backends[role] = made[identity]
    return backends


def run(
    checked: Checked,
    backends: Mapping[Role, Backend],
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
                return _run_locked(checked, backends, observer, journal, interrupts, prices or {}, estimate)
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
    prices: Mapping[Role, Price | None],
    estimate: Estimate | None,
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
        prices={role: price for role, price in prices.items() if price is not None},
        estimate=estimate,
    )
    write_manifest(folder, manifest)
    fleet = _Fleet()
    terms = _set_terms(config, backends, journal, prices, fleet)
    limits = BudgetLimits(config.limits.max_calls, config.limits.max_tokens, config.limits.max_cost)
    budget = Budget(limits, _count_spending(journal, prices))
    gateway = Gateway(journal, backends, terms, budget, config.limits, notice=observer.notice)
    failures: dict[str, str] = {}
    observer.begin(checked.seeds.count, journal.totals, prices)
    try:
        _run_loop(lambda: _evolve_all(checked, gateway, observer, interrupts, failures, backends, fleet))
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
            "calls": {role: total.freeze(prices.get(role)) for role, total in journal.totals.items()},
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


class _Fleet:
    """The throttles of a run, and how many workers keep their slots full."""

    def __init__(self) -> None:
        self.throttles: dict[str, Throttle] = {}
        self._grow: Callable[[int], None] = lambda workers: None

    def attach(self, grow: Callable[[int], None]) -> None:
        """From now on call `grow` with the workers that there should be, whenever slots are added."""
        self._grow = grow
        self.adjust()

    def adjust(self) -> None:
        """Slots were added."""
        # twice the slots, so that they stay full while some lineages wait for a retry
        self._grow(2 * sum(throttle.limit for throttle in self.throttles.values()))

    def close(self) -> None:
        """Record where the throttles ended."""
        for throttle in self.throttles.values():
            throttle.close()


def _set_terms(
    config: RunConfig,
    backends: Mapping[Role, Backend],
    journal: Journal,
    prices: Mapping[Role, Price | None],
    fleet: _Fleet,
) -> dict[Role, Terms]:
    """A throttle for each endpoint and model, begun where an earlier run of this folder found it."""
    rates = Rates(config.limits.rpm, config.limits.tpm, time.monotonic())
    found = {change.label: change for change in journal.throttle_changes if change.reason != FIXED}
    slots = sum(config.slots_of(role) or MOST_SLOTS for role in backends)
    ceiling = min(MOST_SLOTS, _allow_open_files(slots + _OTHER_FILES) - _OTHER_FILES)

    def record(change: ThrottleChange) -> None:
        journal.append_throttle(change)
        fleet.adjust()

    terms: dict[Role, Terms] = {}
    for role, backend in backends.items():
        if backend.verified_by not in fleet.throttles:
            fixed, before = config.slots_of(role), found.get(backend.label)
            is_local = config.model_of(role).is_local
            fleet.throttles[backend.verified_by] = Throttle(
                backend.label,
                fixed or ConcurrencyFinder(ceiling, before.limit if before else None),
                time.monotonic,
                None if is_local else rates,
                before.pace if before else None,
                record,
                time.time,
            )
        model = config.model_of(role)
        terms[role] = Terms(fleet.throttles[backend.verified_by], model.max_output_tokens, prices.get(role))
    return terms


def _allow_open_files(wanted: int) -> int:
    """Raise the process's soft limit of open files towards `wanted`, each call being one; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _count_spending(journal: Journal, prices: Mapping[Role, Price | None]) -> Spending:
    """What the journal's calls took."""
    spent = Spending(journal.attempts)
    for role, total in journal.totals.items():
        spent.tokens += sum(total.tokens)
        price = prices.get(role)
        spent.cost += price.of(*total.tokens) if price else 0.0
    return spent


async def _evolve_all(
    checked: Checked,
    gateway: Gateway,
    observer: Observer,
    interrupts: Interrupts,
    failures: dict[str, str],
    backends: Mapping[Role, Backend],
    fleet: _Fleet,
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

    workers: list[asyncio.Task[None]] = []
    try:
        async with asyncio.TaskGroup() as group:
            fleet.attach(lambda wanted: workers.extend(group.create_task(work()) for _ in range(wanted - len(workers))))
            interrupts.attach(asyncio.get_running_loop(), gateway.stop, lambda: [task.cancel() for task in workers])
    finally:
        fleet.attach(lambda wanted: None)
        interrupts.detach()
        for backend in set(backends.values()):
            await backend.close()
    fleet.close()


async def _evolve_one(seed: Seed, position: int, checked: Checked, gateway: Gateway, observer: Observer) -> None:
    async for outcome in evolve_lineage(seed, position, checked.config, checked.pack, gateway.complete):
        observer.see(outcome)


def _run_loop(main: Callable[[], Any]) -> None:
    factory = None
    if importlib.util.find_spec("uvloop"):
        import uvloop

        factory = uvloop.new_event_loop
    gc.freeze()  # what is loaded by now stays; looking through it again and again costs a twentieth of the time
    gc.set_threshold(20_000, 20, 20)
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
