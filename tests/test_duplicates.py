"""Exact and near duplicates: what counts, how many of them are found, and that boilerplate costs no more than time."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from evol.duplicates import THRESHOLD, DuplicateFinder
from evol.figures import DuplicateStats
from evol.words import cut_shingles, measure_overlap

BASE = "Explain to a child of ten how a suspension bridge carries the weight of the cars that cross it every day."


def find(lineages: dict[str, list[str]]) -> DuplicateStats:
    """The counts over lineages of instructions."""
    with closing(DuplicateFinder(sum(map(len, lineages.values())))) as finder:
        for seed_id, instructions in lineages.items():
            finder.add(seed_id, instructions)
        return finder.freeze()


def test_exact_duplicates_are_equal_but_for_layout() -> None:
    """White space and Unicode form do not matter, case does; of each group all but one count."""
    found = find({"a": ["Say  hi.", "Caf\u00e9"], "b": ["Say hi.\n", "Cafe\u0301"], "c": ["say hi.", "Say hi."]})
    assert (found.rows, found.exact) == (6, 3)


def test_near_duplicates_are_of_other_lineages() -> None:
    """A changed word or other layout is near; a child is like its parent by design and is none."""
    other = BASE.replace("child of ten", "child of nine")
    assert find({"a": [BASE], "b": [other]}).near == 1
    assert find({"a": [BASE], "b": [BASE.upper()]}).near == 1
    assert find({"a": [BASE, other]}).near == 0
    assert find({"a": [BASE], "b": ["Explain how bees find their way home across many fields."]}).near == 0
    assert find({"a": ["?!"], "b": ["…"]}).near == 0


def test_a_lineage_is_not_compared_with_itself_though_others_share_its_bands() -> None:
    """Relatives that meet among strangers who are a little like them are still no duplicates."""
    draw = random.Random(3)
    words = BASE.split()
    strangers = {}
    for number in range(40):
        changed = list(words)
        for place in draw.sample(range(len(words)), 3):
            changed[place] = f"other{number}x{place}"
        strangers[f"b{number}"] = [" ".join(changed)]
    relatives = [BASE, f"{BASE} Be brief."]
    assert find({"a": relatives} | strangers).near == find({"a": relatives[:1]} | strangers).near


def test_an_exact_duplicate_is_not_near_as_well() -> None:
    """Each row counts once."""
    found = find({"a": [BASE], "b": [BASE], "c": [BASE.replace("ten", "nine")]})
    assert (found.rows, found.exact, found.near) == (3, 1, 1)


def write_texts(count: int) -> Iterator[str]:
    """Made-up instructions of 30 words."""
    draw = random.Random(5)
    words = [f"word{number}" for number in range(3000)]
    for _ in range(count):
        yield " ".join(draw.choices(words, k=30))


def test_nearly_all_near_duplicates_are_found() -> None:
    """Of a thousand planted at random distances, as many as a comparison of every pair finds, but for one in fifty."""
    draw = random.Random(6)
    lineages: dict[str, list[str]] = {}
    planted = 0
    for number, text in enumerate(write_texts(1000)):
        words = text.split()
        for place in draw.sample(range(30), draw.choice((1, 2, 3))):
            words[place] = f"new{place}"
        changed = " ".join(words)
        lineages |= {f"a{number}": [text], f"b{number}": [changed]}
        planted += measure_overlap(cut_shingles(text.split()), cut_shingles(words)) >= THRESHOLD
    found = find(lineages)
    assert 300 < planted < 700
    assert 0.98 * planted <= (found.near or 0) <= planted


def test_boilerplate_does_not_stall() -> None:
    """Twenty thousand instructions from one template share most of their bands, and are still done in seconds."""
    begun = time.process_time()
    found = find(
        {f"s{n}": [f"Write a short and friendly story about animal number {n} in the big zoo."] for n in range(20_000)}
    )
    assert time.process_time() - begun < 20
    assert found.near == 0


def test_a_large_run_is_sampled_by_lineage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit whole lineages are left out of the search, and the figures say how many rows were in it."""
    monkeypatch.setattr("evol.duplicates.MOST_ROWS", 500)
    found = find({f"s{number}": [text, f"{text} more"] for number, text in enumerate(write_texts(1000))})
    assert found.rows == 2000
    assert 380 < found.compared < 620
    assert found.compared % 2 == 0


@pytest.mark.parametrize("library", ["rensa", "rapidfuzz"])
def test_without_the_libraries_near_is_unknown(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Exact ones are counted all the same."""
    monkeypatch.setitem(sys.modules, library, None)
    found = find({"a": [BASE], "b": [BASE]})
    assert (found.exact, found.near, found.compared) == (1, None, 0)
