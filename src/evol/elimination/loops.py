"""Degenerate loops: a model that says the same again and again. Pure, one pass, whatever the length of the loop.

What repeats by nature is none: tables and code (few words, many of them alike, are cut out by the caller), refrains
(not next to each other), "row, row, row your boat" (too short), digits.
"""

from __future__ import annotations

import re
from itertools import groupby

from evol.elimination.readings import Reading
from evol.elimination.texts import find_words

_LONG_TOKEN = re.compile(r"\S{41}")
_LETTER_RUN = re.compile(r"([^\W\d_])\1{19}")
_NUMBERING = re.compile(r"[\W\d_]+")
_LAUGHTER = frozenset("ha haha he hehe ho la na da doo oh ah ooh yeah no ja hey 哈 啊 呵 ㅋ ㅎ ฮ 5 w".split())  # noqa: SIM905
_MIN_REPEATED_TRIGRAMS = 4
_EQUAL_LINES = 20


def find_loop(reading: Reading) -> str | None:
    """What a text repeats degenerately, None if nothing.

    A run of one word seven times, of two to four words five times, of five and more four times, of ten and more three
    times; a letter twenty times; or at least eight lines or sentences of which fewer than two in five are distinct.
    """
    tokens = reading.folded.split()
    if len(reading.text) > 12 * len(tokens):  # a script without spaces, or a word that never ends
        if found := _find_long_word(reading.folded):
            return found
        tokens = reading.words
    if len(tokens) - len(set(zip(tokens, tokens[1:], tokens[2:], strict=False))) - 2 < _MIN_REPEATED_TRIGRAMS:
        return None
    return _find_run(find_words(reading.prose)) or _find_equal_lines(reading.text) or _find_alike(reading)


def _find_run(tokens: list[str]) -> str | None:
    """A piece that follows itself; its length is the distance between equal trigrams that stays the same."""
    last: dict[tuple[str, str, str], int] = {}
    period = run = 0
    for position, trigram in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False)):
        distance = position - last.get(trigram, position)
        last[trigram] = position
        run = run + 1 if distance == period and distance else 1
        period = distance
        if not period:
            continue
        repeats = (run + 2 + period) // period
        if repeats >= _count_needed(period) and (piece := _show(tokens, position + 3 - period, period)):
            return f"repeats {piece!r}"
    return None


def _count_needed(period: int) -> int:
    if period == 1:
        return 7
    if period <= 4:
        return 5
    return 4 if period < 10 else 3


def _show(tokens: list[str], start: int, period: int) -> str:
    """The repeated piece, "" where it may repeat: digits, laughter."""
    piece = tokens[start : start + period]
    if not any(word.isalpha() and word not in _LAUGHTER for word in piece):
        return ""
    return " ".join(piece)[:60]


def _find_long_word(folded: str) -> str | None:
    """A word that goes on and on ("lalalala…"), longer than any word is."""
    if match := _LETTER_RUN.search(folded):
        return f"repeats {match[1]!r} {len(match[0])} times or more"
    for match in _LONG_TOKEN.finditer(folded):
        token = match[0]
        for period in range(2, 11):
            if token[:period].isalpha() and token.startswith(token[period:]):
                return f"repeats {token[:period]!r}"
    return None


def _find_equal_lines(text: str) -> str | None:
    """The same line of code or data twenty times on end."""
    for line, group in groupby(text.split("\n")):
        if any(char.isalpha() for char in line) and sum(1 for _ in group) >= _EQUAL_LINES:
            return f"repeats the line {line.strip()[:60]!r}"
    return None


def _find_alike(reading: Reading) -> str | None:
    """Many lines or sentences, few of them different; numbers and list marks do not make them different."""
    for parts in (reading.prose.split("\n"), reading.sentences):
        bare = [text for part in parts if len(text := _NUMBERING.sub(" ", part).strip()) > 8]
        if len(bare) >= 8 and len(set(bare)) < 0.4 * len(bare):
            return f"{len(set(bare))} of {len(bare)} lines or sentences are distinct"
    return None
