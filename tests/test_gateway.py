from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evol.backends.base import Backend
from evol.backends.scripted import ScriptedBackend
from evol.config import LimitsConfig
from evol.cost import Budget, BudgetLimits, Spending
from evol.errors import (
    BudgetExhausted,
    CallFailed,
    CallRejected,
    EmptyReplyError,
    EndpointError,
    TransientCallError,
)
from evol.gateway import EMPTY_TRIES, Gateway, RunStopped, Terms
from evol.health import SAME_REFUSALS
from evol.journal import Journal
from evol.records import Completion, CompletionRequest, Role
from evol.routing import Route, Router
from evol.throttle import Throttle
from virtual_time import VirtualLoop, run_virtually

Script = Callable[[CompletionRequest], str | Completion]


def request(number: int, role: Role = "evolver") -> CompletionRequest:
    """A request of its own lineage."""
    return CompletionRequest(f"s{number}", 1, role, 1, b'{"n":%d}' % number, number)


def make_gateway(
    journal: Journal,
    backends: dict[Role, Backend],
    slots: int,
    limits: LimitsConfig,
    max_calls: int | None = None,
) -> Gateway:
    """A gateway with a throttle of its own for each endpoint."""
    throttles = {backend.verified_by: Throttle(backend.label, slots, time.monotonic) for backend in backends.values()}
    routes = {backend.verified_by: Route(backend, throttles[backend.verified_by]) for backend in backends.values()}
    terms = {role: Terms(Router([routes[backend.verified_by]], time.monotonic)) for role, backend in backends.items()}
    budget = Budget(BudgetLimits(max_calls), Spending(journal.attempts))
    return Gateway(journal, terms, budget, limits)


def ask_all(
    folder: Path,
    script: Script,
    count: int,
    limits: LimitsConfig | None = None,
    *,
    slots: int = 4,
    max_calls: int = 10**6,
) -> tuple[list[object], Gateway, int]:
    """Ask for `count` calls at once; replies or errors in order, the gateway, and requests sent as journaled."""

    async def main(gateway: Gateway) -> list[object]:
        return await asyncio.gather(*(gateway.complete(request(n)) for n in range(count)), return_exceptions=True)

    with Journal.open_for_run(folder, print) as journal:
        backend: Backend = ScriptedBackend(script)
        backends: dict[Role, Backend] = {"evolver": backend, "judge": backend, "responder": backend}
        gateway = make_gateway(journal, backends, slots, limits or LimitsConfig(), max_calls)
        found = asyncio.run(main(gateway))
        return found, gateway, journal.attempts


def test_second_time_is_answered_from_the_journal(tmp_path: Path) -> None:
    """A completed call is never sent again, also by another process."""
    asked: list[str] = []

    def script(wanted: CompletionRequest) -> str:
        asked.append(wanted.seed_id)
        return f"to {wanted.seed_id}"

    first, _, _ = ask_all(tmp_path, script, 10)
    again, _, attempts = ask_all(tmp_path, script, 10)
    assert [getattr(reply, "text", reply) for reply in first] == [f"to s{n}" for n in range(10)]
    assert [getattr(reply, "text", reply) for reply in again] == [f"to s{n}" for n in range(10)]
    assert (len(asked), attempts) == (10, 10)


def test_one_of_several_that_hangs_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    """Also where it has the very first call of the run."""

    class Hanging(ScriptedBackend):
        async def complete(self, wanted: CompletionRequest) -> Completion:
            await asyncio.sleep(600)
            raise TransientCallError("no reply within 600 s")

    async def main(loop: VirtualLoop) -> list[float]:
        backends: list[Backend] = [Hanging(lambda wanted: ""), ScriptedBackend(lambda wanted: "well")]
        routes = [Route(backend, Throttle(str(n), 4, loop.time)) for n, backend in enumerate(backends)]
        terms: dict[Role, Terms] = {"evolver": Terms(Router(routes, loop.time))}
        gateway = Gateway(journal, terms, Budget(BudgetLimits(), Spending()), LimitsConfig(), loop.time)
        begun = loop.time()

        async def ask(number: int) -> float:
            assert (await gateway.complete(request(number))).text == "well"
            return loop.time() - begun

        seconds = await asyncio.gather(*(ask(number) for number in range(40)))
        await asyncio.sleep(1)  # the journal's fsync
        return seconds

    with Journal.open_for_run(tmp_path, print) as journal:
        seconds = sorted(run_virtually(main))
    assert seconds[40 - 4 - 1] <= 30, "all but those that hang"
    assert seconds[-1] <= 640


def test_an_outage_is_waited_out_with_few_probes(tmp_path: Path) -> None:
    """While nothing succeeds the calls' own clocks stand still: a long outage leaves no lineage unfinished."""
    begun = time.monotonic()
    sent: list[float] = []

    def script(wanted: CompletionRequest) -> str:
        now = time.monotonic() - begun
        sent.append(now)
        if wanted.seed_id != "s0" and now < 4:
            raise TransientCallError("down", 503)
        return "up"

    limits = LimitsConfig(retry_for=2.5, give_up_after=6.0)  # an outage after 1.5 s, a probe every 1.5 s
    found, _, _ = ask_all(tmp_path, script, 20, limits)
    assert [getattr(reply, "text", reply) for reply in found] == ["up"] * 20
    assert len([stamp for stamp in sent if 2 < stamp < 4]) <= 3


def test_give_up_ends_the_run(tmp_path: Path) -> None:
    """After `give_up_after` seconds without a success everybody is turned away."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.seed_id == "s0":
            return "up"
        raise TransientCallError("down", 503)

    found, gateway, _ = ask_all(tmp_path, script, 10, LimitsConfig(retry_for=60.0, give_up_after=1.5))
    assert isinstance(gateway.fatal, EndpointError)
    assert sum(isinstance(reply, RunStopped) for reply in found) == 9


def test_retry_after_is_obeyed(tmp_path: Path) -> None:
    """The seconds a server asks for are waited before the next attempt."""
    stamps: list[float] = []

    def script(wanted: CompletionRequest) -> str:
        stamps.append(time.monotonic())
        if len(stamps) == 1:
            raise TransientCallError("slow down", 429, retry_after=1.0)
        return "fine"

    ask_all(tmp_path, script, 1)
    assert stamps[1] - stamps[0] >= 1.0


def test_empty_replies_become_an_outcome(tmp_path: Path) -> None:
    """A reply without content is tried a few times; then its emptiness is journaled, tokens and all."""

    def script(wanted: CompletionRequest) -> str:
        raise EmptyReplyError("nothing", 7, 0, "stop")

    found, _, attempts = ask_all(tmp_path, script, 1)
    assert found == [Completion("", "stop", 7, 0)]
    assert attempts == EMPTY_TRIES
    again, _, attempts = ask_all(tmp_path, script, 1)
    assert (again, attempts) == (found, EMPTY_TRIES)


def test_a_lost_call_is_recorded_and_asked_again_later(tmp_path: Path) -> None:
    """A call given up counts its attempts and stays open."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.seed_id == "s1":
            raise CallRejected("bad words", 400)
        return "fine"

    found, _, attempts = ask_all(tmp_path, script, 3)
    assert isinstance(found[1], CallFailed)
    assert attempts == 3
    found, _, attempts = ask_all(tmp_path, lambda wanted: "now", 3)
    assert [getattr(reply, "text", "") for reply in found] == ["fine", "now", "fine"]
    assert attempts == 4


def test_different_refusals_do_not_end_the_run(tmp_path: Path) -> None:
    """Only the same refusal again and again does; each seed may have a fault of its own."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.seed_id == "s0":
            return "fine"
        raise CallRejected(f"bad words: {'x' * wanted.position}", 400)

    found, gateway, _ = ask_all(tmp_path, script, SAME_REFUSALS * 2)
    assert gateway.fatal is None
    assert sum(isinstance(reply, CallFailed) for reply in found) == SAME_REFUSALS * 2 - 1


def test_budget_counts_every_request_sent(tmp_path: Path) -> None:
    """Retries count, journal hits do not, and the total is the folder's."""
    tries: dict[str, int] = {}

    def script(wanted: CompletionRequest) -> str:
        tries[wanted.seed_id] = tries.get(wanted.seed_id, 0) + 1
        if tries[wanted.seed_id] == 1 and wanted.seed_id == "s2":
            raise TransientCallError("once", 500)
        return "fine"

    found, gateway, attempts = ask_all(tmp_path, script, 10, max_calls=6)
    assert isinstance(gateway.fatal, BudgetExhausted)
    assert attempts == 6 == sum(tries.values())
    assert sum(isinstance(reply, Completion) for reply in found) in (5, 6)
    _, gateway, attempts = ask_all(tmp_path, script, 10, max_calls=6)
    assert attempts == 6
    found, gateway, attempts = ask_all(tmp_path, script, 10, max_calls=20)
    assert gateway.fatal is None
    assert all(isinstance(reply, Completion) for reply in found)
    assert attempts == sum(tries.values()) == 11


def test_slots_are_held_per_attempt_and_given_by_position(tmp_path: Path) -> None:
    """Never more calls in flight than slots; who waits is served in seed order, so lineages finish depth first."""
    order: list[int] = []
    in_flight = peak = 0

    class Counting(ScriptedBackend):
        async def complete(self, wanted: CompletionRequest) -> Completion:
            nonlocal in_flight, peak
            in_flight += 1
            peak = max(peak, in_flight)
            order.append(wanted.position)
            await asyncio.sleep(0.01)
            in_flight -= 1
            return Completion("fine", "stop")

    async def main() -> None:
        backend = Counting(lambda wanted: "")
        backends: dict[Role, Backend] = {"evolver": backend}
        gateway = make_gateway(journal, backends, 3, LimitsConfig())
        await gateway.complete(request(0))
        await asyncio.gather(*(gateway.complete(request(n)) for n in range(30, 0, -1)))

    with Journal.open_for_run(tmp_path, print) as journal:
        asyncio.run(main())
    assert peak == 3
    assert order[4:] == sorted(order[4:])


@pytest.mark.parametrize("status", [401, 403])
def test_a_lost_key_ends_the_run_at_once(tmp_path: Path, status: int) -> None:
    """What the backend calls unusable stops everything; calls already paid for stay."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position < 3:
            return "fine"
        raise EndpointError(f"HTTP {status}", "check the key")

    found, gateway, _ = ask_all(tmp_path, script, 30, slots=1)
    assert isinstance(gateway.fatal, EndpointError)
    assert sum(isinstance(reply, Completion) for reply in found) == 3
    assert sum(isinstance(reply, RunStopped) for reply in found) == 27


def test_a_few_poisoned_prompts_are_no_outage(tmp_path: Path) -> None:
    """Calls that fail while nothing else is left to do run out of their own time; the run is not held up by them."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position >= 18:
            raise TransientCallError("always", 500)
        return "fine"

    found, gateway, _ = ask_all(tmp_path, script, 20, LimitsConfig(retry_for=1.0, give_up_after=600.0), slots=8)
    assert gateway.fatal is None
    assert [type(reply) for reply in found[18:]] == [CallFailed, CallFailed]
    assert all(isinstance(reply, Completion) for reply in found[:18])


def test_an_outage_of_one_endpoint_does_not_slow_another(tmp_path: Path) -> None:
    """Each endpoint has a health of its own; the message names the one that is lost."""

    class Judge(ScriptedBackend):
        def __init__(self) -> None:
            super().__init__(self.answer)
            self.label, self.verified_by = "judge at somewhere", "judge"

        def answer(self, wanted: CompletionRequest) -> str:
            if wanted.position:
                raise TransientCallError("down", 503)
            return "Equal"

    async def main(gateway: Gateway) -> tuple[list[object], float]:
        judging = [asyncio.create_task(gateway.complete(request(n, "judge"))) for n in range(10)]
        await asyncio.sleep(1.2)
        begun = time.monotonic()
        evolved = [await gateway.complete(request(n)) for n in range(20)]
        seconds = time.monotonic() - begun
        assert all(reply.text == "fine" for reply in evolved)
        return await asyncio.gather(*judging, return_exceptions=True), seconds

    with Journal.open_for_run(tmp_path, print) as journal:
        healthy, judge = ScriptedBackend(lambda wanted: "fine"), Judge()
        backends: dict[Role, Backend] = {"evolver": healthy, "responder": healthy, "judge": judge}
        limits = LimitsConfig(retry_for=60.0, give_up_after=2.5)
        gateway = make_gateway(journal, backends, 4, limits)
        _, seconds = asyncio.run(main(gateway))
    assert seconds < 1.0
    assert isinstance(gateway.fatal, EndpointError)
    assert "judge at somewhere: nothing succeeded" in gateway.fatal.message


def test_a_call_that_timed_out_is_tried_once_more(tmp_path: Path) -> None:
    """An attempt may take as long as `retry_for` itself; the next one still follows."""
    tries: list[int] = []

    def script(wanted: CompletionRequest) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise TransientCallError("no reply in time")
        return "fine"

    found, _, _ = ask_all(tmp_path, script, 1, LimitsConfig(retry_for=0.0))
    assert [getattr(reply, "text", reply) for reply in found] == ["fine"]


def test_a_server_that_never_answers_well_ends_the_run(tmp_path: Path) -> None:
    """First calls go one by one; that none of them succeeds is noticed across them, not only within each."""

    def script(wanted: CompletionRequest) -> str:
        raise TransientCallError("slow down", 429, retry_after=0.1)

    found, gateway, _ = ask_all(tmp_path, script, 40, LimitsConfig(retry_for=0.5, give_up_after=2.0))
    assert isinstance(gateway.fatal, EndpointError)
    assert "nothing succeeded" in gateway.fatal.message
    assert any(isinstance(reply, RunStopped) for reply in found)
