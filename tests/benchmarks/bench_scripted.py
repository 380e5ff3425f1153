"""A whole run against the scripted double: what evol itself costs, without network or model.

    python tests/benchmarks/bench_scripted.py [--seeds 20000] [--generations 2] [--concurrency 64]

Prints seconds, calls per second and peak RSS of a run, of the growth by one generation (everything older is answered
from the journal), and the peak RSS of a run a tenth the size, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INSTRUCTION = (
    "Describe how a small town could run its library on Sundays, who would benefit from it, what it would cost, "
    "and which objection the council is most likely to raise. Compare two ways of paying the staff, give a figure "
    "for each, and close with one sentence that a busy reader can quote."
)
RESPONSE = (
    "Opening the library on Sundays would serve people who cannot come during the week: families, shift workers "
    "and students. Two members of staff for five hours come to about nine thousand euros a year; heating and "
    "light add another two. One way to pay for this is to shift two quiet evening hours, which saves half of the "
    "sum. The other is a fund of local firms, which brings in more, but only as long as they do well. The council "
    "will object that volunteers cannot replace trained librarians. A neighbouring town met this doubt by keeping "
    "one librarian on call, and found after twelve months that visits had risen by a fifth while complaints had "
    "fallen. What is risky is the first winter, when few know of the new hours; a trial of one year with a report "
    "at its end keeps that risk small. If it fails, nothing is lost but a few Sundays. If it works, the town "
    "gains a living room for everybody, and pays less for it than for one mile of road. In short: a quiet house "
    "full of books should not be locked on the one day on which most people are free to read."
)


class Silent:
    """An observer that watches nothing."""

    def notice(self, text: str) -> None:
        """Ignore."""

    def begin(self, seeds: int, totals: Mapping[Any, Any], prices: Mapping[Any, Any]) -> None:
        """Ignore."""

    def see(self, outcome: Any) -> None:
        """Ignore."""

    def finish_lineage(self) -> None:
        """Ignore."""

    def end(self) -> None:
        """Ignore."""


def measure(seeds: Path, generations: int, concurrency: int, out: Path) -> None:
    """One run in this process; prints its figures as JSON."""
    from evol.backends.scripted import ScriptedBackend
    from evol.checks import check_run
    from evol.config import load_config
    from evol.pipeline import run
    from evol.records import CompletionRequest

    def script(request: CompletionRequest) -> str:
        if request.role == "judge":
            return "Not Equal"
        if request.role == "responder":
            return RESPONSE
        return f"<new_instruction>{INSTRUCTION} Mind case {request.key[:12]}.</new_instruction>"

    config = load_config(
        None,
        {
            "seeds": str(seeds),
            "out": str(out),
            "generations": generations,
            "models": {"default": {"model": "scripted", "base_url": "http://127.0.0.1:1/v1"}},
            "limits": {"concurrency": concurrency},
        },
    )
    backend = ScriptedBackend(script)
    begun = time.perf_counter()
    result = run(check_run(config), {"evolver": [backend], "judge": [backend], "responder": [backend]}, Silent())
    seconds = time.perf_counter() - begun
    calls = sum(count.calls for count in result.manifest.calls.values())
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"exit": result.exit_code, "seconds": seconds, "calls": calls, "rss_mb": rss}))


def main() -> None:
    """Run all three measurements and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20_000)
    parser.add_argument("--generations", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        measure(Path(options.worker[0]), options.generations, options.concurrency, Path(options.worker[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name, seeds, generations in (
            ("a tenth of the seeds", options.seeds // 10, options.generations),
            ("whole run", options.seeds, options.generations),
            ("one generation more", options.seeds, options.generations + 1),
        ):
            path = Path(folder) / f"seeds{seeds}.jsonl"
            path.write_text(
                "".join(f'{{"instruction": "Describe thing number {n} in detail."}}\n' for n in range(seeds))
            )
            command = [
                sys.executable, __file__, "--worker", str(path), str(Path(folder) / f"out{seeds}"),
                "--generations", str(generations), "--concurrency", str(options.concurrency),
            ]  # fmt: skip
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            rows.append((name, seeds, generations, found))
    print(f"{'':22}{'seeds':>8}{'gens':>6}{'calls':>9}{'seconds':>9}{'calls/s':>9}{'peak RSS MB':>13}")
    for name, seeds, generations, found in rows:
        rate = found["calls"] / found["seconds"]
        print(
            f"{name:22}{seeds:>8}{generations:>6}{found['calls']:>9}{found['seconds']:>9.1f}{rate:>9.0f}"
            f"{found['rss_mb']:>13.0f}"
        )


if __name__ == "__main__":
    main()
