"""A long `evol run` against a bad endpoint: does memory stay flat, and is nothing left behind?

    python tests/benchmarks/soak.py [--minutes 60] [--every 10] [--concurrency 16] [--folder DIR]

The endpoint is the tests' own, in this process: now and then 429 for five seconds, with Retry-After and without, 500,
503, resets before and inside a body, truncated JSON, empty replies, hangs, replies after eight seconds. The run is the
real command in a process of its own, in which a thread takes down every few seconds what it holds: resident memory,
open file descriptors, threads, and all asyncio tasks that exist, done or not. It ends by SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from fake_server import FakeServer, Fault

STORM_EVERY, STORM = 60.0, 5.0
"""Seconds: every so often everything is refused for so long."""
SEEDS = 60_000
CONFIG = "[limits]\ntimeout = 20\nretry_for = 3600\n"
MEASURES = ("rss_mb", "descriptors", "threads", "tasks")


def misbehave(body: dict[str, Any], times_seen: int) -> Fault | None:
    """Storms for all, and for one request in ten a fault of its own at the first attempt."""
    now = time.monotonic()
    if now % STORM_EVERY < STORM:
        headers = {"Retry-After": "2"} if int(now / STORM_EVERY) % 2 else {}
        return 429, headers, b'{"error":{"message":"slow down"}}'
    if times_seen:
        return None
    drawn = hashlib.sha256(json.dumps(body).encode()).digest()[0]
    faults: dict[range, Fault] = {
        range(6): (500, {}, b"oops"),
        range(6, 9): (503, {"Retry-After": "1"}, b""),
        range(9, 14): "reset",
        range(14, 18): "reset_mid_body",
        range(18, 22): "truncated",
        range(22, 24): "null",
        range(24, 25): "hang",
    }
    return next((fault for drawn_by, fault in faults.items() if drawn in drawn_by), None)


def delay(body: dict[str, Any]) -> float:
    """A quarter of a second and more; for one request in a hundred eight seconds."""
    drawn = hashlib.sha256(json.dumps(body).encode()).digest()
    return 8.0 if drawn[1] < 3 else 0.25 + drawn[2] / 1000


def sample(log: Path, every: float) -> None:
    """Append what this process holds, every so many seconds, for as long as it lives."""
    begun = time.monotonic()
    while True:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        row = {
            "seconds": round(time.monotonic() - begun, 1),
            "rss_mb": round(resident / 1e6, 1),
            "descriptors": len(os.listdir("/proc/self/fd")) - 1,  # noqa: PTH208 - names alone
            "threads": threading.active_count() - 1,
            "tasks": sum(isinstance(thing, asyncio.Task) for thing in gc.get_objects()),
        }
        with log.open("a") as file:
            file.write(json.dumps(row) + "\n")
        time.sleep(every)


def run_child(log: Path, every: float, words: list[str]) -> None:
    """The command itself, watched from a thread."""
    threading.Thread(target=sample, args=(log, every), daemon=True).start()
    from evol.cli import main

    sys.argv = ["evol", *words]
    main()


def count_doubled(journal: Path) -> int:
    """Calls that were recorded more than once."""
    with journal.open("rb") as file:
        keys = [line[:100] for line in file if line.startswith(b'{"kind":"call"')]  # kind and key stand first
    return len(keys) - len(set(keys))


def print_table(rows: list[dict[str, float]]) -> None:
    """After the first tenth of the time, in its middle, at its end; the most ever; growth a thousand seconds."""
    settled = rows[len(rows) // 10 :]
    print(f"| | start | after {settled[0]['seconds']:.0f} s | middle | end | most | growth in 1,000 s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    middle = settled[len(settled) // 2 :]
    for name in MEASURES:
        shown = [rows[0], settled[0], middle[0], rows[-1]]
        most = max(row[name] for row in rows)
        halves = settled[: len(settled) // 2], middle
        means = [sum(row[name] for row in half) / len(half) for half in halves]
        span = (rows[-1]["seconds"] - settled[0]["seconds"]) / 2
        cells = [*(f"{row[name]:g}" for row in shown), f"{most:g}", f"{(means[1] - means[0]) / span * 1000:+.2f}"]
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    """Run, interrupt, print the table; a non-zero exit where the run ended otherwise than it should."""
    parser = argparse.ArgumentParser(description="A long evol run against a bad endpoint; prints one table.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between samples")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--folder", type=Path, help="for what is written; a temporary one unless named")
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(options.folder, options.every, options.child)
        return
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # replies that still hang when the server is stopped
    with tempfile.TemporaryDirectory() as temporary, FakeServer(fault=misbehave, latency=delay) as server:
        folder = options.folder or Path(temporary)
        seeds, config, log = folder / "seeds.jsonl", folder / "soak.toml", folder / "samples.jsonl"
        seeds.write_text("".join(f'{{"id":"s{n}","instruction":"Describe item {n}."}}\n' for n in range(SEEDS)))
        config.write_text(CONFIG)
        words = ["run", str(seeds), "--out", str(folder / "output"), "--config", str(config), "--model", "m", "--quiet"]
        words += ["--base-url", server.url, "--concurrency", str(options.concurrency), "--generations", "4"]
        command = [sys.executable, __file__, "--folder", str(log), "--every", str(options.every), "--child", *words]
        begun = time.monotonic()
        running = subprocess.Popen(command, env={**os.environ, "OPENAI_API_KEY": "sk-soak"}, stderr=subprocess.PIPE)
        try:
            running.wait(options.minutes * 60)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=120)
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        print_table(rows)
        twice = count_doubled(folder / "output" / "journal.jsonl")
        minutes = (time.monotonic() - begun) / 60
        print(f"\n{minutes:.1f} minutes, {len(rows)} samples, exit {running.returncode}")
        print(f"{sum(server.seen.values()):,} requests, {server.peak} at once at most, {server.total:,} replies")
        print(f"{twice} calls journaled twice")
        if running.returncode != 130 or twice:
            sys.exit(f"not as it should have ended:\n{said.decode()}")


if __name__ == "__main__":
    main()
