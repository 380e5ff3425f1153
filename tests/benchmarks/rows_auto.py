"""`--concurrency auto` against servers that queue and servers that refuse; each run ends by Ctrl-C, as planned."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from limiters import make_limiter
from measured import Measured
from serving import Counts, serve
from settings import Settings
from table import Row, say
from workload import Workload, run_evol, write_seeds

SLOTS = 64
RPM = 1_200
BURST = 20
LIMITED = Workload(2_000, 4)
"""More than a rate limit lets through."""
_INTERRUPTED = 130
_STARTING = 8
"""Seconds that a run is given for starting, over those that are looked at."""


@dataclass(frozen=True)
class Limit:
    """A rate limit.

    Attributes:
        name: what the server says about its limit.
        kind: of `limiters.make_limiter`.
        server: flags of `endpoint.py`.
        client: flags of `evol run`.
    """

    name: str
    kind: str
    server: tuple[str, ...] = ()
    client: tuple[str, ...] = ()


_RETRY_AFTER = ("--retry-after", "seconds")
_ALL_HEADERS = (*_RETRY_AFTER, "--ratelimit-headers")
LIMITS = (
    Limit("token bucket, Retry-After and x-ratelimit headers", "bucket", _ALL_HEADERS),
    Limit("token bucket, Retry-After", "bucket", _RETRY_AFTER),
    Limit("token bucket, no headers", "bucket"),
    Limit(f"token bucket, no headers, `--rpm {RPM}`", "bucket", (), ("--rpm", str(RPM))),
    Limit("fixed minute, Retry-After and x-ratelimit headers", "fixed", _ALL_HEADERS),
    Limit("fixed minute, no headers", "fixed"),
    Limit("sliding minute, Retry-After and x-ratelimit headers", "sliding", _ALL_HEADERS),
    Limit("sliding minute, Retry-After", "sliding", _RETRY_AFTER),
    Limit("sliding minute, no headers", "sliding"),
)


def measure_queue(settings: Settings) -> list[Row]:
    """A server of 64 slots that queues, 500 ms a call (log-normal, sigma 0.5): how full, and how many wait."""
    sizes = settings.sizes
    what = f"`{settings.auto}`, {SLOTS} slots that queue: share of the throughput after {sizes.queue_from} s"
    least, aim = "0.9, at most 96 in flight", "0.97"
    work = Workload(sizes.queue_seconds * SLOTS, 4)  # more than can be done
    with serve("--latency-ms", "500", "--sigma", "0.5", "--slots", str(SLOTS)) as endpoint:
        made, counts = run_evol(
            endpoint, settings.folder, work, settings.auto, "queue", interrupt_after=sizes.queue_seconds + _STARTING
        )
    if made.exit_code != _INTERRUPTED:
        return [Row(what, f"exit {made.exit_code}", least, aim, made.complaint)]
    begin, end = sizes.queue_from, min(sizes.queue_seconds, int(counts.seconds))
    share = counts.sum_seconds("busy_slot_seconds", begin, end) / SLOTS / (end - begin)
    before = counts.sum_seconds("busy_slot_seconds", 0, begin) / SLOTS / begin
    return [
        Row(
            what,
            f"{share:.3f}, peak {counts.raw['peak_in_flight']} in flight",
            least,
            aim,
            f"busy slot-seconds of {begin} to {end} s; before that {before:.3f}; peak after {begin} s "
            f"{counts.max_seconds('peak_in_flight', begin, end)}; "
            f"{counts.sum_seconds('completions', begin, end) / (end - begin):,.0f} calls/s",
        )
    ]


def measure_limits(settings: Settings) -> list[Row]:
    """1,200 requests a minute, 429 beyond, 1 s a call (log-normal, sigma 0.5): one run for each kind, side by side."""
    say(f"  {len(LIMITS)} kinds of limit side by side, {settings.sizes.limit_seconds} s …")
    write_seeds(settings.folder, LIMITED.seeds)
    with ThreadPoolExecutor(len(LIMITS)) as pool:
        found = pool.map(lambda numbered: _run_limit(settings, *numbered), enumerate(LIMITS))
        return [_describe_limit(settings, limit, *one) for limit, one in zip(LIMITS, found, strict=True)]


def _run_limit(settings: Settings, number: int, limit: Limit) -> tuple[Measured, Counts]:
    flags: Sequence[str] = (
        "--latency-ms", "1000", "--sigma", "0.5",
        "--rpm", str(RPM), "--limiter", limit.kind, "--burst", str(BURST), *limit.server,
    )  # fmt: skip
    seconds = settings.sizes.limit_seconds
    with serve(*flags) as endpoint:
        return run_evol(
            endpoint,
            settings.folder,
            LIMITED,
            settings.auto,
            f"limit-{number}",
            *limit.client,
            interrupt_after=seconds + 2 * _STARTING,
        )


def _describe_limit(settings: Settings, limit: Limit, made: Measured, counts: Counts) -> Row:
    what = f"`{settings.auto}`, {RPM:,}/min, {limit.name}"
    least, aim = "0.9; 429 below 3 %", "0.98; below 1 %"
    if made.exit_code != _INTERRUPTED:
        return Row(what, f"exit {made.exit_code}", least, aim, made.complaint)
    seconds = min(settings.sizes.limit_seconds, int(counts.raw["now"] - counts.raw["first"]))
    admitted = counts.sum_seconds("admitted", 0, seconds)
    rejected = counts.sum_seconds("rejected", 0, seconds)
    allowed = make_limiter(limit.kind, RPM, BURST).allowance(seconds)
    return Row(
        what,
        f"{admitted / allowed:.3f}; 429 {rejected / max(1, admitted + rejected):.1%}",
        least,
        aim,
        f"{admitted:,.0f} of {allowed:,.0f} requests that the limit allowed in {seconds} s, {rejected:,.0f} refused; "
        f"peak {counts.raw['peak_in_flight']} in flight",
    )
