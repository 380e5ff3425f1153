"""How broad the instructions of a run are: a sample of lineages, their vectors, the map, its clusters and the figures.

The sample are the seeds whose hashes are smallest, each with all surviving rows: the same at every call, a larger one
holds the smaller ones, and the lineages that a report shows are drawn in the same order.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evol.draws import draw_integer
from evol.extras import need_extra
from evol.figures import BreadthStats, ClusterStats, SetBreadth
from evol.rows import RowDict
from evol.sample import draw_place

if TYPE_CHECKING:
    from evol.spread import Vectors
    from evol.vectors import Embedder

CLUSTERS = 20
"""As in the paper's appendix."""
SEEDS = 400
"""Lineages in the sample: 2,000 rows after four generations."""
MOST_SEEDS = 5000
"""Beyond it the map alone would take minutes and a gigabyte."""
MOST_CHARS = 4000
"""Of an instruction, which an embedding model could take at once; the rest would hardly move its point."""
SAMPLED_FOR = "report"

_FEWEST = 3
_EXAMPLE_CHARS = 200


def _tell_nobody(missing: int) -> Callable[[int], object]:
    return lambda done: None


@dataclass(frozen=True, slots=True)
class BreadthPlan:
    """What is measured, and by whom.

    Attributes:
        seeds: lineages in the sample, at most.
        embedder: makes the vectors; None: they are those of `textmap`, without a model.
        begin: as for `vectors.embed_all`.
    """

    seeds: int = SEEDS
    embedder: Embedder | None = None
    begin: Callable[[int], Callable[[int], object]] = _tell_nobody


@dataclass(frozen=True, slots=True)
class SampledRow:
    """A surviving row of the sample; its instruction is cut at MOST_CHARS."""

    id: str
    seed_id: str
    generation: int
    instruction: str


@dataclass(frozen=True, slots=True)
class Breadth:
    """The figures with the map behind them.

    Attributes:
        stats: the figures.
        rows: of the sample, by seed and generation.
        points: in the plane, both coordinates from -1 to 1, in the order of the rows.
        clusters: of each row, from 0 by size.
        centres: of the clusters, in the plane.
    """

    stats: BreadthStats
    rows: list[SampledRow]
    points: list[tuple[float, float]]
    clusters: list[int]
    centres: list[tuple[float, float]]


class BreadthSample:
    """Takes lineages, keeps those of the sample; a collector of `stats.survey_run`.

    Args:
        seeds: lineages to keep, at most.

    Raises:
        UsageError: the libraries are missing.
    """

    def __init__(self, seeds: int = SEEDS) -> None:
        with need_extra("breadth", "the map of instructions"):
            import evol.textmap  # noqa: F401 - known before anything is read
        self._seeds = seeds
        self._heap: list[tuple[int, int, list[SampledRow]]] = []  # greatest place first
        self._seen = 0

    def add(self, rows: list[RowDict]) -> None:
        """Take one lineage."""
        self._seen += 1
        seed_id = rows[0]["seed_id"]
        place = -draw_place(SAMPLED_FOR, seed_id)
        if len(self._heap) == self._seeds and place <= self._heap[0][0]:
            return
        kept = [
            SampledRow(row["id"], seed_id, row["generation"], row["instruction"][:MOST_CHARS])
            for row in rows
            if not row.get("reason")
        ]
        (heapq.heappush if len(self._heap) < self._seeds else heapq.heappushpop)(self._heap, (place, self._seen, kept))

    def list_rows(self) -> list[SampledRow]:
        """The sample's rows in seed order, then by generation."""
        return [row for _, _, rows in sorted(self._heap, key=lambda item: item[1]) for row in rows]

    @property
    def seeds(self) -> int:
        """Lineages in the sample."""
        return len(self._heap)


def measure_breadth(
    sample: BreadthSample,
    generations: int,
    folder: Path,
    plan: BreadthPlan,
) -> Breadth | None:
    """The figures of a sample; None below three rows.

    Args:
        sample: of a run.
        generations: M.
        folder: of the run, where vectors that cost something are kept.
        plan: who makes the vectors.

    Raises:
        EvolError: as `vectors.embed_all`.
    """
    from evol.spread import normalise
    from evol.textmap import NAME, find_clusters, flatten, vectorise
    from evol.vectors import embed_all

    rows, embedder = sample.list_rows(), plan.embedder
    if len(rows) < _FEWEST:
        return None
    texts = [row.instruction for row in rows]
    vectors = vectorise(texts) if embedder is None else normalise(embed_all(folder, embedder, texts, plan.begin))
    points = flatten(vectors)
    labels, centres = find_clusters(points, CLUSTERS)
    clusters = [int(label) for label in labels]
    by_generation: dict[int, list[int]] = {number: [] for number in range(generations + 1)}
    for place, row in enumerate(rows):
        by_generation[row.generation].append(place)
    evolved = [place for number in range(1, generations + 1) for place in by_generation[number]]
    size = min(len(by_generation[0]), len(evolved))
    sets = {
        name: sorted(places, key=lambda place: draw_integer(0, "breadth", rows[place].id))[:size]
        for name, places in (("seeds", by_generation[0]), ("evolved", evolved))
    }
    stats = BreadthStats(
        embedding=NAME if embedder is None else embedder.label,
        dimensions=vectors.shape[1],
        seeds=sample.seeds,
        generations={str(number): _measure(places, vectors, clusters) for number, places in by_generation.items()},
        sets={name: _measure(places, vectors, clusters) for name, places in sets.items()},
        clusters=list(_describe_clusters(rows, points, clusters, centres)),
    )
    return Breadth(stats, rows, _round(points), clusters, _round(centres))


def _measure(places: Sequence[int], vectors: Vectors, clusters: Sequence[int]) -> SetBreadth:
    from evol.spread import measure_distance, measure_vendi

    found = vectors[list(places)]
    sizes = Counter(clusters[place] for place in places)
    distance, vendi = measure_distance(found), measure_vendi(found)
    return SetBreadth(
        rows=len(places),
        distance=None if distance is None else round(distance, 4),
        vendi=None if vendi is None else round(vendi, 2),
        clusters=len(sizes),
        largest_cluster=round(max(sizes.values()) / len(places), 4) if places else None,
    )


def _describe_clusters(
    rows: Sequence[SampledRow], points: Vectors, clusters: Sequence[int], centres: Vectors
) -> Iterator[ClusterStats]:
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place, cluster in enumerate(clusters):
        members[cluster].append(place)
    for cluster, places in sorted(members.items()):
        gaps = ((points[places] - centres[cluster]) ** 2).sum(axis=1)
        nearest = rows[places[int(gaps.argmin())]]
        counts = Counter(rows[place].generation for place in places)
        yield ClusterStats(
            rows=len(places),
            generations={str(number): count for number, count in sorted(counts.items())},
            example=nearest.id,
            instruction=nearest.instruction[:_EXAMPLE_CHARS],
        )


def _round(points: Vectors) -> list[tuple[float, float]]:
    return [(round(float(x), 4), round(float(y), 4)) for x, y in points]
