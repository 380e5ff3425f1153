"""The second pass of a merge: the chosen rows, read by place and written in the order of the mix."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from evol.formats import Sample
from evol.mixing.cardfacts import Lengths
from evol.mixing.duplicates import sort_by_order
from evol.mixing.options import MixOptions
from evol.mixing.outputs import Outputs
from evol.mixing.private import PRIVATE_KINDS
from evol.mixing.rows import NO_ROW, Facts, RowFiles
from evol.mixing.survey import NOT_ASKED, read_row


@dataclass
class Written:
    """What went into one split.

    Attributes:
        rows: its number.
        generations: rows by generation.
        operations: rows by operation.
        private: rows that seem to hold private data, by kind.
    """

    rows: int = 0
    generations: Counter[int] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    private: Counter[str] = field(default_factory=Counter)


class MixWriter:
    """Writes the files that hold rows.

    Args:
        facts: of every row.
        files: the runs' rows.
        outputs: the set.
        options: the format and the system prompt.
        chosen: every row of mix and holdout, for ids that are unique over both.
    """

    def __init__(
        self, facts: Facts, files: RowFiles, outputs: Outputs, options: MixOptions, chosen: Sequence[int]
    ) -> None:
        self._facts, self._files, self._outputs, self._options = facts, files, outputs, options
        self._shared = _find_shared_ids(facts, files, chosen) if len(files.sources) > 1 else set()

    def write_split(self, rows: Iterable[int], mix: str, lineage: str) -> Written:
        """Write rows as one split and their lineage beside it, line by line alike.

        Args:
            rows: in the order of the mix.
            mix: name of the split's file.
            lineage: name of the lineage's file.
        """
        facts, system, written = self._facts, self._options.system, Written()
        shape = self._options.shape
        columns = list(shape.columns_with(system))
        with self._outputs.open_mix(mix, columns) as writer, self._outputs.open_jsonl(lineage) as lines:
            for index in rows:
                row = read_row(facts, self._files, index)
                name = self._name(index, row.id)
                writer.write(shape.shape(Sample(name, row.instruction, row.response, system)))
                lines.write(
                    {
                        "id": name,
                        "seed_id": row.seed_id,
                        "generation": row.generation,
                        "parent_id": row.parent_id,
                        "operation": row.operation,
                        "run": self._run(index),
                        "evolver_model": row.evolver_model,
                        "response_model": row.response_model,
                        "finish_reason": row.finish_reason,
                        "input_tokens": row.input_tokens,
                        "output_tokens": row.output_tokens,
                    }
                )
                written.rows += 1
                written.generations[row.generation] += 1
                written.operations[row.operation] += 1
                for bit, kind in enumerate(PRIVATE_KINDS):
                    written.private[kind] += facts.private[index] >> bit & 1
        written.private = +written.private
        return written

    def write_removed(self, name: str) -> Counter[str]:
        """Write every row that was left out, with the reason; the counts by reason."""
        facts = self._facts
        reasons, details = list(facts.reasons), list(facts.details)
        asked_out = facts.reasons.get(NOT_ASKED)
        gone = [index for index in range(len(facts)) if facts.verdict[index] and facts.verdict[index] != asked_out]
        counts: Counter[str] = Counter()
        with self._outputs.open_jsonl(name) as lines:
            for index in sort_by_order(facts, gone):
                row, rival = read_row(facts, self._files, index), facts.rival[index]
                reason = reasons[facts.verdict[index]]
                counts[reason] += 1
                lines.write(
                    {
                        "id": row.id,
                        "run": self._run(index),
                        "reason": reason,
                        "detail": details[facts.detail[index]],
                        "other_id": "" if rival == NO_ROW else read_row(facts, self._files, rival).id,
                        "other_run": "" if rival == NO_ROW else self._run(rival),
                        "similarity": facts.similarity[index] / 100,
                        "seed_id": row.seed_id,
                        "generation": row.generation,
                        "instruction": row.instruction,
                    }
                )
        return counts

    def _run(self, index: int) -> str:
        return self._files.sources[self._files.source_of[self._facts.file[index]]].name

    def _name(self, index: int, row_id: str) -> str:
        return f"{row_id}@{self._run(index)}" if index in self._shared else row_id


def measure_lengths(facts: Facts, rows: Sequence[int], *, is_exact: bool) -> Lengths:
    """Tokens of rows: of the instruction, the response, and the whole row."""
    if not rows:
        return Lengths(is_exact=is_exact)
    found = {}
    for name, measure in (
        ("instruction", facts.instruction_tokens.__getitem__),
        ("response", facts.response_tokens.__getitem__),
        ("whole row", facts.tokens),
    ):
        ordered = sorted(map(measure, rows))
        # nearest rank: the smallest value that at least this share of all does not exceed
        ranks = [ordered[-(-len(ordered) * percent // 100) - 1] for percent in (50, 90, 99)]
        found[name] = (sum(ordered) / len(ordered), ranks[0], ranks[1], ranks[2], ordered[-1])
    return Lengths(found, is_exact)


def _find_shared_ids(facts: Facts, files: RowFiles, chosen: Sequence[int]) -> set[int]:
    """Rows whose id another run's row in the mix has too."""
    generation = files.generation_of
    order = sorted(chosen, key=lambda index: generation[facts.file[index]])
    order.sort(key=facts.lineage.__getitem__)
    shared: set[int] = set()
    for first, second in itertools.pairwise(order):
        if (facts.lineage[first], generation[facts.file[first]]) == (
            facts.lineage[second],
            generation[facts.file[second]],
        ):
            shared |= {first, second}
    return shared
