"""What a command would ask before it asks: calls, tokens and price.

Calls are exact but for retries and re-asks. Prompt tokens come from the real prompts (of SAMPLE of them, evenly spread,
where there are more), as in a run's plan; replies are expected to have what EXPECTED_TOKENS says of their role.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from pydantic import BaseModel

from evol.evaluation.filework import list_first_requests
from evol.evaluation.jobs import FileJob
from evol.plan import EXPECTED_RESPONSE_TOKENS, SAMPLE, count_tokens
from evol.records import Estimate, Message, Price, Role

EXPECTED_TOKENS: Mapping[Role, int] = {"responder": EXPECTED_RESPONSE_TOKENS, "judge": 200}
"""Of one reply, where max_tokens allows it."""
_TURN_TOKENS = 4


@dataclass(frozen=True)
class FilePlan:
    """What a command would do.

    Attributes:
        model: the configured name.
        estimate: calls, tokens and USD, as if nothing were journaled yet.
        prompt: the first request's.
    """

    model: str
    estimate: Estimate
    prompt: list[Message]


def plan_file(job: FileJob[BaseModel], prices: Mapping[Role, Price | None]) -> FilePlan:
    """Count calls and tokens of a command.

    Args:
        job: the work; all its tasks ask one role.
        prices: USD by role; None or missing where unknown.
    """
    [(role, model)] = job.models.items()
    calls = len(job.tasks)
    step = max(1, -(-calls // SAMPLE))
    sampled = [
        orjson.loads(request.body)["messages"] for request in itertools.islice(list_first_requests(job), 0, None, step)
    ]
    per_call = sum(sum(count_tokens(turn["content"]) + _TURN_TOKENS for turn in turns) for turns in sampled)
    inputs = per_call / max(1, len(sampled)) * calls
    most = model.max_output_tokens
    outputs = calls * min(EXPECTED_TOKENS[role], most or EXPECTED_TOKENS[role])
    price = model.choose_price(prices.get(role))
    estimate = Estimate(
        calls=calls,
        input_tokens=round(inputs),
        output_tokens=outputs,
        cost=price.of(inputs, outputs) if price else None,
        most_calls=calls * (2 if role == "judge" else 1),
        most_tokens=None if most is None else round(inputs) + calls * most,
        most_cost=None if price is None or most is None else price.of(inputs, calls * most),
    )
    return FilePlan(model.name, estimate, sampled[0])
