from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from conftest import Evol, read_journaled_keys, read_outputs
from fake_server import FakeServer


def journaled_bodies(folder: Path) -> Counter[bytes]:
    """How often each request body stands in the journal as a completed call; a torn last line is left out."""
    found: Counter[bytes] = Counter()
    path = folder / "journal.jsonl"
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else []:
        record = orjson.loads(line)
        if record["kind"] == "call":
            found[orjson.dumps(record["request"])] += 1
    return found


def kill_repeatedly(
    evol: Evol, server: FakeServer, seeds: Path, concurrency: int, kills: int, how: signal.Signals
) -> None:
    """Kill a run again and again, check after each kill what was paid twice, then let it finish."""
    draw = random.Random(kills * concurrency)
    out = f"killed{concurrency}"
    arguments: list[str | Path] = [seeds, "--generations", "3", "--concurrency", str(concurrency), "--out", out]
    for _ in range(kills):
        paid = journaled_bodies(evol.folder / out)
        server.forget()
        process = evol.start(*arguments)
        deadline = time.monotonic() + 30
        target = draw.randint(1, 30)
        while server.total < target and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(draw.random() * 0.05)
        process.send_signal(how)
        process.communicate(timeout=60)
        server.wait_until_idle()
        # the same body may be asked for in two generations, each with a key of its own; what the journal holds in full
        # is never asked for again
        journaled = journaled_bodies(evol.folder / out)
        unjournaled = sum((server.counts + paid - journaled).values())
        assert unjournaled <= concurrency
        for name, content in read_outputs(evol.folder / out).items() if (evol.folder / out).exists() else []:
            assert content == b"" or content.endswith(b"\n"), name
    finished = evol.run(*arguments)
    assert finished.returncode == 0, finished.stderr
    journaled = journaled_bodies(evol.folder / out)
    calls = read_journaled_keys(evol.folder / out)
    assert len(set(calls)) == sum(journaled.values())


@pytest.mark.parametrize(
    "kills", [pytest.param(3, id="quick"), pytest.param(20, marks=pytest.mark.slow, id="thorough")]
)
def test_kill_9_loses_and_repeats_nothing(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path], kills: int
) -> None:
    """After kill -9 at random moments the outputs equal an undisturbed run's, at concurrency 1 and 64."""
    seeds = write_seeds(max(30, kills * 4))
    assert evol.run(seeds, "--generations", "3", "--out", "calm").returncode == 0
    calm = read_outputs(evol.folder / "calm")
    server.latency = lambda body: 0.01
    for concurrency in (1, 64):
        kill_repeatedly(evol, server, seeds, concurrency, kills, signal.SIGKILL)
        assert read_outputs(evol.folder / f"killed{concurrency}") == calm


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_finishes_writing_and_resumes(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path], how: signal.Signals, code: int
) -> None:
    """SIGINT and SIGTERM let calls in flight finish, write the outputs, exit 130 or 143; the same command resumes."""
    seeds = write_seeds(40)
    server.latency = lambda body: 0.1
    process = evol.start(seeds, "--concurrency", "4", "--generations", "2")
    while server.total < 30:
        time.sleep(0.01)
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    found = orjson.loads((evol.folder / "output" / "manifest.json").read_bytes())
    assert found["status"] == "interrupted"
    assert found["counts"][0]["survivors"] > 0
    assert sum(journaled_bodies(evol.folder / "output").values()) == server.total
    server.latency = lambda body: 0.0
    assert evol.run(seeds, "--generations", "2").returncode == 0
    assert evol.run(seeds, "--generations", "2", "--out", "calm").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")


def test_second_signal_stops_at_once(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """While calls in flight are waited for, another Ctrl-C ends the process immediately."""
    server.latency = lambda body: 0.0 if server.total < 3 else 60.0
    process = evol.start(write_seeds(20), "--concurrency", "4")
    while server.total < 3 or server.peak < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode == 130


def test_two_runs_on_one_folder(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """The second run on a folder gets exit 6 and disturbs nothing; the lock vanishes with a killed process."""
    server.latency = lambda body: 0.05
    seeds = write_seeds(30)
    process = evol.start(seeds, "--concurrency", "2")
    while server.total < 5:
        time.sleep(0.01)
    second = evol.run(seeds, "--concurrency", "2")
    assert (second.returncode, second.stdout) == (6, "")
    assert "in use by another" in second.stderr
    assert evol.call("merge").returncode == 6
    assert process.poll() is None
    process.kill()
    process.communicate()
    assert evol.call("merge").returncode == 7
    assert orjson.loads(evol.call("stats", "--json").stdout)[0]["status"] == "killed"
    server.latency = lambda body: 0.0
    assert evol.run(seeds).returncode == 0


def test_full_disk_is_one_sentence_and_loses_nothing(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """When the journal cannot grow the run ends with exit 2; with room it finishes, nothing is repeated."""
    seeds = write_seeds(40)
    command = evol.command(seeds, "--generations", "2")

    def limit_file_size() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails with an error, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    full = subprocess.run(
        command,
        cwd=evol.folder,
        env=evol.environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_file_size,
    )
    assert full.returncode == 2, full.stderr
    sentences = [line for line in full.stderr.splitlines() if line.startswith("evol: error:")]
    assert len(sentences) == 1
    assert "journal.jsonl: cannot write" in sentences[0]
    assert "Traceback" not in full.stderr
    assert not list((evol.folder / "output").glob(".*.tmp"))
    paid = sum(journaled_bodies(evol.folder / "output").values())
    assert paid > 0
    server.forget()
    done = evol.run(seeds, "--generations", "2")
    assert done.returncode == 0, done.stderr
    assert server.total == sum(journaled_bodies(evol.folder / "output").values()) - paid


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that refuses writes even to root")
def test_read_only_place_is_one_sentence(evol: Evol, server: FakeServer) -> None:
    """A folder that cannot be made ends with exit 2 before anything is asked."""
    refused = evol.run("--limit", "1", "--out", "/proc/evol-output")
    assert refused.returncode == 2
    assert refused.stderr.count("evol: error:") == 1
    assert not server.seen


def test_damaged_journal_line_is_named(evol: Evol, server: FakeServer) -> None:
    """A torn last line is repaired with a notice; a damaged line in the middle ends with exit 7 and is named."""
    assert evol.run("--limit", "4", "--generations", "1").returncode == 0
    path = evol.folder / "output" / "journal.jsonl"
    outputs = read_outputs(evol.folder / "output")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"kind":"throttle"' not in line)[:-25])
    server.forget()
    repaired = evol.run("--limit", "4", "--generations", "1", "--seed-responses", "regenerate")
    assert repaired.returncode == 0, repaired.stderr
    assert "torn" in repaired.stderr
    assert sum(server.seen.values()) == 1
    assert read_outputs(evol.folder / "output") == outputs
    lines[2] = lines[2].replace(b'"reply":"', b'"reply":"x', 1)
    path.write_bytes(b"".join(lines))
    server.forget()
    refused = evol.run("--limit", "4", "--generations", "1")
    assert refused.returncode == 7
    assert "journal.jsonl:3:" in refused.stderr
    assert path.read_bytes() == b"".join(lines)
    assert not server.seen


def test_damaged_output_is_refused_and_restored(evol: Evol, server: FakeServer) -> None:
    """Merge and stats refuse files that are not what was written (exit 7); the same run restores them for free."""
    assert evol.run("--limit", "4", "--generations", "1").returncode == 0
    path = evol.folder / "output" / "generation-1.jsonl"
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    server.forget()
    for command in ("merge", "stats"):
        refused = evol.call(command)
        assert refused.returncode == 7
        assert "generation-1.jsonl" in refused.stderr
    assert evol.run("--limit", "4", "--generations", "1").returncode == 0
    assert path.read_bytes() == good
    assert not server.seen


def test_leftovers_of_a_killed_run_are_removed(evol: Evol) -> None:
    """Temporary files of a killed process do not stay in the folder."""
    assert evol.run("--limit", "2", "--generations", "0").returncode == 0
    leftover = evol.folder / "output" / ".generation-0.jsonl.abc_1234.tmp"
    leftover.write_bytes(b"half")
    assert evol.run("--limit", "2", "--generations", "1").returncode == 0
    assert not leftover.exists()


def test_interrupt_before_the_first_reply_leaves_a_usable_folder(evol: Evol, server: FakeServer) -> None:
    """Ctrl-C while the first call hangs ends in good order, and another model may then be used."""
    server.latency = lambda body: 3.0
    process = evol.start("--limit", "2", "--generations", "1")
    while not server.seen:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=40)
    assert process.returncode == 130, errors
    server.latency = lambda body: 0.0
    assert evol.run("--limit", "2", "--generations", "1").returncode == 0
