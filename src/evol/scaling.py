"""The commands for more than one machine: `evol collect`. Parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evol import telling
from evol.console import print_json, report_errors, say

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


def collect(
    out: Annotated[Path, typer.Argument(help="The folder to be made.", show_default=False)],
    shards: Annotated[list[Path], typer.Argument(help="The folders of all shards, in any order.", show_default=False)],
    allow_unfinished: Annotated[
        bool, typer.Option("--allow-unfinished", help="Take shards that stopped early as they are.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
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
