"""The only place where a model call happens: journal hit? → throttle → budget → backend with retry → journal.

A caller of `complete` can rely on this: a returned completion stands in the journal; a call that the journal knows is
never sent again; an API failure never looks like a reply. `CallFailed` means given up, `RunStopped` the end of the run.

Retries (tenacity): 408, 409, 425, 429, 5xx, time-outs, resets and unreadable bodies for `retry_for` seconds, at least
once; Retry-After is waited for, up to MAX_WAIT; empty replies are tried EMPTY_TRIES times, then they are an outcome.
The first call of each role to each endpoint and model goes alone: what is wrong with key, URL, model or settings shows
there, once. Outages are the business of `health.py`, slots and rates of `throttle.py`, money of `cost.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping

import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from evol.accounts import CallAccounts, Terms
from evol.backends.base import Backend, BatchingBackend
from evol.config import LimitsConfig
from evol.cost import Budget
from evol.errors import (
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
from evol.rates import MAX_WAIT
from evol.records import Completion, CompletionRequest, Role
from evol.routing import Route
from evol.throttle import Slot, Throttle

EMPTY_TRIES = 3
"""Attempts for a reply without content before the emptiness is taken as the outcome."""
FIRST_TRIES = 3
"""Attempts of the first call where nobody listens or no chat completion comes back."""
LIMITED = (429, 503, 529)
"""Statuses that say: too many requests, or no room for them."""
BUSY = (429, 529)
"""Of these, the ones that a server sends which is well."""
NOT_SERVED_HERE = (301, 302, 303, 307, 308, 404, 405)
"""Statuses that say nothing about the request: another endpoint may serve it."""
TOLD_WAIT = 5.0
"""Seconds; the user is told of a longer pause, once a minute at most."""

_BACKOFF = wait_random_exponential(multiplier=0.5, max=30)


class RunStopped(Exception):
    """The run admits nothing more."""


class _Call:
    """One call across its attempts.

    Attributes:
        backend: who was asked last; set by an attempt, as the next two are.
        is_movable: another one may be asked now.
        latency: seconds of the last attempt.
    """

    __slots__ = (
        *("attempts", "backend", "empties", "health", "is_first", "is_movable"),
        *("latency", "request", "started", "terms"),
    )
    backend: Backend
    is_movable: bool
    latency: float

    def __init__(self, request: CompletionRequest, health: EndpointHealth, terms: Terms, started: float) -> None:
        self.request = request
        self.health = health
        self.terms = terms
        self.started = started
        self.is_first = request.role not in health.verified
        self.attempts = 0
        self.empties = 0


class Gateway:
    """Answers completion requests from the journal, else from a backend.

    Args:
        journal: open for appending.
        terms: endpoints, slots and price of each role.
        budget: opened at the journal's total.
        limits: retry and give-up times.
        clock: seconds, monotonic.
        notice: gets one sentence for the user when something holds the run up.

    Attributes:
        accounts: what calls take.
        is_stopping: nothing more is admitted.
        fatal: why, where it is an error.
    """

    def __init__(
        self,
        journal: Journal,
        terms: Mapping[Role, Terms],
        budget: Budget,
        limits: LimitsConfig,
        clock: Callable[[], float] = time.monotonic,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._journal = journal
        self._batching: dict[Role, BatchingBackend] = {}
        for role, term in terms.items():
            backend = term.router.routes[0].backend
            if isinstance(backend, BatchingBackend):
                self._batching[role] = backend
        self._terms = terms
        self._budget = budget
        self.accounts = CallAccounts(journal, budget, terms)
        self._retry_for = limits.retry_for
        self._clock = clock
        self._notice = notice
        self._told: dict[str, float] = {}
        by_endpoints = {
            term.router.identity: EndpointHealth(term.router.label, limits, term.router.limit, clock, term.router.count)
            for term in terms.values()
        }
        self._health = {role: by_endpoints[term.router.identity] for role, term in terms.items()}
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
            if (batching := self._batching.get(request.role)) is not None:
                return await self._collect(request, batching)
            health = self._health[request.role]
            if request.role in health.verified:
                return await self._pay(request, health)
            with self._stoppable():
                is_first = await health.come_first()
            try:
                if request.role not in health.verified:
                    return await self._pay(request, health)
            finally:
                health.make_way(is_first)
            return await self._pay(request, health)
        except CallError:
            raise
        except EvolError as error:  # the endpoint, the budget or the disk: the end of the run
            self.stop(error)
            raise RunStopped from None

    async def _collect(self, request: CompletionRequest, backend: BatchingBackend) -> Completion:
        """Have a batch answer; what it brings goes through the accounts, and it bounds how often a request is sent."""
        while True:
            if self.is_stopping:
                raise RunStopped
            with self._stoppable():
                if not backend.is_out(request.key):
                    await self._budget.reserve(self.accounts.count_worst(request), is_patient=True)
                try:
                    return await backend.complete(request)
                except TransientCallError:
                    continue

    def stop(self, fatal: EvolError | None = None) -> None:
        """Admit nothing more: whoever waits is turned away, calls in flight may finish.

        Args:
            fatal: why, where it is an error; the first one stays.
        """
        self.is_stopping = True
        self.fatal = self.fatal or fatal
        for terms in self._terms.values():
            terms.router.turn_away(RunStopped)
        for task in self._waiting:
            task.cancel()

    async def _pay(self, request: CompletionRequest, health: EndpointHealth) -> Completion:
        """Attempt until there is an outcome, and journal it."""
        call = _Call(request, health, self._terms[request.role], self._clock())
        try:
            try:
                completion = await self._attempt(call)
            except TransientCallError as error:
                completion = await self._retry(call, error)
        except EmptyReplyError as error:
            completion = _read_usage(error)
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
            retry=retry_if_exception(lambda error: self._is_worth_retrying(call, error)),
            wait=lambda state: 0.0 if call.is_movable else _choose_wait(state),
            stop=lambda state: self._is_out_of_time(call, state),
            sleep=self._sleep,
            reraise=True,
        )(retell_or_attempt)

    async def _attempt(self, call: _Call) -> Completion:
        """Send one request, in a slot and within the budget."""
        if self.is_stopping:
            raise RunStopped
        worst = self.accounts.count_worst(call.request)
        if call.health.is_down:
            with self._stoppable():
                await call.health.admit()
        asked = call.backend if call.attempts else None
        route, slot = await call.terms.router.acquire(call.request, self.accounts.expect(call.request), asked)
        throttle = route.throttle
        call.backend = route.backend
        if self.is_stopping or not self._budget.try_reserve(worst):
            try:
                if self.is_stopping:  # since the slot was promised and this task woken
                    raise RunStopped  # noqa: TRY301 - the slot is given back below
                with self._stoppable():
                    await self._budget.reserve(worst)
            except BaseException:
                route.release(slot)
                raise
        tokens = 0, 0
        try:
            completion = await self._send(call, route, slot)
            tokens = self.accounts.count(call.request, completion)
            throttle.note_reply(slot, sum(tokens), completion.hint)
            if completion.hint is not None and completion.hint.odd:
                self._tell("odd", f"{call.backend.label} sends a header that cannot be right ({completion.hint.odd})")
            return completion
        except EmptyReplyError as error:
            tokens = max(0, error.input_tokens), max(0, error.output_tokens)
            throttle.note_reply(slot, sum(tokens), None)
            raise
        except CallError as error:
            throttle.note_failure(slot)
            if isinstance(error, TransientCallError) and error.status in LIMITED:
                self._hold_back(call, throttle, slot, error)
            raise
        finally:
            self.accounts.settle(call.request, tokens)
            route.release(slot)

    async def _send(self, call: _Call, route: Route, slot: Slot) -> Completion:
        """One attempt at the backend; one that brought no reply is journaled as a failure."""
        begun = slot.begun
        try:
            call.attempts += 1
            completion = await route.backend.complete(call.request)
            call.latency = self._clock() - begun
            route.note_success()
            call.health.note_success(call.request.role)
            return completion
        except EmptyReplyError as error:
            call.latency = self._clock() - begun
            call.is_movable = False
            route.note_success()
            call.health.note_success(call.request.role)
            call.empties += 1
            if call.empties < EMPTY_TRIES:
                self._journal.append_failure(call.request, error.message, _read_usage(error))
            raise
        except EvolError as error:
            error.__traceback__ = None  # its frames would keep a long body while the call waits for its next attempt
            self._journal.append_failure(call.request, error.message)
            error = self._leave_out(call, route, slot, error)
            if isinstance(error, TransientCallError) and call.health.note_failure(
                error, call.request.key, begun, is_alone=call.is_first
            ):
                self._notice(
                    f"{call.backend.label}: nothing has succeeded for {call.health.outage_after:.0f} s, "
                    f"the last failure was: {error.message}; one call is tried now and then until it is back"
                )
            raise error from None
        except asyncio.CancelledError:
            self._journal.append_failure(call.request, "interrupted")
            raise

    def _leave_out(self, call: _Call, route: Route, slot: Slot, error: EvolError) -> EvolError:
        """Of several endpoints, let one rest that fails; what is wrong with it alone is worth an attempt elsewhere."""
        router, call.is_movable = call.terms.router, False
        is_own = isinstance(error, EndpointError) or (
            isinstance(error, CallRejected) and error.status in NOT_SERVED_HERE
        )
        is_failure = isinstance(error, TransientCallError) and error.status not in BUSY
        if len(router.routes) == 1 or not (is_own or is_failure):
            return error
        is_certain = is_own or (isinstance(error, TransientCallError) and error.unreachable)
        if route.note_failure(slot, self._clock(), is_certain=is_certain):
            self._tell(
                f"left out {route.backend.label}",
                f"{route.backend.label} is left out, and tried again now and then: {error.message}",
            )
        call.is_movable = router.has_another(route)
        return TransientCallError(error.message) if is_own and (call.is_movable or router.may_return(route)) else error

    def _hold_back(self, call: _Call, throttle: Throttle, slot: Slot, error: TransientCallError) -> None:
        """The server refused a call for its load: everybody waits, and fewer calls follow."""
        hint = error.hint_of_rate
        wait = throttle.note_refusal(slot, error.retry_after, hint, is_rate=error.status == 429)
        label = call.backend.label
        if hint is not None and hint.odd:
            self._tell("odd", f"{label} sends a header that cannot be right ({hint.odd}); it is passed over")
        if error.retry_after is not None and error.retry_after > MAX_WAIT:
            asked = f"{error.retry_after:.3g}"
            self._tell("wait", f"{label}: {error.message}; it asks to wait {asked} s, tried again after {MAX_WAIT:.0f}")
        elif wait >= TOLD_WAIT:
            self._tell("wait", f"{label}: {error.message}; waiting {wait:.0f} s")

    def _tell(self, topic: str, text: str) -> None:
        """Tell the user, about each topic once a minute at most."""
        now = self._clock()
        if now - self._told.get(topic, -math.inf) >= 60:
            self._told[topic] = now
            self._notice(text)

    @staticmethod
    def _is_worth_retrying(call: _Call, error: BaseException) -> bool:
        if not isinstance(error, TransientCallError):
            return False
        if isinstance(error, EmptyReplyError):
            return call.empties < EMPTY_TRIES
        if call.is_first and (error.unreachable or error.unreadable):
            return call.attempts < FIRST_TRIES - 1 + len(call.terms.router.routes)
        return True

    def _is_out_of_time(self, call: _Call, state: RetryCallState) -> bool:
        """Whether `retry_for` is over, not counting outages, or would be before the server wants to hear from us."""
        error = _find_error(state)
        if call.health.is_down or call.attempts < 2 or isinstance(error, EmptyReplyError):
            return False  # `give_up_after` bounds an outage; a call that timed out has a second chance
        spent = self._clock() - call.started - call.health.count_lost_time(call.started)
        return spent + min(error.retry_after or 0.0, MAX_WAIT) > self._retry_for

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
        harmless = dataclasses.replace(call.request, body=orjson.dumps(body))
        await self._budget.reserve(self.accounts.count_worst(harmless))
        self._journal.append_failure(harmless, "a harmless prompt, sent to tell a bad prompt from bad settings")
        try:
            await call.backend.complete(harmless)
        except EmptyReplyError:
            pass
        except CallError:
            return False
        finally:
            self.accounts.settle(harmless, (0, 0))
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


def _read_usage(error: EmptyReplyError) -> Completion:
    """The reply that had no content."""
    return Completion("", error.finish_reason, error.input_tokens, error.output_tokens)


def _give_up(call: _Call, error: TransientCallError) -> EvolError:
    if call.is_first and (error.unreachable or error.unreadable):
        return EndpointError(
            f"{call.backend.label}: {error.message}",
            "check --base-url (most servers want it to end in /v1), and that the server runs",
        )
    return CallFailed(f"gave up after {call.attempts} attempts: {error.message}", error.status)


def _find_error(state: RetryCallState) -> TransientCallError:
    """Why the last attempt is worth another one."""
    error = state.outcome and state.outcome.exception()
    assert isinstance(error, TransientCallError)  # noqa: S101 - else tenacity would not ask how to go on
    return error


def _choose_wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: Retry-After, else exponential with jitter."""
    asked = _find_error(state).retry_after
    if asked is None:
        return float(_BACKOFF(state))
    return min(asked, MAX_WAIT) + float(_BACKOFF(state)) * 0.1  # spread those who were told the same


async def _suggest(backend: Backend, status: int) -> str:
    if status == 404:
        list_models = getattr(backend, "list_models", None)
        if names := (await list_models() if list_models else []):
            return f"check --model; the server has {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
        return "check --model, and --base-url (most servers want it to end in /v1)"
    if 300 <= status < 400:
        return "the endpoint redirects, and redirects are not followed; name its final address with --base-url"
    return "check --model and the sampling keys; a key the server does not know can be left out with `key = false`"
