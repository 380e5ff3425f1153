"""Near duplicates: candidates by MinHash, each verified on the texts themselves.

A pair counts when the word 3-grams of both instructions overlap by the threshold (Jaccard) and rapidfuzz finds the
texts as similar, character by character and in order. MinHash (`rensa`) only proposes pairs: signatures are cut into
bands, and rows that agree in a band are compared. The bands are chosen so that a pair at the threshold is proposed with
at least 99.5 %. Rows are visited best first, and a row goes only if it repeats one that stays, so that a chain of small
changes does not end in one survivor. Memory: four bytes a band and row; rows of a band are chained within these.
"""

from __future__ import annotations

import functools
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence

from evol.extras import need_extra
from evol.words import cut_shingles, measure_overlap, split_words

SIGNATURE = 128
"""Hashes of a MinHash signature."""

MAX_COMPARED = 500
"""Rows that one row is compared with at most; where more share a band, they share boilerplate."""

_SEED = 20230424
_SIEVE = 1 << 24


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
        shingles = [list(cut_shingles(split_words(text))) for text in instructions]
        self._sizes.extend(map(len, shingles))
        matrix = self._minhash.digest_matrix_from_token_sets(shingles, SIGNATURE, _SEED)
        step = 4 * self._width
        for signature in matrix.to_rows():
            packed = array("I", signature).tobytes()
            for number, band in enumerate(self._bands):
                band.append(zlib.crc32(packed[number * step : (number + 1) * step]))

    def find(
        self, order: Sequence[int], lineage: Sequence[int], read: Callable[[int], str]
    ) -> Iterator[tuple[int, int, float]]:
        """Yield (row that repeats another, row that stays, similarity 0 to 1).

        Args:
            order: the rows to look at, best first.
            lineage: of every row.
            read: the instruction of a row.
        """
        heads = [_number_groups(band, order) for band in self._bands]

        @functools.lru_cache(maxsize=2048)
        def prepare(index: int) -> tuple[str, set[str]]:
            words = split_words(read(index))
            return " ".join(words), cut_shingles(words)

        for index in order:
            groups = [(number, group) for number, band in enumerate(self._bands) if (group := band[index])]
            found = None
            for other in self._propose(groups, heads):
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
            for number, group in groups:
                # its group's number is not needed again, so the row's place holds the link to the row before it
                self._bands[number][index] = heads[number][group]
                heads[number][group] = index + 1

    def _propose(self, groups: list[tuple[int, int]], heads: list[array[int]]) -> Iterator[int]:
        """Rows that stay and share a band, each once."""
        seen: set[int] = set()
        for number, group in groups:
            band, other = self._bands[number], heads[number][group]
            while other:
                if other not in seen:
                    seen.add(other)
                    yield other - 1
                    if len(seen) == MAX_COMPARED:
                        return
                other = band[other - 1]

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


def _number_groups(band: array[int], order: Sequence[int]) -> array[int]:
    """Replace hashes by numbers of groups, 0 where no other row has the hash; an array of one zero for each group.

    A sieve finds the hashes that occur once, which are nearly all of them; a few that stay by chance cost time alone.
    """
    counts = bytearray(_SIEVE)
    for index in order:
        place = band[index] % _SIEVE
        if counts[place] < 2:
            counts[place] += 1
    numbers: dict[int, int] = {}
    for index in order:
        key = band[index]
        band[index] = numbers.setdefault(key, len(numbers) + 1) if counts[key % _SIEVE] > 1 else 0
    return array("I", bytes(4 * (len(numbers) + 1)))
