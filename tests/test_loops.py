"""The loop rule: what it sees at a glance must be what its slower parts would find."""

from __future__ import annotations

import random
import string

import pytest

from evol.elimination import loops
from evol.elimination.loops import find_loop
from evol.elimination.readings import Reading

_WORDS = [first + second + "a" for first in string.ascii_lowercase for second in string.ascii_lowercase]


def _surround(draw: random.Random, middle: list[str]) -> list[str]:
    before, after = (draw.sample(_WORDS, draw.randrange(60)) for _ in range(2))
    return [*before, *middle, *after]


@pytest.mark.parametrize("period", [1, 2, 3, 4, 5, 6, 9, 10, 11, 17, 40])
def test_the_glance_misses_no_run(period: int) -> None:
    """A piece repeated so often as the rule says is found, wherever it stands and whatever it repeats inside."""
    draw = random.Random(period)
    found = 0
    for _ in range(200):
        piece = draw.sample(_WORDS, period)
        if period > 4 and draw.random() < 0.3:
            piece[draw.randrange(period)] = piece[0]
        words = _surround(draw, piece * loops._count_needed(period))
        if loops._find_run(words) or loops._find_circle(words):
            found += 1
            assert find_loop(Reading(" ".join(words)))
    assert found > 150


def test_the_glance_misses_nothing_that_counts_on() -> None:
    """A sentence repeated with the next number is found, with and without marks between."""
    draw = random.Random(5)
    for length in range(5, 12):
        for mark in ("", ".", ",", "\n"):
            piece = " ".join(draw.sample(_WORDS, length))
            counted = [f"step {number} {piece}{mark}" for number in range(3, 13)]
            assert find_loop(Reading(" ".join(_surround(draw, counted))))


def test_the_glance_misses_no_alike_lines() -> None:
    """Lines and sentences that differ in their numbers alone are found among others."""
    draw = random.Random(6)
    for mark in (". ", "\n", "! "):
        line = " ".join(draw.sample(_WORDS, 4))
        parts = [f"{number}) {line}" for number in range(9)] + [" ".join(draw.sample(_WORDS, 5)) for _ in range(3)]
        assert find_loop(Reading(mark.join(parts) + mark.strip()))


def test_ordinary_text_holds_no_loop() -> None:
    """Words that come again, in no order, are no loop."""
    draw = random.Random(7)
    for _ in range(300):
        text = " ".join(draw.choices(_WORDS[:120], k=250))
        assert find_loop(Reading(text)) is None


def test_a_digit_without_end() -> None:
    """Sixty times the same digit, alone or inside a text."""
    assert find_loop(Reading("3." + "3" * 80)) == "repeats the digit '3' without end"
    assert find_loop(Reading("One third as a decimal is 0." + "3" * 60)) == "repeats the digit '3' without end"
    assert find_loop(Reading("A third is 0." + "3" * 50)) is None
