"""The parts of a mix that are worth stating alone: what matches a benchmark, what is a copy, how lengths are told."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from evol.errors import UsageError
from evol.mixing import columns
from evol.mixing.contamination import Benchmarks
from evol.mixing.near import NearIndex
from evol.mixing.rows import Facts
from evol.mixing.writing import measure_lengths
from evol.words import cut_shingles, measure_overlap, split_words

WORDS = [f"word{n}" for n in range(15)]


def find(folder: Path, questions: list[str], instruction: str, response: str = "", ngram: int = 13) -> str | None:
    """How a row matches a benchmark of these questions, whose file is called b.txt."""
    path = folder / "b.txt"
    path.write_text("\n".join(questions))
    benchmarks = Benchmarks.load([path], ngram)
    assert benchmarks.tallies[path].questions == len(questions)
    found = benchmarks.find(instruction, response)
    assert found is None or found[1] == path
    return found[0].replace(f"{path}", "b.txt") if found else None


@pytest.mark.parametrize(
    ("question", "instruction", "ngram", "how"),
    [
        (WORDS[:13], ["so", *WORDS[:13], "then"], 13, "13 words"),
        (WORDS[:15], WORDS[2:15], 13, "13 words"),
        (WORDS[:15], WORDS[3:15], 13, None),  # twelve of fifteen
        (WORDS[:12], ["so", *WORDS[:12], "and", "much", "more"], 13, "all words"),
        (WORDS[:12], ["so", *WORDS[:11], "and", "much", "more"], 13, None),
        (WORDS[:8], ["so", *WORDS[:8], "and", "much", "more"], 8, "8 words"),
        (WORDS[:7], ["so", *WORDS[:7], "and", "much", "more"], 8, "all words"),
        (WORDS[:5], ["so", *WORDS[:5], "and", "much", "more"], 13, "all words"),
        (WORDS[:4], ["so", *WORDS[:4], "and", "much", "more"], 13, None),
        (WORDS[:6], [*WORDS[:5], "sixty", "and", "much", "more"], 13, None),  # words are whole
        (WORDS[:6], [*WORDS[:5], "and", *WORDS[:6]], 13, "all words"),  # its head alone stands earlier
    ],
)
def test_questions_inside_a_row(
    tmp_path: Path, question: list[str], instruction: list[str], ngram: int, how: str | None
) -> None:
    """An n-gram of a long question, the whole of a shorter one, nothing of a phrase; in instruction and response."""
    questions = ["Is this another question that is asked?", " ".join(question)]
    text = " ".join(instruction)
    told = f"{how} of b.txt:2 stand in the" if how else None
    assert find(tmp_path, questions, text, ngram=ngram) == (told and f"{told} instruction")
    assert find(tmp_path, questions, "Unlike it.", text, ngram) == (told and f"{told} response")
    assert find(tmp_path, questions, text, text, ngram) == (told and f"{told} instruction")


def test_questions_that_begin_alike(tmp_path: Path) -> None:
    """The one that stands there is named; of two that do, the first."""
    head = " ".join(WORDS[:5])
    questions = [f"{head} apples", f"{head} pears", f"{head} pears now", " ".join(WORDS[:14]), " ".join(WORDS[1:15])]
    assert find(tmp_path, questions, f"so {head} pears now") == "all words of b.txt:2 stand in the instruction"
    assert find(tmp_path, questions, " ".join(WORDS[1:14])) == "13 words of b.txt:4 stand in the instruction"
    assert find(tmp_path, questions, " ".join(WORDS[2:15])) == "13 words of b.txt:5 stand in the instruction"


@pytest.mark.parametrize(
    ("question", "instruction", "percent"),
    [
        ("abcdefghij", "Abcdefghij!", 100),
        ("abcdefghij", "abcdefghiX", 90),
        ("abcdefghi", "abcdefghX", None),  # 88.9
        ("abcdefghi", "abcdefghiXY", 90),
        ("abcdefghiXY", "abcdefghi", 90),
        ("abcdefghi", "abcdefghiXYZ", None),
        ("abcdefghiXYZ", "abcdefghi", None),
        ("abcd efghijk lmnopq rstuvwxyz", "abcd efghijk lmnopq rstuvwxy", 98),
    ],
)
def test_short_questions_that_are_nearly_the_instruction(
    tmp_path: Path, question: str, instruction: str, percent: int | None
) -> None:
    """From 90 % on, whichever of the two is longer; a response that resembles a question is none."""
    questions = ["Who?", question, "What was it that was said?"]
    told = f"the instruction is {percent} % like b.txt:2" if percent else None
    assert find(tmp_path, questions, instruction) == told
    assert find(tmp_path, questions, "Something else.", instruction) is None


def test_of_like_questions_the_likest_is_named(tmp_path: Path) -> None:
    """Not the first one above 90 %."""
    questions = ["abcdefghijklX", "abcdefghijklmn", "abcdefghijklm"]
    assert find(tmp_path, questions, "abcdefghijklm") == "the instruction is 100 % like b.txt:3"


def measure(first: str, second: str) -> float:
    """The overlap of the word 3-grams of two texts."""
    return measure_overlap(cut_shingles(split_words(first)), cut_shingles(split_words(second)))


LONG = " ".join(f"word{n}" for n in range(40))
CHANGED = LONG.replace("word7 ", "other ")


@pytest.mark.parametrize(
    ("lineages", "threshold", "lineage_threshold", "is_found"),
    [
        ([1, 2], 0.8, 0.9, True),
        ([1, 2], 0.9, 0.9, False),
        ([1, 1], 0.8, 0.9, False),
        ([1, 1], 0.8, 0.85, True),
    ],
)
def test_a_copy_is_told_with_its_likeness(
    lineages: list[int], threshold: float, lineage_threshold: float, is_found: bool
) -> None:
    """The lower of overlap and likeness; between lineages and within one by a bar of its own."""
    index = NearIndex(threshold, lineage_threshold)
    index.add(["Another text of no importance."])
    index.add([LONG, CHANGED])
    texts = ["Another text of no importance.", LONG, CHANGED]
    overlap = measure(LONG, CHANGED)
    assert 0.85 < overlap < 0.9
    found = list(index.find([0, 2, 1], [0, *lineages], texts.__getitem__))
    assert [one[:2] for one in found] == ([(1, 2)] if is_found else [])
    assert [one[2] for one in found] == ([pytest.approx(overlap)] if is_found else [])


def test_copies_of_copies_go_once_each() -> None:
    """Each repeats one that stays, the best; rows that are not asked about are nobody's copy."""
    index = NearIndex(0.7, 0.9)
    texts = [LONG, "Something else.", LONG, LONG.upper(), "something ELSE!", LONG]
    index.add(texts)
    found = list(index.find([3, 1, 0, 4, 2], range(6), texts.__getitem__))
    assert found == [(0, 3, 1.0), (4, 1, 1.0), (2, 3, 1.0)]


def test_texts_alike_in_words_but_not_in_order_stay() -> None:
    """The same 3-grams elsewhere: characters in their order decide, and they are the lower figure."""
    halves = [" ".join(f"{name}{n}" for n in range(20)) for name in ("left", "right")]
    texts = [" ".join(halves), " ".join(halves[::-1])]
    assert measure(*texts) > 0.8
    for bar, expected in ((0.8, []), (0.4, [(1, 0)])):
        index = NearIndex(bar, bar)
        index.add(texts)
        found = list(index.find([0, 1], [0, 1], texts.__getitem__))
        assert [one[:2] for one in found] == expected
        assert all(one[2] < 0.7 for one in found)


def test_lengths_by_nearest_rank() -> None:
    """Half, nine tenths and 99 % of the rows do not exceed the percentiles; only rows that were chosen count."""
    facts = Facts(system_tokens=5)
    facts.instruction_tokens.extend(range(1, 301))
    facts.response_tokens.extend([10] * 300)
    lengths = measure_lengths(facts, array("I", range(200)), is_exact=True)
    assert lengths.is_exact
    assert lengths.rows == {
        "instruction": (100.5, 100, 180, 198, 200),
        "response": (10.0, 10, 10, 10, 10),
        "whole row": (115.5, 115, 195, 213, 215),
    }
    few = measure_lengths(facts, array("I", [2]), is_exact=False)
    assert few.rows["instruction"] == (3.0, 3, 3, 3, 3)
    assert not few.is_exact
    assert measure_lengths(facts, array("I"), is_exact=False).rows == {}


def test_parquet_is_written_a_group_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the mix; columns stand as asked for, compressed, whatever the order in a row."""
    from pyarrow import parquet

    monkeypatch.setattr(columns, "ROWS_A_GROUP", 3)
    path = tmp_path / "x.parquet"
    writer = columns.ParquetWriter(path, ["id", "text"])
    rows = [{"text": f"text {number}", "id": str(number)} for number in range(7)]
    for row in rows:
        writer.write(row)
    writer.close()
    with parquet.ParquetFile(path) as file:
        assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [3, 3, 1]
        assert file.schema_arrow.names == ["id", "text"]
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert list(columns.read_parquet(path, "--against")) == [
        (f"{path}: row {number}", row) for number, row in enumerate(rows, 1)
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "no such file"), (b"not parquet at all", "no parquet file (Parquet magic bytes not found")],
)
def test_a_parquet_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, why: str) -> None:
    """One sentence: what asked for it, which file, and why."""
    path = tmp_path / "x.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        list(columns.read_parquet(path, "--against"))
    assert caught.value.message.startswith(f"--against {path}: {why}")
    assert caught.value.hint == "check the path"
