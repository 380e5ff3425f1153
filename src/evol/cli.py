"""The command line: parse, call, print. Results go to stdout, everything else to stderr; exit codes in `errors.py`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evol import __version__, scaling, telling
from evol import batch_commands as batches
from evol.console import given as _given
from evol.console import given_limits, tell
from evol.console import print_json as _print_json
from evol.console import report_errors as _report_errors
from evol.console import say as _say
from evol.errors import EXIT_SIGINT
from evol.evaluation import commands as evaluating
from evol.flags import (
    BaseUrl,
    Concurrency,
    Config,
    Generations,
    Json,
    Limit,
    Model,
    Pack,
    Quiet,
    RandomSeed,
    Rpm,
    SeedResponses,
    Seeds,
    Tpm,
)
from evol.interrupts import heed_swallowed, let_go

if TYPE_CHECKING:
    from evol.records import Message

# "\b" keeps the line breaks of a paragraph
_EPILOG_RUN = """
\b
12 bundled seeds, the embedded model, no key, no network:
  evol run
OpenAI, the key comes from OPENAI_API_KEY:
  evol run seeds.jsonl --model gpt-4o-mini --limit 20
Within a day, at half the price; stop it and start it again as you like:
  evol run seeds.jsonl --model gpt-4o-mini --backend batch
A server of your own (vLLM, SGLang, llama.cpp):
  evol run seeds.jsonl --model NAME --base-url http://localhost:8000/v1
The paper's setting; shows calls, tokens and prompts, sends and writes nothing:
  evol run seeds.jsonl --config configs/wizardlm.toml --dry-run
One of four parts, each on a machine of its own; budgets and rates (--max-cost, --rpm, ...) are those of the part:
  evol run seeds.jsonl --model gpt-4o-mini --shard 1/4 --out shards/1

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

_EPILOG_SCORE = """
\b
100 rows of each generation, rated by the model that judged the run:
  evol score --sample 100
By another one, all members of a lineage in one prompt:
  evol score --joint --sample 100 --model gpt-4o
  evol stats

The ratings are scores.jsonl in the run folder; `evol stats` shows them beside the paper's figures. Exit codes are those
of `evol run`.
"""

_EPILOG_ROOT = """
\b
With nothing else than this clone:
  evol run --generations 4 && evol merge && evol stats
With an endpoint:
  evol run seeds.jsonl --model gpt-4o-mini --dry-run
  evol run seeds.jsonl --model gpt-4o-mini
  evol merge --format trl --size 70000
Is a model trained on the mix better?
  evol respond questions.jsonl --model tuned --base-url http://localhost:8000/v1 --out tuned.jsonl
  evol compare tuned.jsonl base.jsonl --model gpt-4o
"""

_EPILOG_PACKS = """
\b
The bundled packs, their operations, kinds and weights:
  evol packs
One prompt, as it would be sent for an instruction:
  evol packs show general deepen --instruction "Name three rivers."
A pack of your own, before a run with --pack ./my-pack:
  evol packs check ./my-pack
"""

_EPILOG_MERGE = """
\b
The paper's setting:
  evol merge --size 70000
For LLaMA-Factory, without near duplicates and without the questions of a benchmark:
  evol merge --format llamafactory --dedupe near --against gsm8k.jsonl --out mix
Seen before it is sent:
  evol merge --out mix --license cc-by-4.0 --push-to-hub me/my-mix --dry-run
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
    seeds: Seeds = None,
    config: Config = None,
    out: Annotated[str | None, typer.Option(help="Run folder.  [default: output]")] = None,
    generations: Generations = None,
    limit: Limit = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Part I of N (1/N to N/N) by seed id, after --limit; budgets and rates are per shard."
        ),
    ] = None,
    pack: Pack = None,
    model: Model = None,
    base_url: BaseUrl = None,
    backend: Annotated[
        str | None,
        typer.Option(help="endpoint, or batch: its Batch API, cheaper, takes hours.  [default: endpoint]"),
    ] = None,
    concurrency: Concurrency = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_cost: Annotated[float | None, typer.Option(help="USD the folder may ever cost.")] = None,
    max_calls: Annotated[int | None, typer.Option(help="Requests the folder may ever send, retries included.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens the folder may ever take, in and out.")] = None,
    random_seed: RandomSeed = None,
    seed_responses: SeedResponses = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show calls, tokens, prompts; touch nothing.")] = False,
    as_json: Json = False,
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
            "shard": shard,
            "pack": pack,
            "random_seed": random_seed,
            "seed_responses": seed_responses,
            "models": {"default": _given({"model": model, "base_url": base_url or None, "backend": backend})},
            "limits": given_limits(concurrency, rpm, tpm, max_cost, max_calls, max_tokens),
        }
        loaded = load_config(config, _given(flags))
        code = telling.dry_run(loaded, as_json) if dry_run else telling.run(loaded, as_json, quiet)
    raise typer.Exit(code)


@app.command(epilog=_EPILOG_MERGE, short_help="Write the training mix.")
def merge(
    runs: Annotated[list[Path] | None, typer.Argument(help="Run folders.  [default: output]")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The mix, or a new or empty folder.  [default: mix.jsonl in the only run]")
    ] = None,
    format: Annotated[  # noqa: A002 - the flag's name
        str, typer.Option(help="trl, messages, alpaca, sharegpt, llamafactory, axolotl, openai, parquet or wizardlm.")
    ] = "trl",
    size: Annotated[int | None, typer.Option(min=1, help="Uniform sample of N rows (the paper: 70000).")] = None,
    random_seed: Annotated[int, typer.Option(help="Seed of shuffle, sample and holdout.")] = 0,
    generations: Annotated[str, typer.Option(help="Take these alone: 1-4, or 0,2-3.", show_default=False)] = "",
    per_generation: Annotated[str, typer.Option(help='all, equal, or shares like "0:1,1:2".')] = "all",
    only: Annotated[
        list[str] | None, typer.Option(help="skill=…, language=… or operation=…; one key's values are alternatives.")
    ] = None,
    no_seeds: Annotated[bool, typer.Option("--no-seeds", help="Leave generation 0 out.")] = False,
    holdout: Annotated[int, typer.Option(min=0, help="Hold N rows out; a lineage is never split.")] = 0,
    system: Annotated[str, typer.Option(help="A system prompt for every row.", show_default=False)] = "",
    dedupe: Annotated[str, typer.Option(help="exact, near or off.")] = "exact",
    threshold: Annotated[float | None, typer.Option(help="Near: similarity across lineages.  [default: 0.7]")] = None,
    lineage_threshold: Annotated[
        float | None, typer.Option(help="Near: similarity within a lineage.  [default: 0.9]")
    ] = None,
    keep: Annotated[str, typer.Option(help="Which of several stays: deepest or earliest.")] = "deepest",
    against: Annotated[
        list[Path] | None, typer.Option(help="A benchmark to keep out: JSONL, JSON, text or parquet; repeatable.")
    ] = None,
    ngram: Annotated[int | None, typer.Option(help="Words of its n-grams: 13 or 8.  [default: 13]")] = None,
    instruction_words: Annotated[str, typer.Option(help="Window like 5-400, 5- or -400.", show_default=False)] = "",
    response_words: Annotated[str, typer.Option(help="Window like 5-400, 5- or -400.", show_default=False)] = "",
    instruction_tokens: Annotated[str, typer.Option(help="The same in tokens.", show_default=False)] = "",
    response_tokens: Annotated[str, typer.Option(help="The same in tokens.", show_default=False)] = "",
    max_tokens: Annotated[int | None, typer.Option(help="Tokens of a whole row at most.")] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="The tokenizer.json that counts.")] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Take instructions detected to be in it, like en; repeatable.")
    ] = None,
    drop_private: Annotated[
        bool, typer.Option("--drop-private", help="Leave rows with e-mail, phone or key patterns out.")
    ] = False,
    license: Annotated[  # noqa: A002 - the flag's name
        str, typer.Option(help="The license that the card names, like cc-by-4.0.", show_default=False)
    ] = "",
    push_to_hub: Annotated[
        str, typer.Option(help="Dataset repository on the Hugging Face Hub.", show_default=False)
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come out; write and send nothing.")
    ] = False,
    allow_unfinished: Annotated[
        bool, typer.Option("--allow-unfinished", help="Take a run that ended early as it is.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the training mix: seeds and all generations, shuffled, without duplicates, with card and lineage."""
    flags = dict(locals())
    with _report_errors():
        from evol import merge as merging
        from evol.mixing.options import MixOptions
        from evol.mixing.report import summarise

        wanted = {name: flags[name] for name in MixOptions.__dataclass_fields__}
        lists = {name: tuple(value or ()) for name, value in wanted.items() if name in ("only", "against", "language")}
        report = merging.merge(runs or [Path("output")], out, MixOptions(**wanted | lists))
        for notice in report.notices:
            _say(notice)
        if as_json:
            _print_json(report.as_json())
            return
        for line in summarise(report, format):
            tell(line)


@app.command(short_help="Show what happened, also during a run.")
def stats(
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Run folders; several are compared.  [default: output]")
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(help="A tokenizer.json: show lengths in tokens as well.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write figures and lineages of one run as a page to this file.")
    ] = None,
    breadth: Annotated[
        bool, typer.Option("--breadth", help="Map, clusters and Vendi score of the instructions; a page has them.")
    ] = False,
    breadth_sample: Annotated[int, typer.Option(min=1, max=5000, help="Of the lineages of N seeds.")] = 400,
    embed_model: Annotated[
        str | None,
        typer.Option(help="A model, a .gguf file or `embedded` makes embeddings.  [default: TF-IDF, no model]"),
    ] = None,
    embed_base_url: Annotated[
        str | None, typer.Option(help="Its OpenAI-compatible endpoint.  [default: OPENAI_BASE_URL, else OpenAI]")
    ] = None,
    embed_key_env: Annotated[
        str | None, typer.Option(help="The environment variable with its key.  [default: OPENAI_API_KEY]")
    ] = None,
) -> None:
    """Show what happened, at what cost, how good it is; also while a run goes on. Several runs stand side by side."""
    with _report_errors():
        folders = runs or [Path("output")]
        plan = None
        if breadth or html or embed_model or embed_base_url or embed_key_env:
            plan = telling.plan_breadth(breadth_sample, embed_model, embed_base_url, embed_key_env)
        if html is not None:
            telling.write_html(folders, html, plan, as_json)
        else:
            telling.stats(folders, tokenizer, plan, as_json)


@app.command(short_help="Read one lineage, from its seed on.")
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run folder; left out: output.")],
    row_id: Annotated[str | None, typer.Argument(metavar="ID", help="Of a row or a seed.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Show long texts whole.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lineage as JSON.")] = False,
) -> None:
    """Read one lineage: what each evolution changed, responses, eliminations with their reasons; also during a run."""
    with _report_errors():
        from evol.lookup import find_lineage

        found = find_lineage(Path("output" if row_id is None else run), run if row_id is None else row_id)
        if as_json:
            _print_json(found.model_dump(mode="json"))
        else:
            from evol.reading import print_lineage

            print_lineage(found, full=full)


@app.command(epilog=_EPILOG_SCORE, short_help="Rate how difficult the instructions are.")
def score(
    run: Annotated[Path, typer.Argument(help="Run folder.  [default: output]", show_default=False)] = Path("output"),
    joint: Annotated[
        bool, typer.Option("--joint", help="All members of a lineage in one prompt: tells them apart better.")
    ] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="N rows of each generation; with --joint N lineages.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with [models.scorer]; flags beat it.")] = None,
    model: Annotated[str | None, typer.Option(help="Who rates.  [default: the run's scorer, else its judge]")] = None,
    base_url: Annotated[
        list[str] | None, typer.Option(help="OpenAI-compatible endpoint; again for more.  [default: the run's]")
    ] = None,
    concurrency: Annotated[str | None, typer.Option(help="Calls in flight, or auto.  [default: as the run]")] = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_cost: Annotated[float | None, typer.Option(help="USD the folder may ever cost, the run included.")] = None,
    max_calls: Annotated[int | None, typer.Option(help="Requests the folder may ever send, the run included.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens the folder may ever take, the run included.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Have an LLM rate the difficulty of seeds and survivors from 1 to 10; the same command again resumes."""
    with _report_errors():
        from evol.scorechecks import check_scoring

        checked = check_scoring(
            run,
            config,
            _given({"model": model, "base_url": base_url or None}),
            given_limits(concurrency, rpm, tpm, max_cost, max_calls, max_tokens),
            "joint" if joint else "single",
            sample,
        )
        code = telling.score(checked, as_json, quiet)
    raise typer.Exit(code)


app.command(short_help="How far a run is, also during it.")(batches.status)
app.command(short_help="Requests as batch files, offline.", epilog=batches.EPILOG_EXPORT)(batches.export_batch)
app.command(short_help="Results of batch files, offline.")(batches.import_batch)
app.command(short_help="Join the shards of a run.", epilog=scaling.EPILOG_COLLECT)(scaling.collect)
app.command(short_help="Run the shards on a Ray cluster.", epilog=scaling.EPILOG_RAY)(scaling.ray)
app.command(short_help="A model's responses to test questions.", epilog=evaluating.EPILOG_RESPOND)(evaluating.respond)
app.command(short_help="Responses judged pair by pair.", epilog=evaluating.EPILOG_COMPARE)(evaluating.compare)
app.add_typer(evaluating.ballot)


packs_app = typer.Typer(
    rich_markup_mode=None,
    short_help="List, show and check prompt packs.",
    help="List the bundled prompt packs and their operations; show one prompt; check a folder of your own.",
    epilog=_EPILOG_PACKS,
)
app.add_typer(packs_app, name="packs")


@packs_app.callback(invoke_without_command=True)
def list_packs(context: typer.Context) -> None:
    """List the bundled prompt packs, unless a sub-command was named."""
    if context.invoked_subcommand is None:
        with _report_errors():
            from evol.catalog import describe_bundled

            _print_lines(describe_bundled())


@packs_app.command("show", short_help="Print one rendered prompt.")
def show_prompt(
    pack: Annotated[str, typer.Argument(help="A bundled name or a folder.")],
    operation: Annotated[str, typer.Argument(help="One of the pack's operations.")],
    instruction: Annotated[
        str | None, typer.Option(help="What is evolved.  [default: the first bundled starter seed]")
    ] = None,
    short: Annotated[bool, typer.Option("--short", help="The variant for small models.")] = False,
) -> None:
    """Print the prompt that asks for one evolution, as it would be sent."""
    with _report_errors():
        from evol.catalog import render_prompt

        shown = render_prompt(pack, operation, instruction, "short" if short else "full")
        if shown.is_fallback:
            _say(f"{operation} has no short variant in {pack}; this is the full one, which is sent in its place")
        _print_prompt(shown.messages)


@packs_app.command("check", short_help="Validate a pack's folder.")
def check_pack(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds pack.toml.")],
) -> None:
    """Validate a folder, every variant of every prompt: "ok" and what it holds, or all faults with file and line."""
    with _report_errors():
        from evol.catalog import check_folder

        found, faults = check_folder(folder)
        for fault in faults:
            _say(f"error: {fault}")
        if faults:
            raise typer.Exit(faults[0].exit_code)
        _print_lines(found)


def _print_prompt(messages: list[Message]) -> None:
    from evol.progress import clean_for_terminal

    for message in messages:
        typer.echo(f"[{message['role']}] {clean_for_terminal(message['content'])}")


def _print_lines(lines: list[str]) -> None:
    from evol.progress import clean_for_terminal

    for line in lines:
        typer.echo(clean_for_terminal(line))


def main() -> None:
    """Entry point of the command `evol`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell; its number must not become a file's
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for good
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character must not end a run
    heed_swallowed()
    try:
        app()
    except KeyboardInterrupt:  # outside of a command
        sys.exit(EXIT_SIGINT)
    finally:
        let_go()


if __name__ == "__main__":
    main()
