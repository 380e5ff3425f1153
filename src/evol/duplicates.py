"""Exact and near duplicates among the instructions of a run, counted in bounded memory.

Exact: equal but for white space and Unicode form, over all rows. Near: MinHash (`rensa`) proposes rows of other
lineages that share a band of their signatures, and a proposal counts when the word 3-grams of both overlap by THRESHOLD
(Jaccard) and rapidfuzz finds the texts as similar, character by character. A child resembles its parent by design, so
rows of one lineage are never compared. A row is a duplicate if it resembles one before it that is none.

The bands propose a pair at the threshold with 98.8 % and one at 0.8 with 99.9 %. Memory: 76 bytes a row, and the texts
wait in a temporary file.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from array import array
from collections import Counter
from pathlib import Path

from evol.draws import draw_fraction
from evol.errors import UsageError
from evol.extras import need_extra
from evol.figures import DuplicateStats
from evol.files import translate_storage_errors
from evol.seeds import digest_instruction
from evol.words import cut_shingles, measure_overlap, split_words

THRESHOLD = 0.7
MOST_ROWS = 300_000
"""Rows that are searched for near duplicates; of a larger run a sample of lineages."""
BANDS, WIDTH = 16, 4
"""Of a signature: BANDS times WIDTH hashes."""
MOST_PROPOSALS = 8
"""Rows that one row is compared with at most, those that share most bands first."""
BUCKET = 32
"""Rows that are remembered for one value of a band; where more share it, they share boilerplate."""

_SEED = 20230424
_BATCH = 1000
_SLOTS = 1 << 22


class DuplicateFinder:
    """Counts duplicates among rows, which come lineage by lineage; to be closed, for it has a temporary file.

    Args:
        expected: rows that may come at most.
    """

    def __init__(self, expected: int) -> None:
        self._digests: set[int] = set()
        self._rows = 0
        self._share = MOST_ROWS / max(expected, 1)
        self._near = _load_near()

    def add(self, seed_id: str, instructions: list[str]) -> None:
        """Take the surviving instructions of one lineage."""
        new = []
        for instruction in instructions:
            digest = int(digest_instruction(instruction), 16)
            if digest not in self._digests:
                self._digests.add(digest)
                new.append(instruction)
        self._rows += len(instructions)
        if self._near and new and draw_fraction(0, "near", seed_id) < self._share:
            self._near.add(new)

    def freeze(self) -> DuplicateStats:
        """The counts; ends the taking."""
        near = self._near.count() if self._near else None
        exact = self._rows - len(self._digests)
        compared = self._near.compared if self._near else 0
        return DuplicateStats(rows=self._rows, exact=exact, near=near, compared=compared, threshold=THRESHOLD)

    def close(self) -> None:
        """Let the temporary file go."""
        if self._near:
            self._near.close()


def _load_near() -> _NearDuplicates | None:
    try:
        return _NearDuplicates()
    except UsageError:  # the table says what is missing
        return None


class _NearDuplicates:
    def __init__(self) -> None:
        with need_extra("stats", "counting near duplicates"):
            from rapidfuzz import fuzz
            from rensa import RMinHash
        self._ratio = fuzz.ratio
        self._minhash = RMinHash
        self.compared = 0
        self._lineages = array("I")
        self._lineage = 0
        self._bands = [array("I") for _ in range(BANDS)]
        self._waiting: list[list[str]] = []
        self._offsets = array("Q", [0])
        self._folder = Path(tempfile.gettempdir())
        with translate_storage_errors(self._folder):
            self._spool = tempfile.TemporaryFile(buffering=1 << 18)  # noqa: SIM115 - `close` closes it

    def add(self, instructions: list[str]) -> None:
        self._lineage += 1
        for instruction in instructions:
            words = split_words(instruction)
            if not words:
                continue  # signs alone are like nothing
            self.compared += 1
            text = " ".join(words).encode("utf-8", "replace")
            with translate_storage_errors(self._folder):
                self._spool.write(text)
            self._offsets.append(self._offsets[-1] + len(text))
            self._lineages.append(self._lineage)
            self._waiting.append(list(cut_shingles(words)))
        if len(self._waiting) >= _BATCH:
            self._sign()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # a full disk was told of already
            self._spool.close()

    def _sign(self) -> None:
        """Put the bands of the waiting rows into their arrays."""
        matrix = self._minhash.digest_matrix_from_token_sets(self._waiting, BANDS * WIDTH, _SEED)
        self._waiting = []
        step = 4 * WIDTH
        for signature in matrix.to_rows():
            packed = array("I", signature).tobytes()
            for number, band in enumerate(self._bands):
                band.append(zlib.crc32(packed[number * step : (number + 1) * step]))

    def count(self) -> int:
        if self._waiting:
            self._sign()
        with translate_storage_errors(self._folder):
            self._spool.flush()
        return self._count(self._find_shared())

    def _find_shared(self) -> array[int]:
        """Of each row, as bits, the bands whose value another lineage has too (or, rarely, seems to have)."""
        shared = array("H", bytes(2 * self.compared))
        for number, band in enumerate(self._bands):
            owner = array("I", bytes(4 * _SLOTS))  # of each slot the lineage that has it alone
            several = bytearray(_SLOTS)
            for value, lineage in zip(band, self._lineages, strict=True):
                slot = value % _SLOTS
                if not owner[slot]:
                    owner[slot] = lineage
                elif owner[slot] != lineage:
                    several[slot] = 1
            for row, value in enumerate(band):
                if several[value % _SLOTS]:
                    shared[row] |= 1 << number
        return shared

    def _count(self, shared: array[int]) -> int:
        buckets: list[dict[int, list[int]]] = [{} for _ in range(BANDS)]
        found = 0
        for row, bits in enumerate(shared):
            if not bits:
                continue
            mine = [(buckets[number], self._bands[number][row]) for number in range(BANDS) if bits >> number & 1]
            votes: Counter[int] = Counter()
            for bucket, value in mine:
                votes.update(bucket.get(value, ()))
            if votes and self._resembles_any(row, votes):
                found += 1
                continue
            for bucket, value in mine:
                rows = bucket.setdefault(value, [])
                if len(rows) < BUCKET:
                    rows.append(row)
        return found

    def _resembles_any(self, row: int, votes: Counter[int]) -> bool:
        text = self._read(row)
        shingles = cut_shingles(text.split(" "))
        others = (other for other, _ in votes.most_common() if self._lineages[other] != self._lineages[row])
        for _, other in zip(range(MOST_PROPOSALS), others, strict=False):
            theirs = self._read(other)
            if (
                measure_overlap(shingles, cut_shingles(theirs.split(" "))) >= THRESHOLD
                and self._ratio(text, theirs, score_cutoff=100 * THRESHOLD) >= 100 * THRESHOLD
            ):
                return True
        return False

    def _read(self, row: int) -> str:
        begin, end = self._offsets[row], self._offsets[row + 1]
        return os.pread(self._spool.fileno(), end - begin, begin).decode()
