"""Plans and figures as lines of text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evol.figures import DifficultyStats, ScoreMode
from evol.plan import Plan
from evol.progress import clean_for_terminal
from evol.rating import TOKENS_OF_RATING, Workload
from evol.records import ROLES, CallCount, Estimate, Manifest, Price
from evol.scores import META_NAME, SCORES_NAME


def describe_plan(plan: Plan, generations: int) -> Iterator[str]:
    """Yield the lines of a dry run: one prompt for each operation, then calls, tokens and price by role."""
    for name, messages in plan.prompts.items():
        yield f"--- prompt of {name}, for the first seed"
        for message in messages:
            yield f"[{message['role']}] {clean_for_terminal(message['content'])}"
    sampled = f" (prompts of {plan.sampled:,} of them measured)" if plan.sampled < plan.seeds else ""
    yield f"--- plan: {plan.seeds:,} seeds{sampled} x {generations} generations, nothing was sent"
    for role, part in plan.roles.items():
        if part.calls:
            most = "no max_tokens" if part.max_output_tokens is None else f"at most {part.max_output_tokens:,}"
            yield (
                f"{role:9} {part.model}: at most {part.calls:,} calls, about {part.input_tokens:,} tokens in, "
                f"about {part.output_tokens:,} out ({most}), {_describe_range(part.cost, part.max_cost)}"
            )
    if plan.batches:
        yield (
            f"batches   about {plan.batches:,} follow one another, of at most {plan.most_in_batch:,} requests each; "
            "each may take up to 24 hours"
        )
    estimate = plan.estimate
    yield (
        f"total     about {estimate.calls:,} calls (at most {estimate.most_calls:,}, retries not counted), "
        f"{_describe_range(estimate.cost, estimate.most_cost)}"
    )


def describe_estimate(estimate: Estimate) -> str:
    """One line before a run."""
    return (
        f"expected for the whole run: about {estimate.calls:,} calls, {estimate.input_tokens:,} tokens in, "
        f"{estimate.output_tokens:,} out, {_describe_range(estimate.cost, estimate.most_cost)}"
    )


def describe_calls(manifest: Manifest) -> str:
    """One line after a run: what the run took in this folder, beside what was expected of it; scoring stands apart."""
    counts = [count for role, count in manifest.calls.items() if count.attempts and role in ROLES]
    requests, calls = sum(count.attempts for count in counts), sum(count.calls for count in counts)
    inputs = sum(count.input_tokens + count.estimated_input_tokens for count in counts)
    outputs = sum(count.output_tokens + count.estimated_output_tokens for count in counts)
    costs = [count.cost for count in counts]
    cost = None if None in costs else sum(cost for cost in costs if cost is not None)
    line = f"calls: {calls:,} ({requests:,} requests), {inputs:,} tokens in, {outputs:,} out, {describe_cost(cost)}"
    if (expected := manifest.estimate) is None:
        return line
    return (
        f"{line}; expected were {expected.calls:,} calls, {expected.input_tokens:,} tokens in, "
        f"{expected.output_tokens:,} out, {describe_cost(expected.cost)}"
    )


def describe_scoring(work: Workload, mode: ScoreMode, price: Price | None) -> str:
    """One line before a scoring."""
    rows = f"{work.rows.total():,} rows of {len(work.rows)} generations"
    cost = None if price is None else price.of(work.input_tokens, work.calls * TOKENS_OF_RATING)
    how = "one by one" if mode == "single" else "a lineage a prompt"
    return (
        f"{rows}, {how}: about {work.calls:,} calls, {work.input_tokens:,} tokens in, {_describe_range(cost, None)}, "
        "less what the journal knows"
    )


def describe_scores(
    folder: Path, mode: ScoreMode, found: DifficultyStats | None, calls: CallCount | None
) -> Iterator[str]:
    """Yield the lines after a scoring."""
    if found is None:
        yield f"{folder}: nothing was rated"
    else:
        for generation, figures in found.generations.items():
            mean = "-" if figures.mean is None else f"{figures.mean:.2f}"
            paper = "" if figures.paper is None else f" (paper: {figures.paper:.2f})"
            lost = "".join(
                f", {count:,} {fate}"
                for fate, count in (("unclear", figures.unclear), ("missing", figures.missing))
                if count
            )
            yield f"generation {generation}: difficulty {mean}{paper}, {figures.rated:,} rated{lost}"
    if calls is not None:
        tokens = (
            calls.input_tokens + calls.estimated_input_tokens,
            calls.output_tokens + calls.estimated_output_tokens,
        )
        yield (
            f"calls: {calls.calls:,} ({calls.attempts:,} requests), {tokens[0]:,} tokens in, {tokens[1]:,} out, "
            f"{describe_cost(calls.cost)}, over all scoring of this folder"
        )
    if found is not None:
        yield f"files: {folder}/{SCORES_NAME}, {folder}/{META_NAME}"


def describe_cost(cost: float | None) -> str:
    """USD for people; an unknown cost says so."""
    if cost is None:
        return "cost unknown"
    return f"${cost:,.2f}" if cost >= 1 or not cost else f"${cost:.4f}"


def _describe_range(cost: float | None, most: float | None) -> str:
    if cost is None:
        return "cost unknown"
    upper = "" if most is None or not most else f" (at most {describe_cost(most)})"
    return f"about {describe_cost(cost)}{upper}" if cost else "free"
