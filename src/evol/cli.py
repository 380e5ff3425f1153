"""The command line: parse, call, print. Results go to stdout, everything else to stderr; exit codes in `errors.py`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evol import __version__
from evol.errors import EXIT_SIGINT, BudgetExhausted, EvolError

if TYPE_CHECKING:
    from evol.checks import Checked
    from evol.config import RunConfig
    from evol.pipeline import RunResult

# "\b" keeps the line breaks of a paragraph
_EPILOG_RUN = """
\b
12 bundled seeds, the embedded model, no key, no network:
  evol run
OpenAI, the key comes from OPENAI_API_KEY:
  evol run seeds.jsonl --model gpt-4o-mini --limit 20
A server of your own (vLLM, SGLang, llama.cpp):
  evol run seeds.jsonl --model NAME --base-url http://localhost:8000/v1
The paper's setting; shows calls, tokens and prompts, sends and writes nothing:
  evol run seeds.jsonl --config configs/wizardlm.toml --dry-run

The same command again resumes: no call that was paid for is made again. A larger --generations, more seeds or another
elimination threshold cost only the calls that are new.

\b
Exit codes:
  0  done                               5  endpoint, key or model unusable
  2  wrong usage, config or input       6  the folder is in use
  3  some lineages could not finish     7  the folder is damaged or made
  4  the budget is used up                 with other settings
  130, 143  interrupted
"""

_EPILOG_ROOT = """
\b
With nothing else than this clone:
  evol run --generations 4 && evol merge && evol stats
With an endpoint:
  evol run seeds.jsonl --model gpt-4o-mini --dry-run
  evol run seeds.jsonl --model gpt-4o-mini
  evol merge --format trl --size 70000
"""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"evol {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="evol",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Evol-Instruct (WizardLM): evolve seed instructions with an LLM, eliminate the failures, respond to the "
        "survivors, merge a training mix."
    ),
    epilog=_EPILOG_ROOT,
)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of the command itself."""


@app.command(epilog=_EPILOG_RUN, short_help="Evolve, eliminate, respond; again resumes.")
def run(
    seeds: Annotated[
        str | None, typer.Argument(help="Seeds: JSONL, JSON array or text.  [default: 12 bundled ones]")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file; flags beat it.")] = None,
    out: Annotated[str | None, typer.Option(help="Run folder.  [default: output]")] = None,
    generations: Annotated[int | None, typer.Option(help="Generations M.  [default: 4]")] = None,
    limit: Annotated[int | None, typer.Option(help="Take the first N seeds.")] = None,
    pack: Annotated[
        str | None, typer.Option(help="Prompt pack: a bundled name or a folder.  [default: general]")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model name at the endpoint, or a .gguf file.  [default: embedded model]")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="OpenAI-compatible endpoint.  [default: OPENAI_BASE_URL, else OpenAI]")
    ] = None,
    concurrency: Annotated[
        str | None, typer.Option(help="Calls in flight, or auto: find it.  [default: auto; local model: 4]")
    ] = None,
    rpm: Annotated[float | None, typer.Option(help="Requests a minute, at most.")] = None,
    tpm: Annotated[float | None, typer.Option(help="Tokens a minute, in and out, at most.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="USD the folder may ever cost.")] = None,
    max_calls: Annotated[int | None, typer.Option(help="Requests the folder may ever send, retries included.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens the folder may ever take, in and out.")] = None,
    random_seed: Annotated[int | None, typer.Option(help="Seed of every draw.  [default: 0]")] = None,
    seed_responses: Annotated[
        str | None, typer.Option(help="keep or regenerate the responses that seeds bring.  [default: keep]")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show calls, tokens, prompts; touch nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no first evolutions.")] = False,
) -> None:
    """Evolve, eliminate, respond; the same command again resumes, and when all is done it does nothing."""
    with _report_errors():
        from evol.config import load_config

        flags = {
            "seeds": seeds,
            "out": out,
            "generations": generations,
            "limit": limit,
            "pack": pack,
            "random_seed": random_seed,
            "seed_responses": seed_responses,
            "models": {"default": _given({"model": model, "base_url": base_url})},
            "limits": _given(
                {
                    "concurrency": int(concurrency) if concurrency and concurrency.isdecimal() else concurrency,
                    "rpm": rpm,
                    "tpm": tpm,
                    "max_cost": max_cost,
                    "max_calls": max_calls,
                    "max_tokens": max_tokens,
                }
            ),
        }
        loaded = load_config(config, _given(flags))
        code = _dry_run(loaded, as_json) if dry_run else _run(loaded, as_json, quiet)
    raise typer.Exit(code)


@app.command(short_help="Write the training mix.")
def merge(
    runs: Annotated[list[Path] | None, typer.Argument(help="Run folders.  [default: output]")] = None,
    out: Annotated[Path | None, typer.Option(help="The mix.  [default: mix.jsonl in the only run]")] = None,
    format_name: Annotated[str, typer.Option("--format", help="trl, messages, alpaca or sharegpt.")] = "trl",
    size: Annotated[int | None, typer.Option(min=1, help="Uniform sample of N rows (the paper: 70000).")] = None,
    random_seed: Annotated[int, typer.Option(help="Seed of the shuffle.")] = 0,
    allow_unfinished: Annotated[
        bool, typer.Option("--allow-unfinished", help="Take a run that ended early as it is.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write the training mix: seeds and all generations, shuffled, without exact duplicates."""
    with _report_errors():
        from evol import merge as merging

        report = merging.merge(
            runs or [Path("output")], out, format_name, size, random_seed, allow_unfinished=allow_unfinished
        )
        for notice in report.notices:
            _say(notice)
        if as_json:
            _print_json(report.as_json())
            return
        by_generation = ", ".join(
            f"{count} of generation {number}" for number, count in sorted(report.generations.items())
        )
        typer.echo(f"{report.out}: {report.rows} rows in the format {format_name} ({by_generation or 'empty'})")
        if report.left_out:
            typer.echo("left out: " + ", ".join(f"{count} {why}" for why, count in sorted(report.left_out.items())))


@app.command(short_help="Show what happened, also during a run.")
def stats(
    runs: Annotated[list[Path] | None, typer.Argument(help="Run folders.  [default: output]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write figures and lineages of one run as a page to this file.")
    ] = None,
) -> None:
    """Show what happened, also while a run goes on: kept, eliminated by reason, unfinished, lengths, calls, tokens."""
    with _report_errors():
        if html is not None:
            _write_html(runs or [Path("output")], html, as_json)
            return
        from evol.stats import compute_stats

        found = [compute_stats(folder) for folder in runs or [Path("output")]]
        if as_json:
            _print_json([one.model_dump(mode="json") for one in found])
            return
        from evol.tables import print_stats

        for one in found:
            print_stats(one)


def _write_html(runs: list[Path], path: Path, as_json: bool) -> None:
    from evol.errors import UsageError
    from evol.report import write_report

    if len(runs) > 1:
        raise UsageError("--html shows one run at a time", "name one run folder")
    written, figures = write_report(runs[0], path)
    if as_json:
        _print_json([figures.model_dump(mode="json")])
        _say(written.describe())
    else:
        typer.echo(written.describe())


def _run(config: RunConfig, as_json: bool, quiet: bool) -> int:
    from evol.checks import check_run
    from evol.pipeline import RunResult
    from evol.pipeline import run as run_pipeline
    from evol.plan import plan_run
    from evol.pricing import find_prices
    from evol.progress import TerminalObserver
    from evol.seeds import SeedTally, read_seeds
    from evol.session import make_backends
    from evol.texts import describe_estimate

    checked = check_run(config)
    if checked.existing is not None and checked.is_done:
        result = RunResult(checked.existing, 0, was_done=True)
    else:
        prices = find_prices(config.models, config.limits)
        backends = make_backends(config.models, config.limits)
        seeds = read_seeds(checked.seeds_path, config.limit, SeedTally())
        estimate = plan_run(seeds, checked.seeds.count, config, checked.pack, prices).estimate
        by_label: dict[str, list[str]] = {}
        for role, backend in backends.items():
            by_label.setdefault(backend.label, []).append(role)
        for label, roles in by_label.items():
            _say(f"asking {label} ({', '.join(roles)}), {checked.seeds.count} seeds x {config.generations} generations")
        if config.evolver_model.is_local:
            _say(
                "a local model runs with short prompts, replies of at most "
                f"{config.evolver_model.sampling.max_tokens or 'unlimited'} tokens and the equality judge "
                f"{'off' if config.judge_scope == 'off' else 'on'}"
                + ("; the embedded one is for trying out, it evolves poorly" if not config.evolver_model.model else "")
            )
        _tell_left_out(checked)
        _say(describe_estimate(estimate))
        result = run_pipeline(checked, backends, TerminalObserver(quiet=quiet), prices, estimate)
    if as_json:
        _print_json(result.manifest.model_dump(mode="json") | {"exit_code": result.exit_code})
    else:
        _print_summary(result, checked)
    if result.error:
        _say(f"{'stopped' if result.exit_code == 4 else 'error'}: {result.error}")
    return result.exit_code


def _print_summary(result: RunResult, checked: Checked) -> None:
    from evol.pipeline import NOT_REACHED
    from evol.texts import describe_calls

    manifest, folder = result.manifest, checked.folder
    if result.was_done:
        typer.echo(f"{folder}: already complete, nothing to do")
    for count in manifest.counts:
        eliminated = ", ".join(f"{number} {reason}" for reason, number in count.eliminated.items())
        line = f"generation {count.generation}: {count.survivors} rows"
        line += f", {sum(count.eliminated.values())} eliminated ({eliminated})" if eliminated else ""
        line += f", {count.unfinished} unfinished" if count.unfinished else ""
        typer.echo(line)
    for lineage in [lost for lost in manifest.unfinished if lost.error != NOT_REACHED][:5]:
        _say(f"unfinished: seed {lineage.seed_id} from generation {lineage.generation} on: {lineage.error}")
    if not result.was_done:
        typer.echo(describe_calls(manifest))
    typer.echo(f"files: {folder}/generation-0.jsonl … generation-{manifest.generations}.jsonl, eliminated.jsonl")
    suffix = "" if str(folder) == "output" else f" {folder}"
    if result.exit_code == BudgetExhausted.exit_code:
        typer.echo("next: the same command with a larger limit goes on where this one stopped")
    elif result.exit_code:
        typer.echo("next: the same command again goes on where this one stopped")
    else:
        typer.echo(f"next: evol merge{suffix} && evol stats{suffix}")


def _dry_run(config: RunConfig, as_json: bool) -> int:
    import dataclasses

    from evol.checks import check_run
    from evol.journal import Journal, has_calls
    from evol.plan import plan_run
    from evol.pricing import find_prices
    from evol.seeds import SeedTally, read_seeds
    from evol.texts import describe_plan

    checked = check_run(config)
    _tell_left_out(checked)
    prices = find_prices(config.models, config.limits)
    seeds = read_seeds(checked.seeds_path, config.limit, SeedTally())
    plan = plan_run(seeds, checked.seeds.count, config, checked.pack, prices)
    journaled = 0
    if has_calls(checked.folder):
        with Journal.open_for_reading(checked.folder) as journal:
            journaled = journal.calls
    if as_json:
        estimate = plan.estimate.model_dump(mode="json")
        _print_json(dataclasses.asdict(plan) | {"estimate": estimate, "journaled_calls": journaled})
        return 0
    for line in describe_plan(plan, config.generations):
        typer.echo(line)
    if journaled:
        typer.echo(f"          {journaled:,} calls are in the journal of {checked.folder} already")
    return 0


def _tell_left_out(checked: Checked) -> None:
    if checked.tally.repeats:
        _say(f"{checked.seeds.path}: {checked.tally.repeats} exact repeats of an instruction are left out")
    if checked.tally.dropped_turns:
        _say(f"{checked.seeds.path}: {checked.tally.dropped_turns} later turns of conversations are left out")


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _print_json(value: Any) -> None:
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def _say(text: str) -> None:
    from evol.progress import clean_for_terminal

    typer.echo(f"evol: {clean_for_terminal(text)}", err=True)


@contextlib.contextmanager
def _report_errors() -> Iterator[None]:
    """A user's mistake is one sentence and an exit code; a bug keeps its traceback (exit 1)."""
    try:
        yield
    except EvolError as error:
        _say(f"error: {error}")
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_SIGINT) from None


def main() -> None:
    """Entry point of the command `evol`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character must not end a run
    app()


if __name__ == "__main__":
    main()
