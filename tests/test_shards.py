from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Evol, read_journaled_keys, read_outputs, read_rows
from evol.shards import ShardSpec, pack_positions, parse_shard, unpack_positions
from fake_server import FakeServer


@given(st.sets(st.integers(0, 100_000)))
def test_positions_survive_packing(positions: set[int]) -> None:
    """What is packed is what is read back, however far apart."""
    assert list(unpack_positions(pack_positions(sorted(positions)))) == sorted(positions)


def test_positions_are_compact() -> None:
    """A quarter of 100,000 seeds takes less than 17 KB in the manifest."""
    spec = ShardSpec(2, 4)
    packed = pack_positions(n for n in range(100_000) if spec.owns(f"s{n}"))
    assert len(packed) < 17_000


@pytest.mark.parametrize("text", ["", "!", "eNpjZP7H", "eJxjbQQAAI0Ahw=="])
def test_damaged_positions_are_refused(text: str) -> None:
    """A manifest changed by hand is seen."""
    with pytest.raises(ValueError, match="no packed positions"):
        list(unpack_positions(text))


@given(st.text(min_size=1), st.integers(1, 50))
def test_every_seed_has_one_shard(seed_id: str, count: int) -> None:
    """Whatever the id, exactly one of N shards owns it."""
    assert sum(ShardSpec(index, count).owns(seed_id) for index in range(1, count + 1)) == 1


def test_the_hash_of_shards_stays() -> None:
    """Shard folders of an earlier version go on: who owns what is part of the format."""
    owners = ["".join(str(i) for i in range(1, 6) if ShardSpec(i, 5).owns(f"s{n}")) for n in range(12)]
    assert "".join(owners) == "524453442323"
    sizes = Counter(next(i for i in range(1, 5) if ShardSpec(i, 4).owns(f"s{n}")) for n in range(4000))
    assert all(900 < size < 1100 for size in sizes.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0/4", "numbered from 1 to 4; add 1 to an index that begins at 0"),
        ("5/4", "numbered from 1 to 4"),
        ("1/0", "at least one shard"),
        ("2", "write i/N"),
        ("-1/4", "write i/N"),
        ("1/4/2", "write i/N"),
        ("1.0/4", "write i/N"),
        ("٢/٤", "write i/N"),
    ],
)
def test_a_bad_shard_is_one_sentence(evol: Evol, server: FakeServer, text: str, said: str) -> None:
    """Exit 2 before anything is asked or written."""
    refused = evol.run("--shard", text)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not server.seen
    assert not list(evol.folder.iterdir())


def test_a_shard_may_be_written_with_spaces_and_zeros() -> None:
    """Job systems pad their indices."""
    assert parse_shard(" 02/04 ") == ShardSpec(2, 4)


def test_a_shard_is_an_ordinary_run_of_its_seeds(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Rows in file order, a manifest that knows the whole list, stats and merge as ever; --limit comes first."""
    seeds = write_seeds(40)
    assert evol.run(seeds, "--generations", "1", "--limit", "30", "--out", "whole").returncode == 0
    whole = read_rows(evol.folder / "whole" / "generation-0.jsonl")
    found: list[dict[str, object]] = []
    for index in (1, 2, 3):
        arguments: list[str | Path] = [
            seeds,
            "--generations",
            "1",
            "--limit",
            "30",
            "--shard",
            f"{index}/3",
            "--out",
            f"s{index}",
        ]
        ran = evol.run(*arguments)
        assert ran.returncode == 0, ran.stderr
        rows = read_rows(evol.folder / f"s{index}" / "generation-0.jsonl")
        manifest = orjson.loads((evol.folder / f"s{index}" / "manifest.json").read_bytes())
        shard = manifest["shard"]
        positions = list(unpack_positions(shard["positions"]))
        assert [whole[position]["id"] for position in positions] == [row["id"] for row in rows]
        assert (shard["index"], shard["count"], shard["all_seeds"]) == (index, 3, 30)
        assert manifest["seeds"]["count"] == len(rows)
        assert f"{len(rows)} seeds (shard {index}/3 of 30)" in ran.stderr
        assert orjson.loads(evol.call("stats", "--json", f"s{index}").stdout)[0]["adds_up"] is True
        assert evol.call("merge", f"s{index}").returncode == 0
        assert evol.run(*arguments).stdout.startswith(f"s{index}: already complete")
        found += rows
    assert sorted(str(row["id"]) for row in found) == sorted(str(row["id"]) for row in whole)


def test_shards_are_stable_without_ids(evol: Evol) -> None:
    """A seed without an id belongs where its text says, wherever it stands and however its white space is laid out."""
    texts = [f"Name {n} rivers." for n in range(20)]
    (evol.folder / "a.txt").write_text("\n".join(texts))
    (evol.folder / "b.txt").write_text("\n".join(text.replace(" ", "  ") for text in reversed(texts)))
    for name in ("a", "b"):
        assert evol.run(f"{name}.txt", "--generations", "0", "--shard", "1/2", "--out", name).returncode == 0
    a, b = ({row["seed_id"] for row in read_rows(evol.folder / name / "generation-0.jsonl")} for name in ("a", "b"))
    assert a == b
    assert 0 < len(a) < 20


@pytest.mark.parametrize(("first", "second"), [("1/2", "2/2"), ("1/2", "1/3"), ("1/2", ""), ("", "1/2")])
def test_a_folder_keeps_its_shard(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path], first: str, second: str
) -> None:
    """Another shard, or all seeds, in a folder that has calls is refused with exit 7, and nothing is touched."""
    seeds = write_seeds(12)
    before, after = (("--shard", spec) if spec else () for spec in (first, second))
    assert evol.run(seeds, "--generations", "1", *before).returncode == 0
    content = {path: path.read_bytes() for path in (evol.folder / "output").iterdir()}
    server.forget()
    refused = evol.run(seeds, "--generations", "1", *after)
    assert refused.returncode == 7
    assert "output: holds" in refused.stderr
    assert "--out" in refused.stderr
    assert not server.seen
    assert {path: path.read_bytes() for path in (evol.folder / "output").iterdir()} == content


def test_a_shard_without_seeds_is_done(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """More shards than seeds is no error: an empty part is a whole run of nothing, again a no-op, and has stats."""
    seeds = write_seeds(3)
    empty = next(n for n in range(1, 10) if not any(ShardSpec(n, 9).owns(f"s{k}") for k in range(3)))
    for again in (False, True):
        ran = evol.run(seeds, "--generations", "2", "--shard", f"{empty}/9")
        assert ran.returncode == 0, ran.stderr
        assert ("already complete" in ran.stdout) is again
    assert not server.seen
    assert set(read_outputs(evol.folder / "output").values()) == {b""}
    assert evol.call("stats").returncode == 0
    assert evol.call("merge").returncode == 0
    refused = evol.run(seeds, "--generations", "2", "--shard", f"{empty % 9 + 1}/9")
    assert refused.returncode == 7


def test_a_shard_grows_and_resumes(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """Ctrl-C, the same command again, and more generations cost only what is new, as in any run folder."""
    seeds = write_seeds(60)
    server.latency = lambda body: 0.05
    shard = ("--shard", "2/3")
    process = evol.start(seeds, "--generations", "2", *shard, "--concurrency", "2")
    while server.total < 12:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    server.latency = lambda body: 0.0
    assert evol.run(seeds, "--generations", "2", *shard).returncode == 0
    assert evol.run(seeds, "--generations", "3", *shard).returncode == 0
    keys = read_journaled_keys(evol.folder / "output")
    assert len(keys) == len(set(keys)) == server.total
    assert evol.run(seeds, "--generations", "3", *shard, "--out", "calm").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")


def test_a_seed_added_elsewhere_leaves_a_shard_alone(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """More seeds in the list: no call for those that are another shard's, and the manifest knows the new list."""
    assert evol.run(write_seeds(20), "--generations", "1", "--shard", "1/2").returncode == 0
    before = read_outputs(evol.folder / "output")
    other = next(n for n in range(20, 40) if not ShardSpec(1, 2).owns(f"s{n}"))
    server.forget()
    seeds = write_seeds(other + 1)
    lines = seeds.read_bytes().splitlines(keepends=True)
    seeds.write_bytes(b"".join([lines[other], *lines[:20]]))
    assert evol.run(seeds, "--generations", "1", "--shard", "1/2").returncode == 0
    assert not server.seen
    assert read_outputs(evol.folder / "output") == before
    assert orjson.loads((evol.folder / "output" / "manifest.json").read_bytes())["shard"]["all_seeds"] == 21


def test_shards_can_stand_in_a_config(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """A TOML file may name the shard; the flag beats it."""
    write_seeds(10)
    (evol.folder / "c.toml").write_text('seeds = "seeds.jsonl"\ngenerations = 0\nshard = "1/2"\n')
    assert evol.run("--config", "c.toml", "--shard", "2/2").returncode == 0
    assert orjson.loads((evol.folder / "output" / "manifest.json").read_bytes())["shard"]["index"] == 2
    (evol.folder / "bad.toml").write_text("shard = 1\n")
    refused = evol.run("--config", "bad.toml")
    assert refused.returncode == 2
    assert "bad.toml: shard:" in refused.stderr


def test_budgets_are_per_shard_and_help_says_so(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """--max-calls holds for the one folder; the help tells."""
    stopped = evol.run(write_seeds(30), "--shard", "1/2", "--max-calls", "10")
    assert stopped.returncode == 4
    assert sum(server.seen.values()) <= 10
    assert server.seen
    told = evol.call("run", "--help").stdout
    assert "budgets and rates are per shard" in " ".join(told.split())


def test_a_dry_run_counts_the_shard_alone(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """The plan is that of the part."""
    seeds = write_seeds(30)
    own = sum(ShardSpec(1, 3).owns(f"s{n}") for n in range(30))
    told = evol.run(seeds, "--shard", "1/3", "--dry-run").stdout
    assert f"plan: {own} seeds x 4 generations" in told
