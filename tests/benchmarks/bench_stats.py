"""`evol stats` over a large run: seconds and peak RSS.

    python tests/benchmarks/bench_stats.py [--rows 250000] [--generations 4] [--folder DIR] [--tokenizer FILE]

Makes a run with the scripted double (minutes; with --folder it is kept, and made only once), its texts drawn from a
vocabulary of 20,000 words, so that little is repeated: instructions of 40 words that grow by 12 each generation,
responses of 250. Then starts the real command on it, and on a copy that looks like a killed run, which is projected.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_scripted import Silent

RESPONSE_WORDS = 250
SEED_WORDS = 40
GROWTH_WORDS = 12
WORDS = [
    f"{first}{second}{third}" for first in "bdfgklmnprst" for second in ("a", "ei", "o", "u") for third in range(417)
]


def draw_words(count: int, draw: random.Random) -> str:
    """So many words of the vocabulary."""
    return " ".join(draw.choices(WORDS, k=count))


def make_run(seeds: int, generations: int, folder: Path) -> None:
    """A whole run in this process."""
    from evol.backends.scripted import ScriptedBackend
    from evol.checks import check_run
    from evol.config import load_config
    from evol.pipeline import run
    from evol.records import CompletionRequest

    def script(request: CompletionRequest) -> str:
        draw = random.Random(request.key)
        if request.role == "judge":
            return "Equal" if draw.random() < 0.05 else "Not Equal"
        if request.role == "responder":
            return f"{draw_words(RESPONSE_WORDS, draw)}."
        prompt = json.loads(request.body)["messages"][-1]["content"]
        parent = prompt.rpartition("<given_instruction>\n")[2].partition("\n</given_instruction>")[0]
        return f"<new_instruction>\n{parent} {draw_words(GROWTH_WORDS, draw)}.\n</new_instruction>"

    path = folder / "seeds.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    path.write_text(
        "".join(
            json.dumps({"instruction": draw_words(SEED_WORDS, draw).capitalize() + "."}) + "\n" for _ in range(seeds)
        )
    )
    flags = {
        "seeds": str(path),
        "out": str(folder / "run"),
        "generations": generations,
        "models": {"default": {"model": "scripted", "base_url": "http://127.0.0.1:1/v1"}},
        "limits": {"concurrency": 64},
    }
    backend = ScriptedBackend(script)
    result = run(
        check_run(load_config(None, flags)),
        {"evolver": [backend], "judge": [backend], "responder": [backend]},
        Silent(),
    )
    assert result.exit_code == 0


def measure(name: str, *arguments: str) -> dict[str, object]:
    """Run the real command; prints a line of the table, gives its JSON."""
    begun = time.perf_counter()
    shown = subprocess.run(
        [sys.executable, __file__, "--worker", *arguments], check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - begun
    found: dict[str, object] = json.loads(shown.stdout)[0]
    cpu, rss = shown.stderr.splitlines()[-1].split()
    print(f"{name:34}{seconds:>9.1f}{float(cpu):>13.1f}{int(rss):>13}", flush=True)
    return found


def main() -> None:
    """Make the run if it is not there, measure, print a table."""
    if sys.argv[1:2] == ["--worker"]:
        from evol.cli import app

        sys.argv = ["evol", "stats", *sys.argv[2:]]
        app(standalone_mode=False)
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_utime + used.ru_stime, used.ru_maxrss >> 10, file=sys.stderr)
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=250_000)
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--tokenizer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        run = folder / "run"
        if not (run / "manifest.json").exists():
            make_run(options.rows // (options.generations + 1), options.generations, folder)
        sizes = {path.name: path.stat().st_size >> 20 for path in run.iterdir() if path.suffix == ".jsonl"}
        print(f"journal {sizes.pop('journal.jsonl')} MB, rows {sum(sizes.values())} MB")
        print(f"{'':34}{'seconds':>9}{'CPU seconds':>13}{'peak RSS MB':>13}")
        found = measure("finished run", str(run), "--json")
        if options.tokenizer:
            measure("with --tokenizer", str(run), "--json", "--tokenizer", options.tokenizer)
        projected = folder / "projected"
        projected.mkdir(exist_ok=True)
        for name in ("journal.jsonl", ".seeds.jsonl"):
            (projected / name).unlink(missing_ok=True)
            (projected / name).hardlink_to(run / name)
        manifest = json.loads((run / "manifest.json").read_bytes()) | {"status": "running", "counts": [], "files": {}}
        (projected / "manifest.json").write_text(json.dumps(manifest))
        measure("killed run, from its journal", str(projected), "--json")
        print(json.dumps(found["duplicates"]), found["speed"])


if __name__ == "__main__":
    main()
