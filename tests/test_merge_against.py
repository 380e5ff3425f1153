"""Decontamination: benchmarks of every shape, long and short questions, and the descendants of what matches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evol.errors import UsageError
from evol.mixing.benchmark import find_questions
from evol.mixing.contamination import Benchmarks
from scripted_runs import make_told_run, merge, read_rows

TRAIN = (
    "A freight train leaves the harbour at seven in the morning with forty wagons and stops at nine small stations to "
    "leave four wagons at each; how many wagons arrive at the last town?"
)
GARDEN = "Describe how you would turn a shady backyard into a garden for bees on a budget of sixty euros"
SHORT = "Name three rivers that flow north in Asia"

LINEAGES = {
    "t": [
        TRAIN,
        "Plan the timetable of a small railway company with a single line and two engines",
        "And now with three",
    ],
    "g": [GARDEN, f"Read this first. {TRAIN} Then describe it as a poem.", "Write the poem again without the letter e"],
    "s": [SHORT, "Compare two of the rivers you know in a table", "Turn the table into a short text for children"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three lineages: a seed that is a question, a child that quotes it, a seed that is a short question."""
    return make_told_run(tmp_path_factory.mktemp("against") / "r", LINEAGES)


def write_benchmark(path: Path, questions: list[str]) -> Path:
    """A benchmark file of the kind that the name says."""
    match path.suffix:
        case ".jsonl":
            path.write_text("".join(json.dumps({"id": n, "question": text}) + "\n" for n, text in enumerate(questions)))
        case ".json":
            path.write_text(json.dumps({"data": [{"prompt": text, "choices": ["a"]} for text in questions]}, indent=1))
        case ".txt":
            path.write_text("\n".join(questions))
        case _:
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.table({"problem": questions, "level": [1] * len(questions)}), path)
    return path


@pytest.mark.parametrize("name", ["b.jsonl", "b.json", "b.txt", "b.parquet"])
def test_every_kind_of_file_is_read(tmp_path: Path, folder: Path, name: str) -> None:
    """The same questions in JSONL, JSON, text and parquet leave out the same rows, and the report names the file."""
    path = write_benchmark(tmp_path / name, ["What else is there to be asked about an empty room?", TRAIN])
    report = merge([folder], tmp_path / "mix.jsonl", "alpaca", against=(path,))
    assert report.left_out == {"contaminated": 5}
    removed = {row["id"]: row for row in read_rows(tmp_path / "mix.removed.jsonl")}
    assert removed.keys() == {"t.0", "t.1", "t.2", "g.1", "g.2"}
    assert "13 words of" in removed["t.0"]["detail"]
    assert str(path) in removed["t.0"]["detail"]
    assert removed["t.0"]["detail"].endswith("stand in the instruction")


def test_descendants_go_with_their_ancestor(tmp_path: Path, folder: Path) -> None:
    """A row is left out with everything evolved from it, and its ancestors stay; the file says which ancestor."""
    path = write_benchmark(tmp_path / "b.jsonl", [TRAIN])
    report = merge([folder], tmp_path / "mix.jsonl", "alpaca", against=(path,))
    assert {row["instruction"] for row in read_rows(report.out)} == {GARDEN, *LINEAGES["s"]}
    removed = {row["id"]: row for row in read_rows(tmp_path / "mix.removed.jsonl")}
    assert {removed[name]["other_id"] for name in ("t.1", "t.2")} == {"t.0"}
    assert removed["g.2"]["other_id"] == "g.1"
    assert removed["g.2"]["detail"] == "an ancestor matches"


def test_an_ancestor_outside_the_mix_counts(tmp_path: Path, folder: Path) -> None:
    """Leaving the seeds out does not wash their descendants."""
    path = write_benchmark(tmp_path / "b.jsonl", [TRAIN])
    report = merge([folder], tmp_path / "mix.jsonl", against=(path,), no_seeds=True)
    assert report.left_out == {"contaminated": 4}
    assert report.rows == 2


@pytest.mark.parametrize(
    ("question", "gone"),
    [
        (SHORT, {"s.0", "s.1", "s.2"}),
        ("name three RIVERS, that flow north in asia?!", {"s.0", "s.1", "s.2"}),
        ("Name five large rivers that flow south through Africa", set()),
        ("Name 3 rivers that flow north in Asia", {"s.0", "s.1", "s.2"}),
        ("Read this first", set()),
        ("without the letter e", set()),
        ("again without the letter e", {"g.2"}),
        ("Describe how you would turn", {"g.0", "g.1", "g.2"}),
    ],
)
def test_short_questions_are_found(tmp_path: Path, folder: Path, question: str, gone: set[str]) -> None:
    """Below 13 words a question counts where it stands whole (five words or more) or nearly is the instruction."""
    path = write_benchmark(tmp_path / "b.txt", [question])
    merge([folder], tmp_path / "mix.jsonl", against=(path,))
    assert {row["id"] for row in read_rows(tmp_path / "mix.removed.jsonl")} == gone


def test_eight_words_find_more_than_thirteen(tmp_path: Path, folder: Path) -> None:
    """`--ngram 8` sees a question of which only nine words were taken over."""
    question = f"Before the war, {' '.join(TRAIN.split()[:9])} of the old capital to fetch coal for the winter"
    path = write_benchmark(tmp_path / "b.txt", [question])
    assert merge([folder], tmp_path / "mix.jsonl", against=(path,)).left_out == {}
    assert merge([folder], tmp_path / "mix.jsonl", against=(path,), ngram=8).left_out == {"contaminated": 5}


def test_responses_are_searched(tmp_path: Path) -> None:
    """A question that a response repeats counts as well."""
    make_told_run(tmp_path / "r", {"a": [GARDEN]}, {GARDEN: f"First solve this: {TRAIN}"})
    path = write_benchmark(tmp_path / "b.txt", [TRAIN])
    assert merge([tmp_path / "r"], against=(path,)).left_out == {"contaminated": 1}
    assert "stand in the response" in read_rows(tmp_path / "r" / "mix.removed.jsonl")[0]["detail"]


def test_a_paraphrase_is_not_found_and_the_card_says_so(tmp_path: Path, folder: Path) -> None:
    """N-grams cannot see a paraphrase; the card tells method, n, files, and this limit."""
    said = (
        "At 7 a.m. forty wagons go out of a port on rails; four are uncoupled at every one of nine halts. What is left?"
    )
    path = write_benchmark(tmp_path / "b.txt", [said])
    assert merge([folder], tmp_path / "mix.jsonl", against=(path,), ngram=8).left_out == {}
    card = (tmp_path / "mix.card.md").read_text()
    assert "n-gram of 8 words" in card
    assert "do not see paraphrases or translations" in card
    assert "`b.txt`" in card
    assert "1 questions, 0 rows matched" in card
    merge([folder], tmp_path / "mix.jsonl")
    assert "Decontamination was not done" in (tmp_path / "mix.card.md").read_text()


def test_several_benchmarks_are_told_apart(tmp_path: Path, folder: Path) -> None:
    """`--against` may stand several times; the card counts matches by file."""
    paths = (write_benchmark(tmp_path / "x.txt", [TRAIN]), write_benchmark(tmp_path / "y.jsonl", [SHORT, GARDEN]))
    report = merge([folder], tmp_path / "mix.jsonl", against=paths)
    assert report.left_out == {"contaminated": 9}
    card = (tmp_path / "mix.card.md").read_text()
    assert "1 questions, 2 rows matched" in card
    assert "2 questions, 2 rows matched" in card


@pytest.mark.parametrize(
    ("record", "questions"),
    [
        ({"question": "Q", "answer": "A", "id": "x"}, ["Q"]),
        ({"Question": "Q", "Correct Answer": "A"}, ["Q"]),
        ({"question": {"stem": "Q", "choices": ["A"]}, "answerKey": "B"}, ["Q"]),
        ({"prompt": "def f():", "canonical_solution": "pass"}, ["def f():"]),
        ({"instruction": "Do", "input": "this", "output": "A"}, ["Do\nthis"]),
        ({"turns": ["Q1", "Q2"], "category": "math"}, ["Q1", "Q2"]),
        ({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}, ["Q"]),
        ({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}, ["Q"]),
        ({"examples": [{"input": "Q1", "target": "A"}, {"input": "Q2", "target": "B"}]}, ["Q1", "Q2"]),
        ({"data": [{"paragraphs": [{"context": "C", "qas": [{"question": "Q"}]}]}]}, ["Q"]),
        ({"HumanEval/0": {"prompt": "Q"}}, ["Q"]),
        ({"answer": "A", "solution": "S", "choices": ["a", "b"]}, []),
        (["Q1", "Q2"], ["Q1", "Q2"]),
        ("Q", ["Q"]),
        ({"question": "  "}, []),
    ],
)
def test_questions_are_found_in_records(record: Any, questions: list[str]) -> None:
    """The usual keys of benchmarks name the question; answers and choices are never read."""
    assert list(find_questions(record)) == questions


def make_file(path: Path, content: bytes) -> Path:
    """A file."""
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.jsonl", None, ("none.jsonl", "no such file")),
        ("b.jsonl", b'{"question": "a"}\n{x\n', ("b.jsonl:2", "not valid JSON")),
        ("b.json", b'[{"question": "a"}', ("b.json", "not valid JSON")),
        ("b.json", b"[" * 100_000, ("b.json", "deep")),
        ("b.jsonl", b'{"answer": "a"}\n', ("no questions", "question, stem, problem")),
        ("b.txt", b"", ("b.txt", "no questions")),
        ("b.txt", b"\xff\xfe", ("b.txt:1", "not UTF-8")),
        ("b.parquet", b"PAR0", ("b.parquet", "no parquet file")),
        ("none.parquet", None, ("none.parquet", "no such file")),
        ("b.csv", b"question\n", ("b.csv", ".csv is not read")),
    ],
)
def test_an_unreadable_benchmark_is_one_sentence(
    tmp_path: Path, folder: Path, name: str, content: bytes | None, words: tuple[str, ...]
) -> None:
    """What, where, what to do; nothing is written."""
    path = tmp_path / name
    if content is not None:
        make_file(path, content)
    with pytest.raises(UsageError) as caught:
        merge([folder], tmp_path / "mix.jsonl", against=(path,))
    assert all(word in str(caught.value) for word in words)
    assert caught.value.exit_code == 2
    assert {found.name for found in tmp_path.iterdir()} <= {name}


def test_a_lookup_does_not_depend_on_the_size_of_the_benchmark() -> None:
    """Ten thousand questions beside it do not change what a row matches."""
    found = Benchmarks(13)
    for number in range(10_000):
        words = [f"w{number}x{place}" for place in range(number % 30 + 1)]
        found._add(Path("b"), f"b:{number}", words)
    found._add(Path("b"), "b:train", TRAIN.lower().split())
    found._short.sort()
    assert found.find(GARDEN, "Nothing of the kind.") is None
    hit = found.find(f"First: {TRAIN.lower()}", "")
    assert hit
    assert "b:train" in hit[0]
