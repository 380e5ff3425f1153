"""What all commands that ask a model share: backends, throttles, budget, the gateway, and workers that keep it busy.

A command hands over its jobs, one coroutine for each independent piece of work; as many workers as twice the slots take
the next one each. There is no barrier, memory does not grow with the number of jobs, and when a run must stop nobody
takes a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import resource
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any

from evol.accounts import Terms
from evol.adaptive import ConcurrencyFinder
from evol.backends.base import Backend, BatchingBackend
from evol.batchstore import BatchStore
from evol.config import LOCAL_CONCURRENCY, LimitsConfig, ModelConfig, find_slots
from evol.cost import Budget, BudgetLimits, Spending
from evol.errors import EXIT_DONE, EXIT_UNFINISHED, BudgetExhausted, ConfigError, EvolError
from evol.gateway import Gateway, RunStopped
from evol.interrupts import Interrupts
from evol.journal import Journal
from evol.records import BatchProgress, Price, Role, RunStatus, ThrottleChange
from evol.routing import Route, Router
from evol.throttle import FIXED, Rates, Throttle

LOCAL_TIMEOUT_FACTOR = 6
"""A local model on a busy machine is ten times slower than on an idle one."""
MOST_SLOTS = 1024
"""That `--concurrency auto` may find; a number may be larger."""
_OTHER_FILES = 64  # that a run has open beside its connections
_RUNNING = "go on with --backend batch and the same model and endpoint"
_RATING = "go on with the same `evol score` that sent them"

Job = Callable[[], Coroutine[Any, Any, None]]
"""A piece of work; it lets `RunStopped` through, and deals with `CallFailed` itself."""


Backends = Mapping[Role, Sequence[Backend]]
"""Who plays which role: one backend, or an endpoint's for each of its base URLs."""


def make_backends(models: Mapping[Role, ModelConfig], limits: LimitsConfig) -> dict[Role, list[Backend]]:
    """The backends of each role, one for each base URL; roles with the same model and endpoint share them.

    Args:
        models: of the roles.
        limits: of the command.

    Raises:
        EndpointError: no key, or the local model's weights or runtime are missing.
    """
    made: dict[tuple[str, str, str, str], Backend] = {}
    backends: dict[Role, list[Backend]] = {role: [] for role in models}
    for role, model in models.items():
        for url in model.base_urls or ("",):
            identity = (model.model, url, model.api_key_env, model.backend)
            if identity not in made:
                if model.is_local:
                    from evol.backends.local import LocalBackend

                    slots = find_slots(models, limits, role) or LOCAL_CONCURRENCY
                    made[identity] = LocalBackend(model, slots, limits.timeout * LOCAL_TIMEOUT_FACTOR)
                elif model.is_batched:
                    from evol.backends.batch import BatchBackend
                    from evol.backends.endpoint import connect

                    made[identity] = BatchBackend(connect(model, url), limits)
                else:
                    from evol.backends.endpoint import EndpointBackend

                    made[identity] = EndpointBackend(model, url, limits.timeout)
            backends[role].append(made[identity])
    return backends


def list_labels(backends: Backends) -> list[str]:
    """Everybody who is asked, by label."""
    return [backend.label for several in backends.values() for backend in several]


def describe_exposure(labels: Iterable[str]) -> list[str]:
    """A warning for each endpoint, told by its label, that is asked in plain http beyond this machine."""
    from evol.backends.endpoint import is_exposed

    return [
        f"warning: {label} is plain http: key and texts can be read on the way; use https"
        for label in dict.fromkeys(labels)
        if is_exposed(label.rpartition(" at ")[2])
    ]


def check_past_cost(journal: Journal, prices: Mapping[Role, Price | None], limits: LimitsConfig) -> None:
    """Refuse a limit on money where it is unknown what the folder's calls so far have cost.

    Raises:
        ConfigError: such a limit is set, and a role that was asked has no known price.
    """
    for role, total in journal.totals.items():
        if limits.max_cost is not None and sum(total.tokens) > 0 and prices.get(role) is None:
            raise ConfigError(
                f"--max-cost cannot be kept: what the {role}'s calls in this folder have cost is unknown",
                "limit --max-tokens or --max-calls instead",
            )


def judge_end(fatal: EvolError | None, interrupted: int, *, is_complete: bool) -> tuple[RunStatus, int]:
    """How a command ended: status and exit code.

    Args:
        fatal: why the gateway admits nothing more.
        interrupted: exit code of a signal, 0 for none.
        is_complete: whether nothing is missing, and no batch is out, whatever else happened.
    """
    if is_complete:
        return "done", EXIT_DONE
    if interrupted:
        return "interrupted", interrupted
    if fatal:
        return ("budget" if isinstance(fatal, BudgetExhausted) else "endpoint"), fatal.exit_code
    return "unfinished", EXIT_UNFINISHED


class Session:
    """One command's way to its models.

    Args:
        models: of each role.
        limits: of the command.
        backends: who plays which role.
        journal: open for appending.
        prices: of the roles, where known.
        notice: tells the user.
        past_prices: of the calls already made, whoever was asked; None where `prices` says it all.

    Attributes:
        gateway: answers the jobs' requests.
        batching: backends that answer many requests together.
        on_batches: is called when something has become of a batch.

    Raises:
        ConfigError: batches are out that none of the backends would pick up.
    """

    def __init__(
        self,
        models: Mapping[Role, ModelConfig],
        limits: LimitsConfig,
        backends: Backends,
        journal: Journal,
        prices: Mapping[Role, Price | None],
        notice: Callable[[str], None],
        past_prices: Mapping[Role, Price | None] | None = None,
    ) -> None:
        self._backends = {role: backends[role] for role in models}
        self._throttles: dict[str, Throttle] = {}
        self._routes: dict[Backend, Route] = {}
        self._grow: Callable[[], None] = lambda: None
        self._journal = journal
        terms = self._set_terms(models, limits, prices)
        budget_limits = BudgetLimits(limits.max_calls, limits.max_tokens, limits.max_cost)
        budget = Budget(budget_limits, _count_spending(journal, prices if past_prices is None else past_prices))
        self.gateway = Gateway(journal, terms, budget, limits, notice=notice)
        self._budget = budget
        self._open = 0  # jobs
        self._draining: asyncio.Task[None] | None = None
        self.on_batches: Callable[[], None] = lambda: None
        self.batching = [one for one in self._list_backends() if isinstance(one, BatchingBackend)]
        check_open_batches(journal, backends)
        for backend in self.batching:
            backend.attach(journal, self.gateway.accounts, self._look, lambda: self.on_batches(), notice)
        if self.batching:
            budget.on_wait = self._look

    def work_off(self, jobs: Iterator[Job], interrupts: Interrupts) -> None:
        """Carry out all jobs, or as many as can be before the run must stop; closes the backends."""
        factory = None
        if importlib.util.find_spec("uvloop"):
            import uvloop

            factory = uvloop.new_event_loop
        gc.freeze()  # what is loaded by now stays; looking through it again and again costs a twentieth of the time
        gc.set_threshold(20_000, 20, 20)
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(self._work_off(jobs, interrupts))

    async def _work_off(self, jobs: Iterator[Job], interrupts: Interrupts) -> None:
        gateway = self.gateway
        workers: list[asyncio.Task[None]] = []

        async def work() -> None:
            try:
                for job in jobs:
                    try:
                        await job()
                    except (RunStopped, asyncio.CancelledError):
                        if not gateway.is_stopping:
                            raise
                        return
                    if gateway.is_stopping:
                        return
                    await asyncio.sleep(0)  # a job that is answered from the journal alone never suspends
            finally:
                self._open -= 1
                self._look()

        try:
            for backend in self.batching:
                await backend.begin()
            async with asyncio.TaskGroup() as group:

                def grow() -> None:
                    # twice the slots, so that they stay full while some jobs wait for a retry
                    wanted = 2 * sum(throttle.limit for throttle in self._throttles.values())
                    wanted = max(wanted, *(backend.window for backend in self.batching)) if self.batching else wanted
                    self._open += max(0, wanted - len(workers))
                    workers.extend(group.create_task(work()) for _ in range(wanted - len(workers)))

                self._grow = grow
                grow()
                interrupts.attach(
                    asyncio.get_running_loop(),
                    self._stop,
                    lambda: [task.cancel() for task in workers],
                    waits=len(self.batching) < len(self._list_backends()),
                )
            if not gateway.is_stopping:
                self._draining = asyncio.create_task(self._drain())
                with contextlib.suppress(asyncio.CancelledError):
                    await self._draining
        finally:
            self._grow = lambda: None
            interrupts.detach()
            for each in self._list_backends():
                await each.close()
        for throttle in self._throttles.values():
            throttle.close()

    async def _drain(self) -> None:
        """Wait for all batches that are out: what is paid comes home, whether anybody asks for it or not."""
        try:
            for backend in self.batching:
                await backend.drain()
        except EvolError as error:
            self.gateway.stop(error)

    def _stop(self) -> None:
        self.gateway.stop()
        if self._draining is not None:
            self._draining.cancel()

    def _list_backends(self) -> list[Backend]:
        return list(dict.fromkeys(backend for several in self._backends.values() for backend in several))

    def list_batches(self) -> list[BatchProgress]:
        """The batches that are out."""
        return [progress for backend in self.batching for progress in backend.list_out()]

    def _look(self) -> None:
        """Send what batches have collected when every open job waits for a batch, or for room in the budget."""
        if self.gateway.is_stopping:
            return
        waiting = self._budget.waiting + sum(backend.waiting for backend in self.batching)
        if waiting >= self._open and not any(backend.is_busy for backend in self.batching):
            for backend in self.batching:
                backend.flush()

    def _set_terms(
        self, models: Mapping[Role, ModelConfig], limits: LimitsConfig, prices: Mapping[Role, Price | None]
    ) -> dict[Role, Terms]:
        """A throttle for each endpoint and model, begun where an earlier run of this folder found it."""
        rates = Rates(limits.rpm, limits.tpm, time.monotonic())
        found = {change.label: change for change in self._journal.throttle_changes if change.reason != FIXED}
        slots = {role: find_slots(models, limits, role) for role in models}
        numbers = {role: len(several) for role, several in self._backends.items()}
        wanted = sum((count or MOST_SLOTS) * numbers[role] for role, count in slots.items()) + _OTHER_FILES
        ceiling = max(1, min(MOST_SLOTS, allow_open_files(wanted) - _OTHER_FILES))
        terms: dict[Role, Terms] = {}
        for role, several in self._backends.items():
            routes = []
            for backend in several:
                if backend.verified_by not in self._throttles:
                    before = found.get(backend.label)
                    is_batched = isinstance(backend, BatchingBackend)  # it waits for no slot
                    finder = slots[role] or ConcurrencyFinder(ceiling, before.limit if before else None)
                    self._throttles[backend.verified_by] = Throttle(
                        backend.label,
                        1 if is_batched else finder,
                        time.monotonic,
                        None if models[role].is_local else rates,
                        before.pace if before else None,
                        self._record,
                        lambda: self._grow(),
                        time.time,
                    )
                if backend not in self._routes:
                    self._routes[backend] = Route(backend, self._throttles[backend.verified_by])
                routes.append(self._routes[backend])
            router = Router(routes, time.monotonic)
            price = models[role].choose_price(prices.get(role))
            terms[role] = Terms(router, models[role].max_output_tokens, price)
        return terms

    def _record(self, change: ThrottleChange) -> None:
        self._journal.append_throttle(change)


def check_open_batches(journal: Journal, backends: Backends) -> None:
    """Hold that batches which are out are picked up: whoever does not would pay for their requests twice.

    Raises:
        ConfigError: batches are out that none of the backends would pick up.
    """
    everyone = [backend for several in backends.values() for backend in several]
    labels = {backend.label for backend in everyone if isinstance(backend, BatchingBackend)}
    lost = [record for record in journal.open_batches if record.label not in labels]
    if lost:
        is_scorers = BatchStore(journal.path).find_role(lost[0].intent) == "scorer"
        raise ConfigError(
            f"{journal.path.parent}: {len(lost)} {'batch is' if len(lost) == 1 else 'batches are'} out at "
            f"{lost[0].label} with {sum(record.requests for record in lost):,} requests that are paid for",
            f"{_RATING if is_scorers else _RUNNING} until they are in; `evol status` shows them",
        )


def allow_open_files(wanted: int) -> int:
    """Raise the process's soft limit of open files towards `wanted`, each call being one; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
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
        spent.cost += total.cost_at(price) if price else 0.0
    return spent
