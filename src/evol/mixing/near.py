"""Near duplicates: candidates by MinHash, each verified on the texts themselves.

A pair counts when the word 3-grams of both instructions overlap by the threshold (Jaccard) and rapidfuzz finds the
texts as similar, character by character and in order. MinHash (`rensa`) only proposes pairs: signatures are cut into
bands, and rows that agree in a band are compared. The bands are chosen so that a pair at the threshold is proposed with
at least 99.5 %. Rows are visited best first, and a row goes only if it repeats one that stays, so that a chain of small
changes does not end in one survivor. Memory: four bytes a band and row.
"""

from __future__ import annotations

import functools
import zlib
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from evol.extras import need_extra
from evol.mixing.texts import cut_shingles, measure_overlap, split_words

SIGNATURE = 128
"""Hashes of a MinHash signature."""

MAX_COMPARED = 500
"""Rows that one row is compared with at most; where more share a band, they share boilerplate."""

_SEED = 20230424
_SEEN = 1 << 24


class NearIndex:
    """Finds near duplicates among rows that are added in order.

    Args:
        threshold: similarity from which rows of different lineages are duplicates, 0 to 1.
        lineage_threshold: the same within a lineage; not below `threshold`.

    Raises:
        UsageError: `rensa` or `rapidfuzz` is not installed.
    """

    def __init__(self, threshold: float, lineage_threshold: float) -> None:
        with need_extra("merge", "--dedupe near"):
            from rapidfuzz import fuzz
            from rensa import RMinHash
        self._minhash = RMinHash
        self._ratio = fuzz.ratio
        self._threshold, self._lineage_threshold = threshold, lineage_threshold
        self._width = choose_band_width(threshold)
        self._bands = [array("I") for _ in range(SIGNATURE // self._width)]
        self._sizes = array("I")

    def add(self, instructions: list[str]) -> None:
        """Take the next rows in."""
        shingles = [list(set(cut_shingles(split_words(text)))) for text in instructions]
        self._sizes.extend(map(len, shingles))
        matrix = self._minhash.digest_matrix_from_token_sets(shingles, SIGNATURE, _SEED)
        step = 4 * self._width
        for signature in matrix.to_rows():
            packed = array("I", signature).tobytes()
            for number, band in enumerate(self._bands):
                # 0 stands for "alone in this band"
                band.append(zlib.crc32(packed[number * step : (number + 1) * step]) or 1)

    def find(
        self, order: Sequence[int], lineage: Sequence[int], read: Callable[[int], str]
    ) -> Iterator[tuple[int, int, float]]:
        """Yield (row that repeats another, row that stays, similarity 0 to 1).

        Args:
            order: the rows to look at, best first.
            lineage: of every row.
            read: the instruction of a row.
        """
        for band in self._bands:
            _clear_loners(band, order)
        buckets: list[defaultdict[int, list[int]]] = [defaultdict(list) for _ in self._bands]

        @functools.lru_cache(maxsize=2048)
        def prepare(index: int) -> tuple[str, set[str]]:
            words = split_words(read(index))
            return " ".join(words), set(cut_shingles(words))

        for index in order:
            shared = [(bucket, key) for band, bucket in zip(self._bands, buckets, strict=True) if (key := band[index])]
            found = None
            for other in _propose(shared):
                bar = self._lineage_threshold if lineage[index] == lineage[other] else self._threshold
                few, many = sorted((self._sizes[index], self._sizes[other]))
                if few < bar * many:
                    continue  # they cannot overlap enough, whatever they say
                similarity = self._compare(prepare(index), prepare(other), bar)
                if similarity >= bar:
                    found = other, similarity
                    break
            if found:
                yield index, *found
                continue
            for bucket, key in shared:
                bucket[key].append(index)

    def _compare(self, first: tuple[str, set[str]], second: tuple[str, set[str]], bar: float) -> float:
        """The lower of both similarities; 0 where one is below the bar."""
        overlap = measure_overlap(first[1], second[1])
        if overlap < bar:
            return 0
        return min(overlap, self._ratio(first[0], second[0], score_cutoff=100 * bar) / 100)


def choose_band_width(threshold: float) -> int:
    """The widest band that still proposes a pair at the threshold with at least 99.5 %."""
    widths = (8, 7, 6, 5, 4, 3, 2)
    return next((width for width in widths if (1 - threshold**width) ** (SIGNATURE // width) <= 0.005), 1)


def _propose(shared: list[tuple[defaultdict[int, list[int]], int]]) -> Iterator[int]:
    """Rows that stay and share a band, each once."""
    seen: set[int] = set()
    for bucket, key in shared:
        for other in bucket.get(key, ()):
            if other not in seen:
                seen.add(other)
                yield other
                if len(seen) == MAX_COMPARED:
                    return


def _clear_loners(band: array[int], order: Iterable[int]) -> None:
    """Set to 0 what no other row shares; a few that stay by chance cost time, nothing else."""
    counts = bytearray(_SEEN)
    for index in order:
        key = band[index] % _SEEN
        if counts[key] < 2:
            counts[key] += 1
    for index in order:
        if counts[band[index] % _SEEN] == 1:
            band[index] = 0
