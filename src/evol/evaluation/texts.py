"""What the evaluation commands say, as lines of text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evol.evaluation.estimate import FilePlan
from evol.evaluation.inputs import ResponseSet, list_empty, list_left_out
from evol.evaluation.records import Question, ResponseRow
from evol.progress import clean_for_terminal
from evol.records import FINISH_CONTENT_FILTER, FINISH_CONTEXT_OVERFLOW, CallCount
from evol.texts import describe_cost

_ODD_ENDS = {
    "length": "cut at max_tokens",
    FINISH_CONTENT_FILTER: "stopped by the content filter",
    FINISH_CONTEXT_OVERFLOW: "too long for the model",
}


def describe_file_plan(plan: FilePlan, journaled: int, out: Path) -> Iterator[str]:
    """Yield the lines of a dry run: the first prompt, then calls, tokens and price."""
    yield "--- the first prompt"
    for message in plan.prompt:
        yield f"[{message['role']}] {clean_for_terminal(message['content'])}"
    yield "--- plan, nothing was sent"
    yield describe_file_estimate(plan)
    if journaled:
        yield f"{journaled:,} calls are in the journal of {out} already"


def describe_file_estimate(plan: FilePlan) -> str:
    """One line before the work."""
    estimate = plan.estimate
    cost = "free" if estimate.cost == 0 else describe_cost(estimate.cost)
    most = f" (at most {describe_cost(estimate.most_cost)})" if estimate.most_cost else ""
    return (
        f"{clean_for_terminal(plan.model)}: {estimate.calls:,} calls, about {estimate.input_tokens:,} tokens in, "
        f"{estimate.output_tokens:,} out, {cost}{most}; retries and second asks are not counted"
    )


def describe_file_calls(calls: Mapping[str, CallCount]) -> str:
    """One line after the work: what the file took over its whole life."""
    counts = list(calls.values())
    inputs = sum(count.input_tokens + count.estimated_input_tokens for count in counts)
    outputs = sum(count.output_tokens + count.estimated_output_tokens for count in counts)
    costs = [count.cost for count in counts]
    cost = None if None in costs else sum(cost for cost in costs if cost is not None)
    return (
        f"calls: {sum(count.calls for count in counts):,} ({sum(count.attempts for count in counts):,} requests), "
        f"{inputs:,} tokens in, {outputs:,} out, {describe_cost(cost)}"
    )


def describe_responses(out: Path, rows: Sequence[ResponseRow | None]) -> str:
    """One line about a response file, with what is odd in it."""
    found = [row for row in rows if row is not None]
    odd = Counter(_ODD_ENDS[row.finish_reason] for row in found if row.finish_reason in _ODD_ENDS)
    odd["empty"] = sum(not row.response for row in found)
    told = "".join(f", {count} {what}" for what, count in odd.items() if count)
    unfinished = len(rows) - len(found)
    return f"{out}: {len(found):,} responses{told}" + (f", {unfinished:,} unfinished" if unfinished else "")


def describe_faults(sets: Sequence[ResponseSet], questions: Sequence[Question]) -> Iterator[str]:
    """Yield a sentence for each file of which questions are left out, or whose responses are empty."""
    for one in sets:
        if missing := list_left_out(one, questions):
            yield (
                f"{one.path}: {len(missing)} of {len(one.questions)} questions are not in every file and are left out "
                f"({_name_some(missing)})"
            )
        if empty := list_empty(one, questions):
            yield f"{one.path}: {len(empty)} responses are empty and stand as such ({_name_some(empty)})"


def _name_some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
