"""`evol show`: one lineage on the terminal, whatever state its run is in and whatever its texts hold."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import re
import resource
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Evol, read_rows
from evol.differences import compare
from evol.errors import FolderError
from evol.folder import require_manifest, write_manifest
from evol.journal import Journal
from evol.lookup import find_lineage
from evol.records import Completion, CompletionRequest
from fake_server import FakeServer, kind_of
from report_runs import make_run, rate, reply_to

HOSTILE = (
    "stop\x1b]0;owned\x07 \x1b[31mred\x1b[0m \u202eesrever\u202c \u2066x\u2069 "
    "[bold]no markup[/bold] :smile: \r\n\x9b2J done"
)
SEEDS = [
    {"id": "geo.1", "instruction": "Name three long rivers of Asia and say where each of them ends."},
    {"id": "geo", "instruction": "Describe the delta of the Rhine for a child who has never seen the sea."},
    {"id": "odd", "instruction": HOSTILE},
    {"id": 'q"uote\\', "instruction": "Explain why the sky is blue in two short sentences for a child."},
    *({"id": f"s{n}", "instruction": f"Describe item {n} of the collection in a few words."} for n in range(30)),
]


def script(request: CompletionRequest) -> Completion:
    """As usual; the first generation of one seed is judged equal, responses are long or hostile."""
    reply = reply_to(request)
    if request.seed_id == "geo" and request.role == "judge":
        return Completion("Equal" if request.generation == 1 else "Not Equal", "stop", 1, 1)
    if request.seed_id == "geo" and request.role == "evolver":
        asked = str(json.loads(request.body)["messages"][-1]["content"])
        parent = asked.split("<given_instruction>\n")[1].split("\n</given_instruction>")[0]
        return Completion(f"{parent.replace('child', 'sailor')} Mention case {request.generation}.", "stop", 1, 1)
    if request.role == "responder":
        text = (
            HOSTILE
            if request.seed_id == "odd"
            else " ".join(f"The answer is {chr(97 + n % 26) * (2 + n // 26)}." for n in range(100))
        )
        return Completion(text, "stop", 1, 1)
    return reply


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three generations, rated."""
    folder = make_run(tmp_path_factory.mktemp("show"), SEEDS, script)
    rows = [row for number in range(4) for row in read_rows(folder / f"generation-{number}.jsonl")]
    rate(folder, [{"id": row["id"], "generation": row["generation"], "score": 4, "mode": "single"} for row in rows])
    return folder


def file_rows(run: Path, seed_id: str) -> list[dict[str, Any]]:
    """The rows of a seed in all files, by generation."""
    paths = [*run.glob("generation-*.jsonl"), run / "eliminated.jsonl"]
    rows = [row for path in paths for row in read_rows(path) if row["seed_id"] == seed_id]
    return sorted(rows, key=lambda row: int(str(row["generation"])))


@pytest.mark.parametrize("seed_id", [seed["id"] for seed in SEEDS])
def test_a_lineage_is_that_of_the_files(evol: Evol, run: Path, seed_id: str) -> None:
    """Every row of the seed and no other, by the seed's id and by each row's own, as JSON."""
    rows = file_rows(run, seed_id)
    assert len(rows) == 4
    shown = evol.call("show", run, seed_id, "--json")
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert found["rows"] == rows
    assert (found["format"], found["seed_id"], found["asked"], found["generations"]) == (1, seed_id, None, 3)
    assert found["scores"] == {str(row["id"]): {"single": 4.0} for row in rows if "reason" not in row}
    by_row = find_lineage(run, f"{seed_id}.3")
    assert (by_row.rows, by_row.asked) == (rows, 3)
    assert find_lineage(run, f"{seed_id}.3@run").asked == 3


def test_a_lineage_is_told_from_its_seed_on(evol: Evol, run: Path) -> None:
    """Operation, fate, reason and detail, parent, words, score, and changed words in marks where there is no colour."""
    shown = evol.call("show", run, "geo").stdout
    rows = file_rows(run, "geo")
    assert [bool(row.get("reason")) for row in rows] == [False, True, False, False]
    heads = [line for line in shown.splitlines() if re.match(r"seed|generation", line)]
    assert heads[0] == "seed · 15 words · difficulty 4 (single)"
    for row, head in zip(rows[1:], heads[1:], strict=True):
        assert f" · {row['operation']} · " in head
    assert re.search(r"kept · from the seed · 18 words \(\+3\) · difficulty 4 \(single\)$", heads[2])
    assert "eliminated: equal" in heads[1]
    assert rows[1]["detail"] in shown
    assert "for a [-child-] {+sailor+} who has never seen the sea{+. Mention case 2+}." in shown
    assert "no response was asked for, or none came" in shown
    assert "\x1b" not in shown
    assert "the one asked for" in evol.call("show", run, "geo.3").stdout


def test_a_seed_goes_before_a_row_of_that_name(evol: Evol, run: Path) -> None:
    """`geo.1` is a seed here, and a row of `geo`; the seed is shown."""
    assert "three long rivers" in evol.call("show", run, "geo.1").stdout


def test_long_texts_are_shortened_unless_all_is_asked_for(evol: Evol, run: Path) -> None:
    """A response of over 2,000 characters ends after 600, and says how to see the rest."""
    short, full = evol.call("show", run, "s1").stdout, evol.call("show", run, "s1", "--full").stdout
    assert re.search(r"1,\d{3} more characters, --full shows them", short)
    assert "more characters" not in full
    assert full.count("The answer is") >= 100 > short.count("The answer is")


def test_hostile_texts_drive_nothing(evol: Evol, run: Path) -> None:
    """No control character, no direction override, no markup and no emoji of ours; the text itself is there."""
    for shown in (evol.call("show", run, "odd").stdout, on_a_terminal(run, "odd", TERM="xterm", NO_COLOR="1")):
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", plain.replace("\r\n", "\n"))
        assert "[bold]no markup[/bold] :smile:" in " ".join(plain.split())


def on_a_terminal(run: Path, *arguments: str, columns: int = 80, **environment: str) -> str:
    """What a terminal of that width is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "evol.cli", "show", str(run), *arguments], stdout=theirs, env={**kept, **environment}
    )
    os.close(theirs)
    seen = b""
    try:
        while block := os.read(ours, 1 << 16):
            seen += block
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    return seen.decode()


def test_a_terminal_gets_colours_within_its_width(run: Path) -> None:
    """Added words green, removed ones struck through; no marks, no line longer than the terminal."""
    for columns in (80, 140):
        shown = on_a_terminal(run, "geo", columns=columns, TERM="xterm-256color")
        assert re.search(r"\x1b\[4;32msailor", shown)
        assert re.search(r"\x1b\[9;31mchild", shown)
        assert "{+" not in shown
        lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).split("\r\n")
        assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("environment", [{"TERM": "xterm-256color", "NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_none_is_wanted(run: Path, environment: dict[str, str]) -> None:
    """NO_COLOR and a terminal that knows none: marks in their place."""
    shown = on_a_terminal(run, "geo", columns=80, **environment)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown)
    assert "{+sailor+}" in shown


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("s3x", r"no seed or row has the id 's3x': near it are .*s3"),
        ("S3", r"near it are s3$"),
        ("s2.9", "the run has no generation 9: s2 shows what there is"),
        ("zzzzzzzz", "the ids stand in generation-0.jsonl"),
        ("", "no seed or row has the id ''"),
        ("../geo", "near it are .*geo"),
    ],
)
def test_an_unknown_id_is_one_sentence(evol: Evol, run: Path, name: str, said: str) -> None:
    """Exit 2, with ids that are spelt alike."""
    shown = evol.call("show", run, name)
    assert shown.returncode == 2
    assert re.search(said, shown.stderr), shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_the_run_may_be_left_out(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """One argument is an id in `output`; a folder that holds no run is refused."""
    assert evol.run(write_seeds(2), "--generations", "1").returncode == 0
    assert "output: seed s1 · done" in evol.call("show", "s1").stdout
    assert evol.call("show", "nowhere", "s1").returncode == 7


def test_an_unfinished_lineage_says_so(evol: Evol, server: FakeServer, write_seeds: Callable[..., Path]) -> None:
    """The generations that are missing, and why."""
    server.fault = lambda body, seen: (
        (400, {}, b'{"error":{"message":"not today"}}')
        if kind_of(body) == "evolve" and "item 1 " in str(body) and "case" in str(body)
        else None
    )
    assert evol.run(write_seeds(3), "--generations", "4").returncode == 3
    shown = evol.call("show", "s1").stdout
    assert re.search(r"generations? \d( to 4)? · unfinished · .*not today", shown)
    found = json.loads(evol.call("show", "s1", "--json").stdout)
    assert len(found["rows"]) < 5
    assert "not today" in found["error"]


def test_a_run_without_files_is_shown_from_its_journal(evol: Evol, run: Path, tmp_path: Path) -> None:
    """The same lineage as from the files; with half a journal what is there so far, other records are not looked at."""
    lines = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / ".seeds.jsonl").write_bytes((run / ".seeds.jsonl").read_bytes())
    write_manifest(tmp_path, require_manifest(run).model_copy(update={"status": "running", "files": {}}))
    assert find_lineage(tmp_path, "geo").rows == []  # killed before its first call
    damaged = [line.replace(b'"reply":"', b'"reply":"!') if b'"seed_id":"s1"' in line else line for line in lines]
    (tmp_path / "journal.jsonl").write_bytes(b"".join(damaged))
    for seed in SEEDS[:4]:
        assert find_lineage(tmp_path, seed["id"]).rows == file_rows(run, seed["id"])
    with pytest.raises(FolderError, match=r"journal\.jsonl:\d+: a damaged line"):
        find_lineage(tmp_path, "s1")
    (tmp_path / "journal.jsonl").write_bytes(b"".join(lines[: len(lines) // 3]) + lines[-1][:30])
    last = SEEDS[-1]["id"]
    assert len(find_lineage(tmp_path, last).rows) < 4
    shown = evol.call("show", tmp_path, last)
    assert shown.returncode == 0, shown.stderr
    assert f"seed {last} · killed" in shown.stdout
    assert "not there yet" in shown.stdout


def test_only_one_seeds_records_are_taken(run: Path) -> None:
    """The totals of a journal that is opened for one seed are that seed's calls."""
    with Journal.open_for_reading(run) as whole, Journal.open_for_reading(run, only="geo") as one:
        counted = sum(b'"seed_id":"geo",' in line for line in (run / "journal.jsonl").read_bytes().splitlines())
        assert 0 < one.calls == counted < whole.calls


def test_a_lineage_of_a_large_run_takes_little(tmp_path: Path, run: Path) -> None:
    """80 MB of rows are passed over in constant memory."""
    copy = tmp_path / "large"
    copy.mkdir()
    for path in run.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    row = read_rows(run / "generation-1.jsonl")[0]
    with (copy / "generation-1.jsonl").open("ab") as file:
        for number in range(8_000):
            line = row | {"id": f"x{number}.1", "seed_id": f"x{number}", "response": "word " * 2_000}
            file.write(orjson.dumps(line) + b"\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(find_lineage(copy, "geo").rows) == 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KB


TEXTS = st.text(st.sampled_from("ab c.,\n漢字\u0301é"), max_size=40)


@given(TEXTS, TEXTS)
def test_differences_say_what_both_texts_say(before: str, after: str) -> None:
    """The new parts joined are the newer text, and no two neighbours are of one kind; little in common: none."""
    parts = compare(before, after)
    if parts is None:
        assert before != after or not before.strip()
        return
    assert "".join(part.new for part in parts) == after
    kinds = [part.is_same for part in parts]
    assert all(first != second for first, second in itertools.pairwise(kinds))
    assert not any(part.old for part in parts if part.is_same)


@pytest.mark.parametrize(
    ("before", "after", "marked"),
    [
        ("Name a river.", "Name a long river.", "Name a {+long +}river."),
        ("Name a big old river.", "Name a river.", "Name a [-big old -]river."),
        ("one two a three four", "one 2 a 3 four", "one [-two a three -]{+2 a 3 +}four"),
        ("川の名前を三つ", "川の名前を五つ", "川の名前を[-三-]{+五+}つ"),
        ("same", "same", "same"),
    ],
)
def test_differences_are_words(before: str, after: str, marked: str) -> None:
    """Whole words, characters of scripts without spaces; a short word between two changes is part of the change."""
    parts = compare(before, after)
    assert parts is not None
    shown = "".join(
        part.new
        if part.is_same
        else (f"[-{part.old}-]" if part.old else "") + (f"{{+{part.new}+}}" if part.new else "")
        for part in parts
    )
    assert shown == marked


def test_texts_that_cannot_be_compared_are_not() -> None:
    """Too little in common, or too long."""
    assert compare("Name a river.", "Prove that seventeen is prime, by hand and on paper.") is None
    assert compare("a b " * 1000, "c d " * 1000) is None
