"""What a report shows, gathered from a run folder in one pass over its rows and one over its journal.

Counts and distributions are over all rows; lineages to read are a sample of bounded size where the run is large.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from evol.breadth import SAMPLED_FOR, Breadth, BreadthPlan, BreadthSample, measure_breadth
from evol.elimination.texts import count_words
from evol.errors import EvolError
from evol.folder import require_manifest
from evol.records import Manifest
from evol.rows import RowDict
from evol.runfigures import RunStats
from evol.sample import HashSample
from evol.scores import read_scores
from evol.seeds import read_skills
from evol.stats import survey_run
from evol.timeline import Timeline, read_timeline

LINEAGE_BYTES = 9_000_000
"""Of all sampled lineages in the page, with their scores and skills; charts and page add less than a million."""
LINEAGE_CHARS = 200_000
"""Of one lineage's texts, at most; longer ones are cut, and say so."""
LONGEST_TEXT = 20_000
LONGEST_SKILL = 100
_SCORES_BYTES = 2 * 32
"""Of a row: in each mode its name and a number."""

STAGES = ("due", "evolved", "passed the rules", "not judged equal", "kept")
"""What an evolution comes through, in this order; the last rules are those about its response."""


@dataclass
class ReportData:
    """All that the page shows.

    Attributes:
        stats: the figures of `evol stats`.
        manifest: of the folder.
        stages: evolutions by stage (`STAGES`) and generation 1 … M.
        lengths: rows kept by "instruction" or "response", generation and words.
        lineages: the sampled lineages as JSON, in seed order, with no `<` in them.
        lineage_count: of the whole run.
        skills: by seed id, of sampled lineages whose seed names one.
        scores: of `evol score`, by row id and mode, of the sampled rows.
        timeline: None where the journal is gone.
        breadth: None where there are too few rows.
    """

    stats: RunStats
    manifest: Manifest
    stages: dict[str, Counter[int]] = field(default_factory=lambda: {stage: Counter() for stage in STAGES})
    lengths: Mapping[str, Mapping[int, Counter[int]]] = field(default_factory=dict)
    lineages: list[bytes] = field(default_factory=list)
    lineage_count: int = 0
    skills: dict[str, str] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    timeline: Timeline | None = None
    breadth: Breadth | None = None

    def read_sample(self) -> Iterator[dict[str, Any]]:
        """Yield the sampled lineages as values."""
        yield from map(orjson.loads, self.lineages)


def gather(folder: Path, lineage_bytes: int = LINEAGE_BYTES, plan: BreadthPlan | None = None) -> ReportData:
    """Read everything a report of this folder shows; touches nothing but the vectors that an embedder made.

    Args:
        folder: of a run in any state.
        lineage_bytes: of the sampled lineages, at most.
        plan: of its breadth; None: the usual one, without a model.

    Raises:
        FolderError: no run's folder, damaged, or its files are not what was written.
        EvolError: as `breadth.measure_breadth`.
    """
    manifest = require_manifest(folder)
    plan = plan or BreadthPlan()
    lineages, broad = _Lineages(lineage_bytes, manifest.generations), BreadthSample(plan.seeds)
    stats, survey = survey_run(folder, collectors=[lineages.add, broad.add])
    for generation in range(1, manifest.generations + 1):
        lineages.stages["due"][generation] = stats.seeds
    breadth = measure_breadth(broad, manifest.generations, folder, plan)
    if breadth is not None:
        stats = stats.model_copy(update={"breadth": breadth.stats})
    data = ReportData(stats, manifest, lineages.stages, survey.words, breadth=breadth)
    data.lineages, data.lineage_count = lineages.sample.contents(), lineages.sample.seen
    data.skills = _find_skills(Path(manifest.seeds.path), {lineage["id"] for lineage in data.read_sample()})
    row_ids = {f"{lineage['id']}.{row['generation']}" for lineage in data.read_sample() for row in lineage["rows"]}
    data.scores = _find_scores(folder, row_ids)
    data.timeline = read_timeline(folder, manifest.prices, stats.throttle)
    return data


def escape_json(content: bytes) -> bytes:
    """JSON that can stand in a `<script>` element: no `<` ends the element or opens a comment in it."""
    return content.replace(b"<", rb"\u003c").replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")


class _Lineages:
    """Takes lineages, counts the stages they came through and keeps a sample of them as JSON."""

    def __init__(self, limit: int, generations: int) -> None:
        self.stages: dict[str, Counter[int]] = {stage: Counter() for stage in STAGES}
        self.sample = HashSample(limit, SAMPLED_FOR)
        self._longest = max(1, min(LONGEST_TEXT, LINEAGE_CHARS // (2 * (generations + 1))))

    def add(self, rows: list[RowDict]) -> None:
        for row in rows:
            self._count_stages(row)
        seed_id = rows[0]["seed_id"]
        if self.sample.wants(seed_id):
            name = len(escape_json(orjson.dumps(seed_id)))
            # its scores and its skill stand outside of it, under its name
            beside = len(rows) * (name + _SCORES_BYTES) + name + LONGEST_SKILL
            self.sample.add(seed_id, self.sample.seen, _serialise(rows, self._longest), beside)

    def _count_stages(self, row: RowDict) -> None:
        generation, reason = row["generation"], row.get("reason")
        if not generation:
            return
        reached = len(STAGES)
        if reason:
            # only what had a response was eliminated for it
            reached = 4 if row["response_model"] else 3 if reason == "equal" else 2
        for stage in STAGES[1:reached]:
            self.stages[stage][generation] += 1


def _serialise(rows: list[RowDict], longest: int) -> bytes:
    shown = []
    for row in rows:
        words = count_words(row["instruction"]), count_words(row["response"])
        one: dict[str, Any] = {"generation": row["generation"], "operation": row["operation"], "words": words}
        if row["parent_id"]:
            one["parent"] = int(row["parent_id"].rpartition(".")[2])
        for name in ("instruction", "response"):
            one[name] = row[name][:longest]
            if len(row[name]) > longest:
                one[f"{name}_cut"] = len(row[name]) - longest
        if row.get("reason"):
            one["reason"], one["detail"] = row["reason"], row["detail"][:longest]
        shown.append(one)
    return escape_json(orjson.dumps({"id": rows[0]["seed_id"], "rows": shown}))


def _find_skills(path: Path, wanted: set[str]) -> dict[str, str]:
    """From the seeds file that was run, if it is still there; a run does not depend on it any more."""
    found: dict[str, str] = {}
    with contextlib.suppress(EvolError):
        for seed_id, skill in read_skills(path):
            if seed_id in wanted:
                found[seed_id] = skill[:LONGEST_SKILL].encode("utf-8", "replace").decode()
    return found


def _find_scores(folder: Path, wanted: set[str]) -> dict[str, dict[str, float]]:
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for score in read_scores(folder):
        if score.id in wanted:
            found[score.id][score.mode] = score.score
    return found
