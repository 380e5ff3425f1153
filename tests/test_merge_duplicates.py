"""Duplicates in a mix: exact and near, within a lineage and across, which one stays, and the file that says so."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evol.errors import UsageError
from evol.mixing.near import NearIndex, choose_band_width
from evol.words import cut_shingles, measure_overlap, split_words
from scripted_runs import make_told_run, merge, read_rows

RIVER = (
    "Explain in simple words why rivers bend more and more over the years, and name two rivers whose bends were cut "
    "off by engineers to make shipping faster"
)
BREAD = "Write a recipe for a dark bread with sunflower seeds that a beginner can bake in an old gas oven on a weekday"
MUSIC = "Compare how a violin and a clarinet produce their sound and say which of them a child of six could learn first"


def read_mix(report: Any) -> set[str]:
    """Instructions of an alpaca mix."""
    return {row["instruction"] for row in read_rows(report.out)}


def read_removed(report: Any) -> list[dict[str, Any]]:
    """What was left out, and why."""
    return read_rows(report.out.with_name("mix.removed.jsonl"))


def compare(first: str, second: str) -> float:
    """Overlap of the word 3-grams of two texts."""
    return measure_overlap(*(cut_shingles(split_words(text)) for text in (first, second)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lineages; `b` evolves into a near copy of `a`'s seed, and every child resembles its parent."""
    return make_told_run(
        tmp_path_factory.mktemp("near") / "r",
        {
            "a": [RIVER, f"{RIVER}, with a sketch for each of them"],
            "b": [BREAD, RIVER.replace("simple", "plain")],
        },
    )


def test_a_child_may_resemble_its_parent(tmp_path: Path, folder: Path) -> None:
    """Near copies across lineages go, at the same similarity those within a lineage stay; the deepest is kept."""
    parent, child = (cut_shingles(split_words(text)) for text in (RIVER, f"{RIVER}, with a sketch for each of them"))
    assert 0.7 < measure_overlap(parent, child) < 0.9
    report = merge([folder], tmp_path / "mix.jsonl", "alpaca", dedupe="near")
    assert read_mix(report) == {BREAD, RIVER.replace("simple", "plain"), f"{RIVER}, with a sketch for each of them"}
    assert report.left_out == {"near_duplicate": 1}
    [gone] = read_removed(report)
    assert (gone["id"], gone["reason"], gone["other_id"], gone["instruction"]) == (
        "a.0",
        "near_duplicate",
        "b.1",
        RIVER,
    )
    assert 0.7 <= gone["similarity"] < 1


def test_the_likeness_of_a_near_copy_is_told(tmp_path: Path) -> None:
    """As a share of one, beside the row that was kept."""
    text = "Describe in plain words how a bicycle stays upright while it is ridden slowly"
    make_told_run(tmp_path / "r", {"a": [text], "b": [text.upper()]})
    merge([tmp_path / "r"], dedupe="near")
    [row] = read_rows(tmp_path / "r" / "mix.removed.jsonl")
    assert (row["reason"], row["similarity"]) == ("near_duplicate", 1.0)
    assert {row["id"], row["other_id"]} == {"a.0", "b.0"}


def test_the_earliest_is_kept_when_asked_for(tmp_path: Path, folder: Path) -> None:
    """`--keep earliest` turns the choice around."""
    report = merge([folder], tmp_path / "mix.jsonl", "alpaca", dedupe="near", keep="earliest")
    assert read_mix(report) == {BREAD, RIVER, f"{RIVER}, with a sketch for each of them"}
    assert [row["id"] for row in read_removed(report)] == ["b.1"]


def test_the_bar_within_a_lineage_can_be_lowered(tmp_path: Path, folder: Path) -> None:
    """With one bar for all a child that adds little takes its parent's place."""
    report = merge([folder], tmp_path / "mix.jsonl", "alpaca", dedupe="near", lineage_threshold=0.7)
    assert read_mix(report) <= {BREAD, f"{RIVER}, with a sketch for each of them", RIVER.replace("simple", "plain")}
    assert "a.0" in [row["id"] for row in read_removed(report)]


def test_a_higher_threshold_keeps_more(tmp_path: Path, folder: Path) -> None:
    """At 0.95 nothing here is a copy."""
    assert merge([folder], tmp_path / "mix.jsonl", dedupe="near", threshold=0.95).rows == 4


@pytest.mark.parametrize(("keep", "stays"), [("deepest", "b.1"), ("earliest", "a.0")])
def test_of_exact_repeats_the_asked_one_stays(tmp_path: Path, keep: str, stays: str) -> None:
    """The deepest by default; layout and Unicode form do not make a text another one."""
    make_told_run(tmp_path / "r", {"a": ["Sing  a café song.", MUSIC], "b": [BREAD, "Sing a cafe\u0301 song."]})
    report = merge([tmp_path / "r"], None, "alpaca", keep=keep)
    [gone] = read_removed(report)
    assert {gone["id"], stays} == {"a.0", "b.1"}
    assert (gone["reason"], gone["other_id"], gone["similarity"]) == ("exact_duplicate", stays, 1.0)


def test_off_keeps_every_row(tmp_path: Path) -> None:
    """`--dedupe off` leaves exact repeats in."""
    make_told_run(tmp_path / "r", {"a": [BREAD, MUSIC], "b": [RIVER, MUSIC]})
    assert merge([tmp_path / "r"], dedupe="off").rows == 4
    assert merge([tmp_path / "r"]).rows == 3


def test_a_chain_of_small_changes_keeps_its_ends(tmp_path: Path) -> None:
    """A row goes only if it repeats one that stays: the middle of a chain goes, or both ends do, never all but one."""
    words = [f"word{n}" for n in range(40)]
    chain = [" ".join([*words[: 40 - 6 * step], *(f"new{n}" for n in range(6 * step))]) for step in range(3)]
    assert min(compare(chain[0], chain[1]), compare(chain[1], chain[2])) > 0.6 > compare(chain[0], chain[2])
    make_told_run(tmp_path / "r", {str(n): [text] for n, text in enumerate(chain)})
    report = merge([tmp_path / "r"], dedupe="near", threshold=0.6, lineage_threshold=0.9)
    assert report.rows in (1, 2)
    for gone in read_removed(report):
        assert gone["other_id"] not in [row["id"] for row in read_removed(report)]


def find_copies(texts: list[str], threshold: float) -> list[tuple[int, int, float]]:
    """Near duplicates among texts of lineages of their own."""
    index = NearIndex(threshold, threshold)
    index.add(texts)
    return list(index.find(range(len(texts)), range(len(texts)), texts.__getitem__))


def test_every_copy_is_found_among_many() -> None:
    """Of 300 copies with one word in forty changed among 3,000 other texts at least 298 are found, and nothing else."""
    draw = random.Random(0)
    texts = [" ".join(f"w{draw.randrange(5000)}" for _ in range(40)) for _ in range(3000)]
    copies = []
    for text in texts[:300]:
        words = text.split()
        words[draw.randrange(40)] = "changed"
        copies.append(" ".join(words))
    found = find_copies([*texts, *copies], 0.7)
    assert all(index == 3000 + other and similarity >= 0.7 for index, other, similarity in found)
    assert len(found) >= 298


@pytest.mark.parametrize(
    ("first", "second", "is_copy"),
    [
        ("Write a poem about rain", "Write a poem about snow", False),
        ("Write a poem about rain", "write a poem, about RAIN!", True),
        ("alpha beta gamma delta epsilon zeta eta theta", "epsilon zeta eta theta alpha beta gamma delta", False),
        ("写一首关于秋天雨水和离别的短诗给老朋友", "写一首关于秋天雨水和离别的短诗给老朋友吧", True),
        ("写一首关于秋天雨水和离别的短诗给老朋友", "写一封关于春天花朵和相遇的长信给新同事", False),
        ("Hi", "Hi!", True),
        ("Hi", "Ho", False),
        ("", "", True),
    ],
)
def test_what_counts_as_a_copy(first: str, second: str, is_copy: bool) -> None:
    """Case and punctuation do not count, word order does, a script without spaces is read by characters."""
    assert bool(find_copies([first, second], 0.7)) == is_copy


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
def test_bands_propose_pairs_at_the_threshold(threshold: float) -> None:
    """The design rule of the bands: a pair at the threshold is missed with at most half a percent."""
    width = choose_band_width(threshold)
    assert (1 - threshold**width) ** (128 // width) <= 0.005


@settings(database=None, deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join), max_size=12))
def test_what_stays_has_no_copy_and_what_goes_has_one(texts: list[str]) -> None:
    """For any texts: each row that goes repeats one that stays by what was reported, and none goes twice."""
    found = find_copies(texts, 0.7)
    gone = [index for index, _, _ in found]
    assert len(set(gone)) == len(gone)
    for index, other, similarity in found:
        assert other not in gone
        assert compare(texts[index], texts[other]) >= similarity >= 0.7


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"dedupe": "fuzzy"}, ("fuzzy", "exact, near or off")),
        ({"keep": "longest"}, ("longest", "deepest or earliest")),
        ({"threshold": 0.8}, ("--threshold", "--dedupe near")),
        ({"dedupe": "off", "lineage_threshold": 0.8}, ("--lineage-threshold", "--dedupe near")),
        ({"dedupe": "near", "threshold": 1.2}, ("1.2", "between 0.1 and 1")),
        ({"dedupe": "near", "threshold": 0.0}, ("between 0.1 and 1",)),
        ({"dedupe": "near", "threshold": 0.8, "lineage_threshold": 0.7}, ("0.7 is below --threshold 0.8",)),
    ],
    ids=str,
)
def test_thresholds_that_cannot_be_are_refused(tmp_path: Path, more: dict[str, Any], words: tuple[str, ...]) -> None:
    """One sentence that names the flag, before any run is read."""
    with pytest.raises(UsageError) as caught:
        merge([tmp_path], tmp_path / "mix.jsonl", **more)
    assert all(word in str(caught.value) for word in words)
