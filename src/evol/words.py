"""Texts as words, for comparing: case, punctuation and layout aside. Pure.

A word is what `elimination.texts.count_words` counts: a run of letters and digits with their marks; each character of a
script that writes without spaces (Chinese, Japanese kana, Thai) is a word of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

SHINGLE_WORDS = 3
"""Word 3-grams: instructions are short texts, and longer grams would leave too few of them to compare."""

_SINGLES = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u200c\u200d"
_WORD = re.compile(rf"[{_SINGLES}]|[^\W_{_SINGLES}](?:[^\W_{_SINGLES}]|[{_MARKS}])*")
_ASCII_WORDS = "".join(chr(point).lower() if chr(point).isalnum() else " " for point in range(128))
"""For every ASCII character what it is in a word, a space where it is in none."""


def split_words(text: str) -> list[str]:
    """The words of a text, in one case and one Unicode form."""
    if text.isascii():
        return text.translate(_ASCII_WORDS).split()
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def cut_shingles(words: list[str]) -> set[str]:
    """Every run of three words; the whole text where it has fewer."""
    if len(words) <= SHINGLE_WORDS:
        return {" ".join(words)}
    return set(cut_ngrams(words, SHINGLE_WORDS))


def cut_ngrams(words: list[str], size: int) -> Iterator[str]:
    """Every run of `size` words, joined by spaces; none where there are fewer."""
    return map(" ".join, zip(*(words[start:] for start in range(size)), strict=False))


def measure_overlap(first: set[str], second: set[str]) -> float:
    """Jaccard similarity of two sets, 0 to 1; two empty ones are alike."""
    shared = len(first & second)
    either = len(first) + len(second) - shared
    return shared / either if either else 1.0
