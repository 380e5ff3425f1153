"""What a report shows, gathered from a run folder in one pass over its rows and one over its journal.

Counts and distributions are over all rows; lineages to read are a sample of bounded size where the run is large.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from evol.elimination.texts import count_words
from evol.errors import EvolError, FolderError
from evol.files import read_jsonl
from evol.folder import require_manifest
from evol.lineage_rows import LineageRows, read_lineages
from evol.records import Manifest, RunStats
from evol.sample import HashSample
from evol.seeds import read_skills
from evol.stats import compute_stats
from evol.timeline import Timeline, read_timeline

SCORES_NAME = "scores.jsonl"
LINEAGE_BYTES = 9_000_000
"""Of all sampled lineages in the page, with their scores and skills; charts and page add less than a million."""
LINEAGE_CHARS = 200_000
"""Of one lineage's texts, at most; longer ones are cut, and say so."""
LONGEST_TEXT = 20_000
LONGEST_SKILL = 100
_LONGEST_MODE = 20
_SCORES_BYTES = 2 * (_LONGEST_MODE + 12)

STAGES = ("due", "evolved", "passed the rules", "not judged equal", "kept")
"""What an evolution comes through, in this order; the last rules are those about its response."""


@dataclass
class Difficulty:
    """Scores of `evol score`.

    Attributes:
        counts: rows by mode of scoring, generation and score.
        by_id: score by row id and mode, of the sampled rows alone.
    """

    counts: dict[str, dict[int, Counter[float]]] = field(default_factory=dict)
    by_id: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass
class ReportData:
    """All that the page shows.

    Attributes:
        stats: the figures of `evol stats`.
        manifest: of the folder.
        stages: evolutions by stage (`STAGES`) and generation 1 … M.
        lengths: rows by "instruction" or "response", generation and words; survivors alone, as in the figures.
        lineages: the sampled lineages as JSON, in seed order, with no `<` in them.
        lineage_count: of the whole run.
        skills: by seed id, of sampled lineages whose seed names one.
        difficulty: scores, empty where nothing was scored.
        timeline: None where the journal is gone.
    """

    stats: RunStats
    manifest: Manifest
    stages: dict[str, Counter[int]] = field(default_factory=lambda: {stage: Counter() for stage in STAGES})
    lengths: dict[str, dict[int, Counter[int]]] = field(
        default_factory=lambda: {"instruction": defaultdict(Counter), "response": defaultdict(Counter)}
    )
    lineages: list[bytes] = field(default_factory=list)
    lineage_count: int = 0
    skills: dict[str, str] = field(default_factory=dict)
    difficulty: Difficulty = field(default_factory=Difficulty)
    timeline: Timeline | None = None

    def read_sample(self) -> Iterator[dict[str, Any]]:
        """Yield the sampled lineages as values."""
        yield from map(orjson.loads, self.lineages)


def gather(folder: Path, lineage_bytes: int = LINEAGE_BYTES) -> ReportData:
    """Read everything a report of this folder shows; touches nothing.

    Args:
        folder: of a run in any state.
        lineage_bytes: of the sampled lineages, at most.

    Raises:
        FolderError: no run's folder, damaged, or its files are not what was written.
    """
    data = ReportData(compute_stats(folder), require_manifest(folder))
    sample = HashSample(lineage_bytes, "report")
    longest = max(1, min(LONGEST_TEXT, LINEAGE_CHARS // (2 * (data.manifest.generations + 1))))
    for position, rows in enumerate(read_lineages(folder, data.manifest)):
        words = [(count_words(row["instruction"]), count_words(row["response"])) for row in rows]
        for row, (instruction, response) in zip(rows, words, strict=True):
            _count_stages(data.stages, row)
            if not row.get("reason"):
                data.lengths["instruction"][row["generation"]][instruction] += 1
                data.lengths["response"][row["generation"]][response] += 1
        if sample.wants(rows[0]["seed_id"]):
            name = len(escape_json(orjson.dumps(rows[0]["seed_id"])))
            # its scores and its skill stand outside of it, under its name
            beside = len(rows) * (name + _SCORES_BYTES) + name + LONGEST_SKILL
            sample.add(rows[0]["seed_id"], position, _serialise(rows, words, longest), beside)
    for generation in range(1, data.manifest.generations + 1):
        data.stages["due"][generation] = data.stats.seeds
    data.lineages, data.lineage_count = sample.contents(), sample.seen
    sampled = {lineage["id"] for lineage in data.read_sample()}
    data.skills = _find_skills(Path(data.manifest.seeds.path), sampled)
    row_ids = {f"{lineage['id']}.{row['generation']}" for lineage in data.read_sample() for row in lineage["rows"]}
    data.difficulty = _read_scores(folder / SCORES_NAME, row_ids)
    data.timeline = read_timeline(folder, data.manifest.prices, data.stats.throttle)
    return data


def escape_json(content: bytes) -> bytes:
    """JSON that can stand in a `<script>` element: no `<` ends the element or opens a comment in it."""
    return content.replace(b"<", rb"\u003c").replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")


def _count_stages(stages: dict[str, Counter[int]], row: dict[str, Any]) -> None:
    generation, reason = row["generation"], row.get("reason")
    if not generation:
        return
    reached = len(STAGES)
    if reason:
        # only what had a response was eliminated for it
        reached = 4 if row["response_model"] else 3 if reason == "equal" else 2
    for stage in STAGES[1:reached]:
        stages[stage][generation] += 1


def _serialise(rows: LineageRows, words: Iterable[tuple[int, int]], longest: int) -> bytes:
    shown = []
    for row, counts in zip(rows, words, strict=True):
        one: dict[str, Any] = {"generation": row["generation"], "operation": row["operation"], "words": counts}
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


def _read_scores(path: Path, wanted: set[str]) -> Difficulty:
    found = Difficulty()
    if not path.exists():
        return found
    for number, row in read_jsonl(path, FolderError, orjson.loads):
        try:
            row_id, generation, score, mode = (
                row["id"],
                int(row["generation"]),
                row["score"],
                str(row["mode"])[:_LONGEST_MODE],
            )
        except (TypeError, KeyError, ValueError):
            raise FolderError(f"{path}:{number}: not a score", "run `evol score` again to restore it") from None
        if not isinstance(score, int | float):
            continue  # the rater gave none
        by_generation = found.counts.setdefault(mode, {})
        by_generation.setdefault(generation, Counter())[float(score)] += 1
        if row_id in wanted:
            found.by_id.setdefault(row_id, {})[mode] = score
    return found
