"""The data that is passed on or persisted; no I/O, no behaviour beyond what a value knows of itself.

Rows, manifest and side files are pydantic models and versioned wire formats (golden tests hold them). The two values
of the hot path, request and completion, are slotted dataclasses: they are made hundreds of thousands of times.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Message = dict[str, str]
"""One chat turn: `role` and `content`."""

Role = Literal["evolver", "judge", "responder", "scorer"]
ROLES: tuple[Role, ...] = ("evolver", "judge", "responder")
"""Who takes part in a run; a scorer rates its rows afterwards."""
ALL_ROLES: tuple[Role, ...] = get_args(Role)

Reason = Literal[
    "equal",
    "sorry",
    "stop_words",
    "prompt_words",
    "empty",
    "blocked",
    "too_long_for_model",
    "unchanged",
    "truncated",
    "too_long",
    "answered",
    "lost_input",
    "language_drift",
    "meta_talk",
    "repetition",
    "missing_input",
    "needs_clarification",
    "refusal",
]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""The closed set of elimination reasons. The first four are the paper's (WizardLM, section "Elimination Evolving"), the
next three hold in every profile, the others in `strict`; `eliminator` says what each means."""

SEED_OPERATION = "seed"
"""The `operation` of every row of generation 0."""

FINISH_CONTEXT_OVERFLOW = "context_overflow"
"""Finish reason that we give to a request which did not fit the model's context."""

FINISH_CONTENT_FILTER = "content_filter"
"""Finish reason of a reply or request that the server's content filter stopped (OpenAI's name)."""

UNKNOWN_TOKENS = -1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Seed(_Frozen):
    """One seed instruction."""

    id: str
    """Given in the file, or the first 16 hex digits of sha256 over the normalised instruction."""
    instruction: str
    """Alpaca's instruction and input already folded together."""
    response: str = ""
    """The seed's own response, "" where it has none."""
    skill: str = ""
    """What its record calls its skill, "" where it does not; no part of any request."""
    language: str = ""
    """What its record calls its language, "" where it does not; no part of any request."""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One LLM call as a lineage asks for it.

    Attributes:
        seed_id: whose lineage asks.
        generation: 0 for a seed's response, else 1 … M.
        role: who is asked; chooses the backend.
        ask: 1, or 2 for a re-ask of the same question.
        body: the JSON body of the chat call, serialised once; part of the journal key byte for byte.
        position: the seed's place in the file; lower goes first when calls compete. No part of the key.
        key: the journal key, 64 hex digits: sha256 of (seed id, generation, role, ask number, request body).
    """

    seed_id: str
    generation: int
    role: Role
    ask: int
    body: bytes
    position: int = 0
    key: str = field(init=False)

    def __post_init__(self) -> None:
        head = f"{len(self.seed_id)}:{self.seed_id}:{self.generation}:{self.role}:{self.ask}:"
        object.__setattr__(self, "key", hashlib.sha256(head.encode() + self.body).hexdigest())


@dataclass(frozen=True, slots=True)
class Completion:
    """What one LLM call gave.

    Attributes:
        text: the reply's content, "" where there was none.
        finish_reason: the server's, or one of the FINISH_ constants, or "".
        input_tokens: prompt tokens, -1 where the server gave no usage.
        output_tokens: completion tokens, -1 where the server gave no usage.
        hint: what the server says about rates; lives no longer than the call.
    """

    text: str
    finish_reason: str = ""
    input_tokens: int = UNKNOWN_TOKENS
    output_tokens: int = UNKNOWN_TOKENS
    hint: Any = field(default=None, compare=False, repr=False)


class ThrottleChange(_Frozen):
    """How many calls were in flight to one endpoint from a moment on, and why; a line of the journal."""

    time: float
    """Seconds since the epoch."""
    label: str
    """Of the endpoint."""
    limit: int
    """Slots."""
    pace: float | None
    """Requests a second, None for any."""
    in_flight: int
    reason: str
    """For people."""


BatchState = Literal["intent", "created", "finished", "failed", "abandoned"]
"""`intent`: it may or may not stand at the server; `created`: it does; `finished`: its results are journaled; `failed`:
the server did not take it; `abandoned`: the file of its requests was removed, so they are sent again."""


class BatchRecord(_Frozen):
    """What became of a batch; a line of the journal, the last one of an intent holds."""

    intent: str
    """Chosen before anything is sent; the server keeps it as metadata, and the file of requests is named after it."""
    state: BatchState
    label: str
    """Of the model and endpoint."""
    requests: int
    sha256: str
    """Of the file of requests."""
    batch_id: str = ""
    """The server's, "" until it is known."""
    time: float
    """Seconds since the epoch."""

    @property
    def is_open(self) -> bool:
        """Whether its requests may be at the server, and their results are not here."""
        return self.state in ("intent", "created")


class BatchProgress(_Frozen):
    """How far a batch is, as the server said last."""

    intent: str
    batch_id: str
    label: str
    state: str
    """The server's word; "submitting" before it stands there, "created" until it was looked at."""
    requests: int
    completed: int = 0
    failed: int = 0
    since: float
    """Seconds since the epoch; when the intent was made."""
    expires: float | None = None
    """Seconds since the epoch."""


class Progress(_Frozen):
    """How far a run was at a moment; a line of the journal, from which another terminal reads."""

    time: float
    """Seconds since the epoch."""
    seeds: int
    """How many the run has."""
    finished: int
    """Lineages that have ended."""
    generations: list[tuple[int, int]]
    """(survivors, eliminated) of generation 0, 1, …"""
    calls: int
    requests: int
    input_tokens: int
    """Estimates included."""
    output_tokens: int
    cost: float | None
    """USD; None where a price is unknown."""
    batches: list[BatchProgress] = []
    """Those that are out."""


class Row(_Frozen):
    """A row of `generation-N.jsonl`: these columns, in this order, never null."""

    id: str
    """`<seed_id>.<generation>`."""
    seed_id: str
    generation: int
    parent_id: str
    """"" for a seed, else the nearest surviving ancestor."""
    operation: str
    """"seed" in generation 0."""
    instruction: str
    response: str
    evolver_model: str
    """The configured name; "" where no call was made."""
    response_model: str
    """The configured name; "" where no call was made."""
    finish_reason: str
    """The response's, else the evolution's, else ""."""
    input_tokens: int
    """Sum over all calls this row took, -1 where the server gave no usage."""
    output_tokens: int
    """Sum over all calls this row took, -1 where the server gave no usage."""


class EliminatedRow(Row):
    """A row of `eliminated.jsonl`."""

    reason: Reason
    detail: str
    """What exactly the rule saw, for a human reader."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one generation of one lineage came to.

    Attributes:
        row: a `Row` that survived, or an `EliminatedRow`.
        parent_instruction: the instruction that was evolved, "" for a seed.
        notes: what is counted beside the row: `judge_unclear`, or a repair such as `repaired_label`.
    """

    row: Row
    parent_instruction: str = ""
    notes: tuple[str, ...] = ()

    @property
    def eliminated(self) -> bool:
        """Whether this evolution was eliminated."""
        return isinstance(self.row, EliminatedRow)


class GenerationCount(_Frozen):
    """What became of all seeds in one generation: survivors + eliminated + unfinished = seeds."""

    generation: int
    survivors: int = 0
    eliminated: dict[str, int] = {}
    unfinished: int = 0
    operations: dict[str, int] = {}
    """How often each operation was drawn, over survivors and eliminated."""
    notes: dict[str, int] = {}
    """How often each repair of a reply was made (`repaired_label`, …), and verdicts that stayed `judge_unclear`."""


class CallCount(_Frozen):
    """The calls of one role, over the whole folder."""

    calls: int = 0
    """Completed calls, each once, whoever paid for it first."""
    attempts: int = 0
    """Requests sent, retries and failures included."""
    failures: int = 0
    """Requests without a reply; most were tried again."""
    input_tokens: int = 0
    output_tokens: int = 0
    calls_without_usage: int = 0
    """Calls whose tokens the server did not tell; they are missing from the two sums."""
    estimated_input_tokens: int = 0
    """What those calls took, by the length of their texts."""
    estimated_output_tokens: int = 0
    batch_input_tokens: int = 0
    """Those of all these tokens, estimates included, that went through batches."""
    batch_output_tokens: int = 0
    cost: float | None = None
    """USD at the prices of the run, estimated tokens included; None where a price is unknown."""


class Price(_Frozen):
    """What a model costs."""

    input: float = Field(ge=0, allow_inf_nan=False)
    """USD for a million tokens of prompt."""
    output: float = Field(ge=0, allow_inf_nan=False)
    """USD for a million tokens of reply."""
    batch_input: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """The same in a batch; None: as anywhere else."""
    batch_output: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """The same in a batch; None: as anywhere else."""

    @property
    def in_batches(self) -> Price:
        """What the model costs in a batch."""
        return Price(
            input=self.input if self.batch_input is None else self.batch_input,
            output=self.output if self.batch_output is None else self.batch_output,
        )

    def of(
        self, input_tokens: float, output_tokens: float, batch_input_tokens: float = 0, batch_output_tokens: float = 0
    ) -> float:
        """USD for so many tokens, so many of which went through batches."""
        full = (input_tokens - batch_input_tokens) * self.input + (output_tokens - batch_output_tokens) * self.output
        batch_input = self.input if self.batch_input is None else self.batch_input
        batch_output = self.output if self.batch_output is None else self.batch_output
        return (full + batch_input_tokens * batch_input + batch_output_tokens * batch_output) / 1e6


class Estimate(_Frozen):
    """What a whole run was expected to take before it began; see `plan.py`."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    """USD, None where a price is unknown."""
    most_calls: int
    """Retries not counted."""
    most_tokens: int | None
    """In and out, None where requests set no max_tokens."""
    most_cost: float | None


class FileDigest(_Frozen):
    """An output file as it was written."""

    rows: int
    sha256: str


class SeedsSource(_Frozen):
    """Where the seeds came from."""

    path: str
    count: int
    sha256: str
    """Digest over the normalised seeds in their order."""


class UnfinishedLineage(_Frozen):
    """A lineage that could not finish, and why."""

    seed_id: str
    generation: int
    """The first generation that is missing."""
    error: str


class Shard(_Frozen):
    """Which part of a whole list of seeds a run folder holds; see `shards.py`."""

    index: int = Field(ge=1)
    """From 1 to `count`."""
    count: int = Field(ge=1)
    positions: str
    """Where its seeds stand in the whole list, packed."""
    all_seeds: int
    """How many seeds the whole list has."""
    all_sha256: str
    """Digest over the whole list's normalised seeds in their order."""

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


class CollectedShard(_Frozen):
    """A shard's state when `evol collect` joined it."""

    seeds_sha256: str
    """Digest over its normalised seeds."""
    journal_bytes: int
    """Length of its journal, which only grows."""
    journal_start: str
    """Digest over the first line of its journal, which stays."""


RunStatus = Literal["running", "done", "unfinished", "budget", "endpoint", "interrupted"]

MANIFEST_FORMAT = 1


NOT_REACHED = "not reached"
"""The `error` of what a command stopped before; nothing is wrong with it."""


class Manifest(_Frozen):
    """`manifest.json`: what a run folder holds. Written last, so that what it says is on the disk."""

    format: int = MANIFEST_FORMAT
    """Version of this file's layout; a reader refuses a newer one."""
    evol_version: str
    status: RunStatus
    generations: int
    seeds: SeedsSource
    shard: Shard | None = None
    """Of a folder that `evol run --shard` made."""
    collected: list[CollectedShard] = []
    """The shards, by index, that this folder was joined from; empty as soon as the folder goes on by itself."""
    settings: dict[str, Any]
    """The whole run configuration, without secrets."""
    fingerprint: dict[str, Any]
    """The part of the settings that changes requests already made; a folder keeps its fingerprint."""
    eliminator: dict[str, Any]
    """The eliminator's settings; they may change between runs."""
    prices: dict[str, Price] = {}
    """Of the roles whose price was known when the run began."""
    estimate: Estimate | None = None
    counts: list[GenerationCount] = []
    calls: dict[str, CallCount] = {}
    unfinished: list[UnfinishedLineage] = []
    """At most the first hundred."""
    files: dict[str, FileDigest] = {}
    """The output files of the last ordinary end; empty while running."""
