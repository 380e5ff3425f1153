"""How broad instructions are: figures by hand, the map, embeddings from a real endpoint, none of them paid twice."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from conftest import KEY, Evol, read_rows
from evol.breadth import BreadthPlan, BreadthSample, measure_breadth
from evol.errors import FolderError
from evol.report import write_report
from evol.spread import Vectors, measure_distance, measure_vendi, normalise
from evol.textmap import find_clusters, flatten, vectorise
from evol.vectors import BATCH, embed_all, name_file
from fake_server import FakeServer, embed_letters
from report_runs import make_run

VECTORS = arrays.arrays(
    np.float32, st.tuples(st.integers(2, 12), st.integers(1, 6)), elements=st.floats(-10, 10, width=16)
)


def rows_of(*rows: list[float]) -> Vectors:
    """Vectors of length 1."""
    return normalise(np.array(rows, dtype=np.float32))


def test_the_vendi_score_by_hand() -> None:
    """Two rows at 60 degrees: eigenvalues 3/4 and 1/4; identical rows count once, right angles fully."""
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert measure_vendi(rows_of([1, 0], [0.5, math.sqrt(3) / 2])) == pytest.approx(math.exp(entropy), rel=1e-5)
    assert measure_vendi(rows_of(*[[3.0, 4.0]] * 7)) == pytest.approx(1)
    assert measure_vendi(np.eye(9, 20, dtype=np.float32)) == pytest.approx(9)
    assert measure_vendi(np.zeros((0, 3), dtype=np.float32)) is None
    assert measure_vendi(np.zeros((4, 3), dtype=np.float32)) == 1


def test_the_mean_distance_by_hand() -> None:
    """One less the mean cosine of the pairs: a right angle is 1 apart, opposite directions 2; one row has none."""
    assert measure_distance(rows_of([1, 0], [0, 1])) == pytest.approx(1)
    assert measure_distance(rows_of([1, 0], [-2, 0])) == pytest.approx(2)
    assert measure_distance(rows_of([1, 0], [1, 0], [0, 1])) == pytest.approx(2 / 3)
    assert measure_distance(rows_of([1, 0])) is None


@given(VECTORS)
def test_the_short_ways_give_what_the_long_ways_give(raw: Vectors) -> None:
    """Vendi by the n x n similarities, distance by all pairs; within their bounds, in any order."""
    rows = normalise(raw[np.linalg.norm(raw, axis=1) > 0.01])
    count = len(rows)
    if count < 2:
        return
    cosines = (rows @ rows.T).astype(float)
    values = [value for value in np.linalg.eigvalsh(cosines / count) if value > 1e-9]
    vendi = measure_vendi(rows) or 0
    assert vendi == pytest.approx(math.exp(-sum(value * math.log(value) for value in values)), rel=1e-3)
    assert 1 - 1e-4 <= vendi <= count + 1e-4
    pairs = [1 - cosines[a, b] for a in range(count) for b in range(count) if a != b]
    assert measure_distance(rows) == pytest.approx(sum(pairs) / len(pairs), abs=1e-4)
    assert measure_vendi(rows[::-1]) == pytest.approx(vendi, rel=1e-3)
    assert measure_vendi(np.concatenate([rows, rows])) == pytest.approx(vendi, rel=1e-3)


SIZE = 20  # of fewer, a map may leave one behind, another one on each kind of processor
GROUPS = [
    [f"Compute the integral of a polynomial of degree {number}." for number in range(SIZE)],
    [f"Bake a sourdough bread with {number} grams of salt." for number in range(SIZE)],
    [f"川の名前を{number}つ挙げてください。" for number in range(SIZE)],
]


def test_near_points_share_words() -> None:
    """Three groups of texts, one in a script without spaces, are three clusters of the map; the same every time."""
    vectors = vectorise([text for group in GROUPS for text in group])
    points = flatten(vectors)
    assert (flatten(vectors) == points).all()
    assert np.abs(points).max() == pytest.approx(1)
    clusters, centres = find_clusters(points, 3)
    assert sorted(len(set(clusters[start : start + SIZE])) for start in (0, SIZE, 2 * SIZE)) == [1, 1, 1]
    assert (sorted(set(clusters)), len(centres)) == ([0, 1, 2], 3)


@pytest.mark.parametrize(
    "texts",
    [["same"] * 5, ["same"] * 30, ["", "!", "?"], ["a b", "", "\ud800 \u0000 c"], [f"word{n}" for n in range(12)]],
)
def test_a_map_of_odd_texts_has_finite_points(texts: list[str]) -> None:
    """Equal, empty and broken texts, and hardly enough of them; equal texts have one place."""
    points = flatten(vectorise(texts))
    assert points.shape == (len(texts), 2)
    assert np.isfinite(points).all()
    clusters, centres = find_clusters(points, 20)
    assert len(centres) == len(set(clusters)) <= len(set(texts))


def make_lineages(count: int) -> list[list[dict[str, Any]]]:
    """Seeds with one survivor and one eliminated evolution each."""
    return [
        [
            {"id": f"s{n}.0", "seed_id": f"s{n}", "generation": 0, "instruction": f"Name river {n}."},
            {"id": f"s{n}.1", "seed_id": f"s{n}", "generation": 1, "instruction": f"Name river {n} of {n * n}."},
            {"id": f"s{n}.2", "seed_id": f"s{n}", "generation": 2, "instruction": "x", "reason": "equal"},
        ]
        for n in range(count)
    ]


def test_a_sample_is_bounded_and_part_of_a_larger_one() -> None:
    """As many lineages as asked for, whole, in seed order, without what was eliminated; the order changes nothing."""
    small, large, reversed_ = BreadthSample(20), BreadthSample(60), BreadthSample(20)
    lineages = make_lineages(200)
    for rows in lineages:
        small.add(rows)
        large.add(rows)
    for rows in reversed(lineages):
        reversed_.add(rows)
    kept = [row.id for row in small.list_rows()]
    assert len(kept) == 40
    assert kept == sorted(kept, key=lambda name: (int(name[1:-2]), name))
    assert set(kept) < {row.id for row in large.list_rows()}
    assert set(kept) == {row.id for row in reversed_.list_rows()}
    assert not any(name.endswith(".2") for name in kept)


class Letters:
    """An embedder without a network; counts what it is asked."""

    label = "letters at home/../.."
    cut = tokens = 0

    def __init__(self, dies_after: int = 10**9) -> None:
        self.texts: list[str] = []
        self._left = dies_after

    def embed(self, texts: Any) -> list[list[float]]:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        self.texts += texts
        return [embed_letters(text) for text in texts]


def embed(folder: Path, embedder: Letters, texts: list[str]) -> Vectors:
    """The vectors of texts, kept in a folder."""
    return embed_all(folder, embedder, texts, lambda missing: lambda done: None)


def test_no_text_is_embedded_twice(tmp_path: Path) -> None:
    """Repeats are asked for once, and a second call asks for what is new alone; the order of the vectors is kept."""
    texts = ["a", "bb", "a", "c \ud800"]
    first, second = Letters(), Letters()
    found = embed(tmp_path, first, texts)
    assert sorted(first.texts) == ["a", "bb", "c \ud800"]
    assert found.tolist() == np.array([embed_letters(text) for text in texts], dtype=np.float32).tolist()
    again = embed(tmp_path, second, [*texts[::-1], "new"])
    assert second.texts == ["new"]
    assert (again[:4] == found[::-1]).all()
    [path] = tmp_path.iterdir()
    assert path.name == name_file(Letters.label)
    row = read_rows(path)[0]
    assert (row["model"], len(str(row["text"]))) == (Letters.label, 64)


def test_an_interrupt_keeps_every_whole_batch(tmp_path: Path) -> None:
    """What was paid before it is there; a torn last line is cut off, and only what is missing is asked for."""
    texts = [f"text {number}" for number in range(3 * BATCH)]
    with pytest.raises(KeyboardInterrupt):
        embed(tmp_path, Letters(dies_after=2), texts)
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    rest = Letters()
    assert len(embed(tmp_path, rest, texts)) == len(texts)
    assert len(rest.texts) == BATCH + 1
    assert len(read_rows(path)) == len(texts)


def test_nothing_is_left_where_nothing_came(tmp_path: Path) -> None:
    """No empty file after a failure at the first batch."""
    with pytest.raises(KeyboardInterrupt):
        embed(tmp_path, Letters(dies_after=0), ["a"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", [b"{}", b"no", b'{"text":"x","vector":[]}', b'{"text":"x","vector":["a"]}'])
def test_a_damaged_vector_is_named(tmp_path: Path, line: bytes) -> None:
    """File and line, and what to do."""
    embed(tmp_path, Letters(), ["a", "b"])
    [path] = tmp_path.iterdir()
    path.write_bytes(line + b"\n" + path.read_bytes())
    with pytest.raises(FolderError, match=rf"{path.name}:1: not a vector: remove the line"):
        embed(tmp_path, Letters(), ["a"])


def test_vectors_of_two_lengths_are_refused(tmp_path: Path) -> None:
    """A model that changed under its name is no longer the same space."""
    embed(tmp_path, Letters(), ["a"])
    changed = Letters()
    changed.embed = lambda texts: [[1.0, 2.0] for _ in texts]  # type: ignore[method-assign]
    with pytest.raises(FolderError, match="vectors of different lengths"):
        embed(tmp_path, changed, ["a", "b"])


def test_the_figures_of_a_run_by_hand(tmp_path: Path) -> None:
    """Rows, distances and clusters from vectors that are known; both sets are of one size."""
    sample = BreadthSample()
    for rows in make_lineages(30):
        sample.add(rows)

    class Angles(Letters):
        def embed(self, texts: Any) -> list[list[float]]:
            # seeds all alike; evolved ones in two directions at a right angle
            return [[1, 0, 0] if " of " not in text else [0, len(text) % 2, 1 - len(text) % 2] for text in texts]

    found = measure_breadth(sample, 2, tmp_path, BreadthPlan(embedder=Angles()))
    assert found is not None
    seeds, evolved, none = (found.stats.generations[name] for name in "012")
    assert (seeds.rows, seeds.distance, seeds.vendi, seeds.clusters, seeds.largest_cluster) == (30, 0, 1, 1, 1)
    odd = sum(len(f"Name river {n} of {n * n}.") % 2 for n in range(30))
    shares = [odd / 30, 1 - odd / 30]
    assert evolved.vendi == pytest.approx(math.exp(-sum(share * math.log(share) for share in shares)), abs=0.01)
    assert evolved.distance == pytest.approx(2 * odd * (30 - odd) / (30 * 29), abs=1e-4)
    assert (evolved.clusters, evolved.largest_cluster) == (2, round(max(shares), 4))
    assert (none.rows, none.distance, none.vendi, none.largest_cluster) == (0, None, None, None)
    assert {one.rows for one in found.stats.sets.values()} == {30}
    assert [one.rows for one in found.stats.clusters] == sorted((30, odd, 30 - odd), reverse=True)
    for one in found.stats.clusters:
        assert one.rows == sum(one.generations.values())


@pytest.fixture
def run(evol: Evol, write_seeds: Callable[..., Path]) -> Path:
    """A finished run of 40 seeds and two generations."""
    assert evol.run(write_seeds(40), "--generations", "2").returncode == 0
    return evol.folder / "output"


def embedding(evol: Evol, *more: str) -> list[str]:
    """The flags that ask the fake endpoint."""
    return ["--embed-model", "text-small", "--embed-base-url", evol.url, *more]


def test_breadth_is_shown(evol: Evol, run: Path) -> None:
    """Without a model and without a call: figures by generation and set, clusters with an example; as JSON as well."""
    shown = evol.call("stats", "--breadth")
    assert shown.returncode == 0, shown.stderr
    assert "without a model (TF-IDF and SVD)" in " ".join(shown.stdout.split())
    assert "evolved, drawn" in shown.stdout
    [found] = json.loads(evol.call("stats", "--json", "--breadth", "--breadth-sample", "15").stdout)
    assert found["breadth"]["seeds"] == found["breadth"]["generations"]["0"]["rows"] == 15
    assert sum(one["rows"] for one in found["breadth"]["clusters"]) == sum(
        one["rows"] for one in found["breadth"]["generations"].values()
    )
    [bare] = json.loads(evol.call("stats", "--json").stdout)
    assert bare["breadth"] is None
    both = evol.call("stats", "output", "output", "--breadth")
    assert "breadth: Vendi / distance" in both.stdout
    assert not list(run.glob("embeddings*"))


def test_an_endpoint_is_asked_once(evol: Evol, server: FakeServer, run: Path) -> None:
    """Batches, with the key; who is asked is told; a second call and the page send nothing; the run stays as it is."""
    server.forget()
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    shown = evol.call("stats", *embedding(evol))
    assert shown.returncode == 0, shown.stderr
    rows = [row for number in range(3) for row in read_rows(run / f"generation-{number}.jsonl")]
    asked = [text for raw in server.counts for text in orjson.loads(raw)["input"]]
    assert sorted(asked) == sorted({str(row["instruction"]) for row in rows})
    assert len(server.counts) == math.ceil(len(asked) / BATCH)
    assert f"asking text-small at {evol.url} for embeddings of {len(asked)} instructions" in shown.stderr
    assert "16 dimensions" in " ".join(shown.stdout.split())
    server.forget()
    again = evol.call("stats", *embedding(evol), "--html", "r.html")
    assert again.returncode == 0, again.stderr
    assert "asking" not in again.stderr
    assert not server.seen
    assert f"Embedding: text-small at {evol.url}." in (evol.folder / "r.html").read_text()
    assert {path.name: path.read_bytes() for path in run.iterdir() if not path.name.startswith("embeddings")} == before
    assert KEY not in "".join(path.read_text() for path in run.glob("embeddings*"))
    assert evol.run("seeds.jsonl", "--generations", "2").returncode == 0
    assert evol.call("merge").returncode == 0


def test_a_busy_endpoint_is_asked_again(evol: Evol, server: FakeServer, run: Path) -> None:
    """429 and 503, then it works."""
    codes = [429, 503]
    server.fault = lambda body, seen: (codes.pop(), {}, b"") if codes else None
    assert evol.call("stats", *embedding(evol)).returncode == 0
    assert not codes


def test_what_is_too_much_for_a_model_is_made_smaller(evol: Evol, server: FakeServer, run: Path) -> None:
    """A batch is halved until it is taken, a text that is too long is cut, which is told; every text has its vector."""
    long = json.dumps({"id": "long", "instruction": "word " * 700})
    (evol.folder / "more.jsonl").write_text((evol.folder / "seeds.jsonl").read_text() + long + "\n")
    assert evol.run("more.jsonl", "--generations", "2").returncode == 0
    said = b'{"error":{"message":"too much"}}'
    server.fault = lambda body, seen: (
        (413, {}, said) if len(body.get("input", "")) > 8 or len(str(body.get("input"))) > 1200 else None
    )
    shown = evol.call("stats", *embedding(evol), "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)[0]["breadth"]["seeds"] == 41
    assert "were cut to fit" in shown.stderr


REPLIES: dict[str, tuple[int, bytes, int, str]] = {
    "no such model": (404, b'{"error":{"message":"no model x"}}', 5, "HTTP 404: .*no model x.*check --embed-model"),
    "refused": (400, b'{"error":{"message":"not an embedding model"}}', 5, "HTTP 400: .*not an embedding model"),
    "moved": (307, b"", 5, "HTTP 307"),
    "a page": (200, b"<html></html>", 5, "the reply is not JSON: check --embed-model"),
    "no data": (200, b'{"choices":[]}', 5, "the reply holds no embeddings"),
    "too few": (200, b'{"data":[{"index":0,"embedding":[1.0]}]}', 5, r"1 embeddings for \d+ texts"),
    "no numbers": (200, b'{"data":[{"index":0,"embedding":["a"]}]}', 5, "the reply holds no embeddings"),
}


@pytest.mark.parametrize("name", REPLIES)
def test_an_endpoint_that_makes_no_embeddings_is_one_sentence(
    evol: Evol, server: FakeServer, run: Path, name: str
) -> None:
    """What came and what to check; exit 5, nothing left in the folder."""
    status, content, code, said = REPLIES[name]
    headers = {"Content-Type": "application/json", **({"Location": f"{evol.url}/elsewhere"} if status == 307 else {})}
    server.fault = lambda body, seen: (status, headers, content)
    server.headers.clear()
    shown = evol.call("stats", *embedding(evol))
    assert shown.returncode == code, shown.stderr
    assert len(shown.stderr.splitlines()) == 2  # who is asked, and this
    assert re.search(said, shown.stderr)
    assert shown.stdout == ""
    assert not list(run.glob("embeddings*"))


def test_a_wrong_key_is_named_by_its_variable(evol: Evol, server: FakeServer, run: Path) -> None:
    """Never by its value; another variable can hold it."""
    server.key = "another"
    shown = evol.call("stats", *embedding(evol))
    assert shown.returncode == 5
    assert "HTTP 401" in shown.stderr
    assert "check the key in the environment variable OPENAI_API_KEY" in shown.stderr
    assert KEY not in shown.stderr
    words = ["stats", *embedding(evol, "--embed-key-env", "MY_KEY")]
    assert evol.invoke(words, MY_KEY="another").returncode == 0


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--embed-base-url", "http://x/v1"], 2, "name --embed-model"),
        (["--embed-model", "gone.gguf"], 2, "gone.gguf: no such GGUF file"),
        (["--embed-model", "m", "--embed-base-url", "x"], 2, "not a URL"),
        (["--embed-model", "m", "--embed-base-url", "http://127.0.0.1:9/v1"], 5, "cannot connect"),
    ],
)
def test_a_wrong_flag_is_one_sentence(
    evol: Evol, run: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], code: int, said: str
) -> None:
    """Before anything is computed, where it can be known."""
    monkeypatch.setattr("evol.backends.embedder.RETRIES", 0)
    shown = evol.call("stats", *flags)
    assert shown.returncode == code
    assert said in shown.stderr


def test_a_killed_call_loses_the_batch_in_flight(evol: Evol, server: FakeServer, write_seeds: Any) -> None:
    """Kill -9 between two batches: the same command asks for the rest alone."""
    assert evol.run(write_seeds(5 * BATCH), "--generations", "0").returncode == 0
    server.forget()
    server.latency = lambda body: 0.3
    command = [sys.executable, "-m", "evol.cli", "stats", *embedding(evol)]
    process = subprocess.Popen(
        command, cwd=evol.folder, env=evol.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while len(server.counts) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    server.wait_until_idle()
    time.sleep(0.4)
    paid = {text for raw in server.counts for text in orjson.loads(raw)["input"]}
    server.latency = lambda body: 0.0
    server.forget()
    assert evol.call("stats", *embedding(evol)).returncode == 0
    again = {text for raw in server.counts for text in orjson.loads(raw)["input"]}
    assert len(paid & again) <= BATCH
    assert len(paid | again) == 5 * BATCH


def test_too_few_rows_have_no_breadth(evol: Evol, write_seeds: Any) -> None:
    """It is said, and nobody is asked."""
    assert evol.run(write_seeds(2), "--generations", "0").returncode == 0
    assert "too few rows" in evol.call("stats", "--breadth").stdout


def test_a_page_of_a_large_sample_is_thinned_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more marks than allowed, each still the row that it stands for; the page says so."""
    monkeypatch.setattr("evol.report_figures.MOST_POINTS", 30)
    run = make_run(tmp_path, [{"instruction": f"Name {n} rivers of land {n * n}."} for n in range(40)], generations=2)
    write_report(run, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    drawing = page[page.index('id="figure-map"') :]
    marks = drawing[drawing.index("mark-symbol role-mark") :].partition("</g>")[0].count("<path")
    data = json.loads(page[page.index('id="data">') + 10 :].partition("</script>")[0])
    assert 10 < marks == len(data["points"]) <= 30
    assert f"{marks} of them are drawn" in page


@pytest.mark.slow
def test_the_embedded_model_makes_embeddings(evol: Evol, write_seeds: Any) -> None:
    """In this process, without a key; the second call does not load it; its like are nearer than others."""
    assert evol.run(write_seeds(4), "--generations", "0").returncode == 0
    shown = evol.call("stats", "--embed-model", "embedded", "--json")
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)[0]["breadth"]
    assert found["embedding"].endswith("on this machine")
    assert found["dimensions"] == 576
    assert 0 < found["generations"]["0"]["distance"] < 0.2  # four instructions of one form
    again = evol.call("stats", "--embed-model", "embedded", "--json")
    assert "asking" not in again.stderr
    assert again.stdout == shown.stdout
