"""Texts as words, for comparing: what duplicates and contamination look at. Pure.

Case, punctuation and layout do not count. A word is a run of letters, digits and their marks; each character of a
script that writes without spaces (Chinese, Japanese kana, Thai) is a word of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

SHINGLE_WORDS = 3
"""Word 3-grams: instructions are short texts, and longer grams would leave too few of them to compare."""

_SINGLES = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SINGLES}]|[^\W_{_SINGLES}][^\W_{_SINGLES}\u0300-\u036f\u0900-\u0dff]*|[\u0900-\u0dff]+")


def split_words(text: str) -> list[str]:
    """The words of a text, in one case and one Unicode form."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def cut_shingles(words: list[str]) -> list[str]:
    """Every run of three words; the whole text where it has fewer."""
    if len(words) <= SHINGLE_WORDS:
        return [" ".join(words)]
    return list(cut_ngrams(words, SHINGLE_WORDS))


def cut_ngrams(words: list[str], size: int) -> Iterator[str]:
    """Every run of `size` words, joined by spaces; none where there are fewer."""
    return map(" ".join, zip(*(words[start:] for start in range(size)), strict=False))


def measure_overlap(first: set[str], second: set[str]) -> float:
    """Jaccard similarity of two sets, 0 to 1."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)
