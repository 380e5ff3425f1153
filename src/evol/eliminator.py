"""The Eliminator: which evolutions failed. Pure; the paper's section "Elimination Evolving" and the rules beside it.

The paper's four situations, each in one function:

1. `equal`: an LLM judges that nothing was gained (`build_judge_messages`, `parse_verdict`).
2. `sorry`: the response contains "sorry" and has fewer than 80 words (`check_sorry`).
3. `stop_words`: the response holds only punctuation and stop words (`check_stop_words`).
4. `prompt_words`: the instruction copies words of the evolving prompt (`check_prompt_words`).

Beside them: `empty`, `blocked` and `too_long_for_model` (nothing usable came back), `truncated` (cut at max_tokens) and
`unchanged` (equal without asking anybody). Every rule is relative to the parent or the task: a word that the parent
already contains is no leak, an instruction about apologies may be answered with "sorry", and nothing assumes English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evol.packs import Pack
from evol.records import FINISH_CONTENT_FILTER, FINISH_CONTEXT_OVERFLOW, Message, Reason

Finding = str | None
"""What a rule saw, for a human reader; None where it has nothing to say."""

PAPER_LABELS = ("given prompt", "rewritten prompt", "created prompt", "given_prompt", "rewritten_prompt")
"""Words of the paper's own evolving prompt; a model that saw it in training repeats them."""

# Words that carry no content of their own. Words that answer a question (yes, no, not, none, all, both, he, she, …) are
# left out on purpose: "No." is a whole answer.
_STOP_WORDS = frozenset(
    """a about after again am an and any are as at be because been before being between but by can could did do does
    doing down during each few for from further had has have having here how i if in into is it its itself just me more
    most my of off on only or other our out over own same should so some such than that the their them then there these
    they this those through to too under until up very was we were what when where which while who whom why will with
    would you your""".split()  # noqa: SIM905 - a list would take forty lines
)

# One word: a run of letters and digits with their combining marks; each CJK, Kana or Thai character counts as one, for
# these scripts write without spaces.
_SINGLES = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u200c\u200d"
_WORD = re.compile(rf"[{_SINGLES}]|[^\W_{_SINGLES}](?:[^\W_{_SINGLES}]|[{_MARKS}])*")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")


def count_words(text: str) -> int:
    """Words of a text in any script."""
    if text.isascii():
        return len(_ASCII_WORD.findall(text))  # the same, five times as fast
    return sum(1 for _ in _WORD.finditer(text))


@dataclass(frozen=True, slots=True)
class Evolution:
    """An evolved instruction as the rules see it.

    Attributes:
        text: the instruction after cleaning.
        finish_reason: of the evolver's reply.
        cut_thinking: the reply broke off inside its thinking.
        ancestors: seed first, parent last.
        labels: words of the pack's templates.
    """

    text: str
    finish_reason: str
    cut_thinking: bool
    ancestors: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def parent(self) -> str:
        """The instruction that was evolved."""
        return self.ancestors[-1]


@dataclass(frozen=True, slots=True)
class Response:
    """A response as the rules see it.

    Attributes:
        instruction: what was asked.
        response: what came back, without thinking.
        finish_reason: of the responder's reply.
        cut_thinking: the reply broke off inside its thinking.
        sorry_words: threshold of the "sorry" rule.
    """

    instruction: str
    response: str
    finish_reason: str
    cut_thinking: bool
    sorry_words: int


def check_instruction(evolution: Evolution) -> tuple[Reason, str] | None:
    """The first rule that eliminates an evolved instruction, with what it saw; None if it may live."""
    for reason, rule in _INSTRUCTION_RULES:
        if (detail := rule(evolution)) is not None:
            return reason, detail
    return None


def check_response(given: Response) -> tuple[Reason, str] | None:
    """The first rule that eliminates a response, with what it saw; None if it may live."""
    for reason, rule in _RESPONSE_RULES:
        if (detail := rule(given)) is not None:
            return reason, detail
    return None


def check_unchanged(evolution: Evolution) -> Finding:
    """The instruction equals an ancestor's but for case, white space and punctuation around it."""
    text = _normalise(evolution.text)
    for depth, ancestor in enumerate(reversed(evolution.ancestors)):
        if _normalise(ancestor) == text:
            return "same as the parent" if depth == 0 else "same as an earlier ancestor"
    return None


def check_prompt_words(evolution: Evolution) -> Finding:
    """Rule 4 of the paper: words of the evolving prompt stand in the instruction, but not in its parent."""
    text, parent = evolution.text.casefold(), evolution.parent.casefold()
    for label in (*PAPER_LABELS, *evolution.labels):
        folded = label.casefold()
        if folded in text and folded not in parent:
            return f"contains {label!r}"
    return None


def check_sorry(given: Response) -> Finding:
    """Rule 2 of the paper: "sorry" in a response of fewer than 80 words; not where the task is about an apology."""
    if not re.search(r"\bsorry\b", given.response, re.IGNORECASE):
        return None
    if re.search(r"\bsorry\b|\bapolog", given.instruction, re.IGNORECASE):
        return None
    words = count_words(given.response)
    return f'"sorry" in {words} words' if words < given.sorry_words else None


def check_stop_words(given: Response) -> Finding:
    """Rule 3 of the paper: only punctuation and stop words. A letter, a symbol or an offered word is an answer."""
    response = given.response
    # the first word with content ends this, so that a long response costs nothing
    if any(match[0].casefold() not in _STOP_WORDS for match in _WORD.finditer(response)):
        return None
    if any(unicodedata.category(char)[0] == "S" for char in response):
        return None
    words = _WORD.findall(response)
    if len(words) == 1 and (len(words[0]) == 1 or _stands_in(words[0], given.instruction)):
        return None
    return f"only {response[:60]!r}"


def _stands_in(word: str, text: str) -> bool:
    return any(match[0].casefold() == word.casefold() for match in _WORD.finditer(text))


def _check_blocked(finish_reason: str) -> Finding:
    return "stopped by the content filter" if finish_reason == FINISH_CONTENT_FILTER else None


def _check_too_long(finish_reason: str) -> Finding:
    return "does not fit the model's context" if finish_reason == FINISH_CONTEXT_OVERFLOW else None


def _check_truncated(finish_reason: str, cut_thinking: bool) -> Finding:
    if cut_thinking:
        return "broke off inside its thinking"
    return "cut at max_tokens" if finish_reason == "length" else None


_INSTRUCTION_RULES: tuple[tuple[Reason, Callable[[Evolution], Finding]], ...] = (
    ("blocked", lambda seen: _check_blocked(seen.finish_reason)),
    ("too_long_for_model", lambda seen: _check_too_long(seen.finish_reason)),
    ("truncated", lambda seen: _check_truncated(seen.finish_reason, seen.cut_thinking)),
    ("empty", lambda seen: None if _WORD.search(seen.text) else "no words in the instruction"),
    ("unchanged", check_unchanged),
    ("prompt_words", check_prompt_words),
)

_RESPONSE_RULES: tuple[tuple[Reason, Callable[[Response], Finding]], ...] = (
    ("blocked", lambda seen: _check_blocked(seen.finish_reason)),
    ("too_long_for_model", lambda seen: _check_too_long(seen.finish_reason)),
    ("truncated", lambda seen: _check_truncated(seen.finish_reason, seen.cut_thinking)),
    ("empty", lambda seen: None if seen.response.strip() else "no response"),
    ("sorry", check_sorry),
    ("stop_words", check_stop_words),
)


def needs_judge(kind: str, scope: Literal["in-depth", "all", "off"]) -> bool:
    """Whether the equality judge is asked about an operation of this kind."""
    return scope == "all" or (scope == "in-depth" and kind == "in-depth")


def build_judge_messages(pack: Pack, parent: str, child: str, *, is_reask: bool) -> list[Message]:
    """Rule 1 of the paper, the question: are these two instructions equal? A re-ask adds one line."""
    messages = pack.judge.render({"first": parent, "second": child})
    if is_reask:
        messages[-1]["content"] += f"\n{pack.reask}"
    return messages


_EQUAL = re.compile(r"\b(un|in|non-?)?equal\b", re.IGNORECASE)
_NEGATED_BEFORE = re.compile(r"\b(?:not|cannot|never|neither|hardly|no longer)\b|n['’]t\b", re.IGNORECASE)
_NEGATED_AT_END = re.compile(r"\bnot\W*\Z", re.IGNORECASE)
_NEGATED_AFTER = re.compile(r"[^\w\n]{0,4}(?:no|not|false)\b", re.IGNORECASE)


def parse_verdict(reply: str) -> Literal["equal", "not equal"] | None:
    """Rule 1 of the paper, the answer; None where it is not clear.

    A line that is exactly a verdict counts; else every "equal" in the text must agree, each read with the negation
    around it: "Not Equal" contains "equal", "not quite equal" is not equal either, nor is "Equal? No.".

    Args:
        reply: the judge's text, without thinking.
    """
    lines = [line for line in reply.splitlines() if line.strip()]
    # a line that goes on from a "not" at the end of the one before is no verdict by itself
    own = [line for line, before in zip(lines, ["", *lines], strict=False) if not _NEGATED_AT_END.search(before)]
    found = {verdict for line in own if (verdict := _read_line(line))}
    if not found:
        found = {_read_mention(reply, match) for match in _EQUAL.finditer(reply)}
    if found == {"equal"}:
        return "equal"
    return "not equal" if found == {"not equal"} else None


def _read_line(line: str) -> str | None:
    """The verdict that a line consists of, if it does."""
    words = re.sub(r"[^\w\s]|_", " ", line.casefold()).split()
    return {("equal",): "equal", ("not", "equal"): "not equal"}.get(tuple(words))


def _read_mention(reply: str, match: re.Match[str]) -> str:
    """What an "equal" in running text says, by the last four words of its sentence before it and what follows."""
    nearby = reply[max(0, match.start() - 200) : match.start()]  # bounded, for a judge that repeats itself
    before = " ".join(re.split(r"[.!?;:]", nearby)[-1].split()[-4:])
    is_denied = match[1] or _NEGATED_BEFORE.search(before) or _NEGATED_AFTER.match(reply, match.end())
    return "not equal" if is_denied else "equal"


def _normalise(text: str) -> str:
    words = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    return words.strip(" \"'.,!?:;“”‘’«»`*_")
