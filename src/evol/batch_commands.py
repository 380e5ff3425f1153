"""The commands around batches: where a run stands, its waiting requests as files, and results from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from evol.console import given, print_json, report_errors, say
from evol.errors import EXIT_UNFINISHED
from evol.flags import Generations, Json, Limit, Pack, RandomSeed, SeedResponses

EPILOG_EXPORT = """
\b
Begin a run and write what it asks first, then wave by wave until all is done:
  evol export-batch output --seeds seeds.jsonl --model NAME --out wave.jsonl
  vllm run-batch -i wave.jsonl -o result.jsonl --model NAME
  evol import-batch output result.jsonl
  evol export-batch output --out wave.jsonl

One file holds requests to one model, at most 50,000 and 200 MB; further files get a number: wave.2.jsonl.
"""

_Run = Annotated[Path, typer.Argument(help="Run folder.  [default: output]", show_default=False)]


def status(run: _Run = Path("output"), as_json: Json = False) -> None:
    """Show how far a run is, also while it goes on: seeds, generations, calls, cost, and the batches that are out."""
    with report_errors():
        from evol.status import find_status
        from evol.status_text import describe_status

        found = find_status(run)
        if as_json:
            print_json(found.model_dump(mode="json"))
            return
        for line in describe_status(found):
            typer.echo(line)


def export_batch(
    run: _Run = Path("output"),
    out: Annotated[Path, typer.Option(help="The file; further ones get a number.")] = Path("wave.jsonl"),
    seeds: Annotated[str | None, typer.Option(help="Begin a run, or go on, with these seeds.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of the run; flags beat it.")] = None,
    generations: Generations = None,
    limit: Limit = None,
    pack: Pack = None,
    model: Annotated[str | None, typer.Option(help="Model name, as the batch's server knows it.")] = None,
    random_seed: RandomSeed = None,
    seed_responses: SeedResponses = None,
    as_json: Json = False,
) -> None:
    """Write the requests that all open lineages wait for as batch files; sends nothing, needs no key."""
    with report_errors():
        from evol.checks import change_settings, check_again, check_run
        from evol.config import load_config
        from evol.errors import ConfigError
        from evol.pipeline import project
        from evol.pricing import find_prices
        from evol.progress import TerminalObserver
        from evol.waves import BatchFile, write_wave

        flags: dict[str, Any] = given(
            {
                "seeds": seeds,
                "generations": generations,
                "limit": limit,
                "pack": pack,
                "random_seed": random_seed,
                "seed_responses": seed_responses,
            }
        )
        if config or model is not None or not (run / "manifest.json").exists():
            models = {"models": {"default": {"model": model}}} if model is not None else {}
            checked = check_run(load_config(config, flags | models | {"out": str(run)}))
        else:
            checked = check_run(change_settings(run, flags)) if flags else check_again(run)
        if any(one.is_local for one in checked.config.models.values()):
            raise ConfigError("a batch file asks a model by its name", "give it with --model")
        files: list[BatchFile] = []
        prices = find_prices(checked.config.models, checked.config.limits)
        project(
            checked,
            TerminalObserver(quiet=True),
            lambda journal: files.extend(write_wave(checked, journal, out)),
            prices,
        )
        if as_json:
            print_json([{"file": str(file.path), "model": file.model, "requests": file.requests} for file in files])
        for file in files if not as_json else ():
            typer.echo(f"{file.path}: {file.requests:,} requests to {file.model}")
        if files:
            say(f"have them answered, then: evol import-batch {run} RESULT…")
        else:
            say(f"{run}: complete, nothing waits; next: evol merge {run} && evol stats {run}")


def import_batch(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    results: Annotated[list[Path], typer.Argument(help="Files of results and of errors.", metavar="RESULT…")],
    any_model: Annotated[
        bool, typer.Option("--any-model", help="Also replies that name another model than was asked.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read results of exported requests into the journal, all or none; the same again changes nothing.

    The outputs are written anew; after the last wave they are complete.
    """
    with report_errors():
        from evol.checks import check_again
        from evol.pipeline import project
        from evol.progress import TerminalObserver
        from evol.waves import Import, import_results

        checked = check_again(run)
        reports: list[Import] = []
        result = project(
            checked,
            TerminalObserver(quiet=True),
            lambda journal: reports.append(import_results(checked, journal, results, any_model=any_model)),
        )
        [report] = reports
        open_lineages = max((count.unfinished for count in result.manifest.counts), default=0)
        if as_json:
            print_json(
                {
                    "imported": report.imported,
                    "known": report.known,
                    "failed": report.failed,
                    "open_lineages": open_lineages,
                    "status": result.manifest.status,
                }
            )
        else:
            known = f", {report.known:,} known already" if report.known else ""
            typer.echo(f"{run}: {report.imported:,} results imported{known}, {open_lineages:,} lineages still open")
        if report.failed:
            say(f"{report.failed:,} without an outcome, which the next export asks again; {report.first_failure}")
        elif open_lineages:
            say(f"next: evol export-batch {run}")
        else:
            say(f"complete; next: evol merge {run} && evol stats {run}")
    if report.failed:
        raise typer.Exit(EXIT_UNFINISHED)
