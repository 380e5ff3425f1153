"""How much each measurement does, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workload import Workload


@dataclass(frozen=True)
class Sizes:
    """How much work each measurement does.

    Attributes:
        speed: at zero latency.
        repeats: of evol and bare aiohttp at zero latency; the median counts.
        peer_calls: of each peer and of the openai client.
        steady: at 200 ms latency.
        ragged: at log-normal latency.
        endpoints: spread over three of them.
        queue_seconds: of the run against a queueing server; what is looked at begins at `queue_from`.
        queue_from: seconds.
        limit_seconds: of the runs against rate limits.
        small: for memory.
        large: for memory and resume.
        starts: of the command line.
    """

    speed: Workload
    repeats: int
    peer_calls: int
    steady: Workload
    ragged: Workload
    endpoints: Workload
    queue_seconds: int
    queue_from: int
    limit_seconds: int
    small: Workload
    large: Workload
    starts: int


FULL = Sizes(
    speed=Workload(6_000, 2),
    repeats=3,
    peer_calls=3_000,
    steady=Workload(3_000, 2),
    ragged=Workload(1_500, 2),
    endpoints=Workload(5_000, 2),
    queue_seconds=90,
    queue_from=30,
    limit_seconds=120,
    small=Workload(5_000, 4),
    large=Workload(50_000, 4),
    starts=10,
)

QUICK = Sizes(
    speed=Workload(600, 2),
    repeats=1,
    peer_calls=300,
    steady=Workload(600, 2),
    ragged=Workload(300, 2),
    endpoints=Workload(3_000, 2),
    queue_seconds=30,
    queue_from=15,
    limit_seconds=30,
    small=Workload(200, 4),
    large=Workload(2_000, 4),
    starts=3,
)
"""To see that everything works; its figures mean little."""


@dataclass(frozen=True)
class Settings:
    """What every measurement is given.

    Attributes:
        folder: for everything that is written; may grow to 4 GB.
        peers: folder of the peers' venvs.
        sizes: how much work.
        auto: what `--concurrency` is where the throttle shall find the limit; a number shows what a fixed one does.
    """

    folder: Path
    peers: Path
    sizes: Sizes
    auto: str = "auto"
