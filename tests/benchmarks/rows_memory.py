"""Peak RSS of small and large runs, replay of a finished journal, and how long the command takes to say anything."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from statistics import median

import orjson
from measured import Measured, run_measured
from serving import Counts, serve
from settings import Settings
from table import Row
from workload import Workload, run_evol

IN_FLIGHT = 64


def measure_memory(settings: Settings) -> list[Row]:
    """Peak RSS of a large run over HTTP at zero latency, and its growth from a tenth of the seeds."""
    sizes = settings.sizes
    small, _ = _run(settings, sizes.small)
    large, counts = _run(settings, sizes.large)
    growth = large.rss_mb / small.rss_mb
    failed = small.exit_code or large.exit_code
    what = f"peak RSS, {sizes.large}; growth from {sizes.small.seeds:,} seeds"
    least, aim = "400 MB; 1.5 x", "200 MB; 1.1 x"
    if failed:
        return [Row(what, f"exit {failed}", least, aim, small.complaint if small.exit_code else large.complaint)]
    return [
        Row(
            what,
            f"{large.rss_mb:.0f} MB; {growth:.2f} x",
            least,
            aim,
            f"over HTTP: {counts.completions:,} calls in {large.seconds:,.0f} s, {counts.rate:,.0f}/s; "
            f"{small.rss_mb:.0f} MB with {sizes.small}",
        )
    ]


def measure_resume(settings: Settings) -> list[Row]:
    """Two replays of a journal: to write a finished run's lost file again, and as if the run had been killed."""
    work = settings.sizes.large
    run = settings.folder / f"run-{work.seeds}"
    if not run.exists():
        made, _ = _run(settings, work)
        if made.exit_code:
            return [Row("resume", f"exit {made.exit_code}", notes=made.complaint)]
    (run / "eliminated.jsonl").unlink()
    restored = _replay(settings, work, run, "finished run, its `eliminated.jsonl` deleted", sent=0)
    sent = undo_the_end(run)
    return [restored, _replay(settings, work, run, "run killed one call before its end", sent=sent)]


def _replay(settings: Settings, work: Workload, run: Path, state: str, *, sent: int) -> Row:
    what, least, aim = f"{state}: calls replayed a second; RSS", "10,000/s; 500 MB", "40,000/s; 300 MB"
    journal = run / "journal.jsonl"
    size = journal.stat().st_size
    with journal.open("rb") as file:
        calls = sum(line.startswith(b'{"kind":"call"') for line in file)
    with serve() as endpoint:
        made, counts = run_evol(endpoint, settings.folder, work, str(IN_FLIGHT), run.name)
    if made.exit_code or not (run / "eliminated.jsonl").exists():
        return Row(what, f"exit {made.exit_code}", least, aim, made.complaint)
    if counts.requests != sent:
        return Row(what, "-", least, aim, f"{counts.requests} requests were sent, not {sent}")
    return Row(
        what,
        f"{calls / made.seconds:,.0f}/s; {made.rss_mb:.0f} MB",
        least,
        aim,
        f"{calls:,} calls, a journal of {size / 1e9:.2f} GB, {made.seconds:.1f} s for the whole process; "
        f"{sent} requests sent",
    )


def undo_the_end(run: Path) -> int:
    """Leave what a SIGKILL before the last reply leaves: a journal without it, no outputs, a manifest that says so.

    Returns:
        Calls that are missing now.
    """
    journal = run / "journal.jsonl"
    with journal.open("r+b") as file:
        start = max(0, file.seek(0, 2) - (1 << 20))
        file.seek(start)
        file.truncate(start + file.read().rstrip(b"\n").rindex(b"\n") + 1)
    manifest = orjson.loads((run / "manifest.json").read_bytes())
    manifest |= {"status": "running", "counts": [], "calls": {}, "unfinished": [], "files": {}}
    (run / "manifest.json").write_bytes(orjson.dumps(manifest))
    for path in (*run.glob("generation-*.jsonl"), run / "eliminated.jsonl"):
        path.unlink()
    return 1


def measure_start(settings: Settings) -> list[Row]:
    """`evol --help` and the import of the package, beside a bare interpreter; the median of ten."""
    script = Path(sys.executable).with_name("evol")
    program = [str(script)] if script.exists() else [sys.executable, "-m", "evol.cli"]
    asked = {
        "`evol --help`": [*program, "--help"],
        "import of the package (`import evol`)": [sys.executable, "-c", "import evol"],
        "import of the command line (`import evol.cli`)": [sys.executable, "-c", "import evol.cli"],
        "a bare interpreter": [sys.executable, "-c", "pass"],
    }
    rows = []
    for what, command in asked.items():
        made = [run_measured(command, settings.folder) for _ in range(settings.sizes.starts + 1)][1:]
        if failed := next((one for one in made if one.exit_code), None):
            rows.append(Row(what, f"exit {failed.exit_code}", notes=failed.complaint))
            continue
        is_ours = "interpreter" not in what
        least, aim = ("0.3 s", "0.15 s") if is_ours else ("", "")
        rows.append(Row(what, f"{median(one.seconds for one in made):.3f} s", least, aim, f"median of {len(made)}"))
    return rows


def _run(settings: Settings, work: Workload) -> tuple[Measured, Counts]:
    name = f"run-{work.seeds}"
    shutil.rmtree(settings.folder / name, ignore_errors=True)
    with serve() as endpoint:
        return run_evol(endpoint, settings.folder, work, str(IN_FLIGHT), name)
