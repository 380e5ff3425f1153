"""Real runs of scripted replies, and merges of them, for the tests of `evol merge`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from evol import merge as merging
from evol.backends.scripted import ScriptedBackend
from evol.calltotals import CallTotals
from evol.checks import check_run
from evol.config import load_config
from evol.mixing.options import MixOptions
from evol.mixing.report import MergeReport
from evol.pipeline import RunResult, run
from evol.records import ROLES, Completion, CompletionRequest, Outcome, Role

Script = Callable[[CompletionRequest], str | Completion]


class Silent:
    """An observer that looks away."""

    def notice(self, text: str) -> None:
        pass

    def begin(self, seeds: int, totals: Mapping[Role, CallTotals], prices: object) -> None:
        pass

    def see(self, outcome: Outcome) -> None:
        pass

    def finish_lineage(self) -> None:
        pass

    def end(self) -> None:
        pass


def reply_well(request: CompletionRequest) -> str | Completion:
    """A model whose every evolution survives."""
    if request.role == "judge":
        return Completion("Not Equal", "stop", 30, 2)
    if request.role == "evolver":
        text = f"Do {request.seed_id} in {request.generation} harder ways, é 雨."
        return Completion(f"<new_instruction>{text}</new_instruction>", "stop", 20, 10)
    asked = orjson.loads(request.body)["messages"][-1]["content"]
    return Completion(f"Response to: {asked}", "stop", 5, 7)


def make_run(folder: Path, seeds: list[dict[str, Any]], script: Script = reply_well, **flags: Any) -> RunResult:
    """A real run of scripted replies in a folder of its own."""
    path = folder.with_suffix(".seeds.jsonl")
    path.write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    given_flags = {"seeds": str(path), "out": str(folder), "generations": 2, "models": {"default": {"model": "m"}}}
    backend = ScriptedBackend(script)
    return run(check_run(load_config(None, given_flags | flags)), {key: [backend] for key in ROLES}, Silent())


def make_seeds(count: int, prefix: str = "s") -> list[dict[str, Any]]:
    """Seeds without responses."""
    return [{"id": f"{prefix}{n}", "instruction": f"Do {prefix}{n}."} for n in range(count)]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def read_all_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of all generations."""
    return [row for path in sorted(folder.glob("generation-*.jsonl")) for row in read_rows(path)]


def merge(
    runs: list[Path],
    out: Path | None = None,
    format_name: str = "trl",
    size: int | None = None,
    random_seed: int = 0,
    **more: Any,
) -> MergeReport:
    """`evol merge` with the flags given by name."""
    return merging.merge(runs, out, MixOptions(format=format_name, size=size, random_seed=random_seed, **more))


def make_told_run(folder: Path, lineages: dict[str, list[str]], responses: dict[str, str] | None = None) -> Path:
    """A real run in which seed `k` is `lineages[k][0]` and its generation n is `lineages[k][n]`.

    Args:
        folder: of the run.
        lineages: instructions by seed id, all of one length.
        responses: by instruction; others get one of their own.
    """
    depth = len(next(iter(lineages.values()))) - 1

    def reply(request: CompletionRequest) -> str | Completion:
        if request.role == "evolver":
            return f"<new_instruction>{lineages[request.seed_id][request.generation]}</new_instruction>"
        if request.role == "responder":
            asked = orjson.loads(request.body)["messages"][-1]["content"]
            return (responses or {}).get(
                asked, f"Response to: {asked}" if asked[-1:] != "?" else f"Response to: {asked} So."
            )
        return reply_well(request)

    seeds = [{"id": name, "instruction": texts[0]} for name, texts in lineages.items()]
    assert make_run(folder, seeds, reply, generations=depth).exit_code == 0
    assert len(read_all_rows(folder)) == sum(map(len, lineages.values()))
    return folder
