"""The Eliminator: which evolutions failed. Pure; the paper's section "Elimination Evolving" and the rules beside it.

The paper's four situations (WizardLM, arXiv 2304.12244, section 3.2), which hold in both profiles:

- `equal`: an LLM judges that nothing was gained (`build_judge_messages`, `parse_verdict`).
- `sorry`: the response contains "sorry" and has fewer than 80 words (`check_sorry`).
- `stop_words`: the response holds only punctuation and stop words (`check_stop_words`).
- `prompt_words`: the instruction copies words of the evolving prompt (`check_prompt_words`).

What every profile needs, for without it there is no row: `empty` (nothing came back), `blocked` (the server's content
filter) and `too_long_for_model` (the model's context).

The profile `strict` adds, each for a fault that published Evol-Instruct sets show:

- `unchanged`: equal to the parent or an ancestor, without asking anybody.
- `truncated`: evolution or response cut at max_tokens, or inside its thinking: half a row teaches to stop midway.
- `meta_talk`: "as an AI", "how can I assist you" in evolution or response, where the task is not about assistants.
- `repetition`: a degenerate loop in evolution or response.
- `answered`: the evolver answered the instruction, or put an answer into it.
- `lost_input`: in-depth only; code, a table or data of the parent is gone, and with it the task.
- `language_drift`: another script or language than the parent's.
- `missing_input`: points at a table or text "below" that is not there: nobody can respond to it.
- `too_long`: in-depth only; far beyond the words that may be added (`EliminatorConfig`).
- `refusal`, `needs_clarification`: of the response; it will not respond, or asks back instead.

Every rule is relative to the parent or the task, in both profiles: a word that the parent already contains is no leak,
an instruction about apologies may be answered with "sorry", "No." is a whole answer to a question. (Taken word by word,
the paper's rules 2 to 4 would eliminate these too.) Nothing assumes English letters. Unsure means kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evol.cleaning import clean_instruction, strip_thinking
from evol.config import EliminatorConfig
from evol.elimination import rules
from evol.elimination.paper import (
    build_judge_messages,
    check_prompt_words,
    check_sorry,
    check_stop_words,
    needs_judge,
    parse_verdict,
)
from evol.elimination.readings import Evolution, Finding, Response
from evol.elimination.texts import WORD, holds_pictures
from evol.packs import Kind
from evol.records import FINISH_CONTENT_FILTER, FINISH_CONTEXT_OVERFLOW, Reason

__all__ = [
    "INSTRUCTION_RULES",
    "RESPONSE_RULES",
    "Case",
    "Evolution",
    "Response",
    "build_judge_messages",
    "check_case",
    "check_instruction",
    "check_response",
    "needs_judge",
    "parse_verdict",
]


def check_instruction(evolution: Evolution) -> tuple[Reason, str] | None:
    """The first rule that eliminates an evolved instruction, with what it saw; None if it may live."""
    for reason, rule in INSTRUCTION_RULES[evolution.settings.profile]:
        if (detail := rule(evolution)) is not None:
            return reason, detail
    return None


def check_response(given: Response) -> tuple[Reason, str] | None:
    """The first rule that eliminates a response, with what it saw; None if it may live."""
    for reason, rule in RESPONSE_RULES[given.settings.profile]:
        if (detail := rule(given)) is not None:
            return reason, detail
    return None


def _check_blocked(seen: Evolution | Response) -> Finding:
    return "stopped by the content filter" if seen.finish_reason == FINISH_CONTENT_FILTER else None


def _check_too_long_for_model(seen: Evolution | Response) -> Finding:
    return "does not fit the model's context" if seen.finish_reason == FINISH_CONTEXT_OVERFLOW else None


def _check_truncated(seen: Evolution | Response) -> Finding:
    if seen.cut_thinking:
        return "broke off inside its thinking"
    return "cut at max_tokens" if seen.finish_reason == "length" else None


def _check_empty_instruction(evolution: Evolution) -> Finding:
    text = evolution.text
    if WORD.search(text) or (holds_pictures(text) and ("?" in text or holds_pictures(evolution.parent))):
        return None  # a riddle in emoji asks without words
    return "no words in the instruction"


def _check_empty_response(given: Response) -> Finding:
    return None if given.response.strip() else "no response"


Profile = Literal["strict", "paper"]
InstructionRule = tuple[Reason, Callable[[Evolution], Finding]]
ResponseRule = tuple[Reason, Callable[[Response], Finding]]

# The order decides which reason is told where several hold: what is plain before what is weighed.
INSTRUCTION_RULES: dict[Profile, tuple[InstructionRule, ...]] = {
    "paper": (
        ("blocked", _check_blocked),
        ("too_long_for_model", _check_too_long_for_model),
        ("empty", _check_empty_instruction),
        ("prompt_words", check_prompt_words),
    ),
    "strict": (
        ("blocked", _check_blocked),
        ("too_long_for_model", _check_too_long_for_model),
        ("truncated", _check_truncated),
        ("empty", _check_empty_instruction),
        ("unchanged", rules.check_unchanged),
        ("prompt_words", check_prompt_words),
        ("meta_talk", rules.check_meta_instruction),
        ("repetition", rules.check_loop_in_instruction),
        ("answered", rules.check_answered),
        ("lost_input", rules.check_lost_input),
        ("language_drift", rules.check_language_drift),
        ("missing_input", rules.check_missing_input),
        ("too_long", rules.check_too_long),
    ),
}
RESPONSE_RULES: dict[Profile, tuple[ResponseRule, ...]] = {
    "paper": (
        ("blocked", _check_blocked),
        ("too_long_for_model", _check_too_long_for_model),
        ("empty", _check_empty_response),
        ("sorry", check_sorry),
        ("stop_words", check_stop_words),
    ),
    "strict": (
        ("blocked", _check_blocked),
        ("too_long_for_model", _check_too_long_for_model),
        ("truncated", _check_truncated),
        ("empty", _check_empty_response),
        ("sorry", check_sorry),
        ("stop_words", check_stop_words),
        ("needs_clarification", rules.check_needs_clarification),
        ("meta_talk", rules.check_meta_response),
        ("refusal", rules.check_refusal),
        ("repetition", rules.check_loop_in_response),
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One evolution with everything that was replied about it, as the models wrote it.

    Attributes:
        operation: as it stands in rows.
        kind: of the operation.
        parent: the instruction that was evolved.
        evolution: the evolver's reply.
        evolution_finish: its finish reason.
        verdict: the judge's reply, "" where it was not asked.
        response: the responder's reply, None where it was not asked.
        response_finish: its finish reason.
    """

    operation: str
    kind: Kind
    parent: str
    evolution: str
    evolution_finish: str = "stop"
    verdict: str = ""
    response: str | None = None
    response_finish: str = "stop"


def check_case(case: Case, settings: EliminatorConfig, labels: tuple[str, ...]) -> tuple[Reason, str] | None:
    """What `lineage.evolve_lineage` makes of these replies: clean → instruction rules → judge → response rules.

    Args:
        case: the replies.
        settings: profile, thresholds and the judge's scope (`auto` is in-depth here, as with a judge that is no local
            model); where the judge is not asked, a verdict counts for nothing.
        labels: of the prompt pack.
    """
    child = clean_instruction(case.evolution, case.parent)
    found = check_instruction(
        Evolution(
            child.text,
            case.evolution_finish,
            child.truncated,
            (case.parent,),
            labels,
            case.operation,
            case.kind,
            settings,
        )
    )
    scope = "in-depth" if settings.judge == "auto" else settings.judge
    if not found and needs_judge(case.kind, scope) and parse_verdict(strip_thinking(case.verdict).text) == "equal":
        found = "equal", "the judge says Equal"
    if not found and case.response is not None:
        given = strip_thinking(case.response)
        found = check_response(Response(child.text, given.text, case.response_finish, given.truncated, settings))
    return found
