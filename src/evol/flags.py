"""Flags that several commands share, each with one wording. What a budget is counted for each command says itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Seeds = Annotated[str | None, typer.Argument(help="Seeds: JSONL, JSON array or text.  [default: 12 bundled ones]")]
Config = Annotated[Path | None, typer.Option(help="TOML file; flags beat it.")]
Generations = Annotated[int | None, typer.Option(help="Generations M.  [default: 4]")]
Limit = Annotated[int | None, typer.Option(help="Take the first N seeds.")]
Pack = Annotated[str | None, typer.Option(help="Prompt pack: a bundled name or a folder.  [default: general]")]
Model = Annotated[
    str | None, typer.Option(help="Model name at the endpoint, or a .gguf file.  [default: embedded model]")
]
BaseUrl = Annotated[
    list[str] | None,
    typer.Option(help="OpenAI-compatible endpoint; again for more of them.  [default: OPENAI_BASE_URL, else OpenAI]"),
]
Concurrency = Annotated[
    str | None, typer.Option(help="Calls in flight, or auto: find it.  [default: auto; local model: 4]")
]
Rpm = Annotated[float | None, typer.Option(help="Requests a minute, at most.")]
Tpm = Annotated[float | None, typer.Option(help="Tokens a minute, in and out, at most.")]
RandomSeed = Annotated[int | None, typer.Option(help="Seed of every draw.  [default: 0]")]
SeedResponses = Annotated[
    str | None, typer.Option(help="keep or regenerate the responses that seeds bring.  [default: keep]")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
