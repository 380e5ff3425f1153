"""What the dataset card tells beside options and manifests. Pure values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from evol.formats import Kind


@dataclass
class Lengths:
    """Tokens of the mix's rows.

    Attributes:
        rows: of instruction, response, whole row: mean, median, 90 %, 99 %, largest.
        is_exact: counted by a tokenizer, else estimated.
    """

    rows: dict[str, tuple[float, int, int, int, int]] = field(default_factory=dict)
    is_exact: bool = False


@dataclass
class CardFacts:
    """What the card tells beside options and manifests.

    Attributes:
        title: of the card.
        data_files: the mix, then its holdout if there is one: split, name, rows.
        side_files: other files of the set, each with a clause.
        columns: as written.
        read: rows of all runs.
        not_asked: rows that `--only`, `--generations` and `--no-seeds` excluded.
        left_out: rows by reason.
        available: rows that could have gone in.
        generations: rows of the mix by generation.
        operations: rows of the mix by operation.
        private: rows of the mix that seem to hold private data, by kind.
        lengths: in tokens.
        benchmarks: name of each file of `--against`, its digest, its questions and rows that matched it.
        tokenizer: name and digest, "" without one.
    """

    title: str
    data_files: list[tuple[str, str, int]]
    side_files: dict[str, str]
    columns: dict[str, Kind]
    read: int
    not_asked: int
    left_out: Counter[str]
    available: int
    generations: Counter[int]
    operations: Counter[str]
    private: Counter[str]
    lengths: Lengths
    benchmarks: list[tuple[str, str, int, int]]
    tokenizer: str
