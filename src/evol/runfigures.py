"""What `evol stats` tells of one run, as one value: the counts of its manifest and the figures of its texts; no I/O."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from evol.figures import (
    BreadthStats,
    DifficultyStats,
    DiversityStats,
    DuplicateStats,
    FlawCount,
    LatencyStats,
    SimilarityStats,
    SpeedStats,
)
from evol.records import CallCount, Estimate, GenerationCount, ThrottleChange, UnfinishedLineage


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class OperationStats(_Frozen):
    """How often an operation was drawn in generations 1 … M, and how many of its evolutions survived."""

    drawn: int
    survived: int


class LengthStats(_Frozen):
    """Lengths of surviving texts: words (`elimination.texts.count_words`) or tokens; percentiles by rank."""

    mean: float
    p50: int
    p90: int
    p99: int


STATS_FORMAT = 1


class RunStats(_Frozen):
    """What `evol stats --json` prints for each run."""

    format: int = STATS_FORMAT
    """Version of this layout; keys are only ever added within one version."""
    folder: str
    """As it was named."""
    status: str
    """A manifest's status, "in progress", or "killed" for a run that left no files."""
    seeds: int
    """How many there are."""
    generations: list[GenerationCount]
    """From 0, the seeds, to M."""
    adds_up: bool
    """Whether survivors + eliminated + unfinished = seeds in every generation."""
    operations: dict[str, OperationStats]
    """By operation."""
    instruction_words: dict[str, LengthStats]
    """By generation."""
    response_words: dict[str, LengthStats]
    """By generation."""
    calls: dict[str, CallCount]
    """By role."""
    estimate: Estimate | None = None
    """Of the whole run, made before it began."""
    throttle: list[ThrottleChange] = []
    """How the calls in flight changed, over the whole folder."""
    unfinished: list[UnfinishedLineage]
    """At most the first hundred."""
    evolved: dict[str, int] = {}
    """By generation: survivors + eliminated."""
    sample: dict[str, int] = {}
    """By generation: surviving rows in the sample that the fields speak of which are not counts over all rows."""
    tokenizer: str = ""
    """The file of `--tokenizer`, "" where none was given and the next two fields are empty."""
    instruction_tokens: dict[str, LengthStats] = {}
    """By generation, of the sample, without special tokens."""
    response_tokens: dict[str, LengthStats] = {}
    """By generation, of the sample, without special tokens."""
    duplicates: DuplicateStats | None = None
    """Among the instructions of all surviving rows."""
    instruction_diversity: dict[str, DiversityStats] = {}
    """By generation, of the sample."""
    response_diversity: dict[str, DiversityStats] = {}
    """By generation, of the sample."""
    parent_similarity: dict[str, SimilarityStats] = {}
    """By generation from 1, of the sample."""
    operation_similarity: dict[str, SimilarityStats] = {}
    """By operation, of the sample."""
    refusals: dict[str, FlawCount] = {}
    """By generation: rows whose response opens with a refusal or an apology (English only)."""
    truncations: dict[str, FlawCount] = {}
    """By generation: rows cut at max_tokens, or inside their thinking."""
    latency: dict[str, LatencyStats] = {}
    """By role; empty without a journal."""
    speed: dict[str, SpeedStats] = {}
    """Of the "run" and of the "scoring", each where it has calls; empty without a journal."""
    cost: float | None = None
    """USD of all calls; None where a price is unknown."""
    difficulty: dict[str, DifficultyStats] = {}
    """By mode of `evol score`; empty where nothing was scored."""
    breadth: BreadthStats | None = None
    """With `--breadth` and in a report; None where nobody asked, or of fewer than three rows."""
