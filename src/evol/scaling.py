"""The commands for more than one machine: `evol collect`, `evol ray`. Parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evol import telling
from evol.console import given, given_limits, print_json, report_errors, say
from evol.flags import (
    BaseUrl,
    Config,
    Generations,
    Json,
    Limit,
    Model,
    Pack,
    Quiet,
    RandomSeed,
    SeedResponses,
    Seeds,
)

# "\b" keeps the line breaks of a paragraph
EPILOG_COLLECT = """
\b
Four parts, made anywhere, joined:
  evol run seeds.jsonl --model gpt-4o-mini --shard 1/4 --out shards/1      (and so on to 4/4)
  evol collect output shards/*
  evol merge && evol stats

The joined folder is an ordinary run: `evol run seeds.jsonl --model gpt-4o-mini --generations 6` goes on with it and
pays only for what is new. The shards stay as they are; collecting them again brings the joined folder up to date,
unless it has gone on by itself. Exit codes are those of `evol run`; 3 means that some lineages are unfinished.
"""

EPILOG_RAY = """
\b
Eight shards on the cluster that this machine belongs to, or else on this machine alone:
  evol ray seeds.jsonl --shards 8 --model NAME --base-url http://HOST:8000/v1 --out /shared/output
On another cluster:
  evol ray seeds.jsonl --shards 8 --address HOST:6379 --model gpt-4o-mini --out /shared/output

The shards are OUT.shards/1-of-8 and so on, which all nodes must share; OUT is written when all have ended. The same
command again resumes: a shard whose worker or node dies is begun again by itself and pays for nothing twice. Budgets
and rates are those of each shard. Keys go from this process's environment to the workers in memory. evol must be
installed on all nodes, in the same version. Needs pip install 'evol-instruct[ray]'. Exit codes are those of `evol run`.
"""


def collect(
    out: Annotated[Path, typer.Argument(help="The folder to be made.", show_default=False)],
    shards: Annotated[list[Path], typer.Argument(help="The folders of all shards, in any order.", show_default=False)],
    allow_unfinished: Annotated[
        bool, typer.Option("--allow-unfinished", help="Take shards that stopped early as they are.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Join the shards of a run: the same files, byte for byte, as one run over all seeds would have written."""
    with report_errors():
        from evol.collect import collect as join

        result = join(out, shards, say, allow_unfinished=allow_unfinished)
        if as_json:
            print_json(result.manifest.model_dump(mode="json") | {"exit_code": result.exit_code})
        else:
            telling.print_summary(result, out)
    raise typer.Exit(result.exit_code)


def ray(
    seeds: Seeds = None,
    shards: Annotated[
        int, typer.Option(min=1, max=999_999, help="How many parts; a task of one CPU each.", show_default=False)
    ] = ...,  # type: ignore[assignment]
    address: Annotated[
        str, typer.Option(help="The cluster: auto, HOST:PORT, or local.  [default: a running one, else this machine]")
    ] = "",
    max_retries: Annotated[
        int, typer.Option(min=-1, help="How often a shard whose worker dies is begun again; -1: for ever.")
    ] = 10,
    config: Config = None,
    out: Annotated[str | None, typer.Option(help="Joined run folder.  [default: output]")] = None,
    generations: Generations = None,
    limit: Limit = None,
    pack: Pack = None,
    model: Model = None,
    base_url: BaseUrl = None,
    concurrency: Annotated[
        str | None, typer.Option(help="Calls in flight of a shard, or auto.  [default: auto; local model: 4]")
    ] = None,
    rpm: Annotated[float | None, typer.Option(help="Requests a minute of a shard, at most.")] = None,
    tpm: Annotated[float | None, typer.Option(help="Tokens a minute of a shard, in and out, at most.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="USD a shard may ever cost.")] = None,
    max_calls: Annotated[int | None, typer.Option(help="Requests a shard may ever send, retries included.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens a shard may ever take, in and out.")] = None,
    random_seed: RandomSeed = None,
    seed_responses: SeedResponses = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run the shards of a run on a Ray cluster and join them; the same command again resumes."""
    with report_errors():
        from evol.backends.endpoint import find_base_urls
        from evol.checks import check_run
        from evol.cluster import Cluster, describe_ends, run_on_cluster
        from evol.config import load_config
        from evol.errors import UsageError
        from evol.progress import ClusterBar

        flags = {
            "seeds": seeds,
            "out": out,
            "generations": generations,
            "limit": limit,
            "pack": pack,
            "random_seed": random_seed,
            "seed_responses": seed_responses,
            "models": {"default": given({"model": model, "base_url": base_url or None})},
            "limits": given_limits(concurrency, rpm, tpm, max_cost, max_calls, max_tokens),
        }
        loaded = load_config(config, given(flags))
        if loaded.shard:
            raise UsageError(f"{config}: shard = {loaded.shard!r} beside --shards", "leave one of them out")
        checked = check_run(loaded)
        models = loaded.models.values()
        asked = sorted(
            {one.name if one.is_local else f"{one.name} at {' and '.join(find_base_urls(one))}" for one in models}
        )
        seeds_told = f"{checked.seeds.count} seeds x {loaded.generations} generations"
        say(f"asking {', '.join(asked)} from {shards} shards, {seeds_told}")
        bar = ClusterBar(checked.seeds.count, shards, quiet=quiet)
        try:
            result = run_on_cluster(checked, Cluster(shards, address, max_retries), bar)
        finally:
            bar.close()
        for line in describe_ends(result.ends):
            say(line)
        if result.collected is None:
            if as_json:
                print_json({"exit_code": result.exit_code, "shards": [vars(end) for end in result.ends]})
            else:
                done = sum(end.exit_code == 0 for end in result.ends)
                typer.echo(f"{done} of {shards} shards are done: the same command again goes on where this one stopped")
        elif as_json:
            print_json(result.collected.manifest.model_dump(mode="json") | {"exit_code": result.exit_code})
        else:
            telling.print_summary(result.collected, checked.folder)
    raise typer.Exit(result.exit_code)
