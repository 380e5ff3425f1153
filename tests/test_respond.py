from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import Evol, read_rows
from fake_server import FakeServer, Fault, last_message
from simulated_judge import write_rows

WIZARDLM = [
    {"idx": 1, "Skill": "Math", "Difficulty": 3, "Instruction": "If a pen costs 2, what do 7 cost?"},
    {"idx": 2, "Skill": "Code Generation", "Difficulty": 9, "Instruction": "Write a quine."},
]
VICUNA = [
    {"question_id": 1, "text": "How do I sleep better?", "category": "generic"},
    {"question_id": 2, "text": "Who was Ada Lovelace?", "category": "knowledge"},
]
COLUMNS = [
    "id", "instruction", "skill", "difficulty", "response", "model", "finish_reason", "input_tokens", "output_tokens"
]  # fmt: skip


def respond(evol: Evol, questions: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """`evol respond` at the fake endpoint."""
    return evol.call("respond", questions, "--model", "m", "--base-url", evol.url, *more)


def write_questions(folder: Path, count: int, name: str = "q.jsonl") -> Path:
    """A question file."""
    return write_rows(folder / name, [{"id": f"q{n}", "question": f"What is item {n}?"} for n in range(count)])


def test_public_test_sets_are_read_as_they_are(evol: Evol, server: FakeServer) -> None:
    """WizardLM's and Vicuna's names give id, skill and difficulty; rows have the documented columns, never null."""
    wizard = write_rows(evol.folder / "wizard.jsonl", WIZARDLM)
    done = respond(evol, wizard)
    assert done.returncode == 0, done.stderr
    rows = read_rows(evol.folder / "responses.jsonl")
    assert [(row["id"], row["skill"], row["difficulty"]) for row in rows] == [
        ("1", "Math", 3),
        ("2", "Code Generation", 9),
    ]
    for row in rows:
        assert list(row) == COLUMNS
        assert None not in row.values()
        assert row["model"] == "m"
        assert str(row["response"]).startswith("Here is what matters")
    vicuna = write_rows(evol.folder / "vicuna.jsonl", VICUNA)
    assert respond(evol, vicuna, "--out", "v.jsonl").returncode == 0
    rows = read_rows(evol.folder / "v.jsonl")
    assert [(row["id"], row["instruction"], row["skill"]) for row in rows] == [
        ("1", "How do I sleep better?", "generic"),
        ("2", "Who was Ada Lovelace?", "knowledge"),
    ]
    assert {row["difficulty"] for row in rows} == {0}
    assert "2 responses" in done.stdout
    assert "asking m at" in done.stderr


def test_the_question_alone_is_asked_without_chance(evol: Evol, server: FakeServer) -> None:
    """One user message holds the question; temperature 0; a config may add a system message and other sampling."""
    questions = write_questions(evol.folder, 1)
    assert respond(evol, questions).returncode == 0
    [body] = [orjson.loads(raw) for raw in server.seen]
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "What is item 0?"}],
        "max_tokens": 2048,
        "temperature": 0.0,
    }
    server.forget()
    (evol.folder / "c.toml").write_text(
        '[models.responder]\nmodel = "other"\nsystem = "Be brief."\n[models.responder.sampling]\ntemperature = 0.7\n'
    )
    assert respond(evol, questions, "--config", "c.toml", "--out", "c.jsonl").returncode == 0
    [body] = [orjson.loads(raw) for raw in server.seen]
    assert (body["model"], body["temperature"]) == ("m", 0.7)  # the flag beats the role's own table
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_the_same_command_again_asks_nobody(evol: Evol, server: FakeServer) -> None:
    """A finished file is a no-op: no request, no key, no byte changed; more questions cost only their own calls."""
    questions = write_questions(evol.folder, 5)
    assert respond(evol, questions).returncode == 0
    before = {path: path.read_bytes() for path in evol.folder.glob("responses.*")}
    assert {path.name for path in before} == {"responses.jsonl", "responses.journal.jsonl", "responses.meta.json"}
    server.forget()
    again = evol.invoke(
        ["respond", str(questions), "--model", "m", "--base-url", "http://127.0.0.1:9/v1"], OPENAI_API_KEY=""
    )
    assert again.returncode == 0, again.stderr
    assert "nobody was asked" in again.stderr
    assert not server.seen
    assert {path: path.read_bytes() for path in before} == before
    write_questions(evol.folder, 7)
    assert respond(evol, questions).returncode == 0
    assert server.total == 2
    assert len(read_rows(evol.folder / "responses.jsonl")) == 7


def test_bytes_do_not_depend_on_concurrency(evol: Evol, server: FakeServer) -> None:
    """Rows stand in the order of the questions, whoever came back first."""
    server.latency = lambda body: 0.03 if "item 1" in last_message(body) else 0.0
    questions = write_questions(evol.folder, 24)
    for concurrency in ("1", "16"):
        done = respond(evol, questions, "--concurrency", concurrency, "--out", f"c{concurrency}.jsonl")
        assert done.returncode == 0, done.stderr
    assert (evol.folder / "c1.jsonl").read_bytes() == (evol.folder / "c16.jsonl").read_bytes()
    assert [row["id"] for row in read_rows(evol.folder / "c1.jsonl")] == [f"q{n}" for n in range(24)]


def test_budget_stops_and_a_larger_one_goes_on(evol: Evol, server: FakeServer) -> None:
    """--max-calls is a total of the file: exit 4 with what is known written, then the rest, nothing twice."""
    questions = write_questions(evol.folder, 10)
    stopped = respond(evol, questions, "--max-calls", "4", "--json")
    assert stopped.returncode == 4, stopped.stderr
    told = orjson.loads(stopped.stdout)
    assert (told["responses"], len(told["unfinished"]), told["exit_code"]) == (4, 6, 4)
    assert len(read_rows(evol.folder / "responses.jsonl")) == 4
    assert respond(evol, questions, "--max-calls", "10").returncode == 0
    assert len(read_rows(evol.folder / "responses.jsonl")) == 10
    assert set(server.seen.values()) == {1}


def test_a_budget_without_a_price_is_refused(evol: Evol, server: FakeServer) -> None:
    """--max-cost needs a price: it can be given in the config, and then it is kept."""
    questions = write_questions(evol.folder, 40)
    refused = respond(evol, questions, "--max-cost", "1")
    assert refused.returncode == 2
    assert "the price of m (responder) is unknown" in refused.stderr
    (evol.folder / "c.toml").write_text(
        "[models.responder]\nprice = { input = 1000, output = 1000 }\n[models.responder.sampling]\nmax_tokens = 100\n"
    )
    stopped = respond(evol, questions, "--config", "c.toml", "--max-cost", "0.5", "--concurrency", "1", "--json")
    assert stopped.returncode == 4
    assert 0 < orjson.loads(stopped.stdout)["calls"]["responder"]["cost"] <= 0.5


def test_lost_calls_are_named_and_tried_again(evol: Evol, server: FakeServer) -> None:
    """A call that fails for good is named and missing (exit 3); the other rows stand; the next call completes them."""
    (evol.folder / "c.toml").write_text("[limits]\nretry_for = 0.3\n")
    server.fault = lambda body, n: (500, {}, b"no") if "item 3?" in last_message(body) else None
    questions = write_questions(evol.folder, 6)
    lost = respond(evol, questions, "--config", "c.toml")
    assert lost.returncode == 3, lost.stderr
    assert "unfinished: q3: " in lost.stderr
    assert "5 responses, 1 unfinished" in lost.stdout
    server.fault = lambda body, n: None
    assert respond(evol, questions, "--config", "c.toml").returncode == 0
    assert [row["id"] for row in read_rows(evol.folder / "responses.jsonl")] == [f"q{n}" for n in range(6)]


def test_odd_ends_are_counted(evol: Evol, server: FakeServer) -> None:
    """Cut, empty, blocked and too long responses are rows with their reason, and are told; thinking is removed."""
    overflow = orjson.dumps({"error": {"message": "too long", "code": "context_length_exceeded"}})
    faults: dict[str, Fault] = {"0": "cut", "1": "empty", "2": "content_filter", "3": (400, {}, overflow)}
    server.fault = lambda body, n: faults.get(last_message(body).removeprefix("What is item ").removesuffix("?"))
    server.reply = lambda body: "<think>\nHm.\n</think>\n\nA thing."
    done = respond(evol, write_questions(evol.folder, 5))
    assert done.returncode == 0, done.stderr
    rows = read_rows(evol.folder / "responses.jsonl")
    assert [row["finish_reason"] for row in rows] == ["length", "stop", "content_filter", "context_overflow", "stop"]
    assert [bool(row["response"]) for row in rows] == [True, False, False, False, True]
    assert rows[4]["response"] == "A thing."
    for told in ("1 cut at max_tokens", "1 stopped by the content filter", "1 too long for the model", "3 empty"):
        assert told in done.stdout


def test_other_settings_are_refused(evol: Evol, server: FakeServer) -> None:
    """Another model for the same file ends with exit 7, names the field and touches nothing."""
    questions = write_questions(evol.folder, 2)
    assert respond(evol, questions).returncode == 0
    before = {path: path.read_bytes() for path in evol.folder.iterdir()}
    refused = evol.call("respond", questions, "--model", "n", "--base-url", evol.url)
    assert refused.returncode == 7
    assert "responses.jsonl: made with other settings (model was 'm', now 'n')" in refused.stderr
    assert {path: path.read_bytes() for path in evol.folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("responses.jsonl", b'{"mine": 1}\n', "not written by `evol respond`"),
        ("responses.meta.json", b"{}", "not written by `evol respond`"),
        ("responses.jsonl/x", b"", "a folder"),
    ],
)
def test_what_evol_did_not_write_is_never_overwritten(evol: Evol, name: str, content: bytes, told: str) -> None:
    """A file of somebody else's in the way ends with exit 2, and stands as it was; nothing is asked or left behind."""
    questions = write_questions(evol.folder, 2)
    path = evol.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    before = {path.name for path in evol.folder.iterdir()}
    refused = respond(evol, questions)
    assert refused.returncode == 2
    assert told in refused.stderr
    assert path.read_bytes() == content
    assert {path.name for path in evol.folder.iterdir()} == before


def test_an_edited_file_is_not_overwritten(evol: Evol) -> None:
    """Responses that were changed by hand since stay, and so do those of another command."""
    questions = write_questions(evol.folder, 2)
    assert respond(evol, questions).returncode == 0
    path = evol.folder / "responses.jsonl"
    path.write_bytes(path.read_bytes() + b"\n")
    changed = respond(evol, questions)
    assert (changed.returncode, "changed since" in changed.stderr) == (2, True)
    a = write_rows(evol.folder / "a.jsonl", [{"id": "1", "instruction": "x", "response": "y"}])
    b = write_rows(evol.folder / "b.jsonl", [{"id": "1", "instruction": "x", "response": "z"}])
    other = evol.call("compare", a, b, "--model", "j", "--base-url", evol.url, "--out", "responses.jsonl")
    assert (other.returncode, "not written by `evol compare`" in other.stderr) == (2, True)


def test_a_wrong_key_leaves_nothing_behind(evol: Evol, server: FakeServer) -> None:
    """An unusable endpoint ends with exit 5 in one sentence and without files."""
    server.key = "another"
    questions = write_questions(evol.folder, 3)
    refused = respond(evol, questions)
    assert refused.returncode == 5
    assert refused.stderr.count("\n") <= 3
    assert {path.name for path in evol.folder.iterdir()} == {"q.jsonl"}


def test_dry_run_touches_nothing(evol: Evol, server: FakeServer) -> None:
    """--dry-run shows the prompt, calls, tokens and price, counts what is journaled, and sends and writes nothing."""
    questions = write_questions(evol.folder, 9)
    (evol.folder / "c.toml").write_text("[models.responder]\nprice = { input = 1, output = 2 }\n")
    shown = respond(evol, questions, "--dry-run", "--config", "c.toml")
    assert shown.returncode == 0, shown.stderr
    assert "[user] What is item 0?" in shown.stdout
    assert "m: 9 calls" in shown.stdout
    assert "$0.0064" in shown.stdout  # nine times 350 tokens out at 2 USD a million, and 8 in
    assert not server.headers
    assert {path.name for path in evol.folder.iterdir()} == {"q.jsonl", "c.toml"}
    assert respond(evol, questions, "--config", "c.toml").returncode == 0
    plan = orjson.loads(respond(evol, questions, "--config", "c.toml", "--dry-run", "--json").stdout)
    assert (plan["estimate"]["calls"], plan["journaled_calls"]) == (9, 9)


def test_a_killed_command_pays_nothing_twice(evol: Evol, server: FakeServer) -> None:
    """Kill -9 in the middle, then the same command: only calls in flight may be repeated, and the rows are whole."""
    server.latency = lambda body: 0.05
    questions = write_questions(evol.folder, 60)
    command = [
        sys.executable, "-m", "evol.cli", "respond", str(questions), "--model", "m", "--base-url", server.url,
        "--concurrency", "4", "--quiet",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=evol.folder, env=evol.environment(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while server.total < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    server.wait_until_idle()
    held = subprocess.run(command, cwd=evol.folder, env=evol.environment(), capture_output=True, text=True, check=False)
    assert held.returncode == 0, held.stderr
    assert len(read_rows(evol.folder / "responses.jsonl")) == 60
    assert sum(server.seen.values()) <= 60 + 4
    journal = read_rows(evol.folder / "responses.journal.jsonl")
    keys = [record["key"] for record in journal if record["kind"] == "call"]
    assert len(keys) == len(set(keys)) == 60


def test_an_interrupt_keeps_what_came(evol: Evol, server: FakeServer) -> None:
    """Ctrl-C lets calls in flight finish, writes what is known and ends with 130; the same command goes on."""
    server.latency = lambda body: 0.05
    questions = write_questions(evol.folder, 80)
    command = [
        sys.executable, "-m", "evol.cli", "respond", str(questions), "--model", "m", "--base-url", server.url,
        "--concurrency", "4", "--quiet",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=evol.folder, env=evol.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 20
    while server.total < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    shown, told = process.communicate(timeout=20)
    assert process.returncode == 130, told
    rows = read_rows(evol.folder / "responses.jsonl")
    assert 12 <= len(rows) < 80
    assert f"{len(rows)} responses, {80 - len(rows)} unfinished" in shown
    assert respond(evol, questions).returncode == 0
    assert set(server.seen.values()) == {1}


def test_two_commands_cannot_write_one_file(evol: Evol, server: FakeServer) -> None:
    """The second one ends with exit 6 while the first goes on; another file beside it is free."""
    server.latency = lambda body: 3.0 if "item 0?" in last_message(body) else 0.0
    questions = write_questions(evol.folder, 3)
    other = write_rows(evol.folder / "other.jsonl", [{"question": "Why?"}])
    command = [
        sys.executable, "-m", "evol.cli", "respond", str(questions), "--model", "m", "--base-url", server.url, "--quiet"
    ]  # fmt: skip
    first = subprocess.Popen(command, cwd=evol.folder, env=evol.environment(), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.01)
        second = respond(evol, questions)
        assert (second.returncode, "in use by another evol process" in second.stderr) == (6, True)
        assert respond(evol, other, "--out", "other-responses.jsonl").returncode == 0
        assert first.wait(20) == 0
    finally:
        first.kill()
        first.wait()


QUESTION_FAULTS: list[tuple[str, str]] = [
    ('{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}', ":2: the id '1' was used before, on line 1"),
    ('{"id": 1, "text": "a"}\n\n{"id": 2}', ":3: no question"),
    ('{"id": 1, "text": "  "}', ":1: the question is empty"),
    ('{"id": [1], "text": "a"}', ":1: id is list, not a string"),
    ('{"id": "", "text": "a"}', ":1: id must have 1 to 200 characters"),
    ('{"text": 5}', ":1: text is int, not a string"),
    ('{"text": "a", "difficulty": "hard"}', ":1: difficulty is 'hard', not a number from 1 to 10"),
    ('{"text": "a", "Difficulty": 11}', ":1: Difficulty is '11', not a number from 1 to 10"),
    ('{"text": "a", "category": 3}', ":1: category is int, not a string"),
    ("[1]", ":1: not an object"),
    ("nonsense", ":1: not valid JSON"),
    ('{"text": "a", "text": "b"}', ":1: not valid JSON (the key 'text' stands twice)"),
    ('{"text": "\\ud800"}', ":1: a lone surrogate in text"),
    ("", ": no questions in it"),
]


@pytest.mark.parametrize(("content", "told"), QUESTION_FAULTS)
def test_faults_in_questions_are_named(evol: Evol, server: FakeServer, content: str, told: str) -> None:
    """Every fault is one sentence with file and line, exit 2, before anything is asked or written."""
    path = evol.folder / "bad.jsonl"
    path.write_text(content)
    refused = respond(evol, path)
    assert refused.returncode == 2
    assert f"{path}{told}" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not server.headers
    assert {found.name for found in evol.folder.iterdir()} == {"bad.jsonl"}


def test_questions_without_ids_get_a_digest(evol: Evol) -> None:
    """A file without ids works; equal questions are a doubled id, and are named."""
    path = write_rows(evol.folder / "q.jsonl", [{"instruction": "Sum up.", "input": "A text."}, {"question": "Why?"}])
    assert respond(evol, path).returncode == 0
    rows: list[Any] = read_rows(evol.folder / "responses.jsonl")
    assert rows[0]["instruction"] == "Sum up.\n\nA text."
    assert rows[1]["id"] == hashlib.sha256(b"Why?").hexdigest()[:16]
    write_rows(path, [{"question": "Why?"}, {"question": "Why? "}])
    assert respond(evol, path).returncode == 2
