"""Commands killed at random moments, again and again, also while they resume: same bytes, nothing paid twice.

`EVOL_KILLS=200 pytest -m slow tests/test_kill_loops.py` makes the long loop longer.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from conftest import Evol
from fake_server import FakeServer
from forked import Forkery
from trials import TRIALS, Bench, make_server

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
CONCURRENCY = 4
KILLED = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, 130, 143}
COMMANDS = (
    "run",
    "resume",
    "grow",
    "merge",
    "merge again",
    "merge to a folder",
    "stats",
    "score",
    "respond",
    "compare",
)
KILLS = int(os.environ.get("EVOL_KILLS", "40"))
"""Of the long loop."""


@pytest.fixture
def forkery(evol: Evol, server: FakeServer) -> Iterator[Forkery]:
    """Starts commands."""
    make_server(server)
    (evol.folder / "streams").mkdir()
    with Forkery(evol.folder / "streams", evol.environment()) as found:
        yield found


class Loop:
    """Kills one command at random moments.

    Attributes:
        kills: how often it was killed, by how it ended.
    """

    def __init__(self, bench: Bench, server: FakeServer, random_seed: int) -> None:
        self.bench, self.server = bench, server
        self.kills: Counter[int] = Counter()
        self._draw = random.Random(random_seed)
        bench.prepare()
        bench.reset()
        begun = time.monotonic()
        bench.forkery.run(bench.words, bench.folder)
        self._duration = time.monotonic() - begun
        bench.reset()
        self._start = bench.read()

    def kill_and_finish(self, times: int) -> None:
        """From the start: kill the command so many times, each time going on from what it left, then let it finish."""
        self.bench.reset()
        for _ in range(times):
            if self._kill() not in KILLED:
                break
        done = self.bench.forkery.run(self.bench.words, self.bench.folder)
        assert done.returncode == 0, done.stderr
        assert self.bench.read() == self.bench.calm
        assert not self.bench.find_leftovers()
        assert not self.bench.count_repeated_keys()

    def _kill(self) -> int:
        bench, server = self.bench, self.server
        paid = bench.count_journaled()
        server.forget()
        child = bench.forkery.start(bench.words, bench.folder)
        time.sleep(self._draw.random() * self._duration * 1.05)
        how = self._draw.choice(SIGNALS)
        os.kill(child.pid, how)  # the forkery has not waited for it, so the number is still its own
        done = bench.forkery.wait(child)
        server.wait_until_idle()
        self.kills[done.returncode] += done.returncode in KILLED
        self._check(done, how)
        # what the journal holds in full is never asked for again, and at most the calls in flight were lost
        unjournaled = sum((server.counts + paid - bench.count_journaled()).values())
        assert unjournaled <= CONCURRENCY, done.stderr
        return done.returncode

    def _check(self, done: subprocess.CompletedProcess[str], how: signal.Signals) -> None:
        """It ended as the signal says or was done; every file is whole: as before, as it shall be, or rows of that."""
        assert done.returncode in KILLED | {0}, done.stderr
        assert how != signal.SIGKILL or done.returncode in (0, -signal.SIGKILL)
        assert "Traceback" not in done.stderr, done.stderr
        for name, content in self.bench.read().items():
            if content == self._start.get(name) or "meta.json" in name:
                continue
            assert not content or content.endswith(b"\n"), name
            if name.endswith(".html"):  # of a comparison that was interrupted: of what is known
                assert content.startswith(b"<!doctype html>")
                assert content.endswith(b"</html>\n")
                continue
            wanted = Counter(self.bench.calm[name].splitlines()) + Counter(self._start.get(name, b"").splitlines())
            assert not Counter(content.splitlines()) - wanted, name


@pytest.mark.parametrize("name", ["run", "merge again", "score"])
def test_a_killed_command_finishes(evol: Evol, forkery: Forkery, server: FakeServer, name: str) -> None:
    """A few kills: the loop below in short."""
    server.latency = lambda body: 0.01
    loop = Loop(Bench(TRIALS[name], evol, forkery), server, 1)
    for times in (1, 2):
        loop.kill_and_finish(times)


@pytest.mark.slow
def test_many_kills_lose_and_repeat_nothing(
    tmp_path_factory: pytest.TempPathFactory, evol: Evol, forkery: Forkery, server: FakeServer
) -> None:
    """SIGKILL, SIGTERM and SIGINT at random moments of every command, every third time two during one resume."""
    server.latency = lambda body: 0.01
    loops = []
    for number, name in enumerate(COMMANDS):
        folder = tmp_path_factory.mktemp("loop")
        trial = replace(TRIALS[name], seeds=6)
        loops.append(Loop(Bench(trial, Evol(folder, evol.url), forkery), server, number))
    kills = tries = 0
    while kills < KILLS:
        assert tries < 4 * KILLS
        loops[tries % len(loops)].kill_and_finish(1 + 2 * (tries % 3 == 0))
        tries += 1
        kills = sum(sum(loop.kills.values()) for loop in loops)
    if os.environ.get("EVOL_SHOW"):
        shown = {name: dict(loop.kills) for name, loop in zip(COMMANDS, loops, strict=True)}
        print(f"\n{kills} kills in {tries} tries: {shown}")
