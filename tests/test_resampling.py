from __future__ import annotations

import random
from collections import Counter

import pytest

from evol.draws import draw_sample
from evol.evaluation.resampling import (
    bootstrap,
    compute_cohens_kappa,
    compute_fleiss_kappa,
    fit_ratings,
    rate,
    rate_rivals,
    ratio,
)


def test_a_resample_is_drawn_evenly() -> None:
    """Places are drawn with replacement, each as likely as the others, and the same every time."""
    counts = Counter(place for number in range(2000) for place in draw_sample(0, 10, "even", number))
    assert set(counts) == set(range(10))
    expected = 2000
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_square < 27.9  # 9 degrees of freedom, p = 0.001
    assert draw_sample(3, 5, "x") == draw_sample(3, 5, "x")
    assert draw_sample(3, 50, "x") != draw_sample(4, 50, "x")


def test_bootstrap_agrees_with_an_independent_one() -> None:
    """Interval ends are within a fraction of a standard error of those that Python's own generator gives."""
    stream = random.Random(1)
    wins = [float(stream.random() < 0.6) for _ in range(300)]
    a, b = [stream.uniform(1, 10) for _ in range(300)], [stream.uniform(1, 10) for _ in range(300)]
    share, quotient = bootstrap(
        [wins, [1 - won for won in wins], a, b],
        [lambda sums: rate(sums[0], 0, sums[1]), lambda sums: ratio(sums[2], sums[3])],
        0,
        "test",
    )
    assert share is not None
    assert quotient is not None
    assert share.value == pytest.approx(sum(wins) / 300)
    assert quotient.value == pytest.approx(sum(a) / sum(b))
    drawn = [[stream.randrange(300) for _ in range(300)] for _ in range(4000)]
    shares = sorted(sum(wins[i] for i in places) / 300 for places in drawn)
    quotients = sorted(sum(a[i] for i in places) / sum(b[i] for i in places) for places in drawn)
    for found, sample in ((share, shares), (quotient, quotients)):
        spread = sample[3900] - sample[100]
        assert found.low == pytest.approx(sample[100], abs=spread / 15)
        assert found.high == pytest.approx(sample[3900], abs=spread / 15)


def test_bootstrap_covers_the_truth_as_often_as_it_says() -> None:
    """Over 200 made-up comparisons of 150 questions, about 95 % of the intervals hold the true rate."""
    stream = random.Random(2)
    held = 0
    for number in range(200):
        wins = [float(stream.random() < 0.55) for _ in range(150)]
        [found] = bootstrap([wins], [lambda sums: sums[0] / 150], 0, "coverage", number)
        assert found is not None
        held += found.low <= 0.55 <= found.high
    assert 180 <= held <= 199


def test_what_is_undefined_stays_none() -> None:
    """No questions, or nothing decided, gives no figure rather than a zero."""
    assert bootstrap([[], []], [lambda sums: 1.0], 0, "x") == [None]
    assert bootstrap([[0.0, 0.0]], [lambda sums: ratio(1, sums[0])], 0, "x") == [None]


def test_ratings_of_two_have_a_closed_form() -> None:
    """For two rivals the odds are the ratio of their wins, one virtual tie included."""
    first, second = fit_ratings([[0, 29.5], [9.5, 0]])
    assert first - second == pytest.approx(400 * 0.4771212547, abs=1e-3)  # log10 of 30 / 10
    assert first + second == pytest.approx(2000)


def test_ratings_recover_known_strengths() -> None:
    """Games drawn from known odds give the ratings back, inside their intervals, and in the right order."""
    truth = [1150.0, 1000.0, 970.0, 880.0]
    stream = random.Random(3)
    columns = {}
    for i in range(4):
        for j in range(i + 1, 4):
            odds = 1 / (1 + 10 ** ((truth[j] - truth[i]) / 400))
            wins = [float(stream.random() < odds) for _ in range(400)]
            columns[i, j] = wins, [1 - won for won in wins]
    found = rate_rivals(4, columns, 0)
    assert sum(one.value for one in found) == pytest.approx(4000)
    for rating, true in zip(found, truth, strict=True):
        assert rating.low < true < rating.high
        assert rating.high - rating.low < 100
    assert [one.value for one in found] == sorted((one.value for one in found), reverse=True)


def test_an_unbeaten_rival_has_a_finite_rating() -> None:
    """A rival that won everything is far ahead, not infinitely."""
    first, second, third = fit_ratings([[0, 40, 40], [0, 0, 20], [0, 20, 0]])
    assert 1200 < first < 2500
    assert second == pytest.approx(third, abs=1e-3)


def test_ratings_satisfy_the_likelihood_equations() -> None:
    """At the maximum, every rival's expected wins equal its wins: checked without the steps that found it."""
    wins: list[list[float]] = [[0, 31.5, 12], [18.5, 0, 22], [28, 18, 0]]
    ratings = fit_ratings(wins)
    for i in range(3):
        expected = won = 0.0
        for j in range(3):
            if i != j:
                games = wins[i][j] + wins[j][i] + 1
                expected += games / (1 + 10 ** ((ratings[j] - ratings[i]) / 400))
                won += wins[i][j] + 0.5
        assert expected == pytest.approx(won, abs=1e-4)


def test_cohens_kappa_of_a_textbook_table() -> None:
    """50 proposals, 20 both yes, 15 both no, 5 and 10 apart: 0.40."""
    items = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    kappa, observed = compute_cohens_kappa(items)
    assert kappa == pytest.approx(0.4)
    assert observed == pytest.approx(0.7)
    assert compute_cohens_kappa([("a", "a")] * 5) == (None, 1.0)
    assert compute_cohens_kappa([]) == (None, None)


def test_fleiss_kappa_of_a_textbook_table() -> None:
    """Ten subjects, fourteen raters, five categories: the published 0.210."""
    table = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    items = [[str(label) for label, count in enumerate(row) for _ in range(count)] for row in table]
    kappa, observed = compute_fleiss_kappa(items)
    assert kappa == pytest.approx(0.210, abs=5e-4)
    assert observed == pytest.approx(0.378, abs=5e-4)
    assert compute_fleiss_kappa([]) == (None, None)
