"""`evol ray`: the shards of a run as tasks of a Ray cluster, then collected. A thin caller; the only module with Ray.

Each shard is one task, which Ray schedules, and schedules again where its worker or node died; the new worker finds the
journal in the shared folder and pays for nothing twice. `<out>.shards/` holds the shards, a copy of the seeds, and
while the driver works a marker that each worker must see. Keys travel as an argument of the task: in memory, from
process to process, encrypted if the cluster uses TLS (RAY_USE_TLS). They are not put into a runtime environment, which
Ray stores in its control service and shows in its dashboard. Progress goes to a small actor that the driver asks.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from evol import __version__
from evol.checks import Checked
from evol.collect import collect
from evol.collectchecks import check_out, check_place, check_shards
from evol.config import RunConfig
from evol.errors import EXIT_DONE, EXIT_SIGTERM, EXIT_UNFINISHED, EvolError, FolderError, UsageError
from evol.extras import need_extra
from evol.files import lock_folder, remove_leftovers, translate_storage_errors, write_atomically
from evol.folder import SEEDS_NAME, write_seeds
from evol.interrupts import Interrupts
from evol.pipeline import RunResult
from evol.records import ALL_ROLES
from evol.worker import Job, Report, ShardEnd

POLL = 0.5
"""Seconds between two looks at the shards."""
PATIENCE = 30.0
"""Seconds without any shard begun after which the user is told that the cluster has no room."""
STOPPED = "stopped before it began"
_KNOCK = 10.0  # seconds that an address may take to answer
_WORST_FIRST = (7, 2, 5, 6, 4, 1, EXIT_UNFINISHED)
_STORE_BYTES = 100 * 2**20  # of a cluster that is started for this run; nothing large is put there
_OF_ENDPOINTS = ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
_SHARD_NAME = re.compile(r"\d+-of-(\d+)")


class ClusterObserver(Protocol):
    """Who is told what happens; must not block."""

    def notice(self, text: str) -> None:
        """One sentence for the user."""

    def show(self, reports: Sequence[Report], ended: int) -> None:
        """Where the shards stand, and how many have ended."""


@dataclass(frozen=True)
class ClusterResult:
    """How it ended.

    Attributes:
        exit_code: of the table in the README.
        ends: of each shard.
        collected: the joined run, None where shards are missing.
    """

    exit_code: int
    ends: Sequence[ShardEnd]
    collected: RunResult | None = None


@dataclass(frozen=True)
class Cluster:
    """What `evol ray` asks of a cluster.

    Attributes:
        shards: how many.
        address: of the cluster; "" for the one that is running here, else one of this machine alone.
        max_retries: how often a shard is begun again whose worker or node died; -1 for ever.
    """

    shards: int
    address: str = ""
    max_retries: int = 10


def run_on_cluster(checked: Checked, cluster: Cluster, observer: ClusterObserver) -> ClusterResult:
    """Run all shards on a cluster and collect them.

    Args:
        checked: the whole run; its folder is where the joined run goes.
        cluster: where, in how many parts.
        observer: is told what happens.

    Raises:
        UsageError: Ray is not installed, or no cluster answers.
        FolderError: the run's folder, or that of its shards, holds something else.
        FolderInUse: another driver is at work.
        StorageError: the disk refused.
    """
    with need_extra("ray", "evol ray"):
        import ray
    out = checked.folder.absolute()
    home = out.with_name(f"{out.name}.shards")
    folders = [home / f"{index}-of-{cluster.shards}" for index in range(1, cluster.shards + 1)]
    _refuse_other_count(home, cluster.shards)
    check_place(out, folders)
    if result := _find_done(checked, out, folders):
        return result
    try:
        _connect(ray, cluster.address, observer)
    except SystemExit:  # what Ray makes of a SIGTERM meanwhile
        ray.shutdown()
        raise SystemExit(EXIT_SIGTERM) from None
    try:
        with translate_storage_errors(home):
            home.mkdir(parents=True, exist_ok=True)
        with lock_folder(home), Interrupts(observer.notice) as interrupts:
            with _mark(home) as marker:
                jobs = _make_jobs(checked, folders, marker)
                ends = _Driver(ray, cluster, observer, interrupts).work(jobs)
            codes = {end.exit_code for end in ends}
            if interrupts.exit_code and codes != {EXIT_DONE}:
                return ClusterResult(interrupts.exit_code, ends)
            if not codes <= {EXIT_DONE, EXIT_UNFINISHED} or not all(end.worker for end in ends):
                worst = next((code for code in _WORST_FIRST if code in codes), max(codes))  # a signal that a worker got
                return ClusterResult(worst, ends)
            collected = collect(out, folders, observer.notice, seeds_path=checked.seeds.path)
            return ClusterResult(collected.exit_code, ends, collected)
    finally:
        ray.shutdown()


def describe_ends(ends: Sequence[ShardEnd]) -> Iterator[str]:
    """Yield a sentence for each thing that went wrong, and name the shards that it stopped."""
    told = [end for end in ends if end.message and end.message != STOPPED]
    common = [end for end in told if end.is_common]
    by_message: dict[str, list[str]] = {}
    for end in common or told:
        by_message.setdefault(end.message, []).append(str(end.index))
    for message, indices in by_message.items():
        if common:
            yield f"error: {message}"
        else:
            yield f"shard{'s' * (len(indices) > 1)} {', '.join(indices)} of {len(ends)}: {message}"


def _refuse_other_count(home: Path, shards: int) -> None:
    """Shards of another division would all be paid for again."""
    names = [path.name for path in home.iterdir()] if home.is_dir() else []
    counts = {int(found[1]) for name in names if (found := _SHARD_NAME.fullmatch(name))}
    if counts - {shards}:
        raise FolderError(
            f"{home}: was begun with --shards {max(counts - {shards})}",
            "go on with that number, or name another place with --out",
        )


def _find_done(checked: Checked, out: Path, folders: Sequence[Path]) -> ClusterResult | None:
    """The result of a run whose shards are all done and joined already, so that no cluster is needed."""
    try:
        parts = check_shards(folders, lambda text: None, allow_unfinished=False)
        state, manifest = check_out(out, parts)
    except EvolError:
        return None  # the shards' own runs will tell
    if state != "same" or manifest is None or manifest.status != "done":
        return None
    wanted = (checked.seeds.sha256, checked.config.generations, checked.config.seed_responses, checked.eliminator)
    found = (manifest.seeds.sha256, manifest.generations, manifest.settings.get("seed_responses"), manifest.eliminator)
    if wanted != found:
        return None
    return ClusterResult(EXIT_DONE, [], RunResult(manifest, EXIT_DONE, was_done=True))


def _connect(ray: Any, address: str, observer: ClusterObserver) -> None:
    """Join a cluster, or start one on this machine; usage statistics stay off where this process decides.

    An address is knocked at first, because Ray waits a quarter of an hour for one that is dead.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quietly = {"log_to_driver": False, "logging_level": "ERROR"}
    given = address or os.environ.get("RAY_ADDRESS", "")
    why = "nothing answers there"
    if given != "local" and (_is_answering(given) if given else not _has_stale_address()):
        try:
            ray.init(address=given or "auto", **quietly)
            return
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            why = str(error).strip().partition("\n")[0].rstrip(".")
    if given not in ("", "local"):
        raise UsageError(
            f"no Ray cluster at {given} ({why})",
            "start one with `ray start --head`, or take --address local to use this machine alone",
        )
    observer.notice("a Ray cluster of this machine alone is started for this run")
    ray.init(address="local", include_dashboard=False, object_store_memory=_STORE_BYTES, **quietly)


def _is_answering(address: str) -> bool:
    """Whether something listens at HOST:PORT; what is written otherwise is left to Ray."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or "/" in host:
        return True
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK).close()
    except (OSError, OverflowError, UnicodeError):
        return False
    return True


def _has_stale_address() -> bool:
    """Whether the file in which `ray start` notes its cluster names one that is dead."""
    try:
        address = (Path(tempfile.gettempdir()) / "ray" / "ray_current_cluster").read_text().strip()
    except (OSError, ValueError):
        return False
    return not _is_answering(address)


@contextlib.contextmanager
def _mark(home: Path) -> Iterator[Path]:
    """A file that every worker must see; its name is new each time, so that no cache knows it."""
    remove_leftovers(home)
    for old in home.glob(".shared-*"):
        old.unlink(missing_ok=True)
    marker = home / f".shared-{secrets.token_hex(8)}"
    write_atomically(marker, b"evol: every worker must see this file\n")
    try:
        yield marker
    finally:
        marker.unlink(missing_ok=True)


def _make_jobs(checked: Checked, folders: Sequence[Path], marker: Path) -> list[Job]:
    """A job for each shard, with the seeds where all workers can read them."""
    config, home = checked.config, marker.parent
    digest = write_seeds(home, checked.read_seeds())
    changes: dict[str, Any] = {"seeds": str(home / SEEDS_NAME), "limit": None}
    for role in ALL_ROLES:
        model = getattr(config, f"{role}_model")
        if model is not None and model.is_local and model.model:
            changes[f"{role}_model"] = model.model_copy(update={"model": str(Path(model.model).absolute())})
    environment = _gather_environment(config)
    return [
        Job(
            index,
            __version__,
            config.model_copy(
                update=changes | {"shard": f"{index}/{len(folders)}", "out": str(folder)}
            ).model_dump_json(),
            digest,
            str(marker),
            environment,
        )
        for index, folder in enumerate(folders, 1)
    ]


def _gather_environment(config: RunConfig) -> dict[str, str]:
    """What the run's endpoints need of this environment; what is not set here, workers take from their own."""
    names = {model.api_key_env for model in config.models.values() if not model.is_local}
    return {name: os.environ[name] for name in sorted({*names, *_OF_ENDPOINTS}) if name in os.environ}


class _Driver:
    """Submits the jobs, shows how they go, and stops them."""

    def __init__(self, ray: Any, cluster: Cluster, observer: ClusterObserver, interrupts: Interrupts) -> None:
        self._ray = ray
        self._cluster = cluster
        self._observer = observer
        self._interrupts = interrupts
        self._latest: dict[int, Report] = {}
        self._workers: dict[int, str] = {}
        self._is_stopping = False

    def work(self, jobs: Sequence[Job]) -> list[ShardEnd]:
        """Carry all jobs out; how each shard ended, by index."""
        task, board_class = _define(self._ray, self._cluster.max_retries)
        board = board_class.options(scheduling_strategy=_find_own_node(self._ray)).remote()
        pending = {
            task.options(name=f"evol shard {job.index}/{len(jobs)}").remote(asdict(job), board): job.index
            for job in jobs
        }
        ends: list[ShardEnd] = []
        begun = time.monotonic()
        is_told = False
        try:
            while pending:
                ready, _ = self._ray.wait(list(pending), timeout=POLL)
                ends += [self._take(reference, pending.pop(reference)) for reference in ready]
                self._look(board, len(ends))
                if self._interrupts.exit_code or any(end.is_common for end in ends):
                    self._stop(pending)
                if not (is_told or self._latest or ends) and time.monotonic() - begun > PATIENCE:
                    is_told = True
                    self._observer.notice("no shard has begun yet: the cluster has no free CPU so far")
        finally:
            self._stop(pending)  # an error here must not leave workers behind
        return sorted(ends, key=lambda end: end.index)

    def _take(self, reference: Any, index: int) -> ShardEnd:
        errors = self._ray.exceptions
        try:
            end = ShardEnd(**self._ray.get(reference))
            self._meet(index, end.worker)
            return end
        except errors.TaskCancelledError:
            return ShardEnd(index, self._interrupts.exit_code or EXIT_UNFINISHED, STOPPED)
        except errors.RayTaskError:
            raise  # a bug; its traceback tells where
        except errors.RayError as error:
            why = type(error).__name__
            return ShardEnd(index, EXIT_UNFINISHED, f"its worker was lost too often ({why}): the same command goes on")

    def _meet(self, index: int, worker: str) -> None:
        """Say so where a shard is in other hands than before."""
        if not worker:
            return
        before = self._workers.get(index, worker)
        if worker != before:
            self._observer.notice(f"shard {index}: its worker was lost ({before}); another one goes on ({worker})")
        self._workers[index] = worker

    def _look(self, board: Any, ended: int) -> None:
        """Show what the board knows; it may be lost with its node, and comes back empty."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            for report in self._ray.get(board.take.remote(), timeout=5):
                index, notice = report["index"], report["notice"]
                self._meet(index, report["worker"])
                if notice:
                    self._observer.notice(f"shard {index}: {notice}")
                self._latest[index] = report
        self._observer.show(list(self._latest.values()), ended)

    def _stop(self, pending: dict[Any, int]) -> None:
        """Let each shard finish its calls in flight and write its files, as Ctrl-C does in a run."""
        if not self._is_stopping:
            self._is_stopping = True
            for reference in pending:
                self._ray.cancel(reference)


def _find_own_node(ray: Any) -> Any:
    """Where the driver is, an actor outlives the nodes that come and go; elsewhere if it must."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)


def _define(ray: Any, max_retries: int) -> tuple[Any, Any]:
    """The task and the board; defined here, they travel by value and can tell where evol is not installed."""

    @ray.remote(num_cpus=1, max_retries=max_retries, scheduling_strategy="SPREAD")  # type: ignore[untyped-decorator]
    def run_shard(job: dict[str, Any], board: Any) -> dict[str, Any]:
        import dataclasses
        import socket

        try:
            from evol.worker import Job, carry_out
        except ImportError as error:
            message = f"evol cannot be imported on {socket.gethostname()} ({error}): install it on all nodes"
            return {"index": job["index"], "exit_code": 2, "message": message, "is_common": True}
        return dataclasses.asdict(carry_out(Job(**job), board.put.remote))

    @ray.remote(num_cpus=0, max_restarts=-1)
    class Board:
        """Keeps the latest report of each worker, and every notice, until the driver takes them."""

        def __init__(self) -> None:
            self._reports: list[dict[str, Any]] = []

        def put(self, report: dict[str, Any]) -> None:
            who = report["index"], report["worker"]
            kept = [one for one in self._reports if (one["index"], one["worker"]) != who or one["notice"]]
            self._reports = [*kept, report]

        def take(self) -> list[dict[str, Any]]:
            reports, self._reports = self._reports, []
            return reports

    return run_shard, Board
