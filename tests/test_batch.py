from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import KEY, Evol, read_outputs, read_rows
from fake_batches import FakeBatch, FakeBatchServer
from fake_server import kind_of

QUICK = "[limits]\npoll = 0.12\n"


@pytest.fixture
def server() -> Iterator[FakeBatchServer]:
    """An endpoint that has a Batch API as well."""
    with FakeBatchServer(key=KEY) as running:
        yield running


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """A config that looks at batches at once."""
    path = tmp_path / "quick.toml"
    path.write_text(QUICK)
    return path


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder."""
    found: dict[str, Any] = orjson.loads((folder / "manifest.json").read_bytes())
    return found


def batch_records(folder: Path) -> list[dict[str, Any]]:
    """What the journal says of batches."""
    return [row for row in read_rows(folder / "journal.jsonl") if row["kind"] == "batch"]


def test_a_batch_run_makes_the_bytes_of_an_endpoint_run(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """The same replies give the same files, in about 3M + 1 batches, each request sent once; nothing is left behind."""
    seeds = write_seeds(40)
    assert evol.run(seeds, "--generations", "3", "--out", "calm").returncode == 0
    assert not server.batches
    done = evol.run(seeds, "--generations", "3", "--backend", "batch", "--config", quick, "--out", "batched")
    assert done.returncode == 0, done.stderr
    assert read_outputs(evol.folder / "batched") == read_outputs(evol.folder / "calm")
    assert 9 <= len(server.batches) <= 13
    assert set(server.asked.values()) == {1}
    assert not (evol.folder / "batched" / "batches").exists()
    assert manifest(evol.folder / "batched")["fingerprint"] == manifest(evol.folder / "calm")["fingerprint"]
    states = [record["state"] for record in batch_records(evol.folder / "batched")]
    assert states == ["intent", "created", "finished"] * len(server.batches)
    assert all(name.startswith("evol-") for name in server.names.values())
    assert evol.run(seeds, "--generations", "3", "--out", "batched").stdout.startswith("batched: already complete")


@pytest.mark.parametrize("fate", ["expired", "cancelled"])
def test_what_a_batch_did_not_answer_goes_into_the_next(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path, fate: str
) -> None:
    """Finished parts of expired and cancelled batches are used, the rest is sent again, and nothing is paid twice."""

    def plan(batch: FakeBatch, number: int) -> None:
        if number % 2 == 0:
            batch.fate, batch.share = fate, 0.6

    server.plan = plan
    seeds = write_seeds(20)
    done = evol.run(seeds, "--generations", "2", "--backend", "batch", "--config", quick)
    assert done.returncode == 0, done.stderr
    assert set(server.paid.values()) == {1}
    assert max(server.asked.values()) == 2
    assert f": {fate}, 12 answered, 8 failed" in done.stderr
    calls = manifest(evol.folder / "output")["calls"]
    assert sum(count["calls"] for count in calls.values()) == server.total
    assert sum(count["attempts"] for count in calls.values()) == sum(server.asked.values())
    assert evol.run(seeds, "--generations", "2", "--out", "calm").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")


Fault = tuple[int, dict[str, str], bytes]


def fault_by_draw(faults: list[Any]) -> Callable[[dict[str, Any], int], Any]:
    """Each fault strikes some requests, twice at most or for good; the same ones whoever asks."""

    def fault(body: dict[str, Any], times_seen: int) -> Any:
        draw = sum(orjson.dumps(body)) % 23
        if draw >= len(faults):
            return None
        found, times = faults[draw]
        return found if times_seen < times else None

    return fault


OVERFLOW: Fault = (400, {}, b'{"error":{"message":"too long","code":"context_length_exceeded"}}')
FILTERED: Fault = (400, {}, b'{"error":{"message":"no","code":"content_filter"}}')
LIMITED: Fault = (429, {}, b'{"error":{"message":"slow down"}}')
BROKEN: Fault = (500, {}, b'{"error":{"message":"oops"}}')


def test_faults_inside_a_batch_mean_what_they_mean_at_the_endpoint(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """Content filter, overflow, cut and empty replies, 429, 5xx and missing lines give the endpoint's bytes."""
    always = 99
    lasting: list[Any] = [(fault, always) for fault in (OVERFLOW, FILTERED, "cut", "null", "content_filter")]
    passing = [(LIMITED, 2), (BROKEN, 2), ("empty", 2), ("missing", 2)]
    seeds = write_seeds(60)
    server.fault = fault_by_draw(lasting)
    calm = evol.run(seeds, "--generations", "2", "--out", "calm")
    assert calm.returncode == 0, calm.stderr
    server.forget()
    server.fault = fault_by_draw(lasting + passing)
    done = evol.run(seeds, "--generations", "2", "--backend", "batch", "--config", quick)
    assert done.returncode == 0, done.stderr
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")
    reasons = (
        manifest(evol.folder / "output")["counts"][1]["eliminated"]
        | manifest(evol.folder / "output")["counts"][2]["eliminated"]
    )
    assert {"blocked", "too_long_for_model", "truncated"} <= reasons.keys()


def test_a_request_that_fails_again_and_again_is_given_up(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """429 in every batch ends with the lineage unfinished after three tries, exit 3; the same command tries again."""
    server.fault = lambda body, times: LIMITED if "item 3 of" in str(body) and kind_of(body) == "evolve" else None
    seeds = write_seeds(6)
    done = evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick)
    assert done.returncode == 3, done.stderr
    assert "gave up after 3 batches: HTTP 429: slow down" in done.stderr
    assert [count["unfinished"] for count in manifest(evol.folder / "output")["counts"]] == [0, 1]
    assert max(server.asked.values()) == 3
    server.fault = lambda body, times: None
    assert evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick).returncode == 0


def test_a_refused_request_concerns_its_lineage_alone(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """A 400 that is no outcome leaves one lineage unfinished, and is not asked again in the same run."""
    refusal: Fault = (400, {}, b'{"error":{"message":"odd prompt"}}')
    server.fault = lambda body, times: refusal if "item 3 of" in str(body) and kind_of(body) == "evolve" else None
    done = evol.run(write_seeds(6), "--generations", "1", "--backend", "batch", "--config", quick)
    assert done.returncode == 3, done.stderr
    assert "HTTP 400: odd prompt" in done.stderr
    assert set(server.asked.values()) == {1}


def test_when_all_requests_are_refused_the_settings_are_to_blame(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """Exit 5 with what the server said, and other settings may be used in the same folder."""
    server.fault = lambda body, times: (400, {}, b'{"error":{"message":"top_p is not known"}}')
    seeds = write_seeds(6)
    done = evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick)
    assert done.returncode == 5
    assert "every request was refused: HTTP 400: top_p is not known" in done.stderr
    assert not (evol.folder / "output").exists()
    server.fault = lambda body, times: None
    quick.write_text(QUICK + "[models.default.sampling]\ntop_p = false\n")
    assert evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick).returncode == 0


def test_failed_validation_is_one_sentence(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """A batch that the server does not take ends the run with exit 5, says why, and leaves nothing behind."""

    def plan(batch: FakeBatch, number: int) -> None:
        batch.fate, batch.error = "failed", ("model_not_found", "The model m is not there", 1)

    server.plan = plan
    seeds = write_seeds(6)
    done = evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick)
    assert done.returncode == 5
    assert "was not taken: line 1: The model m is not there (model_not_found)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (evol.folder / "output").exists()


def test_a_full_queue_means_smaller_batches_one_after_another(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """A service that holds only so many tokens gets batches that it can take, and nothing is asked twice at once."""

    def plan(batch: FakeBatch, number: int) -> None:
        busy = sum(len(one.lines) for one in server.batches.values() if one.state in ("validating", "in_progress"))
        if busy + len(batch.lines) > 5:
            batch.fate = "failed"
            batch.error = ("token_limit_exceeded", "Enqueued token limit reached for m", None)

    server.plan = plan
    seeds = write_seeds(16)
    done = evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick)
    assert done.returncode == 0, done.stderr
    assert "sent in smaller batches, one after another" in done.stderr
    assert max(len(batch.lines) for batch in server.batches.values() if batch.fate == "completed") <= 5
    assert set(server.paid.values()) == {1}
    calls = manifest(evol.folder / "output")["calls"]
    assert sum(count["attempts"] for count in calls.values()) == server.total


def test_bad_key_and_missing_api(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """A wrong key, a server without a Batch API, and no server at all end with exit 5 and no folder."""
    arguments: list[str | Path] = [write_seeds(4), "--backend", "batch", "--config", quick]
    wrong = evol.run(*arguments, OPENAI_API_KEY="sk-wrong-key-0815")
    assert (wrong.returncode, "HTTP 401" in wrong.stderr) == (5, True)
    assert "sk-wrong" not in wrong.stderr
    server.has_batches = False
    missing = evol.run(*arguments)
    assert (missing.returncode, "may have no Batch API" in missing.stderr) == (5, True)
    nobody = evol.call("run", *arguments, "--model", "m", "--base-url", "http://127.0.0.1:9/v1")
    assert (nobody.returncode, "cannot connect" in nobody.stderr) == (5, True)
    local = evol.call("run", *arguments)
    assert (local.returncode, "cannot go through batches without an endpoint" in local.stderr) == (2, True)
    odd = evol.run(*arguments[:2], "post")
    assert odd.returncode == 2
    assert not (evol.folder / "output").exists()


def test_a_server_that_fumbles_is_asked_again_and_never_pays_twice(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """5xx at every step is tried again; a batch whose creation was not confirmed is found, not created twice."""
    server.event = lambda name, times: 502 if times % 3 == 0 else None
    seeds = write_seeds(10)
    done = evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick)
    assert done.returncode == 0, done.stderr
    assert set(server.asked.values()) == {1}
    assert server.events["list"] > 0
    assert "tried again in" in done.stderr


def test_results_that_nobody_asked_for_are_passed_over(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """Unknown ids, doubled lines, garbage and a torn line do no harm; what is missing is asked again."""
    edited: list[str] = []

    def edit(content: bytes, kind: str) -> bytes:
        lines = content.splitlines(keepends=True)
        edited.append(kind)
        foreign = lines[0].replace(orjson.loads(lines[0])["custom_id"].encode(), b"f" * 64)
        torn = lines[-1][: len(lines[-1]) // 2] if len(edited) == 1 else lines[-1]
        return b"".join([foreign, b"nonsense\n", lines[0], *lines[:-1], torn])

    server.edit = edit
    seeds = write_seeds(6)
    done = evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick)
    assert done.returncode == 0, done.stderr
    assert "a result that nobody asked for" in done.stderr
    assert "a second result of one request" in done.stderr
    assert "no result (not valid JSON)" in done.stderr
    server.edit = lambda content, kind: content
    assert evol.run(seeds, "--generations", "1", "--out", "calm").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")


def test_either_backend_goes_on_where_the_other_stopped(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """The backend is no part of a folder's settings; nothing is asked twice."""
    seeds = write_seeds(12)
    batch: list[str | Path] = ["--backend", "batch", "--config", quick]
    for out, first, second in (("one", [], batch), ("two", batch, [])):
        server.forget()
        server.batches.clear()
        assert evol.run(seeds, "--generations", "1", "--out", out, *first).returncode == 0
        assert evol.run(seeds, "--generations", "2", "--out", out, *second).returncode == 0
        calls = manifest(evol.folder / out)["calls"]
        assert sum(count["attempts"] for count in calls.values()) == server.total
    assert read_outputs(evol.folder / "one") == read_outputs(evol.folder / "two")


PRICED = (
    QUICK
    + """
[models.default.price]
input = 2.0
output = 8.0
batch_input = 1.0
batch_output = 4.0
"""
)


def test_money_is_counted_at_what_it_cost(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """Calls of batches cost the batch's price, others the full one, in one folder, in the manifest and in stats."""
    quick.write_text(PRICED)
    seeds = write_seeds(10)
    assert evol.run(seeds, "--generations", "1", "--config", quick).returncode == 0
    full = manifest(evol.folder / "output")["calls"]
    assert evol.run(seeds, "--generations", "2", "--config", quick, "--backend", "batch").returncode == 0
    both = manifest(evol.folder / "output")["calls"]
    for role, before in full.items():
        after = both[role]
        inputs = after["batch_input_tokens"], after["input_tokens"] - after["batch_input_tokens"]
        outputs = after["batch_output_tokens"], after["output_tokens"] - after["batch_output_tokens"]
        assert (inputs[1], outputs[1]) == (before["input_tokens"], before["output_tokens"])
        assert inputs[0] > 0
        cost = (inputs[0] * 1.0 + inputs[1] * 2.0 + outputs[0] * 4.0 + outputs[1] * 8.0) / 1e6
        assert after["cost"] == pytest.approx(cost, abs=2e-6)
    total = sum(count["cost"] for count in both.values())
    assert orjson.loads(evol.call("stats", "--json").stdout)[0]["cost"] == pytest.approx(total)
    assert orjson.loads(evol.call("status", "--json").stdout)["cost"] == pytest.approx(total)
    other = evol.run(seeds, "--generations", "1", "--config", quick, "--backend", "batch", "--out", "half")
    assert other.returncode == 0
    half = manifest(evol.folder / "half")["calls"]
    costs = [sum(count["cost"] for count in calls.values()) for calls in (half, full)]
    assert costs[0] == pytest.approx(costs[1] / 2, abs=5e-6)


@pytest.mark.parametrize("limit", [("--max-calls", "25"), ("--max-cost", "0.02"), ("--max-tokens", "15000")])
def test_a_budget_ends_the_run_when_what_it_allows_has_come_back(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path, limit: tuple[str, str]
) -> None:
    """Exit 4 with the replies used that the budget allowed; never more requests; a larger limit goes on."""
    quick.write_text(PRICED)
    seeds = write_seeds(12)
    arguments: list[str | Path] = [seeds, "--generations", "2", "--config", quick, "--backend", "batch"]
    first = evol.run(*arguments, *limit)
    assert first.returncode == 4, first.stderr
    calls = manifest(evol.folder / "output")["calls"]
    asked = sum(server.asked.values())
    assert 0 < asked == sum(count["attempts"] for count in calls.values())
    if limit[0] == "--max-calls":
        assert asked == 25
    if limit[0] == "--max-cost":
        assert sum(count["cost"] for count in calls.values()) <= 0.02
    assert evol.run(*arguments).returncode == 0
    assert set(server.asked.values()) == {1}
    assert evol.run(seeds, "--generations", "2", "--out", "calm").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")


def test_no_budget_at_all(evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path) -> None:
    """`--max-calls 0` sends nothing."""
    done = evol.run(write_seeds(3), "--backend", "batch", "--config", quick, "--max-calls", "0")
    assert done.returncode == 4
    assert not server.files


def test_a_small_window_takes_more_batches(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """No batch is larger than the window; lineages follow one another; the bytes are the same."""
    quick.write_text(QUICK + "batch_window = 7\n")
    seeds = write_seeds(20)
    assert evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick).returncode == 0
    assert max(len(batch.lines) for batch in server.batches.values()) == 7
    assert evol.run(seeds, "--generations", "1", "--out", "calm").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")


def test_a_batch_may_be_asked_by_some_roles_only(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """With the judge at the endpoint two batches a generation are enough; it is asked in between, one by one."""
    quick.write_text(
        QUICK + f'[models.default]\nmodel = "m"\nbase_url = "{evol.url}"\nbackend = "batch"\n'
        '[models.judge]\nbackend = "endpoint"\n'
    )
    seeds = write_seeds(20)
    shown = evol.call("run", seeds, "--generations", "2", "--config", quick, "--dry-run")
    assert "batches   about 5 follow one another, of at most 20 requests each" in shown.stdout
    done = evol.call("run", seeds, "--generations", "2", "--config", quick)
    assert done.returncode == 0, done.stderr
    assert len(server.batches) <= 5
    kinds = {kind_of(line["body"]) for batch in server.batches.values() for line in batch.lines}
    assert kinds == {"evolve", "respond"}
    assert evol.run(seeds, "--generations", "2", "--out", "calm").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")


def test_a_dry_run_tells_batches_and_their_price(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """3M + 1 batches follow one another, more where there are more seeds than are open at once; at half the price."""
    write_seeds(30)
    arguments = ["run", "seeds.jsonl", "--model", "gpt-4o-mini", "--base-url", "https://api.openai.com/v1", "--dry-run"]
    full = orjson.loads(evol.call(*arguments, "--json").stdout)
    half = orjson.loads(evol.call(*arguments, "--json", "--backend", "batch").stdout)
    assert (full["batches"], half["batches"]) == (0, 13)
    assert half["estimate"]["cost"] == pytest.approx(full["estimate"]["cost"] / 2)
    assert half["estimate"]["most_cost"] == pytest.approx(full["estimate"]["most_cost"] / 2)
    (evol.folder / "window.toml").write_text("[limits]\nbatch_window = 10\n")
    text = evol.call(*arguments, "--backend", "batch", "--config", "window.toml").stdout
    assert "batches   about 39 follow one another, of at most 10 requests each" in text
    assert not (evol.folder / "output").exists()


def test_scoring_goes_by_batch_only_where_its_own_table_says_so(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """`evol score` after a batch run answers today; with `backend` in its table it waits like the run."""
    seeds = write_seeds(5)
    assert evol.run(seeds, "--generations", "1", "--backend", "batch", "--config", quick).returncode == 0
    before = len(server.batches)
    scored = evol.invoke(["score", "output", "--sample", "2"])
    assert scored.returncode == 0, scored.stderr
    assert len(server.batches) == before
    quick.write_text(QUICK + f'[models.scorer]\nmodel = "m"\nbase_url = "{evol.url}"\nbackend = "batch"\n')
    done = evol.call("score", "output", "--config", quick)
    assert done.returncode == 0, done.stderr
    assert len(server.batches) == before + 1
    assert set(server.asked.values()) == {1}


def test_a_run_tells_whose_batch_is_out(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """Where ratings are out, a run that would grow says that `evol score` picks them up; after that it goes on."""
    seeds = write_seeds(3)
    assert evol.run(seeds, "--generations", "1").returncode == 0
    quick.write_text(QUICK + f'[models.scorer]\nmodel = "r"\nbase_url = "{evol.url}"\nbackend = "batch"\n')
    server.event = lambda name, times: 401 if name == "look" else None
    assert evol.call("score", "output", "--config", quick).returncode == 5
    assert evol.run(seeds, "--generations", "1").stdout.startswith("output: already complete")
    refused = evol.run(seeds, "--generations", "2")
    assert refused.returncode == 2, refused.stderr
    assert "go on with the same `evol score` that sent them" in refused.stderr
    server.event = lambda name, times: None
    assert evol.call("score", "output", "--config", quick).returncode == 0
    assert evol.run(seeds, "--generations", "2").returncode == 0
    assert set(server.asked.values()) == {1}


def test_the_key_is_written_nowhere(
    evol: Evol, server: FakeBatchServer, write_seeds: Callable[..., Path], quick: Path
) -> None:
    """Also a server that repeats it in refusals, in a batch or of one, does not bring it into files or messages."""
    quoting: Fault = (400, {}, orjson.dumps({"error": {"message": f"no, {KEY}"}}))
    server.fault = lambda body, times: quoting if "item 1 of" in str(body) else None
    done = evol.run(write_seeds(3), "--generations", "1", "--backend", "batch", "--config", quick)
    assert done.returncode == 3
    assert "no, [key]" in done.stderr

    def plan(batch: FakeBatch, number: int) -> None:
        batch.fate, batch.error = "failed", ("bad", f"what is {KEY}", None)

    server.plan = plan
    failed = evol.run(write_seeds(4), "--generations", "1", "--backend", "batch", "--config", quick)
    assert (failed.returncode, "what is [key]" in failed.stderr) == (5, True)
    written = b"".join(path.read_bytes() for path in (evol.folder / "output").rglob("*") if path.is_file())
    assert KEY.encode() not in written
    assert KEY not in done.stderr + failed.stderr + done.stdout + failed.stdout


def test_the_server_of_these_tests_speaks_as_the_real_one(server: FakeBatchServer) -> None:
    """OpenAI's own SDK uploads, creates, looks, lists and fetches against it, so that evol is not tested on a fancy."""
    import openai

    client = openai.OpenAI(api_key=KEY, base_url=server.url, max_retries=0)
    body = {"model": "m", "messages": [{"role": "user", "content": "Say why."}]}
    line = {"custom_id": "k", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = client.files.create(file=("x.jsonl", orjson.dumps(line) + b"\n"), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"team": "x"}
    )
    assert (batch.status, batch.metadata) == ("validating", {"team": "x"})
    while batch.status != "completed":
        batch = client.batches.retrieve(batch.id)
    assert [one.id for one in client.batches.list(limit=100)] == [batch.id]
    assert batch.output_file_id is not None
    assert batch.request_counts is not None
    assert batch.request_counts.completed == 1
    [result] = [orjson.loads(line) for line in client.files.content(batch.output_file_id).content.splitlines()]
    assert (result["custom_id"], result["response"]["status_code"], result["error"]) == ("k", 200, None)
    client.close()


def test_one_endpoint_takes_batches(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Several base URLs and batches do not go together: one sentence, before anything is sent."""
    refused = evol.run(write_seeds(3), "--backend", "batch", "--base-url", "http://127.0.0.1:9/v1")
    assert refused.returncode == 2
    assert "goes through batches, which one endpoint takes" in refused.stderr
