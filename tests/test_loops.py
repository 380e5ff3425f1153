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


def _say(number: int) -> str:
    """So many different words."""
    return " ".join(_WORDS[:number])


def _list_lines(distinct: int, number: int, mark: str) -> str:
    """So many sentences, of which so many are distinct, in no order."""
    which = [each % distinct for each in range(number)]
    random.Random(3).shuffle(which)
    return "".join(f"{_say(2)} {_WORDS[20 + each]}{mark}" for each in which)


def _count_on(number: int, words: int, first: int = 3, step: int = 1) -> str:
    return " ".join(f"step {first + each * step} {_say(words)}" for each in range(number))


@pytest.mark.parametrize(
    ("words", "times"), [(1, 7), (2, 5), (3, 5), (4, 5), (5, 4), (9, 4), (10, 3), (11, 3), (40, 3)]
)
def test_how_often_is_a_loop(words: int, times: int) -> None:
    """One word seven times, two to four words five times, five and more four times, ten and more three times."""
    before, after = " ".join(_WORDS[60:70]), " ".join(_WORDS[70:80])
    piece = _say(words)
    for number in (times - 1, times, times + 1):
        found = find_loop(Reading(f"{before} {' '.join([piece] * number)} {after}"))
        assert found == (f"repeats {piece[:60]!r}" if number >= times else None)


@pytest.mark.parametrize(("words", "times"), [(9, 99), (10, 3), (12, 3), (15, 3)])
def test_a_long_piece_may_repeat_inside(words: int, times: int) -> None:
    """A piece of ten words and more that says three words twice is found where it follows itself three times."""
    piece = [*_WORDS[:4], *_WORDS[:3], *_WORDS[7:words]]
    for number in (2, 3, 4):
        text = " ".join([*_WORDS[60:70], *piece * number, *_WORDS[70:80]])
        found = find_loop(Reading(text))
        assert (found is not None) is (number >= times)
        assert not found or found.removeprefix("repeats '").removesuffix("'").split()[1:] == piece[:-1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ha " * 10, None),
        ("na na na hey " * 6, None),
        ("ha mad " * 6, "repeats 'ha mad'"),
        ("1 2 " * 10, None),
        ("1 mad " * 6, "repeats '1 mad'"),
        ("so " * 8 + "3" * 59, "repeats 'so'"),
        ("3" * 59 + " is it", None),
        ("3" * 60 + " is it", "repeats the digit '3' without end"),
        ("1.7" + "3" * 60 + " is it", "repeats the digit '3' without end"),
        ("mad" + "o" * 19, None),
        ("mad" + "o" * 20, "repeats 'o' 20 times or more"),
        ("mad " + ("ab" * 21)[:40], None),
        ("mad " + ("ab" * 21)[:41], "repeats 'ab'"),
        ("mad " + ("abcdefghij" * 5)[:41], "repeats 'abcdefghij'"),
        ("mad " + ("abcdefghijk" * 5)[:41], None),
        ("mad " + ("a1" * 21)[:41], None),
        ("Fix it:\n" + "f(0);\n" * 19, None),
        ("Fix it:\n" + "  f(0);\n" * 20, "repeats the line 'f(0);'"),
        ("Fix it:\n" + "0, 1, 2;\n" * 20, None),
        ("Fix it:\n" + "f(0);\n" * 19 + "g(0);\n" * 19, None),
        ("Fix it:\n" + "  abcd(0);\n  abcd(1);\n" * 7, None),
        ("Fix it:\n" + "  abcd(0);\n  abcd(1);\n" * 8, "repeats the lines 'abcd(1);'"),
        ("Fix it:\n" + "  abcd(0);\n  abcd(1);\n abcd(2);\n" * 8, "repeats the lines 'abcd(2);'"),
        ("Fix it:\n" + "  abcd(0);\n  abcd(1);\n abcd(2);\nabcd(3);\n" * 8, "repeats the lines 'abcd(3);'"),
        ("Fix it:\n" + "  abcd(0);\n  abcd(1);\n abcd(2);\nabcd(3);\nabcd(4);\n" * 8, None),
        ("Fix it:\n" + "  abc(0);\n  abc(1);\n" * 8, None),  # brackets and the like repeat by nature
        ("Fix it:\n" + ("  abcd(0);\n  abcd(1);\n" * 4 + "stop();\n") * 2, None),
        (_count_on(8, 5), None),
        (_count_on(9, 5), f"repeats '{_say(5)} step'"),
        ("x ² y " + _count_on(9, 5), f"repeats '{_say(5)} step'"),  # a digit, and no number
        (_count_on(9, 4), f"repeats '{_say(4)} step'"),
        (_count_on(9, 3), None),
        (_count_on(12, 5, step=2), None),
        (_count_on(9, 5, first=96), f"repeats '{_say(5)} step'"),
        (_count_on(4, 5) + " " + _count_on(5, 5, first=9), None),
        (_count_on(9, 18), f"repeats '{_say(18)[:60]}'"),
        (_list_lines(3, 8, "\n"), "3 of 8 lines or sentences are distinct"),
        (_list_lines(3, 8, ". "), "3 of 8 lines or sentences are distinct"),
        (_list_lines(3, 8, " é\n"), "3 of 8 lines or sentences are distinct"),
        (_list_lines(3, 7, "\n"), None),
        (_list_lines(4, 10, "\n"), None),
        (_list_lines(4, 11, "\n"), "4 of 11 lines or sentences are distinct"),
        (_list_lines(8, 20, ". "), None),
        ("\n".join(f"{each}) river" for each in range(9)), None),
        ("\n".join(f"{each}) riverbank" for each in range(9)), "1 of 9 lines or sentences are distinct"),
    ],
)
def test_what_else_is_a_loop(text: str, found: str | None) -> None:
    """Digits, letters, lines of code, counting and lists, each with the longest that lives and the first that dies."""
    said = find_loop(Reading(text))
    assert (said and said.partition(":")[0]) == found
