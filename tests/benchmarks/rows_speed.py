"""Calls per second at zero latency: evol beside bare clients and other tools, on the requests of evol's own run."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from clients import collect_requests, run_bare
from measured import Measured
from peers import PEERS, Peer, find_version, run_peer
from serving import Counts, serve
from settings import Settings
from table import Row, say
from workload import Workload, run_evol

IN_FLIGHT = 64
WIDE = 256


@dataclass(frozen=True)
class _Run:
    made: Measured
    counts: Counts

    @property
    def rate(self) -> float:
        """Calls a second, from the first request to the last completion."""
        return self.counts.rate

    @property
    def whole(self) -> float:
        """Calls a second over the whole process: start, seeds, projection."""
        return self.counts.completions / self.made.seconds

    @property
    def cost(self) -> float:
        """Milliseconds of CPU a call, over the whole process; other work on the machine hardly changes it."""
        return self.made.cpu_seconds / self.counts.completions * 1000


def measure_speed(settings: Settings) -> list[Row]:
    """Zero latency, 64 in flight; rates are the endpoint's: from the first request to the last completion."""
    sizes, folder = settings.sizes, settings.folder
    runs: list[_Run] = []
    floors: list[_Run] = []
    lean: list[_Run] = []
    config = folder / "paper.toml"
    config.write_text('[eliminator]\nprofile = "paper"\n')
    paper = ("--config", str(config))
    with serve() as endpoint:
        for repeat in range(sizes.repeats):
            made, counts = run_evol(endpoint, folder, sizes.speed, str(IN_FLIGHT), f"speed-{repeat}")
            if made.exit_code:
                return [
                    Row("`evol run`, zero latency", f"exit {made.exit_code}", "4 x; 0.4", "10 x; 0.7", made.complaint)
                ]
            runs.append(_Run(made, counts))
            if not repeat:
                requests = collect_requests(folder / "speed-0", sizes.peer_calls)
            floors.append(_Run(*run_bare("aiohttp", endpoint, requests.bodies, IN_FLIGHT)))
            lean.append(_Run(*run_evol(endpoint, folder, sizes.speed, str(IN_FLIGHT), f"lean-{repeat}", *paper)))
        wide = _Run(*run_bare("aiohttp", endpoint, requests.bodies, WIDE))
        sdk = [_Run(*run_bare("openai", endpoint, requests.some, number)) for number in (IN_FLIGHT, WIDE)]
        peers: dict[Peer, Counts | str] = {}
        for peer in PEERS:
            say(f"  {peer.name} …")
            peers[peer] = run_peer(peer, settings.peers, endpoint, requests.prompts, IN_FLIGHT, folder)
    floor = median(run.rate for run in floors)
    return [
        _describe(runs, sizes.speed),
        *(_describe_peer(peer, found, settings) for peer, found in peers.items()),
        _compare(runs, peers),
        Row(
            "`evol run` over bare aiohttp",
            _divide(runs, floors),
            "0.4",
            "0.7",
            f"run by run beside the client; whole process {median(run.whole for run in runs) / floor:.2f}; with the "
            f"paper's four elimination rules alone {_divide(lean, floors)}: {median(run.rate for run in lean):,.0f} "
            f"calls/s, {median(run.cost for run in lean):.2f} ms of CPU a call",
        ),
        _describe_clients(floors, wide, sdk),
    ]


def _divide(runs: list[_Run], floors: list[_Run]) -> str:
    return f"{median(run.rate / bare.rate for run, bare in zip(runs, floors, strict=True)):.2f}"


def _describe(runs: list[_Run], work: Workload) -> Row:
    last = runs[-1].counts
    return Row(
        f"`evol run`, zero latency, {IN_FLIGHT} in flight",
        f"{median(run.rate for run in runs):,.0f} calls/s",
        notes=f"{work}, {last.completions:,} calls, median of {len(runs)}; over the whole process "
        f"{median(run.whole for run in runs):,.0f}/s, {median(run.cost for run in runs):.2f} ms of CPU a call; "
        f"bodies of {last.mean_body:,.0f} B; endpoint {last.load:.0%} busy",
    )


def _describe_clients(floors: list[_Run], wide: _Run, sdk: list[_Run]) -> Row:
    return Row(
        f"bare clients, {IN_FLIGHT} and {WIDE} in flight",
        f"aiohttp {median(run.rate for run in floors):,.0f} and {wide.rate:,.0f} calls/s",
        notes=f"{median(run.cost for run in floors):.2f} ms of CPU a call; openai {sdk[0].rate:,.0f} and "
        f"{sdk[1].rate:,.0f} calls/s, {sdk[0].cost:.2f} ms of CPU a call with its import",
    )


def _describe_peer(peer: Peer, found: Counts | str, settings: Settings) -> Row:
    name = f"{peer.name} {find_version(peer, settings.peers)}".strip()
    if isinstance(found, str):
        return Row(name, "-", notes=found)
    return Row(name, f"{found.rate:,.0f} calls/s", notes=f"{found.completions:,} calls, {IN_FLIGHT} in flight")


def _compare(runs: list[_Run], peers: dict[Peer, Counts | str]) -> Row:
    rates = {peer.name: found.rate for peer, found in peers.items() if isinstance(found, Counts)}
    what = "`evol run` over the best of the three"
    if not rates:
        return Row(what, "-", "4 x", "10 x", "none of them ran")
    best = max(rates, key=lambda name: rates[name])
    return Row(
        what,
        f"{median(run.rate for run in runs) / rates[best]:.1f} x",
        "4 x",
        "10 x",
        f"over {best}; whole process {median(run.whole for run in runs) / rates[best]:.1f} x",
    )
