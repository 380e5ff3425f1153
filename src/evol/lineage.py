"""One seed's way through the generations: the method, told once.

Knows nothing of networks, journals or money. `complete` answers a request (awaited) or raises; whatever it raises ends
the lineage there, after the outcomes that were already yielded. Source: WizardLM (arXiv 2304.12244), section 3.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from evol.chat import build_body
from evol.cleaning import clean_instruction, strip_thinking
from evol.config import RunConfig
from evol.eliminator import (
    Evolution,
    Response,
    build_judge_messages,
    check_instruction,
    check_response,
    needs_judge,
    parse_verdict,
)
from evol.evolver import build_evolve_messages, choose_operation
from evol.packs import Pack
from evol.records import (
    SEED_OPERATION,
    UNKNOWN_TOKENS,
    Completion,
    CompletionRequest,
    EliminatedRow,
    Message,
    Outcome,
    Reason,
    Role,
    Row,
    Seed,
)
from evol.responder import build_response_messages

Complete = Callable[[CompletionRequest], Awaitable[Completion]]


async def evolve_lineage(
    seed: Seed, position: int, config: RunConfig, pack: Pack, complete: Complete
) -> AsyncIterator[Outcome]:
    """Yield what generation 0, 1, … M of one seed came to.

    A failed evolution is yielded as eliminated, and its parent goes on unchanged, to be tried again in the next
    generation with a fresh draw (paper, "Elimination Evolving").

    Args:
        seed: the seed instruction.
        position: its place among the seeds; travels with the requests as their priority.
        config: generations, models, thresholds.
        pack: the prompts.
        complete: the gateway.
    """
    first = await _Step(seed, position, 0, config, pack, complete).respond_to_seed()
    yield first
    parent_id = first.row.id
    ancestors: tuple[str, ...] = (seed.instruction,)
    for generation in range(1, config.generations + 1):
        step = _Step(seed, position, generation, config, pack, complete)
        outcome = await step.evolve(parent_id, ancestors)
        yield outcome
        if not outcome.eliminated:
            parent_id, ancestors = outcome.row.id, (*ancestors, outcome.row.instruction)


@dataclass
class _Step:
    """One generation of one lineage, and the calls it took."""

    seed: Seed
    position: int
    generation: int
    config: RunConfig
    pack: Pack
    complete: Complete
    calls: list[Completion] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    async def respond_to_seed(self) -> Outcome:
        """Generation 0: the seed with its own response, or one that the responder gives. Never eliminated."""
        seed = self.seed
        if seed.response and self.config.seed_responses == "keep":
            return Outcome(self._row("", SEED_OPERATION, seed.instruction, response=seed.response))
        reply = await self._ask("responder", build_response_messages(seed.instruction, self._system))
        return Outcome(
            self._row(
                "",
                SEED_OPERATION,
                seed.instruction,
                response=strip_thinking(reply.text).text,
                response_model=self.config.responder_model.name,
                finish_reason=reply.finish_reason,
            )
        )

    async def evolve(self, parent_id: str, ancestors: tuple[str, ...]) -> Outcome:
        """Evolve → free rules → judge → respond → free rules: what costs nothing comes before what is paid."""
        config, parent = self.config, ancestors[-1]
        operation = choose_operation(self.pack, config.random_seed, self.seed.id, self.generation)
        messages = build_evolve_messages(operation, parent, config.random_seed, self.seed.id, self.generation)
        reply = await self._ask("evolver", messages)
        child = clean_instruction(reply.text, parent)
        self.notes += [f"repaired_{repair}" for repair in child.repairs]
        response = response_model = ""
        finish_reason = reply.finish_reason

        found = check_instruction(
            Evolution(
                child.text,
                reply.finish_reason,
                child.truncated,
                ancestors,
                self.pack.labels,
                operation.name,
                operation.kind,
                config.eliminator,
            )
        )
        if not found and operation.judge and needs_judge(operation.kind, config.judge_scope):
            found = await self._judge(self.pack.judged_by(operation.judge), parent, child.text)
        if not found:
            given = await self._ask("responder", build_response_messages(child.text, self._system))
            thought = strip_thinking(given.text)
            response, response_model, finish_reason = thought.text, config.responder_model.name, given.finish_reason
            found = check_response(
                Response(child.text, response, given.finish_reason, thought.truncated, config.eliminator)
            )
        row = self._row(
            parent_id,
            operation.name,
            child.text,
            response=response,
            evolver_model=config.evolver_model.name,
            response_model=response_model,
            finish_reason=finish_reason,
            found=found,
        )
        return Outcome(row, parent, tuple(self.notes))

    async def _judge(self, pack: Pack, parent: str, child: str) -> tuple[Reason, str] | None:
        """The equality judge; an unreadable verdict is asked for once more, then the evolution is kept."""
        for ask in (1, 2):
            messages = build_judge_messages(pack, parent, child, is_reask=ask == 2)
            reply = await self._ask("judge", messages, ask)
            match parse_verdict(strip_thinking(reply.text).text):
                case "equal":
                    return "equal", "the judge says Equal"
                case "not equal":
                    return None
        self.notes.append("judge_unclear")
        return None

    async def _ask(self, role: Role, messages: list[Message], ask: int = 1) -> Completion:
        body = build_body(
            self.config.model_of(role), messages, self.config.random_seed, self.seed.id, self.generation, role, ask
        )
        completion = await self.complete(
            CompletionRequest(self.seed.id, self.generation, role, ask, body, self.position)
        )
        self.calls.append(completion)
        return completion

    @property
    def _system(self) -> str:
        return self.config.responder_model.system

    def _row(
        self,
        parent_id: str,
        operation: str,
        instruction: str,
        *,
        response: str = "",
        evolver_model: str = "",
        response_model: str = "",
        finish_reason: str = "",
        found: tuple[Reason, str] | None = None,
    ) -> Row:
        columns: dict[str, Any] = {
            "id": f"{self.seed.id}.{self.generation}",
            "seed_id": self.seed.id,
            "generation": self.generation,
            "parent_id": parent_id,
            "operation": operation,
            "instruction": instruction,
            "response": response,
            "evolver_model": evolver_model,
            "response_model": response_model,
            "finish_reason": finish_reason,
            "input_tokens": _sum_tokens([call.input_tokens for call in self.calls]),
            "output_tokens": _sum_tokens([call.output_tokens for call in self.calls]),
        }
        return EliminatedRow(**columns, reason=found[0], detail=found[1]) if found else Row(**columns)


def _sum_tokens(counts: list[int]) -> int:
    return UNKNOWN_TOKENS if UNKNOWN_TOKENS in counts else sum(counts)
