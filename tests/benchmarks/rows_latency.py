"""How full the slots stay when calls take time: constant latency, and a log-normal one with its long tail."""

from __future__ import annotations

from clients import collect_requests, run_bare
from serving import serve
from settings import Settings
from table import Row
from workload import run_evol


def measure_steady(settings: Settings) -> list[Row]:
    """200 ms each, 256 in flight: calls a second over the ideal 1,280."""
    latency, in_flight = 0.2, 256
    what = f"{latency * 1000:.0f} ms, {in_flight} in flight: share of the ideal {in_flight / latency:,.0f}/s"
    with serve("--latency-ms", str(latency * 1000)) as endpoint:
        made, counts = run_evol(endpoint, settings.folder, settings.sizes.steady, str(in_flight), "steady")
        if made.exit_code:
            return [Row(what, f"exit {made.exit_code}", "0.9", "0.97", made.complaint)]
        requests = collect_requests(settings.folder / "steady", 1)
        _, bare = run_bare("aiohttp", endpoint, requests.bodies, in_flight)
    ideal = in_flight / latency
    end = int(counts.seconds) - 2  # the start's first calls and the end's last lineages cannot fill the slots
    middle = f"{counts.sum_seconds('completions', 2, end) / (end - 2) / ideal:.3f}" if end > 2 else "-"
    return [
        Row(
            what,
            f"{counts.rate / ideal:.3f}",
            "0.9",
            "0.97",
            f"{settings.sizes.steady}, {counts.completions:,} calls in {counts.seconds:.2f} s, whole process "
            f"{counts.completions / made.seconds / ideal:.3f}; without the first and last two seconds "
            f"{middle}; peak {counts.raw['peak_in_flight']} in flight; bare aiohttp {bare.rate / ideal:.3f}",
        )
    ]


def measure_ragged(settings: Settings) -> list[Row]:
    """Log-normal, mean 250 ms, sigma 1, 64 in flight: makespan over the total service time / 64."""
    in_flight = 64
    what = f"log-normal 250 ms, sigma 1, {in_flight} in flight: makespan / (service time / {in_flight})"
    with serve("--latency-ms", "250", "--sigma", "1") as endpoint:
        made, counts = run_evol(endpoint, settings.folder, settings.sizes.ragged, str(in_flight), "ragged")
    if made.exit_code:
        return [Row(what, f"exit {made.exit_code}", "1.15", "1.05", made.complaint)]
    ideal = counts.raw["service_seconds"] / in_flight
    return [
        Row(
            what,
            f"{counts.seconds / ideal:.3f}",
            "1.15",
            "1.05",
            f"{settings.sizes.ragged}, {counts.completions:,} calls, {counts.seconds:.1f} s for {ideal:.1f} s of work "
            f"a slot; whole process {made.seconds / ideal:.3f}",
        )
    ]
