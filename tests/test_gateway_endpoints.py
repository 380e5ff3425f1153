"""Several endpoints behind one gateway: what goes to another one, at once; who is left out; and batches."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evol.backends.scripted import ScriptedBackend
from evol.config import LimitsConfig
from evol.errors import CallFailed, CallRejected, EmptyReplyError, EndpointError, EvolError, TransientCallError
from evol.journal import Journal
from evol.records import Completion, CompletionRequest
from evol.routing import FAILURES
from gateways import Endpoint, Script, ask, make_gateway, request, run_with_journal
from virtual_time import VirtualLoop, count_seconds


@pytest.fixture(autouse=True)
def longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are drawn are as long as they can be."""
    monkeypatch.setattr("random.uniform", lambda low, high: high)


def raise_always(error: EvolError, after: int = 0) -> Script:
    """Every request of a seed from `after` on fails in one way."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position >= after:
            raise error
        return "fine"

    return script


WELL: Script = lambda wanted: "fine"  # noqa: E731 - a constant like the others


def ask_in_turn(
    folder: Path, endpoints: list[Endpoint], count: int, retry_for: float = 600.0
) -> tuple[list[object], list[str]]:
    """Ask one after the other; replies, errors or the reason of the end, and what the user was told."""
    told: list[str] = []

    async def main(journal: Journal, loop: VirtualLoop) -> list[object]:
        limits = LimitsConfig(retry_for=retry_for)
        gateway = make_gateway(journal, {"evolver": endpoints}, loop, limits, notice=told.append)
        found = [(await ask(gateway, request(number)))[0] for number in range(count)]
        return [gateway.fatal or reply for reply in found] if gateway.fatal else found

    return run_with_journal(folder, main), told


@pytest.mark.parametrize(
    "error",
    [
        EndpointError("HTTP 401: no such key", "check the key"),
        *(CallRejected(f"HTTP {status}", status) for status in (301, 302, 303, 307, 308, 404, 405)),
        TransientCallError("cannot connect", unreachable=True),
    ],
)
def test_who_can_serve_nobody_is_left_out_at_once(tmp_path: Path, error: EvolError) -> None:
    """Wrong key, unknown model, unreachable: the call goes to the other one without a wait, and the user is told."""
    bad, good = Endpoint(raise_always(error), "a"), Endpoint(WELL, "b")
    found, told = ask_in_turn(tmp_path, [bad, good], 3)
    assert found == ["fine"] * 3
    assert told == [f"m at a is left out, and tried again now and then: {error.message}"]
    assert (bad.moments, good.moments) == ([0.0], [0.0] * 3)


def test_a_server_that_fails_again_and_again_is_left_out(tmp_path: Path) -> None:
    """Each of its failures goes to the other one at once; after a few in a row it rests."""
    bad, good = Endpoint(raise_always(TransientCallError("HTTP 500", 500)), "a"), Endpoint(WELL, "b")
    found, told = ask_in_turn(tmp_path, [bad, good], 9)
    assert found == ["fine"] * 9
    assert bad.moments == [0.0] * FAILURES
    assert told == ["m at a is left out, and tried again now and then: HTTP 500"]


def test_one_of_several_that_hangs_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    """Also where it has the very first call of the run."""

    class Hanging(Endpoint):
        async def complete(self, wanted: CompletionRequest) -> Completion:
            await asyncio.sleep(600)
            raise TransientCallError("no reply within 600 s")

    async def main(journal: Journal, loop: VirtualLoop) -> list[float]:
        gateway = make_gateway(journal, {"evolver": [Hanging(WELL, "a"), Endpoint(WELL, "b")]}, loop)

        async def ask_one(number: int) -> float:
            assert await ask(gateway, request(number)) == ["fine"]
            return count_seconds()

        return await asyncio.gather(*map(ask_one, range(40)))

    seconds = sorted(run_with_journal(tmp_path, main))
    assert seconds[40 - 4 - 1] <= 30, "all but those that hang"
    assert seconds[-1] <= 640


def test_one_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    """One call tries it after each rest, also after several in vain; then it has its share."""

    def script(wanted: CompletionRequest) -> str:
        if count_seconds() < 20:
            raise TransientCallError("cannot connect", unreachable=True)
        return "fine"

    endpoints = [Endpoint(script, "a"), Endpoint(WELL, "b", latency=1.0)]
    found, _ = ask_in_turn(tmp_path, endpoints, 60)
    assert found == ["fine"] * 60
    assert len([moment for moment in endpoints[0].moments if moment < 20]) == 5, "after 0, 1, 3, 7 and 15 seconds"
    assert len([moment for moment in endpoints[0].moments if moment > 20]) > 20


@pytest.mark.parametrize("status", [429, 529])
def test_a_busy_server_is_not_left_out(tmp_path: Path, status: int) -> None:
    """It is well, so the call keeps to its own wait, as long as the server asked."""
    busy = Endpoint(raise_always(TransientCallError("slow down", status, retry_after=3.0)), "a")
    good = Endpoint(WELL, "b")
    found, told = ask_in_turn(tmp_path, [busy, good], 2)
    assert found == ["fine"] * 2
    assert told == []
    assert good.moments[0] == pytest.approx(3.05)


def test_a_server_without_room_is_passed_by(tmp_path: Path) -> None:
    """503 says that this one has no room: another may have."""
    full = Endpoint(raise_always(TransientCallError("no room", 503, retry_after=3.0)), "a")
    good = Endpoint(WELL, "b")
    found, _ = ask_in_turn(tmp_path, [full, good], 1)
    assert found == ["fine"]
    assert good.moments == [0.0]


def test_an_empty_reply_waits_its_time(tmp_path: Path) -> None:
    """Also after an attempt that went on to another endpoint at once: nothing was wrong with this one."""
    bad = Endpoint(raise_always(TransientCallError("HTTP 500", 500)), "a")
    empty = Endpoint(raise_always(EmptyReplyError("nothing", 1, 0, "stop")), "b")
    found, _ = ask_in_turn(tmp_path, [bad, empty], 1)
    assert found == [""]
    assert bad.moments[:2] == empty.moments[:2] == [0.0, 1.0]


def test_a_refused_prompt_goes_nowhere_else(tmp_path: Path) -> None:
    """What the request itself is to blame for would be refused everywhere."""
    first, second = (Endpoint(raise_always(CallRejected("bad words", 400), 1), name) for name in "ab")
    found, told = ask_in_turn(tmp_path, [first, second], 2)
    assert found[0] == "fine"
    assert isinstance(found[1], CallFailed)
    assert told == []
    assert len(first.sent) + len(second.sent) == 2


def test_all_of_them_refuse_the_key(tmp_path: Path) -> None:
    """When nobody is left who has served or may be tried, the run ends as with one endpoint."""
    endpoints = [Endpoint(raise_always(EndpointError(f"{name}: HTTP 401", "check the key")), name) for name in "ab"]
    (found, *_), told = ask_in_turn(tmp_path, endpoints, 2)
    assert isinstance(found, EndpointError)
    assert found.message == "b: HTTP 401"
    assert len(told) == 2


def test_one_that_has_served_is_waited_for(tmp_path: Path) -> None:
    """The only endpoint with the right key may be away for a while: the call is tried until it is back."""

    def serve(wanted: CompletionRequest) -> str:
        if 1 < count_seconds() < 60:
            raise TransientCallError("cannot connect", unreachable=True)
        return "fine"

    async def main(journal: Journal, loop: VirtualLoop) -> list[object]:
        wrong = Endpoint(raise_always(EndpointError("HTTP 401", "check the key")), "a")
        gateway = make_gateway(journal, {"evolver": [wrong, Endpoint(serve, "b")]}, loop)
        found = await ask(gateway, request(0))
        await asyncio.sleep(30)
        found += await ask(gateway, request(1))
        assert 60 <= count_seconds() < 100
        return found

    assert run_with_journal(tmp_path, main) == ["fine", "fine"]


def test_a_failure_waits_where_nobody_else_is_open(tmp_path: Path) -> None:
    """While the other one rests, a call that failed keeps to its own wait."""
    away = Endpoint(raise_always(TransientCallError("cannot connect", unreachable=True)), "a")

    def script(wanted: CompletionRequest) -> str:
        if count_seconds() < 0.1:
            raise TransientCallError("HTTP 500", 500)
        return "fine"

    other = Endpoint(script, "b")
    found, _ = ask_in_turn(tmp_path, [away, other], 1)
    assert found == ["fine"]
    assert other.moments == [0.0, 1.0]


def test_a_key_that_is_lost_while_the_other_one_never_served(tmp_path: Path) -> None:
    """Nobody is left to wait for: the run ends with what the endpoint said."""
    revoked = Endpoint(raise_always(EndpointError("HTTP 401", "check the key"), 1), "b")
    away = Endpoint(raise_always(TransientCallError("cannot connect", unreachable=True)), "a")

    async def main(journal: Journal, loop: VirtualLoop) -> EvolError | None:
        gateway = make_gateway(journal, {"evolver": [away, revoked]}, loop)
        assert await ask(gateway, request(0)) == ["fine"]
        await ask(gateway, request(1))
        return gateway.fatal

    fatal = run_with_journal(tmp_path, main)
    assert isinstance(fatal, EndpointError)
    assert fatal.message == "HTTP 401"


def test_a_call_that_waited_in_vain_tells_what_it_met_last(tmp_path: Path) -> None:
    """Also where that was a wrong key at one endpoint, while the one that had served stayed away."""

    def serve(wanted: CompletionRequest) -> str:
        if wanted.position:
            raise TransientCallError("cannot connect", unreachable=True)
        return "fine"

    endpoints = [Endpoint(raise_always(EndpointError("HTTP 401", "check the key")), "a"), Endpoint(serve, "b")]
    found, _ = ask_in_turn(tmp_path, endpoints, 2, retry_for=20.0)
    assert found[0] == "fine"
    assert isinstance(found[1], CallFailed)
    assert endpoints[0].moments[-1] > endpoints[1].moments[-1]
    assert found[1].message.startswith("gave up after ")
    assert found[1].message.endswith(" attempts: HTTP 401")


def test_nobody_listens(tmp_path: Path) -> None:
    """Each endpoint has its chance, then the run ends with advice and names them all as they were asked."""
    endpoints = [Endpoint(raise_always(TransientCallError("cannot connect", unreachable=True)), name) for name in "abc"]
    (found,), _ = ask_in_turn(tmp_path, endpoints, 1)
    assert isinstance(found, EndpointError)
    assert found.message == f"{found.message.partition(':')[0]}: cannot connect"
    assert sum(len(endpoint.sent) for endpoint in endpoints) == 5
    assert all(endpoint.sent for endpoint in endpoints)
    assert isinstance(endpoints[0], ScriptedBackend)


def test_the_one_that_failed_is_named(tmp_path: Path) -> None:
    """A refusal of the settings names the endpoint that refused, also where it is not the first."""

    def script(wanted: CompletionRequest) -> Completion:
        raise CallRejected("HTTP 400: no such key", 400)

    away = Endpoint(raise_always(TransientCallError("cannot connect", unreachable=True)), "a")
    (found,), _ = ask_in_turn(tmp_path, [away, Endpoint(script, "b")], 1)
    assert isinstance(found, EndpointError)
    assert found.message == "m at b: HTTP 400: no such key"
