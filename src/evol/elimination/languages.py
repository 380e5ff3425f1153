"""Which language a text is written in, by its script and its function words. Pure; small on purpose.

Made for one question: is this instruction in the language of that one? It says so only on clear evidence on both sides,
so a text of three unknown words is in no language, which is never a drift.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache

from evol.elimination.imperatives import IMPERATIVES
from evol.elimination.lexicon import FUNCTION_WORDS, LETTERS
from evol.elimination.texts import find_words, fold

# First and last code point, and what a word that begins there is written in: a language where the script tells it, else
# the script's name in capitals.
_BLOCKS: tuple[tuple[int, int, str], ...] = (
    (0x0370, 0x03FF, "el"),
    (0x1F00, 0x1FFF, "el"),
    (0x0400, 0x052F, "CYRILLIC"),
    (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x06FF, "ARABIC"),
    (0x0900, 0x097F, "hi"),
    (0x0980, 0x09FF, "bn"),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0E00, 0x0E7F, "th"),
    (0x10A0, 0x10FF, "ka"),
    (0x1200, 0x137F, "am"),
    (0x1780, 0x17FF, "km"),
    (0x3040, 0x30FF, "ja"),
    (0x3400, 0x9FFF, "HAN"),
    (0xAC00, 0xD7AF, "ko"),
)
_Languages = tuple[str, ...]
"""Languages that share a word, in alphabetical order: sets of names would come in another order in every process."""


def _index_words() -> dict[str, _Languages]:
    known: dict[str, set[str]] = {}
    for table in (FUNCTION_WORDS, IMPERATIVES):
        for language, words in table.items():
            for word in fold(words).split():
                known.setdefault(word, set()).add(language)
    return {word: tuple(sorted(languages)) for word, languages in known.items()}


_KNOWN = _index_words()
_LETTERS: dict[str, _Languages] = {
    fold(letter): tuple(sorted(language for language, own in LETTERS.items() if letter in own))
    for letters in LETTERS.values()
    for letter in letters
}


_VIETNAMESE = frozenset(LETTERS["vi"])


class Evidence:
    """Words that speak for a language.

    Attributes:
        groups: how often each group of languages was met by a word that belongs to exactly these.
        main: the language with most evidence, "" without any.
        likely: every language with at least half the evidence of `main`.
    """

    def __init__(self, folded: str) -> None:
        words = find_words(folded)
        self.groups: defaultdict[_Languages, int] = defaultdict(int)
        for word in words:
            if (languages := _KNOWN.get(word)) is not None:
                self.groups[languages] += 1
        if not folded.isascii():
            self._add_scripts(words)
            self._add_letters(folded)
        scores: defaultdict[str, float] = defaultdict(float)
        for languages, count in self.groups.items():
            share = count / len(languages)
            for language in languages:
                scores[language] += share
        if folded.isascii() or _VIETNAMESE.isdisjoint(folded):
            scores.pop("vi", None)  # written without its marks it shares its syllables with everybody
        most = max(scores.values(), default=0.0)
        self.main = max([language for language, score in scores.items() if score == most], default="")
        self.likely = frozenset([language for language, score in scores.items() if score >= most / 2])

    def _add_scripts(self, words: list[str]) -> None:
        scripts = Counter([_find_script(word[0]) for word in words])
        han, kana = scripts.pop("HAN", 0), scripts.pop("ja", 0)
        if han or kana:
            # Japanese prose is about half kana; a Chinese text quotes a few at most
            self.groups[("ja",) if kana > 0.1 * han else ("zh",)] += (han + kana) // 2
        for script, count in scripts.items():
            if script == "CYRILLIC":
                self.groups["bg", "ru", "uk"] += count
            elif script == "ARABIC":
                self.groups["ar", "fa", "ur"] += count
            elif script:
                self.groups[(script,)] += -(-count // 4) if script == "th" else count

    def _add_letters(self, folded: str) -> None:
        letters = Counter(_LETTERS[letter] for letter in sorted(set(folded) & _LETTERS.keys()))
        for languages, count in letters.items():
            self.groups[languages] += min(count, 2)

    def count_against(self, language: str, other: str) -> int:
        """Words that can belong to one language and not to the other."""
        return sum(count for known, count in self.groups.items() if language in known and other not in known)


@lru_cache(maxsize=4096)
def _find_script(char: str) -> str:
    point = ord(char)
    if point < 0x0370:
        return ""
    for first, last, script in _BLOCKS:
        if first <= point <= last:
            return script
    return ""


def find_drift(parent: Evidence, child: Evidence) -> tuple[str, str] | None:
    """The languages of parent and child where both are clear and differ.

    The child must hold at least three words that cannot be the parent's language and hardly any that can be that alone;
    and the parent the other way round, if with fewer words.
    """
    new, old = child.main, parent.main
    if not new or not old or new == old:
        return None
    for_new, for_old = child.count_against(new, old), child.count_against(old, new)
    was_old, was_new = parent.count_against(old, new), parent.count_against(new, old)
    is_child_clear = for_new >= 3 and for_old <= 0.25 * for_new
    is_parent_clear = was_old >= 1 and was_new <= 0.34 * was_old
    return (old, new) if is_child_clear and is_parent_clear else None
