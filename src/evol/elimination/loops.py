"""Degenerate loops: a model that says the same again and again. Pure, one pass, whatever the length of the loop.

What repeats by nature is none: tables and code (few words, many of them alike, are cut out by the caller), refrains
(not next to each other), "row, row, row your boat" (too short), digits.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from evol.elimination.readings import Reading
from evol.elimination.texts import find_words

_LONG_TOKEN = re.compile(r"\S{41}")
_LETTER_RUN = re.compile(r"([^\W\d_])\1{19}")
_NUMBERING = re.compile(r"[\W\d_]+")
_LINES = "".join(chr(point) if chr(point).isalpha() or point == 10 else " " for point in range(128))
_SENTENCES = "".join("\n" if chr(point) in ".!?;:" else _LINES[point] for point in range(128))
_LAUGHTER = frozenset("ha haha he hehe ho la na da doo oh ah ooh yeah no ja hey 哈 啊 呵 ㅋ ㅎ ฮ 5 w".split())  # noqa: SIM905
_MIN_REPEATED_WORDS = 6
_MIN_COUNT = 3
"""A piece of five words stands so often in a text wherever a loop is long enough to be told."""
_SIX_ON_END = b"\1" * 6
_EQUAL_LINES = 20
_EQUAL_BLOCKS = 8
_LEAST_ALIKE = 8
_SHORTEST_ALIKE = 8  # characters
_LONG_NUMBER = 60
_DIGIT_RUN = re.compile(r"(\d)\1{59}")


def find_loop(reading: Reading) -> str | None:
    """What a text repeats degenerately, None if nothing.

    A run of one word seven times, of two to four words five times, of five and more four times, of ten and more three
    times; a letter twenty times, a digit sixty; the same lines of code, or a sentence that only counts on; or at least
    eight lines or sentences of which fewer than two in five are distinct.
    """
    words = reading.words
    if words and max(map(len, reading.word_set)) >= _LONG_NUMBER and (match := _DIGIT_RUN.search(reading.folded)):
        return f"repeats the digit {match[1]!r} without end"
    gaps = reading.text.count(" ") + reading.text.count("\n")
    # a script without spaces, or a word that never ends
    if len(reading.text) > 12 * (gaps + 1) and (found := _find_long_word(reading.folded)):
        return found
    if len(words) - len(reading.word_set) < _MIN_REPEATED_WORDS:
        return None
    if not _may_be_run(words):
        return _find_alike(reading) if _may_be_alike(reading.folded) else None
    words = find_words(reading.prose)
    return (
        _find_run(words)
        or _find_circle(words)
        or _find_equal_lines(reading.text)
        or _find_equal_blocks(reading.text)
        or _find_counted(words)
        or _find_alike(reading)
    )


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


def _find_circle(tokens: list[str]) -> str | None:
    """A long piece that follows itself and says the same words twice, so that `_find_run` loses count of it."""
    last: dict[tuple[str, str, str], int] = {}
    distances: Counter[int] = Counter()
    for position, trigram in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False)):
        if trigram in last:
            distances[position - last[trigram]] += 1
        last[trigram] = position
    for period, count in distances.most_common(3):
        if period < 10 or count < period:
            continue
        run = 0
        for position in range(period, len(tokens)):
            run = run + 1 if tokens[position] == tokens[position - period] else 0
            if run >= period * (_count_needed(period) - 1) and (piece := _show(tokens, position - period, period)):
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


def _find_equal_blocks(text: str) -> str | None:
    """The same two to four lines eight times on end, as branches of code."""
    lines = [line.strip() for line in text.split("\n")]
    for period in (2, 3, 4):
        run = 0
        for line, before in zip(lines[period:], lines, strict=False):
            run = run + 1 if line == before else 0
            if run >= period * (_EQUAL_BLOCKS - 1) and sum(map(str.isalpha, line + before)) >= 8:
                return f"repeats the lines {line[:60]!r}"
    return None


def _find_counted(words: list[str]) -> str | None:
    """A sentence that only counts on ("step 2: … step 3: …"), eight times; tables have more than one number a line."""
    places = [number for number, word in enumerate(words) if word.isdigit()]
    run, last = 0, ""
    for start, end, value, following in zip(
        places, places[1:], map(words.__getitem__, places), places[1:], strict=False
    ):
        piece = " ".join(words[start + 1 : end])
        counts_on = words[following] == str(int(value[:9]) + 1) if value.isascii() else False
        run = run + 1 if counts_on and piece == last and end - start >= 6 else 0
        last = piece
        if run >= _EQUAL_BLOCKS - 1:
            return f"repeats {piece[:60]!r}"
    return None


def _may_be_run(words: list[str]) -> bool:
    """Whether runs and circles are worth their time: a loop brings the same five words three times.

    Of one word or two it brings one or two such pieces; of three and more, so often as is needed, six side by side;
    what only counts on, one piece eight times.
    """
    distinct = set(zip(words, words[1:], words[2:], words[3:], words[4:], strict=False))
    repeated = len(words) - 4 - len(distinct)
    if repeated < _MIN_COUNT - 1:
        return False
    if repeated < _EQUAL_BLOCKS - 1 and not [
        1 for one, two, three in zip(words, words[2:], words[4:], strict=False) if one == two == three
    ]:
        return False
    pieces = list(zip(words, words[1:], words[2:], words[3:], words[4:], strict=False))
    counts = Counter(pieces)
    is_frequent = bytes([counts[piece] >= _MIN_COUNT for piece in pieces])
    return (
        _SIX_ON_END in is_frequent
        or max(counts.values()) >= _EQUAL_BLOCKS
        or any(count >= _MIN_COUNT and piece[0] == piece[2] == piece[4] for piece, count in counts.items())
    )


def _may_be_alike(folded: str) -> bool:
    """Whether `_find_alike` is worth its time, told by a cruder split."""
    if not folded.isascii():
        return True
    if folded.count("\n") >= _LEAST_ALIKE - 1 and _are_alike(folded.translate(_LINES)):
        return True
    return _are_alike(folded.translate(_SENTENCES))


def _are_alike(lines: str) -> bool:
    bare = [text for line in lines.split("\n") if len(text := line.strip()) > _SHORTEST_ALIKE]
    return len(bare) >= _LEAST_ALIKE and len(set(bare)) < 0.5 * len(bare)


def _find_alike(reading: Reading) -> str | None:
    """Many lines or sentences, few of them different; numbers and list marks do not make them different."""
    for parts in (reading.prose.split("\n"), reading.sentences):
        bare = [text for part in parts if len(text := _NUMBERING.sub(" ", part).strip()) > _SHORTEST_ALIKE]
        if len(bare) >= _LEAST_ALIKE and len(set(bare)) < 0.4 * len(bare):
            return f"{len(set(bare))} of {len(bare)} lines or sentences are distinct: {bare[-2][:60]!r}"
    return None
