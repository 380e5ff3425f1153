"""The parts of `evol stats --json` and what `evol score` writes; no I/O. `runfigures.RunStats` is composed of them.

Versioned wire formats: within a version keys are only ever added. Figures are exact counts over all rows unless a field
says that it is of a sample; a sample is chosen by hash, so that the same run gives the same figures.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

ScoreMode = Literal["single", "joint"]
"""How difficulty was rated: one instruction a prompt, or all members of a lineage in one."""

PAPER_DIFFICULTY = {0: 3.00, 1: 5.48, 2: 6.35, 3: 6.84, 4: 7.08}
"""Mean difficulty of the seeds (Alpaca) and of generations 1 to 4, rated 1 to 10 by an LLM (WizardLM, section 4)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DuplicateStats(_Frozen):
    """Instructions that occur more than once among all surviving rows."""

    rows: int
    """Surviving rows, seeds included."""
    exact: int
    """Rows whose instruction repeats another row's, but for white space and Unicode form; of each group all but one."""
    near: int | None
    """Further rows that resemble a row of another lineage before them; None where the libraries are missing."""
    compared: int
    """Rows among which near duplicates were looked for: all, or of very large runs a sample of lineages, which shows
    fewer of them than there are."""
    threshold: float
    """Similarity from which a row is a near duplicate, 0 to 1: of the sets of word 3-grams (Jaccard), and of the texts
    character by character (rapidfuzz)."""


class DiversityStats(_Frozen):
    """How varied the texts of one generation are; of a sample."""

    rows: int
    """Texts in the sample."""
    words: int
    """Words in the sample."""
    distinct_1: float | None
    """Share of different words among all words, the mean over windows of 1,000 words, so that it does not fall with the
    size of the sample; None without words."""
    distinct_2: float | None
    """The same for pairs of neighbouring words."""
    compression_ratio: float | None
    """Bytes of the texts, one after the other, over their bytes in zlib: higher is more repetitive."""


class SimilarityStats(_Frozen):
    """How much evolved instructions resemble their parents; survivors of a sample."""

    pairs: int
    """Evolutions compared."""
    mean: float
    """Of the share of words, case aside, that both have among those that either has (Jaccard), 0 to 1."""
    p50: float
    """Median of the same."""


class FlawCount(_Frozen):
    """Rows with a flaw: those that were kept in spite of it, and those that were eliminated."""

    kept: int
    eliminated: int


class LatencyStats(_Frozen):
    """Seconds of the attempts that brought a reply; of all journaled calls of a role."""

    calls: int
    p50: float
    p95: float


class SpeedStats(_Frozen):
    """How fast calls were made."""

    calls: int
    """Completed calls."""
    seconds: float
    """During which calls were in flight, pauses up to a minute included; longer ones, such as those between two
    sessions, are left out."""
    calls_per_second: float | None
    """None where no time passed."""


class GenerationDifficulty(_Frozen):
    """Ratings of one generation."""

    rated: int
    unclear: int
    """Rows whose rating could not be read, asked twice."""
    missing: int
    """Rows that were to be rated and are not, for the scoring ended early."""
    mean: float | None
    """1 to 10; None where nothing is rated."""
    distribution: dict[str, int]
    """Rows by rating, rounded half up to "1" … "10"."""
    paper: float | None
    """The paper's mean, where it has one."""


class DifficultyStats(_Frozen):
    """What `evol score` found in one mode."""

    model: str
    """Who rated."""
    sample: int | None
    """Rows of each generation that were to be rated (in the mode "joint": lineages), None for all."""
    is_current: bool
    """Whether the ratings are of the run as it stands; else `evol score` again brings them up to date."""
    generations: dict[str, GenerationDifficulty]


class SetBreadth(_Frozen):
    """How far the instructions of one set lie apart, by their embeddings."""

    rows: int
    distance: float | None
    """Mean cosine distance of all pairs, 0 (alike) to 2; None below two rows."""
    vendi: float | None
    """Vendi score (arXiv 2210.02410) of the cosine similarities: how many rows that have nothing in common would be as
    varied; 1 where all are alike, at most `rows`. None without rows. It grows with `rows`: compare sets of one size."""
    clusters: int
    """Clusters of the map in which the set has a row."""
    largest_cluster: float | None
    """Share of the set's rows in its largest cluster; None without rows."""


class ClusterStats(_Frozen):
    """A cluster of the map, the largest one first."""

    rows: int
    generations: dict[str, int]
    """Rows by generation."""
    example: str
    """Id of the row next to its centre."""
    instruction: str
    """That row's, cut at 200 characters."""


class BreadthStats(_Frozen):
    """How broad the instructions are: embeddings, a map of them in the plane, and its clusters; of a sample."""

    embedding: str
    """Who made the vectors: "MODEL at URL", or words and letter sequences (TF-IDF and SVD) without a model."""
    dimensions: int
    seeds: int
    """In the sample, each with its whole lineage."""
    generations: dict[str, SetBreadth]
    """Surviving rows by generation."""
    sets: dict[str, SetBreadth]
    """"seeds", and "evolved", all generations from 1 on: drawn by hash, both as large as the smaller one."""
    clusters: list[ClusterStats]
    """By k-means on the map; at most 20, fewer where there are fewer different places."""


class Score(_Frozen):
    """A row of `scores.jsonl`; joins a row of the run by its id."""

    id: str
    generation: int
    score: float
    """1 to 10."""
    mode: ScoreMode


class ScoringCount(_Frozen):
    """What became of the rows of one generation that were to be rated: rated + unclear + missing."""

    rated: int = 0
    unclear: int = 0
    missing: int = 0


class ScoringMeta(_Frozen):
    """How the scores of one mode were made."""

    model: str
    sample: int | None
    status: str
    """As of a run: "done", "unfinished", "budget", "endpoint" or "interrupted"."""
    counts: dict[str, ScoringCount]
    """By generation."""
    files: dict[str, str]
    """The sha256 of every file of rows that was read."""
    prompts: str
    """The sha256 of the prompts."""


SHOWN_FORMAT = 1


class ShownLineage(_Frozen):
    """What `evol show --json` prints: one lineage."""

    format: int = SHOWN_FORMAT
    """Version of this layout; keys are only ever added within one version."""
    folder: str
    """As it was named."""
    status: str
    """Of the run: a manifest's status, "in progress" or "killed"."""
    seed_id: str
    asked: int | None
    """The generation of the row that was asked for; None where a seed was."""
    generations: int
    """M. Generations that have no row are unfinished, or not there yet."""
    rows: list[dict[str, Any]]
    """As they stand in the run's files, by generation; those of eliminated evolutions have `reason` and `detail`."""
    error: str
    """Why the lineage is unfinished, "" where it is not or where that is not known."""
    scores: dict[str, dict[str, float]]
    """Of `evol score`: by row id and mode."""


SCORES_FORMAT = 1


class ScoresMeta(_Frozen):
    """`scores.meta.json`: how `scores.jsonl` beside it was made."""

    format: int = SCORES_FORMAT
    """Version of this file's layout."""
    evol_version: str
    sha256: str
    """Of `scores.jsonl`."""
    replaces_sha256: str = ""
    """Of the one before it: the two files are replaced one after the other."""
    modes: dict[ScoreMode, ScoringMeta]
