from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import KEY, Evol, read_outputs, read_rows
from evol.errors import StorageError
from evol.journal import Journal
from fake_batches import FakeBatch, FakeBatchServer
from fake_server import Fault

GENERATIONS = ["--generations", "1"]
LIMITED: Fault = (429, {}, b'{"error":{"message":"slow down"}}')


@pytest.fixture
def server() -> Iterator[FakeBatchServer]:
    """An endpoint that has a Batch API as well."""
    with FakeBatchServer(key=KEY) as running:
        yield running


class Runs:
    """Batch runs of one folder, in processes of their own, and what they must come to."""

    def __init__(self, evol: Evol, seeds: Path) -> None:
        self.evol, self.seeds = evol, seeds
        self.config = evol.folder / "quick.toml"
        self.config.write_text("[limits]\npoll = 0.12\n")
        self.folder = evol.folder / "output"
        self.process: subprocess.Popen[str] | None = None
        assert evol.run(seeds, *GENERATIONS, "--out", "calm").returncode == 0

    @property
    def arguments(self) -> list[str | Path]:
        """Of `evol run`."""
        return [self.seeds, *GENERATIONS, "--backend", "batch", "--config", self.config]

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Begin or go on."""
        self.process = self.evol.start(*self.arguments, *more)
        return self.process

    def kill(self) -> None:
        """As power loss does, but for the kernel."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)

    def finish(self) -> str:
        """The same command to its end; what it says. The files are those of a calm run at the endpoint."""
        done = self.evol.run(*self.arguments)
        assert done.returncode == 0, done.stderr
        assert read_outputs(self.folder) == read_outputs(self.evol.folder / "calm")
        assert not (self.folder / "batches").exists()
        return done.stderr


@pytest.fixture
def runs(evol: Evol, write_seeds: Callable[..., Path]) -> Runs:
    """Ten seeds, one generation."""
    return Runs(evol, write_seeds(10))


def count_calls(folder: Path) -> int:
    """Whole records of completed calls."""
    lines = (folder / "journal.jsonl").read_bytes().splitlines() if (folder / "journal.jsonl").exists() else []
    return sum(line.startswith(b'{"kind":"call"') for line in lines)


def read_tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wait_for(what: Callable[[], object], seconds: float = 30.0) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize("step", ["upload", "uploaded", "create", "created", "look", "fetch"])
def test_killed_at_any_step_nothing_is_paid_twice(runs: Runs, server: FakeBatchServer, step: str, at: int) -> None:
    """Kill -9 before, between and after the calls of a batch: the next run finds it, and asks nothing again."""

    def event(name: str, times: int) -> int | None:
        if (name, times) == (step, at):
            runs.kill()
        return None

    server.event = event
    process = runs.start()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    before = len(server.batches)
    server.event = lambda name, times: None
    runs.finish()
    assert set(server.asked.values()) == {1}
    assert len(server.batches) > before


@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_batch_is_found_among_many(runs: Runs, server: FakeBatchServer, oldest_first: bool) -> None:
    """The list has pages, other people's batches, and either order; the batch of the intent is found and adopted."""
    for number in range(7):
        old = int(time.time()) - 10**6 * (7 - number)
        server.batches[f"other_{number}"] = FakeBatch(f"other_{number}", "f", [], {"team": "x"}, old, state="completed")
    server.oldest_first = oldest_first
    server.event = lambda name, times: runs.kill() if name == "created" else None
    runs.start().communicate(timeout=60)
    server.event = lambda name, times: None
    runs.finish()
    assert set(server.asked.values()) == {1}


def test_killed_while_results_are_journaled(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path]
) -> None:
    """A batch whose results are half journaled is read again; each result stands in the journal once."""
    count = 1000
    runs = Runs(evol, write_seeds(count))
    process = runs.start()
    wait_for(lambda: server.events["fetch"])
    while not count_calls(runs.folder) > 0 and process.poll() is None:
        pass
    runs.kill()
    process.communicate(timeout=60)
    assert 0 < count_calls(runs.folder) < count
    runs.finish()
    assert set(server.asked.values()) == {1}
    keys = [row["key"] for row in read_rows(runs.folder / "journal.jsonl") if row["kind"] == "call"]
    assert len(keys) == len(set(keys)) == len(server.asked)


def test_kills_at_random_moments(runs: Runs, server: FakeBatchServer) -> None:
    """Whatever the moment, nothing is asked twice."""
    for number in range(8):
        process = runs.start()
        with_luck = 0.35 + 0.11 * number
        try:
            process.communicate(timeout=with_luck)
        except subprocess.TimeoutExpired:
            runs.kill()
            process.communicate(timeout=60)
    runs.finish()
    assert set(server.asked.values()) == {1}


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_does_not_wait_for_batches(
    runs: Runs, server: FakeBatchServer, how: signal.Signals, code: int
) -> None:
    """Ctrl-C and SIGTERM end at once, say what is out, and the same command picks it up."""
    server.slowness = 10**6
    process = runs.start()
    wait_for(lambda: server.events["look"] >= 2)
    began = time.monotonic()
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert process.returncode == code
    assert "what is in batches is not waited for" in errors
    assert "1 batch is out with 10 requests (batch_0); the same command picks them up" in errors
    assert "Traceback" not in errors
    found = orjson.loads(runs.evol.call("status", "--json").stdout)
    assert (found["state"], found["is_running"]) == ("interrupted", False)
    [batch] = found["batches"]
    assert (batch["batch_id"], batch["state"], batch["requests"]) == ("batch_0", "in_progress", 10)
    assert "picks the batches up" in found["next"]
    server.slowness = 1
    runs.finish()
    assert set(server.asked.values()) == {1}
    assert orjson.loads(runs.evol.call("status", "--json").stdout)["batches"] == []


def test_a_signal_while_a_batch_is_sent_lets_it_be_sent(runs: Runs, server: FakeBatchServer) -> None:
    """The id of a batch that is being created is still noted before the end."""

    def event(name: str, times: int) -> int | None:
        if name == "created":
            assert runs.process is not None
            runs.process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        return None

    server.event = event
    process = runs.start()
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "(batch_0)" in errors) == (130, True)
    server.event = lambda name, times: None
    runs.finish()
    assert set(server.asked.values()) == {1}


def test_the_other_backend_does_not_pay_what_is_out(runs: Runs, server: FakeBatchServer) -> None:
    """While a batch is out the endpoint is refused, other settings too, and export as well: one sentence each."""
    server.slowness = 10**6
    process = runs.start()
    wait_for(lambda: server.events["look"] >= 1)
    runs.kill()
    process.communicate()
    paid = server.total
    before = read_tree(runs.folder)
    refused = runs.evol.run(runs.seeds, *GENERATIONS)
    assert refused.returncode == 2
    assert "1 batch is out at m at http" in refused.stderr
    assert read_tree(runs.folder) == before
    other = runs.evol.invoke(["run", *map(str, runs.arguments), "--model", "other", "--base-url", runs.evol.url])
    assert (other.returncode, "evolver.model was" in other.stderr) == (7, True)
    exported = runs.evol.call("export-batch", "output")
    assert (exported.returncode, "1 batch is out" in exported.stderr) == (7, True)
    assert server.total == paid
    server.slowness = 1
    runs.finish()
    assert set(server.asked.values()) == {1}


def test_a_batch_that_the_server_forgot(runs: Runs, server: FakeBatchServer) -> None:
    """Says so, with the way out: removing its file sends its requests again."""
    server.slowness = 10**6
    process = runs.start()
    wait_for(lambda: server.events["look"] >= 1)
    runs.kill()
    process.communicate()
    server.batches.clear()
    lost = runs.evol.run(*runs.arguments)
    assert lost.returncode == 5
    assert "the server does not know the batch batch_0 of this folder" in lost.stderr
    [file] = (runs.folder / "batches").glob("*.jsonl")
    assert f"remove output/batches/{file.name}" in lost.stderr
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"item 3", b"item 4"))
    damaged = runs.evol.run(*runs.arguments)
    assert (damaged.returncode, "not what was written" in damaged.stderr) == (7, True)
    file.unlink()
    server.slowness = 1
    assert "its file was removed, so it is given up" in runs.finish()


def test_results_that_the_server_has_no_longer(runs: Runs, server: FakeBatchServer) -> None:
    """Files of results are deleted after a while; the way out is said, and asks for nothing else again."""
    server.event = lambda name, times: 404 if name == "fetch" else None
    lost = runs.evol.run(*runs.arguments)
    assert lost.returncode == 5
    assert "the server has the results of the batch batch_0 no longer" in lost.stderr
    [file] = (runs.folder / "batches").glob("*.jsonl")
    assert f"remove output/batches/{file.name}, and its requests are sent again" in lost.stderr
    file.unlink()
    server.event = lambda name, times: None
    assert "its file was removed, so it is given up" in runs.finish()


def test_files_of_a_process_that_sent_nothing_are_removed(runs: Runs, server: FakeBatchServer) -> None:
    """A file of requests whose intent was not journaled any more is no batch."""
    (runs.folder / "batches").mkdir(parents=True)
    (runs.folder / "batches" / ("0" * 32 + ".jsonl")).write_bytes(b"half")
    runs.finish()


def test_results_of_seeds_that_are_gone_are_kept(runs: Runs, server: FakeBatchServer) -> None:
    """A batch that is out brings its results also for seeds that the list holds no longer; they count."""
    server.slowness = 10**6
    process = runs.start()
    wait_for(lambda: server.events["look"] >= 1)
    runs.kill()
    process.communicate()
    server.slowness = 1
    fewer = runs.evol.run(*runs.arguments, "--limit", "4")
    assert fewer.returncode == 0, fewer.stderr
    calls: dict[str, Any] = orjson.loads((runs.folder / "manifest.json").read_bytes())["calls"]
    assert sum(count["attempts"] for count in calls.values()) == sum(server.asked.values())
    runs.finish()
    assert set(server.asked.values()) == {1}


def test_status_while_another_process_works(runs: Runs, server: FakeBatchServer) -> None:
    """Another terminal sees the batch, its counts and its age, and disturbs nothing."""
    server.slowness = 10**6
    process = runs.start()
    wait_for(lambda: server.events["look"] >= 2)
    before = {path.name: path.read_bytes() for path in runs.folder.iterdir() if path.is_file()}
    shown = runs.evol.call("status").stdout
    assert "output: running (as of" in shown
    assert "seeds: 0 of 10 through all generations" in shown
    assert "batch batch_0 (m at http" in shown
    assert "in_progress, 10 requests, sent" in shown
    assert "expires in 24.0 h" in shown
    assert "next: a process is at work" in shown
    assert {path.name: path.read_bytes() for path in runs.folder.iterdir() if path.is_file()} == before
    runs.kill()
    process.communicate()
    killed = orjson.loads(runs.evol.call("status", "output", "--json").stdout)
    assert (killed["state"], len(killed["batches"])) == ("killed", 1)


@pytest.mark.parametrize("room", [1_200, 9_000, 30_000])
def test_a_full_disk_is_one_sentence_and_pays_nothing_twice(runs: Runs, server: FakeBatchServer, room: int) -> None:
    """No room for the requests, for the results, or for the journal: exit 2; with room it goes on from there."""

    def limit_file_size() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails with an error, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    full = subprocess.run(
        runs.evol.command(*runs.arguments),
        cwd=runs.evol.folder,
        env=runs.evol.environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_file_size,
        timeout=60,
    )
    assert full.returncode == 2, full.stderr
    assert len([line for line in full.stderr.splitlines() if line.startswith("evol: error:")]) == 1
    assert "cannot write" in full.stderr
    assert "Traceback" not in full.stderr
    runs.finish()
    assert set(server.asked.values()) == {1}


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_smaller_run_fetches_what_is_paid(runs: Runs, server: FakeBatchServer, end: signal.Signals) -> None:
    """Fewer generations while a batch of a later one is out: its results are waited for and kept, then it is done."""
    assert runs.evol.run(*runs.arguments).returncode == 0
    server.slowness = 10**6
    looked = server.events["look"]
    process = runs.start("--generations", "2")
    wait_for(lambda: server.events["look"] > looked + 1)
    process.send_signal(end)
    process.communicate()
    paid = sum(server.asked.values())
    smaller = runs.start()
    looked = server.events["look"]
    wait_for(lambda: server.events["look"] > looked)  # it waits for the batch, though nobody asks for it
    smaller.send_signal(signal.SIGINT)
    _, told = smaller.communicate()
    assert (smaller.returncode, "1 batch is out" in told) == (130, True)
    server.slowness = 1
    runs.finish()
    assert sum(server.asked.values()) == paid
    calls: dict[str, Any] = orjson.loads((runs.folder / "manifest.json").read_bytes())["calls"]
    assert sum(count["attempts"] for count in calls.values()) == paid
    assert runs.evol.run(*runs.arguments).stdout.startswith("output: already complete")
    assert runs.evol.run(*runs.arguments, "--generations", "2").returncode == 0
    assert set(server.asked.values()) == {1}


def test_stopped_while_failures_are_journaled(
    runs: Runs, server: FakeBatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch whose failures are half journaled is read again; each failure counts once, and so does its price."""
    server.fault = lambda body, times: LIMITED if len(server.batches) == 1 else None
    append = Journal.append_failure
    written: list[str] = []

    def stop_at_the_fifth(journal: Journal, *arguments: Any, **more: Any) -> None:
        if len(written) == 4:
            raise StorageError("here the process ends")
        append(journal, *arguments, **more)
        written.append("failure")

    monkeypatch.setattr(Journal, "append_failure", stop_at_the_fifth)
    assert runs.evol.run(*runs.arguments).returncode == 2
    monkeypatch.undo()
    runs.finish()
    failures = [row["key"] for row in read_rows(runs.folder / "journal.jsonl") if row["kind"] == "failure"]
    assert len(failures) == len(set(failures)) == 10
    calls: dict[str, Any] = orjson.loads((runs.folder / "manifest.json").read_bytes())["calls"]
    assert sum(one["attempts"] for one in calls.values()) == sum(server.asked.values())
