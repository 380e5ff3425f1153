from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Evol, read_outputs, read_rows
from evol.batchfiles import (
    format_call,
    format_request,
    interpret,
    is_same_model,
    parse_call,
    parse_result,
    split,
    to_request_line,
)
from evol.checks import check_again
from evol.errors import CallRejected, EmptyReplyError, EndpointError, TransientCallError
from evol.journal import Journal
from evol.records import Completion, CompletionRequest
from evol.waves import write_wave
from fake_server import FakeServer, reply_to

LINES = st.text(st.characters(exclude_categories=["Cs"]))


@given(LINES, LINES)
def test_a_request_comes_back_from_its_file_as_it_was(seed_id: str, text: str) -> None:
    """Whatever stands in ids and prompts, the stored request and its key are the same bytes."""
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": text}]})
    request = CompletionRequest(seed_id, 3, "judge", 2, body, 7)
    line = format_call(request) + b"\n"
    assert parse_call(line) == request
    assert to_request_line(line) == format_request(request.key, body) + b"\n"
    sent = orjson.loads(to_request_line(line))
    assert sent == {
        "custom_id": request.key,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": orjson.loads(body),
    }


@given(st.lists(st.integers(1, 50)), st.integers(1, 5), st.integers(10, 60))
def test_batches_keep_both_limits_and_lose_nothing(sizes: list[int], most: int, most_bytes: int) -> None:
    """Requests are placed in order; only one that is too large by itself exceeds the bytes, alone."""
    counts = list(split(sizes, most, most_bytes))
    assert sum(counts) == len(sizes)
    begin = 0
    for count in counts:
        part = sizes[begin : begin + count]
        assert 1 <= count <= most
        assert sum(part) <= most_bytes or count == 1
        begin += count


def result(**found: Any) -> bytes:
    """A line that comes back."""
    return orjson.dumps({"id": "r", "custom_id": "k", **found})


def reply(content: str | None, finish: str = "stop") -> dict[str, Any]:
    """A response with a chat completion."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}
    return {"status_code": 200, "request_id": "q", "body": {"model": "m", "choices": [choice]}}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (result(response=reply("Yes."), error=None), Completion("Yes.", "stop")),
        (result(response=reply(None, "content_filter"), error=None), Completion("", "content_filter")),
        (result(response=reply("\\ud800"), error=None).replace(b"\\\\", b"\\"), Completion("?", "stop")),
        (
            result(response={"status_code": 400, "request_id": "q", "body": {"error": {"code": "content_filter"}}}),
            Completion("", "content_filter"),
        ),
        (  # vLLM: the body is null, the error beside it is an object
            result(
                response={"status_code": 400, "request_id": "q", "body": None},
                error={"error": {"message": "This model's maximum context length is 4096 tokens", "code": 400}},
            ),
            Completion("", "context_overflow"),
        ),
        (  # vLLM before 0.10: flat
            result(
                response={"status_code": 400, "request_id": "q", "body": None},
                error={"object": "error", "message": "maximum context length is 4096", "type": "BadRequestError"},
            ),
            Completion("", "context_overflow"),
        ),
    ],
)
def test_results_that_are_outcomes(line: bytes, expected: Completion) -> None:
    """Replies, filtered and too long requests, in the shapes of OpenAI and of vLLM."""
    assert interpret(parse_result(line), "here") == expected


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        (
            result(response=None, error={"code": "batch_expired", "message": "late"}),
            TransientCallError,
            "batch_expired",
        ),
        (result(response={"status_code": 429, "body": {"error": {"message": "slow"}}}), TransientCallError, "slow"),
        (result(response={"status_code": 500, "body": None}, error="engine died"), TransientCallError, "engine died"),
        (result(response={"body": None}, error="engine died"), TransientCallError, "engine died"),
        (result(response={"status_code": 200, "body": None}, error=None), TransientCallError, "no choices"),
        (result(response=reply(None)), EmptyReplyError, "no content"),
        (result(response={"status_code": 400, "body": {"error": {"message": "odd"}}}), CallRejected, "HTTP 400: odd"),
        (
            result(response={"status_code": 400, "body": None}, error="Request must not be sent in stream mode"),
            CallRejected,
            "stream mode",
        ),
        (result(response={"status_code": 401, "body": {"error": {"message": "key"}}}), EndpointError, "401"),
        (
            result(response={"status_code": 429, "body": {"error": {"code": "insufficient_quota"}}}),
            EndpointError,
            "429",
        ),
    ],
)
def test_results_that_are_none(line: bytes, error: type[Exception], words: str) -> None:
    """What failed in a batch is told apart as it is at the endpoint."""
    with pytest.raises(error, match=words):
        interpret(parse_result(line), "here")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense", "not valid JSON"),
        (b"[1]", "not an object"),
        (b'{"custom_id":""}', "no custom_id"),
        (b'{"custom_id":5,"response":{}}', "no custom_id"),
        (b'{"custom_id":"k"}', "neither response nor error"),
        (b'{"custom_id":"k","url":"/v1","body":{}}', "a request, not a result"),
        (b'{"custom_id":"k","response":5}', "the response is no object"),
        (b'{"custom_id":"k","response":{"status_code":"ok"}}', "no HTTP status"),
    ],
)
def test_lines_that_are_no_results(line: bytes, words: str) -> None:
    """Says in a few words what is wrong."""
    with pytest.raises(ValueError, match=words):
        parse_result(line)


@pytest.mark.parametrize(
    ("asked", "told", "same"),
    [
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18", True),
        ("gpt-4o-mini", "", True),
        ("meta-llama/Llama-3", "llama-3", True),
        ("/models/llama", "llama", True),
        ("m", "m@2024", True),
        ("gpt-4o", "gpt-3.5-turbo", False),
        ("llama-3", "llama-31", False),
    ],
)
def test_names_of_the_same_model(asked: str, told: str, same: bool) -> None:
    """A date, a path or another case is no other model."""
    assert is_same_model(asked, told) is same


def run_batch(requests: Path, results: Path, reply: Callable[[dict[str, Any]], str] = reply_to) -> None:
    """What `vllm run-batch -i … -o …` does, with the fake server's replies: results in its shape, its order."""
    lines = []
    for row in read_rows(requests):
        assert list(row) == ["custom_id", "method", "url", "body"]
        body: Any = row["body"]
        completion = FakeServer().complete(body, reply(body))
        response = {"status_code": 200, "request_id": "vllm-batch-0", "body": completion}
        lines.append({"id": "vllm-0", "custom_id": row["custom_id"], "response": response, "error": None})
    results.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))


BEGIN = ["--seeds", "seeds.jsonl", "--model", "m", "--generations", "2"]


def test_waves_of_files_make_the_bytes_of_an_endpoint_run(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Export, answer, import until nothing waits: the files of an endpoint run, without a network or a key."""
    seeds = write_seeds(30)
    assert evol.run(seeds, "--generations", "2", "--out", "calm").returncode == 0
    begun = evol.call("export-batch", "output", *BEGIN)
    assert begun.returncode == 0, begun.stderr
    assert begun.stdout == "wave.jsonl: 30 requests to m\n"
    waves = 1
    while (evol.folder / "wave.jsonl").exists():
        run_batch(evol.folder / "wave.jsonl", evol.folder / "result.jsonl")
        (evol.folder / "wave.jsonl").unlink()
        imported = evol.call("import-batch", "output", "result.jsonl")
        assert imported.returncode == 0, imported.stderr
        again = evol.call("import-batch", "output", "result.jsonl", "--json")
        assert orjson.loads(again.stdout)["imported"] == 0
        exported = evol.call("export-batch", "output")
        assert exported.returncode == 0, exported.stderr
        waves += 1
    assert "complete, nothing waits" in exported.stderr
    assert 5 <= waves <= 10
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")
    assert orjson.loads(evol.call("status", "--json").stdout)["state"] == "done"
    assert evol.call("merge").returncode == 0
    assert evol.run(seeds, "--generations", "2").stdout.startswith("output: already complete")


def test_each_model_has_files_of_its_own(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Roles with different models go into different files; those of an earlier, larger wave do not stay."""
    write_seeds(5)
    (evol.folder / "roles.toml").write_text(
        '[models.default]\nmodel = "big"\n[models.judge]\nmodel = "small"\n[models.responder]\nmodel = "small"\n'
    )
    begun = evol.call("export-batch", "output", "--seeds", "seeds.jsonl", "--config", "roles.toml", "--json")
    assert orjson.loads(begun.stdout) == [{"file": "wave.jsonl", "model": "small", "requests": 5}]
    run_batch(evol.folder / "wave.jsonl", evol.folder / "result.jsonl")
    part = (evol.folder / "result.jsonl").read_bytes().splitlines(keepends=True)
    (evol.folder / "result.jsonl").write_bytes(b"".join(part[:3]))
    assert "2 lineages" not in evol.call("import-batch", "output", "result.jsonl").stdout
    second = evol.call("export-batch", "output")
    assert second.stdout == "wave.jsonl: 3 requests to big\nwave.2.jsonl: 2 requests to small\n"
    (evol.folder / "result.jsonl").write_bytes(b"".join(part))
    assert evol.call("import-batch", "output", "result.jsonl").stdout.startswith("output: 2 results imported, 3 known")
    assert evol.call("export-batch", "output").stdout == "wave.jsonl: 5 requests to big\n"
    assert not (evol.folder / "wave.2.jsonl").exists()


def test_a_large_wave_is_several_files(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """No file exceeds a limit, none overlaps, together they hold the wave in the order of the seeds."""
    write_seeds(8)
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    whole = (evol.folder / "wave.jsonl").read_bytes()
    checked = check_again(evol.folder / "output")
    out = evol.folder / "part.jsonl"
    with Journal.open_for_reading(evol.folder / "output") as journal:
        files = write_wave(checked, journal, out, most_requests=3)
        assert [(file.path.name, file.requests) for file in files] == [
            ("part.jsonl", 3),
            ("part.2.jsonl", 3),
            ("part.3.jsonl", 2),
        ]
        assert b"".join(file.path.read_bytes() for file in files) == whole
        by_bytes = write_wave(checked, journal, out, most_bytes=len(whole) // 2 + 10)
        assert len(by_bytes) == 2
        assert all(file.path.stat().st_size <= len(whole) // 2 + 10 for file in by_bytes)
    assert not (evol.folder / "part.3.jsonl").exists()


def test_failed_results_are_asked_again(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Errors of single requests are counted, told with their place, exit 3, and stand in the next export."""
    write_seeds(4)
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    run_batch(evol.folder / "wave.jsonl", evol.folder / "result.jsonl")
    lines = read_rows(evol.folder / "result.jsonl")
    lines[1]["response"] = {"status_code": 500, "request_id": "v", "body": None}
    lines[1]["error"] = {"error": {"message": "engine died", "code": 500}}
    (evol.folder / "result.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    first = evol.call("import-batch", "output", "result.jsonl")
    assert first.returncode == 3
    assert "1 without an outcome" in first.stderr
    assert "result.jsonl:2: HTTP 500: engine died" in first.stderr
    assert evol.call("export-batch", "output").stdout == "wave.jsonl: 4 requests to m\n"
    asked = [row["custom_id"] for row in read_rows(evol.folder / "wave.jsonl")]
    assert lines[1]["custom_id"] in asked


def spoil_unknown(lines: list[bytes]) -> list[bytes]:
    """A result of somebody else's request."""
    return [*lines, orjson.dumps(orjson.loads(lines[0]) | {"custom_id": "request-1"}) + b"\n"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_unknown, "result.jsonl:5: nobody waits for custom_id 'request-1'"),
        (lambda lines: [*lines, lines[1]], "result.jsonl:5: custom_id '"),
        (lambda lines: [*lines, lines[1]], "stands already at result.jsonl:2"),
        (lambda lines: [*lines[:-1], lines[-1][:90]], "result.jsonl:4: the line is cut off"),
        (lambda lines: [lines[0], b"{}\n", *lines[2:]], "result.jsonl:2: no result of a batch (no custom_id)"),
        (lambda lines: [lines[0], lines[1].replace(b'"m"', b'"n"')], "result.jsonl:2: the reply is of model 'n'"),
        (lambda lines: [b"\xff\xfe\n"], "result.jsonl:1: no result of a batch (not valid JSON)"),
    ],
)
def test_bad_results_are_one_sentence_and_import_nothing(
    evol: Evol,
    write_seeds: Callable[..., Path],
    spoil: Callable[[list[bytes]], list[bytes]],
    words: str,
) -> None:
    """File, line and what to do; the folder is as before, also where good lines stand before the bad one."""
    write_seeds(4)
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    run_batch(evol.folder / "wave.jsonl", evol.folder / "result.jsonl")
    good = (evol.folder / "result.jsonl").read_bytes().splitlines(keepends=True)
    (evol.folder / "result.jsonl").write_bytes(b"".join(spoil(good)))
    before = {path.name: path.read_bytes() for path in (evol.folder / "output").iterdir() if path.is_file()}
    refused = evol.call("import-batch", "output", "result.jsonl")
    assert refused.returncode == 2, refused.stderr
    assert words in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in (evol.folder / "output").iterdir() if path.is_file()} == before


def test_any_model_may_be_allowed(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Servers that tell another name can be imported from, when the user says so."""
    write_seeds(2)
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    run_batch(evol.folder / "wave.jsonl", evol.folder / "result.jsonl")
    path = evol.folder / "result.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"model":"m"', b'"model":"served"'))
    assert evol.call("import-batch", "output", "result.jsonl").returncode == 2
    assert evol.call("import-batch", "output", "result.jsonl", "--any-model").returncode == 0


def test_bad_use_of_export_and_import(evol: Evol, write_seeds: Callable[..., Path], server: FakeServer) -> None:
    """A file in the way, no model, no run, other settings, a missing file: one sentence, nothing written."""
    write_seeds(3)
    no_model = evol.call("export-batch", "output", "--seeds", "seeds.jsonl")
    assert (no_model.returncode, "by its name" in no_model.stderr) == (2, True)
    no_run = evol.call("import-batch", "nowhere", "seeds.jsonl")
    assert (no_run.returncode, "not the folder of a run" in no_run.stderr) == (7, True)
    in_the_way = evol.call("export-batch", "output", *BEGIN, "--out", "seeds.jsonl")
    assert (in_the_way.returncode, "evol did not write it" in in_the_way.stderr) == (2, True)
    no_folder = evol.call("export-batch", "output", *BEGIN, "--out", "no/wave.jsonl")
    assert (no_folder.returncode, "no such folder" in no_folder.stderr) == (2, True)
    assert not (evol.folder / "output").exists()
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    missing = evol.call("import-batch", "output", "nothing.jsonl")
    assert (missing.returncode, "no such file" in missing.stderr) == (2, True)
    requests = evol.call("import-batch", "output", "wave.jsonl")
    assert "wave.jsonl:1: no result of a batch (a request, not a result)" in requests.stderr
    assert evol.call("status", "seeds.jsonl").returncode == 7
    assert not server.seen


def test_export_and_import_leave_a_folder_in_use_alone(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """While another process holds the folder: exit 6."""
    write_seeds(3)
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    code = "import fcntl,sys,time; f=open(sys.argv[1],'a'); fcntl.flock(f,2); print('held',flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, str(evol.folder / "output" / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert evol.call("export-batch", "output").returncode == 6
        assert evol.call("import-batch", "output", "wave.jsonl").returncode == 6
        holder.kill()


def test_an_endpoint_goes_on_where_files_stopped(
    evol: Evol, write_seeds: Callable[..., Path], server: FakeServer
) -> None:
    """A folder begun with files can be finished by `evol run`; what was imported is not asked again."""
    seeds = write_seeds(8)
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    run_batch(evol.folder / "wave.jsonl", evol.folder / "result.jsonl")
    assert evol.call("import-batch", "output", "result.jsonl").returncode == 0
    assert evol.run(seeds, "--generations", "2").returncode == 0
    calls = orjson.loads((evol.folder / "output" / "manifest.json").read_bytes())["calls"]
    assert sum(count["calls"] for count in calls.values()) == server.total + 8
    assert evol.run(seeds, "--generations", "2", "--out", "calm").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")


def answer_waves(evol: Evol) -> None:
    """Answer and import, export and so on, until nothing waits."""
    for _ in range(20):
        run_batch(evol.folder / "wave.jsonl", evol.folder / "result.jsonl")
        assert evol.call("import-batch", "output", "result.jsonl").returncode == 0
        exported = evol.call("export-batch", "output")
        assert exported.returncode == 0, exported.stderr
        if not exported.stdout:
            return
    raise AssertionError


def test_a_folder_grows_by_one_flag(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """`export-batch RUN --generations 2` keeps the folder's model, seeds and pack; the last wave does not stay."""
    seeds = write_seeds(4)
    begun = evol.call("export-batch", "output", "--seeds", "seeds.jsonl", "--model", "m", "--generations", "1")
    assert begun.returncode == 0, begun.stderr
    answer_waves(evol)
    assert not (evol.folder / "wave.jsonl").exists()
    grown = evol.call("export-batch", "output", "--generations", "2")
    assert (grown.returncode, grown.stdout) == (0, "wave.jsonl: 4 requests to m\n"), grown.stderr
    answer_waves(evol)
    assert evol.run(seeds, "--generations", "2", "--out", "calm").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "calm")
    impossible = evol.call("export-batch", "output", "--generations", "-1")
    assert (impossible.returncode, "generations" in impossible.stderr) == (2, True)
    other = evol.call("export-batch", "output", "--random-seed", "1")
    assert (other.returncode, "random_seed was 0, now 1" in other.stderr) == (7, True)


def test_a_wave_that_waits_stays(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Another folder that is complete does not remove a wave whose results nobody has imported."""
    write_seeds(2)
    assert evol.call("export-batch", "output", *BEGIN[:-1], "1").returncode == 0
    answer_waves(evol)
    write_seeds(2, prefix="t")
    assert evol.call("export-batch", "other", *BEGIN).returncode == 0
    before = (evol.folder / "wave.jsonl").read_bytes()
    assert evol.call("export-batch", "output").returncode == 0
    assert (evol.folder / "wave.jsonl").read_bytes() == before


def test_status_tells_what_files_are_for(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """A run that goes through files is told to import or export; nobody is sent to an endpoint."""
    write_seeds(4)
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    shown = evol.call("status").stdout
    assert "next: evol import-batch output RESULT…, or evol export-batch output for what waits now" in shown
    answer_waves(evol)
    assert "next: evol merge && evol stats" in evol.call("status").stdout


def deep(depth: int) -> bytes:
    """Lists in lists."""
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda line: b"x" * 20_000_000, 2),
        (lambda line: b"\0" + line, 2),
        (lambda line: deep(100_000), 2),
        (lambda line: line.replace(b'"body":{', b'"body":{"deep":%s,' % deep(900)), 2),
        (lambda line: line.replace(b'"status_code":200', b'"status_code":2' + b"0" * 400), 2),
        (lambda line: line.replace(b'"custom_id":"', b'"custom_id":"../../'), 2),
        (lambda line: line.replace(b'"custom_id":"', b'"custom_id":"' + b"x" * 100_000), 2),
        (lambda line: line.replace(b'"response":{', b'"response":[{').replace(b'},"error"', b'}],"error"'), 2),
        (lambda line: line.replace(b'"choices":[', b'"choices":5,"odd":['), 3),
        (lambda line: line.replace(b'"content":"', b'"content":7,"odd":"'), 3),
        (lambda line: line.replace(b'"message":{', b'"message":[],"odd":{'), 3),
        (lambda line: line.replace(b'"usage":{', b'"usage":[1],"odd":{'), 0),
        (lambda line: line.replace(b'"prompt_tokens":', b'"prompt_tokens":-1,"odd":'), 0),
        (lambda line: line.replace(b'"content":"', b'"content":"\\ud800'), 0),
        (lambda line: line.replace(b'"error":null', b'"error":' + deep(1000)), 0),
        (lambda line: line[: line.index(b'"response"')] + b'"response":null,"error":%s}' % deep(1000), 3),
        (lambda line: line[: line.index(b'"response"')] + b'"response":null,"error":{"code":[],"message":{}}}', 3),
    ],
)
def test_hostile_results_are_one_sentence(
    evol: Evol, write_seeds: Callable[..., Path], spoil: Callable[[bytes], bytes], code: int
) -> None:
    """Huge, nested, torn and mistyped lines: refused with file and line, or a result without an outcome."""
    write_seeds(3)
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    run_batch(evol.folder / "wave.jsonl", evol.folder / "result.jsonl")
    path = evol.folder / "result.jsonl"
    lines = path.read_bytes().splitlines()
    spoilt = spoil(lines[1])
    assert spoilt != lines[1]
    path.write_bytes(b"\n".join([lines[0], spoilt, lines[2], b""]))
    done = evol.call("import-batch", "output", "result.jsonl")
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stderr) < 1000
    assert code == 0 or "result.jsonl:2: " in done.stderr


@pytest.mark.parametrize("kind", ["fifo", "folder", "loop"])
def test_what_is_no_file_of_results(evol: Evol, write_seeds: Callable[..., Path], kind: str) -> None:
    """A FIFO is not waited for, a folder and a link in a circle are none; one sentence, exit 2."""
    write_seeds(2)
    assert evol.call("export-batch", "output", *BEGIN).returncode == 0
    path = evol.folder / "result.jsonl"
    {"fifo": os.mkfifo, "folder": os.mkdir, "loop": lambda path: path.symlink_to(path)}[kind](path)
    done = evol.call("import-batch", "output", "result.jsonl")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "result.jsonl: " in done.stderr
