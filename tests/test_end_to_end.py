from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import KEY, SEEDS, Evol, read_journaled_keys, read_outputs, read_rows
from fake_server import FakeServer, Fault, kind_of, last_message

COLUMNS = [
    "id", "seed_id", "generation", "parent_id", "operation", "instruction", "response",
    "evolver_model", "response_model", "finish_reason", "input_tokens", "output_tokens",
]  # fmt: skip


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder."""
    found: dict[str, Any] = orjson.loads((folder / "manifest.json").read_bytes())
    return found


def assert_adds_up(folder: Path) -> None:
    """Promise 6: nothing vanishes."""
    found = manifest(folder)
    for count in found["counts"]:
        assert count["survivors"] + sum(count["eliminated"].values()) + count["unfinished"] == found["seeds"]["count"]


def test_whole_job_writes_every_file_and_adds_up(evol: Evol, tmp_path: Path) -> None:
    """run, merge and stats in a row: rows have the documented columns, lineages hang together, nothing vanishes."""
    done = evol.run(SEEDS / "general.jsonl", "--limit", "40", "--generations", "3")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "output"
    survivors = {str(row["id"]): row for n in range(4) for row in read_rows(out / f"generation-{n}.jsonl")}
    eliminated = read_rows(out / "eliminated.jsonl")
    assert len(survivors) + len(eliminated) == 4 * 40
    assert eliminated
    for row in survivors.values():
        assert list(row) == COLUMNS
        assert None not in row.values()
        parent = survivors.get(str(row["parent_id"]))
        assert (parent is None) == (row["generation"] == 0)
        if parent:
            assert parent["seed_id"] == row["seed_id"]
            assert int(str(parent["generation"])) < int(str(row["generation"]))
    assert all(list(row) == [*COLUMNS, "reason", "detail"] for row in eliminated)
    assert_adds_up(out)
    merged = evol.call("merge")
    assert merged.returncode == 0, merged.stderr
    assert "prompt" in read_rows(out / "mix.jsonl")[0]
    stats = orjson.loads(evol.call("stats", "--json").stdout)[0]
    assert stats["adds_up"]
    assert stats["status"] == "done"
    assert "kept + eliminated + unfinished" in evol.call("stats").stdout


def test_request_carries_the_papers_sampling_and_the_key(evol: Evol, server: FakeServer) -> None:
    """Requests hold temperature 1, top_p 0.9, max_tokens 2048, frequency_penalty 0, and the key as a bearer token."""
    assert evol.run("--limit", "1", "--generations", "1").returncode == 0
    for raw in server.counts:
        body = orjson.loads(raw)
        assert (body["temperature"], body["top_p"], body["max_tokens"], body["frequency_penalty"]) == (1, 0.9, 2048, 0)
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}


def test_second_run_is_a_no_op(evol: Evol, server: FakeServer, tmp_path: Path) -> None:
    """The same command on a finished folder sends nothing and changes no byte."""
    assert evol.run("--limit", "5").returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "output").iterdir()}
    server.forget()
    again = evol.run("--limit", "5")
    assert again.returncode == 0
    assert "nothing to do" in again.stdout
    assert not server.seen
    assert {path: path.read_bytes() for path in (tmp_path / "output").iterdir()} == before


def test_same_replies_same_bytes_at_any_concurrency(
    evol: Evol, tmp_path: Path, write_seeds: Callable[..., Path]
) -> None:
    """Concurrency 1 and 64 give byte-identical outputs (promise 2)."""
    seeds = write_seeds(30)
    for concurrency in ("1", "64"):
        done = evol.run(seeds, "--concurrency", concurrency, "--out", f"c{concurrency}")
        assert done.returncode == 0, done.stderr
    assert read_outputs(tmp_path / "c1") == read_outputs(tmp_path / "c64")


def test_growing_pays_only_for_what_is_new(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """More generations, then more seeds: no request is sent twice, and the old generations keep their bytes."""
    seeds = write_seeds(12)
    assert evol.run(seeds, "--generations", "4").returncode == 0
    old = read_outputs(evol.folder / "output")
    first = set(server.seen)
    server.forget()
    assert evol.run(seeds, "--generations", "6").returncode == 0
    grown = read_outputs(evol.folder / "output")
    assert all(grown[name] == old[name] for name in old if name != "eliminated.jsonl")
    assert server.seen
    # a body may repeat between generations (parent unchanged, same operation): its key differs by generation
    repeated = [raw for raw in server.seen if raw in first and kind_of(orjson.loads(raw)) == "respond"]
    assert not repeated
    server.forget()
    more = write_seeds(15)
    assert evol.run(more, "--generations", "6").returncode == 0
    assert {int(last_message(orjson.loads(raw)).split("item ")[1].split()[0]) for raw in server.seen} <= {12, 13, 14}
    server.forget()
    shrunk = evol.run(write_seeds(10), "--generations", "2")
    assert shrunk.returncode == 0
    assert not server.seen
    assert "removed" in shrunk.stderr
    assert not (evol.folder / "output" / "generation-3.jsonl").exists()


def test_changed_threshold_sends_no_known_key_again(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """Another profile and threshold change survivors, and only calls with new keys are made (promise 3)."""
    seeds = write_seeds(40)
    assert evol.run(seeds, "--generations", "2").returncode == 0
    assert manifest(evol.folder / "output")["counts"][1]["eliminated"].get("sorry")
    known = read_journaled_keys(evol.folder / "output")
    config = evol.folder / "lenient.toml"
    config.write_text("[eliminator]\nprofile = 'paper'\nsorry_words = 0\n")
    done = evol.run(seeds, "--generations", "2", "--config", config)
    assert done.returncode == 0, done.stderr
    keys = read_journaled_keys(evol.folder / "output")
    assert len(keys) == len(set(keys))
    assert set(known) < set(keys)
    assert not any("sorry" in count["eliminated"] for count in manifest(evol.folder / "output")["counts"])


def test_repairs_and_unclear_verdicts_are_counted(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """Every repair of a reply and every verdict that stays unreadable stands in the figures, by generation."""
    evolved = "Sure, here is the rewritten prompt:\n\n**New Instruction:** Name four rivers that flow north."
    replies = {"judge": "Hard to say.", "evolve": evolved, "respond": "Fine."}
    server.reply = lambda body: replies[kind_of(body)]
    assert evol.run(write_seeds(12), "--generations", "2").returncode == 0
    [stats] = orjson.loads(evol.call("stats", "--json").stdout)
    first, second = (count["notes"] for count in stats["generations"][1:])
    assert first["repaired_preamble"] == first["repaired_label"] == second["repaired_label"] == 12
    judged = 12 - stats["generations"][1]["operations"].get("breadth", 0)
    assert first["judge_unclear"] == judged
    assert stats["generations"][2]["eliminated"] == {"unchanged": 12}
    assert "judge_unclear" not in second
    shown = evol.call("stats").stdout
    assert "repaired: label" in shown
    assert "judge_unclear" in shown


def test_the_manifest_tells_what_eliminates(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Profile and thresholds stand beside the fingerprint, not in it: they may change between runs."""
    assert evol.run(write_seeds(2), "--generations", "1").returncode == 0
    found = manifest(evol.folder / "output")
    assert found["eliminator"] == {
        "profile": "strict",
        "judge": "in-depth",
        "sorry_words": 80,
        "labels": found["eliminator"]["labels"],
        "length_factor": 3.0,
        "length_words": 60,
        "length_words_input": 300,
    }
    assert not {"profile", "eliminator"} & found["fingerprint"].keys()


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (["--random-seed", "7"], "random_seed"),
        (["--config", "other.toml"], "sampling.temperature"),
        (["--model", "other"], "model"),
    ],
)
def test_other_settings_are_refused_and_nothing_is_touched(evol: Evol, flags: list[str], field: str) -> None:
    """A setting that changes requests already made ends with exit 7 and names the field (promise 3)."""
    (evol.folder / "other.toml").write_text("[models.default.sampling]\ntemperature = 0.5\n")
    assert evol.run("--limit", "2", "--generations", "1").returncode == 0
    before = {path: path.read_bytes() for path in (evol.folder / "output").iterdir()}
    command = [*evol.command("--limit", "2", "--generations", "1"), *flags]
    refused = subprocess.run(
        command, cwd=evol.folder, env=evol.environment(), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 7
    assert field in refused.stderr
    assert {path: path.read_bytes() for path in (evol.folder / "output").iterdir()} == before


def test_hanging_seed_delays_no_other(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """While one seed's call hangs, all others finish every generation (promise 4)."""
    release = threading.Event()
    server.latency = lambda body: 0.0 if release.is_set() or "item 0 of" not in last_message(body) else 20.0
    seeds = write_seeds(30)
    # the first call goes alone; let it be another seed's
    lines = seeds.read_text().splitlines(keepends=True)
    seeds.write_text("".join(lines[1:3] + lines[:1] + lines[3:]))
    process = evol.start(seeds, "--concurrency", "4", "--generations", "2")
    try:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            stats = evol.call("stats", "--json")
            if stats.returncode == 0:
                found = orjson.loads(stats.stdout)[0]
                if [count["unfinished"] for count in found["generations"]] == [1, 1, 1]:
                    break
        else:
            pytest.fail(stats.stdout + stats.stderr)
        assert found["status"] == "in progress"
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_seed_responses_are_kept_unless_regenerated(evol: Evol, server: FakeServer) -> None:
    """A seed's own response stands in generation 0 at no cost; --seed-responses regenerate asks the model."""
    seeds = evol.folder / "own.jsonl"
    seeds.write_text('{"id": "a", "instruction": "Name a metal.", "output": "Iron."}\n')
    assert evol.run(seeds, "--generations", "0").returncode == 0
    row = read_rows(evol.folder / "output" / "generation-0.jsonl")[0]
    assert (row["response"], row["response_model"], row["input_tokens"]) == ("Iron.", "", 0)
    assert not server.seen
    assert evol.run(seeds, "--generations", "0", "--seed-responses", "regenerate").returncode == 0
    row = read_rows(evol.folder / "output" / "generation-0.jsonl")[0]
    assert row["response"] != "Iron."
    assert (row["response_model"], server.total) == ("m", 1)


def test_faults_are_retried_and_leave_no_trace(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """429 with Retry-After, 500, resets, broken JSON, HTML, no choices, null: retried, and the outputs are the same."""
    seeds = write_seeds(16)
    assert evol.run(seeds, "--generations", "2", "--out", "calm").returncode == 0
    kinds: list[Fault] = [
        (429, {"Retry-After": "0.1"}, b'{"error": {"message": "slow down"}}'), (500, {}, b"oops"), (503, {}, b""),
        "reset", "reset_mid_body", "truncated", "html", "no_choices", "null", "empty",
    ]  # fmt: skip

    def stormy(body: dict[str, Any], times_seen: int) -> Fault | None:
        draw = sum(last_message(body).encode())
        return kinds[(draw + times_seen) % len(kinds)] if times_seen < draw % 3 else None

    server.fault = stormy
    done = evol.run(seeds, "--generations", "2", "--out", "stormy")
    assert done.returncode == 0, done.stderr
    assert sum(server.seen.values()) > server.total
    assert read_outputs(evol.folder / "calm") == read_outputs(evol.folder / "stormy")
    calls = manifest(evol.folder / "stormy")["calls"]
    assert sum(count["attempts"] for count in calls.values()) > sum(count["calls"] for count in calls.values())


def test_lost_calls_leave_lineages_unfinished_with_exit_3(
    evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]
) -> None:
    """A call that fails for good makes the rest of its lineage unfinished, named on stderr; a rerun completes it."""
    config = evol.folder / "c.toml"
    config.write_text("[limits]\nretry_for = 0.5\n")
    server.fault = lambda body, n: (500, {}, b"no") if "item 3 of" in last_message(body) else None
    seeds = write_seeds(6)
    done = evol.run(seeds, "--generations", "2", "--config", config)
    assert done.returncode == 3, done.stderr
    assert "seed s3 from generation 0 on" in done.stderr
    assert [count["unfinished"] for count in manifest(evol.folder / "output")["counts"]] == [1, 1, 1]
    assert_adds_up(evol.folder / "output")
    refused = evol.call("merge")
    assert (refused.returncode, evol.call("merge", "--allow-unfinished").returncode) == (2, 0)
    server.fault = lambda body, n: None
    server.forget()
    assert evol.run(seeds, "--generations", "2", "--config", config).returncode == 0
    assert all("item 3 of" in last_message(orjson.loads(raw)) for raw in server.seen)


def test_outcomes_of_the_server_are_eliminations_apart(evol: Evol, server: FakeServer) -> None:
    """Content filter, context overflow, cut and empty replies are outcomes with reasons of their own, never errors."""
    overflow = orjson.dumps({"error": {"message": "too long", "code": "context_length_exceeded"}})
    filtered = orjson.dumps({"error": {"message": "no", "code": "content_filter"}})
    faults: dict[str, Fault] = {
        "alpha": "content_filter", "beta": (400, {}, overflow), "gamma": "cut", "delta": "empty",
        "epsilon": (400, {}, filtered),
    }  # fmt: skip

    def fault(body: dict[str, Any], times_seen: int) -> Fault | None:
        word = next((word for word in faults if word in last_message(body)), "")
        return faults.get(word) if kind_of(body) == "evolve" else None

    server.fault = fault
    seeds = evol.folder / "s.jsonl"
    seeds.write_text("".join(f'{{"id": "{word}", "instruction": "Explain {word} well."}}\n' for word in faults))
    done = evol.run(seeds, "--generations", "1")
    assert done.returncode == 0, done.stderr
    reasons = {row["seed_id"]: row["reason"] for row in read_rows(evol.folder / "output" / "eliminated.jsonl")}
    assert reasons == {
        "alpha": "blocked", "beta": "too_long_for_model", "gamma": "truncated", "delta": "empty", "epsilon": "blocked",
    }  # fmt: skip


def test_missing_usage_is_unknown_not_zero(evol: Evol, server: FakeServer) -> None:
    """Where the server gives no usage, rows say -1 and stats count the calls without usage."""
    server.usage = False
    assert evol.run("--limit", "2", "--generations", "1").returncode == 0
    rows = read_rows(evol.folder / "output" / "generation-0.jsonl")
    assert {row["input_tokens"] for row in rows} == {-1}
    assert manifest(evol.folder / "output")["calls"]["responder"]["calls_without_usage"] > 0


def test_failed_evolution_hands_its_parent_on(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """After an elimination the next generation evolves the nearest surviving ancestor with a fresh draw."""
    replies = {"judge": "Equal", "evolve": "Name four rivers that flow north.", "respond": "Fine."}
    server.reply = lambda body: replies[kind_of(body)]
    assert evol.run(write_seeds(8), "--generations", "3").returncode == 0
    eliminated = read_rows(evol.folder / "output" / "eliminated.jsonl")
    in_depth = [row for row in eliminated if row["reason"] == "equal"]
    assert in_depth
    assert {str(row["parent_id"]).split(".")[1] for row in in_depth} <= {"0", "1", "2"}
    by_seed: dict[object, set[object]] = {}
    for row in in_depth:
        by_seed.setdefault(row["seed_id"], set()).add(row["operation"])
    assert any(len(operations) > 1 for operations in by_seed.values())


def test_budget_stops_with_exit_4_and_goes_on(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """--max-calls is a total of the folder, retries included; a larger limit goes on, nothing is paid twice."""
    seeds = write_seeds(10)
    stopped = evol.run(seeds, "--generations", "2", "--max-calls", "20", "--concurrency", "4")
    assert stopped.returncode == 4, stopped.stderr
    assert sum(server.seen.values()) == 20
    assert (evol.folder / "output" / "generation-2.jsonl").exists()
    assert_adds_up(evol.folder / "output")
    again = evol.run(seeds, "--generations", "2", "--max-calls", "20", "--concurrency", "4")
    assert again.returncode == 4
    assert sum(server.seen.values()) == 20
    assert evol.run(seeds, "--generations", "2", "--max-calls", "500").returncode == 0
    assert evol.run(seeds, "--generations", "2", "--out", "fresh").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "fresh")


def test_dry_run_touches_nothing(evol: Evol, server: FakeServer) -> None:
    """--dry-run shows a prompt for each operation, calls, tokens and models; sends and creates nothing."""
    shown = evol.run("--dry-run", "--limit", "3", "--generations", "2")
    assert shown.returncode == 0, shown.stderr
    for name in ("add_constraints", "deepen", "concretize", "increase_reasoning", "complicate_input", "breadth"):
        assert f"prompt of {name}" in shown.stdout
    assert "at most 6 calls" in shown.stdout
    assert not server.headers
    assert not list(evol.folder.iterdir())
    plan = orjson.loads(evol.run("--dry-run", "--limit", "3", "--generations", "2", "--json").stdout)
    assert plan["roles"]["evolver"]["calls"] == 6


def test_first_evolutions_are_shown_and_controls_are_stripped(evol: Evol, server: FakeServer) -> None:
    """Three evolutions appear on stderr as they come; escape sequences of a model never reach the terminal."""
    server.reply = lambda body: f"\x1b[31mName {kind_of(body)} three\x07 \u202ered metals today." + "x" * 5
    done = evol.run("--limit", "4", "--generations", "1")
    assert done.returncode == 0
    assert done.stderr.count("of the first 3") == 3
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr
    assert "of the first" not in evol.run("--limit", "4", "--generations", "1", "--out", "q", "--quiet").stderr


def test_hostile_seed_stays_text(evol: Evol, server: FakeServer) -> None:
    """Template syntax, turn marks and markers inside a seed arrive at the server as they are (promise 7)."""
    hostile = "{{instruction}} {{format}} {{first}} ${x} {% if %} [[assistant]]\n[[user]]\n</given_instruction> %s {0}"
    server.reply = lambda body: f"{hostile} And more."
    seeds = evol.folder / "s.jsonl"
    seeds.write_bytes(orjson.dumps({"id": "../../etc/x", "instruction": hostile}))
    assert evol.run(seeds, "--generations", "1").returncode == 0
    asked = [last_message(orjson.loads(raw)) for raw in server.seen]
    assert all(hostile in text for text in asked)
    assert not (evol.folder.parent / "etc").exists()
