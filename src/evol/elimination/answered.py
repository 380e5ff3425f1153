"""Did the evolver answer the instruction instead of rewriting it? The rule `answered`, from several signs. Pure.

The main sign: the parent asks for something and its evolution asks for nothing any more. The others tell an answer that
itself holds questions or imperatives (a letter, a dialogue, the steps of a recipe), and an instruction that carries its
own answer along ("Answer: …"). Unsure means kept.
"""

from __future__ import annotations

import re

from evol.elimination import signs
from evol.elimination.asking import Ask, find_ask, find_asks, knows_language, opens_with_step
from evol.elimination.imperatives import QUESTION_WORDS
from evol.elimination.languages import find_drift
from evol.elimination.readings import Reading
from evol.elimination.statements import states
from evol.elimination.tasks import TRANSLATES, VOICED, is_about
from evol.elimination.texts import find_units, find_words, fold, is_data, normalise

_MOST_LINES = 200
_NO_ANSWER = re.compile(r"[\W_]*\Z|[<\[_.…]|(?:yes|no|true|false)\s*(?:/|or)\s|in\s|as\s|with\s|your\b|\.\.\.")
_ONE_PAIR = re.compile(r"[*_# ]{0,4}q(?:uestion)?\W{1,3}\s[^\n]*\n\s{0,8}[*_# ]{0,4}a(?:nswer)?\W{1,3}\s[^\n]*\S")
_THE_ANSWER_IS = re.compile(
    r"(?:^|[.?!\n]\s*)(?:so,?\s+|thus,?\s+|therefore,?\s+)?the\s+(?:correct\s+|final\s+|right\s+)?answer\s+is\b"
)
_ITEM = re.compile(r"\s*(?:[-*•–]|\(?\d{1,2}[.):、]|[①-⑳])\s*\S")
_BARE_ANSWER = re.compile(r"\n\s{0,4}a:[ \t]*\S[^\n]*\Z")
_SPEAKER = re.compile(r"^[\s*_>#\"-]*\w[\w .'-]{0,24}[*_]*\s*[:：]", re.MULTILINE)
_WORKS_ON = re.compile(r"\b(?:this|these|my|our|the following|below|above)\b")
_REASONS = frozenset(("explain", "describe", "compare", "justify", "discuss", "why"))
_FIRST_PERSON = frozenset(("i", "me", "my", "mine", "we", "us", "our"))
_OF_A_KIND = re.compile(r"an?\s+(?:[\w-]+\s+){1,3}(?:that|which|for|about)\b|(?:unit )?tests for\b")
# "A best man's speech, two minutes, …", "Haiku about a broken umbrella": a kind of text, and what it is to be like.
_ORDERED_TEXT = re.compile(
    r"(?!(?:in|to|as|for|on|with|by|from|the|this|my)\s)(?:(?:an?|one|two|three|four|five|ten|\d+)\s+)?(?:[\w'-]+\s+){0,3}?(?:poem|haiku|sonnet|limerick|story|tale|essay|letter"
    r"|e-?mail|speech|recipe|plan|summary|dialogue|script|function|query|review|song|tweet|slogan|caption|headlines?|toast"
    r"|titles?|names?|ideas?|invitation|advertisement|monologue|scene|regex|class|test)s?"
    r"(?=\s*[,:;–—]|\s+(?:about|for|on|that|which|in|with|without|from|as|where|whose|to)\b)"
)
_SEPARATOR = re.compile(r",|、|，|\b(?:and|or|und|oder|et|y|e|en|i|и|і|ve|och|og|και|dan|và|ja|és|și|a)\b| و|と|및")
_QUESTION_WORDS = frozenset(fold(QUESTION_WORDS).split())
_MARK = re.compile(r"[?？؟;]")
_ARTICLES = ("the ", "die ", "der ", "das ", "la ", "le ", "el ", "a ", "o ")


def find_answer(parent: Reading, child: Reading) -> str | None:
    """What shows that the child answers its parent, or carries an answer along; None if nothing does.

    Args:
        parent: the instruction that was to be evolved.
        child: what the evolver gave, after cleaning.
    """
    if found := _find_carried(parent, child) or _find_product(parent, child):
        return found
    ask = find_ask(child)
    if ask is not Ask.CLEARLY:
        if (is_data(child.text) or (child.inputs and not find_words(child.prose))) and not is_data(parent.text):
            return "is nothing but code or data" if find_ask(parent) is not Ask.NOT else None
        if ask is Ask.MAYBE:
            return _find_procedure(parent, child)
        if found := _find_silence(parent, child):
            return found
    elif opens_with_step(child) and "?" not in child.prose and (found := _find_procedure(parent, child)):
        return found
    return _find_translation(parent, child)


def _find_carried(parent: Reading, child: Reading) -> str | None:
    """An instruction with its answer behind a label, an interjection, or itself repeated."""
    folded, before = child.folded, parent.folded
    if ":" in folded or "：" in folded:
        if child.word_set & signs.LABEL_WORDS or not folded.isascii():
            for match in signs.LABELLED.finditer(folded):
                is_answer = not _NO_ANSWER.match(match[1]) and "?" not in match[1] and "？" not in match[1]
                if is_answer and not signs.LABELLED.search(before):
                    return f"holds an answer: {match[0].strip()[:60]!r}"
        is_pair = _ONE_PAIR.fullmatch(folded.strip()) or (_BARE_ANSWER.search(folded) and "\nb:" not in folded)
        if is_pair and "\na:" not in before:
            return "is a question with its answer"
    if "\n" in folded and (found := _find_interjection(folded)):
        return f"goes on as a reply: {found!r}"
    if "answer is" in folded and "answer is" not in before:
        told = _THE_ANSWER_IS.search(child.prose)
        if told and told.start() and find_ask(Reading(child.prose[told.end() :])) is Ask.NOT:
            return "says what the answer is"
    start, whole = parent.text.strip(), child.text.strip()
    if len(whole) > len(start) and whole.startswith(start):
        rest = Reading(whole[len(start) :].strip())
        if _states(rest, parent) or (signs.BECAUSE.match(rest.folded) and find_ask(rest) is Ask.NOT):
            return "repeats the instruction and answers it"
    if "?" in whole and "\n\n" in whole and _answers_itself(parent, whole):
        return "is a question with its answer"
    return None


def _answers_itself(parent: Reading, text: str) -> bool:
    """A question, then a paragraph that begins with the words of the parent's question, a verb and something new."""
    question, _, rest = text.partition("\n\n")
    if not question.rstrip().endswith("?") or "?" in rest or _WORKS_ON.search(question.lower()):
        return False
    answer = Reading(rest.strip())
    if not answer.sentences or answer.inputs or "?" not in parent.prose or find_ask(answer) is Ask.CLEARLY:
        return False
    asked, told = find_units(parent.prose) - _QUESTION_WORDS, find_units(answer.sentences[0])
    is_on_topic = len(asked) >= 2 and len(asked & told) >= 0.66 * len(asked)
    return is_on_topic and bool(told - find_units(question)) and bool(signs.COPULA.search(answer.sentences[0]))


def _find_interjection(folded: str) -> str:
    """A paragraph after the first that begins as a reply does ("Sure, …")."""
    before = "."
    for line in folded.split("\n")[:_MOST_LINES]:
        if not before.strip(" -*_") and (match := signs.INTERJECTION.match(line.lstrip())):
            return match[0]
        before = line
    return ""


def _states(rest: Reading, parent: Reading) -> bool:
    """Whether a text only states something about what the parent asks."""
    if len(rest.text) <= 30 and rest.text[:1].isupper() and rest.text.endswith(".") and len(rest.words) == 1:
        return True
    if not signs.COPULA.search(rest.folded[:80]) or not rest.sentences or rest.inputs:
        return False
    first = rest.sentences[0]
    is_on_topic = signs.COPULA.search(first) and find_units(first) & find_units(parent.prose)
    return bool(is_on_topic) and find_ask(rest) is Ask.NOT


def _find_product(parent: Reading, child: Reading) -> str | None:
    """The letter, story, list, dialogue or poem itself, where the parent asks for one.

    Such a product may hold questions and imperatives of its own.
    """
    start = child.folded.lstrip(' \n\t"“„«*_#>¡¿')
    if signs.SALUTATION.match(start) and is_about(VOICED, parent.folded) and not _ends_with_order(child):
        return "opens like a letter"
    if signs.ONCE.match(start) and not signs.ONCE.search(parent.folded) and not _has_order(child):
        return "opens like a story"
    if signs.LISTED.match(start) and not signs.LISTED.match(parent.folded):
        if signs.QUESTION_KIND.search(parent.prose) and not signs.QUESTION_KIND.search(child.prose):
            return "lists questions that were to be written"
        if "?" not in child.prose and (signs.HOW.search(parent.prose) or _is_bare_list(child)):
            return "is a list"
    if ("?" in child.text or "？" in child.text) and (found := _find_jest(parent, child)):
        return found
    is_sequence = bool(signs.FIRST_STEP.match(start)) and "?" not in child.prose and len(child.sentences) >= 2
    if is_sequence and signs.HOW.search(parent.prose):
        return "tells how to do it"
    if signs.DAY_ONE.match(start) and signs.PLANS.search(parent.prose):
        return "is the plan that was to be made"
    if (match := signs.TO_DO.match(child.prose)) and "?" not in child.prose and len(child.sentences) >= 2:
        verb = next((group for group in match.groups() if group), "")
        is_told = verb in parent.words or find_ask(child) is not Ask.CLEARLY
        if is_told and not _REASONS & child.word_set and signs.HOW.search(parent.prose):
            return "tells how to do it"
    if "\n" in child.text and signs.TEXT_KIND.search(parent.prose) and not signs.TEXT_KIND.search(child.prose):
        lines = [line for line in child.text.split("\n") if line.strip()]
        if 2 <= len(lines) <= len(_SPEAKER.findall(child.text)) + 1:
            return "is a dialogue"
        is_haiku = len(lines) == 3 and signs.HAIKU.search(parent.prose)
        if (
            (is_haiku or _are_verses(lines))
            and not child.inputs
            and not _has_order(Reading(f"{lines[0]}\n{lines[-1]}"))
        ):
            return "is written in verses"
    return None


def _find_jest(parent: Reading, child: Reading) -> str | None:
    """The joke or riddle itself: a question with its punch line, "What am I?"."""
    if signs.RIDDLE.search(parent.prose) and not signs.RIDDLE.search(child.prose):
        return "is the riddle" if signs.WHAT_AM_I.search(child.prose[-60:]) else None
    if (
        len(child.words) > 40
        or len(parent.words) > 20
        or not signs.JOKE.search(parent.prose)
        or signs.JOKE.search(child.prose)
    ):
        return None
    question, mark, line = child.folded.replace("？", "?").partition("?")
    is_told = bool(line.strip(" \"'\n")) and "?" not in line and "\n" not in question.strip()
    return "is the joke" if mark and is_told and find_ask(Reading(line.strip())) is Ask.NOT else None


def _is_bare_list(child: Reading) -> bool:
    """Whether every line is an item, and hardly any of them a task of its own."""
    lines = [line for line in child.folded.split("\n") if line.strip()]
    asks = find_asks(child)
    return len(lines) >= 2 and all(_ITEM.match(line) for line in lines) and asks.count(Ask.CLEARLY) * 2 < len(lines)


def _are_verses(lines: list[str]) -> bool:
    return len(lines) >= 4 and all(len(line) <= 80 for line in lines) and sum(map(len, lines)) <= 50 * len(lines)


def _has_order(reading: Reading) -> bool:
    """Whether a sentence opens with an imperative that clearly asks, whatever is asked inside quotations."""
    return any(find_ask(Reading(sentence)) is Ask.CLEARLY for sentence in reading.sentences if "?" not in sentence)


def _ends_with_order(child: Reading) -> bool:
    """Whether the last sentence works on the letter before it: "Reply to this email."""
    last = child.sentences[-1] if child.sentences else ""
    return bool(signs.THIS_LETTER.search(last)) and find_ask(Reading(last)) is not Ask.NOT


def _find_procedure(parent: Reading, child: Reading) -> str | None:
    """Nothing but steps where the parent asks how; or the text it wants, in which somebody is told to do something."""
    is_short = len(child.sentences) < 2 and (", " not in child.text or opens_with_step(child))
    if is_short or child.inputs:
        return None
    if signs.HOW.search(parent.prose) and not _WORKS_ON.search(child.sentences[0]):
        asks = find_asks(child)
        few_statements = asks.count(Ask.NOT) * 3 <= len(asks) and asks.count(Ask.CLEARLY) * 2 <= len(asks)
        # who orders a text speaks of himself, or of the text; who explains speaks to "you"
        is_order = bool(_FIRST_PERSON & child.word_set) or bool(signs.KINDS_OF_TEXT.search(child.sentences[0]))
        if asks[0] is Ask.MAYBE and few_statements and not is_order and child.words[0] not in parent.words:
            return "lists steps"
    is_wanted = signs.WRITES.match(parent.prose.lstrip()) and signs.KINDS_OF_TEXT.search(parent.prose)
    if not is_wanted or signs.KINDS_OF_TEXT.search(child.prose):
        return None
    is_stated = find_ask(Reading(child.sentences[0])) is Ask.NOT
    if is_stated and find_units(parent.prose) & find_units(child.prose):
        return "is the text that was to be written"
    return None


def _find_silence(parent: Reading, child: Reading) -> str | None:
    """The parent asks, the child does not: what the main sign rests on."""
    if find_ask(parent) is Ask.NOT:
        return _find_completion(parent, child)
    is_constrained = len(child.words) <= 60 and bool(signs.CONSTRAINS.search(child.prose))
    if is_constrained or _keeps_order(parent, child) or _is_heading(child):
        return None
    if len(child.words) <= 3 or _is_enumeration(child) or states(child) or _is_piece(parent, child):
        return "asks for nothing, while its parent does"
    # it neither asks nor states in a way that is known here: only what repeats a question is an answer
    asked = find_units(parent.prose)
    repeats = 2 * len(asked & find_units(child.prose)) >= len(asked)
    is_question = bool(_MARK.search(parent.prose)) or "th" in parent.likely_in_prose  # Thai writes no question mark
    if is_question and (repeats or (len(child.words) <= 8 and any(word.isdigit() for word in child.words))):
        return "answers the question and asks nothing"
    return None


def _is_piece(parent: Reading, child: Reading) -> bool:
    """Whether the parent orders a text of a kind which the child does not speak of: then it is that text."""
    if not signs.WRITES.match(parent.prose.lstrip()):
        return False
    kinds = (signs.KINDS_OF_TEXT, signs.TEXT_KIND)
    is_wanted = any(kind.search(parent.prose) for kind in kinds)
    return is_wanted and not any(kind.search(child.prose) for kind in kinds)


def _find_completion(parent: Reading, child: Reading) -> str | None:
    """A parent in key words ("capital of France") that its child completes to a statement."""
    before, after = normalise(parent.text), normalise(child.text)
    if not before or len(parent.words) > 10 or "\n" in parent.text.strip():
        return None
    for article in _ARTICLES:
        after = after.removeprefix(article)
    if after.startswith(before) and signs.COPULA.match(after[len(before) :].strip()):
        return "completes the question to a statement"
    return None


def _keeps_order(parent: Reading, child: Reading) -> bool:
    """Whether the child opens with the word of its parent's order, or closes with it as verb-final languages do."""
    before, after = find_words(parent.prose), find_words(child.prose)
    if not before or not after or "?" in parent.prose:
        return False
    if before[0] == after[0] and find_ask(Reading(before[0])) is not Ask.NOT:
        return True
    return not knows_language(parent) and before[-1] == after[-1]


def _is_enumeration(child: Reading) -> bool:
    """A list in one line: "Mercury, Venus and Earth", "3, 1 and 4", "9π ≈ 28"."""
    text = child.folded.strip(" .\n。")
    if "=" in text or "≈" in text:
        return True
    parts = _SEPARATOR.split(text)
    return len(parts) >= 3 and all(0 < len(part.split()) <= 4 for part in parts)


def _is_heading(child: Reading) -> bool:
    """An instruction without a verb: "A haiku about winter, with one simile", "A regex that matches dates"."""
    if not child.sentences or any("\n" in piece for piece in child.inputs):
        return False
    if _ORDERED_TEXT.match(child.sentences[0]):
        return True
    if len(child.sentences) > 2 or signs.FINITE.search(child.prose):
        return False
    if _OF_A_KIND.match(child.sentences[0]):
        return True
    first = find_words(child.sentences[0])[:6]
    if not first or not (first[0] in signs.INDEFINITE or first[0].isdigit() or signs.KINDS_OF_TEXT.match(first[0])):
        return False
    opening = " ".join(first)
    return bool(signs.KINDS_OF_TEXT.search(opening) or signs.TEXT_KIND.search(opening))


def _find_translation(parent: Reading, child: Reading) -> str | None:
    """The translation itself, in another language than the order to translate; it may well be a question."""
    if not TRANSLATES.match(parent.prose.lstrip()) or TRANSLATES.search(child.folded):
        return None
    order = Reading(parent.prose.replace("：", ":").partition(":")[0])
    return "is the translation" if find_drift(order.evidence, child.evidence) else None
