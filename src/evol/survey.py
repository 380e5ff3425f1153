"""What the rows of a run say of themselves, collected lineage by lineage in bounded memory.

Lengths in words, flaws and duplicates are counted over all rows. Tokens, diversity and likeness
to the parent are measured on the lineages of about SAMPLE seeds, chosen by a hash of the seed's id.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from evol.diversity import Variety
from evol.draws import draw_fraction
from evol.duplicates import DuplicateFinder
from evol.elimination.texts import count_words
from evol.figures import FlawCount, SimilarityStats
from evol.flaws import is_refusal, is_truncated
from evol.rows import RowDict
from evol.runfigures import LengthStats, OperationStats
from evol.speed import find_percentile, find_quantile
from evol.tokens import TokenCounter
from evol.words import measure_overlap, split_words

SAMPLE = 2000
"""Seeds whose lineages are looked at closely."""

Key = TypeVar("Key", int, str)
Collected = TypeVar("Collected")
Summary = TypeVar("Summary")


class Survey:
    """Takes lineages, gives the fields of `runfigures.RunStats` that speak of rows; to be closed.

    Args:
        seeds: of the run.
        generations: M.
        tokens: counts tokens, None where nobody asked.

    Attributes:
        words: surviving rows by "instruction" or "response", generation and length in words.
    """

    def __init__(self, seeds: int, generations: int, tokens: TokenCounter | None = None) -> None:
        self._share = SAMPLE / max(seeds, 1)
        self._tokens = tokens
        self._duplicates = DuplicateFinder(seeds * (generations + 1))
        self._drawn: Counter[str] = Counter()
        self._survived: Counter[str] = Counter()
        self.words = _make_lengths()
        self._token_counts = _make_lengths()
        self._flaws: dict[Callable[[RowDict], bool], defaultdict[int, list[int]]] = {
            flaw: defaultdict(lambda: [0, 0]) for flaw in (is_refusal, is_truncated)
        }
        self._variety: tuple[defaultdict[int, Variety], ...] = (defaultdict(Variety), defaultdict(Variety))
        self._sample: Counter[int] = Counter()
        self._by_generation: defaultdict[int, array[float]] = defaultdict(lambda: array("d"))
        self._by_operation: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))

    def add(self, rows: list[RowDict]) -> None:
        """Take one lineage: its rows by generation, eliminated ones among them."""
        survivors = []
        for row in rows:
            is_eliminated = bool(row.get("reason"))
            if row["generation"]:
                self._drawn[row["operation"]] += 1
                self._survived[row["operation"]] += not is_eliminated
            for flaw, counts in self._flaws.items():
                counts[row["generation"]][is_eliminated] += flaw(row)
            if not is_eliminated:
                survivors.append(row)
        for kind, lengths in self.words.items():
            for row in survivors:
                lengths[row["generation"]][count_words(row[kind])] += 1
        if not survivors:
            return
        seed_id = survivors[0]["seed_id"]
        self._duplicates.add(seed_id, [row["instruction"] for row in survivors])
        if draw_fraction(0, "stats", seed_id) < self._share:
            self._look_closely(survivors)

    def _look_closely(self, rows: list[RowDict]) -> None:
        words: dict[str, set[str]] = {}
        for row in rows:
            generation = row["generation"]
            self._sample[generation] += 1
            self._variety[0][generation].add(row["instruction"])
            self._variety[1][generation].add(row["response"])
            words[row["id"]] = set(split_words(row["instruction"]))
            if row["parent_id"] in words:
                overlap = measure_overlap(words[row["parent_id"]], words[row["id"]])
                self._by_generation[generation].append(overlap)
                self._by_operation[row["operation"]].append(overlap)
        if self._tokens is not None:
            for kind, lengths in self._token_counts.items():
                for row, count in zip(rows, self._tokens.count([row[kind] for row in rows]), strict=True):
                    lengths[row["generation"]][count] += 1

    def close(self) -> None:
        """Let temporary files go."""
        self._duplicates.close()

    def freeze(self) -> dict[str, Any]:
        """The fields; ends the taking."""
        return {
            "operations": {
                name: OperationStats(drawn=drawn, survived=self._survived[name])
                for name, drawn in sorted(self._drawn.items())
            },
            "instruction_words": _summarise_all(self.words["instruction"], _summarise_lengths),
            "response_words": _summarise_all(self.words["response"], _summarise_lengths),
            "sample": {str(key): count for key, count in sorted(self._sample.items())},
            "tokenizer": self._tokens.name if self._tokens else "",
            "instruction_tokens": _summarise_all(self._token_counts["instruction"], _summarise_lengths),
            "response_tokens": _summarise_all(self._token_counts["response"], _summarise_lengths),
            "duplicates": self._duplicates.freeze(),
            "instruction_diversity": _summarise_all(self._variety[0], Variety.freeze),
            "response_diversity": _summarise_all(self._variety[1], Variety.freeze),
            "parent_similarity": _summarise_all(self._by_generation, _summarise_similarity),
            "operation_similarity": _summarise_all(self._by_operation, _summarise_similarity),
            "refusals": _summarise_all(self._flaws[is_refusal], _summarise_flaws),
            "truncations": _summarise_all(self._flaws[is_truncated], _summarise_flaws),
        }


def _make_lengths() -> dict[str, defaultdict[int, Counter[int]]]:
    return {kind: defaultdict(Counter) for kind in ("instruction", "response")}


def _summarise_all(found: Mapping[Key, Collected], summarise: Callable[[Collected], Summary]) -> dict[str, Summary]:
    return {str(key): summarise(found[key]) for key in sorted(found)}


def _summarise_lengths(counts: Mapping[int, int]) -> LengthStats:
    p50, p90, p99 = (find_quantile(counts, percent) for percent in (50, 90, 99))
    mean = sum(length * count for length, count in counts.items()) / sum(counts.values())
    return LengthStats(mean=round(mean, 2), p50=p50, p90=p90, p99=p99)


def _summarise_similarity(values: Sequence[float]) -> SimilarityStats:
    ordered = sorted(values)
    mean, p50 = sum(ordered) / len(ordered), find_percentile(ordered, 50)
    return SimilarityStats(pairs=len(ordered), mean=round(mean, 4), p50=round(p50, 4))


def _summarise_flaws(counts: Sequence[int]) -> FlawCount:
    return FlawCount(kept=counts[0], eliminated=counts[1])
