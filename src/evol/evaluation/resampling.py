"""Statistics of the evaluation commands: bootstrap intervals, Bradley-Terry ratings, kappa. Pure.

Bootstrap: the percentile method (Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13). Questions are
drawn with replacement, as many as there are, RESAMPLES times; everything that was said about a drawn question comes
with it (both orders, all pairs, all annotators), so what is said about one question need not be independent. The
interval runs from the 2.5th to the 97.5th percentile. Draws are hashes (`draws.draw_sample`): the same figures every
time. Over a handful of questions such an interval is too narrow; look at the count beside it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from evol.draws import draw_sample
from evol.evaluation.records import Interval

RESAMPLES = 2000
CONFIDENCE = 0.95

Statistic = Callable[[Sequence[float]], float | None]
"""A figure as a function of the sums over questions; None where it is undefined."""

_VIRTUAL = 0.5
"""Wins that each rival is given over each other, one virtual tie: a rival without a loss has a finite rating."""
_MAX_STEPS = 500


def bootstrap(
    columns: Sequence[Sequence[float]], statistics: Sequence[Statistic], random_seed: int, *purpose: str | int
) -> list[Interval | None]:
    """Figures with their intervals; None for one that is undefined on the whole.

    Args:
        columns: summands by question, all of one length; `statistics` see their sums.
        statistics: computed on the same resamples.
        random_seed: of the draws.
        purpose: what is drawn for.
    """
    count = len(columns[0]) if columns else 0
    values = [statistic([sum(column) for column in columns]) if count else None for statistic in statistics]
    samples: list[list[float]] = [[] for _ in statistics]
    for number in range(RESAMPLES if any(value is not None for value in values) else 0):
        places = draw_sample(random_seed, count, "bootstrap", *purpose, number)
        sums = [sum(map(column.__getitem__, places)) for column in columns]
        for sample, statistic in zip(samples, statistics, strict=True):
            if (drawn := statistic(sums)) is not None:
                sample.append(drawn)
    return [
        None if value is None else Interval(value=value, low=low, high=high)
        for value, (low, high) in zip(values, map(_find_bounds, samples), strict=True)
    ]


def rate(wins: float, ties: float, losses: float) -> float | None:
    """Share of wins, a tie being half of one."""
    total = wins + ties + losses
    return (wins + ties / 2) / total if total else None


def ratio(upper: float, lower: float) -> float | None:
    """A quotient, None where it is undefined."""
    return upper / lower if lower else None


def fit_ratings(wins: Sequence[Sequence[float]], start: Sequence[float] | None = None) -> list[float]:
    """Bradley-Terry strengths on Elo's scale: 400 points are odds of ten to one, the mean is 1000.

    The maximum of the likelihood by Hunter's MM steps ("MM algorithms for generalized Bradley-Terry models", 2004); a
    tie is half a win for each. One virtual tie is added to each pair.

    Args:
        wins: `wins[i][j]`: how often i won over j.
        start: ratings to begin from, for speed alone.
    """
    count = len(wins)
    won = [sum(wins[i][j] + _VIRTUAL for j in range(count) if j != i) for i in range(count)]
    games = [[wins[i][j] + wins[j][i] + 2 * _VIRTUAL for j in range(count)] for i in range(count)]
    strengths = [10 ** ((rating - 1000) / 400) for rating in start] if start else [1.0] * count
    for _ in range(_MAX_STEPS):
        updated = [
            won[i] / sum(games[i][j] / (strengths[i] + strengths[j]) for j in range(count) if j != i)
            for i in range(count)
        ]
        mean = math.exp(sum(map(math.log, updated)) / count)
        updated = [strength / mean for strength in updated]
        moved = max(abs(math.log(new / old)) for new, old in zip(updated, strengths, strict=True))
        strengths = updated
        if moved < 1e-7:
            break
    return [1000 + 400 * math.log10(strength) for strength in strengths]


def rate_rivals(
    count: int, columns: Mapping[tuple[int, int], tuple[Sequence[float], Sequence[float]]], random_seed: int
) -> list[Interval]:
    """Ratings of `count` rivals with bootstrap intervals.

    Args:
        count: of rivals.
        columns: by pair (i, j): by question, the wins of i over j and of j over i, a tie being half of each; 0 and 0
            where it was not judged. All columns of one length.
        random_seed: of the draws.
    """
    questions = len(next(iter(columns.values()))[0])
    whole = fit_ratings(_fill(count, {pair: (sum(ours), sum(theirs)) for pair, (ours, theirs) in columns.items()}))
    samples: list[list[float]] = [[] for _ in range(count)]
    for number in range(RESAMPLES):
        places = draw_sample(random_seed, questions, "bootstrap", "ratings", number)
        sums = {
            pair: (sum(map(ours.__getitem__, places)), sum(map(theirs.__getitem__, places)))
            for pair, (ours, theirs) in columns.items()
        }
        for sample, rating in zip(samples, fit_ratings(_fill(count, sums), whole), strict=True):
            sample.append(rating)
    bounds = map(_find_bounds, samples)
    return [Interval(value=value, low=low, high=high) for value, (low, high) in zip(whole, bounds, strict=True)]


def _fill(count: int, sums: dict[tuple[int, int], tuple[float, float]]) -> list[list[float]]:
    wins = [[0.0] * count for _ in range(count)]
    for (i, j), (ours, theirs) in sums.items():
        wins[i][j], wins[j][i] = ours, theirs
    return wins


def _find_bounds(sample: list[float]) -> tuple[float, float]:
    if not sample:
        return math.nan, math.nan
    ordered = sorted(sample)
    tail = (1 - CONFIDENCE) / 2
    return _interpolate(ordered, tail), _interpolate(ordered, 1 - tail)


def _interpolate(ordered: list[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def compute_cohens_kappa(items: Sequence[tuple[str, str]]) -> tuple[float | None, float | None]:
    """Cohen's kappa of two annotators, and the share of items on which they agree.

    Cohen, "A coefficient of agreement for nominal scales", 1960: (observed - expected) / (1 - expected), expected from
    each annotator's own shares.

    Args:
        items: what each of the two said.

    Returns:
        (kappa, observed); kappa is None where nothing could disagree, both where there are no items.
    """
    if not items:
        return None, None
    count = len(items)
    observed = sum(first == second for first, second in items) / count
    firsts, seconds = Counter(first for first, _ in items), Counter(second for _, second in items)
    expected = sum(firsts[label] * seconds[label] for label in firsts) / count**2
    return (None if expected == 1 else (observed - expected) / (1 - expected)), observed


def compute_fleiss_kappa(items: Sequence[Sequence[str]]) -> tuple[float | None, float | None]:
    """Fleiss' kappa of three or more annotators, and the mean share of agreeing annotator pairs.

    Fleiss, "Measuring nominal scale agreement among many raters", 1971; expected from the shares over all annotators.

    Args:
        items: what each annotator said, equally many for each item.

    Returns:
        As `compute_cohens_kappa`.
    """
    if not items:
        return None, None
    raters = len(items[0])
    counts = [Counter(item) for item in items]
    pairs = raters * (raters - 1)
    observed = sum(sum(n * (n - 1) for n in count.values()) / pairs for count in counts) / len(items)
    totals = Counter(label for item in items for label in item)
    expected = sum((n / (len(items) * raters)) ** 2 for n in totals.values())
    return (None if math.isclose(expected, 1) else (observed - expected) / (1 - expected)), observed
