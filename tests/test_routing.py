"""Several endpoints: who is asked, who rests, and real servers of which one dies and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from conftest import KEY, Evol, read_outputs
from evol.adaptive import ConcurrencyFinder
from evol.records import Completion, CompletionRequest
from evol.routing import FAILURES, LONGEST_REST, Route, Router
from evol.throttle import LONG_LINE, Slot, Throttle
from fake_server import FakeServer
from virtual_time import VirtualLoop, run_virtually


class _Named:
    """A backend that only has a name."""

    def __init__(self, name: str) -> None:
        self.label = self.verified_by = name

    async def complete(self, request: CompletionRequest) -> Completion:
        raise AssertionError("nobody is asked here")

    async def close(self) -> None:
        pass


def make_router(loop: VirtualLoop, *slots: int) -> Router:
    """Endpoints a, b, c … with so many slots."""
    routes = [Route(_Named(chr(97 + n)), Throttle(chr(97 + n), count, loop.time)) for n, count in enumerate(slots)]
    return Router(routes, loop.time)


async def take(router: Router) -> tuple[Route, Slot]:
    """A slot for some request."""
    return await router.acquire(CompletionRequest("s", 1, "evolver", 1, b"{}"), 10)


def test_the_least_loaded_endpoint_is_asked() -> None:
    """Shares of the slots decide, not numbers of calls."""

    async def main(loop: VirtualLoop) -> Counter[str]:
        router = make_router(loop, 4, 8, 2)
        taken = [await take(router) for _ in range(7)]
        return Counter(route.backend.label for route, _ in taken)

    assert run_virtually(main) == {"a": 2, "b": 4, "c": 1}


def test_a_call_that_failed_goes_to_another_one_if_it_has_room() -> None:
    """Whoever refused it is asked again where nobody else has room."""

    async def main(loop: VirtualLoop) -> str:
        router = make_router(loop, 4, 4)
        request = CompletionRequest("s", 1, "evolver", 1, b"{}")
        first, slot = await take(router)
        first.release(slot)
        again = [await router.acquire(request, 10, first.backend) for _ in range(5)]
        return first.backend.label + " " + "".join(route.backend.label for route, _ in again)

    assert run_virtually(main) == "a bbbba"


def test_who_waits_goes_where_a_slot_is_free_first() -> None:
    """Slots that arrive together with the first one are given on, none is lost."""

    async def main(loop: VirtualLoop) -> tuple[str, list[int]]:
        router = make_router(loop, 1, 1)
        (first, one), (second, two) = await take(router), await take(router)
        waiting = asyncio.ensure_future(take(router))
        await asyncio.sleep(1)
        second.release(two)
        route, slot = await waiting
        first.release(one)
        route.release(slot)
        await asyncio.sleep(1)
        both = [await take(router), await take(router)]
        for route, slot in both:
            route.release(slot)
        return second.backend.label, [one.throttle.in_flight for one in router.routes]

    label, in_flight = run_virtually(main)
    assert (label, in_flight) == ("b", [0, 0])


@pytest.mark.parametrize("is_late", [False, True])
def test_a_cancelled_wait_leaves_no_slot_behind(is_late: bool) -> None:
    """Also where slots at both endpoints arrive in the same moment as the cancellation."""

    async def main(loop: VirtualLoop) -> list[int]:
        router = make_router(loop, 1, 1)
        held = [await take(router), await take(router)]
        waiting = asyncio.ensure_future(take(router))
        await asyncio.sleep(1)
        if is_late:
            for route, slot in held:
                route.release(slot)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        if not is_late:
            for route, slot in held:
                route.release(slot)
        await asyncio.sleep(1)
        return [route.throttle.in_flight for route in router.routes]

    assert run_virtually(main) == [0, 0]


def test_calls_that_end_together_teach_the_slots_of_each_endpoint() -> None:
    """Nobody is granted two slots at once, so that two endpoints are found to take as many calls as one."""

    async def main(loop: VirtualLoop) -> list[int]:
        routes = [Route(_Named(name), Throttle(name, ConcurrencyFinder(256), loop.time)) for name in "ab"]
        router = Router(routes, loop.time)
        end = loop.time() + 20

        async def work() -> None:
            while loop.time() < end:
                route, slot = await take(router)
                await asyncio.sleep(0.2 * max(1.0, route.throttle.in_flight / 64))
                route.throttle.note_reply(slot, 10, None)
                route.release(slot)

        await asyncio.gather(*(work() for _ in range(400)))
        return [route.throttle.limit for route in routes]

    assert min(run_virtually(main)) > 48


def test_who_waits_at_one_that_hangs_goes_to_one_that_came_back() -> None:
    """A rest that ends is noticed also by those who stand in line elsewhere already."""

    async def main(loop: VirtualLoop) -> tuple[str, float, list[int]]:
        router = make_router(loop, 1, 1)
        (first, one), (second, _) = await take(router), await take(router)  # the second one hangs
        begun = loop.time()
        assert first.note_failure(one, begun, is_certain=True)
        first.release(one)
        route, slot = await asyncio.wait_for(take(router), 100)
        waited = loop.time() - begun
        route.note_success()
        route.release(slot)
        late = asyncio.ensure_future(take(router))
        await asyncio.sleep(1)
        await late
        return route.backend.label + second.backend.label, waited, [one.throttle.in_flight for one in router.routes]

    labels, waited, in_flight = run_virtually(main)
    assert (labels, in_flight) == ("ab", [1, 1])
    assert waited < 3


def test_a_hanging_endpoint_keeps_no_place_of_those_who_went_elsewhere() -> None:
    """Memory is bounded, however long it hangs and however many calls the other one takes meanwhile."""

    async def main(loop: VirtualLoop) -> int:
        router = make_router(loop, 1, 1)
        await router.routes[1].throttle.acquire(CompletionRequest("s", 1, "evolver", 1, b"{}"))  # it hangs

        async def work() -> None:
            for _ in range(5000):
                route, slot = await take(router)
                await asyncio.sleep(0.01)
                route.release(slot)

        await asyncio.gather(*(work() for _ in range(4)))
        return sum(isinstance(one, asyncio.Future) for one in gc.get_objects())

    assert run_virtually(main) < 2 * LONG_LINE


def test_who_waits_is_turned_away() -> None:
    """When the run stops nobody waits on."""

    async def main(loop: VirtualLoop) -> bool:
        router = make_router(loop, 1, 1)
        await take(router)
        await take(router)
        waiting = asyncio.ensure_future(take(router))
        await asyncio.sleep(1)
        router.turn_away(RuntimeError)
        with contextlib.suppress(RuntimeError):
            await waiting
            return False
        return True

    assert run_virtually(main)


def test_an_endpoint_that_cannot_be_reached_rests_longer_each_time() -> None:
    """One call tries it after each rest; a success brings it back at once."""

    async def main(loop: VirtualLoop) -> tuple[list[float], str]:
        router = make_router(loop, 1, 50)
        dead = router.routes[0]
        rests: list[float] = []
        for _ in range(9):
            while True:
                route, slot = await take(router)
                if route is dead:
                    break
                route.release(slot)
                await asyncio.sleep(0.05)
            began = loop.time()
            assert dead.note_failure(slot, loop.time(), is_certain=True)
            dead.release(slot)
            rests.append(round(dead.resting_until - began))
        await asyncio.sleep(LONGEST_REST + 1)
        route, slot = await take(router)
        assert not dead.is_open(loop.time()), "one call tries it, no more"
        dead.note_success()
        dead.release(slot)
        assert dead.is_open(loop.time())
        return rests, route.backend.label

    rests, label = run_virtually(main)
    assert rests == [1, 2, 4, 8, 15, 15, 15, 15, 15]
    assert label == "a"


def test_a_few_failures_are_no_reason_to_rest() -> None:
    """Only so many in a row, and calls from before a rest do not prolong it."""

    async def main(loop: VirtualLoop) -> None:
        router = make_router(loop, 20, 20)
        route = router.routes[0]
        slots = [await route.throttle.acquire(CompletionRequest("s", 1, "evolver", 1, b"{}")) for _ in range(20)]
        for slot in slots[: FAILURES - 1]:
            assert not route.note_failure(slot, loop.time(), is_certain=False)
        route.note_success()
        for slot in slots[: FAILURES - 1]:
            assert not route.note_failure(slot, loop.time(), is_certain=False)
        await asyncio.sleep(1)
        assert route.note_failure(slots[0], loop.time(), is_certain=False)
        until = route.resting_until
        for slot in slots:
            assert not route.note_failure(slot, loop.time(), is_certain=True)
        assert route.resting_until == until

    run_virtually(main)


def test_all_at_rest_means_the_one_whose_rest_ends_first() -> None:
    """Nobody hangs: whether there is an outage is for others to say."""

    async def main(loop: VirtualLoop) -> str:
        router = make_router(loop, 5, 5)
        for route in reversed(router.routes):
            slot = await route.throttle.acquire(CompletionRequest("s", 1, "evolver", 1, b"{}"))
            route.note_failure(slot, loop.time(), is_certain=True)
            route.release(slot)
            await asyncio.sleep(0.2)
        return (await take(router))[0].backend.label

    assert run_virtually(main) == "b"


@pytest.fixture
def servers() -> Iterator[list[FakeServer]]:
    """Three endpoints that answer alike."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(FakeServer(key=KEY, latency=lambda body: 0.02)) for _ in range(3)]


def ask_all(evol: Evol, servers: list[FakeServer], *arguments: str | Path) -> list[str]:
    """The words of an `evol run` against several servers."""
    urls = [word for server in servers for word in ("--base-url", server.url)]
    return ["run", *map(str, arguments), "--model", "m", *urls]


def count_rows(folder: Path) -> int:
    """Rows of all output files."""
    return sum(content.count(b"\n") for content in read_outputs(folder).values())


def test_outputs_do_not_depend_on_who_served(
    evol: Evol, servers: list[FakeServer], write_seeds: Callable[..., Path]
) -> None:
    """Three endpoints share the calls evenly and give the bytes that one gives."""
    seeds = write_seeds(60)
    assert evol.run(seeds, "--generations", "2", "--out", "one").returncode == 0
    done = evol.invoke(ask_all(evol, servers, seeds, "--generations", "2", "--out", "three", "--concurrency", "8"))
    assert done.returncode == 0, done.stderr
    assert read_outputs(evol.folder / "one") == read_outputs(evol.folder / "three")
    shares = [server.total for server in servers]
    assert min(shares) > 0.25 * sum(shares), shares
    for server in servers:
        assert f"m at {server.url}" in done.stderr


def test_an_endpoint_dies_and_comes_back(
    evol: Evol, server: FakeServer, servers: list[FakeServer], write_seeds: Callable[..., Path]
) -> None:
    """No row is lost or doubled, the others take over at once, and it is asked again after its return."""
    seeds = write_seeds(400)
    assert evol.run(seeds, "--generations", "2", "--out", "one").returncode == 0
    words = ask_all(evol, servers, seeds, "--generations", "2", "--out", "three", "--concurrency", "4")
    running = evol.start_words(words)
    dying = servers[1]
    while dying.total < 40:
        time.sleep(0.01)
    dying.__exit__()
    served = dying.total
    before = sum(server.total for server in servers)
    time.sleep(1.5)
    living = sum(server.total for server in servers) - before
    assert dying.total == served
    dying.__enter__()
    _, said = running.communicate(timeout=120)
    assert running.returncode == 0, said
    assert f"m at {dying.url} is left out, and tried again now and then: " in said
    assert living > 100, "two endpoints of four slots and 20 ms answer up to 400 calls a second"
    assert dying.total > served + 100, "it was asked again"
    assert read_outputs(evol.folder / "one") == read_outputs(evol.folder / "three")
    again = sum((one.counts for one in servers), Counter[bytes]()) - server.counts
    assert again.total() <= 4, "only calls in flight at the dying endpoint are asked for again"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((404, {}, b'{"error": {"message": "no model m here"}}'), "HTTP 404: no model m here"),
        ((307, {"Location": "http://127.0.0.1:1/v1"}, b""), "HTTP 307"),
        ((401, {}, b'{"error": {"message": "who are you"}}'), "HTTP 401: who are you"),
        ((500, {}, b""), "HTTP 500"),
        ("html", "the reply is not JSON"),
        ("reset", "the connection broke"),
    ],
)
def test_one_that_serves_nobody_is_left_out(
    evol: Evol, servers: list[FakeServer], write_seeds: Callable[..., Path], fault: object, said: str
) -> None:
    """Whatever is wrong with one of them, first or last: the others do the work, and the user is told."""
    servers[0].fault = lambda body, seen: fault  # type: ignore[assignment, return-value]
    words = ask_all(evol, servers, write_seeds(20), "--generations", "1", "--concurrency", "4")
    done = evol.invoke(words)
    assert done.returncode == 0, done.stderr
    [told] = [line for line in done.stderr.splitlines() if "is left out, and tried again now and then: " in line]
    assert told.startswith(f"evol: m at {servers[0].url} is left out")
    assert said in told
    assert count_rows(evol.folder / "output") == 40


def test_one_refuses_its_key_while_the_other_is_away(
    evol: Evol, servers: list[FakeServer], write_seeds: Callable[..., Path]
) -> None:
    """An endpoint that has served is waited for; the other one's key does not end the run meanwhile."""
    servers[0].key = "another"
    broken_until: list[float] = []

    def fault(body: dict[str, object], seen: int) -> tuple[int, dict[str, str], bytes] | None:
        if servers[1].total == 10 and not broken_until:
            broken_until.append(time.monotonic() + 3)
        return (500, {}, b"") if broken_until and time.monotonic() < broken_until[0] else None

    servers[1].fault = fault
    words = ask_all(evol, servers[:2], write_seeds(20), "--generations", "1", "--concurrency", "4")
    done = evol.invoke(words)
    assert done.returncode == 0, done.stderr
    assert broken_until
    assert count_rows(evol.folder / "output") == 40


def test_all_of_them_refuse_the_key(evol: Evol, servers: list[FakeServer], write_seeds: Callable[..., Path]) -> None:
    """Then the run ends as with one endpoint."""
    for server in servers:
        server.key = "another"
    done = evol.invoke(ask_all(evol, servers, write_seeds(5), "--generations", "1"))
    assert done.returncode == 5
    assert "HTTP 401" in done.stderr
    assert KEY not in done.stderr


def test_nobody_listens(evol: Evol, servers: list[FakeServer], write_seeds: Callable[..., Path]) -> None:
    """No endpoint of several can be reached: exit 5 within seconds, and nothing is left behind."""
    for server in servers:
        server.__exit__()
    began = time.monotonic()
    done = evol.invoke(ask_all(evol, servers, write_seeds(5), "--generations", "1"))
    assert done.returncode == 5
    assert "cannot connect" in done.stderr
    assert time.monotonic() - began < 60
    assert not (evol.folder / "output").exists()
    for server in servers:
        server.__enter__()


def test_a_refused_prompt_is_not_the_endpoints_fault(
    evol: Evol, servers: list[FakeServer], write_seeds: Callable[..., Path]
) -> None:
    """A 400 for one seed leaves its lineage unfinished and no endpoint out."""

    def refuse(body: dict[str, object], seen: int) -> object:
        refusal: object = 400, {}, b'{"error": {"message": "cannot read this"}}'
        return refusal if "item 7 " in orjson.dumps(body).decode() else None

    for server in servers:
        server.fault = refuse  # type: ignore[assignment]
    done = evol.invoke(ask_all(evol, servers, write_seeds(12), "--generations", "1", "--concurrency", "4"))
    assert done.returncode == 3, done.stderr
    assert "left out" not in done.stderr
    manifest = orjson.loads((evol.folder / "output" / "manifest.json").read_bytes())
    assert [one["seed_id"] for one in manifest["unfinished"]] == ["s7"]


def test_the_config_names_several(evol: Evol, servers: list[FakeServer], write_seeds: Callable[..., Path]) -> None:
    """`base_url` may be a list in the config; the folder can go on with one of them."""
    seeds = write_seeds(9)
    config = evol.folder / "c.toml"
    urls = ", ".join(f'"{server.url}"' for server in servers)
    config.write_text(f'generations = 1\n[models.default]\nmodel = "m"\nbase_url = [{urls}]\n')
    done = evol.call("run", seeds, "--config", config)
    assert done.returncode == 0, done.stderr
    total = sum(server.total for server in servers)
    done = evol.invoke(ask_all(evol, servers[:1], seeds, "--generations", "2"))
    assert done.returncode == 0, done.stderr
    assert sum(server.total for server in servers) <= total + 27


@pytest.mark.parametrize(
    ("urls", "sentence"),
    [
        (["http://a/v1", "http://a/v1/"], "base_url: names the same endpoint twice"),
        (["http://a/v1", ""], "base_url: one of several is empty"),
        (["http://a/v1", "http://user:secret@b/v1"], "base_url: the URL holds a user name or password"),
    ],
)
def test_bad_lists(evol: Evol, write_seeds: Callable[..., Path], urls: list[str], sentence: str) -> None:
    """One sentence, exit 2, and no secret repeated."""
    words = [word for url in urls for word in ("--base-url", url)]
    done = evol.invoke(["run", str(write_seeds(1)), "--model", "m", *words])
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "secret" not in done.stderr
