"""`evol ballot count`: what people's ballots come to: win rates by pair, and whether the annotators agree."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from evol.errors import InputError
from evol.evaluation.ballot import read_key
from evol.evaluation.records import BALLOT_FORMAT, Agreement, Ballot, BallotCount, BallotKey, WinRate
from evol.evaluation.resampling import RESAMPLES, bootstrap, compute_cohens_kappa, compute_fleiss_kappa, rate
from evol.files import load_strictly

_MAX_BYTES = 64 * 1024 * 1024


def count_ballots(paths: Sequence[Path], key_path: Path) -> BallotCount:
    """Count the ballots of one page.

    A vote is one annotator's order of one pair at one question. Intervals are bootstrapped over questions. Agreement is
    over every pair of responses that all annotators ranked: Cohen's kappa for two, Fleiss' for more.

    Args:
        paths: what the page exported, one file for each annotator.
        key_path: written beside the page.

    Raises:
        InputError: a file is no ballot, is of another page, ranks what is not there, or an annotator comes twice.
    """
    key = read_key(key_path)
    places = {question.id: question.order for question in key.questions}
    ballots: dict[str, Ballot] = {}
    origins: dict[str, Path] = {}
    for path in paths:
        ballot = _read_ballot(path, key, places)
        if ballot.annotator in ballots:
            raise InputError(
                f"{path}: a ballot of {ballot.annotator!r}, and so is {origins[ballot.annotator]}",
                "count each annotator once; if they are two people, give one another name in the file",
            )
        ballots[ballot.annotator], origins[ballot.annotator] = ballot, path
    # by annotator and question, the rank of each file in the order of the key's names
    ranks = {name: _unshuffle(ballot, places) for name, ballot in ballots.items()}
    if not any(ranks.values()):
        raise InputError("no question is ranked in any of these ballots", "rank some, and save as JSON again")
    ids = [question.id for question in key.questions]
    pairs = list(itertools.combinations(range(len(key.names)), 2))
    return BallotCount(
        ballot=key.ballot,
        annotators={name: len(found) for name, found in ranks.items()},
        questions=len(ids),
        pairs=[_count_pair(key, a, b, ids, list(ranks.values())) for a, b in pairs],
        agreement=_measure_agreement(ids, pairs, list(ranks.values())) if len(ranks) > 1 else None,
        resamples=RESAMPLES,
    )


Ranks = dict[str, list[int]]
"""By question, the rank of each file."""


def _count_pair(key: BallotKey, a: int, b: int, ids: list[str], ranks: list[Ranks]) -> WinRate:
    columns: list[list[float]] = [[], [], []]
    for question_id in ids:
        said = Counter(_compare(found[question_id], a, b) for found in ranks if question_id in found)
        for column, label in zip(columns, ("a", "tie", "b"), strict=True):
            column.append(float(said[label]))
    wins, ties, losses = (int(sum(column)) for column in columns)
    win_rate, decided = bootstrap(
        columns,
        [lambda sums: rate(*sums), lambda sums: rate(sums[0], 0, sums[2])],
        key.random_seed,
        "ballot",
        key.names[a],
        key.names[b],
    )
    return WinRate(
        a=key.names[a],
        b=key.names[b],
        votes=wins + ties + losses,
        wins=wins,
        ties=ties,
        losses=losses,
        win_rate=win_rate,
        decided_win_rate=decided,
    )


def _measure_agreement(ids: list[str], pairs: list[tuple[int, int]], ranks: list[Ranks]) -> Agreement:
    shared = [question_id for question_id in ids if all(question_id in found for found in ranks)]
    items = [[_compare(found[one], a, b) for found in ranks] for one in shared for a, b in pairs]
    if len(ranks) == 2:
        kappa, observed = compute_cohens_kappa([(first, second) for first, second in items])
        return Agreement(method="Cohen's kappa", kappa=kappa, items=len(items), observed=observed)
    kappa, observed = compute_fleiss_kappa(items)
    return Agreement(method="Fleiss' kappa", kappa=kappa, items=len(items), observed=observed)


def _compare(ranks: list[int], a: int, b: int) -> str:
    if ranks[a] == ranks[b]:
        return "tie"
    return "a" if ranks[a] < ranks[b] else "b"


def _unshuffle(ballot: Ballot, places: dict[str, list[int]]) -> Ranks:
    found: Ranks = {}
    for question_id, given in ballot.ranks.items():
        ranks = [0] * len(given)
        for file, rank in zip(places[question_id], given, strict=True):
            ranks[file] = rank
        found[question_id] = ranks
    return found


def _read_ballot(path: Path, key: BallotKey, places: dict[str, list[int]]) -> Ballot:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: too large for a ballot", "name what the page saved as JSON")
        ballot = Ballot.model_validate(load_strictly(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "check the path") from None
    except (ValidationError, ValueError):  # no JSON, no UTF-8, or other keys
        raise InputError(f"{path}: not a ballot", "name what the page saved as JSON") from None
    if ballot.format > BALLOT_FORMAT:
        raise InputError(f"{path}: made with a newer evol", "use that version or a newer one")
    if ballot.ballot != key.ballot:
        raise InputError(f"{path}: filled in on another page than the key belongs to", "name the key of its own page")
    if not ballot.annotator.strip():
        raise InputError(f"{path}: names no annotator", "write a name into the file")
    for question_id, ranks in ballot.ranks.items():
        count = len(places.get(question_id, ()))
        if not count:
            raise InputError(f"{path}: the question {question_id!r} is not on the page", "name an unchanged ballot")
        if len(ranks) != count or not all(1 <= rank <= count for rank in ranks):
            raise InputError(
                f"{path}: the ranks of question {question_id!r} are {str(ranks)[:60]}, not {count} numbers from 1 to "
                f"{count}",
                "name an unchanged ballot",
            )
    return ballot
