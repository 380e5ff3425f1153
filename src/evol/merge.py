"""The training mix: seeds and all generations of one or many runs, shuffled (WizardLM, section 3: the union, shuffled).

Made from the output files alone. The order is a hash of (random seed, row), so the same rows give the same bytes
whatever folders they came in, and `--size N` takes the first N of it: a uniform sample without replacement. Left out,
each with a count: rows without a response, generated seed responses that break a rule, exact repeats of an instruction.
Beside the mix stands `<stem>.meta.json`, which tells how it was made and marks the mix as written by evol.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from evol import __version__
from evol.draws import draw_integer
from evol.eliminator import Response, check_response
from evol.errors import FolderError, FolderInUse, UsageError
from evol.files import digest_file, is_locked, open_atomically, write_atomically
from evol.folder import check_outputs, generation_name, require_manifest
from evol.formats import FORMATS
from evol.records import Manifest
from evol.seeds import digest_instruction

MIX_NAME = "mix.jsonl"


@dataclass
class MergeReport:
    """What `merge` did.

    Attributes:
        out: the mix.
        rows: in the mix.
        available: rows that could have gone in.
        generations: rows of the mix by generation.
        left_out: counts by reason.
        notices: sentences for the user.
    """

    out: Path
    rows: int = 0
    available: int = 0
    generations: Counter[int] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    notices: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "out": str(self.out),
            "rows": self.rows,
            "available": self.available,
            "generations": {str(number): count for number, count in sorted(self.generations.items())},
            "left_out": dict(sorted(self.left_out.items())),
        }


def merge(
    runs: list[Path],
    out: Path | None,
    format_name: str = "trl",
    size: int | None = None,
    random_seed: int = 0,
    *,
    allow_unfinished: bool = False,
) -> MergeReport:
    """Write the training mix of one or many runs.

    Args:
        runs: run folders.
        out: the mix; None stands for `mix.jsonl` in the only run.
        format_name: a key of `FORMATS`.
        size: rows to sample, None for all.
        random_seed: of the shuffle.
        allow_unfinished: take runs that ended early.

    Raises:
        UsageError: unknown format, several runs without `out`, a file in the way, an unfinished run.
        FolderError: a run's files are damaged or incomplete.
        FolderInUse: a run is going on.
        StorageError: the disk refused.
    """
    if format_name not in FORMATS:
        raise UsageError(f"no format {format_name!r}", f"known are {', '.join(FORMATS)}")
    if out is None:
        if len(runs) != 1:
            raise UsageError("several runs make one mix", "name its file with --out")
        out = runs[0] / MIX_NAME
    if len({run.resolve() for run in runs}) != len(runs):
        raise UsageError("a run is named twice", "name each run once")
    report = MergeReport(out)
    manifests = {run: _check_run(run, report, allow_unfinished=allow_unfinished) for run in runs}
    if out.suffix != ".jsonl":
        raise UsageError(f"{out}: the mix is a .jsonl file", "name it like mix.jsonl")
    meta = out.with_name(f"{out.stem}.meta.json")
    replaced = _check_target(out, meta)
    write = FORMATS[format_name]
    with contextlib.ExitStack() as stack:
        entries = sorted(_collect(manifests, random_seed, report, stack).values(), key=lambda entry: entry.order)
        report.available = len(entries)
        if size is not None and size > len(entries):
            report.notices.append(f"--size {size}: only {len(entries)} rows are there, all of them are taken")
        with open_atomically(out) as writer:
            for entry in entries[:size]:
                entry.file.seek(entry.offset)
                row = orjson.loads(entry.file.readline())
                writer.write(write(row["instruction"], row["response"]))
                report.generations[row["generation"]] += 1
            report.rows = writer.rows
            about = report.as_json() | {
                "evol_version": __version__,
                "format": format_name,
                "size": size,
                "random_seed": random_seed,
                "runs": [str(run) for run in runs],
                "sha256": writer.sha256,
                "replaces_sha256": replaced,
            }
            # first, so that a kill between the two leaves a mix that is still known as ours
            write_atomically(meta, orjson.dumps(about, option=orjson.OPT_INDENT_2))
    return report


@dataclass(frozen=True, slots=True)
class _Entry:
    generation: int
    order: bytes
    file: IO[bytes]
    offset: int


def _check_run(run: Path, report: MergeReport, *, allow_unfinished: bool) -> Manifest:
    manifest = require_manifest(run)
    if manifest.status == "running":
        if is_locked(run):
            raise FolderInUse(f"{run}: a run is going on")
        raise FolderError(f"{run}: the run was killed before it wrote its files", "run the same `evol run` again")
    if manifest.status != "done":
        missing = max((count.unfinished for count in manifest.counts), default=0)
        if not allow_unfinished:
            raise UsageError(
                f"{run}: {missing} of {manifest.seeds.count} lineages are unfinished ({manifest.status})",
                "run the same `evol run` again, or take what is there with --allow-unfinished",
            )
        report.notices.append(f"{run}: {missing} of {manifest.seeds.count} lineages are unfinished")
    check_outputs(run, manifest)
    return manifest


def _check_target(out: Path, meta: Path) -> str:
    """Refuse to overwrite what evol did not write, or what was changed since; the digest of what is replaced."""
    if out.is_dir():
        raise UsageError(f"{out}: a folder", "name a file with --out")
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder", "make it first, or name another place with --out")
    if not out.exists():
        if meta.exists() and not _recorded_digests(meta):
            raise UsageError(f"{meta}: not written by evol", "move it away, or name another file with --out")
        return ""
    digest = digest_file(out)
    if digest not in _recorded_digests(meta):
        raise UsageError(
            f"{out}: not written by `evol merge`, or changed since", "move it away, or name another file with --out"
        )
    return digest


def _recorded_digests(meta: Path) -> set[str]:
    """Digests of the mix that the side file speaks of, and of the one before it."""
    try:
        about = orjson.loads(meta.read_bytes())
        return {str(about["sha256"]), str(about["replaces_sha256"])}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _collect(
    manifests: dict[Path, Manifest], random_seed: int, report: MergeReport, stack: contextlib.ExitStack
) -> dict[str, _Entry]:
    """Usable rows by digest of their instruction; of exact repeats the earliest generation's, whatever the folder."""
    kept: dict[str, _Entry] = {}
    for run, manifest in manifests.items():
        sorry_words = int(manifest.eliminator.get("sorry_words", 80))
        for generation in range(manifest.generations + 1):
            path = run / generation_name(generation)
            file = stack.enter_context(path.open("rb"))
            offset = 0
            while line := file.readline():
                here, offset = offset, offset + len(line)
                row = orjson.loads(line)
                if why := _find_fault(row, sorry_words):
                    report.left_out[why] += 1
                    continue
                entry = _Entry(generation, _draw_order(random_seed, row), file, here)
                digest = digest_instruction(row["instruction"])
                rival = kept.setdefault(digest, entry)
                if rival is not entry:
                    report.left_out["exact_duplicate"] += 1
                    if (entry.generation, entry.order) < (rival.generation, rival.order):
                        kept[digest] = entry
    return kept


def _draw_order(random_seed: int, row: dict[str, Any]) -> bytes:
    """Place of a row in the shuffle; the row's own digest breaks ties."""
    drawn = draw_integer(random_seed, "mix", row["id"], row["instruction"])
    return drawn.to_bytes(8, "big") + hashlib.sha256(row["response"].encode()).digest()[:8]


def _find_fault(row: dict[str, Any], sorry_words: int) -> str | None:
    if not row["response"].strip():
        return "no_response"
    if row["generation"] or not row["response_model"]:
        return None  # survivors have passed the rules; a seed's own response is its author's
    found = check_response(
        Response(row["instruction"], row["response"], row["finish_reason"], cut_thinking=False, sorry_words=sorry_words)
    )
    return f"seed_{found[0]}" if found else None
