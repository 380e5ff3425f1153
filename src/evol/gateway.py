"""The only place where a model call happens: journal hit? → budget → throttle → backend with retry → journal.

What a caller of `complete` can rely on: a returned completion stands in the journal; a call that the journal knows is
never sent again; an API failure never looks like a reply. `CallFailed` says the call was given up, `RunStopped` that
the run admits nothing more.

Retries (tenacity): 408, 409, 425, 429, 5xx, time-outs, resets and unreadable bodies for `retry_for` seconds, at least
once; Retry-After is waited for, up to MAX_WAIT; empty replies are tried EMPTY_TRIES times, then they are an outcome.
The first call of each role to each endpoint and model goes alone: what is wrong with key, URL, model or settings shows
there, once. Outages are the business of `health.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping

import orjson
from tenacity import AsyncRetrying, RetryCallState, wait_random_exponential

from evol.backends.base import Backend
from evol.config import LimitsConfig
from evol.cost import Budget
from evol.errors import (
    BudgetExhausted,
    CallError,
    CallFailed,
    CallRejected,
    EmptyReplyError,
    EndpointError,
    EvolError,
    TransientCallError,
)
from evol.health import SAME_REFUSALS, EndpointHealth
from evol.journal import Journal
from evol.records import Completion, CompletionRequest, Role
from evol.throttle import Throttle

EMPTY_TRIES = 3
"""Attempts for a reply without content before the emptiness is taken as the outcome."""
FIRST_TRIES = 3
"""Attempts of the first call where nobody listens or no chat completion comes back."""
MAX_WAIT = 300.0
"""Seconds; a longer Retry-After is tried again after this long."""

_BACKOFF = wait_random_exponential(multiplier=0.5, max=30)


class RunStopped(Exception):
    """The run admits nothing more."""


class _Call:
    """One call across its attempts."""

    __slots__ = ("attempts", "backend", "empties", "health", "is_first", "latency", "request", "started")

    def __init__(self, request: CompletionRequest, backend: Backend, health: EndpointHealth, started: float) -> None:
        self.request = request
        self.backend = backend
        self.health = health
        self.started = started
        self.is_first = request.role not in health.verified
        self.attempts = 0
        self.empties = 0
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
        self._retry_for = limits.retry_for
        self._clock = clock
        self._health = {
            backend.verified_by: EndpointHealth(backend.label, limits, throttle.limit, clock)
            for backend in backends.values()
        }
        self._waiting: set[asyncio.Task[object]] = set()
        self._known_good = {role for role, total in journal.totals.items() if total.calls}
        self.is_stopping = False
        self.fatal: EvolError | None = None

    async def complete(self, request: CompletionRequest) -> Completion:
        """Answer one request; see the module for what is promised.

        Raises:
            CallFailed: given up; a later run tries again.
            RunStopped: the run admits nothing more.
        """
        try:
            if (hit := self._journal.find(request)) is not None:
                return hit
            if self.is_stopping:
                raise RunStopped
            backend = self._backends[request.role]
            health = self._health[backend.verified_by]
            if request.role in health.verified:
                return await self._pay(_Call(request, backend, health, self._clock()))
            with self._stoppable():
                await health.first_call.acquire()
            try:
                if request.role not in health.verified:
                    return await self._pay(_Call(request, backend, health, self._clock()))
            finally:
                health.first_call.release()
            return await self._pay(_Call(request, backend, health, self._clock()))
        except CallError:
            raise
        except EvolError as error:  # the endpoint, the budget or the disk: the end of the run
            self.stop(error)
            raise RunStopped from None

    def stop(self, fatal: EvolError | None = None) -> None:
        """Admit nothing more: whoever waits is turned away, calls in flight may finish.

        Args:
            fatal: why, where it is an error; the first one stays.
        """
        self.is_stopping = True
        self.fatal = self.fatal or fatal
        for task in self._waiting:
            task.cancel()

    async def _pay(self, call: _Call) -> Completion:
        """Attempt until there is an outcome, and journal it."""
        try:
            try:
                completion = await self._attempt(call)
            except TransientCallError as error:
                completion = await self._retry(call, error)
        except EmptyReplyError as error:
            completion = Completion("", error.finish_reason, error.input_tokens, error.output_tokens)
        except TransientCallError as error:
            raise _give_up(call, error) from None
        except CallRejected as error:
            raise await self._interpret_refusal(call, error) from None
        call.health.verified.add(call.request.role)
        self._journal.append(call.request, completion, latency=call.latency)
        return completion

    async def _retry(self, call: _Call, first: TransientCallError) -> Completion:
        """Go on after a first failure; tenacity costs more than a call that succeeds at once, so it starts here."""
        pending = [first]

        async def retell_or_attempt() -> Completion:
            if pending:
                raise pending.pop()
            return await self._attempt(call)

        return await AsyncRetrying(
            retry=lambda state: self._is_worth_retrying(call, state),
            wait=_choose_wait,
            stop=lambda state: self._is_out_of_time(call, state),
            sleep=self._sleep,
            reraise=True,
        )(retell_or_attempt)

    async def _attempt(self, call: _Call) -> Completion:
        """Send one request, in a slot; an attempt that brought no reply is journaled as a failure."""
        with self._stoppable():
            await call.health.admit()
            await self._throttle.acquire(call.request.position)
        begun = self._clock()
        try:
            if self.is_stopping:
                raise RunStopped
            self._budget.reserve()
            call.attempts += 1
            completion = await call.backend.complete(call.request)
            call.latency = self._clock() - begun
            call.health.note_success(call.request.role)
            return completion
        except BudgetExhausted:
            raise
        except EmptyReplyError as error:
            call.latency = self._clock() - begun
            call.health.note_success(call.request.role)
            call.empties += 1
            if call.empties < EMPTY_TRIES:
                self._journal.append_failure(call.request, error.message)
            raise
        except EvolError as error:
            self._journal.append_failure(call.request, error.message)
            if isinstance(error, TransientCallError):
                call.health.note_failure(error, call.request.key, begun, is_alone=call.is_first)
            raise
        except asyncio.CancelledError:
            self._journal.append_failure(call.request, "interrupted")
            raise
        finally:
            self._throttle.release()

    def _is_worth_retrying(self, call: _Call, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, EmptyReplyError):
            return call.empties < EMPTY_TRIES
        if isinstance(error, TransientCallError) and call.is_first and (error.unreachable or error.unreadable):
            return call.attempts < FIRST_TRIES
        return isinstance(error, CallError) and error.retryable

    def _is_out_of_time(self, call: _Call, state: RetryCallState) -> bool:
        """Whether `retry_for` is over, not counting outages, or would be before the server wants to hear from us."""
        error = state.outcome.exception() if state.outcome else None
        if call.health.is_down or call.attempts < 2 or isinstance(error, EmptyReplyError):
            return False  # `give_up_after` bounds an outage; a call that timed out has a second chance
        asked = error.retry_after or 0.0 if isinstance(error, TransientCallError) else 0.0
        spent = self._clock() - call.started - call.health.count_lost_time(call.started)
        return spent + min(asked, MAX_WAIT) > self._retry_for

    async def _sleep(self, seconds: float) -> None:
        if self.is_stopping:
            raise RunStopped
        with self._stoppable():
            await asyncio.sleep(seconds)

    async def _interpret_refusal(self, call: _Call, error: CallRejected) -> EvolError:
        """What a refusal means: the end of the run, or of this lineage."""
        count = call.health.note_refusal(call.request.role, error)
        message = f"{call.backend.label}: {error.message}"
        if count >= SAME_REFUSALS:
            return EndpointError(f"{message} ({count} times in a row)", await _suggest(call.backend, error.status))
        is_unknown = call.is_first and call.request.role not in self._known_good
        if is_unknown and not await self._is_the_prompts_fault(call, error):
            return EndpointError(message, await _suggest(call.backend, error.status))
        return CallFailed(error.message, error.status)

    async def _is_the_prompts_fault(self, call: _Call, error: CallRejected) -> bool:
        """Ask the same with a harmless prompt: if that goes through, the refused prompt was to blame."""
        if error.status not in (400, 413, 422):
            return False
        body = {**orjson.loads(call.request.body), "messages": [{"role": "user", "content": "Say yes."}]}
        self._budget.reserve()
        harmless = dataclasses.replace(call.request, body=orjson.dumps(body))
        self._journal.append_failure(harmless, "a harmless prompt, sent to tell a bad prompt from bad settings")
        try:
            await call.backend.complete(harmless)
        except EmptyReplyError:
            pass
        except CallError:
            return False
        call.health.verified.add(call.request.role)
        return True

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


def _give_up(call: _Call, error: TransientCallError) -> EvolError:
    if call.is_first and (error.unreachable or error.unreadable):
        return EndpointError(
            f"{call.backend.label}: {error.message}",
            "check --base-url (most servers want it to end in /v1), and that the server runs",
        )
    return CallFailed(f"gave up after {call.attempts} attempts: {error.message}", error.status)


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
