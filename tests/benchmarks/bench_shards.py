"""Shards against a fake endpoint: calls a second, peak RSS, resume and collect; prints one table.

    python tests/benchmarks/bench_shards.py [--seeds 50000] [--generations 4] [--shards 4] [--whole] [--folder DIR]

All shards run at once, each a real `evol run --shard i/N` in a process of its own; the endpoint has the last core, and
they share the others. Calls are counted at the endpoint, from the first request to the last completion. Then every
shard loses its outputs and its last call, as by SIGKILL, and all resume at once; then they are collected. `--whole`
makes an unsharded run first, and holds that the collected files are its bytes. 50,000 seeds x 4 generations take half
an hour of CPU with `--whole`, and 8 GB of disk.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
from measured import SERVER_CORE, Measured, run_measured
from rows_memory import IN_FLIGHT, undo_the_end
from serving import Endpoint, serve
from table import Row, print_table, say
from workload import Workload, write_seeds


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Shards against a fake endpoint; prints one table.")
    parser.add_argument("--seeds", type=int, default=50_000)
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--whole", action="store_true", help="an unsharded run as well, and compare")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="for what is written")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    if load > 0.5:
        say(f"load average {load:.1f}: other work on this machine lowers the figures")
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores) - {SERVER_CORE} or set(cores))
    work = Workload(options.seeds, options.generations)
    with tempfile.TemporaryDirectory(prefix="evol-shards-", dir=options.folder.absolute()) as name:
        folder = Path(name)
        seeds = write_seeds(folder, work.seeds)
        with serve() as endpoint:
            rows = measure(endpoint, folder, seeds, work, options.shards, with_whole=options.whole)
    print_table(rows)


def measure(
    endpoint: Endpoint, folder: Path, seeds: Path, work: Workload, shards: int, *, with_whole: bool
) -> list[Row]:
    """All rows of the table."""
    rows: list[Row] = []
    if with_whole:
        rows.append(_run(endpoint, folder, f"unsharded, {work}", [_command(endpoint, seeds, work, "whole")]))
    names = [f"shard-{index}" for index in range(1, shards + 1)]
    commands = [
        _command(endpoint, seeds, work, name, "--shard", f"{index}/{shards}") for index, name in enumerate(names, 1)
    ]
    rows.append(_run(endpoint, folder, f"{shards} shards at once, {work}", commands))
    missing = sum(undo_the_end(folder / name) for name in names)
    rows.append(
        _run(endpoint, folder, f"{shards} shards, each killed one call before its end, resumed at once", commands)
    )
    sent = endpoint.stats().requests
    if sent != missing:
        raise RuntimeError(f"{sent} requests were sent at the resume, not {missing}")
    endpoint.reset()
    rows.append(_collect(folder, "collect", names))
    rows.append(_collect(folder, "collect again: nothing to do", names))
    if endpoint.stats().requests:
        raise RuntimeError("collecting asked the endpoint")
    if with_whole:
        _compare(folder / "whole", folder / "joined")
    return rows


def _command(endpoint: Endpoint, seeds: Path, work: Workload, out: str, *flags: str) -> list[str]:
    return [
        sys.executable, "-m", "evol.cli", "run", str(seeds), "--out", out, "--generations", str(work.generations),
        "--concurrency", str(IN_FLIGHT), "--model", "fake", "--base-url", endpoint.url, "--quiet", *flags,
    ]  # fmt: skip


def _run(endpoint: Endpoint, folder: Path, what: str, commands: list[list[str]]) -> Row:
    """Run commands at once, to their ends."""
    say(f"{what} …")
    endpoint.reset()
    with ThreadPoolExecutor(len(commands)) as pool:
        made = list(pool.map(lambda command: run_measured(command, folder, timeout=6 * 3600), commands))
    _require_success(made)
    counts = endpoint.stats()
    seconds = max(one.seconds for one in made)
    rss = max(one.rss_mb for one in made)
    found = f"{counts.rate:,.0f} calls/s; " if counts.completions > len(commands) else ""
    return Row(
        what,
        f"{found}{seconds:.1f} s; {rss:.0f} MB each at most",
        notes=f"{counts.completions:,} calls, {sum(one.cpu_seconds for one in made):.1f} CPU s in all",
    )


def _collect(folder: Path, what: str, names: list[str]) -> Row:
    say(f"{what} …")
    command = [sys.executable, "-m", "evol.cli", "collect", "joined", *names, "--json"]
    made = run_measured(command, folder, timeout=6 * 3600)
    _require_success([made])
    calls = sum(count["calls"] for count in orjson.loads(made.stdout)["calls"].values())
    size = (folder / "joined" / "journal.jsonl").stat().st_size
    return Row(
        what,
        f"{made.seconds:.1f} s; {made.rss_mb:.0f} MB",
        notes=f"{calls:,} calls, a journal of {size / 1e9:.2f} GB, {made.cpu_seconds:.1f} CPU s",
    )


def _compare(whole: Path, joined: Path) -> None:
    """Hold that two run folders have the same outputs, by what their manifests say of them."""
    files = [orjson.loads((folder / "manifest.json").read_bytes())["files"] for folder in (whole, joined)]
    if files[0] != files[1]:
        raise RuntimeError("the collected files are not those of the unsharded run")
    say("the collected files are those of the unsharded run, byte for byte")


def _require_success(made: list[Measured]) -> None:
    for one in made:
        if one.exit_code:
            raise RuntimeError(f"exit {one.exit_code}: {one.complaint}")


if __name__ == "__main__":
    main()
