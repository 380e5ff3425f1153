"""The only place where a model call happens: journal hit? → budget → throttle → backend with retry → journal.

What a caller of `complete` can rely on: a returned completion stands in the journal; a call that the journal knows is
never sent again; an API failure never looks like a reply. `CallFailed` says the call was given up, `RunStopped` that
the run admits nothing more.

Retries (tenacity): 429, 408/409, 5xx, time-outs, resets and unreadable bodies for `retry_for` seconds, Retry-After
obeyed; empty replies EMPTY_TRIES times, then they are an outcome. The first call to each endpoint and model goes alone:
what is wrong with key, URL or model shows there, once. While nothing succeeds at all, one probe every PROBE_INTERVAL
seconds goes out, the clocks of the waiting calls stand still, and after `give_up_after` seconds the run ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from tenacity import AsyncRetrying, RetryCallState, wait_random_exponential

from evol.backends.base import Backend
from evol.config import LimitsConfig
from evol.cost import Budget
from evol.errors import (
    BudgetExhausted,
    CallFailed,
    CallRejected,
    EmptyReplyError,
    EndpointError,
    EvolError,
    TransientCallError,
)
from evol.journal import Journal
from evol.records import Completion, CompletionRequest, Role
from evol.throttle import Throttle

EMPTY_TRIES = 3
"""Attempts for a reply without content before the emptiness is taken as the outcome."""
FIRST_TRIES = 3
"""Attempts of the first call where nobody listens or no chat completion comes back."""
SAME_REFUSALS = 20
"""Identical refusals in a row that end the run."""
PROBE_INTERVAL = 30.0
"""Seconds between probes while nothing succeeds."""
OUTAGE_AFTER = 60.0
"""Seconds without a success, and with a failure at their end, that count as an outage."""
MAX_WAIT = 300.0
"""Seconds; a longer Retry-After is tried again after this long."""

_BACKOFF = wait_random_exponential(multiplier=0.5, max=30)


class RunStopped(Exception):
    """The run admits nothing more."""


class _Call:
    """State of one call across its attempts."""

    __slots__ = ("attempts", "is_first", "latency", "request", "started")

    def __init__(self, request: CompletionRequest, started: float, *, is_first: bool) -> None:
        self.request = request
        self.started = started
        self.is_first = is_first
        self.attempts = 0
        self.latency = 0.0


class Gateway:
    """Answers completion requests from the journal, else from a backend.

    Args:
        journal: open for appending.
        backends: who plays which role.
        throttle: the slots.
        budget: opened at the journal's total.
        limits: retry and give-up times.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        journal: Journal,
        backends: Mapping[Role, Backend],
        throttle: Throttle,
        budget: Budget,
        limits: LimitsConfig,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._backends = backends
        self._throttle = throttle
        self._budget = budget
        self._limits = limits
        self._clock = clock
        self._verified: set[str] = set()
        self._verifying: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: set[asyncio.Task[object]] = set()
        self._last_success = float("-inf")
        self._failing_since: float | None = None
        self._outages: list[tuple[float, float]] = []
        self._recovered = asyncio.Event()
        self._recovered.set()
        self._next_probe = 0.0
        self._refusal = ""
        self._refusals = 0
        self._known_good = {role for role, total in journal.totals.items() if total.calls}
        self.is_stopping = False
        self.fatal: EvolError | None = None

    async def complete(self, request: CompletionRequest) -> Completion:
        """Answer one request; see the module for what is promised.

        Raises:
            CallFailed: given up; a later run tries again.
            RunStopped: the run admits nothing more.
        """
        if (hit := self._journal.find(request)) is not None:
            return hit
        if self.is_stopping:
            raise RunStopped
        backend = self._backends[request.role]
        identity = backend.verified_by
        if identity in self._verified:
            return await self._pay(backend, request, is_first=False)
        with self._stoppable():
            await self._verifying[identity].acquire()
        try:
            is_first = identity not in self._verified
            if is_first:
                completion = await self._pay(backend, request, is_first=True)
                self._verified.add(identity)
                return completion
        finally:
            self._verifying[identity].release()
        return await self._pay(backend, request, is_first=False)

    def stop(self, fatal: EvolError | None = None) -> None:
        """Admit nothing more: whoever waits is turned away, calls in flight may finish.

        Args:
            fatal: why, where it is an error; the first one stays.
        """
        self.is_stopping = True
        self.fatal = self.fatal or fatal
        for task in self._waiting:
            task.cancel()

    async def _pay(self, backend: Backend, request: CompletionRequest, *, is_first: bool) -> Completion:
        call = _Call(request, self._clock(), is_first=is_first)
        try:
            completion = await self._attempt_repeatedly(backend, call)
        except CallFailed as error:
            self._journal.append_failure(request, error.message, attempts=call.attempts)
            raise
        except (EndpointError, BudgetExhausted) as error:
            self._record_unanswered(call, error.message)
            self.stop(error)
            raise RunStopped from None
        except (asyncio.CancelledError, RunStopped):
            self._record_unanswered(call, "interrupted")
            raise
        self._journal.append(request, completion, latency=call.latency, attempts=call.attempts)
        return completion

    def _record_unanswered(self, call: _Call, why: str) -> None:
        # what was sent counts against the budget, answered or not
        if call.attempts:
            self._journal.append_failure(call.request, why, attempts=call.attempts)

    async def _attempt_repeatedly(self, backend: Backend, call: _Call) -> Completion:
        try:
            return await self._attempt(backend, call)
        except TransientCallError as error:
            pending: list[TransientCallError] = [error]
        except CallRejected as error:
            raise await self._judge_refusal(backend, call, error) from None

        async def attempt() -> Completion:
            # tenacity is entered only now; its first try re-tells what the direct one met
            if pending:
                raise pending.pop()
            return await self._attempt(backend, call)

        retrying = AsyncRetrying(
            retry=lambda state: self._is_worth_retrying(call, state),
            wait=_choose_wait,
            stop=lambda state: self._is_out_of_time(call, state),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except EmptyReplyError as error:
            return Completion("", error.finish_reason, error.input_tokens, error.output_tokens)
        except TransientCallError as error:
            if call.is_first and (error.unreachable or error.unreadable):
                raise EndpointError(
                    f"{backend.label}: {error.message}",
                    "check --base-url (most servers want it to end in /v1), and that the server runs",
                ) from None
            raise CallFailed(f"gave up after {call.attempts} attempts: {error.message}", error.status) from None
        except CallRejected as error:
            raise await self._judge_refusal(backend, call, error) from None

    async def _attempt(self, backend: Backend, call: _Call) -> Completion:
        with self._stoppable():
            if not self._recovered.is_set():
                await self._wait_for_recovery()
            await self._throttle.acquire(call.request.position)
        try:
            if self.is_stopping:
                raise RunStopped
            self._budget.reserve()
            call.attempts += 1
            begun = self._clock()
            completion = await backend.complete(call.request)
            self._note_success()
            call.latency = self._last_success - begun
            self._refusals = 0
            return completion
        except EmptyReplyError:
            self._note_success()  # of the endpoint, if not of the call
            raise
        except TransientCallError as error:
            self._note_failure(error, begun)
            raise
        finally:
            self._throttle.release()

    def _note_success(self) -> None:
        self._last_success = self._clock()
        if not self._recovered.is_set() and self._failing_since is not None:
            self._outages.append((self._failing_since, self._last_success))
        self._failing_since = None
        self._recovered.set()

    def _note_failure(self, error: TransientCallError, begun: float) -> None:
        """Count the time in which nothing succeeded although something was tried."""
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = max(begun, self._last_success)
        silent = now - self._failing_since
        if silent >= self._limits.give_up_after:
            raise EndpointError(
                f"nothing succeeded for {silent:.0f} s; the last failure was: {error.message}",
                "the same command goes on when the endpoint is back",
            ) from None
        if self._recovered.is_set() and silent >= min(OUTAGE_AFTER, self._limits.give_up_after / 4):
            self._recovered.clear()
            self._next_probe = now + self._probe_interval

    @property
    def _probe_interval(self) -> float:
        return min(PROBE_INTERVAL, self._limits.give_up_after / 4)

    async def _wait_for_recovery(self) -> None:
        """Wait until the endpoint answers again or it is our turn to probe."""
        while not self._recovered.is_set():
            now = self._clock()
            if now >= self._next_probe:
                self._next_probe = now + self._probe_interval
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._recovered.wait(), self._next_probe - now)

    def _is_worth_retrying(self, call: _Call, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, EmptyReplyError):
            return call.attempts < EMPTY_TRIES
        if not isinstance(error, TransientCallError):
            return False
        if call.is_first and (error.unreachable or error.unreadable):
            return call.attempts < FIRST_TRIES
        return True

    def _is_out_of_time(self, call: _Call, state: RetryCallState) -> bool:
        """Whether `retry_for` is over, not counting outages, or would be before the server wants to hear from us."""
        if not self._recovered.is_set():
            return False  # `give_up_after` bounds an outage
        now = self._clock()
        lost = sum(max(0.0, end - max(begun, call.started)) for begun, end in self._outages)
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after or 0.0 if isinstance(error, TransientCallError) else 0.0
        return now - call.started - lost + min(asked, MAX_WAIT) > self._limits.retry_for

    async def _sleep(self, seconds: float) -> None:
        if self.is_stopping:
            raise RunStopped
        with self._stoppable():
            await asyncio.sleep(seconds)

    async def _judge_refusal(self, backend: Backend, call: _Call, error: CallRejected) -> EvolError:
        """What a refusal means: the end of the run, or of this lineage."""
        message = f"{backend.label}: {error.message}"
        if call.is_first and call.request.role not in self._known_good:
            return EndpointError(message, await _suggest(backend, error.status))
        self._refusals = self._refusals + 1 if error.message == self._refusal else 1
        self._refusal = error.message
        if self._refusals >= SAME_REFUSALS:
            return EndpointError(f"{message} ({self._refusals} times in a row)", await _suggest(backend, error.status))
        return CallFailed(error.message, error.status)

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """While in the block this task waits for its turn: `stop` may turn it away."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are inside a coroutine
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self.is_stopping:
                raise RunStopped from None
            raise
        finally:
            self._waiting.discard(task)


def _choose_wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: Retry-After, else exponential with jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TransientCallError) else None
    if asked is None:
        return float(_BACKOFF(state))
    return min(asked, MAX_WAIT) + float(_BACKOFF(state)) * 0.1  # spread those who were told the same


async def _suggest(backend: Backend, status: int) -> str:
    if status == 404:
        list_models = getattr(backend, "list_models", None)
        names = await list_models() if list_models else []
        if names:
            return f"check --model; the server has {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
        return "check --model, and --base-url (most servers want it to end in /v1)"
    if 300 <= status < 400:
        return "the endpoint redirects, and redirects are not followed; name its final address with --base-url"
    return "check --model and the sampling keys; a key the server does not know can be left out with `key = false`"
