"""Mutation testing with mutmut: how many small changes to a module do its tests notice?

    pip install mutmut==3.8.0 'pytest<9.1'    # in an environment of its own: newer ones do not go together
    python tests/benchmarks/mutants.py [AREA …] [--keep DIR] [--show]

Areas are eliminator, elimination (what it rests on), journal, gateway, merge and mixing (what it rests on); all unless
named. Each is mutated in a copy of the project, tried by its own tests in process, and judged by `mutmut results`:
`mutmut run` ends with 0 also where mutants survive. Prints a table; `--show` prints the difference of every mutant that
was not killed. With `--keep DIR` the copies stay, and what was tried there is not tried again unless its code changed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
COPIED = ("src", "tests", "prompts", "seeds", "configs", "pyproject.toml", "README.md")
MUTMUT = str(Path(sys.executable).parent / "mutmut")  # started as a module it counts no test at all
SHOW = "import sys; from mutmut.__main__ import show; [show.callback(name) for name in sys.argv[1:]]"  # all at once
KILLED = ("killed", "timeout", "segfault", "caught by type check")
"""Statuses that mean that the tests noticed; a mutant without end is noticed by whoever waits for it."""


@dataclass(frozen=True)
class Area:
    """What is mutated, and what may notice.

    Attributes:
        sources: modules below `src/evol`.
        tests: files below `tests`.
        passed_over: tests that start processes, which mutmut cannot follow, or take long; words for pytest's -k.
    """

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    passed_over: str = ""


SLOW_RULE_TESTS = "linear_time or depend_on_the_process or can_be_judged or can_be_parsed or are_total"
AREAS = {
    "eliminator": Area(
        ("eliminator.py", "elimination/paper.py", "elimination/rules.py"),
        (
            *("test_eliminator.py", "test_labelled_cases.py", "test_paper_rules.py"),
            *("test_rule_edges.py", "test_rules.py"),
        ),
        SLOW_RULE_TESTS,
    ),
    "elimination": Area(
        tuple(f"elimination/{name}.py" for name in ("answered", "loops", "materials", "texts")),
        (
            *("test_answered.py", "test_eliminator.py", "test_labelled_cases.py", "test_loops.py"),
            *("test_materials.py", "test_paper_rules.py", "test_rule_edges.py", "test_rules.py"),
        ),
        SLOW_RULE_TESTS,
    ),
    "journal": Area(("journal.py",), ("test_journal.py", "test_journal_disk.py", "test_journal_records.py")),
    "gateway": Area(
        ("gateway.py", "accounts.py"),
        (
            *("test_gateway.py", "test_gateway_batches.py", "test_gateway_endpoints.py"),
            *("test_gateway_refusals.py", "test_gateway_waits.py"),
        ),
    ),
    "merge": Area(
        ("merge.py",),
        ("test_merge_card.py", "test_merge_choice.py", "test_merge_gates.py"),
        "pushed_in_one_commit or push_that_fails",
    ),
    "mixing": Area(
        tuple(
            f"mixing/{name}.py"
            for name in (
                *("choosing", "columns", "contamination", "duplicates", "gates"),
                *("near", "options", "outputs", "rows", "writing"),
            )
        ),
        (
            *("test_merge_against.py", "test_merge_choice.py", "test_merge_duplicates.py", "test_merge_formats.py"),
            *("test_merge_gates.py", "test_merge_options.py", "test_merge_outputs.py", "test_merge_parts.py"),
        ),
        "kill_at_any_step or many_runs_need or sample_is_uniform or never_repeats or what_stays_has_no_copy",
    ),
}


def copy_project(area: Area, folder: Path) -> None:
    """Bring the copy up to date, with mutmut's settings in its pyproject.toml."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "benchmarks"))
        else:
            shutil.copy2(source, target)
    passed_over = ["-k", f"not ({area.passed_over})"] if area.passed_over else []
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/evol/{name}" for name in area.sources],
        "also_copy": [name for name in COPIED if name not in ("src", "tests", "pyproject.toml")],
        "pytest_add_cli_args": ["-p", "no:randomly", "-x", "-q", *passed_over],
        "pytest_add_cli_args_test_selection": [f"tests/{name}" for name in area.tests],
    }
    lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
    with (folder / "pyproject.toml").open("a") as file:
        file.write("\n[tool.mutmut]\n" + "".join(lines) + "track_dependencies = false\n")


def mutate(folder: Path, jobs: int) -> dict[str, str]:
    """Run mutmut; the status of each mutant by its name."""
    mutated = folder / "mutants" / "src"
    mutated.mkdir(parents=True, exist_ok=True)  # a path that is not there when Python starts is never looked at again
    environment = {**os.environ, "PYTHONPATH": str(mutated)}
    with (folder / "mutmut.log").open("w") as log:
        command = [MUTMUT, "run", "--max-children", str(jobs)]
        subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log, check=False)
    command = [MUTMUT, "results", "--all", "true"]
    listed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    pairs = (line.strip().rpartition(": ") for line in listed.stdout.splitlines() if ": " in line)
    return {name: status for name, _, status in pairs}


def print_row(name: str, statuses: dict[str, str]) -> None:
    """Share of mutants that were noticed, and what became of the others."""
    counts = Counter(statuses.values())
    killed = sum(counts[status] for status in KILLED)
    others = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()) if status not in KILLED)
    share = killed / len(statuses) if statuses else 0.0
    print(f"| {name} | {len(statuses):,} | {killed:,} | {share:.1%} | {others} |", flush=True)


def main() -> None:
    """Mutate, try, print."""
    parser = argparse.ArgumentParser(description="Mutation testing of five areas; prints one table.")
    parser.add_argument("areas", nargs="*", default=list(AREAS), metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--keep", type=Path, help="a folder for the copies, which stay")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--show", action="store_true", help="also the mutants that were not killed")
    options = parser.parse_args()
    if unknown := set(options.areas) - set(AREAS):
        parser.error(f"no such area: {', '.join(sorted(unknown))}; there are {', '.join(AREAS)}")
    print("| area | mutants | killed | share | others |\n| --- | ---: | ---: | ---: | --- |", flush=True)
    left = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.areas:
            folder = (options.keep or Path(temporary)).absolute() / name
            folder.mkdir(parents=True, exist_ok=True)
            copy_project(AREAS[name], folder)
            statuses = mutate(folder, options.jobs)
            if not statuses:
                sys.exit(f"{name}: mutmut tried nothing:\n{(folder / 'mutmut.log').read_text()[-3000:]}")
            print_row(name, statuses)
            left.append((folder, [mutant for mutant, status in statuses.items() if status not in KILLED]))
        for folder, mutants in left if options.show else []:
            subprocess.run([sys.executable, "-c", SHOW, *mutants], cwd=folder, check=False)


if __name__ == "__main__":
    main()
