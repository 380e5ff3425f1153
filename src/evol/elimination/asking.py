"""Does a text ask for something? Told by question marks, imperatives and phrases in some twenty-five languages. Pure.

The words stand in `imperatives.py` and `requests.py`; here is where they must stand in a sentence. A text in a language
that is not known here asks where it holds a question mark.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

from evol.elimination import imperatives
from evol.elimination.readings import ENGLISH, Reading
from evol.elimination.requests import ENDINGS, OFFER, PATTERNS, PHRASE, ROLE
from evol.elimination.texts import TAKEN, find_words, fold


class Ask(IntEnum):
    """How clearly a text asks.

    NOT: nothing in it asks. MAYBE: only verbs that the steps of an explanation open with too. CLEARLY: the rest.
    """

    NOT = 0
    MAYBE = 1
    CLEARLY = 2


def _collect(words: str) -> frozenset[str]:
    return frozenset(fold(words).split())


_QUESTION_WORDS = _collect(imperatives.QUESTION_WORDS)
_STEPS = _collect(imperatives.STEPS)
_STRONG = _collect(imperatives.STRONG)
_CLAUSE_OPENERS = _collect(imperatives.CLAUSE_OPENERS)
_ROMANCE_CLAUSE_OPENERS = _collect(imperatives.ROMANCE_CLAUSE_OPENERS)
_ADVERBS = _collect(imperatives.ADVERBS)
_DETERMINERS = _collect(imperatives.DETERMINERS)
_NO_VERBS = _collect(imperatives.NO_VERBS)


def _derive(language: str) -> frozenset[str]:
    words = set(_collect(imperatives.IMPERATIVES[language]) - _QUESTION_WORDS)
    for ending, other in imperatives.DERIVED.get(language, ()):
        words |= {word.removesuffix(ending) + other for word in words if word.endswith(ending) and len(word) > 4}
    return frozenset(words)


_IMPERATIVES = {language: _derive(language) for language in imperatives.IMPERATIVES}
_IMPERATIVES["en"] |= _STEPS
_ANY_LANGUAGE = frozenset().union(*_IMPERATIVES.values())

_UNINFLECTED = _collect("كم ما ماذا هل كيف لماذا متى أين أي أيهما")
_UNACCENTED = str.maketrans("áéíóú", "aeiou")
_ENGLISH_ORDERS = _IMPERATIVES["en"] - _STEPS
_ENGLISH_QUESTION_WORDS = frozenset(("how", "what", "which", "who", "whom", "whose", "why", "where", "when"))
# Verbs that open a question, and state in any other place.
_FINITE = _collect(
    """är var kan finns blir har ska er findes finnes blev ist sind kann können hat habe gibt is zijn kan kun kunt heeft est
    sont es son está è sono é são há jest są je jsou este sunt on ovat var yok είναι"""
)
_AUXILIARIES = _collect(
    """is are was were do does did can could should would will has have s to many much long far often old big high kind
    type sort"""
)
_TURKISH_PLURAL = re.compile(r"y?[ıiuü]n(?:[ıiuü]z)?$")
_EMPTY: frozenset[str] = frozenset()
_ENGLISH_QUESTION = re.compile(
    r"(?:what|how|why|where|when|who|which)(?: \w+)? (?:do|does|did|should|would|could|can) \w+ \w"
)
_FIRST_WORD = re.compile(r"\w+")

_QUESTION = re.compile(r"[?？؟՞⁇]|[\u0370-\u03ff][\"»)]?;")  # the last is the Greek one
_NO_BARE_VERB = re.compile(r"\w{3}ing$|[^e]ed$|[^s]s$|[^p]ly$|tion$|ness$")
_COMPARES = re.compile(r"(?:imagine|consider|think)\b")
"""So does an explanation, in its second sentence: "Imagine a set of dolls …"."""
_CLAUSE = re.compile(r"[,،、—–()]|\b(?:und|et|y|e|en|i|и|і|ve|dan|och|og|και)\b")
_ENGLISH_CLAUSE = re.compile(r"[,—–()]|\b(?:and|then)\b")
# Imperatives that look like the third person: in running text they state, where nothing opens the clause for an order.
_AMBIGUOUS: dict[str, re.Pattern[str]] = {
    "es": re.compile(
        r"\w+a|describe|traduce|resume|define|responde|convierte|sugiere|elige|corrige|construye|distingue|rellene|cree"
    ),
    "it": re.compile(r"\w+a"),
    "fr": re.compile(r"\w+e"),
    "pt": re.compile(
        r"explica|lista|compara|cria|calcula|encontra|analisa|conta|indica|ordena|traduz|resume|escreve|descreve|propõe"
        r"|diz|faz|dá"
    ),
    "ro": re.compile(r"\w+[aăe]"),
}


def find_ask(reading: Reading) -> Ask:
    """How clearly anything in the text asks its reader to do or answer something; code and quotations do not count."""
    prose = reading.prose
    if _has_question(prose):
        return Ask.CLEARLY
    likely = reading.likely_in_prose
    if likely == ENGLISH and (first := _FIRST_WORD.match(prose)) and first[0] in _ENGLISH_ORDERS:
        return Ask.CLEARLY  # the ordinary English instruction ends here
    sentences = reading.sentences
    asked = Ask.MAYBE if sentences and _opens_with_question_word(sentences[0]) else Ask.NOT
    for number, sentence in enumerate(sentences):
        if not (number and (_COMPARES.match(sentence) or OFFER.search(sentence))):
            asked = max(asked, _find_imperative(sentence, likely))
        if asked is Ask.CLEARLY:
            return asked
        if number and "en" in likely and _ENGLISH_QUESTION.match(sentence):
            return Ask.CLEARLY  # a question that lost its mark
    if any(ROLE.match(sentence) for sentence in sentences[:3]):
        return Ask.CLEARLY
    if any(PHRASE.search(sentence) and not OFFER.search(sentence) for sentence in sentences):
        return Ask.CLEARLY
    if any(pattern.search(prose) for language, pattern in PATTERNS.items() if language in likely):
        return Ask.CLEARLY
    return asked


def find_asks(reading: Reading) -> list[Ask]:
    """How clearly each sentence asks by the verb it opens with."""
    return [_find_imperative(sentence, reading.likely_in_prose) for sentence in reading.sentences]


def opens_with_step(reading: Reading) -> bool:
    """Whether the first word is an imperative that the steps of an explanation open with too."""
    first = _FIRST_WORD.match(reading.prose)
    return bool(first) and first[0] in _STEPS  # type: ignore[index]


def knows_language(reading: Reading) -> bool:
    """Whether the text is in a language whose ways of asking are known here."""
    return any(language in _IMPERATIVES or language in PATTERNS for language in reading.likely_in_prose)


def _has_question(prose: str) -> bool:
    """A question mark, but for a title and a closing offer of further help."""
    if "?" not in prose and prose.isascii():
        return False
    if "#" in prose:
        prose = "\n".join(line for line in prose.split("\n") if not line.lstrip().startswith("#")) or prose
    if not _QUESTION.search(prose):
        return False
    offer = OFFER.search(prose)
    return not offer or bool(_QUESTION.search(prose, 0, offer.start()))


def _find_imperative(sentence: str, likely: frozenset[str]) -> Ask:
    found = find_words(sentence[:40])
    if not found or sentence.startswith(TAKEN):
        return Ask.NOT
    words = _collect_imperatives(likely)
    first = _strip_prefix(found[0], likely, words)
    if first in words:
        return Ask.MAYBE if first in _STEPS else Ask.CLEARLY
    if "tr" in likely and _closes_with_imperative(sentence):
        return Ask.CLEARLY
    if any(ending.match(sentence) for language, ending in ENDINGS.items() if language in likely):
        return Ask.MAYBE
    best = Ask.MAYBE if "en" in likely and _opens_with_verb(found) else Ask.NOT
    own = _EMPTY if likely <= ENGLISH else words - _IMPERATIVES["en"]
    is_opened = found[0] in _ROMANCE_CLAUSE_OPENERS
    states = [] if is_opened else [form for language, form in _AMBIGUOUS.items() if language in likely]
    for clause in (_ENGLISH_CLAUSE if "en" in likely else _CLAUSE).split(sentence)[1:]:
        inner = [word for word in find_words(clause[:60]) if word not in _ADVERBS and not word.isdigit()]
        if not inner:
            continue
        verb = _strip_prefix(inner[0], likely, words)
        if verb in _STRONG or (
            verb in own and verb not in _FINITE and not any(form.fullmatch(verb) for form in states)
        ):
            return Ask.CLEARLY
        if found[0] in _CLAUSE_OPENERS and "en" in likely:
            if verb in _IMPERATIVES["en"]:
                best = max(best, Ask.MAYBE if verb in _STEPS else Ask.CLEARLY)
            elif _opens_with_verb(inner):
                best = max(best, Ask.MAYBE)
    return best


def _closes_with_imperative(sentence: str) -> bool:
    """Turkish: the last word is an imperative, with or without the ending of the plural."""
    last = find_words(sentence[-40:])[-1:]
    return bool(last) and bool({last[0], _TURKISH_PLURAL.sub("", last[0])} & _IMPERATIVES["tr"])


def _opens_with_question_word(sentence: str) -> bool:
    """A question without its mark is short; "When you push the pedals, …" is none, nor is "What matters is …"."""
    words = find_words(sentence[:160])
    if not words or words[0] not in _QUESTION_WORDS or len(words) > 15 or "," in sentence:
        return False
    return words[0] not in _ENGLISH_QUESTION_WORDS or words[1:2] == [] or words[1] in _AUXILIARIES


@lru_cache(maxsize=64)
def _collect_imperatives(likely: frozenset[str]) -> frozenset[str]:
    if not likely:
        return _ANY_LANGUAGE
    return frozenset().union(*(_IMPERATIVES.get(language, ()) for language in likely))


def _strip_prefix(word: str, likely: frozenset[str], words: frozenset[str]) -> str:
    """Arabic and Hebrew write "and" into the word; Arabic, Spanish and Italian the person behind it."""
    if word not in words and not likely.isdisjoint(("es", "it")):
        for ending in ("me", "nos", "le", "les", "lo", "la", "los", "las", "mi", "ci", "gli", "melo", "noslo"):
            stem = word.removesuffix(ending)
            if stem != word and (plain := stem.translate(_UNACCENTED)) in words:
                return plain
    if "ar" in likely:
        for candidate in (word, word[1:] if word[:1] in ("و", "ف") else word):
            for ending in ("", "ي", "وا", "ا", "ني", "لي"):
                if (stem := candidate.removesuffix(ending)) in words and (not ending or stem not in _UNINFLECTED):
                    return stem
    if "he" in likely and word[:1] == "ו" and word[1:] in words:
        return word[1:]
    return word


def _opens_with_verb(found: list[str]) -> bool:
    """An English sentence like "Concoct a …": a bare verb that no list knows, and a determiner."""
    if len(found) < 2 or found[1] not in _DETERMINERS:
        return False
    verb = found[0]
    return verb.isalpha() and verb not in _NO_VERBS and not _NO_BARE_VERB.search(verb)
