"""Every reader of a file that others write: whatever stands in it, a value or one of our own errors comes out.

The readers are called as the commands call them, on real files. What is accepted is used, so that a value which breaks
the next step is found as well.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from evol.config import load_config
from evol.errors import ConfigError, FolderError, InputError, PackError, SeedError, UsageError
from evol.evaluation import resampling
from evol.evaluation.ballot import read_key
from evol.evaluation.counting import count_ballots
from evol.evaluation.inputs import find_common, read_questions, read_response_sets
from evol.evaluation.records import BallotKey, BallotQuestion
from evol.figures import Score, ScoresMeta, ScoringCount, ScoringMeta
from evol.folder import MANIFEST_NAME, SEEDS_NAME, read_manifest, read_seeds_again, serialise_seed
from evol.journal import JOURNAL_NAME, Journal, has_calls
from evol.mixing import benchmark
from evol.mixing.outputs import read_marker
from evol.mixing.rows import RowFiles, Source
from evol.packs import VARIANTS, find_faults, read_pack
from evol.records import (
    ALL_ROLES,
    Completion,
    CompletionRequest,
    FileDigest,
    Manifest,
    Row,
    Seed,
    SeedsSource,
    ThrottleChange,
)
from evol.scores import META_NAME, SCORES_NAME, read_difficulty, read_meta, read_scores
from evol.seeds import MAX_INSTRUCTION_CHARS, SeedTally, read_seeds, read_skills
from fuzzing import damage, fuzzed, may_refuse, wild

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for the files of one module's examples."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def to_lines(*records: object) -> bytes:
    """Records as JSON lines."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


# --- seeds

CHAT = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
SHAREGPT = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}, {"from": "human", "value": "And?"}]
SEEDS = (
    to_lines(
        {"instruction": "Name a river.", "input": "", "output": "The Nile."}, {"id": 7, "instruction": "Sort it."}
    ),
    to_lines({"id": "a", "messages": CHAT, "skill": "logic"}, {"conversations": SHAREGPT, "language": "en"}, "A text."),
    json.dumps([{"instruction": "é\u2028", "response": "\U0001f600"}, {"messages": CHAT}], indent=1).encode(),
    b"\xef\xbb\xbfName a river.\r\n\r\nSort it.\r\n",
)
SEED_KEYS = (
    *("id", "instruction", "input", "output", "response", "messages", "conversations", "skill", "language"),
    *("role", "from", "content", "value"),
)
ROLES = ("user", "human", "assistant", "gpt", "system")


def take_seeds(path: Path) -> None:
    """Read a seeds file as a run does, and use what it gives."""
    with may_refuse(SeedError, path):
        tally = SeedTally()
        for seed in read_seeds(path, None, tally):
            assert seed.id
            assert 0 < len(seed.instruction) <= MAX_INSTRUCTION_CHARS
            assert orjson.loads(serialise_seed(seed))["instruction"] == seed.instruction
        assert tally.count
        assert len(list(read_skills(path))) <= tally.count + tally.repeats


@fuzzed()
@given(damage(SEEDS), st.sampled_from([".jsonl", ".json", ".txt", ""]))
@example(b'{"instruction":' + b"[" * 100_000, ".jsonl")
@example(b"[" * 100_000, ".json")
@example(b'{"instruction": "x", "n": ' + b"1" * 5000 + b"}", ".jsonl")
def test_seed_files(place: Path, content: bytes, suffix: str) -> None:
    """Seeds of any bytes are read, or refused with the file's name."""
    path = place / f"seeds{suffix}"
    path.write_bytes(content)
    take_seeds(path)


@fuzzed()
@given(st.lists(wild(SEED_KEYS, ROLES), max_size=3), st.booleans())
def test_seed_records(place: Path, records: list[Any], in_array: bool) -> None:
    """Seeds of any JSON shape are read, or refused with the file's name."""
    path = place / ("records.json" if in_array else "records.jsonl")
    path.write_bytes(json.dumps(records).encode() if in_array else to_lines(*records))
    take_seeds(path)


def test_a_doubled_key_among_very_many_is_found_at_once(place: Path) -> None:
    """One line of 400,000 keys, the last of them doubled, takes no longer than reading it."""
    path = place / "keys.jsonl"
    keys = ",".join(f'"{number}":0' for number in range(400_000))
    path.write_text(f'{{"instruction":"x",{keys},"399999":1}}\n')
    with pytest.raises(SeedError, match="'399999' stands twice"):
        list(read_seeds(path, None, SeedTally()))


# --- configs

CONFIGS = (
    *(path.read_bytes()[:3000] for path in (REPOSITORY / "configs").glob("*.toml")),
    b"""generations = 3
seeds = "a.jsonl"
[models.default]
model = "m"
base_url = ["http://a/v1", "http://b/v1"]
extra_body = { k = [1, 2], z = { y = 1979-05-27T07:32:00Z } }
price = { input = 1.0, output = 2.0 }
[models.default.sampling]
temperature = 0
top_p = false
[models.judge]
model = "x.gguf"
[models.scorer.sampling]
temperature = 1
[evolver]
weights = { deepen = 2, breadth = 0 }
[eliminator]
profile = "paper"
[limits]
concurrency = "auto"
rpm = 60
""",
)
CONFIG_KEYS = (
    *("models", "default", "evolver", "judge", "responder", "scorer", "sampling", "model", "base_url", "api_key_env"),
    *("max_tokens_field", "extra_body", "system", "price", "input", "output", "temperature", "top_p", "max_tokens"),
    *("seed", "generations", "limit", "pack", "random_seed", "out", "seeds", "weights", "breadth_share", "prompts"),
    *("eliminator", "profile", "length_factor", "limits", "concurrency", "rpm", "max_cost", "timeout"),
)
CONFIG_TEXTS = (
    "m",
    "x.gguf",
    "http://[",
    "http://h:99999/",
    "http://u:p@h/",
    "auto",
    "OPENAI_API_KEY",
    "strict",
    "http://h/v1",
)


def write_toml(value: Any) -> str:
    """A JSON value as an inline TOML value."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {write_toml(item)}" for key, item in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_toml, value)) + "]"
    return {"null": "nan"}.get(text := json.dumps(value), text)


def write_toml_file(table: Any) -> bytes:
    """A JSON object as a TOML file; what is no object stands under a key."""
    pairs = table.items() if isinstance(table, dict) else [("models", table)]
    lines = [f"{json.dumps(key)} = {write_toml(value)}" for key, value in pairs]
    return "\n".join(lines).encode("utf-8", "replace")


def take_config(path: Path) -> None:
    """Read a config as a run does, and use what it gives."""
    with may_refuse(ConfigError):
        config = load_config(path, {})
        orjson.dumps(config.fingerprint({}))
        json.dumps(config.model_dump(mode="json"))
        for role in ALL_ROLES if config.scorer_model else config.models:
            model = config.model_of(role)
            assert model.name
            json.dumps([model.settings, model.base_urls, model.max_output_tokens])


@fuzzed()
@given(damage(CONFIGS))
@example(b"a = " + b"[" * 100_000)
@example(b"a = " + b"9" * 100_000)
def test_config_files(place: Path, content: bytes) -> None:
    """A config of any bytes is read or refused."""
    path = place / "config.toml"
    path.write_bytes(content)
    take_config(path)


@fuzzed()
@given(wild(CONFIG_KEYS, CONFIG_TEXTS))
def test_config_tables(place: Path, table: Any) -> None:
    """A config of any shape is read or refused."""
    path = place / "tables.toml"
    path.write_bytes(write_toml_file(table))
    take_config(path)


# --- journals


def make_journal(folder: Path, numbers: range) -> bytes:
    """A journal with every kind of record; its bytes."""
    folder.mkdir()
    with Journal.open_for_run(folder, lambda text: None) as journal:
        for number in numbers:
            request = CompletionRequest(f"s{number}", number, ALL_ROLES[number % len(ALL_ROLES)], 1, b'{"model":"m"}')
            if number % 5 == 4:
                journal.append_failure(request, "gave up")
            else:
                journal.append(request, Completion(f"reply {number}", "stop", number - 1, 2), latency=0.1)
        journal.append_throttle(ThrottleChange(time=1.0, label="e", limit=4, pace=None, in_flight=0, reason="x"))
    return (folder / JOURNAL_NAME).read_bytes()


@pytest.fixture(scope="module")
def journals(place: Path) -> list[bytes]:
    """Good journals."""
    return [make_journal(place / f"good-{first}", range(first, first + 6)) for first in (0, 3)]


def take_journal(folder: Path) -> None:
    """Open a journal for reading, and for a run; look up every call."""
    requests = [
        CompletionRequest(f"s{number}", number, ALL_ROLES[number % len(ALL_ROLES)], 1, b'{"model":"m"}')
        for number in range(10)
    ]
    has_calls(folder)
    heads: list[dict[str, Any]] = []
    with may_refuse(FolderError, JOURNAL_NAME):
        with Journal.open_for_reading(folder, heads.append) as journal:
            found = [journal.find(request) for request in requests]
            assert all(one is None or one.text == f"reply {number}" for number, one in enumerate(found))
            assert len(heads) == journal.attempts
            orjson.dumps({role: count.model_dump() for role, count in journal.freeze_totals({}).items()})
        with Journal.open_for_run(folder, lambda text: None) as journal:  # repairs what may be repaired
            again = [journal.find(request) for request in requests]
        assert all(one in (None, two) for one, two in zip(found, again, strict=True))


def seal(content: bytes) -> bytes:
    """The lines of a journal with their checksums put right, as another program or a newer evol may have written."""
    lines = []
    for line in content.split(b"\n"):
        body = line[:-18] if re.search(rb',"crc":"[^"]{8}"}\Z', line) else line
        lines.append(body + b',"crc":"%08x"}\n' % zlib.crc32(body))
    return b"".join(lines)


@fuzzed()
@given(st.data())
def test_journals(place: Path, journals: list[bytes], data: st.DataObject) -> None:
    """A journal that was cut, flipped or spliced gives what was recorded, or is refused; a reply is never another's."""
    folder = place / "journal"
    folder.mkdir(exist_ok=True)
    (folder / JOURNAL_NAME).write_bytes(data.draw(damage(journals, most=3)))
    take_journal(folder)


@fuzzed()
@given(st.data())
def test_sealed_journals(place: Path, journals: list[bytes], data: st.DataObject) -> None:
    """Lines whose checksum holds, but which are no records of ours, count as damaged."""
    folder = place / "sealed"
    folder.mkdir(exist_ok=True)
    (folder / JOURNAL_NAME).write_bytes(seal(data.draw(damage(journals, most=3))))
    with may_refuse(FolderError, JOURNAL_NAME), Journal.open_for_reading(folder) as journal:
        for number in range(10):
            role = ALL_ROLES[number % len(ALL_ROLES)]
            journal.find(CompletionRequest(f"s{number}", number, role, 1, b'{"model":"m"}'))
        orjson.dumps({role: count.model_dump() for role, count in journal.freeze_totals({}).items()})


# --- prompt packs

PACK_TOML = b"""name = "p"
description = "d"
labels = ["given prompt"]
[judge]
reask = "Say it."
[operations.deepen]
kind = "in-depth"
weight = 2
[operations.complicate_input]
kind = "in-depth"
formats = ["JSON", "XML"]
judge = "judge.txt"
[operations.breadth]
kind = "in-breadth"
judge = false
"""
PACK_TEXTS = (
    b"Make it harder.\n{{instruction}}\n",
    b"[[system]]\nYou rewrite.\n[[user]]\nA\n[[assistant]]\nB\n[[user]]\n{{instruction}} as {{format}}\n",
    b"[[user]]\nEqual?\n{{first}}\n{{second}}\n",
)
PACK_KEYS = ("name", "description", "labels", "operations", "judge", "reask", "deepen", "kind", "weight", "formats")


def write_pack(folder: Path, content: bytes, texts: tuple[bytes, bytes, bytes]) -> None:
    """A pack of three operations."""
    (folder / "short").mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("deepen", texts[0]),
        ("breadth", texts[0]),
        ("complicate_input", texts[1]),
        ("judge", texts[2]),
    ):
        (folder / f"{name}.txt").write_bytes(text)
    (folder / "short" / "deepen.txt").write_bytes(texts[0])
    (folder / "pack.toml").write_bytes(content)


def take_pack(folder: Path) -> None:
    """Read a pack as a run and as `evol packs` do, and use what it gives."""
    faults = find_faults(folder)
    assert all(re.match(re.escape(str(folder)) + r"[^:]*:", str(fault)) for fault in faults)
    for variant in VARIANTS:
        pack = None
        with may_refuse(PackError, folder):
            pack = read_pack(folder, variant)
        assert (pack is None) == bool(faults)
        if pack is None:
            continue
        pack.digests()
        values = {"instruction": "I", "format": "F", "first": "1", "second": "2"}
        for operation in pack.operations:
            for template in filter(None, (operation.template, operation.judge, pack.judge)):
                assert template.render(values)[-1]["role"] == "user"


@fuzzed()
@given(damage([PACK_TOML]), st.tuples(*(damage([text], most=2) for text in PACK_TEXTS)))
@example(PACK_TOML.replace(b"2", b"9" * 5000), PACK_TEXTS)
@example(PACK_TOML + b"x = " + b"[" * 100_000, PACK_TEXTS)
def test_pack_files(place: Path, content: bytes, texts: tuple[bytes, bytes, bytes]) -> None:
    """A pack of any bytes is read, or each of its faults is named with its file."""
    write_pack(place / "pack", content, texts)
    take_pack(place / "pack")


@fuzzed()
@given(wild(PACK_KEYS, ("in-depth", "judge.txt", "../judge.txt")))
def test_pack_tables(place: Path, table: Any) -> None:
    """A `pack.toml` of any shape is read, or each of its faults is named with its file."""
    write_pack(place / "table", write_toml_file(table), PACK_TEXTS)
    take_pack(place / "table")


# --- what evol wrote itself, and somebody changed


def dump(model: BaseModel) -> bytes:
    """A record as evol writes it."""
    return orjson.dumps(model.model_dump(mode="json"))


SCORES = b"".join(
    dump(Score(id=f"s{number}.0", generation=0, score=number, mode="single")) + b"\n" for number in range(1, 4)
)
SCORES_META = dump(
    ScoresMeta(
        evol_version="1",
        sha256=hashlib.sha256(SCORES).hexdigest(),
        replaces_sha256="",
        modes={
            "single": ScoringMeta(
                model="m", sample=None, status="done", counts={"0": ScoringCount(rated=3)}, files={}, prompts="p"
            )
        },
    )
)
MANIFEST = Manifest(
    evol_version="1",
    status="done",
    generations=1,
    seeds=SeedsSource(path="s", count=1, sha256="0" * 64),
    settings={"random_seed": 0},
    fingerprint={},
    eliminator={},
)
STORED = b"".join(
    serialise_seed(Seed(id=f"s{n}", instruction=f"Do {n}.", response="", skill="k")) + b"\n" for n in (1, 2)
)
ROW = Row(
    id="s.1", seed_id="s", generation=1, parent_id="s.0", operation="deepen", instruction="Do it.", response="Done.",
    evolver_model="m", response_model="m", finish_reason="stop", input_tokens=1, output_tokens=2,
)  # fmt: skip


@fuzzed()
@given(damage([SCORES, SCORES_META], most=3), damage([SCORES_META, SCORES], most=3), st.booleans())
def test_scores_files(place: Path, scores: bytes, meta: bytes, is_known: bool) -> None:
    """Changed scores, and scores whose digest was changed with them, are read or refused."""
    folder = place / "scores"
    folder.mkdir(exist_ok=True)
    if is_known:
        meta = re.sub(rb'"sha256":"[0-9a-f]{64}"', b'"sha256":"%s"' % hashlib.sha256(scores).hexdigest().encode(), meta)
    (folder / SCORES_NAME).write_bytes(scores)
    (folder / META_NAME).write_bytes(meta)
    with may_refuse(FolderError, folder):
        for found in read_difficulty(folder, MANIFEST).values():
            found.model_dump_json()
        if (known := read_meta(folder)) is not None and known.sha256 == hashlib.sha256(scores).hexdigest():
            assert all(1 <= score.score <= 10 for score in read_scores(folder))


@fuzzed()
@given(damage([dump(MANIFEST)]), damage([STORED]))
def test_manifests_and_stored_seeds(place: Path, manifest: bytes, seeds: bytes) -> None:
    """A changed manifest and changed seeds of a run folder are read or refused; so is a changed marker of a mix."""
    folder = place / "folder"
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST_NAME).write_bytes(manifest)
    (folder / SEEDS_NAME).write_bytes(seeds)
    read_marker(folder / MANIFEST_NAME)
    for read in (read_manifest, lambda folder: list(read_seeds_again(folder))):
        with may_refuse(FolderError, folder):
            assert read(folder) is not None


@fuzzed()
@given(damage([dump(ROW) + b"\n", dump(ROW.model_copy(update={"id": "t.1", "seed_id": "t"})) + b"\n"]))
def test_rows(place: Path, content: bytes) -> None:
    """A changed file of rows is read row for row by merge, or refused with its line, also where its digest is right."""
    path = place / "generation-1.jsonl"
    path.write_bytes(content)
    files = {
        "generation-0.jsonl": FileDigest(rows=0, sha256=hashlib.sha256(b"").hexdigest()),
        path.name: FileDigest(rows=1, sha256=hashlib.sha256(content).hexdigest()),
    }
    (place / "generation-0.jsonl").write_bytes(b"")
    source = Source(place, "", MANIFEST.model_copy(update={"files": files}))
    with RowFiles([source]) as opened, may_refuse(FolderError, path):
        assert all(orjson.loads(dump(placed.row)) for placed in opened.scan())


# --- questions, responses, ballots, benchmarks

QUESTIONS = (
    to_lines({"id": "a", "instruction": "Why?", "response": "So.", "skill": "x", "difficulty": 3}),
    to_lines({"question_id": 1, "text": "Why?", "category": "c", "output": "So."}, {"idx": 2, "Instruction": "How?"}),
)
QUESTION_KEYS = (
    "id",
    "idx",
    "question_id",
    "instruction",
    "text",
    "input",
    "skill",
    "difficulty",
    "response",
    "output",
)


@fuzzed()
@given(damage(QUESTIONS) | st.lists(wild(QUESTION_KEYS), max_size=3).map(lambda records: to_lines(*records)))
def test_questions_and_responses(place: Path, content: bytes) -> None:
    """Files of questions and of responses are read, or refused with their names."""
    path, other = place / "a.jsonl", place / "b.jsonl"
    path.write_bytes(content)
    other.write_bytes(QUESTIONS[0])
    with may_refuse(InputError, path):
        assert all(question.id and question.instruction for question in read_questions(path))
    with may_refuse(InputError, path):
        find_common(read_response_sets([path, other]))


BALLOT_KEY = dump(
    BallotKey(ballot="0" * 32, names=["a", "b"], random_seed=0, questions=[BallotQuestion(id="q", order=[1, 0])])
)
BALLOT = json.dumps({"format": 1, "ballot": "0" * 32, "annotator": "Ann", "ranks": {"q": [1, 2]}}).encode()


@fuzzed()
@given(damage([BALLOT], most=3), damage([BALLOT_KEY], most=2))
def test_ballots(place: Path, ballot: bytes, key: bytes) -> None:
    """A changed ballot or key is counted or refused."""
    paths = place / "ballot.json", place / "key.json"
    for path, content in zip(paths, (ballot, key), strict=True):
        path.write_bytes(content)
    # reading is tried here, and two thousand resamples each time would take most of it
    with may_refuse(InputError), mock.patch.object(resampling, "RESAMPLES", 20):
        read_key(paths[1])
        count_ballots([paths[0]], paths[1]).model_dump_json()


@fuzzed()
@given(
    damage(QUESTIONS) | wild(benchmark.QUESTION_KEYS).map(lambda record: json.dumps(record).encode()),
    st.sampled_from([".jsonl", ".json", ".txt", ""]),
)
@example(b'{"question": ' + b"[" * 100_000, ".jsonl")
@example(b'{"question": ' + b"[" * 900 + b'"x"' + b"]" * 900 + b"}", ".json")
def test_benchmark_files(place: Path, content: bytes, suffix: str) -> None:
    """Files of `--against` give questions or are refused."""
    path = place / f"benchmark{suffix}"
    path.write_bytes(content)
    with may_refuse(UsageError, path):
        assert all(isinstance(question, str) for _, question in benchmark.read_questions(path))
