"""Whole runs without a network, for tests of what reads a run folder: replies that depend on the request alone."""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evol.backends.scripted import ScriptedBackend
from evol.checks import check_run
from evol.config import load_config
from evol.figures import Score, ScoreMode, ScoringCount, ScoringMeta
from evol.folder import require_manifest
from evol.pipeline import run
from evol.pricing import find_prices
from evol.records import Completion, CompletionRequest
from evol.scores import list_row_files, write_scores

Script = Callable[[CompletionRequest], str | Completion]


class Silent:
    """An observer that watches nothing."""

    def notice(self, text: str) -> None:
        """Ignore."""

    def begin(self, seeds: int, totals: Mapping[Any, Any], prices: Mapping[Any, Any]) -> None:
        """Ignore."""

    def see(self, outcome: Any) -> None:
        """Ignore."""

    def finish_lineage(self) -> None:
        """Ignore."""

    def end(self) -> None:
        """Ignore."""


def parent_of(request: CompletionRequest) -> str:
    """The instruction that an evolver is asked to evolve, by the bundled pack's full prompts."""
    asked = str(json.loads(request.body)["messages"][-1]["content"])
    return asked.split("<given_instruction>\n")[1].split("\n</given_instruction>")[0]


EXTRAS = (
    "Consider case {case} and give {number} reasons.",
    "Name {number} examples from {case} as well.",
    "Say what {case} would change in {number} days.",
    "Keep it below {number} lines, {case} included.",
)


def reply_to(request: CompletionRequest) -> Completion:
    """Some evolutions are equal, unchanged, cut or answered with an excuse; most are one sentence longer."""
    draw = int.from_bytes(hashlib.sha256(request.key.encode()).digest()[:2], "big") % 100
    if request.role == "judge":
        text = "Equal" if draw < 10 else "Not Equal"
    elif request.role == "evolver":
        parent = parent_of(request)
        extra = EXTRAS[request.generation % len(EXTRAS)].format(case=request.key[:6], number=draw)
        text = parent if draw < 8 else f"<new_instruction>\n{parent} {extra}\n</new_instruction>"
    else:
        text = (
            "I am sorry, I cannot."
            if draw < 8
            else f"What matters is item {request.key}.\n\n" + " ".join(f"word{n}" for n in range(draw))
        )
    cut = request.role == "responder" and draw > 95
    return Completion(text, "length" if cut else "stop", len(request.body) // 4, len(text) // 4)


def make_run(
    folder: Path,
    seeds: Sequence[dict[str, str]],
    script: Script = reply_to,
    *,
    generations: int = 3,
    price: dict[str, float] | None = None,
) -> Path:
    """Run these seeds to their end; the run folder is `folder/run`."""
    path = folder / "seeds.jsonl"
    path.write_text("".join(json.dumps(seed) + "\n" for seed in seeds), encoding="utf-8")
    model = {"model": "scripted", "base_url": "http://127.0.0.1:1/v1"} | ({"price": price} if price else {})
    config = load_config(
        None,
        {"seeds": str(path), "out": str(folder / "run"), "generations": generations, "models": {"default": model}},
    )
    backend = ScriptedBackend(script)
    prices = find_prices(config.models, config.limits)
    result = run(
        check_run(config), {"evolver": [backend], "judge": [backend], "responder": [backend]}, Silent(), prices
    )
    assert result.exit_code == 0
    return folder / "run"


def _same(meta: ScoringMeta) -> ScoringMeta:
    return meta


def rate(run: Path, ratings: Iterable[dict[str, Any]]) -> None:
    """Put ratings beside a run as `evol score` does; each is a row of `scores.jsonl`."""
    manifest = require_manifest(run)
    by_mode: dict[ScoreMode, list[Score]] = {}
    for rating in ratings:
        score = Score.model_validate({**rating, "score": float(rating["score"])})
        by_mode.setdefault(score.mode, []).append(score)
    done: ScoreMode | None = None
    for mode, scores in by_mode.items():
        counts = Counter(str(score.generation) for score in scores)
        meta = ScoringMeta(
            model="rater",
            sample=None,
            status="done",
            counts={number: ScoringCount(rated=count, unclear=0, missing=0) for number, count in counts.items()},
            files=list_row_files(manifest),
            prompts="",
        )
        write_scores(run, mode, scores, functools.partial(_same, meta), done)
        done = mode
