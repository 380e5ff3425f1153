"""How rows are rated, and which: the method of `evol score`. Knows nothing of networks, journals or money.

One by one, each row is one call; jointly, all members of a lineage share one (at most one more where the reply cannot
be read). A sample of N takes N rows of each generation, jointly N lineages; the choice is a hash of the seed's id, so
that the same seeds are looked at in every generation, and a larger sample costs only what is new.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from evol.calltotals import BYTES_PER_TOKEN
from evol.chat import build_body
from evol.cleaning import strip_thinking
from evol.config import ModelConfig
from evol.figures import ScoreMode
from evol.lineage import Complete
from evol.records import FINISH_CONTENT_FILTER, FINISH_CONTEXT_OVERFLOW, Completion, CompletionRequest
from evol.rows import RowDict
from evol.scorer import ScorePrompts, build_score_messages, draw_order, draw_place, read_rating, read_ratings

ASKS = 2
"""How often a rating is asked for at most."""
TOKENS_OF_RATING = 5
"""Of one reply, about."""


@dataclass(frozen=True)
class Rater:
    """Who rates, and how.

    Attributes:
        model: the scorer.
        mode: one by one, or jointly.
        prompts: of that mode.
        random_seed: the run's.
    """

    model: ModelConfig
    mode: ScoreMode
    prompts: ScorePrompts
    random_seed: int

    async def rate(self, rows: list[RowDict], position: int, complete: Complete) -> list[float | None]:
        """The ratings of rows that share a prompt; None where a rating is unclear, asked twice.

        Of two replies the one with more ratings counts, for ratings of one reply can be compared.

        Args:
            rows: one, or the members of a lineage.
            position: the seed's place; travels with the requests as their priority.
            complete: the gateway; what it raises ends the rating.
        """
        seed_id = rows[0]["seed_id"]
        generation = rows[0]["generation"] if self.mode == "single" else 0
        order = draw_order(self.random_seed, seed_id, len(rows))
        texts = [rows[member]["instruction"] for member in order]
        best: list[float | None] = [None] * len(rows)
        for ask in range(1, ASKS + 1):
            messages = build_score_messages(self.prompts, self.mode, texts, is_reask=ask > 1)
            body = build_body(self.model, messages, self.random_seed, seed_id, generation, "scorer", ask)
            reply = await complete(CompletionRequest(seed_id, generation, "scorer", ask, body, position))
            found = self._read(reply, len(rows))
            if found.count(None) <= best.count(None):
                best = found
            if None not in best or reply.finish_reason in (FINISH_CONTENT_FILTER, FINISH_CONTEXT_OVERFLOW):
                break
        by_member = dict(zip(order, best, strict=True))
        return [by_member[member] for member in range(len(rows))]

    def _read(self, reply: Completion, count: int) -> list[float | None]:
        thought = strip_thinking(reply.text)
        text = "" if thought.truncated else thought.text
        if reply.finish_reason == "length":
            text = text.rpartition("\n")[0]  # the last line may be the 1 of a 10
        return [read_rating(text)] if self.mode == "single" else read_ratings(text, count)


@dataclass(frozen=True)
class Selection:
    """Which rows are rated, and which of them share a prompt.

    Attributes:
        mode: one by one, or jointly.
        random_seed: the run's.
        cuts: by generation the last place that is still in the sample; None for all rows.
    """

    mode: ScoreMode
    random_seed: int
    cuts: dict[int, int] | None = None

    def list_tasks(self, lineages: Iterable[list[RowDict]]) -> Iterator[tuple[int, list[RowDict]]]:
        """Yield the lineage's place and the rows that share a prompt, in seed order, then generation."""
        for position, rows in enumerate(lineages):
            chosen = [row for row in rows if self._takes(row)]
            if self.mode == "single":
                yield from ((position, [row]) for row in chosen)
            elif chosen:
                yield position, chosen

    def _takes(self, row: RowDict) -> bool:
        if self.cuts is None:
            return True
        generation = row["generation"] if self.mode == "single" else 0
        return draw_place(self.random_seed, row["seed_id"]) <= self.cuts.get(generation, -1)


def select_sample(lineages: Iterable[list[RowDict]], mode: ScoreMode, random_seed: int, sample: int) -> Selection:
    """The selection of `sample` rows of each generation, or of as many lineages in the joint mode."""
    lowest: defaultdict[int, list[int]] = defaultdict(list)  # heaps of negative places, the highest place first
    for rows in lineages:
        place = -draw_place(random_seed, rows[0]["seed_id"])
        for generation in {row["generation"] for row in rows} if mode == "single" else {0}:
            heap = lowest[generation]
            if len(heap) < sample:
                heapq.heappush(heap, place)
            else:
                heapq.heappushpop(heap, place)
    return Selection(mode, random_seed, {generation: -heap[0] for generation, heap in lowest.items() if heap})


@dataclass
class Workload:
    """What a selection comes to.

    Attributes:
        calls: where every reply is read at once.
        rows: by generation.
        input_tokens: of the prompts, about: four bytes each.
    """

    calls: int = 0
    rows: Counter[int] = field(default_factory=Counter)
    input_tokens: int = 0

    @classmethod
    def of(cls, tasks: Iterable[tuple[int, list[RowDict]]], prompts: ScorePrompts) -> Workload:
        """Count the tasks of a selection."""
        work = cls()
        frame = len(prompts.question.source)
        for _, rows in tasks:
            work.calls += 1
            work.rows.update(row["generation"] for row in rows)
            size = frame + sum(len(row["instruction"].encode("utf-8", "replace")) for row in rows)
            work.input_tokens += size // BYTES_PER_TOKEN
        return work
