"""Three endpoints at once, of which one dies and comes back: how busy the others are, and how soon it is used again."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

from serving import Counts, Endpoint, serve
from settings import Settings
from table import Row
from workload import run_evol

IN_FLIGHT = 64
LATENCY = 0.2
DIES, RETURNS = 6, 14
"""Seconds after the first call."""


def measure_endpoints(settings: Settings) -> list[Row]:
    """200 ms each, 64 in flight at each of three: calls a second of the living ones over what they can do."""
    flags = ("--latency-ms", str(LATENCY * 1000))
    what = f"three endpoints of {IN_FLIGHT / LATENCY:.0f}/s, one dies: share of what the living can do"
    with contextlib.ExitStack() as stack:
        first, third = (stack.enter_context(serve(*flags)) for _ in range(2))
        mortal = contextlib.ExitStack()
        stack.push(mortal)
        second = mortal.enter_context(serve(*flags))
        with ThreadPoolExecutor(1) as pool:
            fate = pool.submit(_die_and_return, first, second, mortal, flags)
            more = [word for endpoint in (second, third) for word in ("--base-url", endpoint.url)]
            made, counts = run_evol(first, settings.folder, settings.sizes.endpoints, str(IN_FLIGHT), "several", *more)
            returned_at = fate.result()
        if made.exit_code:
            return [Row(what, f"exit {made.exit_code}", "0.9", notes=made.complaint)]
        again, other = second.stats(), third.stats()
    ideal = IN_FLIGHT / LATENCY
    end = int(counts.seconds) - 2
    dead = _share([counts, other], DIES + 1, RETURNS - 1, 2 * ideal)
    waited = again.raw["first"] - returned_at
    since = int(again.raw["first"] - counts.raw["first"]) + 2
    whole = _share([counts, other], since, end, 3 * ideal) + again.completions / (end - since + 2) / (3 * ideal)
    return [
        Row(
            what,
            f"{dead:.3f}",
            "0.9",
            notes=f"{settings.sizes.endpoints}, {IN_FLIGHT} in flight at each; it is gone from second {DIES} to "
            f"{RETURNS}, asked again {waited:.1f} s after its return, and from then on all three reach {whole:.3f}",
        )
    ]


def _share(counts: list[Counts], start: int, stop: int, ideal: float) -> float:
    return sum(one.sum_seconds("completions", start, stop) for one in counts) / (stop - start) / ideal


def _die_and_return(first: Endpoint, second: Endpoint, mortal: contextlib.ExitStack, flags: tuple[str, ...]) -> float:
    """Kill the second endpoint after the first has been asked for a while, and start it again; when that was."""
    while not first.stats().requests:
        time.sleep(0.05)
    time.sleep(DIES)
    mortal.close()
    time.sleep(RETURNS - DIES)
    mortal.enter_context(serve(*flags, "--port", str(second.port)))
    return time.monotonic()
