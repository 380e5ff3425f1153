"""When the next attempt goes: back-off, Retry-After, outages and rates, to the second; and what the user is told."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from evol.config import LimitsConfig
from evol.errors import CallFailed, CallRejected, EmptyReplyError, EndpointError, TransientCallError
from evol.gateway import EMPTY_TRIES, RunStopped
from evol.journal import Journal
from evol.rates import Allowance, RateHint
from evol.records import Completion, CompletionRequest
from evol.throttle import Rates
from gateways import Endpoint, ask, ask_all, make_gateway, request, run_with_journal
from virtual_time import START, VirtualLoop, count_seconds


@pytest.fixture
def longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are drawn are as long as they can be."""
    monkeypatch.setattr("random.uniform", lambda low, high: high)


@pytest.fixture
def shortest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are drawn are as short as they can be."""
    monkeypatch.setattr("random.uniform", lambda low, high: low)


def fail(until: float, error: TransientCallError) -> Endpoint:
    """An endpoint that serves s0, and fails the others until so many seconds have passed."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position and count_seconds() < until:
            raise error
        return "fine"

    return Endpoint(script)


BROKEN = TransientCallError("HTTP 500", 500)


@pytest.mark.usefixtures("longest_waits")
def test_waits_between_attempts_double(tmp_path: Path) -> None:
    """From half a second to thirty; after `retry_for` seconds the call is given up, and the sentence counts."""
    endpoint = fail(1e9, BROKEN)
    found, gateway, _ = ask_all(tmp_path, endpoint, 2, LimitsConfig(retry_for=91.5))
    assert endpoint.moments == [0.0, 0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5, 121.5]
    assert isinstance(found[1], CallFailed)
    assert (found[1].message, found[1].status) == ("gave up after 10 attempts: HTTP 500", 500)
    assert gateway.fatal is None


def test_waits_between_attempts_differ(tmp_path: Path) -> None:
    """Calls that failed together do not come back together; none waits longer than it may."""
    endpoint = fail(1.0, BROKEN)
    ask_all(tmp_path, endpoint, 9, slots=9)
    second = sorted(endpoint.moments[9:17])
    assert len(set(second)) == 8
    assert 0.0 < second[0] <= second[-1] <= 1.5


@pytest.mark.usefixtures("longest_waits")
@pytest.mark.parametrize(("asked", "wait"), [(7.0, 7.05), (0.0, 0.05), (1000.0, 300.05)])
def test_retry_after_is_obeyed(tmp_path: Path, asked: float, wait: float) -> None:
    """The seconds a server asks for are waited before the next attempt, five minutes at most, and a little spread."""
    endpoint = fail(0.01, TransientCallError("HTTP 500", 500, retry_after=asked))
    found, _, _ = ask_all(tmp_path, endpoint, 2)
    assert found == ["fine", "fine"]
    assert endpoint.moments == [0.0, 0.0, pytest.approx(wait)]


@pytest.mark.usefixtures("longest_waits")
@pytest.mark.parametrize(("asked", "attempts"), [(9.5, 3), (9.6, 2), (1000.0, 2)])
def test_nobody_waits_for_what_comes_too_late(tmp_path: Path, asked: float, attempts: int) -> None:
    """A server that wants to be left alone for longer than the rest of `retry_for` ends the call now."""
    tries: list[float] = []

    def script(wanted: CompletionRequest) -> str:
        if not wanted.position:
            return "fine"
        tries.append(count_seconds())
        raise TransientCallError("HTTP 500", 500, retry_after=None if len(tries) == 1 else asked)

    found, _, _ = ask_all(tmp_path, script, 2, LimitsConfig(retry_for=10.0))
    assert isinstance(found[1], CallFailed)
    assert len(tries) == attempts


@pytest.mark.usefixtures("longest_waits")
def test_a_long_wait_within_retry_for_is_waited(tmp_path: Path) -> None:
    """What counts is the wait that is made, not the longer one that was asked for."""
    endpoint = fail(1.0, TransientCallError("HTTP 500", 500, retry_after=1e6))
    found, _, _ = ask_all(tmp_path, endpoint, 2, LimitsConfig(retry_for=301.0))
    assert found == ["fine", "fine"]


def test_a_call_that_timed_out_is_tried_once_more(tmp_path: Path) -> None:
    """An attempt may take as long as `retry_for` itself; the next one still follows."""
    tries: list[int] = []

    def script(wanted: CompletionRequest) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise TransientCallError("no reply in time")
        return "fine"

    found, _, _ = ask_all(tmp_path, script, 1, LimitsConfig(retry_for=0.0))
    assert found == ["fine"]


@pytest.mark.parametrize("error", [BROKEN, EmptyReplyError("nothing", 1, 0, "stop")])
def test_no_slot_is_held_while_a_call_waits(tmp_path: Path, error: TransientCallError) -> None:
    """Others go on meanwhile, also with a single slot."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position == 1 and not any(name == "s2" for _, name in endpoint.sent):
            raise error
        return "fine"

    endpoint = Endpoint(script)
    found, _, _ = ask_all(tmp_path, endpoint, 3, slots=1)
    assert [name for _, name in endpoint.sent][:3] == ["s0", "s1", "s2"]
    assert found == ["fine"] * 3


@pytest.mark.usefixtures("longest_waits")
def test_an_outage_is_waited_out_with_few_probes(tmp_path: Path) -> None:
    """While nothing succeeds the calls' own clocks stand still: a long outage leaves no lineage unfinished."""
    told: list[str] = []
    endpoint = fail(1000.0, TransientCallError("down", 500))
    found, _, _ = ask_all(tmp_path, endpoint, 20, LimitsConfig(retry_for=100.0), slots=20, notice=told.append)
    assert found == ["fine"] * 20
    probes = sorted(moment for moment in endpoint.moments if 100 < moment < 1000)
    assert [after - before for before, after in itertools.pairwise(probes)] == [30.0] * (len(probes) - 1)
    assert len(probes) == 30
    (sentence,) = told
    assert sentence.startswith("m at a: nothing has succeeded for 60 s, the last failure was: down; one call is tried ")


@pytest.mark.usefixtures("longest_waits")
def test_after_an_outage_the_time_of_a_call_goes_on(tmp_path: Path) -> None:
    """Only the outage is not counted: a call that still fails then is given up after `retry_for` seconds of its own."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position == 1 or (wanted.position and count_seconds() < 300):
            raise BROKEN
        return "fine"

    endpoint = Endpoint(script)
    found, _, _ = ask_all(tmp_path, endpoint, 8, LimitsConfig(retry_for=100.0), slots=9)
    assert isinstance(found[1], CallFailed)
    assert found[2:] == ["fine"] * 6
    last = max(moment for moment, name in endpoint.sent if name == "s1")
    assert 400 <= last <= 460, "100 s after the end of the outage, and one more wait"


def test_the_very_first_call_tells_an_outage_alone(tmp_path: Path) -> None:
    """While it is tried all others wait for it, so nothing else can show that nobody is served."""

    def script(wanted: CompletionRequest) -> str:
        raise BROKEN

    endpoint = Endpoint(script)
    _, gateway, _ = ask_all(tmp_path, endpoint, 1, LimitsConfig(retry_for=10_000.0, give_up_after=600.0))
    assert isinstance(gateway.fatal, EndpointError)
    assert 600 <= endpoint.moments[-1] <= 630


def test_give_up_ends_the_run(tmp_path: Path) -> None:
    """After `give_up_after` seconds without a success everybody is turned away."""
    endpoint = fail(1e9, TransientCallError("down", 503))
    found, gateway, _ = ask_all(tmp_path, endpoint, 10, LimitsConfig(retry_for=60.0, give_up_after=1800.0))
    assert isinstance(gateway.fatal, EndpointError)
    assert "m at a: nothing succeeded for 18" in gateway.fatal.message
    assert [type(reply) for reply in found[1:]] == [RunStopped] * 9
    assert 1800 <= endpoint.moments[-1] <= 1830


def test_a_few_poisoned_prompts_are_no_outage(tmp_path: Path) -> None:
    """Calls that fail while nothing else is left to do run out of their own time; the run is not held up by them."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position >= 18:
            raise BROKEN
        return "fine"

    endpoint = Endpoint(script)
    found, gateway, _ = ask_all(tmp_path, endpoint, 20, LimitsConfig(retry_for=300.0), slots=8)
    assert gateway.fatal is None
    assert [type(reply) for reply in found[18:]] == [CallFailed, CallFailed]
    assert found[:18] == ["fine"] * 18
    assert endpoint.moments[-1] <= 330


@pytest.mark.usefixtures("longest_waits")
def test_an_outage_of_one_endpoint_does_not_slow_another(tmp_path: Path) -> None:
    """Each endpoint has a health of its own; the message names the one that is lost."""

    def script(wanted: CompletionRequest) -> str:
        if wanted.position:
            raise BROKEN
        return "Equal"

    async def main(journal: Journal, loop: VirtualLoop) -> float:
        healthy, judge = Endpoint(lambda wanted: "fine"), Endpoint(script, "somewhere")
        gateway = make_gateway(journal, {"evolver": healthy, "responder": healthy, "judge": judge}, loop)
        judging = asyncio.create_task(ask(gateway, *(request(n, "judge") for n in range(10))))
        await asyncio.sleep(200)
        assert len(judge.sent) < 80
        begun = loop.time()
        assert await ask(gateway, *(request(n) for n in range(20))) == ["fine"] * 20
        seconds = loop.time() - begun
        await judging
        assert isinstance(gateway.fatal, EndpointError)
        assert "m at somewhere: nothing succeeded" in gateway.fatal.message
        return seconds

    assert run_with_journal(tmp_path, main) == 0.0


def test_a_server_that_never_answers_well_ends_the_run(tmp_path: Path) -> None:
    """First calls go one by one; that none of them succeeds is noticed across them, not only within each."""

    def script(wanted: CompletionRequest) -> str:
        raise TransientCallError("slow down", 429, retry_after=0.1)

    found, gateway, _ = ask_all(tmp_path, script, 400, LimitsConfig(retry_for=5.0, give_up_after=600.0))
    assert isinstance(gateway.fatal, EndpointError)
    assert "nothing succeeded" in gateway.fatal.message
    assert any(isinstance(reply, CallFailed) for reply in found)
    assert any(isinstance(reply, RunStopped) for reply in found)


@pytest.mark.usefixtures("longest_waits")
@pytest.mark.parametrize("status", [429, 503, 529, 500])
def test_a_refusal_for_load_makes_everybody_wait(tmp_path: Path, status: int) -> None:
    """Whoever comes while the server wants to be left alone is sent afterwards; a server error is nobody else's."""
    endpoint = fail(0.01, TransientCallError(f"HTTP {status}", status, retry_after=20.0))

    async def main(journal: Journal, loop: VirtualLoop) -> float:
        gateway = make_gateway(journal, {"evolver": endpoint}, loop)
        await ask(gateway, request(0))
        refused = asyncio.ensure_future(ask(gateway, request(1)))
        await asyncio.sleep(1)
        assert await ask(gateway, request(2)) == ["fine"]
        seconds = loop.time() - START
        assert await refused == ["fine"]
        return seconds

    assert run_with_journal(tmp_path, main) == pytest.approx(1.0 if status == 500 else 20.0)


@pytest.mark.parametrize(
    ("status", "asked", "sentence"),
    [
        (429, 4.9, None),
        (429, 5.0, "m at a: no; waiting 5 s"),
        (503, 60.0, "m at a: no; waiting 60 s"),
        (529, 300.0, "m at a: no; waiting 300 s"),
        (429, 301.0, "m at a: no; it asks to wait 301 s, tried again after 300"),
        (500, 60.0, None),
    ],
)
def test_long_pauses_are_told(tmp_path: Path, status: int, asked: float, sentence: str | None) -> None:
    """The user learns why nothing goes on, and for how long; short pauses are nobody's business."""
    told: list[str] = []
    endpoint = fail(0.01, TransientCallError("no", status, retry_after=asked))
    ask_all(tmp_path, endpoint, 2, notice=told.append)
    assert told == ([sentence] if sentence else [])


@pytest.mark.usefixtures("shortest_waits")
def test_each_thing_is_told_once_a_minute(tmp_path: Path) -> None:
    """A server that refuses all night long fills no screen; other news is not held back by it."""
    told: list[tuple[float, str]] = []

    def script(wanted: CompletionRequest) -> str:
        moment = count_seconds()
        if wanted.position and moment < 150:
            hint = RateHint(odd="Retry-After: soon") if moment > 30 else None
            raise TransientCallError("no", 429, retry_after=20.0, hint=hint)
        return "fine"

    endpoint = Endpoint(script)
    ask_all(tmp_path, endpoint, 2, notice=lambda text: told.append((round(count_seconds(), 3), text)))
    odd = "m at a sends a header that cannot be right (Retry-After: soon); it is passed over"
    assert [moment for moment, text in told if text == "m at a: no; waiting 20 s"] == [0.0, 60.0, 120.0]
    assert [moment for moment, text in told if text == odd] == [40.0, 100.0]
    assert len(told) == 5


@pytest.mark.usefixtures("shortest_waits")
def test_pauses_and_odd_headers_are_each_one_thing(tmp_path: Path) -> None:
    """However they are met: a longer pause follows a short one without another word, and so do odd headers."""
    told: list[str] = []
    hint = RateHint(odd="Retry-After: soon")
    refusals = [
        TransientCallError("no", 429, retry_after=20.0, hint=hint),
        TransientCallError("no", 429, retry_after=400.0, hint=hint),
    ]

    def script(wanted: CompletionRequest) -> Completion:
        if wanted.position and refusals:
            raise refusals.pop(0)
        return Completion("fine", "stop", hint=hint)

    ask_all(tmp_path, Endpoint(script), 2, notice=told.append)
    assert told[:2] == [f"m at a sends a header that cannot be right ({hint.odd})", "m at a: no; waiting 20 s"]
    assert told[2:] == told[:1], "five minutes later"


@pytest.mark.parametrize(("status", "wait"), [(429, 0.5), (503, 0.0)])
def test_too_many_requests_make_everybody_pause(tmp_path: Path, status: int, wait: float) -> None:
    """Half a second where the server does not say how long; one that has no room is asked on."""
    endpoint = fail(0.2, TransientCallError("no", status))

    async def main(journal: Journal, loop: VirtualLoop) -> None:
        gateway = make_gateway(journal, {"evolver": endpoint}, loop)
        await ask(gateway, request(0))
        refused = asyncio.ensure_future(ask(gateway, request(9)))
        await asyncio.sleep(0.1)
        await ask(gateway, request(1))
        await refused

    run_with_journal(tmp_path, main)
    assert next(moment for moment, name in endpoint.sent if name == "s1") == pytest.approx(max(wait, 0.1))


def test_an_odd_header_of_a_reply_is_told(tmp_path: Path) -> None:
    """A limit that cannot be right is named with its endpoint, once; the reply stays."""
    told: list[str] = []
    hint = RateHint(odd="x-ratelimit-remaining-tokens: many")
    endpoint = Endpoint(lambda wanted: Completion("fine", "stop", hint=hint))
    found, _, _ = ask_all(tmp_path, endpoint, 5, notice=told.append)
    assert found == ["fine"] * 5
    assert told == ["m at a sends a header that cannot be right (x-ratelimit-remaining-tokens: many)"]


def test_the_headers_of_replies_and_refusals_are_heeded(tmp_path: Path) -> None:
    """Where a server says that nothing is left, the next call waits until something is."""

    def script(wanted: CompletionRequest) -> Completion:
        if wanted.position == 0:
            return Completion("fine", "stop", hint=RateHint(requests=Allowance(0, 40.0, 0)))
        if wanted.position == 1 and count_seconds() < 50:
            raise TransientCallError("no", 429, hint=RateHint(requests=Allowance(0, 30.0, 0)))
        return Completion("fine", "stop")

    endpoint = Endpoint(script)
    found, _, _ = ask_all(tmp_path, endpoint, 2)
    assert found == ["fine"] * 2
    assert endpoint.moments == pytest.approx([0.0, 40.0, 70.0], abs=0.01)


def test_tokens_a_minute_are_kept_by_estimate_and_corrected_by_usage(tmp_path: Path) -> None:
    """A call is taken for a quarter of its bytes and the role's usual reply; what it really took is settled."""

    class Slow(Endpoint):
        async def complete(self, wanted: CompletionRequest) -> Completion:
            reply = await super().complete(wanted)
            await asyncio.sleep(1e4 if wanted.position == 2 else 0.0)
            return reply

    endpoint = Slow(lambda wanted: Completion("fine", "stop", 10, 110 if wanted.position else 90))

    async def main(journal: Journal, loop: VirtualLoop) -> None:
        rates = Rates(None, 240.0, loop.time())
        gateway = make_gateway(journal, {"evolver": endpoint}, loop, rates=rates, max_output_tokens=200)
        await ask(gateway, *map(request, range(4)))

    run_with_journal(tmp_path, main)
    a_second = 239 / 60
    usual = 200 / 2
    usual += (90 - usual) * 0.05  # the estimate is of the moment in which a call is asked for
    first, second, third = 10 + 90, 10 + 110, 7 / 4 + usual
    expected = [0.0, first / a_second, (first + second) / a_second, (first + second + third) / a_second]
    assert endpoint.moments == pytest.approx(expected)


@pytest.mark.parametrize(
    ("error", "tokens"),
    [
        (CallRejected("bad words", 400), 0),
        (TransientCallError("HTTP 500", 500, retry_after=1000.0), 0),
        (EmptyReplyError("nothing", 150, 50, "stop"), 200 * EMPTY_TRIES),
    ],
)
def test_failures_take_no_tokens_of_the_minute(tmp_path: Path, error: CallRejected, tokens: int) -> None:
    """Who brings no reply leaves its tokens to the next; an empty reply took what the server counted."""

    def script(wanted: CompletionRequest) -> Completion:
        if wanted.position == 1:
            raise error
        return Completion("fine", "stop", 0, 1)

    endpoint = Endpoint(script)

    async def main(journal: Journal, loop: VirtualLoop) -> None:
        gateway = make_gateway(journal, {"evolver": endpoint}, loop, rates=Rates(None, 240.0, loop.time()))
        await ask(gateway, request(0))
        await asyncio.sleep(60)
        waiting = asyncio.ensure_future(ask(gateway, request(1)))
        await asyncio.sleep(0.001)
        await ask(gateway, request(2))
        waiting.cancel()

    run_with_journal(tmp_path, main)
    moment = next(moment for moment, name in endpoint.sent if name == "s2")
    assert moment == pytest.approx(60 + tokens / (239 / 60), abs=0.01)
