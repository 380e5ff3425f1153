"""A server that does whatever it likes: the run ends with a code of the table, and its sum is right."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from conftest import KEY, Evol, read_journaled_keys, read_outputs, read_rows
from fake_server import FakeServer, Fault
from forked import Forkery

CODES = {0, 2, 3, 4, 5, 6, 7, 130, 143}
LIMITS = "[limits]\ntimeout = 0.4\nretry_for = 0.5\ngive_up_after = 1.5\n"
SLOW_DOWN = b'{"error":{"message":"slow down"}}'

PASSING: dict[str, Fault] = {
    "429": (429, {}, SLOW_DOWN),
    "429, wait": (429, {"Retry-After": "0.05"}, SLOW_DOWN),
    "429, absurd wait": (429, {"Retry-After": "-1e999"}, SLOW_DOWN),
    "429, nothing left": (429, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "50ms"}, b""),
    "500": (500, {}, b"<html>oops</html>"),
    "503": (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"\xff\xfe"),
    "408": (408, {}, b""),
    **{
        name: name
        for name in (
            "reset", "reset_mid_body", "hang", "truncated", "html", "no_choices", "invalid_utf8", "wrong_type", "deep",
            "deep_object", "parts", "absurd_usage", "slowloris", "slow_headers",
        )
    },
}  # fmt: skip
"""What is retried or harmless: afterwards the outputs are those of a run that never met it."""
LASTING: dict[str, Fault] = {
    "content_filter": "content_filter",
    "null": "null",
    "cut": "cut",
    "too long": (400, {}, b'{"error":{"message":"too many tokens","code":"context_length_exceeded"}}'),
}
"""What comes back is an outcome, and stays."""
REFUSING: dict[str, Fault] = {
    "400": (400, {}, b'{"error":{"message":"no"}}'),
    "302": (302, {}, b""),
    "307": (307, {}, b""),
    "418": (418, {}, b"\x1b]0;hit\x07"),
}
ALL = PASSING | LASTING | REFUSING


WEATHERS = int(os.environ.get("EVOL_WEATHERS", "30"))
"""Runs of the thorough test; 120 take three minutes."""

pytestmark = pytest.mark.usefixtures("impatience")


@pytest.fixture
def elsewhere() -> Iterator[FakeServer]:
    """Another host, where nobody has any business."""
    with FakeServer() as server:
        yield server
        assert not server.seen
        assert not server.headers


class Weather(RuleBasedStateMachine):
    """A run that is carried on under changing weather; `make` gives it its folder and servers."""

    make: Callable[[], tuple[Evol, FakeServer, FakeServer, Path]]
    counted: dict[str, int]

    @initialize()
    def begin(self) -> None:
        """A new folder under a clear sky."""
        self.evol, self.server, self.elsewhere, self.seeds = type(self).make()
        self.weather: list[str] = []
        self.has_outcomes = False
        self.runs = 0
        self.server.fault = self.choose

    def choose(self, body: dict[str, Any], times_seen: int) -> Fault | None:
        """The fault of one request: by its number, so that a retry may meet another one."""
        number = sum(self.server.seen.values())
        name = self.weather[number % len(self.weather)] if self.weather else ""
        if not name:
            return None
        self.counted[name] = self.counted.get(name, 0) + 1
        self.has_outcomes |= name in LASTING or name in ("no_choices", "absurd_usage")  # the rows tell no usage then
        fault = ALL[name]
        if isinstance(fault, tuple) and 300 <= fault[0] < 400:
            return (fault[0], {"Location": f"{self.elsewhere.url}/chat/completions"}, b"")
        return fault

    @rule(faults=st.lists(st.sampled_from([*ALL, *([""] * len(ALL))]), min_size=5, max_size=12))
    def run_in(self, faults: list[str]) -> None:
        """One request after the other meets one of these, most of them at first nothing."""
        self.run(["", "", "", *faults])

    @precondition(lambda self: self.runs)
    @rule(fault=st.sampled_from(list(ALL)))
    def run_into(self, fault: str) -> None:
        """Everything fails in the same way."""
        self.run([fault])

    def run(self, weather: list[str]) -> None:
        """The command ends soon, with a code of the table; nothing vanishes, nothing is paid twice."""
        self.weather = weather
        self.runs += 1
        begun = time.monotonic()
        requests = sum(self.server.seen.values())
        done = self.evol.run(*self.words())
        self.counted[f"exit {done.returncode}"] = self.counted.get(f"exit {done.returncode}", 0) + 1
        assert done.returncode in CODES, done.stderr
        assert "Traceback" not in done.stderr
        assert KEY not in done.stderr + done.stdout
        assert all(line.isprintable() for line in done.stderr.splitlines())
        assert time.monotonic() - begun < 60
        assert sum(self.server.seen.values()) - requests < 1500
        self.check_sum()

    def words(self) -> list[str | Path]:
        """The command."""
        config = self.evol.folder / "c.toml"
        config.write_text(LIMITS)
        return [self.seeds, "--config", config, "--generations", "2", "--concurrency", "4", "--quiet"]

    def check_sum(self) -> None:
        """Seeds = kept + eliminated + unfinished in every generation, by the files and by stats."""
        folder = self.evol.folder / "output"
        if not (folder / "manifest.json").exists():
            return
        [figures] = json.loads(self.evol.call("stats", "--json").stdout)
        for count in figures["generations"]:
            generation = count["generation"]
            kept = len(read_rows(folder / f"generation-{generation}.jsonl"))
            gone = [row for row in read_rows(folder / "eliminated.jsonl") if row["generation"] == generation]
            assert (count["survivors"], sum(count["eliminated"].values())) == (kept, len(gone))
            assert kept + len(gone) + count["unfinished"] == figures["seeds"]
        for count in figures["calls"].values():
            assert all(0 <= count[name] < 10**9 for name in ("input_tokens", "output_tokens", "calls", "attempts"))

    def teardown(self) -> None:
        """Under a clear sky the same command comes to its end."""
        if not hasattr(self, "evol"):
            return
        self.weather = []
        done = self.evol.run(*self.words())
        assert done.returncode == 0, done.stderr
        self.check_sum()
        records = [row for row in read_rows(self.evol.folder / "output" / "journal.jsonl") if row["kind"] == "call"]
        assert len({row["key"] for row in records}) == len(records)
        if not self.has_outcomes:
            self.evol.run(*self.words(), "--out", "calm")
            assert read_outputs(self.evol.folder / "output") == read_outputs(self.evol.folder / "calm")


@pytest.mark.parametrize(
    "examples", [pytest.param(5, id="quick"), pytest.param(WEATHERS, id="thorough", marks=pytest.mark.slow)]
)
def test_a_run_survives_any_weather(
    tmp_path: Path, server: FakeServer, elsewhere: FakeServer, write_seeds: Callable[..., Path], examples: int
) -> None:
    """Faults of every kind in any order: codes of the table, right sums, no call paid twice, an end that is whole."""
    seeds = write_seeds(4)
    numbers = iter(range(1_000_000))

    def make() -> tuple[Evol, FakeServer, FakeServer, Path]:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        server.fault = lambda body, seen: None
        server.seen.clear()
        return Evol(folder, server.url), server, elsewhere, seeds

    Weather.make = staticmethod(make)
    Weather.counted = {}
    run_state_machine_as_test(
        Weather,
        settings=settings(
            max_examples=examples,
            stateful_step_count=3,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # shrinking real runs takes hours
            derandomize=examples < 20,
            suppress_health_check=list(HealthCheck),
        ),
    )
    if os.environ.get("EVOL_SHOW"):
        print(f"\n{next(numbers)} folders, {sum(Weather.counted.values())} faults: {Weather.counted}")


@pytest.mark.parametrize("name", [*PASSING, *REFUSING])
def test_when_everything_fails_the_run_ends(evol: Evol, server: FakeServer, elsewhere: FakeServer, name: str) -> None:
    """Midway every call begins to fail: the circuit breaks within `give_up_after`, few requests, exit 3 or 5."""
    harmless = name in ("wrong_type", "absurd_usage", "invalid_utf8")
    config = evol.folder / "c.toml"
    config.write_text(LIMITS)
    fault = ALL[name]
    if isinstance(fault, tuple) and 300 <= fault[0] < 400:
        fault = (fault[0], {"Location": f"{elsewhere.url}/chat/completions"}, b"")
    server.fault = lambda body, seen: fault if server.total >= 12 or harmless else None
    begun = time.monotonic()
    ended = evol.run("--config", config, "--concurrency", "4", "--quiet")
    assert ended.returncode in ({0, 5} if harmless else {3, 5}), ended.stderr
    assert time.monotonic() - begun < 45
    assert "Traceback" not in ended.stderr
    assert sum(server.seen.values()) < 400
    server.fault = lambda body, seen: None
    done = evol.run("--config", config, "--concurrency", "4", "--quiet")
    assert done.returncode == 0, done.stderr
    assert len(set(read_journaled_keys(evol.folder / "output"))) >= 12


@pytest.mark.parametrize("fault", ["huge", "gzip_bomb"])
def test_a_flood_does_not_fill_the_memory(evol: Evol, server: FakeServer, fault: str) -> None:
    """Replies of 100 MB to eight calls at once are given up, in a process that may not grow by as much as one."""
    server.fault = lambda body, seen: fault if server.total >= 12 else None
    config = evol.folder / "c.toml"
    config.write_text("[limits]\ntimeout = 20\nretry_for = 0.1\ngive_up_after = 20\n")
    words: list[str | Path] = ["run", "--config", config, "--concurrency", "8", "--quiet", "--model", "m"]
    with Forkery(evol.folder, evol.environment()) as forkery:
        calm = forkery.run([*words, "--base-url", server.url, "--limit", "1", "--out", "calm"], evol.folder)
        assert calm.returncode == 0, calm.stderr
        small = forkery.peak
        flooded = forkery.run([*words, "--base-url", server.url], evol.folder)
        assert flooded.returncode in (3, 5), flooded.stderr
        assert "Traceback" not in flooded.stderr
        assert forkery.peak - small < 150 << 20
