"""The measures of texts and times that stats is made of: words, variety, refusals, busy time, mixed prices."""

from __future__ import annotations

import random
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evol.cost import mix_prices
from evol.diversity import WINDOW, Variety, measure_distinct
from evol.elimination.texts import count_words
from evol.flaws import is_refusal, is_truncated
from evol.records import Price
from evol.speed import LONGEST_PAUSE, BusyTime, find_percentile
from evol.words import cut_shingles, measure_overlap, split_words

INTERVALS = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 90)).map(lambda pair: (pair[0], sum(pair))))


@given(st.text(alphabet=string.printable))
def test_words_are_counted_alike_with_and_without_accents(text: str) -> None:
    """The short cut for plain ASCII counts what the rule for all scripts counts."""
    assert count_words(text) + 1 == count_words(f"{text} é")


@given(st.text(alphabet=string.printable))
def test_words_are_split_as_they_are_counted(text: str) -> None:
    """In ASCII and beyond, splitting and counting agree."""
    assert len(split_words(text)) == count_words(text)
    assert split_words(f"{text} é") == [*split_words(text), "é"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't STOP, it's 3.5!", ["don", "t", "stop", "it", "s", "3", "5"]),
        ("Größe ÜBER alles", ["grösse", "über", "alles"]),
        ("写一首诗", ["写", "一", "首", "诗"]),
        ("हिन्दी में लिखो", ["हिन्दी", "में", "लिखो"]),
        ("?! …", []),
    ],
)
def test_words_of_many_scripts(text: str, words: list[str]) -> None:
    """Case does not count; each Chinese character is a word; marks belong to their letter."""
    assert split_words(text) == words


def test_overlap_is_between_nothing_and_all() -> None:
    """Jaccard of sets; short texts are compared as a whole."""
    first, second = cut_shingles(["a", "b", "c", "d", "e"]), cut_shingles(["a", "b", "c", "d", "f"])
    assert measure_overlap(first, second) == 2 / 4
    assert measure_overlap(first, first) == 1
    assert measure_overlap(cut_shingles(["a"]), cut_shingles(["b"])) == 0


def test_distinct_is_the_share_of_different_ngrams() -> None:
    """By hand: four different words of six, four different pairs of five."""
    assert measure_distinct(["a", "b", "a", "b", "c", "d"]) == (4 / 6, 4 / 5)


def test_variety_does_not_fall_with_size() -> None:
    """Ten times the text of the same kind has the same distinct-1, where the plain share would be a fraction."""
    draw = random.Random(1)
    words = [f"w{number}" for number in range(2000)]
    small, large, all_words = Variety(), Variety(), []
    for number in range(400):
        text = [draw.choice(words) for _ in range(50)]
        all_words += text
        large.add(" ".join(text))
        if number < 40:
            small.add(" ".join(text))
    one, ten = small.freeze(), large.freeze()
    assert (one.words, ten.words) == (2 * WINDOW, 20 * WINDOW)
    assert one.distinct_1 == pytest.approx(ten.distinct_1, abs=0.02)
    assert measure_distinct(all_words)[0] < 0.2 < 0.7 < (ten.distinct_1 or 0)


def test_repetition_shows() -> None:
    """The same sentence again and again compresses far and has few different words; nothing at all has no figures."""
    same, varied, nothing = Variety(), Variety(), Variety()
    draw = random.Random(2)
    for _ in range(100):
        same.add("Explain how a kettle works, step by step.")
        varied.add(" ".join("".join(draw.choices(string.ascii_lowercase, k=6)) for _ in range(8)))
    poor, rich, none = same.freeze(), varied.freeze(), nothing.freeze()
    assert (poor.compression_ratio or 0) > 20 > 3 > (rich.compression_ratio or 0)
    assert (poor.distinct_1 or 0) < 0.05 < 0.9 < (rich.distinct_1 or 0)
    assert (none.distinct_1, none.distinct_2, none.compression_ratio) == (None, None, None)


REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "Sorry, that is not possible.",
    "I am very sorry; no.",
    "I cannot assist with this request.",
    "I can’t do that.",
    "Unfortunately, I am unable to provide this.",
    "I'm afraid I can't do that.",
    "**I'm not able to** help here.",
    "As an AI language model, I have no opinion.",
    "We apologize, but this is off limits.",
    "I won't write this.",
    "I don't feel comfortable with it.",
]
RESPONSES = [
    "Here is the poem you asked for. Sorry for the length.",
    "I cannot stress enough how much sleep matters.",
    "I can't wait to show you: first, boil water.",
    "No.",
    "A sorry state of affairs: the empire fell.",
    "Ich kann das gern erklären.",
    "As an aircraft climbs, the air gets thinner.",
    "",
]


def make_row(response: str, instruction: str = "Do it.", **more: Any) -> dict[str, Any]:
    """A row as far as flaws go."""
    return {"instruction": instruction, "response": response, "finish_reason": "stop", **more}


@pytest.mark.parametrize("response", REFUSALS)
def test_a_refusal_is_told_by_its_opening(response: str) -> None:
    """In whatever words a model declines; not where the task is about an apology."""
    assert is_refusal(make_row(response))
    assert not is_refusal(make_row(response, "Write an apology to a customer."))


@pytest.mark.parametrize("response", RESPONSES)
def test_a_response_is_no_refusal(response: str) -> None:
    """Words of apology further on, or in another sense, are none."""
    assert not is_refusal(make_row(response))
    assert is_refusal(make_row(response, reason="sorry"))


def test_a_cut_row_is_told_by_how_it_ended() -> None:
    """The server's reason, or the eliminator's."""
    assert is_truncated(make_row("x", reason="truncated"))
    assert is_truncated(make_row("x") | {"finish_reason": "length"})
    assert not is_truncated(make_row("x"))


@given(INTERVALS, st.randoms(use_true_random=False))
def test_busy_time_is_that_of_the_union(intervals: list[tuple[int, int]], draw: random.Random) -> None:
    """Whatever order they come in: the seconds covered, with pauses up to a minute filled."""
    expected, end = 0.0, None
    for begin, stop in sorted(intervals):
        if end is None or begin - end > LONGEST_PAUSE:
            expected += stop - begin
            end = stop
        else:
            expected += max(0, stop - end)
            end = max(end, stop)
    draw.shuffle(intervals)
    busy = BusyTime()
    for begin, stop in intervals:
        busy.add(begin, stop)
    assert busy.seconds == expected


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_a_percentile_is_a_value_by_rank(values: list[int], percent: int) -> None:
    """At least so many per cent of all do not exceed it, and it is the smallest such value."""
    found = find_percentile(sorted(values), percent)
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_mixed_prices_come_to_the_same_sum() -> None:
    """What the first and the later tokens cost at their own prices; unknown where one of them is."""
    first, then = Price(input=1, output=10), Price(input=4, output=2)
    mixed = mix_prices(first, (1000, 100), then, (5000, 300))
    assert mixed is not None
    assert mixed.of(5000, 300) == pytest.approx(first.of(1000, 100) + then.of(4000, 200))
    assert mix_prices(first, (0, 0), then, (5, 5)) == then
    assert mix_prices(first, (5, 5), then, (5, 5)) == first
    assert mix_prices(first, (5, 5), None, (5, 5)) == first
    assert mix_prices(None, (5, 5), then, (9, 9)) is None
    assert mix_prices(first, (5, 5), None, (9, 9)) is None
