"""Nothing is written where a link points, nothing leaves its folder, and one process holds a folder at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from conftest import Evol, read_outputs, read_rows
from fake_server import FakeServer
from forked import Forkery
from trials import TRIALS, Bench, make_server, write_questions, write_responses

PRECIOUS = b'{"precious": true}\n'


@pytest.fixture
def forkery(evol: Evol, server: FakeServer) -> Iterator[Forkery]:
    """Starts commands."""
    make_server(server)
    (evol.folder / "streams").mkdir()
    with Forkery(evol.folder / "streams", evol.environment()) as found:
        yield found


LINKS = {
    "run": [
        ".lock", "journal.jsonl", "manifest.json", ".seeds.jsonl", "generation-0.jsonl", "generation-1.jsonl",
        "eliminated.jsonl", ".manifest.json.abcd1234.tmp", ".generation-0.jsonl.abcd1234.tmp",
    ],
    "grow": ["journal.jsonl", "manifest.json", ".seeds.jsonl", "generation-1.jsonl", "eliminated.jsonl", ".lock"],
    "merge": ["mix.jsonl", "mix.meta.json", "mix.card.md", "mix.lineage.jsonl", ".mix.meta.json.abcd1234.tmp"],
    "score": ["scores.jsonl", "scores.meta.json", "journal.jsonl", ".scores.jsonl.abcd1234.tmp"],
    "stats --html": ["../report.html", "../.report.html.abcd1234.tmp"],
    "respond": ["../r.jsonl", "../r.meta.json", "../r.journal.jsonl", "../.r.jsonl.abcd1234.tmp"],
    "compare": ["../verdicts.jsonl", "../verdicts.meta.json", "../verdicts.journal.jsonl", "../verdicts.html"],
}  # fmt: skip

CASES = [
    pytest.param(name, kind, marks=[] if (name, kind) in (("run", "nothing"), ("merge", "file")) else pytest.mark.slow)
    for name in LINKS
    for kind in ("nothing", "file", "folder")
]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_link_in_the_way_is_never_written_through(
    evol: Evol, server: FakeServer, forkery: Forkery, name: str, kind: str
) -> None:
    """Whatever name of the output folder is a link: what it points at stays, and nothing appears there."""
    bench = Bench(TRIALS[name], evol, forkery)
    bench.prepare()
    outside = evol.folder / "outside"
    for link in LINKS[name]:
        bench.reset()
        outside.mkdir()
        (outside / "file").write_bytes(PRECIOUS)
        (outside / "folder").mkdir()
        (outside / "folder" / "inner").write_bytes(PRECIOUS)
        path = Path(os.path.normpath(bench.folder / "output" / link))
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(outside / kind)
        done = bench.forkery.run(bench.words, bench.folder)
        assert done.returncode in (0, 2, 5, 7), f"{link}: {done.stderr}"
        assert "Traceback" not in done.stderr, link
        assert sorted(found.name for found in outside.iterdir()) == ["file", "folder"], link
        assert [found.name for found in (outside / "folder").iterdir()] == ["inner"], link
        assert (outside / "file").read_bytes() == PRECIOUS, link
        assert (outside / "folder" / "inner").read_bytes() == PRECIOUS, link
        for found in (outside / "file", outside / "folder" / "inner"):
            found.unlink()
        (outside / "folder").rmdir()
        outside.rmdir()


def test_names_inside_files_lead_nowhere(evol: Evol, server: FakeServer) -> None:
    """Seed ids, models and a merge's own marker may hold paths: nothing is written or removed by them."""
    (evol.folder / "precious.jsonl").write_bytes(PRECIOUS)
    rows = [
        {"id": name, "instruction": f"Name {n} rivers."} for n, name in enumerate(["../../x", "/etc/x", "..", "a/b"])
    ]
    (evol.folder / "s.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    assert evol.run("s.jsonl", "--generations", "1", "--out", "r/un").returncode == 0
    assert evol.call("merge", "r/un", "--out", "mixed").returncode == 0
    marker = evol.folder / "mixed" / "mix.meta.json"
    about = orjson.loads(marker.read_bytes())
    about["files"]["../precious.jsonl"] = about["files"][".."] = about["files"]["/etc/passwd"] = "0" * 64
    marker.write_bytes(orjson.dumps(about))
    assert evol.call("merge", "r/un", "--out", "mixed", "--size", "2").returncode in (0, 2)
    assert (evol.folder / "precious.jsonl").read_bytes() == PRECIOUS
    assert sorted(path.name for path in evol.folder.iterdir()) == ["mixed", "precious.jsonl", "r", "s.jsonl"]
    assert [path.name for path in (evol.folder / "r").iterdir()] == ["un"]


@pytest.mark.parametrize("name", ["score", "respond", "compare"])
def test_the_second_of_two_gets_6(evol: Evol, server: FakeServer, name: str) -> None:
    """Two commands on one folder or file: the second is refused and disturbs nothing; the lock dies with the first."""
    make_server(server)
    if name == "score":
        assert evol.run("--limit", "3", "--generations", "1").returncode == 0
    write_questions(evol.folder)
    write_responses(evol.folder)
    words = [*map(str, TRIALS[name].words), "--model", "m", "--base-url", evol.url]
    server.forget()
    server.latency = lambda body: 30.0
    first = subprocess.Popen(
        [sys.executable, "-m", "evol.cli", *words],
        cwd=evol.folder,
        env=evol.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not server.seen and first.poll() is None:
        time.sleep(0.01)
    second = evol.call(*words)
    assert second.returncode == 6, second.stderr
    assert "in use by another evol process" in second.stderr
    assert sum(server.seen.values()) == 1
    if name == "score":
        assert evol.run("--limit", "3", "--generations", "2").returncode == 6
    assert first.poll() is None
    first.kill()
    first.communicate()
    server.latency = lambda body: 0.0
    done = evol.call(*words)
    assert done.returncode == 0, done.stderr


def test_a_lock_dies_with_a_stopped_group_not_before(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """A run that is merely suspended still holds its folder; after kill -9 the next one has it at once."""
    server.latency = lambda body: 0.05
    seeds = write_seeds(20)
    first = evol.start(seeds, "--generations", "1", "--concurrency", "2")
    while server.total < 3 and first.poll() is None:
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGSTOP)
    assert evol.run(seeds, "--generations", "1").returncode == 6
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    server.latency = lambda body: 0.0
    assert evol.run(seeds, "--generations", "1").returncode == 0


def test_two_merges_to_one_place_do_not_mingle(evol: Evol, server: FakeServer, forkery: Forkery) -> None:
    """Merges that end at the same time leave one set that is whole; whoever was overtaken is refused with 6."""
    assert evol.run("--limit", "6", "--generations", "1").returncode == 0
    assert evol.call("merge", "--out", "mix.jsonl").returncode == 0
    (evol.folder / "more").mkdir()
    with Forkery(evol.folder / "more", evol.environment()) as other:
        for number in range(3):
            children = [
                (starter, starter.start(["merge", "--out", "mix.jsonl", "--size", str(size)], evol.folder))
                for starter, size in ((forkery, 3 + number), (other, 9 - number))
            ]
            codes = [starter.wait(child).returncode for starter, child in children]
            assert set(codes) <= {0, 6}
            assert 0 in codes
            rows = len(read_rows(evol.folder / "mix.jsonl"))
            assert rows == len(read_rows(evol.folder / "mix.lineage.jsonl"))
            assert orjson.loads((evol.folder / "mix.meta.json").read_bytes())["complete"]
            assert evol.call("merge", "--out", "mix.jsonl", "--size", "2").returncode == 0
    assert read_outputs(evol.folder / "output")
