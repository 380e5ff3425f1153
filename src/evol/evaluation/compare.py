"""`evol compare`: every pair of response files, question by question, in front of a judge."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from evol.chat import build_body
from evol.cleaning import strip_thinking
from evol.config import LimitsConfig, ModelConfig, RunConfig
from evol.errors import EndpointError, EvolError, UsageError
from evol.evaluation.figures import (
    Protocol,
    Readings,
    Settled,
    choose_orders,
    compare_pair,
    list_pairs,
    rate_all,
)
from evol.evaluation.inputs import ResponseSet, find_common, list_empty, list_left_out, read_response_sets
from evol.evaluation.jobs import FileJob, Task
from evol.evaluation.judging import JudgePrompt, parse_scores
from evol.evaluation.records import Comparison, Order, Question, Verdict, Winner
from evol.evaluation.resampling import RESAMPLES
from evol.evaluation.respond import describe_model
from evol.lineage import Complete
from evol.records import CompletionRequest, Role

SAMPLING_DEFAULTS: dict[str, Any] = {
    "models": {
        "default": {"sampling": {"temperature": 0.0, "top_p": False, "frequency_penalty": False, "max_tokens": 1024}}
    }
}
"""A judge shall say the same when asked the same; the config may say otherwise."""

HOPELESS = 20
"""Unreadable verdicts, with no readable one among them, after which the judge is asked no more."""


@dataclass(frozen=True)
class Judge:
    """Who judges.

    Attributes:
        model: with its sampling.
        prompt: what it is told.
        random_seed: for models whose sampling says `seed = true`.
    """

    model: ModelConfig
    prompt: JudgePrompt
    random_seed: int

    def build_request(self, question: Question, first: str, second: str, ask: int, position: int) -> CompletionRequest:
        """The request for one reading. Both orders and all pairs of a question differ by their bodies alone."""
        messages = self.prompt.build_messages(question.instruction, first, second, is_reask=ask > 1)
        body = build_body(self.model, messages, self.random_seed, question.id, 0, "judge", ask)
        return CompletionRequest(question.id, 0, "judge", ask, body, position)

    async def read(
        self, question: Question, pair: tuple[ResponseSet, ResponseSet], order: Order, position: int, complete: Complete
    ) -> Verdict:
        """Ask for one reading; an unreadable one is asked for once more, then stands as such."""
        texts = {"a": pair[0].responses[question.id], "b": pair[1].responses[question.id]}
        first, second = texts[order[0]], texts[order[1]]
        ask, reason, scores = 0, "", None
        while scores is None and ask < 2:
            ask += 1
            reply = await complete(self.build_request(question, first, second, ask, position))
            reason = strip_thinking(reply.text).text
            scores = parse_scores(reason)
        score_a, score_b = (0.0, 0.0) if scores is None else (scores if order == "ab" else scores[::-1])
        return Verdict(
            id=question.id,
            a=pair[0].name,
            b=pair[1].name,
            order=order,
            winner="unreadable" if scores is None else _find_winner(score_a, score_b),
            score_a=score_a,
            score_b=score_b,
            reason=reason,
            asks=ask,
            skill=question.skill,
            difficulty=question.difficulty,
            judge_model=self.model.name,
        )


def _find_winner(score_a: float, score_b: float) -> Winner:
    if score_a == score_b:
        return "tie"
    return "a" if score_a > score_b else "b"


@dataclass(frozen=True)
class Contest:
    """What is compared.

    Attributes:
        sets: the response files.
        questions: that all have.
        protocol: in which orders a pair is read.
        judge: who reads.
        limits: of the calls.
        random_seed: of the bootstrap's draws.
    """

    sets: list[ResponseSet]
    questions: list[Question]
    protocol: Protocol
    judge: Judge
    limits: LimitsConfig
    random_seed: int

    @property
    def names(self) -> list[str]:
        """Of the files."""
        return [one.name for one in self.sets]


def open_contest(paths: Sequence[Path], order: str, config: RunConfig) -> Contest:
    """Read and match the response files.

    Args:
        paths: of the files.
        order: a `Protocol`.
        config: the judge, its limits and the random seed.

    Raises:
        UsageError: fewer than two files, or one twice; no such order; no judge is named.
        InputError: names file and line of a fault, or of an instruction that is another in another file.
        PackError: the judge's prompt is broken.
    """
    if order not in get_args(Protocol):
        raise UsageError(f"no order {order!r}", f"known are {', '.join(get_args(Protocol))}")
    if not config.judge_model.model:
        raise UsageError("the embedded model cannot judge", "name a judge with --model")
    if len(paths) < 2:
        raise UsageError("one response file has nothing to be compared with", "name two or more")
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("a response file is named twice", "name each file once")
    sets = read_response_sets(list(paths))
    judge = Judge(config.judge_model, JudgePrompt.load(), config.random_seed)
    protocol: Protocol = "both" if order == "both" else "alternate"
    return Contest(sets, find_common(sets), protocol, judge, config.limits, config.random_seed)


def plan_readings(contest: Contest, out: Path) -> FileJob[Verdict]:
    """All readings: pair by pair, in the order of the questions, each in its orders."""
    tasks = [
        Task(
            f"{question.id} ({pair[0].name} and {pair[1].name}, {order})",
            functools.partial(contest.judge.read, question, pair, order, position),
        )
        for pair in itertools.combinations(contest.sets, 2)
        for position, question in enumerate(contest.questions)
        for order in choose_orders(question.id, contest.protocol)
    ]
    judge = contest.judge
    settings = describe_model(judge.model, judge.random_seed) | {"prompt": judge.prompt.digest}
    models: dict[Role, ModelConfig] = {"judge": judge.model}
    return FileJob("evol compare", out, settings, models, contest.limits, tasks, _HopeWatch(judge.model.name))


class _HopeWatch:
    """Ends the work when a judge's first verdicts are all unreadable: the rest would be paid for nothing."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._unreadable = 0
        self._is_fine = False

    def __call__(self, verdict: Verdict) -> EvolError | None:
        if verdict.winner != "unreadable":
            self._is_fine = True
        self._unreadable += 1
        return None if self._is_fine or self._unreadable < HOPELESS else _say_hopeless(self._name, self._unreadable)


def find_hopeless(contest: Contest, verdicts: Iterable[Verdict | None]) -> EvolError | None:
    """An error where a judge gave verdicts, and none could be read."""
    winners = [verdict.winner for verdict in verdicts if verdict is not None]
    if not winners or set(winners) != {"unreadable"}:
        return None
    return _say_hopeless(contest.judge.model.name, len(winners))


def _say_hopeless(name: str, count: int) -> EvolError:
    return EndpointError(
        f"{name} gave no readable verdict: {count} of {count} had no two scores, each asked twice",
        "choose a stronger judge with --model, in a new file with --out; the replies stand in the verdicts' `reason`",
    )


def sum_up(
    contest: Contest, verdicts: Iterable[Verdict | None]
) -> tuple[Comparison, dict[tuple[str, str], list[Settled]]]:
    """The figures over all verdicts, missing ones included as unfinished; and what became of each question."""
    readings = group_readings(verdicts)
    settled: dict[tuple[str, str], list[Settled]] = {}
    pairs = []
    for a, b in list_pairs(contest.names):
        found, settled[a, b] = compare_pair(
            a, b, contest.questions, readings.get((a, b), {}), contest.protocol, contest.random_seed
        )
        pairs.append(found)
    left_out = {one.name: len(list_left_out(one, contest.questions)) for one in contest.sets}
    empty = {one.name: len(list_empty(one, contest.questions)) for one in contest.sets}
    comparison = Comparison(
        judge_model=contest.judge.model.name,
        order=contest.protocol,
        questions=len(contest.questions),
        left_out={name: count for name, count in left_out.items() if count},
        empty_responses={name: count for name, count in empty.items() if count},
        pairs=pairs,
        ratings=rate_all(contest.names, settled, contest.random_seed) if len(contest.sets) > 2 else [],
        resamples=RESAMPLES,
    )
    return comparison, settled


def group_readings(verdicts: Iterable[Verdict | None]) -> Mapping[tuple[str, str], Mapping[str, Readings]]:
    """Verdicts by pair, question and order."""
    found: dict[tuple[str, str], dict[str, dict[Order, Verdict]]] = {}
    for verdict in verdicts:
        if verdict is not None:
            found.setdefault((verdict.a, verdict.b), {}).setdefault(verdict.id, {})[verdict.order] = verdict
    return found
