"""Folders that somebody tampered with, and files that are none: one sentence, no hanging, nothing written."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import Evol
from evol.shards import unpack_positions
from fake_server import FakeServer


def read_tree(folder: Path) -> dict[str, bytes]:
    """Every regular file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def shards(evol: Evol, write_seeds: Callable[..., Path]) -> Path:
    """Two shards of six seeds, both done; their folder."""
    seeds = write_seeds(6)
    for index in (1, 2):
        done = evol.run(seeds, "--generations", "1", "--shard", f"{index}/2", "--out", f"shards/{index}")
        assert done.returncode == 0, done.stderr
    return evol.folder / "shards"


def refuse(evol: Evol, *words: str, code: int = 7, out: str = "output") -> str:
    """`evol collect` refuses with one sentence, and leaves everything as it was; the sentence."""
    before = read_tree(evol.folder)
    refused = evol.call("collect", out, *(words or ("shards/1", "shards/2")))
    assert refused.returncode == code, refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert read_tree(evol.folder) == before
    assert not list(evol.folder.rglob(".*.collecting"))
    return refused.stderr


def pack(gaps: bytes) -> str:
    """Positions as a manifest has them."""
    return base64.b64encode(zlib.compress(gaps, 9)).decode()


def change(folder: Path, **values: Any) -> None:
    """Write other values into a manifest; those of the shard by `shard__name`."""
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    for name, value in values.items():
        table, _, key = name.rpartition("__")
        (manifest[table] if table else manifest)[key] = value
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shard__positions": pack(b"\0\0\0\0\0\0")}, "overlap another shard's, or leave a gap"),
        ({"shard__positions": pack(b"\xff" * 5000 + b"\0")}, "damaged positions"),
        ({"shard__positions": pack(b"\xff\xff\xff\xff\x7f")}, "overlap another shard's, or leave a gap"),
        ({"shard__positions": pack(b"\x80")}, "damaged positions"),
        ({"shard__positions": pack(b"\0" * (64 << 20))}, "overlap another shard's, or leave a gap"),
        ({"shard__positions": "?"}, "damaged positions"),
        ({"shard__index": -1}, "manifest.json: damaged"),
        ({"shard__index": 3}, "manifest.json: damaged"),
        ({"shard__count": 10**12}, "name shards of one run"),
        ({"shard__all_seeds": 10**18}, "made from different seeds"),
        ({"shard__all_sha256": "0" * 64}, "made from different seeds"),
        ({"seeds__sha256": "0" * 64}, ".seeds.jsonl: not what `evol run` wrote"),
        ({"settings__limits": "none"}, "manifest.json: damaged"),
        ({"settings": {"generations": []}}, "manifest.json: damaged"),
        ({"fingerprint": {"evolver": 5}}, "made with different settings"),
        ({"generations": 7}, "generations is"),
        ({"shard": None}, "not a shard"),
    ],
)
def test_a_tampered_manifest_is_refused(evol: Evol, shards: Path, values: dict[str, Any], said: str) -> None:
    """Positions twice, endless, without end, absurd counts, wrong digests, odd settings: exit 7, no file touched."""
    change(shards / "2", **values)
    assert said in refuse(evol)


def test_absurd_counts_take_no_memory(evol: Evol, shards: Path) -> None:
    """A trillion shards, and both manifests say so: a few missing ones are named."""
    for name in ("1", "2"):
        change(shards / name, shard__count=10**12)
    assert "shards 3/1000000000000, 4/1000000000000" in refuse(evol, code=2)


def test_packed_positions_are_read_as_they_come() -> None:
    """A gigabyte of positions in a megabyte: the first ones are there at once, and the rest is never held."""
    squeezed = zlib.compressobj(9)
    text = base64.b64encode(b"".join(squeezed.compress(bytes(1 << 20)) for _ in range(1024)) + squeezed.flush())
    positions = unpack_positions(text.decode())
    assert [next(positions) for _ in range(3)] == [0, 1, 2]


def test_a_manifest_that_never_ends(evol: Evol, shards: Path) -> None:
    """A sparse file of a hundred gigabytes in its place is damaged, not read."""
    with (shards / "2" / "manifest.json").open("r+b") as file:
        file.truncate(100 << 30)
    refused = evol.call("collect", "output", "shards/1", "shards/2")
    assert (refused.returncode, "manifest.json: damaged" in refused.stderr) == (7, True)
    assert not (evol.folder / "output").exists()


def test_a_journal_of_another_shard(evol: Evol, shards: Path) -> None:
    """Shards that say "done" and lack the calls are not joined into a run that would pay for them again."""
    shutil.copy(shards / "1" / "journal.jsonl", shards / "2" / "journal.jsonl")
    assert "stand in no journal of theirs" in refuse(evol)


def test_seeds_of_another_shard(evol: Evol, shards: Path) -> None:
    """Seeds that stand in both, whatever the manifest says of them, are no whole list."""
    shutil.copy(shards / "1" / ".seeds.jsonl", shards / "2" / ".seeds.jsonl")
    first = orjson.loads((shards / "1" / "manifest.json").read_bytes())["seeds"]
    change(shards / "2", seeds=first)
    refuse(evol)


def test_a_done_shard_whose_batch_is_out(evol: Evol, shards: Path) -> None:
    """What is paid and not fetched keeps a shard from being joined, also where the run itself is done."""
    (shards / "2" / "batches").mkdir()
    (shards / "2" / "batches" / f"{'a' * 32}.jsonl").write_bytes(b"{}\n")
    assert "shard 2/2 has batches out that are paid for" in refuse(evol, code=2)


def test_out_and_shards_do_not_lie_in_each_other(evol: Evol, shards: Path) -> None:
    """`OUT` in a shard, a shard in `OUT`, also by a link, or `OUT` itself one: refused."""
    assert "one lies in the other" in refuse(evol, out="shards/1/output", code=2)
    assert "one lies in the other" in refuse(evol, out="shards", code=2)
    (evol.folder / "elsewhere").symlink_to(shards / "1")
    assert "one lies in the other" in refuse(evol, out="elsewhere/output", code=2)
    assert "named twice" in refuse(evol, "shards/1", "shards/2", "elsewhere", code=2)
    assert "is itself shard" in refuse(evol, out="shards/1")


def test_a_link_in_place_of_the_workshop(evol: Evol, shards: Path) -> None:
    """What a link at the place of the temporary folder leads to is not cleared."""
    (evol.folder / "victim").mkdir()
    (evol.folder / "victim" / "journal.jsonl").write_text("precious")
    workshop = evol.folder / ".output.collecting"
    workshop.symlink_to(evol.folder / "victim")
    refused = evol.call("collect", "output", "shards/1", "shards/2")
    assert (refused.returncode, "a link" in refused.stderr) == (7, True)
    assert (evol.folder / "victim" / "journal.jsonl").read_text() == "precious"


def test_links_to_shards_are_shards(evol: Evol, shards: Path) -> None:
    """Folders may be links; they are only read."""
    for name in ("1", "2"):
        (evol.folder / f"link{name}").symlink_to(shards / name)
    before = read_tree(shards)
    assert evol.call("collect", "output", "link1", "link2").returncode == 0
    assert read_tree(shards) == before


@pytest.fixture
def patience() -> Iterator[None]:
    """A command that waits for ever is interrupted, and fails its test."""

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError("a command hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


RUN = ("run", "seeds.jsonl", "--generations", "1", "--shard", "1/2", "--out", "shards/1", "--quiet", "--model", "m")
COLLECT = ("collect", "output", "shards/1", "shards/2")
MERGE = ("merge", "shards/1", "--out", "mix.jsonl")


@pytest.mark.parametrize(
    ("place", "commands"),
    [
        ("manifest.json", [RUN, ("stats", "shards/1"), ("status", "shards/1"), MERGE, COLLECT]),
        ("journal.jsonl", [RUN, ("stats", "shards/1"), ("status", "shards/1"), ("export-batch", "shards/1"), COLLECT]),
        (".seeds.jsonl", [("show", "shards/1", "s1"), ("export-batch", "shards/1"), COLLECT]),
        (".lock", [RUN, ("status", "shards/1"), COLLECT]),
        ("generation-1.jsonl", [("stats", "shards/1"), ("show", "shards/1", "s1"), MERGE, ("score", "shards/1"), RUN]),
        ("eliminated.jsonl", [("stats", "shards/1"), MERGE, RUN]),
        ("scores.jsonl", [("stats", "shards/1")]),
    ],
)
@pytest.mark.usefixtures("patience")
def test_no_command_waits_for_a_file_that_is_none(
    evol: Evol, server: FakeServer, shards: Path, place: str, commands: list[tuple[str, ...]]
) -> None:
    """A FIFO in place of any file of a run: each command that reads it ends, without a traceback."""
    shutil.copytree(shards / "1", evol.folder / "whole")
    for words in commands:
        (shards / "1" / place).unlink(missing_ok=True)
        os.mkfifo(shards / "1" / place)
        done = evol.call(*words, *(("--base-url", server.url) if words == RUN else ()))
        assert done.returncode in {0, 2, 5, 7}, (words, done.stderr)
        assert len([line for line in done.stderr.splitlines() if line.startswith("evol: error:")]) <= 1
        shutil.rmtree(shards / "1")
        shutil.copytree(evol.folder / "whole", shards / "1")
