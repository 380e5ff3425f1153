"""What a caller of the gateway relies on: journal first, one call alone at first, slots, budget, refusals, the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evol.backends.base import Backend
from evol.config import LimitsConfig
from evol.cost import Budget, BudgetLimits, Spending
from evol.errors import (
    BudgetExhausted,
    CallFailed,
    CallRejected,
    EmptyReplyError,
    EndpointError,
    StorageError,
    TransientCallError,
)
from evol.gateway import EMPTY_TRIES, RunStopped
from evol.health import SAME_REFUSALS
from evol.journal import Journal
from evol.records import Completion, CompletionRequest, Role
from gateways import Endpoint, ask, ask_all, make_gateway, open_price, read_records, request, run_with_journal
from virtual_time import VirtualLoop


def test_second_time_is_answered_from_the_journal(tmp_path: Path) -> None:
    """A completed call is never sent again, also by another process."""
    asked: list[str] = []

    def script(wanted: CompletionRequest) -> str:
        asked.append(wanted.seed_id)
        return f"to {wanted.seed_id}"

    first, _, _ = ask_all(tmp_path, script, 10)
    again, _, attempts = ask_all(tmp_path, script, 10)
    assert first == again == [f"to s{n}" for n in range(10)]
    assert (len(asked), attempts) == (10, 10)


def test_what_is_paid_for_is_answered_after_the_end_too(tmp_path: Path) -> None:
    """Once stopped nothing is sent any more, and the journal still answers."""
    endpoint = Endpoint(lambda wanted: "fine")

    async def main(journal: Journal, loop: VirtualLoop) -> list[object]:
        gateway = make_gateway(journal, {"evolver": endpoint, "judge": endpoint}, loop)
        await ask(gateway, request(0))
        gateway.stop()
        return await ask(gateway, request(0), request(1), request(2, "judge"))

    known, *others = run_with_journal(tmp_path, main)
    assert known == "fine"
    assert [type(reply) for reply in others] == [RunStopped, RunStopped]
    assert len(endpoint.sent) == 1


def test_the_first_call_of_each_role_goes_alone(tmp_path: Path) -> None:
    """What is wrong with the settings shows once; after a reply the role's others go together."""
    endpoint = Endpoint(lambda wanted: "fine", latency=1.0)

    async def main(journal: Journal, loop: VirtualLoop) -> None:
        gateway = make_gateway(journal, {"evolver": endpoint, "judge": endpoint}, loop, slots=9)
        await ask(gateway, request(0), request(1), request(2), request(3, "judge"), request(4, "judge"))

    run_with_journal(tmp_path, main)
    assert sorted(endpoint.sent) == [(0.0, "s0"), (1.0, "s1"), (1.0, "s2"), (1.0, "s3"), (2.0, "s4")]


def test_after_a_failed_first_call_the_next_goes_alone_too(tmp_path: Path) -> None:
    """Nothing is known of a role before it has replied, however many calls were given up."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position < 2:
            raise TransientCallError("HTTP 500", 500, retry_after=0.0)
        return "fine"

    endpoint = Endpoint(script, latency=1.0)
    found, _, _ = ask_all(tmp_path, endpoint, 5, LimitsConfig(retry_for=0.0), slots=9)
    assert [type(reply) for reply in found[:2]] == [CallFailed, CallFailed]
    assert found[2:] == ["fine"] * 3
    assert [name for _, name in endpoint.sent] == ["s0", "s0", "s1", "s1", "s2", "s3", "s4"]
    first, *others = endpoint.moments[4:]
    assert others == [first + 1.0] * 2


def test_latencies_of_attempts_are_journaled(tmp_path: Path) -> None:
    """The seconds of the attempt that brought the reply, without the attempts and the waits before it."""

    class Slow(Endpoint):
        async def complete(self, wanted: CompletionRequest) -> Completion:
            await asyncio.sleep(2.5 if self.sent else 7.0)
            return await super().complete(wanted)

    def script(wanted: CompletionRequest) -> str:
        if len(endpoint.sent) == 1:
            raise TransientCallError("HTTP 500", 500)
        if wanted.position == 1:
            raise EmptyReplyError("nothing", 3, 0, "stop")
        return "fine"

    endpoint = Slow(script)
    ask_all(tmp_path, endpoint, 2)
    records = read_records(tmp_path)
    assert [record["latency"] for record in records if record["kind"] == "call"] == [2.5, 2.5]
    assert [record["error"] for record in records if record["kind"] == "failure"] == ["HTTP 500", "nothing", "nothing"]


def test_empty_replies_become_an_outcome(tmp_path: Path) -> None:
    """A reply without content is tried a few times, whatever `retry_for`; then it is journaled, tokens and all."""

    def script(wanted: CompletionRequest) -> str:
        raise EmptyReplyError("nothing", 7, 2, "length")

    endpoint = Endpoint(script)
    found, _, attempts = ask_all(tmp_path, endpoint, 1, LimitsConfig(retry_for=0.0))
    assert (found, attempts) == ([""], EMPTY_TRIES)
    again, _, attempts = ask_all(tmp_path, endpoint, 1)
    assert (again, attempts) == (found, EMPTY_TRIES)
    told = ("kind", "finish_reason", "input_tokens", "output_tokens")
    usage = [tuple(record[name] for name in told) for record in read_records(tmp_path)]
    assert usage == [("failure", "length", 7, 2)] * 2 + [("call", "length", 7, 2)]


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
    assert found == ["fine", "now", "fine"]
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
    assert found.count("fine") in (5, 6)
    _, gateway, attempts = ask_all(tmp_path, script, 10, max_calls=6)
    assert attempts == 6
    found, gateway, attempts = ask_all(tmp_path, script, 10, max_calls=20)
    assert gateway.fatal is None
    assert found == ["fine"] * 10
    assert attempts == sum(tries.values()) == 11


def spend(folder: Path, limits: BudgetLimits, replies: Mapping[str, Completion | Exception], **terms: Any) -> Budget:
    """Ask for as many calls as there are replies, one after the other, within a budget; what was spent."""

    def script(wanted: CompletionRequest) -> Completion:
        reply = replies[wanted.seed_id]
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def main(journal: Journal, loop: VirtualLoop) -> Budget:
        budget = Budget(limits, Spending())
        backends: dict[Role, Backend] = {"evolver": Endpoint(script)}
        gateway = make_gateway(journal, backends, loop, LimitsConfig(retry_for=0.0), budget=budget, **terms)
        for number in range(len(replies)):
            await ask(gateway, request(number))
        return budget

    return run_with_journal(folder, main)


def test_replies_are_paid_for_by_their_usage(tmp_path: Path) -> None:
    """By length where the server gives no usage, four bytes a token; empty ones too; failures cost nothing."""
    replies: dict[str, Completion | Exception] = {
        "s0": Completion("fine", "stop", 100, 10),
        "s1": Completion("é" * 20 + "x", "stop"),  # 7 bytes asked, 41 in reply
        "s2": Completion("fine", "stop", 5, -1),  # one of the two is as good as none
        "s3": EmptyReplyError("nothing", 3, -1, "stop"),
        "s4": EmptyReplyError("nothing", -1, 2, "stop"),
        "s5": CallRejected("bad words", 400),
    }
    spent = spend(tmp_path, BudgetLimits(), replies, price=open_price()).spent
    tokens_in, tokens_out = 100 + 1 + 1 + 3 * EMPTY_TRIES, 10 + 10 + 1 + 2 * EMPTY_TRIES
    assert spent == Spending(3 + 2 * EMPTY_TRIES + 1, tokens_in + tokens_out, tokens_in + 2 * tokens_out)


def test_a_harmless_prompt_counts_as_a_request(tmp_path: Path) -> None:
    """It tells a bad prompt from bad settings, and the budget counts it like any request without a reply."""
    asked: list[bytes] = []

    def script(wanted: CompletionRequest) -> str:
        asked.append(wanted.body)
        if len(asked) == 1:
            raise CallRejected("bad words", 400)
        return "yes"

    async def main(journal: Journal, loop: VirtualLoop, limit: int) -> tuple[Spending, list[object]]:
        budget = Budget(BudgetLimits(max_calls=limit), Spending())
        gateway = make_gateway(journal, {"evolver": Endpoint(script)}, loop, budget=budget, price=open_price())
        return budget.spent, await ask(gateway, request(0))

    (tmp_path / "two").mkdir()
    spent, (found,) = run_with_journal(tmp_path / "two", lambda journal, loop: main(journal, loop, 2))
    assert isinstance(found, CallFailed)
    assert spent == Spending(2, 0, 0.0)
    assert len(asked) == 2
    asked.clear()
    spent, (found,) = run_with_journal(tmp_path, lambda journal, loop: main(journal, loop, 1))
    assert isinstance(found, RunStopped)
    assert len(asked) == 1


def test_an_unknown_price_costs_nothing(tmp_path: Path) -> None:
    """Tokens are counted all the same."""
    replies = {"s0": Completion("fine", "stop", 100, 10)}
    assert spend(tmp_path, BudgetLimits(), replies).spent == Spending(1, 110, 0.0)


@pytest.mark.parametrize(
    ("limits", "is_enough"),
    [
        (BudgetLimits(max_tokens=57), True),  # 7 bytes of request, 50 tokens of reply
        (BudgetLimits(max_tokens=56), False),
        (BudgetLimits(max_cost=107.0), True),
        (BudgetLimits(max_cost=106.9), False),
        (BudgetLimits(max_calls=1), True),
        (BudgetLimits(max_calls=0), False),
    ],
)
def test_the_worst_case_must_fit(tmp_path: Path, limits: BudgetLimits, is_enough: bool) -> None:
    """A request is sent if the budget holds also where every byte is a token and the reply as long as can be."""
    replies = {"s0": Completion("fine", "stop", 1, 1)}
    spent = spend(tmp_path, limits, replies, max_output_tokens=50, price=open_price()).spent
    assert spent.calls == is_enough


def test_a_call_without_room_waits_for_those_in_flight(tmp_path: Path) -> None:
    """What they did not take is there for it; when nothing is left the run ends, and no slot stays taken."""
    endpoint = Endpoint(lambda wanted: Completion("fine", "stop", 20, 20), latency=1.0)

    async def main(journal: Journal, loop: VirtualLoop) -> list[object]:
        budget = Budget(BudgetLimits(max_tokens=180), Spending())
        gateway = make_gateway(journal, {"evolver": endpoint}, loop, budget=budget, max_output_tokens=93)
        found = await ask(gateway, *map(request, range(5)))
        assert isinstance(gateway.fatal, BudgetExhausted)
        assert gateway.fatal.message.startswith("--max-tokens 180 ")
        return found

    found = run_with_journal(tmp_path, main)
    assert found[:3] == ["fine"] * 3  # 100 are put aside for each, 40 taken
    assert [type(reply) for reply in found[3:]] == [RunStopped] * 2
    assert endpoint.moments == [0.0, 1.0, 2.0]


def test_slots_are_held_per_attempt_and_given_by_position(tmp_path: Path) -> None:
    """Never more calls in flight than slots; who waits is served in seed order, so lineages finish depth first."""
    endpoint = Endpoint(lambda wanted: "fine", latency=1.0)

    async def main(journal: Journal, loop: VirtualLoop) -> None:
        gateway = make_gateway(journal, {"evolver": endpoint}, loop, slots=3)
        await gateway.complete(request(0))
        await ask(gateway, *(request(n) for n in range(30, 0, -1)))

    run_with_journal(tmp_path, main)
    assert endpoint.moments == [0.0] + [float(second) for second in range(1, 11) for _ in range(3)]
    order = [name for _, name in endpoint.sent]
    assert order[4:] == [f"s{n}" for n in range(1, 31) if f"s{n}" not in order[:4]]


@pytest.mark.parametrize("status", [401, 403])
def test_a_lost_key_ends_the_run_at_once(tmp_path: Path, status: int) -> None:
    """What the backend calls unusable stops everything; calls already paid for stay."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position < 3:
            return "fine"
        raise EndpointError(f"HTTP {status}", "check the key")

    found, gateway, _ = ask_all(tmp_path, script, 30, slots=1)
    assert isinstance(gateway.fatal, EndpointError)
    assert found.count("fine") == 3
    assert sum(isinstance(reply, RunStopped) for reply in found) == 27


def test_a_full_disk_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that cannot be journaled is not handed out, and nothing more is asked for."""

    def refuse(*_: object, **__: object) -> None:
        raise StorageError("cannot write: No space left on device")

    monkeypatch.setattr(Journal, "append", refuse)
    found, gateway, _ = ask_all(tmp_path, lambda wanted: "fine", 3)
    assert [type(reply) for reply in found] == [RunStopped] * 3
    assert isinstance(gateway.fatal, StorageError)


@pytest.mark.parametrize("where", ["the first call", "a slot", "the next attempt", "room in the budget", "a probe"])
def test_the_end_turns_away_whoever_waits(tmp_path: Path, where: str) -> None:
    """Wherever it waits, at once; a call in flight may finish, and its reply stays."""

    def script(wanted: CompletionRequest) -> Completion:
        if where == "the next attempt" and wanted.position == 2:
            raise TransientCallError("HTTP 500", 500, retry_after=50.0)
        if where == "a probe" and wanted.position and asyncio.get_running_loop().time() < 1090:
            raise TransientCallError("HTTP 500", 500)
        return Completion("fine", "stop", 1, 1)

    class Slow(Endpoint):
        async def complete(self, wanted: CompletionRequest) -> Completion:
            await asyncio.sleep(20.0 if wanted.position == 1 else 0.0)
            return await super().complete(wanted)

    endpoint = Slow(script)

    async def main(journal: Journal, loop: VirtualLoop) -> tuple[float, list[object], int]:
        budget = Budget(BudgetLimits(max_tokens=200 if where == "room in the budget" else None), Spending())
        slots = 1 if where == "a slot" else 4
        limits = LimitsConfig(give_up_after=240.0)
        gateway = make_gateway(
            journal, {"evolver": endpoint}, loop, limits, slots=slots, budget=budget, max_output_tokens=150
        )
        if where != "the first call":
            await ask(gateway, request(0))
        in_flight = asyncio.ensure_future(ask(gateway, request(1)))
        await asyncio.sleep(1)
        waiting = asyncio.ensure_future(ask(gateway, request(2)))
        await asyncio.sleep(80 if where == "a probe" else 1)
        if where == "a probe":
            in_flight = asyncio.ensure_future(ask(gateway, request(9)))
            await asyncio.sleep(1)
        asked, begun = len(endpoint.sent), loop.time()
        gateway.stop()
        found = await waiting
        seconds = loop.time() - begun
        return seconds, found + await in_flight, len(endpoint.sent) - asked

    seconds, (turned_away, finished), sent = run_with_journal(tmp_path, main)
    assert seconds == 0
    assert type(turned_away) is RunStopped
    if where == "a probe":
        assert type(finished) is RunStopped  # nothing was in flight
    else:
        assert (finished, sent) == ("fine", 1)
        assert [record["seed_id"] for record in read_records(tmp_path) if record["kind"] == "call"][-1] == "s1"


def test_a_cancelled_caller_is_no_end_of_the_run(tmp_path: Path) -> None:
    """Who asked may be cancelled while it waits or while its call is in flight: the latter is counted, others go on."""
    endpoint = Endpoint(lambda wanted: "fine", latency=10.0)

    async def main(journal: Journal, loop: VirtualLoop) -> tuple[list[type], list[float]]:
        gateway = make_gateway(journal, {"evolver": endpoint}, loop, slots=1)
        await ask(gateway, request(0))
        tasks = [asyncio.ensure_future(gateway.complete(request(number))) for number in (1, 2, 3)]
        await asyncio.sleep(1)
        tasks[0].cancel()
        tasks[1].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert gateway.fatal is None
        return [type(reply) for reply in found], endpoint.moments

    kinds, moments = run_with_journal(tmp_path, main)
    assert kinds == [asyncio.CancelledError, asyncio.CancelledError, Completion]
    assert moments == [0.0, 10.0, 11.0]
    said = [(record["seed_id"], record.get("error")) for record in read_records(tmp_path)]
    assert said == [("s0", None), ("s1", "interrupted"), ("s3", None)]


def test_the_first_reason_of_the_end_stays(tmp_path: Path) -> None:
    """Calls in flight may fail after the end; what ended the run is what is told."""

    async def main(journal: Journal, loop: VirtualLoop) -> list[object]:
        gateway = make_gateway(journal, {"evolver": Endpoint(lambda wanted: "fine")}, loop)
        gateway.stop()
        first = EndpointError("the key was refused", "check the key")
        found: list[object] = [gateway.fatal]
        for error in (first, EndpointError("other", "other"), None):
            gateway.stop(error)
            found.append(gateway.fatal is first)
        return found

    assert run_with_journal(tmp_path, main) == [None, True, True, True]
