"""`evol run` against a fake endpoint, beside bare clients and other tools: one command, one table.

    python tests/benchmarks/bench_endpoint.py [--only NAME …] [--quick] [--install-peers] [--peers DIR] [--folder DIR]

Every measurement of evol is a real `evol run` in a process of its own, on one core; the endpoint (`endpoint.py`) has
another, and what is counted in calls is counted there. README.md beside this file says what each row means.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from pathlib import Path

from measured import CLIENT_CORE, SERVER_CORE, stay_on_client_core
from peers import find_default_folder, install_peers
from rows_auto import measure_limits, measure_queue
from rows_endpoints import measure_endpoints
from rows_latency import measure_ragged, measure_steady
from rows_memory import measure_memory, measure_resume, measure_start
from rows_speed import measure_speed
from settings import FULL, QUICK, Settings
from table import Row, print_table, say

MEASUREMENTS = {
    "speed": measure_speed,
    "steady": measure_steady,
    "ragged": measure_ragged,
    "endpoints": measure_endpoints,
    "queue": measure_queue,
    "limits": measure_limits,
    "memory": measure_memory,
    "resume": measure_resume,
    "start": measure_start,
}


def main() -> None:
    """Measure what is asked for and print the table."""
    parser = argparse.ArgumentParser(description="evol run against a fake endpoint; prints one table.")
    parser.add_argument("--only", action="append", choices=list(MEASUREMENTS), help="this alone; may be repeated")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that everything works")
    parser.add_argument("--install-peers", action="store_true", help="make the venvs of the other tools first")
    parser.add_argument("--peers", type=Path, default=find_default_folder(), help="where those venvs stand")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="for what is written, up to 4 GB; removed afterwards",
    )
    parser.add_argument("--auto", default="auto", metavar="N", help="a fixed concurrency in the rows of the throttle")
    options = parser.parse_args()
    peers = options.peers.absolute()
    if options.install_peers:
        install_peers(peers, say)
    if CLIENT_CORE == SERVER_CORE:
        say("one core only: client and endpoint share it, the figures say little")
    load = os.getloadavg()[0]
    if load > 0.5:
        say(f"load average {load:.1f}: other work on this machine lowers the figures")
    stay_on_client_core()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="evol-benchmark-", dir=options.folder.absolute()) as folder:
        settings = Settings(Path(folder), peers, QUICK if options.quick else FULL, options.auto)
        for name in options.only or MEASUREMENTS:
            say(f"{name} …")
            try:
                rows += MEASUREMENTS[name](settings)
            except (
                OSError,
                RuntimeError,
                ValueError,
                LookupError,
            ) as error:  # one row less is no reason to lose the others
                rows.append(Row(name, "failed", notes=f"{type(error).__name__}: {error}"))
    print_table([dataclasses.replace(row, notes=row.notes.replace("|", "/")) for row in rows])


if __name__ == "__main__":
    main()
