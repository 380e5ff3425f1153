"""Precision and recall of the Eliminator on a labelled set, by rule and over all; and what the rules cost.

    python tests/benchmarks/bench_eliminator.py [--data tests/data/eliminations.jsonl] [--profile strict] [--errors]

`tests/labelled_cases.py` says what stands in the set. Each case is judged as `lineage.evolve_lineage` would.

A rule's precision: of the cases that it eliminated, how many were to be eliminated for that reason; its recall: of
those that were to be eliminated for that reason, how many were. "over all" sums the counts; "eliminated at all" asks
only whether a row was kept, whatever the reason.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from evol.config import EliminatorConfig
from evol.eliminator import check_case
from evol.packs import load_pack
from evol.records import REASONS
from labelled_cases import DATA, read_case, read_records


def show(name: str, hits: int, found: int, wanted: int) -> None:
    """One line of the table."""
    precision = f"{hits / found:.3f}" if found else "-"
    recall = f"{hits / wanted:.3f}" if wanted else "-"
    print(f"{name:24}{wanted:>8}{found:>8}{hits:>8}{precision:>11}{recall:>9}")


def main() -> None:
    """Judge every case and print the table; with --errors also every case that was judged otherwise than expected."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--profile", choices=["strict", "paper"], default="strict")
    parser.add_argument("--errors", action="store_true")
    options = parser.parse_args()
    settings = EliminatorConfig(profile=options.profile)
    labels = load_pack("general", "full", {}).labels
    records = read_records(options.data)
    wanted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    errors = []
    begun = time.process_time()
    for record in records:
        verdict = check_case(read_case(record), settings, labels)
        reason = verdict[0] if verdict else ""
        expected = record["expected"]
        wanted[expected] += 1
        found[reason] += 1
        hits[expected] += reason == expected
        if reason != expected:
            errors.append((record, reason, verdict[1] if verdict else ""))
    seconds = time.process_time() - begun
    print(f"{'reason':24}{'wanted':>8}{'found':>8}{'hits':>8}{'precision':>11}{'recall':>9}")
    for reason in REASONS:
        if wanted[reason] or found[reason]:
            show(reason, hits[reason], found[reason], wanted[reason])
    show("over all", *(sum(counts[reason] for reason in REASONS) for counts in (hits, found, wanted)))
    misses = sum(1 for record, reason, _ in errors if record["expected"] and not reason)
    eliminated, due = len(records) - found[""], len(records) - wanted[""]
    show("eliminated at all", due - misses, eliminated, due)
    print(f"{len(records)} cases, {1e6 * seconds / max(1, len(records)):.0f} µs of CPU each")
    if options.errors:
        for record, reason, detail in errors:
            print(
                f"\n{record['id']} [{record['rule']}, {record['language']}]: expected {record['expected'] or 'kept'}, ",
                end="",
            )
            print(f"got {reason or 'kept'}{f' ({detail})' if detail else ''}: {record['why']}")
            print(f"  parent:    {record['parent'][:300]!r}")
            print(f"  evolution: {record['evolution'][:300]!r}")
            print(f"  response:  {record['response'][:300]!r}")


if __name__ == "__main__":
    main()
