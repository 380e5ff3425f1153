"""What a run would do: calls and tokens by role before anything is sent. Pure but for reading the seeds.

Calls are exact upper bounds: each generation asks the evolver once for each seed, the judge once where the drawn
operation is in its scope, the responder once; eliminations make it fewer, re-asks and retries more. Tokens are
estimates at four characters a token, from the real prompts of the real seeds of generation 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evol.chat import build_body
from evol.config import RunConfig
from evol.eliminator import build_judge_messages, needs_judge
from evol.evolver import build_evolve_messages, choose_operation
from evol.packs import Pack
from evol.records import ROLES, Message, Role, Seed
from evol.responder import build_response_messages

CHARS_PER_TOKEN = 4


@dataclass(frozen=True)
class RolePlan:
    """What one role would be asked.

    Attributes:
        model: the configured name.
        calls: upper bound.
        input_tokens: estimate for that many calls.
        max_output_tokens: upper bound, None where requests set no max_tokens.
    """

    model: str
    calls: int
    input_tokens: int
    max_output_tokens: int | None


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes:
        seeds: how many.
        roles: calls and tokens by role.
        prompts: one rendered prompt for each operation, of the first seed.
    """

    seeds: int
    roles: dict[Role, RolePlan]
    prompts: dict[str, list[Message]]


def plan_run(seeds: Iterable[Seed], config: RunConfig, pack: Pack) -> Plan:
    """Count calls and tokens of a whole run, as if nothing were journaled yet."""
    calls: dict[Role, int] = dict.fromkeys(ROLES, 0)
    chars: dict[Role, int] = dict.fromkeys(ROLES, 0)
    prompts: dict[str, list[Message]] = {}
    count = 0
    for seed in seeds:
        if not count:
            prompts = {
                operation.name: build_evolve_messages(operation, seed.instruction, config.random_seed, seed.id, 1)
                for operation in pack.operations
            }
        count += 1
        response_length = len(build_body(config.responder_model, build_response_messages(seed.instruction, ""), 0))
        if not seed.response or config.seed_responses == "regenerate":
            calls["responder"] += 1
            chars["responder"] += response_length
        for generation in range(1, config.generations + 1):
            operation = choose_operation(pack, config.random_seed, seed.id, generation)
            asked = build_evolve_messages(operation, seed.instruction, config.random_seed, seed.id, generation)
            calls["evolver"] += 1
            chars["evolver"] += _length(asked)
            calls["responder"] += 1
            chars["responder"] += response_length
            if operation.judge and needs_judge(operation.kind, config.judge_scope):
                judged = pack.judged_by(operation.judge)
                calls["judge"] += 1
                chars["judge"] += _length(
                    build_judge_messages(judged, seed.instruction, seed.instruction, is_reask=False)
                )
    return Plan(count, {role: _plan_role(role, calls[role], chars[role], config) for role in ROLES}, prompts)


def _plan_role(role: Role, calls: int, chars: int, config: RunConfig) -> RolePlan:
    model = config.model_of(role)
    limit = model.sampling.max_tokens
    return RolePlan(model.name, calls, chars // CHARS_PER_TOKEN, None if limit is False else calls * limit)


def _length(messages: list[Message]) -> int:
    return sum(len(message["content"]) for message in messages)
