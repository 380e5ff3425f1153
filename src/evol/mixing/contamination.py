"""Decontamination: rows that repeat a benchmark's questions, and everything that was evolved from them.

A question of n words or more matches where one of its word n-grams stands in the instruction or the response. A shorter
one matches where it stands whole in one of them (five words or more), or where the instruction is nearly the question
itself (rapidfuzz, 90 %). A row whose ancestor matches is contaminated with all its descendants: an evolution of a
benchmark question is one, however little of its wording is left. What this cannot see: paraphrases and translations.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from evol.extras import need_extra
from evol.mixing.benchmark import read_questions
from evol.mixing.rows import Facts, RowFiles
from evol.words import cut_ngrams, split_words

SHORT_NGRAM = 5
"""A question of fewer words is too common a phrase to be looked for inside other texts."""

FUZZY = 90
"""Similarity in percent from which an instruction is a short question itself."""


@dataclass
class Tally:
    """What a benchmark file came to.

    Attributes:
        questions: read.
        rows: that matched directly.
    """

    questions: int = 0
    rows: int = 0


@dataclass
class Benchmarks:
    """The questions of all files of `--against`, ready to be looked for.

    Attributes:
        ngram: words of the n-grams.
        tallies: by file, in the order given.
    """

    ngram: int
    tallies: dict[Path, Tally] = field(default_factory=dict)
    _places: list[tuple[Path, str]] = field(default_factory=list)
    _long: dict[str, int] = field(default_factory=dict)
    _heads: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    _short: list[tuple[int, str, int]] = field(default_factory=list)

    @classmethod
    def load(cls, paths: Iterable[Path], ngram: int) -> Benchmarks:
        """Read the files.

        Raises:
            UsageError: a file cannot be read or holds no question; `rapidfuzz` is not installed.
        """
        with need_extra("merge", "--against"):
            import rapidfuzz  # noqa: F401 - asked for before a long read, not after it
        found = cls(ngram)
        for path in paths:
            tally = found.tallies.setdefault(path, Tally())
            for place, question in read_questions(path):
                tally.questions += 1
                found._add(path, place, split_words(question))
        found._short.sort()
        return found

    def find(self, instruction: str, response: str) -> tuple[str, Path] | None:
        """How a row matches, in words, and the file it matches; None where it does not."""
        asked, answered = split_words(instruction), split_words(response)
        for words, name in ((asked, "instruction"), (answered, "response")):
            if hit := self._find_inside(words):
                how, number = hit
                path, place = self._places[number]
                return f"{how} of {place} stand in the {name}", path
        if hit := self._find_alike(" ".join(asked)):
            how, number = hit
            path, place = self._places[number]
            return f"the instruction is {how} like {place}", path
        return None

    def _add(self, path: Path, place: str, words: list[str]) -> None:
        number = len(self._places)
        self._places.append((path, place))
        if len(words) >= self.ngram:
            for gram in cut_ngrams(words, self.ngram):
                self._long.setdefault(gram, number)
            return
        text = " ".join(words)
        if len(words) >= SHORT_NGRAM:
            self._heads[" ".join(words[:SHORT_NGRAM])].append((text, number))
        if words:
            self._short.append((len(text), text, number))

    def _find_inside(self, words: list[str]) -> tuple[str, int] | None:
        # `isdisjoint` runs over all n-grams without a step of Python, and nearly always that is all
        if not self._long.keys().isdisjoint(cut_ngrams(words, self.ngram)):
            number = next(self._long[gram] for gram in cut_ngrams(words, self.ngram) if gram in self._long)
            return f"{self.ngram} words", number
        if not self._heads.keys().isdisjoint(cut_ngrams(words, SHORT_NGRAM)):
            text = f" {' '.join(words)} "
            for head in cut_ngrams(words, SHORT_NGRAM):
                for question, number in self._heads.get(head, ()):
                    if f" {question} " in text:
                        return "all words", number
        return None

    def _find_alike(self, text: str) -> tuple[str, int] | None:
        """The short question that an instruction is; lengths alone rule most of them out."""
        from rapidfuzz import fuzz, process

        shortest, longest = len(text) * FUZZY / (200 - FUZZY), len(text) * (200 - FUZZY) / FUZZY
        near = self._short[
            bisect_left(self._short, shortest, key=lambda one: one[0]) : bisect_right(
                self._short, longest, key=lambda one: one[0]
            )
        ]
        if not near:
            return None
        best = process.extractOne(text, [one[1] for one in near], scorer=fuzz.ratio, score_cutoff=FUZZY)
        return (f"{best[1]:.0f} %", near[best[2]][2]) if best else None


@dataclass
class Matches:
    """Direct matches, collected while rows are read; `spread` then takes their descendants.

    Attributes:
        rows: index of a row that matched.
        details: number of its words in `words`.
        words: how rows matched, each sentence once.
    """

    rows: array[int] = field(default_factory=lambda: array("I"))
    details: array[int] = field(default_factory=lambda: array("I"))
    words: dict[str, int] = field(default_factory=dict)

    def add(self, index: int, detail: str) -> None:
        """Record a row."""
        self.rows.append(index)
        self.details.append(self.words.setdefault(detail, len(self.words)))

    def spread(self, facts: Facts, files: RowFiles) -> None:
        """Leave out what matched and what descends from it, whether or not the ancestor itself is in the mix.

        A lineage is a line: in one run, every later generation of a seed descends from every earlier survivor.
        """
        words = list(self.words)
        first: dict[tuple[int, int], tuple[int, int]] = {}
        for index, detail in zip(self.rows, self.details, strict=True):
            facts.leave_out(index, "contaminated", words[detail])
            file = facts.file[index]
            key = files.source_of[file], facts.lineage[index]
            first[key] = min(first.get(key, (files.generation_of[file], index)), (files.generation_of[file], index))
        if not first:
            return
        for index in range(len(facts)):
            if not facts.is_in(index):
                continue
            file = facts.file[index]
            ancestor = first.get((files.source_of[file], facts.lineage[index]))
            if ancestor and files.generation_of[file] > ancestor[0]:
                facts.leave_out(index, "contaminated", "an ancestor matches", rival=ancestor[1])
