"""Every operation on the disk fails, and the power goes at every one of them: nothing is lost that was promised."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from conftest import Evol
from failing_disk import POWER_LOST, replace_by_wreck
from fake_server import FakeServer
from forked import Forkery
from trials import TRIALS, Bench, make_server

ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EROFS")
CONCURRENCY = 4


EVERY_ERROR = bool(os.environ.get("EVOL_EVERY_ERROR"))
"""Every error at every operation of all trials; else one after the other, at every third operation but of a run."""
QUICK = ("run", "merge again", "score")
LONG = set(TRIALS) if EVERY_ERROR else {"run"}
CASES = [
    *(pytest.param(name, 19, id=f"{name}, a few") for name in QUICK),
    *(pytest.param(name, 1 if name in LONG else 3, id=name, marks=pytest.mark.slow) for name in TRIALS),
]
"""Trials and the step from one operation to the next: quickly a few, thoroughly all."""


@pytest.fixture
def forkery(evol: Evol, server: FakeServer) -> Iterator[Forkery]:
    """Starts commands."""
    make_server(server)
    streams = evol.folder / "streams"
    streams.mkdir()
    with Forkery(streams, evol.environment()) as found:
        yield found


def check_failure(bench: Bench, failed: subprocess.CompletedProcess[str], start: dict[str, bytes], where: str) -> None:
    """One sentence and an exit code of the table; every file is what it was or what it shall be."""
    assert failed.returncode in (0, 2), f"{where}: {failed.returncode}\n{failed.stderr}"
    assert "Traceback" not in failed.stderr, f"{where}\n{failed.stderr}"
    sentences = re.findall(r"^evol: error: .*", failed.stderr, re.MULTILINE)
    assert len(sentences) == (failed.returncode != 0), f"{where}\n{failed.stderr}"
    for name, content in bench.read().items():
        if "meta.json" not in name:  # it may say that a set is on its way
            assert content in (start.get(name), bench.calm.get(name)), f"{where}: {name}"


@pytest.mark.parametrize(("name", "step"), CASES)
def test_a_failing_operation_loses_nothing(
    evol: Evol, forkery: Forkery, server: FakeServer, name: str, step: int
) -> None:
    """ENOSPC, EIO, EDQUOT at the n-th operation, once or from then on, also after half a write: then it is finished."""
    bench = Bench(TRIALS[name], evol, forkery)
    bench.prepare()
    counted = bench.evol.folder / "counted"
    kinds: Counter[str] = Counter()
    failures = 0
    for at in itertools.count(1, step):
        number = at // step
        errors = ERRORS if EVERY_ERROR else ERRORS[number % len(ERRORS) :][:1]
        for error, lasting in itertools.product(errors, [number % 2 == 0] if step > 1 else [True, False]):
            bench.reset()
            start = bench.read()
            before = bench.count_journaled()
            server.forget()
            counted.unlink(missing_ok=True)
            plan = {
                "folder": str(bench.folder),
                "at": at,
                "error": error,
                "lasting": lasting,
                "short": at // step % 3 == 0,
            }
            failed = bench.forkery.run(bench.words, bench.folder, plan | {"counted": str(counted)})
            if not counted.exists():
                break
            what = counted.read_text()
            where = f"{error} at {what}{', lasting' if lasting else ''}"
            kinds[what.split()[1]] += 1
            failures += 1
            check_failure(bench, failed, start, where)
            assert lasting or "unlink" in what or not bench.find_leftovers(), where
            finished = bench.forkery.run(bench.words, bench.folder)
            assert finished.returncode == 0, f"{where}\n{finished.stderr}"
            assert bench.read() == bench.calm, where
            assert not bench.find_leftovers(), where
            assert not bench.count_repeated_keys(), where
            assert sum((server.counts + before - bench.count_journaled()).values()) <= CONCURRENCY, where
        else:
            continue
        break
    assert failures or not bench.trial.results
    if os.environ.get("EVOL_SHOW"):
        print(f"\n{bench.trial.words}: {failures} failures, {dict(kinds)}", file=sys.__stdout__)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_log_ends_no_run(evol: Evol, server: FakeServer) -> None:
    """Notices that cannot be written are lost, a stream that is closed is passed over; results are one sentence."""

    def call(command: str) -> subprocess.CompletedProcess[str]:
        program = f"'{sys.executable}' -m evol.cli"
        return subprocess.run(
            ["/bin/sh", "-c", command.replace("evol ", f"{program} ", 1)],
            cwd=evol.folder, env=evol.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip

    words = f"--limit 2 --generations 1 --model m --base-url {evol.url}"
    for out, streams in (("a", "2>/dev/full"), ("b", "2>&-"), ("c", ">&-"), ("d", "2>/dev/full >&-")):
        assert call(f"evol run {words} --out {out} {streams}").returncode == 0, streams
        assert evol.call("stats", out).returncode == 0
    for command in ("stats a", "stats a --json", "merge a --json", f"run {words} --out e --json"):
        refused = call(f"evol {command} >/dev/full")
        assert refused.returncode == 2, refused.stderr
        assert refused.stderr.splitlines()[-1].startswith("evol: error: standard output: No space left on device")
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(("name", "step"), CASES)
def test_power_loss_repeats_the_last_window_alone(
    evol: Evol, forkery: Forkery, server: FakeServer, name: str, step: int
) -> None:
    """What was not synced is gone, names as well as bytes: the same command ends with the same bytes."""
    bench = Bench(TRIALS[name], evol, forkery)
    bench.prepare()
    wreck, synced = bench.evol.folder / "wreck", bench.evol.folder / "synced"
    losses = 0
    for at in itertools.count(1, step):
        bench.reset()
        plan = {"folder": str(bench.folder), "at": at, "wreck": str(wreck), "random_seed": step, "counted": str(synced)}
        synced.unlink(missing_ok=True)
        server.forget()
        lost = bench.forkery.run(bench.words, bench.folder, plan)
        if lost.returncode != POWER_LOST:
            assert lost.returncode == 0, lost.stderr
            break
        losses += 1
        replace_by_wreck(bench.folder, wreck)
        journal = bench.folder / bench.trial.journal
        durable = orjson.loads(synced.read_bytes()).get(bench.trial.journal, 0)
        assert not durable or journal.stat().st_size >= durable, at
        kept = bench.count_journaled()
        server.forget()
        finished = bench.forkery.run(bench.words, bench.folder)
        assert finished.returncode == 0, f"{at}\n{finished.stderr}"
        assert bench.read() == bench.calm, at
        assert not bench.find_leftovers(), at
        assert not bench.count_repeated_keys(), at
        assert server.counts + kept == bench.count_journaled(), at
    assert losses or not bench.trial.results
    if os.environ.get("EVOL_SHOW"):
        print(f"\n{bench.trial.words}: {losses} power losses", file=sys.__stdout__)
