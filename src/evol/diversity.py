"""How varied a generation's texts are: distinct-1, distinct-2 and how far they compress. In constant memory.

Plain distinct-n (different n-grams over all n-grams; Li et al. 2016, arXiv 1510.03055) falls with the size of the text,
so that a large run would look poorer than a small one. Here it is the mean over windows of WINDOW words. The
compression ratio (Shaib et al. 2024, arXiv 2403.00553) is zlib's, which looks back 32 KB.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator

from evol.figures import DiversityStats
from evol.words import split_words

WINDOW = 1000
"""Words."""


class Variety:
    """Takes texts one after the other."""

    def __init__(self) -> None:
        self._rows = self._words = 0
        self._bytes = self._compressed = 0
        self._zlib = zlib.compressobj()
        self._window: list[str] = []
        self._shares: list[tuple[float, float]] = []

    def add(self, text: str) -> None:
        """Take one text."""
        words = split_words(text)
        self._rows += 1
        self._words += len(words)
        self._window += words
        while len(self._window) >= WINDOW:
            self._shares.append(measure_distinct(self._window[:WINDOW]))
            del self._window[:WINDOW]
        content = f"{text}\n".encode("utf-8", "replace")
        self._bytes += len(content)
        self._compressed += len(self._zlib.compress(content))

    def freeze(self) -> DiversityStats:
        """The figures of all texts taken; ends the taking."""
        self._compressed += len(self._zlib.flush())
        # what does not fill a window counts only where nothing else is there
        shares = self._shares or ([measure_distinct(self._window)] if self._window else [])
        return DiversityStats(
            rows=self._rows,
            words=self._words,
            distinct_1=_mean(share[0] for share in shares),
            distinct_2=_mean(share[1] for share in shares),
            compression_ratio=round(self._bytes / self._compressed, 3) if self._words else None,
        )


def measure_distinct(words: list[str]) -> tuple[float, float]:
    """Share of different words among the words, and of different pairs of neighbours among the pairs."""
    pairs = list(itertools.pairwise(words))
    return len(set(words)) / len(words), len(set(pairs)) / len(pairs) if pairs else 1.0


def _mean(values: Iterator[float]) -> float | None:
    found = list(values)
    return round(sum(found) / len(found), 4) if found else None
