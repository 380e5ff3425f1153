"""Budgets and rates of the real command against a real socket."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Evol, read_outputs, read_rows
from fake_server import FakeServer

PRICED = "[models.default]\nprice = { input = 10.0, output = 100.0 }\n[models.default.sampling]\nmax_tokens = 50\n"


def spent(folder: Path) -> tuple[int, float, int]:
    """Requests, USD and tokens by the journal."""
    records = [record for record in read_rows(folder / "journal.jsonl") if record["kind"] in ("call", "failure")]
    inputs = sum(max(0, int(str(record["input_tokens"]))) for record in records)
    outputs = sum(max(0, int(str(record["output_tokens"]))) for record in records)
    return len(records), (inputs * 10 + outputs * 100) / 1e6, inputs + outputs


@pytest.mark.parametrize(("flag", "small"), [("--max-cost", 0.5), ("--max-tokens", 30_000), ("--max-calls", 40)])
def test_a_budget_is_never_exceeded_and_a_larger_one_goes_on(
    evol: Evol, write_seeds: Callable[..., Path], flag: str, small: float
) -> None:
    """Exit 4 with outputs written; nothing over the limit; the same command with a larger limit finishes the job."""
    seeds = write_seeds(20)
    config = evol.folder / "c.toml"
    config.write_text(PRICED)
    arguments = (seeds, "--config", config, "--generations", "2", "--concurrency", "8")
    whole = evol.run(*arguments, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    stopped = evol.run(*arguments, flag, str(small))
    assert stopped.returncode == 4, stopped.stderr
    assert f"{flag} {small:g}" in stopped.stderr
    requests, cost, tokens = spent(evol.folder / "output")
    used = {"--max-cost": cost, "--max-tokens": tokens, "--max-calls": requests}[flag]
    assert 0.7 * small <= used <= small
    assert (evol.folder / "output" / "generation-0.jsonl").exists()
    again = evol.run(*arguments, flag, str(small))
    assert again.returncode == 4
    assert spent(evol.folder / "output")[0] - requests <= 8  # what room was left, in smaller calls
    done = evol.run(*arguments, flag, str(small * 100))
    assert done.returncode == 0, done.stderr
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "whole")


def test_a_budget_below_one_call_sends_nothing(evol: Evol, server: FakeServer) -> None:
    """It ends at once, and the sentence says what one call may cost."""
    config = evol.folder / "c.toml"
    config.write_text(PRICED)
    found = evol.run("--config", config, "--limit", "2", "--max-cost", "0.000001")
    assert found.returncode == 4
    assert "one more may cost $" in found.stderr
    assert not server.seen


def test_an_unknown_price_refuses_a_limit_on_money(evol: Evol, server: FakeServer) -> None:
    """Nothing is sent where the limit could not be kept; without the limit the cost is called unknown, never zero."""
    refused = evol.run("--limit", "2", "--max-cost", "1")
    assert refused.returncode == 2
    assert "the price of m (evolver) is unknown" in refused.stderr
    assert not server.seen
    done = evol.run("--limit", "2", "--generations", "1")
    assert "cost unknown" in done.stdout
    stats = json.loads(evol.call("stats", "--json").stdout)[0]
    assert [count["cost"] for count in stats["calls"].values()] == [None, None, None]


def test_replies_without_a_bound_refuse_a_limit_on_tokens(evol: Evol, server: FakeServer) -> None:
    """Where requests set no max_tokens there is no worst case."""
    config = evol.folder / "c.toml"
    config.write_text("[models.default.sampling]\nmax_tokens = false\n")
    refused = evol.run("--config", config, "--limit", "2", "--max-tokens", "1000")
    assert refused.returncode == 2
    assert "set no max_tokens" in refused.stderr
    assert not server.seen


def test_cost_and_estimate_are_shown(evol: Evol) -> None:
    """Plan, summary and stats give the same price, and the estimate stands beside the fact."""
    config = evol.folder / "c.toml"
    config.write_text(PRICED)
    arguments = ("--config", config, "--limit", "4", "--generations", "2")
    plan = evol.run(*arguments, "--dry-run", "--json")
    estimate: dict[str, Any] = json.loads(plan.stdout)["estimate"]
    assert 0 < estimate["cost"] < estimate["most_cost"]
    done = evol.run(*arguments)
    assert "expected were" in done.stdout
    stats = json.loads(evol.call("stats", "--json").stdout)[0]
    assert stats["estimate"] == estimate
    assert sum(count["cost"] for count in stats["calls"].values()) == pytest.approx(spent(evol.folder / "output")[1])


def test_calls_without_usage_are_estimated(evol: Evol, server: FakeServer) -> None:
    """A server that tells no usage does not run for free."""
    server.usage = False
    config = evol.folder / "c.toml"
    config.write_text(PRICED)
    stopped = evol.run("--config", config, "--limit", "12", "--max-cost", "0.2", "--concurrency", "2")
    assert stopped.returncode == 4
    stats = json.loads(evol.call("stats", "--json").stdout)[0]
    assert 0.1 < sum(count["cost"] for count in stats["calls"].values()) <= 0.2


def test_requests_a_minute(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """`--rpm` spaces the requests out."""
    begun = time.monotonic()
    done = evol.run(write_seeds(10), "--generations", "1", "--rpm", "600")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun >= 0.8 * sum(server.seen.values()) / 10


def test_a_refusing_server_is_told_of(evol: Evol, server: FakeServer) -> None:
    """A server that always says 429 ends with exit 5 and one sentence; an absurd header is named."""
    server.fault = lambda body, seen: (429, {"Retry-After": "-7"}, b'{"error":{"message":"slow down"}}')
    config = evol.folder / "c.toml"
    config.write_text("[limits]\ngive_up_after = 2\nretry_for = 60\n")
    found = evol.run("--config", config, "--limit", "3")
    assert found.returncode == 5
    assert "Retry-After: -7" in found.stderr
    assert "HTTP 429: slow down" in found.stderr.splitlines()[-1]


def test_the_found_concurrency_is_kept(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """`auto` stands in the journal with its reasons; stats shows the curve, a resumed run begins where it ended."""
    server.latency = lambda body: 0.01
    seeds = write_seeds(60)
    assert evol.run(seeds, "--generations", "2").returncode == 0
    before = json.loads(evol.call("stats", "--json").stdout)[0]["throttle"]
    assert before[0]["reason"] == "slow start"
    assert before[-1]["reason"] == "end of the run"
    assert "calls in flight at m at" in evol.call("stats").stdout
    assert evol.run(seeds, "--generations", "3").returncode == 0
    after = json.loads(evol.call("stats", "--json").stdout)[0]["throttle"][len(before) :]
    assert (after[0]["reason"], after[0]["limit"]) == ("as an earlier run found it", before[-1]["limit"])
