"""From verdicts to figures: who won, by how much, and what the place of a response did. Pure.

A question is won by the response that wins every reading of it; readings that disagree make a tie (`--order both`). A
question with an unreadable or missing reading is counted as such and is part of no rate. `capacity` is the paper's
figure: A's total score over B's.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from evol.draws import draw_integer
from evol.evaluation.records import Bias, Order, Pair, Question, Rating, Tally, Verdict
from evol.evaluation.resampling import bootstrap, rate, rate_rivals, ratio

Protocol = Literal["both", "alternate"]

BANDS = (("1-4", 4.5), ("5-7", 7.5), ("8-10", 10.5))
"""Difficulty bands with the upper bound of each; a fraction counts with the nearest integer."""

Result = Literal["win", "tie", "loss", "unreadable", "unfinished"]
_RESULTS: dict[str, Result] = {"a": "win", "tie": "tie", "b": "loss"}

Readings = Mapping[Order, Verdict]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one question for one pair.

    Attributes:
        result: A's.
        score_a: mean over the readings, 0 where the question was not judged.
        score_b: likewise.
    """

    result: Result
    score_a: float = 0.0
    score_b: float = 0.0


def list_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """All pairs of response files, each once, the earlier file first."""
    return list(itertools.combinations(names, 2))


def choose_orders(question_id: str, protocol: Protocol) -> tuple[Order, ...]:
    """In which orders a question is judged.

    `both` is the default; `alternate` is the paper's: odd ids one way, even ids the other. An id that is no number is
    placed by a hash of it, so that it keeps its place when questions are added.
    """
    if protocol == "both":
        return "ab", "ba"
    number = int(question_id) if question_id.isdecimal() else draw_integer(0, "order", question_id)
    return ("ab",) if number % 2 else ("ba",)


def settle(readings: Readings, orders: Sequence[Order]) -> Settled:
    """What the readings of one question come to."""
    found = [readings[order] for order in orders if order in readings]
    if any(verdict.winner == "unreadable" for verdict in found):
        return Settled("unreadable")
    if len(found) < len(orders):
        return Settled("unfinished")
    winners = {verdict.winner for verdict in found}
    result = _RESULTS[winners.pop()] if len(winners) == 1 else "tie"
    scores = [sum(scores) / len(found) for scores in zip(*((v.score_a, v.score_b) for v in found), strict=True)]
    return Settled(result, *scores)


def tally(settled: Sequence[Settled], random_seed: int, *purpose: str | int) -> Tally:
    """Counts, rates and capacity over some questions."""
    counts = Counter(one.result for one in settled)
    judged = [one for one in settled if one.result in _RESULTS.values()]
    columns = [
        [float(one.result == "win") for one in judged],
        [float(one.result == "tie") for one in judged],
        [float(one.result == "loss") for one in judged],
        [one.score_a for one in judged],
        [one.score_b for one in judged],
    ]
    win_rate, decided_win_rate, capacity = bootstrap(
        columns,
        [
            lambda sums: rate(*sums[:3]),
            lambda sums: rate(sums[0], 0, sums[2]),
            lambda sums: ratio(sums[3], sums[4]),
        ],
        random_seed,
        *purpose,
    )
    return Tally(
        questions=len(settled),
        wins=counts["win"],
        ties=counts["tie"],
        losses=counts["loss"],
        unreadable=counts["unreadable"],
        unfinished=counts["unfinished"],
        score_a=sum(columns[3]),
        score_b=sum(columns[4]),
        win_rate=win_rate,
        decided_win_rate=decided_win_rate,
        capacity=capacity,
    )


def measure_bias(readings: Iterable[Readings]) -> Bias:
    """What the place of a response did: a judge without bias names the same response in both orders."""
    for_first = for_second = wavered = both = first_wins = second_wins = 0
    for found in readings:
        # from response to place: who stood first in "ab" is a, in "ba" b
        places = {
            order: {"a": order[0] == "a", "b": order[0] == "b"}.get(verdict.winner)
            for order, verdict in found.items()
            if verdict.winner != "unreadable"
        }
        first_wins += sum(place is True for place in places.values())
        second_wins += sum(place is False for place in places.values())
        if len(places) < 2:
            continue
        both += 1
        for_first += places["ab"] is True and places["ba"] is True
        for_second += places["ab"] is False and places["ba"] is False
        wavered += (places["ab"] is None) != (places["ba"] is None)
    return Bias(
        read_both_ways=both,
        for_first=for_first,
        for_second=for_second,
        wavered=wavered,
        rate=ratio(for_first + for_second, both),
        first_wins=first_wins,
        second_wins=second_wins,
    )


def compare_pair(
    a: str,
    b: str,
    questions: Sequence[Question],
    readings: Mapping[str, Readings],
    protocol: Protocol,
    random_seed: int,
) -> tuple[Pair, list[Settled]]:
    """All figures of one pair, and what became of each question.

    Args:
        a: name of a response file.
        b: name of another.
        questions: that both have.
        readings: by question id; missing where nothing came.
        protocol: in which orders was judged.
        random_seed: of the bootstrap's draws.
    """
    settled = [settle(readings.get(one.id, {}), choose_orders(one.id, protocol)) for one in questions]
    verdicts = [verdict for found in readings.values() for verdict in found.values()]
    skills = _group((one.skill for one in questions), settled)
    by_band = _group((find_band(one.difficulty) for one in questions), settled)
    bands = {name: by_band[name] for name, _ in BANDS if name in by_band}
    pair = Pair(
        a=a,
        b=b,
        overall=tally(settled, random_seed, a, b),
        by_skill={name: tally(part, random_seed, a, b, "skill", name) for name, part in skills.items()},
        by_difficulty={name: tally(part, random_seed, a, b, "difficulty", name) for name, part in bands.items()},
        bias=measure_bias(readings.values()),
        unreadable_verdicts=sum(verdict.winner == "unreadable" for verdict in verdicts),
        reasked=sum(verdict.asks > 1 for verdict in verdicts),
    )
    return pair, settled


def rate_all(
    names: Sequence[str], settled: Mapping[tuple[str, str], Sequence[Settled]], random_seed: int
) -> list[Rating]:
    """Bradley-Terry ratings over all pairs, best first; questions that were not judged count for nobody."""
    values = {"win": (1.0, 0.0), "tie": (0.5, 0.5), "loss": (0.0, 1.0)}
    columns = {}
    for (a, b), outcomes in settled.items():
        points = [values.get(one.result, (0.0, 0.0)) for one in outcomes]
        columns[names.index(a), names.index(b)] = [ours for ours, _ in points], [theirs for _, theirs in points]
    ratings = rate_rivals(len(names), columns, random_seed)
    found = [Rating(name=name, rating=rating) for name, rating in zip(names, ratings, strict=True)]
    return sorted(found, key=lambda one: -one.rating.value)


def find_band(difficulty: float) -> str:
    """The band of a difficulty, "" where there is none."""
    return next((name for name, upper in BANDS if difficulty < upper), "") if difficulty else ""


def _group(keys: Iterable[str], settled: Sequence[Settled]) -> dict[str, list[Settled]]:
    groups: dict[str, list[Settled]] = {}
    for key, one in zip(keys, settled, strict=True):
        if key:
            groups.setdefault(key, []).append(one)
    return groups
