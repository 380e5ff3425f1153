"""`evol stats --html`: a run as one HTML file that opens offline, under a policy that lets nothing in or out.

The policy allows one script and one style sheet, both ours, by their hash; nothing is loaded, evaluated or sent. Texts
of a run are escaped where they stand in the page, and data for the script otherwise, which shows them as text nodes.
The same run gives the same bytes. The first lines carry a mark, and no file without it is ever overwritten.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from evol import __version__
from evol.breadth import BreadthPlan
from evol.errors import StorageError, UsageError
from evol.files import write_atomically
from evol.markup import escape, fill_template, write_figure, write_tiles
from evol.report_data import LINEAGE_BYTES, ReportData, escape_json, gather
from evol.runfigures import RunStats

MARK = b"<!doctype html>\n<!-- evol report -->\n"
PAGE = Path(__file__).parent / "page"

_INSTALL = "install them with: pip install 'evol-instruct[report]'  (from a clone: pip install '.[report]')"

_STATUS = {
    "done": "done",
    "unfinished": "done, but some lineages could not finish",
    "budget": "stopped by its budget",
    "endpoint": "stopped: the endpoint could not be used",
    "interrupted": "interrupted",
    "in progress": "in progress while this was made",
    "killed": "killed; what its journal holds is shown",
}


@dataclass(frozen=True, slots=True)
class Written:
    """What `write_report` did.

    Attributes:
        path: of the page.
        size: in bytes.
        shown: lineages in it.
        lineages: of the run.
    """

    path: Path
    size: int
    shown: int
    lineages: int

    def describe(self) -> str:
        """One line for the user."""
        shown = f"all {self.lineages:,}" if self.shown == self.lineages else f"{self.shown:,} of {self.lineages:,}"
        return f"{self.path}: figures and {shown} lineages to read, {self.size / 1e6:.1f} MB; open it in a browser"


def write_report(
    folder: Path, path: Path, lineage_bytes: int = LINEAGE_BYTES, plan: BreadthPlan | None = None
) -> tuple[Written, RunStats]:
    """Write the report of one run, whole or not at all; the run folder is only read, but for vectors of an embedder.

    Args:
        folder: of a run in any state.
        path: of the page; replaced where it is a report already.
        lineage_bytes: of the lineages in it, at most; a larger run is sampled.
        plan: of its breadth; None: the usual one, without a model.

    Raises:
        UsageError: the libraries are missing, or another file is in the way.
        FolderError: no run's folder, damaged, or its files are not what was written.
        StorageError: the disk refused.
    """
    _require_libraries()
    _check_target(path)
    data = gather(folder, lineage_bytes, plan)
    page = make_page(data)
    write_atomically(path, page)
    return Written(path, len(page), len(data.lineages), data.lineage_count), data.stats


def make_page(data: ReportData) -> bytes:
    """The page."""
    style, script = ((PAGE / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    from evol.report_figures import make_figures  # its libraries are an extra

    figures, points = make_figures(data)
    values = {
        "policy": make_policy(style, script),
        "version": escape(__version__),
        "title": escape(Path(data.stats.folder).resolve().name),
        "style": style,
        "facts": escape(_describe_run(data)),
        "tiles": write_tiles(_make_tiles(data)),
        "figures": "\n".join(map(write_figure, figures)),
        "sample": escape(_describe_sample(data)),
        "footer": escape(
            f"Made by evol {__version__} from the run's own files. Tiles and figures count every row; map, breadth and "
            "lineages are of the samples that are named there."
        ),
        "data": _write_data(data, points).decode(),
        "script": script,
    }
    return fill_template((PAGE / "report.html").read_text(encoding="utf-8"), values).encode()


def make_policy(style: str, script: str) -> str:
    """The content security policy: nothing but this style sheet and this script, and text never becomes markup."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _require_libraries() -> None:
    missing = [name for name in ("altair", "vl_convert", "sklearn") if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"--html needs packages that are not installed ({', '.join(missing)})", _INSTALL)


def _check_target(path: Path) -> None:
    try:
        with path.open("rb") as file:
            if file.read(len(MARK)) != MARK:
                raise UsageError(f"{path}: exists and is no report of evol", "name another file, or remove it")
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}", "make it first") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else error
        raise StorageError(f"{path}: {why}", "name a file that can be written") from None


def _write_data(data: ReportData, points: list[tuple[int, int] | None]) -> bytes:
    rest = {
        "generations": data.manifest.generations,
        "skills": data.skills,
        "scores": data.scores,
        "points": points,
    }
    # the lineages are JSON already, each as it was measured for the sample
    return escape_json(orjson.dumps(rest))[:-1] + b',"lineages":[\n' + b",\n".join(data.lineages) + b"\n]}"


def _describe_run(data: ReportData) -> str:
    manifest, stats = data.manifest, data.stats
    models: dict[str, list[str]] = {}
    for role, settings in manifest.fingerprint.items():
        if isinstance(settings, dict) and "model" in settings:
            models.setdefault(str(settings["model"]), []).append(role)
    parts = [
        _STATUS.get(stats.status, stats.status),
        f"{stats.seeds:,} seeds × {manifest.generations} generations",
        *(f"{model} as {', '.join(roles)}" for model, roles in models.items()),
    ]
    if (line := data.timeline) is not None:
        begun, ended = (datetime.fromtimestamp(time, UTC) for time in (line.begun, line.ended))
        parts.append(f"{begun:%Y-%m-%d %H:%M} to {ended:%Y-%m-%d %H:%M} UTC, {_describe_seconds(line.seconds)} at work")
    return " · ".join(parts)


def _describe_seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def _describe_sample(data: ReportData) -> str:
    total, seeds = data.lineage_count, data.stats.seeds
    waiting = f" {seeds - total:,} of {seeds:,} seeds have no row yet." if seeds > total else ""
    if len(data.lineages) == total:
        return f"All {total:,} lineages, each from its seed on, the eliminated evolutions included.{waiting}"
    return (
        f"A sample: {len(data.lineages):,} of {total:,} lineages ({len(data.lineages) / total:.1%}), each whole and as "
        f"likely as any other (drawn by a hash of the seed's id), so that this file stays small.{waiting}"
    )


def _make_tiles(data: ReportData) -> list[tuple[str, object, str, bool]]:
    stats = data.stats
    evolved = [count for count in stats.generations if count.generation]
    kept = sum(count.survivors for count in evolved)
    eliminated = sum(sum(count.eliminated.values()) for count in evolved)
    unfinished = sum(count.unfinished for count in stats.generations)
    calls = sum(count.calls for count in stats.calls.values())
    requests = sum(count.attempts for count in stats.calls.values())
    inputs = sum(count.input_tokens + count.estimated_input_tokens for count in stats.calls.values())
    outputs = sum(count.output_tokens + count.estimated_output_tokens for count in stats.calls.values())
    guessed = sum(count.calls_without_usage for count in stats.calls.values())
    cost = "unknown" if stats.cost is None else f"${stats.cost:,.2f}"
    done = kept + eliminated
    return [
        ("rows", f"{kept + stats.generations[0].survivors:,}" if stats.generations else "0", "seeds included", False),
        ("evolutions kept", f"{kept:,}", f"{kept / done:.1%} of {done:,}" if done else "none made", False),
        ("eliminated", f"{eliminated:,}", "in all generations", False),
        ("unfinished", f"{unfinished:,}", "generations of seeds", False),
        (
            "nothing vanished",
            "holds" if stats.adds_up else "does not hold",
            "kept + eliminated + unfinished = seeds" + ("" if stats.adds_up else ": this is a bug"),
            not stats.adds_up,
        ),
        ("calls", f"{calls:,}", f"{requests:,} requests", False),
        ("tokens in / out", f"{_shorten(inputs)} / {_shorten(outputs)}", "estimated in part" if guessed else "", False),
        ("cost", cost, "at the run's prices" if cost != "unknown" else "no price is known", False),
    ]  # fmt: skip


def _shorten(count: int) -> str:
    for size, suffix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g}{suffix}" if count < 999.5 * size else f"{count / size:,.0f}{suffix}"
    return f"{count:,}"
