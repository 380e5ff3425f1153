"""One shard as a worker of a cluster carries it out: an ordinary run in a folder on the shared file system.

The worker first reads a marker that the driver has written beside the shards, so that a folder which only looks shared
is found before anything is paid for. Keys come with the job, in memory, and stand in the worker's environment while it
works, where every run looks for them; they are written nowhere. A worker that was killed has left its journal, and its
lock vanished with it; on a network file system that can take the lease of a dead client, which is waited for.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from evol import __version__
from evol.calltotals import CallTotals
from evol.checks import check_run
from evol.config import RunConfig
from evol.errors import EvolError, FolderInUse
from evol.launch import prepare
from evol.pipeline import run
from evol.records import Outcome, Price, Role

LOCK_WAIT = 150.0
"""Seconds to wait for the lock of a worker that died: NFS gives a dead client's locks up after 90."""
REPORT_INTERVAL = 1.0
"""Seconds between two reports of a shard, at least."""

Report = dict[str, Any]
"""A `Progress` as a plain dict, which any process can read."""


@dataclass(frozen=True)
class Job:
    """What a worker is given; made of plain values.

    Attributes:
        index: of the shard, from 1.
        version: the driver's; rows must not depend on who made them.
        config: a `RunConfig` as JSON, with the shard, its folder and the shared seeds file.
        seeds_sha256: digest of the whole list, as the driver read it.
        marker: a file that only a shared folder shows.
        environment: keys and addresses of endpoints; never shown.
    """

    index: int
    version: str
    config: str
    seeds_sha256: str
    marker: str
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class ShardEnd:
    """How a shard ended.

    Attributes:
        index: of the shard, from 1.
        exit_code: as that of `evol run`.
        message: what went wrong, "" where nothing did.
        is_common: what went wrong goes wrong for all shards.
        worker: host and process that ended it, "" where none did.
    """

    index: int
    exit_code: int
    message: str = ""
    is_common: bool = False
    worker: str = ""


@dataclass
class Progress:
    """Where a shard stands."""

    index: int
    worker: str
    """Host and process."""
    seeds: int = 0
    done: int = 0
    """Lineages that ended."""
    rows: int = 0
    eliminated: int = 0
    calls: int = 0
    """Completed by this process."""
    notice: str = ""
    """A sentence for the user."""


class Reporter:
    """A run's observer that sends reports.

    Args:
        index: of the shard.
        send: takes a report, and does not block.
    """

    def __init__(self, index: int, send: Callable[[Report], None]) -> None:
        self._progress = Progress(index, name_worker())
        self._send = send
        self._sent = self._calls_before = 0.0
        self._totals: Mapping[Role, CallTotals] = {}

    def arrive(self) -> None:
        """A worker has taken the shard: told at once, so that its loss is noticed also before its first call."""
        self._report(force=True)

    def notice(self, text: str) -> None:
        """One sentence for the user."""
        self._send(asdict(self._progress) | {"notice": text})

    def begin(self, seeds: int, totals: Mapping[Role, CallTotals], prices: Mapping[Role, Price | None]) -> None:
        """The lineages start."""
        self._totals = totals
        self._calls_before = sum(total.calls for total in totals.values())
        self._progress.seeds = seeds
        self._report(force=True)

    def see(self, outcome: Outcome) -> None:
        """Count a row."""
        self._progress.rows += not outcome.eliminated
        self._progress.eliminated += outcome.eliminated
        self._report()

    def finish_lineage(self) -> None:
        """Count a lineage."""
        self._progress.done += 1
        self._report()

    def end(self) -> None:
        """The lineages have ended."""
        self._report(force=True)

    def _report(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if force or now - self._sent >= REPORT_INTERVAL:
            self._sent = now
            self._progress.calls = int(sum(total.calls for total in self._totals.values()) - self._calls_before)
            self._send(asdict(self._progress))


def carry_out(job: Job, send: Callable[[Report], None]) -> ShardEnd:
    """Run one shard to its end.

    Args:
        job: which shard, how.
        send: takes a report, and does not block.
    """
    reporter = Reporter(job.index, send)
    reporter.arrive()
    host = socket.gethostname()
    if job.version != __version__:
        message = f"{host} has evol {__version__}, the driver {job.version}: install the same version on all nodes"
        return ShardEnd(job.index, 2, message, is_common=True)
    if not Path(job.marker).is_file():
        folder = Path(job.marker).parent
        message = f"{folder}: not shared, {host} does not see what was written there: name a shared place with --out"
        return ShardEnd(job.index, 2, message, is_common=True)
    try:
        with _lend(job.environment):
            end = _run(job, reporter)
    except EvolError as error:
        end = ShardEnd(job.index, error.exit_code, str(error))
    return replace(end, worker=name_worker())


def name_worker() -> str:
    """This process, among all of a cluster."""
    return f"{socket.gethostname()}, process {os.getpid()}"


def _run(job: Job, reporter: Reporter) -> ShardEnd:
    config = RunConfig.model_validate_json(job.config)
    deadline, is_told = time.monotonic() + LOCK_WAIT, False
    while True:
        checked = check_run(config)
        if checked.shard is None or checked.shard.all_sha256 != job.seeds_sha256:
            raise EvolError(f"{config.seeds}: not the seeds that the driver wrote")  # a bug, or somebody at work there
        if checked.is_done:
            return ShardEnd(job.index, 0)
        launch = prepare(checked)
        try:
            result = run(checked, launch.backends, reporter, launch.prices, launch.estimate)
        except FolderInUse:
            if time.monotonic() > deadline:
                raise
            if not is_told:
                reporter.notice(f"{config.out}: in use; waiting up to {LOCK_WAIT:.0f} s for the lock of a lost worker")
                is_told = True
            time.sleep(1)
            continue
        return ShardEnd(job.index, result.exit_code, str(result.error or ""))


@contextlib.contextmanager
def _lend(environment: Mapping[str, str]) -> Iterator[None]:
    """Let these variables stand in the environment for the block; another job's worker shall not find them."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
