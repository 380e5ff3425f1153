"""What is run: seed files, `evol run` as a measured process, and the request bodies that it sent."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from measured import Measured, run_measured
from replies import make_sentence
from serving import Counts, Endpoint
from table import say


@dataclass(frozen=True)
class Workload:
    """Seeds and how far they are taken."""

    seeds: int
    generations: int

    def __str__(self) -> str:
        return f"{self.seeds:,} seeds x {self.generations} generations"


def write_seeds(folder: Path, count: int) -> Path:
    """A file of this many seeds without responses, about 190 characters each; the same file every time."""
    path = folder / f"seeds-{count}.jsonl"
    if not path.exists():
        draw = random.Random(count)
        with path.open("wb") as file:
            for number in range(count):
                text = f"Describe case {number} for a reader. {make_sentence(draw)} {make_sentence(draw)}"
                file.write(orjson.dumps({"instruction": text}) + b"\n")
    return path


def run_evol(
    endpoint: Endpoint,
    folder: Path,
    work: Workload,
    concurrency: str,
    out: str,
    *flags: str,
    interrupt_after: float | None = None,
) -> tuple[Measured, Counts]:
    """`evol run`, in this interpreter's environment, against an endpoint that counts anew.

    Args:
        endpoint: whom to ask.
        folder: where seeds and run folder stand.
        work: seeds and generations.
        concurrency: of `--concurrency`: a number or `auto`.
        out: name of the run folder.
        flags: more of `evol run`.
        interrupt_after: seconds until Ctrl-C.
    """
    say(f"  evol run, {work}, {concurrency} in flight …")
    command = [
        sys.executable, "-m", "evol.cli", "run", str(write_seeds(folder, work.seeds)),
        "--out", str(folder / out), "--generations", str(work.generations), "--concurrency", concurrency,
        "--model", "fake", "--base-url", endpoint.url, "--json", *flags,
    ]  # fmt: skip
    endpoint.reset()
    made = run_measured(command, folder, interrupt_after=interrupt_after)
    return made, endpoint.stats()


def read_bodies(run_folder: Path) -> Iterator[bytes]:
    """The request bodies of a run as they were sent, from its journal."""
    with (run_folder / "journal.jsonl").open("rb") as file:
        for line in file:
            record = orjson.loads(line)
            if record["kind"] == "call":
                yield orjson.dumps(record["request"])
