"""The four rules of the paper (WizardLM, arXiv 2304.12244, "Elimination Evolving"), each in one function. Pure.

1. `build_judge_messages`, `parse_verdict`: an LLM judges that nothing was gained.
2. `check_sorry`: the response contains "sorry" and has fewer than 80 words.
3. `check_stop_words`: the response holds only punctuation and stop words.
4. `check_prompt_words`: the instruction copies words of the evolving prompt.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal

from evol.elimination.lexicon import FUNCTION_WORDS
from evol.elimination.phrases import SELF_TALK, find_phrase
from evol.elimination.readings import Evolution, Finding, Response
from evol.elimination.replies import ASKING_BACK, REFUSALS
from evol.elimination.tasks import ABOUT_ASSISTANTS, APOLOGIES, HANDED_ON, REPLYING, SAYING_NO, VOICED, is_about
from evol.elimination.texts import WORD, compile_folded, count_words, find_words, fold
from evol.packs import Pack
from evol.records import Message

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
_DEGREES = frozenset(
    ("very", "more", "most", "few", "some", "any", "now", "then", "here", "there", "again", "before", "after")
)
_MOST_STOP_WORDS = 200
"""Characters of a response that might be nothing but function words."""
_SORRY = re.compile(r"\bsorry\b")
_NOT_AN_APOLOGY = re.compile(
    r"\"[^\"\n]*\"|“[^“”\n]*”|«[^«»\n]*»|「[^「」\n]*」|„[^„“”\n]*[“”]"
    r"|safe than sorry|sorry (?:state|sight|excuse|lot|affair|tale|mess)"
)
_WANTS_WORD = re.compile(
    r"__|\b(?:articles?|prepositions?|pronouns?|conjunctions?|determiners?|auxiliar(?:y|ies)|adverbs?|blanks?|gaps?|fill|complete|missing"
    r"|letters?|rhymes?|opposite|synonym|antonym|titles?|which words?|(?:stop|function|linking|question|filler|short) ?words?"
    r"|(?:one|that|the|this|a|an|single|what|english|frequent|common(?:est)?|next|last|first|right|correct)(?: \w+)? word)\b"
)
_WANTS_SIGN = compile_folded(
    r"""
    operator|symbol|\bsigns?\b|punctuation|\bmarks?\b|character|zeichen|\bsigne|opérateur|símbolo|\bsigno|\bsinal|operador|
    operatore|simbol|\bsegno|\bteken|\bznak|tecken|\btegn|знак|символ|оператор|işaret|\bdấu\b|toán tử|\btanda\b|simge|
    merkki|\bjel|σύμβολο|σημείο|علامة|رمز|סימן|علامت|चिह्न|符号|符號|标点|記号|기호|부호|연산자|運算|运算|เครื่องหมาย"""
)
# Function words of other languages count where several stand together; not those that answer a question, and numbers.
_ANSWERS = frozenset(
    """yes no not non ne nicht nein ja oui sí sim não nee niet tak nie ano nej nei inte ikke nem não да нет не так ні hai no
    όχι ναι نعم لا هاں हाँ नहीं evet hayır değil không có ya tidak bukan one two three four five eins zwei drei vier
    fünf deux trois quatre cinq uno dos tres cuatro cinco dois duas três quatro due tre quattro cinque
    twee drie vijf trzy dwa cztery pięć tři dva čtyři pět två fyra fem trei doi două patru cinci három két négy öt
    kolme kaksi neljä viisi üç iki dört beş ba hai tiga dua empat lima три два""".split()  # noqa: SIM905
)
_MORE_FUNCTION_WORDS = {
    "zh": "的 了 和 与 在 就 也 都 而 及 着 之 地 得",
    "ja": "の は を に が と も で へ や",
    "ko": "그리고 및 또는 의 을 를 은 는 이 가 에 그 저",
    "hi": "और का की के में से को है यह वह पर एक",
    "th": "และ ที่ ของ ใน",
}
_TO_THE_USER = re.compile(
    r"sorry,? (?:for|about) (?:any|the) (?:confusion|inconvenience|misunderstanding)|sorry,? i'm not"
    r"|sorry,? (?:but )?i (?:do not|don't|didn't|did not) (?:understand|have|know|see|quite|get|catch|think i)"
    r"|sorry\W{1,5}(?:but )?(?:something went wrong|an error|i (?:ran out|lost (?:track|count|the thread)|got stuck|"
    r"(?:have|had) to stop|must stop|made a mistake|(?:can't|cannot|couldn't|could not|can not) (?:finish|complete|continue|go on)))"
    r"|sorry\b[^.\n]{0,80}\b(?:rhymes?|translating|this request|your request|your instruction|this prompt)\b"
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
_OPEN_BEFORE = re.compile(r"\b(?:whether|if)\b[^,]*\Z", re.IGNORECASE)
_ALTERNATIVE = re.compile(r"\bequal\W{1,4}or(?:\W+not)?\W*\Z", re.IGNORECASE)
_OPEN_AFTER = re.compile(r"\W{1,4}or (?:not|un|in|non-?)\b", re.IGNORECASE)
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
    own = [line for before, line in pairwise(["", *lines]) if not _NEGATED_AT_END.search(before)]
    found = {verdict for line in own if (verdict := _read_line(line))}
    if not found:
        found = {_read_mention(reply, match) for match in _EQUAL.finditer(reply)} - {""}
    if found == {"equal"}:
        return "equal"
    return "not equal" if found == {"not equal"} else None


def _read_line(line: str) -> str | None:
    """The verdict that a line consists of, if it does."""
    words = re.sub(r"[^\w\s]|_", " ", line.casefold()).split()
    return {("equal",): "equal", ("not", "equal"): "not equal"}.get(tuple(words))


def _read_mention(reply: str, match: re.Match[str]) -> str:
    """What an "equal" in running text says, by its sentence before it and what follows; "" where it leaves it open."""
    nearby = reply[max(0, match.start() - 200) : match.start()]  # bounded, for a judge that repeats itself
    sentence = re.split(r"[.!?;:]", nearby)[-1]
    if _OPEN_BEFORE.search(sentence) or _ALTERNATIVE.search(nearby) or _OPEN_AFTER.match(reply, match.end()):
        return ""  # "I cannot tell whether they are equal or not"
    before = " ".join(sentence.split()[-4:])
    is_denied = match[1] or _NEGATED_BEFORE.search(before) or _NEGATED_AFTER.match(reply, match.end())
    return "not equal" if is_denied else "equal"


def check_prompt_words(evolution: Evolution) -> Finding:
    """Rule 4 of the paper: words of the evolving prompt stand in the instruction, but not in its parent."""
    text = evolution.child.folded
    for label, folded in _fold_labels(evolution.labels):
        if folded in text and folded not in evolution.before.folded:
            return f"contains {label!r}"
    return None


@lru_cache(maxsize=16)
def _fold_labels(labels: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((label, fold(label)) for label in (*PAPER_LABELS, *labels))


def check_sorry(given: Response) -> Finding:
    """Rule 2 of the paper: "sorry" in a response of fewer than 80 words.

    Not where the task is about apologies or hands on words; nor in a letter or story, unless the model itself is sorry;
    nor in quotation marks and idioms.
    """
    if "sorry" not in given.given.folded:
        return None
    words = count_words(given.response)
    if words >= given.settings.sorry_words:
        return None
    task, text = given.task.folded, given.given.folded
    rest = _NOT_AN_APOLOGY.sub(" ", text)
    if not _SORRY.search(rest if len(rest.strip()) > 2 else text):
        return None
    if is_about(APOLOGIES, task) or (words <= 2 and _WANTS_WORD.search(task)):
        return None
    if is_about(HANDED_ON, task) and not _TO_THE_USER.search(rest):
        return None
    is_spoken = any(is_about(kind, task) for kind in (SAYING_NO, VOICED, REPLYING, ABOUT_ASSISTANTS))
    if is_spoken and not _is_own_apology(text):
        return None
    return f'"sorry" in {words} words'


def _is_own_apology(text: str) -> bool:
    """Whether the model says sorry to its user, and not somebody in a text it wrote."""
    english = frozenset({"en"})
    talks = any(find_phrase(phrases, text, english) for phrases in (REFUSALS, ASKING_BACK, SELF_TALK))
    return talks or bool(_TO_THE_USER.search(text))


def check_stop_words(given: Response) -> Finding:
    """Rule 3 of the paper: only punctuation and stop words. A letter, a symbol or an offered word is an answer."""
    response = given.response
    # the first word with content ends this, so that a long response costs nothing
    if any(match[0].casefold() not in _STOP_WORDS for match in WORD.finditer(response)):
        return f"only {response[:60]!r}" if len(response) <= _MOST_STOP_WORDS and _is_empty_talk(given) else None
    if any(unicodedata.category(char)[0] == "S" for char in response):
        return None
    words = [word.casefold() for word in WORD.findall(response)]
    task = given.task
    if not words and len(response.strip()) <= 3 and _WANTS_SIGN.search(task.folded):
        return None
    if len(words) == 1 and (len(words[0]) == 1 or words[0] in task.words or _WANTS_WORD.search(task.folded)):
        return None
    if len(words) <= 12 and ("," in response or "\n" in response) and _WANTS_WORD.search(task.folded):
        return None  # "in, on, at"
    if "?" in task.text and words and len(words) <= 3 and (task.words[:1] == words[-1:] or words[0] in _DEGREES):
        return None  # "Is it …?" "It is."; "How hot is …?" "Very."
    return f"only {response[:60]!r}"


def _is_empty_talk(given: Response) -> bool:
    """Whether three words or more are all function words of one language, and none of them an answer or offered."""
    words = given.given.words
    if len(words) < 3 or not _ANSWERS.isdisjoint(words) or all(word in given.task.words for word in words):
        return False
    if any(word.isdigit() for word in words) or any(unicodedata.category(char)[0] == "S" for char in given.response):
        return False
    if len(words) == 3 and ("?" in given.task.text or _WANTS_WORD.search(given.task.folded)):
        return False  # "Sie und er."
    return any(own.issuperset(words) for own in _collect_function_words())


@cache
def _collect_function_words() -> tuple[frozenset[str], ...]:
    """The function words of every language but English, which has stop words of its own above."""
    tables = [words for language, words in FUNCTION_WORDS.items() if language != "en"]
    return tuple(frozenset(find_words(fold(words))) for words in (*tables, *_MORE_FUNCTION_WORDS.values()))
