"""`evol ray` on a real cluster of two nodes on this machine, whose environment holds no key."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from conftest import KEY, Evol, read_journaled_keys, read_outputs, read_rows
from fake_server import FakeServer

pytestmark = pytest.mark.ray

MARK = f"EVOL_TEST_CLUSTER={os.getpid()}"


@dataclass
class RayCluster:
    """A running cluster.

    Attributes:
        address: of its head.
        folder: where Ray keeps its logs and sockets.
        process: the one that started it.
    """

    address: str
    folder: Path
    process: subprocess.Popen[str]

    def tell(self, word: str) -> str:
        """Have the cluster do something; what it says when it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return read_answer(self.process)


def read_answer(process: subprocess.Popen[str]) -> str:
    """The next answer of the cluster's process, "" where it has ended."""
    assert process.stdout is not None
    answers = (line.removeprefix("-> ").strip() for line in process.stdout if line.startswith("-> "))
    return next(answers, "")


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """Two nodes of two CPUs each; it ends with the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    name, _, value = MARK.partition("=")
    folder = Path(tempfile.mkdtemp(prefix="evol-ray-", dir="/tmp"))
    program = Path(__file__).with_name("ray_cluster.py")
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, str(program), str(folder / "ray")],
            env={**kept, name: value},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        address = read_answer(process)
        assert address, (folder / "stderr").read_text()
        yield RayCluster(address, folder, process)
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def start(
    evol: Evol, cluster: RayCluster, *arguments: str | Path, handles: tuple[int, ...] = (), **more: str
) -> subprocess.Popen[str]:
    """`evol ray` on the cluster against the endpoint, in the background."""
    command = [sys.executable, "-m", "evol.cli", "ray", *map(str, arguments), "--model", "m", "--base-url", evol.url]
    return subprocess.Popen(
        [*command, "--address", cluster.address],
        cwd=evol.folder,
        env=evol.environment(**more),
        pass_fds=handles,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    try:
        out, errors = process.communicate(timeout=100)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        pytest.fail(f"still running: {out}{errors}")
    assert "Traceback" not in errors, errors
    return process.returncode, out, errors


def find_workers(title: str) -> list[int]:
    """Processes of this cluster that carry out a shard."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_named = (folder / "cmdline").read_bytes().startswith(title.encode())
            if is_named and MARK.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def find_key(folder: Path) -> list[Path]:
    """Files that hold the key."""
    return [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_a_killed_worker_is_replaced_and_pays_nothing_twice(
    evol: Evol, server: FakeServer, cluster: RayCluster, write_seeds: Callable[..., Path]
) -> None:
    """SIGKILL mid-run: the shard is begun again from its journal; the bytes are a local run's; the key is nowhere."""
    seeds = write_seeds(60)
    server.latency = lambda body: 0.2
    run = ("--shards", "3", "--generations", "2", "--concurrency", "3", "--out", "joined")
    process = start(evol, cluster, seeds, *run)
    journals = [evol.folder / "joined.shards" / f"{index}-of-3" / "journal.jsonl" for index in (1, 2, 3)]
    wait_for(lambda: all(path.exists() and path.read_bytes().count(b"\n") > 3 for path in journals))
    [victim] = find_workers("ray::evol shard 2/3")
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    others = [pid for index in (1, 3) for pid in find_workers(f"ray::evol shard {index}/3")]
    assert len(others) == 2
    command_lines = [(Path("/proc") / str(pid) / "cmdline").read_bytes() for pid in others]
    code, out, errors = finish(process)
    assert code == 0, errors
    assert time.monotonic() - killed < 60
    assert "shard 2: its worker was lost" in errors
    assert "generation 2: " in out
    server.wait_until_idle()
    keys = read_journaled_keys(evol.folder / "joined")
    assert len(keys) == len(set(keys))
    assert len(keys) <= server.total <= len(keys) + 3
    server.latency = lambda body: 0.0
    assert evol.run(seeds, "--generations", "2", "--out", "local").returncode == 0
    assert read_outputs(evol.folder / "joined") == read_outputs(evol.folder / "local")
    assert sorted(keys) == sorted(read_journaled_keys(evol.folder / "local"))
    assert not any(KEY.encode() in line for line in command_lines)
    assert find_key(evol.folder) == []
    assert list(cluster.folder.rglob("raylet*.out"))
    assert find_key(cluster.folder) == []
    assert not list((evol.folder / "joined.shards").glob(".shared-*"))


def test_ctrl_c_stops_the_workers_and_the_same_command_goes_on(
    evol: Evol, server: FakeServer, cluster: RayCluster, write_seeds: Callable[..., Path]
) -> None:
    """Shards let their calls in flight finish and write their files (130); resumed, grown and repeated as any run."""
    seeds = write_seeds(40)
    server.latency = lambda body: 0.2
    run = ("--shards", "2", "--concurrency", "2")
    process = start(evol, cluster, seeds, *run, "--generations", "1")
    wait_for(lambda: server.total > 16)
    process.send_signal(signal.SIGINT)
    code, out, errors = finish(process)
    assert code == 130, errors
    assert "0 of 2 shards are done: the same command again goes on" in out
    assert not (evol.folder / "output").exists()
    paid = server.total
    time.sleep(0.5)
    assert (
        server.total
        == paid
        == sum(len(read_journaled_keys(evol.folder / "output.shards" / f"{n}-of-2")) for n in (1, 2))
    )
    for index in (1, 2):
        manifest = orjson.loads((evol.folder / "output.shards" / f"{index}-of-2" / "manifest.json").read_bytes())
        assert manifest["status"] == "interrupted"
    server.latency = lambda body: 0.0
    assert finish(start(evol, cluster, seeds, *run, "--generations", "1"))[0] == 0
    assert finish(start(evol, cluster, seeds, *run, "--generations", "2", "--json"))[0] == 0
    keys = read_journaled_keys(evol.folder / "output")
    assert len(keys) == len(set(keys)) == server.total
    manifest = orjson.loads((evol.folder / "output" / "manifest.json").read_bytes())
    assert manifest["seeds"]["path"] == str(seeds)
    server.forget()
    code, out, errors = finish(start(evol, cluster, seeds, *run, "--generations", "2"))
    assert (code, out.splitlines()[0]) == (0, "output: already complete, nothing to do")
    assert not server.seen
    assert evol.run(seeds, "--generations", "2", "--out", "local").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "local")


def test_a_worker_that_is_lost_too_often_is_told(
    evol: Evol, server: FakeServer, cluster: RayCluster, write_seeds: Callable[..., Path]
) -> None:
    """Exit 3, nothing is collected, and the same command goes on with what the journals hold."""
    seeds = write_seeds(16)
    server.latency = lambda body: 0.3
    run = (seeds, "--shards", "2", "--generations", "1", "--concurrency", "2")
    process = start(evol, cluster, *run, "--max-retries", "0")
    wait_for(lambda: server.total > 8)
    [victim] = find_workers("ray::evol shard 1/2")
    os.kill(victim, signal.SIGKILL)
    server.latency = lambda body: 0.0
    code, out, errors = finish(process)
    assert code == 3, errors
    assert "shard 1 of 2: its worker was lost too often" in errors
    assert "1 of 2 shards are done: the same command again goes on" in out
    assert not (evol.folder / "output").exists()
    assert finish(start(evol, cluster, *run))[0] == 0
    keys = read_journaled_keys(evol.folder / "output")
    assert len(keys) == len(set(keys)) >= server.total - 2


def test_what_goes_wrong_is_one_sentence(
    evol: Evol, server: FakeServer, cluster: RayCluster, write_seeds: Callable[..., Path]
) -> None:
    """A folder that is not shared, a wrong key, a budget, another number of shards: nothing is overwritten."""
    seeds = write_seeds(12)
    run = (seeds, "--generations", "1", "--shards", "2")
    (evol.folder / "own").mkdir()
    handle = os.open(evol.folder / "own", os.O_RDONLY)
    try:
        # a path that this process alone can resolve, as a disk of one node is for another node
        private = f"/proc/self/fd/{handle}/out"
        code, _, errors = finish(start(evol, cluster, *run, "--out", private, handles=(handle,)))
    finally:
        os.close(handle)
    assert code == 2
    [sentence] = [line for line in errors.splitlines() if "not shared" in line]
    assert "out.shards: not shared" in sentence
    assert "--out" in sentence
    assert not server.seen

    code, _, errors = finish(start(evol, cluster, *run, OPENAI_API_KEY="sk-wrong"))
    assert code == 5
    assert "shards 1, 2 of 2:" in errors
    assert "sk-wrong" not in errors

    code, out, errors = finish(start(evol, cluster, *run, "--max-calls", "7"))
    assert code == 4
    assert "0 of 2 shards are done" in out
    assert not (evol.folder / "output").exists()
    assert server.total <= 14

    before = {path: path.read_bytes() for path in evol.folder.rglob("*") if path.is_file()}
    server.forget()
    code, _, errors = finish(start(evol, cluster, *run[:-1], "3"))
    assert code == 7
    assert "was begun with --shards 2" in errors
    (evol.folder / "taken").mkdir()
    (evol.folder / "taken" / "notes.txt").write_text("mine")
    code, _, errors = finish(start(evol, cluster, *run, "--out", "taken"))
    assert code == 7
    assert "taken" in errors
    assert not server.seen
    assert {path: path.read_bytes() for path in before} == before


def test_a_lost_node_is_made_up_for(
    evol: Evol, server: FakeServer, cluster: RayCluster, write_seeds: Callable[..., Path]
) -> None:
    """Half of the shards lose their node; they go on at the other one, and nothing is paid twice."""
    seeds = write_seeds(40)
    server.latency = lambda body: 0.2
    process = start(evol, cluster, seeds, "--shards", "4", "--generations", "1", "--concurrency", "2")
    wait_for(lambda: len(find_workers("ray::evol shard")) == 4 and server.total > 30)
    before = set(find_workers("ray::evol shard"))
    server.latency = lambda body: 1.0
    assert cluster.tell("remove") == "removed"
    wait_for(lambda: len(before & set(find_workers("ray::evol shard"))) == 2)
    server.latency = lambda body: 0.0
    code, _, errors = finish(process)
    assert cluster.tell("add") == "added"
    assert code == 0, errors
    assert errors.count("its worker was lost") >= 1
    keys = read_journaled_keys(evol.folder / "output")
    assert len(keys) == len(set(keys)) >= server.total - 8
    assert evol.run(seeds, "--generations", "1", "--out", "local").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "local")


def test_a_model_behind_ray_serve_is_an_endpoint(
    evol: Evol, cluster: RayCluster, write_seeds: Callable[..., Path]
) -> None:
    """`--base-url` works with Serve's HTTP proxy and two replicas; rows are those of any server with these replies."""
    url = cluster.tell("serve")
    assert url.startswith("http://127.0.0.1:")
    seeds = write_seeds(10)
    ran = evol.call("run", seeds, "--generations", "1", "--model", "m", "--base-url", url, "--out", "served")
    assert ran.returncode == 0, ran.stderr
    assert evol.run(seeds, "--generations", "1", "--out", "local").returncode == 0
    served, local = (read_rows(evol.folder / name / "generation-1.jsonl") for name in ("served", "local"))
    assert [row["response"] for row in served] == [row["response"] for row in local]
