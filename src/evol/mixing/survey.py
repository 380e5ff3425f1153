"""The first pass of a merge: every row read once, and a verdict on each.

The order of verdicts: asked for or not, gates, exact repeats, near repeats, contamination. A row keeps the first. A
benchmark is looked for in every row, asked for or not, because a row goes with its ancestor.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from evol.config import EliminatorConfig
from evol.errors import FolderError, UsageError
from evol.files import digest_file
from evol.folder import SEEDS_NAME, read_seeds_again
from evol.mixing.contamination import Benchmarks, Matches
from evol.mixing.duplicates import leave_out_exact, leave_out_near, sort_best_first
from evol.mixing.gates import Gates
from evol.mixing.near import NearIndex
from evol.mixing.options import SEED_FIELDS, MixOptions, parse_generations
from evol.mixing.rows import Facts, PlacedRow, RowFiles, digest_text
from evol.records import Manifest, Row

NOT_ASKED = "not_asked"
"""The verdict on rows that `--only`, `--generations` and `--no-seeds` exclude; nothing is wrong with them."""

_TAKE_OVER = "where the seeds file does, the same `evol run` again takes it over, without a call"

_CHUNK = 1000


@dataclass
class Survey:
    """What the first pass found.

    Attributes:
        facts: of every row, with verdicts.
        benchmarks: the files of `--against`, None without.
        counts_exactly: whether a tokenizer counted.
    """

    facts: Facts
    benchmarks: Benchmarks | None
    counts_exactly: bool


def survey(files: RowFiles, options: MixOptions) -> Survey:
    """Read and judge all rows.

    Raises:
        FolderError: a damaged row or file; names it.
        UsageError: runs that contradict each other, a library that is missing, nothing that was asked for.
    """
    benchmarks = Benchmarks.load(options.against, options.ngram_words) if options.against else None
    near = NearIndex(options.near_threshold, options.near_lineage_threshold) if options.dedupe == "near" else None
    gates, chooser, matches = Gates(options), _Chooser(files, options), Matches()
    facts = Facts(system_tokens=gates.system_tokens)
    settings = [_read_settings(source.manifest) for source in files.sources]
    for chunk in _cut(files.scan()):
        rows = [placed.row for placed in chunk]
        judged = gates.judge(rows, [settings[files.source_of[placed.file]] for placed in chunk])
        if near:
            near.add([row.instruction for row in rows])
        for placed, found in zip(chunk, judged, strict=True):
            index = facts.add(placed, options.random_seed)
            facts.instruction_tokens[index] = found.instruction_tokens
            facts.response_tokens[index] = found.response_tokens
            facts.private[index] = found.private
            if not chooser.asks_for(placed.row, files.source_of[placed.file]):
                facts.leave_out(index, NOT_ASKED)
            elif found.fault:
                facts.leave_out(index, *found.fault)
            if benchmarks and (match := benchmarks.find(placed.row.instruction, placed.row.response)):
                benchmarks.tallies[match[1]].rows += 1
                matches.add(index, match[0])
    chooser.refuse_unknown()
    _refuse_conflicts(facts, files)
    if options.dedupe != "off":
        best_first = sort_best_first(facts, files, options.keep)
        leave_out_exact(facts, best_first)
        if near:
            leave_out_near(facts, best_first, near, lambda index: read_row(facts, files, index).instruction)
    matches.spread(facts, files)
    return Survey(facts, benchmarks, gates.counter.is_exact)


def read_row(facts: Facts, files: RowFiles, index: int) -> Row:
    """A row again, by its index."""
    return files.read(facts.file[index], facts.offset[index], facts.length[index])


def _cut(rows: Iterator[PlacedRow]) -> Iterator[list[PlacedRow]]:
    while chunk := list(itertools.islice(rows, _CHUNK)):
        yield chunk


class _Chooser:
    """Which rows are asked for by `--generations`, `--no-seeds` and `--only`; remembers what there is to ask for."""

    def __init__(self, files: RowFiles, options: MixOptions) -> None:
        self._generations = parse_generations(options.generations) if options.generations else None
        self._no_seeds = options.no_seeds
        self._wanted = options.wanted
        self._known: dict[str, Counter[str]] = {key: Counter() for key in self._wanted}
        self._deepest = max(source.manifest.generations for source in files.sources)
        if self._generations and max(self._generations) > self._deepest:
            raise UsageError(
                f"--generations {options.generations}: no generation {max(self._generations)}",
                f"the runs have 0 to {self._deepest}",
            )
        self._lineages = self._read_seed_fields(files) if self._wanted.keys() & set(SEED_FIELDS) else None

    def asks_for(self, row: Row, source: int) -> bool:
        """Whether a row is asked for."""
        if "operation" in self._known:
            self._known["operation"][row.operation] += 1
        return (
            (self._generations is None or row.generation in self._generations)
            and not (self._no_seeds and not row.generation)
            and ("operation" not in self._wanted or row.operation in self._wanted["operation"])
            and (self._lineages is None or digest_text(row.seed_id) in self._lineages[source])
        )

    def refuse_unknown(self) -> None:
        """Refuse a value of `--only` that no row has.

        Raises:
            UsageError: names the value and those there are.
        """
        for key, values in self._wanted.items():
            known = self._known[key]
            for value in sorted(values - known.keys()):
                shown = ", ".join(name for name, _ in sorted(known.items(), key=lambda one: (-one[1], one[0]))[:20])
                hint = f"known are {shown}" if shown else f"no seed of these runs names one; {_TAKE_OVER}"
                raise UsageError(f"--only {key}={value}: no row has it", hint)

    def _read_seed_fields(self, files: RowFiles) -> list[set[int]]:
        """For each run, the lineages whose seeds have the wanted skill and language."""
        keys = [key for key in SEED_FIELDS if key in self._wanted]
        found: list[set[int]] = []
        for source in files.sources:
            path = source.folder / SEEDS_NAME
            if path.is_file() and digest_file(path) != source.manifest.seeds.sha256:
                raise FolderError(f"{path}: not what `evol run` wrote", "run the same `evol run` again to restore it")
            chosen: set[int] = set()
            for seed in read_seeds_again(source.folder):
                values = {"skill": seed.skill, "language": seed.language}
                for key in keys:
                    if values[key]:
                        self._known[key][values[key]] += 1
                if all(values[key] in self._wanted[key] for key in keys):
                    chosen.add(digest_text(seed.id))
            found.append(chosen)
        return found


def _refuse_conflicts(facts: Facts, files: RowFiles) -> None:
    """One seed id must mean one seed, or lineages of different seeds would be taken for one.

    Two runs over the same seeds are no conflict: their rows are two evolutions of one seed.
    """
    if len(files.sources) == 1:
        return
    seeds = [index for index in range(len(facts)) if not files.generation_of[facts.file[index]]]
    seeds.sort(key=facts.lineage.__getitem__)
    for first, second in itertools.pairwise(seeds):
        if facts.lineage[first] == facts.lineage[second] and facts.digest[first] != facts.digest[second]:
            rows = [read_row(facts, files, index) for index in (first, second)]
            places = [f"{files.paths[facts.file[index]]}:{_find_line(facts, index)}" for index in (first, second)]
            raise UsageError(
                f"the seed id {rows[0].seed_id!r} stands for two different seeds ({places[0]} and {places[1]})",
                "merge these runs apart, or give the seeds of one of them other ids",
            )


def _find_line(facts: Facts, index: int) -> int:
    """The line number of a row: one more than the rows before it in its file."""
    return 1 + sum(1 for other in range(index) if facts.file[other] == facts.file[index])


def _read_settings(manifest: Manifest) -> EliminatorConfig:
    """The rules that the run's survivors have passed."""
    known = EliminatorConfig.model_fields.keys()
    return EliminatorConfig.model_validate(
        {key: manifest.eliminator[key] for key in manifest.eliminator.keys() & known}
    )
