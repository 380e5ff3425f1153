from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import count

import pytest

from evol.adaptive import ConcurrencyFinder
from evol.rates import Allowance, RateHint
from evol.records import CompletionRequest, ThrottleChange
from evol.throttle import Rates, Slot, Throttle
from virtual_time import QueueingServer, VirtualLoop, run_virtually


def request(position: int) -> CompletionRequest:
    """A request of the lineage at a position."""
    return CompletionRequest(f"s{position}", 1, "evolver", 1, b"{}", position)


async def keep_busy(loop: VirtualLoop, throttle: Throttle, call: Callable[..., object], seconds: float) -> None:
    """As many workers as could ever be needed, each asking again and again."""
    end = loop.now + seconds
    numbers = count()

    async def work() -> None:
        while loop.now < end:
            slot = await throttle.acquire(request(next(numbers)))
            try:
                await call(slot)  # type: ignore[misc]
            finally:
                throttle.release(slot)

    await asyncio.gather(*(work() for _ in range(600)))


def test_earlier_seeds_are_served_first() -> None:
    """Whoever waits is served by seed position, so that stopping early leaves whole lineages."""

    async def main(loop: VirtualLoop) -> list[int]:
        throttle = Throttle("x", 1, loop.time)
        served: list[int] = []

        async def work(position: int) -> None:
            slot = await throttle.acquire(request(position))
            served.append(position)
            await asyncio.sleep(1)
            throttle.release(slot)

        await asyncio.gather(*(work(position) for position in (5, 3, 9, 1)))
        return served

    assert run_virtually(main) == [5, 1, 3, 9]


def test_a_cancelled_waiter_leaves_no_slot_behind() -> None:
    """Whether it is cancelled before or together with the grant, the slot goes on to the next."""

    async def main(loop: VirtualLoop) -> int:
        throttle = Throttle("x", 1, loop.time)
        first = await throttle.acquire(request(0))
        waiting = [asyncio.create_task(throttle.acquire(request(n))) for n in (1, 2, 3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        throttle.release(first)
        waiting[1].cancel()  # its slot is already on the way
        slot = await waiting[2]
        throttle.release(slot)
        return throttle.in_flight

    assert run_virtually(main) == 0


@pytest.mark.parametrize("sigma", [0.0, 0.3])
@pytest.mark.parametrize(("slots", "seconds"), [(64, 0.25), (64, 1.0), (24, 0.5), (200, 0.5)])
def test_auto_finds_a_server_that_queues(slots: int, seconds: float, sigma: float) -> None:
    """After 30 s at least nine tenths of the server's throughput; never more than twice its slots in flight."""

    async def main(loop: VirtualLoop) -> tuple[float, int]:
        draw = random.Random(7)
        server = QueueingServer(loop, slots, lambda n: seconds * draw.lognormvariate(-sigma * sigma / 2, sigma))
        throttle = Throttle("x", ConcurrencyFinder(1024), loop.time)
        begun = loop.now

        async def call(slot: object) -> None:
            await server.ask()
            throttle.note_reply(slot, 10, None)  # type: ignore[arg-type]

        await keep_busy(loop, throttle, call, 90)
        late = [stamp for stamp in server.done if 30 <= stamp - begun < 90]
        return len(late) / (60 * slots / seconds), server.peak

    share, peak = run_virtually(main)
    assert share >= 0.9
    assert peak <= (96 if slots == 64 else 2 * slots)


def test_a_server_that_breaks_under_load_is_not_given_ever_more() -> None:
    """One that says 500 where others say 429: growth ends where many calls fail, though the rest are no slower."""

    async def main(loop: VirtualLoop) -> int:
        draw = random.Random(7)
        throttle = Throttle("x", ConcurrencyFinder(1024), loop.time)

        async def call(slot: Slot) -> None:
            if draw.random() < 1 - 64 / throttle.in_flight:
                await asyncio.sleep(0.01)
                throttle.note_failure(slot)
            else:
                await asyncio.sleep(0.25)
                throttle.note_reply(slot, 10, None)

        await keep_busy(loop, throttle, call, 60)
        return throttle.limit

    assert 48 <= run_virtually(main) <= 160


def test_calls_that_fail_at_once_do_not_stop_the_finding() -> None:
    """A server that breaks a tenth of the calls is found to take as many as it can, like any other."""

    async def main(loop: VirtualLoop) -> float:
        server, numbers = QueueingServer(loop, 64, lambda n: 0.25), count()
        throttle = Throttle("x", ConcurrencyFinder(1024), loop.time)
        begun = loop.now

        async def call(slot: Slot) -> None:
            if next(numbers) % 10 == 9:
                await asyncio.sleep(0.01)
                throttle.note_failure(slot)
            else:
                await server.ask()
                throttle.note_reply(slot, 10, None)

        await keep_busy(loop, throttle, call, 60)
        late = [stamp for stamp in server.done if 30 <= stamp - begun < 60]
        return len(late) / (30 * 64 / 0.25)

    assert run_virtually(main) >= 0.9


@pytest.mark.parametrize("retry_after", [None, 1.0])
@pytest.mark.parametrize("burst", [20, 1200])
def test_auto_finds_a_rate_limit(burst: int, retry_after: float | None) -> None:
    """Against 1,200 requests a minute: nearly all of what is allowed, and few refusals."""

    async def main(loop: VirtualLoop) -> tuple[float, float]:
        level, at, granted, refused = float(burst), loop.now, 0, 0
        throttle = Throttle("x", ConcurrencyFinder(1024), loop.time)

        async def call(slot: object) -> None:
            nonlocal level, at, granted, refused
            level, at = min(burst, level + (loop.now - at) * 20), loop.now
            if level >= 1:
                level -= 1
                granted += 1
                await asyncio.sleep(0.2)
                throttle.note_reply(slot, 10, None)  # type: ignore[arg-type]
            else:
                refused += 1
                await asyncio.sleep(0.01)
                throttle.note_refusal(slot, retry_after, None, is_rate=True)  # type: ignore[arg-type]

        await keep_busy(loop, throttle, call, 180)
        return granted / (burst + 180 * 20), refused / (granted + refused)

    share, refusals = run_virtually(main)
    assert share >= 0.95
    assert refusals < 0.03


async def meet_chance(
    loop: VirtualLoop, throttle: Throttle, share: float, per_second: float, retry_after: float | None, seconds: float
) -> tuple[float, float]:
    """A server that refuses a share of all requests by chance, and what is beyond its limit.

    Returns:
        Granted requests a second, and the share that was refused, both of the last two thirds of the time.
    """
    draw = random.Random(1)
    level, at, granted, refused = 20.0, loop.now, 0, 0
    counted_from = loop.now + seconds / 3

    async def call(slot: Slot) -> None:
        nonlocal level, at, granted, refused
        level, at = min(20.0, level + (loop.now - at) * per_second), loop.now
        if level >= 1 and draw.random() >= share:
            level -= 1
            granted += loop.now > counted_from
            await asyncio.sleep(0.2)
            throttle.note_reply(slot, 10, None)
        else:
            refused += loop.now > counted_from
            await asyncio.sleep(0.01)
            throttle.note_refusal(slot, retry_after, None, is_rate=True)

    await keep_busy(loop, throttle, call, seconds)
    return granted / (seconds * 2 / 3), refused / (granted + refused)


@pytest.mark.parametrize("retry_after", [None, 1.0])
@pytest.mark.parametrize("share", [0.002, 0.01, 0.05])
def test_a_few_refusals_at_any_pace_are_borne(share: float, retry_after: float | None) -> None:
    """A run at a server that now and then says 429 for no reason keeps nearly its speed, however long it takes."""

    async def main(loop: VirtualLoop) -> tuple[float, float]:
        return await meet_chance(loop, Throttle("x", 16, loop.time), share, 1e9, retry_after, 900)

    rate, refused = run_virtually(main)
    assert rate >= 0.8 * 16 / 0.2 * (1 - share)
    assert refused <= 1.5 * share


def test_auto_grows_again_when_refusals_say_nothing() -> None:
    """Slots that were given up for refusals by chance come back."""
    changes: list[ThrottleChange] = []

    async def main(loop: VirtualLoop) -> tuple[float, float]:
        throttle = Throttle("x", ConcurrencyFinder(64), loop.time, record=changes.append)
        return await meet_chance(loop, throttle, 0.01, 1e9, None, 900)

    rate, _ = run_virtually(main)
    assert rate >= 0.6 * 64 / 0.2
    assert "a few calls are refused however few are in flight" in {change.reason for change in changes}


@pytest.mark.parametrize("slots", [16, None])
def test_a_limit_is_still_found_among_refusals_by_chance(slots: int | None) -> None:
    """A server with both: not driven to nothing by the one, and few refusals by the other."""

    async def main(loop: VirtualLoop) -> tuple[float, float]:
        throttle = Throttle("x", slots or ConcurrencyFinder(1024), loop.time)
        return await meet_chance(loop, throttle, 0.01, 20.0, None, 1800)

    rate, refused = run_virtually(main)
    assert rate >= 0.4 * 20
    assert refused <= 0.06


def test_auto_finds_how_many_calls_a_server_takes_at_once() -> None:
    """A server that has no room for the 41st call is kept at nearly 40, with few calls turned away."""

    async def main(loop: VirtualLoop) -> tuple[float, float]:
        in_flight = granted = refused = 0
        throttle = Throttle("x", ConcurrencyFinder(1024), loop.time)

        async def call(slot: object) -> None:
            nonlocal in_flight, granted, refused
            if in_flight >= 40:
                refused += 1
                await asyncio.sleep(0.01)
                throttle.note_refusal(slot, None, None, is_rate=False)  # type: ignore[arg-type]
                return
            in_flight += 1
            await asyncio.sleep(0.5)
            in_flight -= 1
            granted += 1
            throttle.note_reply(slot, 10, None)  # type: ignore[arg-type]

        await keep_busy(loop, throttle, call, 180)
        return granted / (180 * 80), refused / (granted + refused)

    share, refusals = run_virtually(main)
    assert share >= 0.85
    assert refusals < 0.1


def test_an_idle_throttle_learns_nothing() -> None:
    """The limit grows only where it was used."""

    async def main(loop: VirtualLoop) -> int:
        finder = ConcurrencyFinder(1024)
        throttle = Throttle("x", finder, loop.time)
        for n in range(500):
            slot = await throttle.acquire(request(n))
            await asyncio.sleep(0.1)
            throttle.note_reply(slot, 10, None)
            throttle.release(slot)
        return finder.limit

    assert run_virtually(main) == 16


def test_a_warm_start_begins_where_the_last_run_ended() -> None:
    """The found number of slots is there at once, without a slow start; every change is recorded with its reason."""
    changes: list[ThrottleChange] = []

    async def main(loop: VirtualLoop) -> int:
        throttle = Throttle("x", ConcurrencyFinder(1024, warm=70), loop.time, record=changes.append)
        for n in range(70):
            await throttle.acquire(request(n))
        return throttle.in_flight

    assert run_virtually(main) == 70
    assert [(change.limit, change.reason) for change in changes] == [(70, "as an earlier run found it")]


def test_everybody_waits_as_long_as_the_server_asks() -> None:
    """Retry-After holds for all calls, not only for the refused one, up to five minutes."""

    async def main(loop: VirtualLoop) -> list[float]:
        throttle = Throttle("x", 8, loop.time)
        begun, waits = loop.now, []
        for asked in (7.0, 10_000.0):
            slot = await throttle.acquire(request(0))
            throttle.note_refusal(slot, asked, None, is_rate=True)
            throttle.release(slot)
            throttle.release(await throttle.acquire(request(1)))
            waits.append(loop.now - begun)
            begun = loop.now
        return waits

    assert run_virtually(main) == pytest.approx([7, 300], abs=0.01)


def test_a_told_limit_is_not_exceeded() -> None:
    """When the headers say that nothing is left the next call waits for its share of the reset."""

    async def main(loop: VirtualLoop) -> float:
        throttle = Throttle("x", 8, loop.time)
        begun = loop.now
        slot = await throttle.acquire(request(0))
        throttle.note_reply(slot, 10, RateHint(requests=Allowance(left=0, reset=60, limit=1200)))
        throttle.release(slot)
        await throttle.acquire(request(1))
        return loop.now - begun

    assert run_virtually(main) == pytest.approx(60 / 1200)


@pytest.mark.parametrize(
    ("rpm", "tpm", "expected"), [(600.0, None, 600), (None, 60_000.0, 600), (600.0, 30_000.0, 300)]
)
def test_the_users_rates_hold_in_every_minute(rpm: float | None, tpm: float | None, expected: int) -> None:
    """Never more than `--rpm` requests or `--tpm` tokens in any 60 seconds, and nearly as many."""

    async def main(loop: VirtualLoop) -> list[float]:
        throttle = Throttle("x", 64, loop.time, Rates(rpm, tpm, loop.now))
        sent: list[float] = []
        end = loop.now + 180

        async def work(number: int) -> None:
            while loop.now < end:
                slot = await throttle.acquire(request(number), tokens=150)  # the estimate is half too high
                sent.append(loop.now)
                await asyncio.sleep(0.3)
                throttle.note_reply(slot, 100, None)
                throttle.release(slot)

        await asyncio.gather(*(work(number) for number in range(100)))
        return sent

    sent = run_virtually(main)
    for begin in sent[::50]:
        assert sum(begin <= stamp < begin + 60 for stamp in sent) <= expected * (1.02 if tpm else 1)
    assert sum(stamp < sent[0] + 180 for stamp in sent) >= 0.93 * expected * 3


def test_a_few_failures_of_the_server_are_no_want_of_room() -> None:
    """One call in 25 that ends with a bare 503 does not drive the limit down."""

    async def main(loop: VirtualLoop) -> int:
        finder = ConcurrencyFinder(1024)
        throttle = Throttle("x", finder, loop.time)
        draw = random.Random(3)

        async def call(slot: object) -> None:
            await asyncio.sleep(0.5)
            if draw.random() < 0.04:
                throttle.note_refusal(slot, None, None, is_rate=False)  # type: ignore[arg-type]
            else:
                throttle.note_reply(slot, 10, None)  # type: ignore[arg-type]

        await keep_busy(loop, throttle, call, 60)
        return finder.limit

    assert run_virtually(main) >= 16
