"""Bare clients over the requests of a run: what is sent, and how each is started."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import orjson
from measured import Measured, run_measured
from serving import Counts, Endpoint
from table import say
from workload import read_bodies


@dataclass(frozen=True)
class Requests:
    """The same requests in three files.

    Attributes:
        bodies: every request body of the run, one a line.
        some: an even share of them.
        prompts: the text of that share, as one JSON string a line; examples in a prompt are joined into one text.
    """

    bodies: Path
    some: Path
    prompts: Path


def collect_requests(run_folder: Path, share: int) -> Requests:
    """Write what a run has sent, from its journal.

    Args:
        run_folder: of a finished run.
        share: how many go into the smaller files.
    """
    found = Requests(*(run_folder.with_name(f"{name}.jsonl") for name in ("bodies", "some", "prompts")))
    total = sum(1 for _ in read_bodies(run_folder))
    step = max(1, total // share)
    with found.bodies.open("wb") as bodies, found.some.open("wb") as some, found.prompts.open("wb") as prompts:
        for number, body in enumerate(read_bodies(run_folder)):
            bodies.write(body + b"\n")
            if number % step == 0 and number < share * step:
                some.write(body + b"\n")
                text = "\n\n".join(message["content"] for message in orjson.loads(body)["messages"])
                prompts.write(orjson.dumps(text) + b"\n")
    return found


def run_bare(name: str, endpoint: Endpoint, bodies: Path, concurrency: int) -> tuple[Measured, Counts]:
    """Let a client of `bare_clients.py` make one call for each body: what it took, and what the endpoint counted.

    Raises:
        RuntimeError: it failed, or made another number of calls.
    """
    say(f"  {name}, {concurrency} in flight …")
    endpoint.reset()
    program = Path(__file__).with_name("bare_clients.py")
    command = [sys.executable, str(program), name, endpoint.url, str(bodies), str(concurrency)]
    made = run_measured(command, bodies.parent, timeout=600)
    if made.exit_code:
        raise RuntimeError(f"{name}: {made.complaint}")
    with bodies.open("rb") as file:
        wanted = sum(1 for _ in file)
    counts = endpoint.stats()
    if not orjson.loads(made.stdout)["replies"] == counts.completions == wanted:
        raise RuntimeError(f"{name}: {counts.completions} calls for {wanted} bodies")
    return made, counts
