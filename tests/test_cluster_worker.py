"""What `evol ray` does that needs no cluster: a worker's part in this process, and what the driver says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from conftest import KEY, Evol, read_outputs
from evol import __version__, cluster, worker
from evol.checks import check_run
from evol.config import load_config
from evol.files import lock_folder
from evol.worker import Job, Report, ShardEnd, carry_out
from fake_server import FakeServer


@pytest.fixture
def job(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> Job:
    """The first of two shards, as the driver hands it out."""
    flags = {
        "seeds": str(write_seeds(12)),
        "out": str(evol.folder / "1-of-2"),
        "generations": 1,
        "shard": "1/2",
        "models": {"default": {"model": "m", "base_url": server.url, "api_key_env": "CANARY_KEY"}},
    }
    checked = check_run(load_config(None, flags))
    assert checked.shard is not None
    marker = evol.folder / ".shared-1"
    marker.write_text("here")
    digest = checked.shard.all_sha256
    return Job(1, __version__, checked.config.model_dump_json(), digest, str(marker), {"CANARY_KEY": KEY})


def test_a_worker_runs_its_shard_and_tells_how_it_goes(job: Job, evol: Evol) -> None:
    """The folder is that of `evol run --shard`; the key is lent for the run alone, and no text shows it."""
    reports: list[Report] = []
    end = carry_out(job, reports.append)
    assert (end.index, end.exit_code, end.message) == (1, 0, "")
    assert evol.run("seeds.jsonl", "--generations", "1", "--shard", "1/2", "--out", "own").returncode == 0
    assert read_outputs(evol.folder / "1-of-2") == read_outputs(evol.folder / "own")
    seeds = orjson.loads((evol.folder / "own" / "manifest.json").read_bytes())["seeds"]["count"]
    assert (reports[-1]["seeds"], reports[-1]["done"]) == (seeds, seeds)
    assert reports[-1]["calls"] > seeds
    assert all(str(os.getpid()) in report["worker"] for report in reports)
    assert "CANARY_KEY" not in os.environ
    assert KEY not in repr(job) + repr(reports) + repr(end)
    assert carry_out(job, reports.append).exit_code == 0


def test_a_worker_gives_back_what_it_found_in_the_environment(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that was set before is set to the same again."""
    monkeypatch.setenv("CANARY_KEY", "mine")
    assert carry_out(job, lambda report: None).exit_code == 0
    assert os.environ["CANARY_KEY"] == "mine"


@pytest.mark.parametrize(
    ("change", "code", "said", "is_common"),
    [
        ({"version": "9.9"}, 2, "has evol", True),
        ({"marker": "/nowhere/.shared"}, 2, "/nowhere: not shared", True),
        ({"environment": {"CANARY_KEY": "wrong"}}, 5, "401", False),
    ],
)
def test_what_a_worker_cannot_do_is_one_sentence(
    job: Job, server: FakeServer, change: dict[str, object], code: int, said: str, is_common: bool
) -> None:
    """Another version, a folder that is not shared, a wrong key: the exit code of a run and what to do."""
    end = carry_out(replace(job, **change), lambda report: None)  # type: ignore[arg-type]
    assert (end.exit_code, end.is_common) == (code, is_common)
    assert said in end.message
    assert not server.counts


def test_a_lock_that_stays_is_waited_for_and_named(job: Job, evol: Evol, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of a worker that died with its node may stay a while; one that does not go is exit 6."""
    monkeypatch.setattr(worker, "LOCK_WAIT", 1.0)
    folder = evol.folder / "1-of-2"
    folder.mkdir()
    reports: list[Report] = []
    with lock_folder(folder):
        end = carry_out(job, reports.append)
    assert end.exit_code == 6
    assert "in use" in end.message
    assert ["in use" in report["notice"] for report in reports] == [False, True]
    assert carry_out(job, reports.append).exit_code == 0


def test_what_stopped_many_shards_is_told_once() -> None:
    """The same sentence of several shards stands once, with their numbers; a common fault stands alone."""
    ends = [ShardEnd(1, 5, "wrong key"), ShardEnd(2, 5, "wrong key"), ShardEnd(3, 4, "budget"), ShardEnd(4, 0)]
    assert list(cluster.describe_ends(ends)) == ["shards 1, 2 of 4: wrong key", "shard 3 of 4: budget"]
    common = [ShardEnd(1, 2, "not shared", is_common=True), ShardEnd(2, 130, cluster.STOPPED)]
    assert list(cluster.describe_ends(common)) == ["error: not shared"]


def test_a_missing_ray_is_one_sentence(evol: Evol, server: FakeServer) -> None:
    """Exit 2 with the command that installs it; nothing is made or asked."""
    script = "import sys; sys.modules['ray'] = None; from evol.cli import main; main()"
    command = [sys.executable, "-c", script, "ray", "--shards", "2", "--model", "m", "--base-url", evol.url]
    ran = subprocess.run(command, cwd=evol.folder, env=evol.environment(), capture_output=True, text=True, check=False)
    assert ran.returncode == 2, ran.stderr
    assert "evol ray needs ray, which is not installed: install it with: pip install 'evol-instruct[ray]'" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not list(evol.folder.iterdir())
    assert not server.seen


def test_help_of_ray_and_collect_needs_no_ray(evol: Evol) -> None:
    """Budgets are per shard, and the help says so; it loads no optional library."""
    told = " ".join(evol.call("ray", "--help").stdout.split())
    assert "Budgets and rates are those of each shard" in told
    assert "USD a shard may ever cost" in told
    assert "ray" not in sys.modules
    assert evol.call("collect", "--help").returncode == 0
