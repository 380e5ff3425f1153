"""`evol merge` over a million rows: rows per second and peak RSS, each merge in a process of its own.

    python tests/benchmarks/bench_merge.py [--rows 1000000] [--folder DIR]

Builds a run folder of made-up rows with a valid manifest (200,000 seeds, four generations; one row in fifty repeats
another exactly, one in fifty nearly) and a benchmark file of 5,000 questions, a hundred of them seeds; then merges it
in several ways.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GENERATIONS = 4
OPERATIONS = ("add_constraints", "deepen", "concretize", "increase_reasoning", "complicate_input", "breadth")


def make_words(count: int) -> list[str]:
    """A vocabulary of made-up words."""
    draw = random.Random(1)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    return ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(count)]


def make_rows(seeds: int, generation: int, words: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of one generation: an instruction that grows by 15 words a generation, a response of about 170."""
    for number in range(seeds):
        draw = random.Random(number)  # the lineage's words are the same in every generation
        source = draw.randrange(number) if number % 50 in (7, 8) and number > 50 else number
        draw = random.Random(source)
        text = draw.choices(words, k=20 + 15 * GENERATIONS)[: 20 + 15 * generation]
        if number % 50 == 8:
            text[len(text) // 2] = "otherwise"
        yield {
            "id": f"s{number}.{generation}",
            "seed_id": f"s{number}",
            "generation": generation,
            "parent_id": f"s{number}.{generation - 1}" if generation else "",
            "operation": OPERATIONS[(number + generation) % 6] if generation else "seed",
            "instruction": " ".join(text),
            "response": " ".join(draw.choices(words, k=170)),
            "evolver_model": "made-up" if generation else "",
            "response_model": "made-up" if generation else "",
            "finish_reason": "stop" if generation else "",
            "input_tokens": 300,
            "output_tokens": 300,
        }


def make_folder(folder: Path, rows: int) -> None:
    """A run folder of made-up rows that `evol merge` takes for a finished run, and a benchmark file."""
    from evol.folder import ELIMINATED_NAME, generation_name, write_manifest
    from evol.records import FileDigest, GenerationCount, Manifest, SeedsSource

    folder.mkdir(parents=True, exist_ok=True)
    seeds, words, files = rows // (GENERATIONS + 1), make_words(20_000), {}
    for generation in range(GENERATIONS + 1):
        digest = hashlib.sha256()
        with (folder / generation_name(generation)).open("wb") as file:
            for row in make_rows(seeds, generation, words):
                line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
                digest.update(line)
                file.write(line)
        files[generation_name(generation)] = FileDigest(rows=seeds, sha256=digest.hexdigest())
    (folder / ELIMINATED_NAME).write_bytes(b"")
    files[ELIMINATED_NAME] = FileDigest(rows=0, sha256=hashlib.sha256().hexdigest())
    model = {"model": "made-up", "sampling": {"temperature": 1.0}}
    write_manifest(
        folder,
        Manifest(
            evol_version="0",
            status="done",
            generations=GENERATIONS,
            seeds=SeedsSource(path="made-up.jsonl", count=seeds, sha256="0"),
            settings={"random_seed": 0, "pack": "general"},
            fingerprint={"evolver": model, "responder": model},
            eliminator={"sorry_words": 80},
            counts=[GenerationCount(generation=number, survivors=seeds) for number in range(GENERATIONS + 1)],
            files=files,
        ),
    )
    write_benchmark(folder, seeds, words)


def write_benchmark(folder: Path, seeds: int, words: list[str]) -> None:
    """5,000 made-up questions, a hundred of which are seeds of the run."""
    draw = random.Random(2)
    lines = [{"question": " ".join(draw.choices(words, k=draw.randint(4, 60)))} for _ in range(4_900)]
    lines += [{"question": row["instruction"]} for row in itertools.islice(make_rows(seeds, 0, words), 100)]
    (folder / "benchmark.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


WAYS: dict[str, dict[str, Any]] = {
    "default (`trl`, exact duplicates)": {},
    "`--size 70000`": {"size": 70_000},
    "`--format parquet --holdout 10000`": {"format": "parquet", "holdout": 10_000},
    "`--dedupe near`": {"dedupe": "near"},
    "`--against` 5,000 questions": {"against": ("benchmark.jsonl",)},
}


def measure(folder: Path, way: str) -> None:
    """One merge in this process; prints its figures as JSON."""
    from evol.merge import merge
    from evol.mixing.options import MixOptions

    more = dict(WAYS[way])
    if "against" in more:
        more["against"] = tuple(folder / name for name in more["against"])
    begun = time.perf_counter()
    report = merge([folder], None, MixOptions(**more))
    seconds = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "rss_mb": used.ru_maxrss / 1024}
    print(json.dumps(found | {"rows": report.rows, "left_out": report.left_out}))


def main() -> None:
    """Build the folder, merge it in every way, print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", choices=[str(number) for number in range(len(WAYS))])
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        measure(Path(options.worker[0]), options.worker[1])
        return
    with tempfile.TemporaryDirectory() as base:
        folder = options.folder or Path(base) / "run"
        if not (folder / "manifest.json").exists():
            make_folder(folder, options.rows)
        print(
            "| merge of", f"{options.rows:,} rows | seconds | CPU seconds | rows/s | peak RSS | in the mix | left out |"
        )
        print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
        for number, way in enumerate(WAYS):
            if options.only not in (None, str(number)):
                continue
            command = [sys.executable, __file__, "--worker", str(folder), way]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            gone = ", ".join(f"{count:,} {reason}" for reason, count in found["left_out"].items()) or "-"
            rate, rss = options.rows / found["seconds"], found["rss_mb"]
            print(
                f"| {way} | {found['seconds']:.0f} | {found['cpu']:.0f} | {rate:,.0f} | {rss:.0f} MB "
                f"| {found['rows']:,} | {gone} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
