"""`evol stats`: its figures beside an independent count, its shape, and that it works whatever state a run is in."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from conftest import SEEDS, Evol, read_rows
from fake_server import FakeServer, kind_of, reply_to

# "*" stands for a generation, role, reason, operation or mode
KEYS = {
    "format", "folder", "status", "seeds", "adds_up", "tokenizer", "cost",
    "generations[].generation", "generations[].survivors", "generations[].unfinished", "generations[].eliminated.*",
    "generations[].operations.*", "generations[].notes.*",
    "evolved.*", "operations.*.drawn", "operations.*.survived",
    *(
        f"{of}_{unit}.*.{figure}"
        for of in ("instruction", "response")
        for unit in ("words", "tokens")
        for figure in ("mean", "p50", "p90", "p99")
    ),
    "sample.*", "duplicates.rows", "duplicates.exact", "duplicates.near", "duplicates.compared", "duplicates.threshold",
    *(
        f"{of}_diversity.*.{figure}"
        for of in ("instruction", "response")
        for figure in ("rows", "words", "distinct_1", "distinct_2", "compression_ratio")
    ),
    *(f"{by}_similarity.*.{figure}" for by in ("parent", "operation") for figure in ("pairs", "mean", "p50")),
    *(f"{flaw}.*.{fate}" for flaw in ("refusals", "truncations") for fate in ("kept", "eliminated")),
    *(
        f"calls.*.{figure}"
        for figure in (
            "calls", "attempts", "failures", "input_tokens", "output_tokens", "calls_without_usage",
            "estimated_input_tokens", "estimated_output_tokens", "batch_input_tokens", "batch_output_tokens", "cost",
        )
    ),
    "latency.*.calls", "latency.*.p50", "latency.*.p95",
    "speed.*.calls", "speed.*.seconds", "speed.*.calls_per_second",
    "estimate.calls", "estimate.input_tokens", "estimate.output_tokens", "estimate.cost", "estimate.most_calls",
    "estimate.most_tokens", "estimate.most_cost",
    "throttle[].time", "throttle[].label", "throttle[].limit", "throttle[].pace", "throttle[].in_flight",
    "throttle[].reason",
    "unfinished[].seed_id", "unfinished[].generation", "unfinished[].error",
    "difficulty.*.model", "difficulty.*.sample", "difficulty.*.is_current",
    *(
        f"difficulty.*.generations.*.{figure}"
        for figure in ("rated", "unclear", "missing", "mean", "distribution.*", "paper")
    ),
    "breadth", "breadth.embedding", "breadth.dimensions", "breadth.seeds",
    *(
        f"breadth.{of}.*.{figure}"
        for of in ("generations", "sets")
        for figure in ("rows", "distance", "vendi", "clusters", "largest_cluster")
    ),
    "breadth.clusters[].rows", "breadth.clusters[].generations.*", "breadth.clusters[].example",
    "breadth.clusters[].instruction",
}  # fmt: skip
"""Version 1 of `--json`. A reader counts on these; within the version keys are only ever added."""

LENGTHS = {
    "instruction": "select len(regexp_extract_all(instruction, '[A-Za-z0-9]+')) from kept where generation = ?",
    "response": "select len(regexp_extract_all(response, '[A-Za-z0-9]+')) from kept where generation = ?",
}


def read_stats(evol: Evol, *arguments: str | Path) -> dict[str, Any]:
    """The figures of one run."""
    shown = evol.call("stats", "--json", *arguments)
    assert shown.returncode == 0, shown.stderr
    [found] = json.loads(shown.stdout)
    return dict(found)


def list_paths(value: Any, prefix: str = "") -> set[str]:
    """The paths to every figure, with names that are data as "*"."""
    if isinstance(value, list):
        return {path for item in value for path in list_paths(item, f"{prefix}[]")}
    if not isinstance(value, dict):
        return {prefix}
    found = set()
    for key, inner in value.items():
        path = f"{prefix}.{key}".lstrip(".")
        is_key = any(known == path or known.startswith((f"{path}.", f"{path}[]")) for known in KEYS)
        found |= list_paths(inner, path if is_key else f"{prefix}.*")
    return found


def tokenizer_file(folder: Path) -> Path:
    """A tokenizer for which every run of letters and digits is a token, and every other character as well."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(3)
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def odd_replies(body: dict[str, Any]) -> str:
    """The usual replies, with refusals that no rule eliminates among the responses."""
    if kind_of(body) == "respond" and reply_to(body).endswith(("1.", "2.")):
        return "I cannot help with that."
    return reply_to(body)


@pytest.fixture
def run(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> Path:
    """The folder of a finished run of 60 seeds and 3 generations, with odd replies, and with two seeds alike."""
    server.reply = odd_replies
    server.latency = lambda body: 0.002 if kind_of(body) == "judge" else 0.0
    seeds = write_seeds(60)
    with seeds.open("a") as file:
        file.write('{"id": "like", "instruction": "Describe  item 7 of\\tset s."}\n')
    done = evol.run(seeds, "--generations", "3")
    assert done.returncode == 0, done.stderr
    return evol.folder / "output"


def test_figures_agree_with_an_independent_count(evol: Evol, run: Path) -> None:
    """DuckDB over the same files counts the same: rows, reasons, operations, lengths, duplicates, calls, latency."""
    found = read_stats(evol)
    db = duckdb.connect()
    db.read_json(f"{run}/generation-*.jsonl").create_view("kept")
    db.read_json(f"{run}/eliminated.jsonl").create_view("lost")
    columns = {"kind": "varchar", "role": "varchar", "latency": "double"}
    columns |= {"input_tokens": "bigint", "output_tokens": "bigint"}
    db.read_json(f"{run}/journal.jsonl", columns=columns).create_view("journal")
    for count in found["generations"]:
        generation = count["generation"]
        [(kept,)] = db.execute("select count(*) from kept where generation = ?", [generation]).fetchall()
        reasons = db.execute("select reason, count(*) from lost where generation = ? group by 1", [generation])
        assert (kept, dict(reasons.fetchall())) == (count["survivors"], count["eliminated"])
        assert found["evolved"][str(generation)] == kept + sum(count["eliminated"].values()) == 61
        for column in ("instruction", "response"):
            lengths = sorted(length for (length,) in db.execute(LENGTHS[column], [generation]).fetchall())
            figures = found[f"{column}_words"][str(generation)]
            assert figures["mean"] == pytest.approx(sum(lengths) / kept, abs=0.01)
            assert [figures[f"p{p}"] for p in (50, 90, 99)] == [
                lengths[math.ceil(kept * p / 100) - 1] for p in (50, 90, 99)
            ]
    operations = db.execute(
        "select operation, count(*), count(*) filter (not dead) from "
        "(select operation, false as dead from kept where generation > 0 union all select operation, true from lost) "
        "group by 1"
    ).fetchall()
    assert found["operations"] == {name: {"drawn": drawn, "survived": lived} for name, drawn, lived in operations}
    [(rows, distinct)] = db.execute(
        "select count(*), count(distinct regexp_replace(instruction, '\\s+', ' ', 'g')) from kept"
    ).fetchall()
    assert (found["duplicates"]["rows"], found["duplicates"]["exact"]) == (rows, rows - distinct)
    assert rows > distinct
    calls = db.execute(
        "select role, count(*), sum(input_tokens), sum(output_tokens), list_sort(list(latency)) from journal "
        "where kind = 'call' group by 1"
    ).fetchall()
    for role, number, inputs, outputs, latencies in calls:
        figures = found["calls"][role]
        assert (figures["calls"], figures["input_tokens"], figures["output_tokens"]) == (number, inputs, outputs)
        assert found["latency"][role]["calls"] == number
        for percent in (50, 95):
            middle = latencies[math.ceil(number * percent / 100) - 1]
            assert found["latency"][role][f"p{percent}"] == pytest.approx(middle, abs=1e-4)
    assert found["speed"]["run"]["calls"] == sum(number for _, number, *_ in calls)
    assert found["latency"]["judge"]["p50"] >= 0.002


def test_likeness_to_the_parent_is_of_words(evol: Evol, run: Path) -> None:
    """By generation and operation: shared words over all words of both, nothing eliminated among them."""
    rows = {row["id"]: row for path in run.glob("generation-*.jsonl") for row in read_rows(path)}
    shares: dict[tuple[str, str], list[float]] = {}
    for row in rows.values():
        if row["generation"]:
            mine, theirs = (
                {word.strip(".").lower() for word in str(one["instruction"]).split()}
                for one in (row, rows[row["parent_id"]])
            )
            share = len(mine & theirs) / len(mine | theirs)
            shares.setdefault(("parent_similarity", str(row["generation"])), []).append(share)
            shares.setdefault(("operation_similarity", str(row["operation"])), []).append(share)
    found = read_stats(evol)
    assert {(kind, key) for kind in ("parent_similarity", "operation_similarity") for key in found[kind]} == set(shares)
    for (kind, key), expected in shares.items():
        assert found[kind][key]["pairs"] == len(expected)
        assert found[kind][key]["mean"] == pytest.approx(sum(expected) / len(expected), abs=1e-4)


def test_refusals_and_truncations_are_counted(evol: Evol, server: FakeServer, run: Path) -> None:
    """Kept ones and eliminated ones apart."""
    found = read_stats(evol)
    kept = [row for path in run.glob("generation-*.jsonl") for row in read_rows(path)]
    refused = sum(str(row["response"]).startswith(("I cannot", "I am sorry")) for row in kept)
    sorry = sum(row["reason"] in ("sorry", "refusal") for row in read_rows(run / "eliminated.jsonl"))
    assert refused
    assert sorry
    assert sum(count["kept"] for count in found["refusals"].values()) == refused
    assert sum(count["eliminated"] for count in found["refusals"].values()) == sorry
    assert not any(count["kept"] + count["eliminated"] for count in found["truncations"].values())
    server.fault = lambda body, seen: "cut" if kind_of(body) == "respond" else None
    assert evol.run("--limit", "5", "--generations", "1", "--out", "cut").returncode == 0
    cut = read_stats(evol, "cut")["truncations"]
    assert cut["0"] == {"kept": 5, "eliminated": 0}
    assert cut["1"]["kept"] == 0
    assert cut["1"]["eliminated"] >= 3


def test_the_shape_of_json_is_kept(evol: Evol, server: FakeServer, run: Path) -> None:
    """Version 1, key by key, over a run with ratings, failures and everything else that can be there."""
    assert evol.call("score", "--sample", "3").returncode == 0
    server.fault = lambda body, seen: (400, {}, b'{"error":{"message":"no"}}') if "item 1 " in str(body) else None
    server.reply = lambda body: "hm" if kind_of(body) == "judge" else odd_replies(body)
    more = evol.folder / "more.jsonl"
    more.write_text('{"id": "n", "instruction": "Describe item 1 of set n."}\n{"id": "k", "instruction": "Say why."}\n')
    assert evol.run(more, "--generations", "3", "--out", "odd").returncode == 3
    found = list_paths(read_stats(evol, "--breadth", "--tokenizer", tokenizer_file(evol.folder)))
    odd = list_paths(read_stats(evol, "odd"))
    assert read_stats(evol)["format"] == 1
    assert found | odd == KEYS


def test_tokens_are_counted_by_the_given_tokenizer(evol: Evol, run: Path) -> None:
    """Whole texts, whatever truncation the file asks for; the sample is told; without the flag there are none."""
    path = tokenizer_file(evol.folder)
    found = read_stats(evol, "--tokenizer", path)
    rows = read_rows(run / "generation-1.jsonl")
    tokens = sorted(len(str(row["instruction"]).replace(".", " . ").split()) for row in rows)
    assert found["instruction_tokens"]["1"]["p50"] == tokens[math.ceil(len(tokens) / 2) - 1] > 3
    assert found["sample"]["1"] == len(rows)
    assert found["tokenizer"] == str(path)
    assert "Lengths in tokens of" in evol.call("stats", "--tokenizer", path).stdout
    assert read_stats(evol)["instruction_tokens"] == {}


@pytest.mark.parametrize(
    ("content", "word"), [(None, "No such file"), (b"\xff\xfe", "not UTF-8"), (b"{}", "not a tokenizer")]
)
def test_a_file_that_is_no_tokenizer_is_named(evol: Evol, run: Path, content: bytes | None, word: str) -> None:
    """One sentence, exit 2."""
    path = evol.folder / "t.json"
    if content is not None:
        path.write_bytes(content)
    refused = evol.call("stats", "--tokenizer", path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("evol: error: --tokenizer")
    assert word in refused.stderr


def test_without_the_extra(evol: Evol, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Near duplicates are then unknown, not zero; `--tokenizer` says what to install."""
    for name in ("rensa", "tokenizers"):
        monkeypatch.setitem(sys.modules, name, None)
    found = read_stats(evol)
    assert found["duplicates"]["near"] is None
    assert found["duplicates"]["exact"] > 0
    assert "pip install 'evol-instruct[stats]'" in evol.call("stats").stdout
    refused = evol.call("stats", "--tokenizer", tokenizer_file(evol.folder))
    assert refused.returncode == 2
    assert "pip install 'evol-instruct[stats]'" in refused.stderr


def test_a_killed_run_says_the_same_as_a_finished_one(evol: Evol, server: FakeServer, run: Path) -> None:
    """Projected from the journal, everything that speaks of rows and calls is as from the files."""
    finished = read_stats(evol)
    manifest = json.loads((run / "manifest.json").read_bytes())
    (run / "manifest.json").write_text(json.dumps(manifest | {"status": "running", "counts": [], "files": {}}))
    for path in (*run.glob("generation-*.jsonl"), run / "eliminated.jsonl"):
        path.unlink()
    killed = read_stats(evol)
    assert killed.pop("status") == "killed"
    assert finished.pop("status") == "done"
    assert killed == finished


def test_a_run_in_progress_is_shown(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """While calls are made: what is there, with what is unfinished, and the sum holds."""
    server.latency = lambda body: 0.02
    process = evol.start(write_seeds(40), "--generations", "3", "--concurrency", "4")
    while server.total < 40:
        time.sleep(0.01)
    found = read_stats(evol)
    table = evol.call("stats")
    process.kill()
    process.communicate()
    assert found["status"] == "in progress"
    assert found["adds_up"]
    assert found["generations"][3]["unfinished"] > 0
    assert 0 < found["speed"]["run"]["calls_per_second"] <= 4 / 0.02
    assert found["latency"]["responder"]["p50"] >= 0.02
    assert "in progress" in table.stdout


def test_pauses_between_sessions_are_left_out(evol: Evol, run: Path) -> None:
    """A run that was taken up again an hour later is no slower, but for calls that no longer overlap."""
    path = run / "journal.jsonl"
    speed = read_stats(evol)["speed"]["run"]
    lines = path.read_bytes().splitlines()
    longest = 0.0
    with path.open("wb") as file:
        for number, line in enumerate(lines):
            record = json.loads(line)
            longest = max(longest, record.get("latency", 0.0))
            later = 3600 if number > len(lines) // 2 else 0
            head = line[: line.rindex(b',"crc"')].replace(
                f'"time":{record["time"]!r}'.encode(), f'"time":{round(record["time"] + later, 3)!r}'.encode(), 1
            )
            file.write(head + b',"crc":"%08x"}\n' % zlib.crc32(head))
    assert read_stats(evol)["speed"]["run"]["seconds"] <= speed["seconds"] + longest + 0.01


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal(evol: Evol, run: Path, width: int) -> None:
    """Nothing is wider than the terminal, no figure is broken, one run or several."""
    sent = sum(count["attempts"] for count in read_stats(evol)["calls"].values())
    assert evol.call("score", "--max-calls", str(sent + 9)).returncode == 4
    assert evol.call("score", "--joint").returncode == 0
    for arguments in (("output",), ("output", "output"), ("output",) * 5):
        shown = subprocess.run(
            [sys.executable, "-m", "evol.cli", "stats", *arguments],
            cwd=evol.folder,
            env=evol.environment(COLUMNS=str(width)),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        tables = [line for line in shown.splitlines() if line.startswith(" ")]
        assert max(map(len, tables)) <= width
        assert "…" not in shown
        if len(arguments) == 1:
            ratings = [line.split() for line in shown.partition("Difficulty")[2].partition("Calls")[0].splitlines()]
            assert sorted(len(row) for row in ratings if row and row[0].isdecimal()) == [15] * 4 + [16] * 4
        for word in ("add_constraints", "increase_reasoning", "unknown", "5.48"):
            assert any(word in line for line in tables)


def test_many_generations_stand_in_several_tables(evol: Evol, server: FakeServer) -> None:
    """30 generations do not squash one another: neither reasons, nor repairs, nor clusters."""

    def reply(body: dict[str, Any]) -> str:
        preamble = "Sure, here is the rewritten prompt:\n\n" if kind_of(body) == "evolve" else ""
        return preamble + reply_to(body)

    server.reply = reply
    assert evol.run("--limit", "6", "--generations", "30").returncode == 0
    shown = evol.call("stats", "--breadth").stdout
    for title in ("Eliminated by reason", "Repairs and notes", "Clusters of the map"):
        assert shown.count(title) > 1
    for number in range(1, 31):
        assert len(re.findall(rf" gen {number}\b", shown)) == 3


def test_several_runs_stand_side_by_side(evol: Evol, run: Path) -> None:
    """One table with a column for each run; what only one has is "-" in the other; JSON holds all."""
    assert evol.run(SEEDS / "code.jsonl", "--limit", "9", "--generations", "1", "--out", "b").returncode == 0
    shown = evol.call("stats", "output", "b")
    lines = {line.strip().split("  ")[0]: line.split()[-1] for line in shown.stdout.splitlines() if line.strip()}
    assert lines["seeds"] == "9"
    assert lines["generation 3"] == "-"
    assert lines["cost"] == "unknown"
    assert [one["folder"] for one in json.loads(evol.call("stats", "output", "b", "--json").stdout)] == ["output", "b"]
    assert evol.call("stats", "output", "nowhere").returncode == 7


def test_the_cost_of_all_is_unknown_where_one_is(evol: Evol, server: FakeServer) -> None:
    """A sum with an unknown part is unknown; with all known it is their sum; a run without calls costs nothing."""
    config = evol.folder / "c.toml"
    config.write_text("[models.default]\nprice = { input = 10, output = 20 }\n[models.judge]\nmodel = 'j'\n")
    config.write_text(config.read_text() + f"base_url = '{server.url}'\n")
    assert evol.run("--limit", "3", "--generations", "1", "--config", config).returncode == 0
    found = read_stats(evol)
    assert found["calls"]["judge"]["cost"] is None
    assert found["cost"] is None
    config.write_text("[models.default]\nprice = { input = 10, output = 20 }\n")
    assert evol.run("--limit", "3", "--generations", "1", "--config", config, "--out", "b").returncode == 0
    found = read_stats(evol, "b")
    assert found["cost"] == pytest.approx(sum(count["cost"] for count in found["calls"].values()))
    assert found["cost"] > 0
