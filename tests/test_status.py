from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from conftest import Evol, read_rows
from evol.journal import Journal
from evol.journaltail import read_last_progress
from evol.progresslog import ProgressLog
from evol.records import Outcome, Progress, Row
from evol.status_text import describe_age
from fake_server import FakeServer


def test_an_ordinary_run_from_beginning_to_end(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it goes on, killed, interrupted and done: figures that agree with the journal, and what to do next."""
    seeds = write_seeds(40)
    assert evol.call("status").returncode == 7
    server.latency = lambda body: 0.1
    process = evol.start(seeds, "--generations", "2", "--concurrency", "4")
    deadline = time.monotonic() + 60
    while read_last_progress(evol.folder / "output") is None:  # written every five seconds
        assert time.monotonic() < deadline
        time.sleep(0.1)
    found = orjson.loads(evol.call("status", "--json").stdout)
    assert (found["state"], found["is_running"], found["seeds"], found["batches"]) == ("running", True, 40, [])
    assert found["outcomes_known"] is True
    assert 0 < found["calls"] <= server.total
    assert found["requests"] >= found["calls"]
    for one in found["generations"]:
        assert one["survivors"] + one["eliminated"] + one["open"] == 40
    assert 0 < found["generations"][0]["survivors"] <= 40
    assert "running (as of" in evol.call("status").stdout
    process.kill()
    process.communicate()
    killed = evol.call("status")
    assert "not running; it was killed before it could write its files" in killed.stdout
    assert f"next: the same evol run {seeds} --out output … as before goes on" in killed.stdout
    server.latency = lambda body: 0.0
    assert evol.run(seeds, "--generations", "2").returncode == 0
    done = orjson.loads(evol.call("status", "--json").stdout)
    assert (done["state"], done["is_running"], done["finished"]) == ("done", False, 40)
    assert done["next"] == "evol merge && evol stats"
    calls = [row for row in read_rows(evol.folder / "output" / "journal.jsonl") if row["kind"] == "call"]
    assert done["calls"] == len(calls)
    assert done["requests"] == sum("key" in row for row in read_rows(evol.folder / "output" / "journal.jsonl"))


def test_a_run_that_was_killed_at_once(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """Before the first record of progress the calls are counted from the journal, and no row is said to be missing."""
    server.latency = lambda body: 0.05
    process = evol.start(write_seeds(40), "--concurrency", "4")
    while server.total < 20:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    found = orjson.loads(evol.call("status", "--json").stdout)
    assert found["state"] == "killed"
    assert found["calls"] >= 15
    assert found["outcomes_known"] is False
    told = evol.call("status").stdout
    assert "what came of the calls was not counted yet, evol stats does" in told
    assert "0 rows" not in told


OUTCOME = Outcome(
    Row(
        id="a.0",
        seed_id="a",
        generation=0,
        parent_id="",
        operation="seed",
        instruction="x",
        response="y",
        evolver_model="",
        response_model="",
        finish_reason="",
        input_tokens=1,
        output_tokens=1,
    )
)


def test_the_end_of_a_large_journal_is_enough(tmp_path: Path) -> None:
    """The last whole record of progress is found behind megabytes of calls, before a torn line, in no time."""
    with Journal.open_for_run(tmp_path, print) as journal:
        log = ProgressLog(journal, 5, 1, {}, list)
        log.see(OUTCOME)
        log.finish_lineage()
        log.write()
    size = 1 << 30
    path = tmp_path / "journal.jsonl"
    record = path.read_bytes()
    with path.open("r+b") as file:  # a sparse file; nobody reads its middle
        file.seek(size)
        file.write(b"\n" + record + (b'{"kind":"call","reply":"' + b"x" * 5000 + b'"}\n') * 600)
        file.write(b'{"kind":"progress","ti')
    began = time.monotonic()
    found = read_last_progress(tmp_path)
    assert time.monotonic() - began < 1.0
    assert isinstance(found, Progress)
    assert (found.seeds, found.finished, found.generations) == (5, 1, [(1, 0), (0, 0)])
    os.truncate(path, 100)
    assert read_last_progress(tmp_path) is None


def test_progress_is_written_now_and_then(tmp_path: Path) -> None:
    """Not at every outcome: the journal of a fast run does not fill with it."""
    now = [0.0]
    with Journal.open_for_run(tmp_path, print) as journal:
        log = ProgressLog(journal, 5, 0, {}, list, clock=lambda: now[0])
        for _ in range(100):
            log.see(OUTCOME)
            now[0] += 0.1
    assert len(read_rows(tmp_path / "journal.jsonl")) == 1


def test_ages_for_people() -> None:
    """Seconds, minutes, hours."""
    assert [describe_age(seconds) for seconds in (-3, 5, 300, 90_000)] == ["0 s", "5 s", "5 min", "25.0 h"]
