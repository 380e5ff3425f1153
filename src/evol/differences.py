"""What changed between two texts, word by word. Pure; the report's script (`page/report.js`) follows the same rules."""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LEAST_SHARED = 0.35
"""Of two texts; below it they have too little in common for differences to mean anything."""
MOST_PAIRS = 2_000_000
"""Of words to compare; beyond it two texts are not compared."""

_SHORT = 3
_SINGLES = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# a word with the space after it; scripts that write without spaces go character by character
_TOKEN = re.compile(rf"(?:[{_SINGLES}]|[^\W{_SINGLES}]+|\s+|.)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the newer text.

    Attributes:
        old: what stood there before; "" where nothing did, or where it is the same.
        new: what stands there now.
        is_same: whether both have it.
    """

    old: str
    new: str
    is_same: bool


def compare(before: str, after: str) -> list[Part] | None:
    """The stretches of `after` in order; joined, their `new` is `after`.

    Returns:
        None where the two share too little, or are too long to be compared.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    first, second = ([token.strip() for token in tokens] for tokens in (old, new))
    head = _count_alike(first, second)
    tail = _count_alike(first[head:][::-1], second[head:][::-1])
    last, final = len(old) - tail, len(new) - tail
    if (last - head) * (final - head) > MOST_PAIRS:
        return None
    steps = [
        Part("", "".join(new[:head]), is_same=True),
        *_align(old[head:last], new[head:final]),
        Part("", "".join(new[final:]), is_same=True),
    ]
    shared = 2 * sum(len(part.new) for part in steps if part.is_same)
    if shared < LEAST_SHARED * max(1, len(before) + len(after)):
        return None
    parts = _join(part for part in steps if part.old or part.new)
    return _join(_absorb(parts))


def _count_alike(first: Sequence[str], second: Sequence[str]) -> int:
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _align(old: Sequence[str], new: Sequence[str]) -> Iterator[Part]:
    """Yield one token after the other, along a longest common subsequence."""
    first, second = ([token.strip() for token in tokens] for tokens in (old, new))
    longest = [array("I", bytes(4 * (len(new) + 1))) for _ in range(len(old) + 1)]  # common to the rests from here on
    for i in range(len(old) - 1, -1, -1):
        row, below, word = longest[i], longest[i + 1], first[i]
        for j in range(len(new) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if word == second[j] else max(below[j], row[j + 1])
    i = j = 0
    while i < len(old) or j < len(new):
        if i < len(old) and j < len(new) and first[i] == second[j]:
            yield Part("", new[j], is_same=True)
            i, j = i + 1, j + 1
        elif j == len(new) or (i < len(old) and longest[i + 1][j] >= longest[i][j + 1]):
            yield Part(old[i], "", is_same=False)
            i += 1
        else:
            yield Part("", new[j], is_same=False)
            j += 1


def _join(parts: Iterable[Part]) -> list[Part]:
    """Neighbours of one kind as one."""
    return [
        Part("".join(part.old for part in run), "".join(part.new for part in run), is_same)
        for is_same, run in ((is_same, list(run)) for is_same, run in itertools.groupby(parts, lambda one: one.is_same))
    ]


def _absorb(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield the parts; a short word that stayed between two changes is read more easily as part of the change."""
    for place, part in enumerate(parts):
        is_short = 0 < place < len(parts) - 1 and len(part.new.strip()) <= _SHORT
        yield Part(part.new, part.new, is_same=False) if part.is_same and is_short else part
