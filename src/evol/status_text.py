"""Where a run stands, as lines for a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator

from evol.progress import clean_for_terminal
from evol.status import Status
from evol.texts import describe_cost

_STATES = {
    "running": "running",
    "done": "done",
    "unfinished": "ended, some lineages could not finish",
    "budget": "stopped by its budget",
    "endpoint": "stopped: the endpoint could not be used",
    "interrupted": "interrupted",
    "killed": "not running; it was killed before it could write its files",
}


def describe_status(status: Status, now: float | None = None) -> Iterator[str]:
    """Yield the lines of `evol status`.

    Args:
        status: of a folder.
        now: seconds since the epoch.
    """
    now = time.time() if now is None else now
    age = f" (as of {describe_age(now - status.as_of)} ago)" if status.state in ("running", "killed") else ""
    yield clean_for_terminal(f"{status.folder}: {_STATES[status.state]}{age}")
    yield from _describe_outcomes(status)
    yield (
        f"calls: {status.calls:,} ({status.requests:,} requests), {status.input_tokens:,} tokens in, "
        f"{status.output_tokens:,} out, {describe_cost(status.cost)}"
    )
    for batch in status.batches:
        answered = f", {batch.completed:,} answered, {batch.failed:,} failed" if batch.completed + batch.failed else ""
        left = f", expires in {describe_age(batch.expires - now)}" if batch.expires and batch.expires > now else ""
        yield clean_for_terminal(
            f"batch {batch.batch_id or f'intent {batch.intent}'} ({batch.label}): {batch.state}, "
            f"{batch.requests:,} requests{answered}, sent {describe_age(now - batch.since)} ago{left}"
        )
    yield clean_for_terminal(f"next: {status.next}")


def _describe_outcomes(status: Status) -> Iterator[str]:
    if not status.outcomes_known:
        yield f"seeds: {status.seeds:,}; what came of the calls was not counted yet, evol stats does"
        return
    yield f"seeds: {status.finished:,} of {status.seeds:,} through all generations"
    for one in status.generations:
        left = f"{one.eliminated:,} eliminated, {one.open:,} to come"
        yield f"generation {one.generation}: {one.survivors:,} rows, {left}"


def describe_age(seconds: float) -> str:
    """Seconds for people."""
    seconds = max(0.0, seconds)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
