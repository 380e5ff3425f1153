"""What a run would do: calls, tokens and price by role before anything is sent. Pure but for reading the seeds.

Calls are exact upper bounds: each generation asks the evolver once for each seed, the judge once where the drawn
operation is in its scope, the responder once; eliminations make it fewer, re-asks and retries more. Prompt tokens come
from the real prompts of the real seeds (of SAMPLE of them, evenly spread, where there are more), four characters to a
token (one where the script writes without spaces), and grow by what an evolution adds. The expected figures assume what
EXPECTED_ says; the upper ones that nothing is eliminated and every reply fills its max_tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evol.config import RunConfig
from evol.elimination.texts import count_words
from evol.eliminator import build_judge_messages, needs_judge
from evol.evolver import build_evolve_messages, choose_operation
from evol.packs import Pack
from evol.records import ROLES, Estimate, Message, Price, Role, Seed
from evol.responder import build_response_messages

CHARS_PER_TOKEN = 4
SAMPLE = 2000
"""Seeds whose prompts are measured."""
GROWTH_TOKENS = 25
"""Tokens that an in-depth evolution adds: the 10 to 20 words that the prompts ask for, with some that slip in."""
EXPECTED_SURVIVAL = 0.85
"""Share of evolutions that reach the responder."""
EXPECTED_RESPONSE_TOKENS = 350
"""Of one response, where max_tokens allows it."""
EXPECTED_VERDICT_TOKENS = 3
EXPECTED_MARKER_TOKENS = 15
"""Of an evolver's reply, beside the instruction."""


@dataclass(frozen=True)
class RolePlan:
    """What one role would be asked.

    Attributes:
        model: the configured name.
        calls: upper bound.
        expected_calls: where some evolutions are eliminated before they are responded to.
        input_tokens: estimate for that many calls.
        output_tokens: expected.
        max_output_tokens: upper bound, None where requests set no max_tokens.
        cost: expected USD, None where the price is unknown.
        max_cost: USD at most, None where unknown.
    """

    model: str
    calls: int
    expected_calls: int
    input_tokens: int
    output_tokens: int
    max_output_tokens: int | None
    cost: float | None
    max_cost: float | None


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes:
        seeds: how many.
        sampled: of how many the prompts were measured.
        roles: calls and tokens by role.
        prompts: one rendered prompt for each operation, of the first seed.
        batches: about how many batches follow one another, 0 where requests go one by one.
        most_in_batch: requests of one batch, at most.
    """

    seeds: int
    sampled: int
    roles: dict[Role, RolePlan]
    prompts: dict[str, list[Message]]
    batches: int = 0
    most_in_batch: int = 0

    @property
    def estimate(self) -> Estimate:
        """The sums over all roles."""
        roles = [plan for plan in self.roles.values() if plan.calls]
        most_out = [plan.max_output_tokens for plan in roles]
        costs, most_costs = [plan.cost for plan in roles], [plan.max_cost for plan in roles]
        inputs = sum(plan.input_tokens for plan in roles)
        return Estimate(
            calls=sum(plan.expected_calls for plan in roles),
            input_tokens=inputs,
            output_tokens=sum(plan.output_tokens for plan in roles),
            cost=_add(costs),
            most_calls=sum(plan.calls for plan in roles),
            most_tokens=None if None in most_out else inputs + sum(most for most in most_out if most is not None),
            most_cost=_add(most_costs),
        )


@dataclass
class _Sum:
    """Of one role, over the sampled seeds."""

    calls: float = 0.0
    expected_calls: float = 0.0
    inputs: float = 0.0
    expected_inputs: float = 0.0
    outputs: float = 0.0

    def add(self, inputs: float, outputs: float, likelihood: float = 1.0) -> None:
        self.calls += 1
        self.inputs += inputs
        self.expected_calls += likelihood
        self.expected_inputs += inputs * likelihood
        self.outputs += outputs * likelihood


def plan_run(
    seeds: Iterable[Seed], count: int, config: RunConfig, pack: Pack, prices: Mapping[Role, Price | None]
) -> Plan:
    """Count calls and tokens of a whole run, as if nothing were journaled yet.

    Args:
        seeds: all of them.
        count: how many there are.
        config: resolved.
        pack: the prompts.
        prices: USD by role; None or missing where unknown.
    """
    sums: dict[Role, _Sum] = {role: _Sum() for role in ROLES}
    prompts: dict[str, list[Message]] = {}
    step = max(1, -(-count // SAMPLE))
    sampled = 0
    for position, seed in enumerate(seeds):
        if position == 0:
            prompts = {
                operation.name: build_evolve_messages(operation, seed.instruction, config.random_seed, seed.id, 1)
                for operation in pack.operations
            }
        if position % step == 0:
            sampled += 1
            _add_lineage(seed, config, pack, sums)
    scale = count / sampled if sampled else 0.0
    roles = {role: _plan_role(role, sums[role], scale, config, prices.get(role)) for role in ROLES}
    window = config.limits.batch_window
    return Plan(count, sampled, roles, prompts, count_batches(roles, count, config), min(count, window))


def count_batches(roles: Mapping[Role, RolePlan], seeds: int, config: RunConfig) -> int:
    """About how many batches follow one another: one for each step of a lineage that a batch answers, about 3M + 1.

    More lineages than are open at once take so many times longer; a verdict that must be asked for again adds one.

    Args:
        roles: calls by role.
        seeds: how many there are.
        config: says who is asked in batches.
    """
    asked = [role for role, plan in roles.items() if plan.calls and config.model_of(role).is_batched]
    steps = config.generations * len(asked)
    if "responder" in asked and roles["responder"].calls > seeds * config.generations:
        steps += 1  # the seeds' own responses
    return steps * max(1, -(-seeds // config.limits.batch_window))


def _add_lineage(seed: Seed, config: RunConfig, pack: Pack, sums: dict[Role, _Sum]) -> None:
    system = config.responder_model.system
    own = count_tokens(seed.instruction)
    asked = _count(build_response_messages(seed.instruction, system))
    response = min(EXPECTED_RESPONSE_TOKENS, config.responder_model.max_output_tokens or EXPECTED_RESPONSE_TOKENS)
    if not seed.response or config.seed_responses == "regenerate":
        sums["responder"].add(asked, response)
    grown = 0.0
    for generation in range(1, config.generations + 1):
        operation = choose_operation(pack, config.random_seed, seed.id, generation)
        evolve = build_evolve_messages(operation, seed.instruction, config.random_seed, seed.id, generation)
        before = grown
        grown += GROWTH_TOKENS if operation.kind == "in-depth" else 0
        sums["evolver"].add(_count(evolve) + before, own + grown + EXPECTED_MARKER_TOKENS)
        if operation.judge and needs_judge(operation.kind, config.judge_scope):
            judge = build_judge_messages(
                pack.judged_by(operation.judge), seed.instruction, seed.instruction, is_reask=False
            )
            sums["judge"].add(_count(judge) + before + grown, EXPECTED_VERDICT_TOKENS)
        sums["responder"].add(asked + grown, response, EXPECTED_SURVIVAL)


def _plan_role(role: Role, total: _Sum, scale: float, config: RunConfig, price: Price | None) -> RolePlan:
    model = config.model_of(role)
    price = model.choose_price(price)
    most = model.max_output_tokens
    calls, inputs, outputs = round(total.calls * scale), total.inputs * scale, total.outputs * scale
    max_outputs = None if most is None else calls * most
    return RolePlan(
        model=model.name,
        calls=calls,
        expected_calls=round(total.expected_calls * scale),
        input_tokens=round(inputs),
        output_tokens=round(outputs),
        max_output_tokens=max_outputs,
        cost=None if price is None else price.of(total.expected_inputs * scale, outputs),
        max_cost=None if price is None or max_outputs is None else price.of(inputs, max_outputs),
    )


def count_tokens(text: str) -> float:
    """About how many tokens a text has: four characters each, but one for each word of a script without spaces."""
    return max(len(text) / CHARS_PER_TOKEN, float(count_words(text)))


def _count(messages: list[Message]) -> float:
    return sum(len(message["content"]) / CHARS_PER_TOKEN + 4 for message in messages)


def _add(costs: list[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
