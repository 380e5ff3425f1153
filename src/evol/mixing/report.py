"""What a merge did: as values, as JSON, as lines for a reader. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evol.mixing.cardfacts import Lengths


@dataclass
class MergeReport:
    """What `merge` did.

    Attributes:
        out: the mix.
        rows: in the mix.
        holdout: rows in the holdout.
        available: rows that could have gone in.
        generations: rows of the mix by generation.
        operations: rows of the mix by operation.
        left_out: counts by reason.
        not_asked: rows that the options exclude.
        private: rows of the mix that seem to hold private data, by kind.
        lengths: of the mix, in tokens.
        files: sizes in bytes by name.
        is_dry: nothing was put in place.
        pushed: address of the commit on the Hub, or what a dry run would send.
        notices: sentences for the user.
    """

    out: Path
    rows: int = 0
    holdout: int = 0
    available: int = 0
    generations: Counter[int] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    not_asked: int = 0
    private: Counter[str] = field(default_factory=Counter)
    lengths: Lengths = field(default_factory=Lengths)
    files: dict[str, int] = field(default_factory=dict)
    is_dry: bool = False
    pushed: str = ""
    notices: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        names = ("mean", "p50", "p90", "p99", "largest")
        return {
            "out": str(self.out),
            "rows": self.rows,
            "holdout": self.holdout,
            "available": self.available,
            "generations": {str(number): count for number, count in sorted(self.generations.items())},
            "operations": dict(sorted(self.operations.items())),
            "left_out": dict(sorted(self.left_out.items())),
            "not_asked": self.not_asked,
            "private": dict(sorted(self.private.items())),
            "tokens": {
                "exact": self.lengths.is_exact,
                **{name: dict(zip(names, values, strict=True)) for name, values in self.lengths.rows.items()},
            },
        }


def summarise(report: MergeReport, format_name: str) -> list[str]:
    """The report in a few lines for a reader."""
    by_generation = ", ".join(f"{count} of generation {number}" for number, count in sorted(report.generations.items()))
    lines = [f"{report.out}: {report.rows} rows in the format {format_name} ({by_generation or 'empty'})"]
    if report.holdout:
        lines.append(f"holdout: {report.holdout} rows")
    if report.left_out:
        lines.append("left out: " + ", ".join(f"{count} {why}" for why, count in sorted(report.left_out.items())))
    if report.not_asked:
        lines.append(f"not asked for: {report.not_asked} rows")
    if report.private:
        lines.append(
            "patterns of private data: "
            + ", ".join(f"{count} {kind}" for kind, count in sorted(report.private.items()))
        )
    if report.is_dry:
        lines.append(f"dry run, nothing was written: {', '.join(sorted(report.files))}")
    elif len(report.files) > 1:
        lines.append("beside it: " + ", ".join(sorted(name for name in report.files if name != report.out.name)))
    if report.pushed:
        lines.append(report.pushed if report.is_dry else f"sent: {report.pushed}")
    return lines
