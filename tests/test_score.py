"""`evol score` against a real socket: what is asked, written, resumed, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import SEEDS, Evol, read_outputs, read_rows
from fake_server import FakeServer, kind_of, rate, rated_texts

PRICED = "price = { input = 10.0, output = 100.0 }\n"


@pytest.fixture
def run(evol: Evol, server: FakeServer) -> Path:
    """The folder of a finished run of 12 seeds and 2 generations."""
    done = evol.run(SEEDS / "general.jsonl", "--limit", "12", "--generations", "2")
    assert done.returncode == 0, done.stderr
    server.forget()
    return evol.folder / "output"


def read_survivors(folder: Path) -> dict[str, dict[str, Any]]:
    """All rows that can be rated, by id."""
    return {str(row["id"]): row for path in folder.glob("generation-*.jsonl") for row in read_rows(path)}


def read_scores(folder: Path, mode: str = "single") -> dict[str, float]:
    """The scores of one mode by id."""
    return {
        str(row["id"]): float(str(row["score"])) for row in read_rows(folder / "scores.jsonl") if row["mode"] == mode
    }


def read_stats(evol: Evol, *arguments: str) -> dict[str, Any]:
    """The figures of the only run."""
    shown = evol.call("stats", "--json", *arguments)
    assert shown.returncode == 0, shown.stderr
    [found] = json.loads(shown.stdout)
    return dict(found)


def expect_rating(instruction: str) -> float:
    """What the fake server thinks of an instruction."""
    return min(10, 2 + instruction.count("."))


def is_chosen(instruction: str) -> bool:
    """About every third instruction."""
    return len(instruction) % 3 == 0


def test_every_row_is_rated_one_by_one(evol: Evol, server: FakeServer, run: Path) -> None:
    """Each seed and survivor once, by the run's judge model at temperature 0; the scores join the rows by id."""
    before = read_outputs(run)
    done = evol.call("score")
    assert done.returncode == 0, done.stderr
    rows = read_survivors(run)
    assert read_scores(run) == {name: expect_rating(row["instruction"]) for name, row in rows.items()}
    assert all(list(row) == ["id", "generation", "score", "mode"] for row in read_rows(run / "scores.jsonl"))
    assert server.total == len(rows)
    bodies = [json.loads(raw) for raw in server.seen]
    assert {(body["model"], body["temperature"], body["max_tokens"]) for body in bodies} == {("m", 0, 2048)}
    assert {kind_of(body) for body in bodies} == {"score"}
    assert read_outputs(run) == before
    assert "generation 1: difficulty" in done.stdout
    assert "(paper: 5.48)" in done.stdout


def test_again_pays_nothing_and_writes_the_same_bytes(evol: Evol, server: FakeServer, run: Path) -> None:
    """Resume is a re-run; a larger sample asks for what is new alone, and holds the smaller one."""
    assert evol.call("score", "--sample", "4").returncode == 0
    assert server.total == 12
    small, first = read_scores(run), (run / "scores.jsonl").read_bytes()
    server.forget()
    assert evol.call("score", "--sample", "4", "--concurrency", "1").returncode == 0
    assert not server.seen
    assert (run / "scores.jsonl").read_bytes() == first
    assert evol.call("score").returncode == 0
    whole = read_scores(run)
    assert small.items() < whole.items()
    assert server.total == len(whole) - len(small)


def test_jointly_a_lineage_shares_a_prompt(evol: Evol, server: FakeServer, run: Path) -> None:
    """All members of a lineage and nobody else stand in one prompt; both modes stand beside each other afterwards."""
    rows = read_survivors(run)
    assert evol.call("score").returncode == 0
    server.forget()
    done = evol.call("score", "--joint")
    assert done.returncode == 0, done.stderr
    assert server.total == 12
    lineages: dict[str, set[str]] = {}
    for row in rows.values():
        lineages.setdefault(row["seed_id"], set()).add(row["instruction"])
    assert sorted(map(sorted, lineages.values())) == sorted(sorted(rated_texts(json.loads(raw))) for raw in server.seen)
    expected = {name: expect_rating(row["instruction"]) for name, row in rows.items()}
    assert read_scores(run, "joint") == read_scores(run, "single") == expected
    assert set(read_stats(evol)["difficulty"]) == {"single", "joint"}


def test_stats_shows_the_ratings_beside_the_papers(evol: Evol, run: Path) -> None:
    """Mean and distribution by generation, in JSON and in the table; calls of the scorer stand apart."""
    assert evol.call("score").returncode == 0
    scores, rows = read_scores(run), read_survivors(run)
    found = read_stats(evol)
    difficulty = found["difficulty"]["single"]
    assert (difficulty["model"], difficulty["sample"], difficulty["is_current"]) == ("m", None, True)
    for generation, paper in (("0", 3.0), ("1", 5.48), ("2", 6.35)):
        mine = [score for name, score in scores.items() if rows[name]["generation"] == int(generation)]
        figures = difficulty["generations"][generation]
        assert figures["mean"] == pytest.approx(sum(mine) / len(mine), abs=1e-4)
        assert (figures["rated"], figures["unclear"], figures["missing"], figures["paper"]) == (len(mine), 0, 0, paper)
        assert figures["distribution"] == {str(n): mine.count(n) for n in range(1, 11)}
    assert found["calls"]["scorer"]["calls"] == len(scores)
    assert found["speed"]["scoring"]["calls"] == len(scores)
    assert found["speed"]["run"]["calls"] == sum(
        found["calls"][role]["calls"] for role in ("evolver", "judge", "responder")
    )
    shown = evol.call("stats").stdout
    assert "Difficulty, rated one by one by m" in shown
    assert " 5.48 " in shown


def test_unclear_ratings_are_counted(evol: Evol, server: FakeServer, run: Path) -> None:
    """Asked twice, then counted; such a row has no score."""
    server.reply = lambda body: "7 or 8" if is_chosen(rated_texts(body)[0]) else rate(body)[0]
    done = evol.call("score")
    assert done.returncode == 0, done.stderr
    rows = read_survivors(run)
    unclear = {name for name, row in rows.items() if is_chosen(row["instruction"])}
    assert unclear
    assert read_scores(run).keys() == rows.keys() - unclear
    assert server.total == len(rows) + len(unclear)
    figures = read_stats(evol)["difficulty"]["single"]["generations"]
    assert sum(one["unclear"] for one in figures.values()) == len(unclear)
    assert (
        f"{sum(is_chosen(row['instruction']) for row in rows.values() if row['generation'] == 0)} unclear"
        in done.stdout
    )


def test_a_run_goes_on_after_a_score(evol: Evol, server: FakeServer, run: Path) -> None:
    """The same run is still a no-op; a longer one pays only for what is new; its scores are then of before."""
    command = (SEEDS / "general.jsonl", "--limit", "12")
    assert evol.call("score").returncode == 0
    outputs, scores = read_outputs(run), read_scores(run)
    server.forget()
    again = evol.run(*command, "--generations", "2")
    assert (again.returncode, server.total) == (0, 0)
    assert "nothing to do" in again.stdout
    longer = evol.run(*command, "--generations", "3")
    assert longer.returncode == 0, longer.stderr
    assert {kind_of(json.loads(raw)) for raw in server.seen} <= {"evolve", "judge", "respond"}
    assert all(read_outputs(run)[name] == outputs[name] for name in outputs if name != "eliminated.jsonl")
    assert read_stats(evol)["calls"]["scorer"]["calls"] == len(scores)
    assert not read_stats(evol)["difficulty"]["single"]["is_current"]
    assert "an earlier state" in evol.call("stats").stdout
    server.forget()
    assert evol.call("score").returncode == 0
    assert server.total == len(read_scores(run)) - len(scores)
    assert read_stats(evol)["difficulty"]["single"]["is_current"]


def test_scores_of_rows_that_are_gone_are_dropped(evol: Evol, run: Path) -> None:
    """A run with fewer seeds has fewer scores; those of the other mode, which speak of the old rows, go as well."""
    assert evol.call("score").returncode == 0
    assert evol.call("score", "--joint").returncode == 0
    assert evol.run(SEEDS / "general.jsonl", "--limit", "5", "--generations", "2").returncode == 0
    assert evol.call("score").returncode == 0
    assert read_scores(run).keys() == read_survivors(run).keys()
    assert read_scores(run, "joint") == {}


def test_a_config_names_the_scorer(evol: Evol, server: FakeServer, run: Path) -> None:
    """`[models.scorer]` inherits from default and beats it; a flag beats both."""
    config = evol.folder / "c.toml"
    config.write_text(
        f'[models.default]\nmodel = "a"\nbase_url = "{server.url}"\n[models.default.sampling]\ntop_p = false\n'
        '[models.scorer]\nmodel = "b"\n[models.scorer.sampling]\nmax_tokens = 9\n'
    )
    assert evol.call("score", "--config", config, "--sample", "1").returncode == 0
    assert evol.call("score", "--config", config, "--sample", "1", "--model", "c").returncode == 0
    bodies = [json.loads(raw) for raw in server.seen]
    assert {body["model"] for body in bodies} == {"b", "c"}
    assert all((body["temperature"], body["max_tokens"]) == (0, 9) and "top_p" not in body for body in bodies)


def test_the_runs_own_scorer_table_is_used(evol: Evol, server: FakeServer) -> None:
    """A run's config may name its scorer; `evol score` alone then asks that one."""
    config = evol.folder / "c.toml"
    config.write_text('[models.scorer]\nmodel = "rater"\n[models.scorer.sampling]\ntemperature = 0.5\n')
    with_url = config.read_text().replace('model = "rater"', f'model = "rater"\nbase_url = "{server.url}"')
    config.write_text(with_url)
    assert evol.run("--limit", "2", "--generations", "1", "--config", config).returncode == 0
    server.forget()
    assert evol.call("score").returncode == 0
    assert {(json.loads(raw)["model"], json.loads(raw)["temperature"]) for raw in server.seen} == {("rater", 0.5)}


@pytest.mark.parametrize("flag", ["--max-calls", "--max-tokens", "--max-cost"])
def test_a_budget_holds_over_run_and_scoring(evol: Evol, server: FakeServer, flag: str) -> None:
    """Exit 4 with what is rated written; nothing over the limit, which counts the run; a larger one goes on."""
    config = evol.folder / "c.toml"
    config.write_text(f"[models.default]\n{PRICED}[models.default.sampling]\nmax_tokens = 20\n")
    assert evol.run("--config", config, "--generations", "1").returncode == 0
    folder = evol.folder / "output"
    before = measure(evol)
    limit = {"--max-calls": before[0] + 8, "--max-tokens": before[1] + 6000, "--max-cost": before[2] + 0.06}[flag]
    stopped = evol.call("score", flag, str(limit), "--concurrency", "2")
    assert stopped.returncode == 4, stopped.stderr
    assert flag in stopped.stderr
    used = measure(evol)
    assert used[0] > before[0]
    assert dict(zip(("--max-calls", "--max-tokens", "--max-cost"), used, strict=True))[flag] <= limit
    some = read_scores(folder)
    assert 0 < len(some) < len(read_survivors(folder))
    counts = read_stats(evol)["difficulty"]["single"]["generations"].values()
    assert sum(one["missing"] for one in counts) == len(read_survivors(folder)) - len(some)
    server.forget()
    assert evol.call("score", flag, str(limit * 10)).returncode == 0
    assert server.total == len(read_survivors(folder)) - len(some)


def measure(evol: Evol) -> tuple[int, int, float]:
    """Requests, tokens and USD of the folder, by stats."""
    found = read_stats(evol)
    calls = found["calls"].values()
    tokens = sum(count["input_tokens"] + count["output_tokens"] for count in calls)
    return sum(count["attempts"] for count in calls), tokens, found["cost"]


def test_a_run_counts_what_scoring_has_cost(evol: Evol, server: FakeServer) -> None:
    """`--max-cost` is what the folder may ever cost: with the ratings it is used up, and the run says so."""
    config = evol.folder / "c.toml"
    config.write_text(f"[models.default]\n{PRICED}[models.default.sampling]\nmax_tokens = 20\n")
    assert evol.run("--config", config, "--limit", "4", "--generations", "1").returncode == 0
    before = measure(evol)[2]
    assert evol.call("score").returncode == 0
    after = measure(evol)[2]
    assert after > 1.05 * before
    server.forget()
    stopped = evol.run(
        "--config", config, "--limit", "4", "--generations", "2", "--max-cost", str((before + after) / 2)
    )
    assert stopped.returncode == 4
    assert not server.seen
    assert measure(evol)[2] == after


def test_the_runs_limits_hold_for_its_scoring(evol: Evol, server: FakeServer) -> None:
    """What the run was allowed to send, its scoring is not to exceed unasked."""
    assert evol.run("--limit", "3", "--generations", "1", "--max-calls", "12").returncode == 0
    sent = server.total
    assert evol.call("score").returncode == 4
    assert server.total <= 12
    assert evol.call("score", "--max-calls", "100").returncode == 0
    assert server.total == sent + len(read_survivors(evol.folder / "output"))


def test_another_price_is_counted_as_such(evol: Evol, server: FakeServer, run: Path) -> None:
    """Ratings by two models cost what each of them costs; a run with a limit on money counts them too."""
    config = evol.folder / "c.toml"
    costs = []
    for model, price in (("a", 10.0), ("b", 40.0)):
        config.write_text(
            f'[models.scorer]\nmodel = "{model}"\nbase_url = "{server.url}"\n'
            f"price = {{ input = {price}, output = {10 * price} }}\n"
        )
        assert evol.call("score", "--config", config).returncode == 0
        costs.append(read_stats(evol)["calls"]["scorer"]["cost"])
    assert costs[1] == pytest.approx(5 * costs[0], rel=1e-3)
    assert read_stats(evol)["cost"] is None  # the run's own price is unknown
    refused = evol.call("score", "--config", config, "--max-cost", "100")
    assert refused.returncode == 2
    assert "what the evolver's calls in this folder have cost is unknown" in refused.stderr


def test_calls_that_fail_leave_rows_missing(evol: Evol, server: FakeServer, run: Path) -> None:
    """Exit 3; the failure is named; the same command rates the rest."""
    refused = b'{"error":{"message":"no such luck"}}'
    server.fault = lambda body, seen: (400, {}, refused) if is_chosen(rated_texts(body)[0]) else None
    done = evol.call("score")
    assert done.returncode == 3, done.stderr
    assert "not rated: " in done.stderr
    assert "no such luck" in done.stderr
    rows = read_survivors(run)
    lost = {name for name, row in rows.items() if is_chosen(row["instruction"])}
    assert read_scores(run).keys() == rows.keys() - lost
    server.fault = lambda body, seen: None
    server.forget()
    assert evol.call("score").returncode == 0
    assert server.total == len(lost)
    assert read_scores(run).keys() == rows.keys()


def test_an_unusable_endpoint_leaves_the_scores_before(evol: Evol, server: FakeServer, run: Path) -> None:
    """Exit 5 in one sentence; nothing that was rated is lost."""
    assert evol.call("score").returncode == 0
    before = (run / "scores.jsonl").read_bytes()
    lost = evol.call("score", "--model", "other", "--base-url", "http://127.0.0.1:9/v1")
    assert lost.returncode == 5
    assert "127.0.0.1:9" in lost.stderr.splitlines()[-1]
    assert (run / "scores.jsonl").read_bytes() == before
    assert read_stats(evol)["difficulty"]["single"]["model"] == "m"


def start_score(evol: Evol, *arguments: str) -> subprocess.Popen[str]:
    """`evol score` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "evol.cli", "score", *arguments],
        cwd=evol.folder,
        env=evol.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_loses_no_rating(evol: Evol, server: FakeServer, run: Path, number: signal.Signals) -> None:
    """Ctrl-C writes what is rated (exit 130, 143); after a kill too the same command asks for the rest alone."""
    server.latency = lambda body: 0.1
    process = start_score(evol, "--concurrency", "2")
    while server.total < 6:
        time.sleep(0.01)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number), errors
    server.wait_until_idle()
    rows = read_survivors(run)
    if number != signal.SIGKILL:
        assert 6 <= len(read_scores(run)) < len(rows)
    paid = server.total
    server.latency = lambda body: 0.0
    assert evol.call("score").returncode == 0
    repeated = 2 if number == signal.SIGKILL else 0  # at most those in flight
    assert len(rows) <= server.total <= len(rows) + repeated
    assert paid < server.total
    assert read_scores(run) == {name: expect_rating(row["instruction"]) for name, row in rows.items()}


def test_run_and_score_exclude_each_other(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """While a run goes on nothing is rated (exit 6), nor of one that was killed (exit 7), nor run while rating."""
    seeds = write_seeds(20)
    server.latency = lambda body: 0.05
    process = evol.start(seeds, "--concurrency", "2", "--generations", "1")
    while server.total < 5:
        time.sleep(0.01)
    assert evol.call("score").returncode == 6
    process.kill()
    process.communicate()
    killed = evol.call("score")
    assert killed.returncode == 7
    assert "run the same `evol run` again" in killed.stderr
    server.latency = lambda body: 0.0
    assert evol.run(seeds, "--generations", "1").returncode == 0
    server.latency = lambda body: 0.2 if kind_of(body) == "score" else 0.0
    rating = start_score(evol, "--concurrency", "1")
    server.forget()
    while not server.total:
        time.sleep(0.01)
    assert evol.run(seeds, "--generations", "2").returncode == 6
    rating.send_signal(signal.SIGINT)
    rating.communicate(timeout=30)


def test_scores_that_evol_did_not_write_stay(evol: Evol, server: FakeServer, run: Path) -> None:
    """A file in the way is not overwritten (exit 2), scores that were changed are not shown (exit 7)."""
    path = run / "scores.jsonl"
    path.write_text("mine\n")
    refused = evol.call("score")
    assert refused.returncode == 2
    assert "scores.jsonl: not written by `evol score`" in refused.stderr
    assert path.read_text() == "mine\n"
    assert not server.seen
    path.unlink()
    assert evol.call("score", "--sample", "1").returncode == 0
    path.write_bytes(path.read_bytes() * 2)
    shown = evol.call("stats")
    assert shown.returncode == 7
    assert "scores.jsonl: not what `evol score` wrote" in shown.stderr
    assert evol.call("score").returncode == 2


def test_the_result_as_json(evol: Evol, run: Path) -> None:
    """`--json` holds how it ended and the figures that stats shows."""
    done = evol.call("score", "--json", "--quiet")
    found = json.loads(done.stdout)
    assert (found["status"], found["mode"], found["exit_code"]) == ("done", "single", 0)
    assert found["generations"] == read_stats(evol)["difficulty"]["single"]["generations"]


def test_a_prompt_pack_is_not_confused_with_the_scorers_prompts(evol: Evol) -> None:
    """`prompts/score` is no pack."""
    refused = evol.run("--pack", "score", "--limit", "1")
    assert refused.returncode == 2
    assert "no such prompt pack" in refused.stderr


@pytest.mark.parametrize(
    ("flags", "content", "words"),
    [
        (("--base-url", "localhost:1"), "", ("base_url", "https://host/v1")),
        (("--concurrency", "many"), "", ("concurrency", "many")),
        (("--rpm", "0"), "", ("limits.rpm",)),
        (("--model", "none.gguf"), "", ("none.gguf", "--model")),
        (("--max-cost", "1"), "", ("the price of m (scorer) is unknown", "[models.scorer]")),
        (("--config", "none.toml"), "", ("none.toml", "--config")),
        (("--config", "c.toml"), "[models.scorer]\ntemperature = 1\n", ("c.toml", "models.scorer.temperature")),
        (("--config", "c.toml"), "[models.rater]\n", ("c.toml", "[models.rater]", "scorer")),
        (("--config", "c.toml"), "[models.scorer.sampling]\nmax_tokens = 0\n", ("models.scorer.sampling.max_tokens",)),
    ],
)
def test_a_mistake_is_one_sentence(
    evol: Evol, server: FakeServer, run: Path, flags: tuple[str, ...], content: str, words: tuple[str, ...]
) -> None:
    """What, where, what to do; exit 2; nothing asked, nothing written."""
    (evol.folder / "c.toml").write_text(content)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    refused = evol.call("score", *flags)
    assert refused.returncode == 2
    [line] = refused.stderr.splitlines()
    assert line.startswith("evol: error: ")
    for word in words:
        assert word in line
    assert not server.seen
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_scoring_binds_no_run(evol: Evol, server: FakeServer) -> None:
    """A folder in which only a scorer was asked may still be run with other settings."""
    seeds = evol.folder / "s.jsonl"
    seeds.write_text('{"id": "a", "instruction": "Say hi.", "output": "Hi."}\n')
    assert evol.run(seeds, "--generations", "0").returncode == 0
    assert evol.call("score").returncode == 0
    other = evol.run(seeds, "--generations", "1", "--random-seed", "7")
    assert other.returncode == 0, other.stderr
    refused = evol.run(seeds, "--generations", "1", "--random-seed", "8")
    assert refused.returncode == 7


def test_a_crash_between_the_two_files_is_mended(evol: Evol, server: FakeServer, run: Path) -> None:
    """With the new meta file beside the old scores, stats says what to do, and the same command does it for free."""
    assert evol.call("score", "--sample", "1").returncode == 0
    old = (run / "scores.jsonl").read_bytes()
    assert evol.call("score").returncode == 0
    new = (run / "scores.jsonl").read_bytes()
    (run / "scores.jsonl").write_bytes(old)
    shown = evol.call("stats")
    assert shown.returncode == 7
    assert "run `evol score` again" in shown.stderr
    server.forget()
    assert evol.call("score").returncode == 0
    assert not server.seen
    assert (run / "scores.jsonl").read_bytes() == new
