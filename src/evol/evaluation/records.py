"""What the evaluation commands pass on and persist: versioned wire formats, as `evol.records` has them for a run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from evol.records import CallCount


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Question(_Frozen):
    """One test question."""

    id: str
    """Given in the file, or the first 16 hex digits of sha256 over the normalised instruction."""
    instruction: str
    skill: str = ""
    """A skill or category, "" where the file names none."""
    difficulty: int | float = 0
    """1 to 10, 0 where the file names none."""


class ResponseRow(Question):
    """A row of `evol respond`'s file: these columns, in this order, never null."""

    response: str
    """Without thinking; "" where nothing came back."""
    model: str
    """The configured name."""
    finish_reason: str
    input_tokens: int
    """-1 where the server gave no usage."""
    output_tokens: int
    """-1 where the server gave no usage."""


Order = Literal["ab", "ba"]
"""Whose response the judge read first."""

Winner = Literal["a", "b", "tie", "unreadable"]


class Verdict(_Frozen):
    """A row of `verdicts.jsonl`: one reading of one pair by the judge; these columns, in this order, never null."""

    id: str
    """Of the question."""
    a: str
    """Name of a response file."""
    b: str
    order: Order
    winner: Winner
    """Of this reading alone."""
    score_a: float
    """1 to 10, 0 where the verdict could not be read."""
    score_b: float
    reason: str
    """The judge's text, without thinking; of the last ask."""
    asks: int
    """1, or 2 where the first verdict could not be read."""
    skill: str
    difficulty: int | float
    judge_model: str


class Interval(_Frozen):
    """A figure and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Tally(_Frozen):
    """How A did against B on some questions: wins + ties + losses + unreadable + unfinished = questions."""

    questions: int
    wins: int
    """Of A."""
    ties: int
    losses: int
    unreadable: int
    """Questions of which a verdict could not be read; no part of any rate."""
    unfinished: int
    """Questions whose calls failed or were not reached; no part of any rate."""
    score_a: float
    """Sum of A's scores, over the judged questions."""
    score_b: float
    win_rate: Interval | None
    """(wins + ties / 2) / judged questions; None where nothing was judged."""
    decided_win_rate: Interval | None
    """wins / (wins + losses); None where nothing was decided."""
    capacity: Interval | None
    """A's total score over B's."""


class Bias(_Frozen):
    """What the place of a response did to the verdicts."""

    read_both_ways: int
    """Questions with readable verdicts in both orders."""
    for_first: int
    """Of them, whoever stood first won both times."""
    for_second: int
    """Of them, whoever stood second won both times."""
    wavered: int
    """Of them, a tie in one order and a win in the other."""
    rate: float | None
    """(for_first + for_second) / read_both_ways."""
    first_wins: int
    """Readings, over all orders, that the response which stood first won."""
    second_wins: int


class Pair(_Frozen):
    """A against B."""

    a: str
    b: str
    overall: Tally
    by_skill: dict[str, Tally]
    """In the order of their first question; empty where the questions name none."""
    by_difficulty: dict[str, Tally]
    """"1-4", "5-7" and "8-10", those that occur."""
    bias: Bias
    unreadable_verdicts: int
    reasked: int
    """Verdicts that could only be read, or not even then, at the second ask."""


class Rating(_Frozen):
    """A Bradley-Terry rating on Elo's scale: 400 points are odds of ten to one, the mean is 1000."""

    name: str
    rating: Interval


COMPARISON_FORMAT = 1


class Comparison(_Frozen):
    """What `evol compare --json` prints."""

    format: int = COMPARISON_FORMAT
    """Version of this layout; keys are only ever added within one version."""
    judge_model: str
    order: Literal["both", "alternate"]
    questions: int
    """That all files have."""
    left_out: dict[str, int]
    """By file: questions that not all files have."""
    empty_responses: dict[str, int]
    """By file, where there are any; an empty response is judged like any other."""
    pairs: list[Pair]
    ratings: list[Rating]
    """Best first; empty for two files."""
    resamples: int
    """Of each bootstrap interval."""


class WinRate(_Frozen):
    """How annotators ranked one pair."""

    a: str
    b: str
    votes: int
    wins: int
    ties: int
    losses: int
    win_rate: Interval | None
    """(wins + ties / 2) / votes."""
    decided_win_rate: Interval | None


class Agreement(_Frozen):
    """Whether annotators say the same beyond chance."""

    method: Literal["Cohen's kappa", "Fleiss' kappa"]
    kappa: float | None
    """None where nothing could disagree: all said the same everywhere, or no question was ranked by all."""
    items: int
    """Pairs of responses, over all questions, that every annotator ranked."""
    observed: float | None
    """Share of agreeing annotator pairs."""


BALLOT_FORMAT = 1


class BallotKey(_Frozen):
    """`ballot.key.json`: which response is whose; kept away from the annotators."""

    format: int = BALLOT_FORMAT
    ballot: str
    """Digest of the page's texts in their order; a ballot names the one it was filled in on."""
    names: list[str]
    """Of the response files."""
    random_seed: int
    questions: list[BallotQuestion]


class BallotQuestion(_Frozen):
    """One question of the key."""

    id: str
    order: list[int]
    """Which file, by its place in `names`, stood at each place of the page."""


class Ballot(_Frozen):
    """What the page exports."""

    format: int
    ballot: str
    annotator: str
    ranks: dict[str, list[int]]
    """By question id: a rank (1 is best, equal numbers are a tie) for each place of the page; unranked are left out."""


class BallotCount(_Frozen):
    """What `evol ballot count --json` prints."""

    format: int = BALLOT_FORMAT
    ballot: str
    annotators: dict[str, int]
    """By name: questions ranked."""
    questions: int
    pairs: list[WinRate]
    agreement: Agreement | None
    """None for a single annotator."""
    resamples: int


class FileMeta(_Frozen):
    """`<stem>.meta.json` beside a command's file: how it was made; it marks the file as written by evol."""

    format: int = 1
    evol_version: str
    command: str
    status: str
    """done, unfinished, budget, endpoint or interrupted."""
    settings: dict[str, Any]
    """What changes requests already made; a file keeps its settings."""
    rows: int
    unfinished: int
    calls: dict[str, CallCount]
    sha256: str
    replaces_sha256: str
    """Of the file before, so that a kill between the two writes leaves a known file."""
