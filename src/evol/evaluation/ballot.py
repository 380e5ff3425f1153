"""`evol ballot`: a page on which people rank responses blindly, and the key that tells later whose was which.

The page holds no name of a file or model; where a response stands is drawn for each question. The key stays with who
made the ballot. Ranking follows the paper's human evaluation (WizardLM: five criteria, several annotators, ties).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from evol.draws import draw_integer
from evol.errors import InputError, UsageError
from evol.evaluation.html import assemble_page, check_page_target, dump_data, escape, read_asset, write_page
from evol.evaluation.inputs import ResponseSet, find_common, read_response_sets
from evol.evaluation.records import BALLOT_FORMAT, BallotKey, BallotQuestion, Question
from evol.files import write_atomically

GENERATOR = "evol ballot"
MOST_FILES = 9
"""A rank is one key."""

CRITERIA = (
    ("Relevance", "it does what was asked, within every constraint, and nothing else"),
    ("Knowledge", "what it states is true, and deep enough for the question"),
    ("Reasoning", "its steps follow from one another and lead to its conclusion"),
    ("Calculation", "its figures, formulas and code are right"),
    ("Accuracy", "it is precise and complete, and does not contradict itself"),
)
"""The paper's five, in our words."""


@dataclass(frozen=True)
class BallotReport:
    """What was written.

    Attributes:
        key_path: the key, which the annotators must not see.
        questions: on the page.
        sets: the response files.
        common: the questions that all files have.
    """

    key_path: Path
    questions: int
    sets: list[ResponseSet]
    common: list[Question]


def write_ballot(paths: list[Path], out: Path, sample: int | None, random_seed: int) -> BallotReport:
    """Write the page and its key.

    Args:
        paths: two to nine response files.
        out: the page; the key goes beside it, as `<stem>.key.json`.
        sample: rank a uniform sample of so many questions; None for all.
        random_seed: of the draws of places and sample.

    Raises:
        UsageError: too few or too many files, or a file in the way that evol did not write.
        InputError: names file and line of a fault.
        StorageError: the disk refused.
    """
    if not 2 <= len(paths) <= MOST_FILES:
        raise UsageError(f"{len(paths)} response files cannot be ranked", f"name two to {MOST_FILES}")
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("a response file is named twice", "name each file once")
    sets = read_response_sets(paths)
    common = find_common(sets)
    questions = _draw_questions(common, sample, random_seed)
    key = make_key(sets, questions, random_seed)
    key_path = out.with_name(f"{out.stem}.key.json")
    check_page_target(out, GENERATOR)
    content = orjson.dumps(key.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    _check_key(key_path, key)
    write_atomically(key_path, content)
    write_page(out, _lay_out(sets, questions, key), GENERATOR)
    return BallotReport(key_path, len(questions), sets, common)


def make_key(sets: list[ResponseSet], questions: list[Question], random_seed: int) -> BallotKey:
    """Draw the places of the responses, question by question."""
    drawn = [
        BallotQuestion(
            id=question.id,
            order=sorted(range(len(sets)), key=lambda place: draw_integer(random_seed, "ballot", question.id, place)),
        )
        for question in questions
    ]
    digest = hashlib.sha256(orjson.dumps(_list_texts(sets, questions, drawn))).hexdigest()
    names = [one.name for one in sets]
    return BallotKey(ballot=digest[:32], names=names, random_seed=random_seed, questions=drawn)


def read_key(path: Path) -> BallotKey:
    """The key of a ballot.

    Raises:
        InputError: missing, damaged, or no key.
    """
    try:
        key = BallotKey.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "name the key that `evol ballot` wrote with --key") from None
    except ValidationError:
        key = None
    if key is None or any(sorted(question.order) != list(range(len(key.names))) for question in key.questions):
        raise InputError(f"{path}: not the key of a ballot", "name the one that `evol ballot` wrote")
    return key


def _draw_questions(questions: list[Question], sample: int | None, random_seed: int) -> list[Question]:
    """A uniform sample, in the order of the file."""
    if sample is None:
        return questions
    chosen = sorted(questions, key=lambda question: draw_integer(random_seed, "ballot sample", question.id))[:sample]
    ids = {question.id for question in chosen}
    return [question for question in questions if question.id in ids]


def _check_key(path: Path, key: BallotKey) -> None:
    """Never lose the key of another ballot: what was filled in on it could not be counted."""
    if path.is_dir():
        raise UsageError(f"{path}: a folder, where the key belongs", "name another page with --out")
    if path.exists():
        try:
            is_same = read_key(path) == key
        except InputError:
            is_same = False
        if not is_same:
            raise UsageError(f"{path}: the key of another ballot", "move it away, or name another page with --out")


def _list_texts(
    sets: list[ResponseSet], questions: list[Question], drawn: list[BallotQuestion]
) -> list[dict[str, Any]]:
    return [
        {
            "id": question.id,
            "instruction": question.instruction,
            "responses": [sets[place].responses[question.id] for place in places.order],
        }
        for question, places in zip(questions, drawn, strict=True)
    ]


def _lay_out(sets: list[ResponseSet], questions: list[Question], key: BallotKey) -> str:
    data = {"format": BALLOT_FORMAT, "ballot": key.ballot, "questions": _list_texts(sets, questions, key.questions)}
    criteria = "".join(f"<li><b>{escape(name)}</b>: {escape(text)}</li>" for name, text in CRITERIA)
    body = f"""<main>
<header><h1>Which response is best?</h1>
<p>Rank the responses to each question: 1 is the best, and two that are equally good get the same rank. Weigh, as far as
the question calls for them:</p><ul>{criteria}</ul>
<p class="soft">By mouse or touch: choose a rank under each response. By keyboard: <kbd>1</kbd> to
<kbd>{len(sets)}</kbd> rank the marked response and go to the next, <kbd>←</kbd> <kbd>→</kbd> choose another,
<kbd>Enter</kbd> or <kbd>n</kbd> goes on, <kbd>p</kbd> goes back, <kbd>Backspace</kbd> clears. What you do is kept in
this browser; at the end, or at any time, save it as JSON and send the file. A question that you do not rank counts for
nobody.</p>
<noscript><p><b>This page needs JavaScript; it loads nothing from anywhere.</b></p></noscript></header>
<div class="bar"><label>Your name <input id="annotator" type="text" maxlength="60" autocomplete="off"></label>
<progress id="progress" aria-label="Questions ranked"></progress><span id="done"></span>
<a class="button" id="export" href="#" download="ballot.json">Save as JSON</a></div>
<p id="told" class="soft" role="status"></p>
<article id="question"><h2 id="place"></h2><p class="text card" id="instruction"></p>
<div class="responses" id="responses"></div>
<nav><button type="button" id="previous">Previous</button><button type="button" id="clear">Clear</button>
<button type="button" id="next">Next</button><button type="button" id="unranked">Next unranked</button></nav></article>
</main>{dump_data(data)}"""
    style = read_asset("page.css") + read_asset("ballot.css")
    return assemble_page("Which response is best?", GENERATOR, style, body, read_asset("ballot.js"))
