"""The whole way once, for real: seeds → run → merge → train → respond → compare, with nothing fetched.

Marked `trainers`: it wants torch and TRL. The evolving model is the fake endpoint; what is trained is a LLaMA of one
layer, initialised at random, which a small server then serves beside its untrained self.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import Evol, read_rows
from fake_server import FakeServer
from model_server import ModelServer
from simulated_judge import read_material, write_rows
from tiny_model import make_tiny_model

pytestmark = [pytest.mark.trainers, pytest.mark.filterwarnings("default")]  # the libraries warn about themselves

RECIPES = Path(__file__).parent.parent / "configs" / "train"
TAUGHT = "Here is what matters: item"
"""How the fake endpoint begins its responses; the trained model has to pick this up."""


@pytest.fixture
def mix(evol: Evol, write_seeds: Callable[..., Path]) -> list[dict[str, Any]]:
    """The rows of a mix, made by `evol run` and `evol merge`, where the recipe looks for them."""
    assert evol.run(write_seeds(40), "--generations", "2").returncode == 0
    merged = evol.call("merge")
    assert merged.returncode == 0, merged.stderr
    rows: list[dict[str, Any]] = read_rows(evol.folder / "output" / "mix.jsonl")
    assert len(rows) > 60
    return rows


def train(folder: Path, *flags: str) -> list[dict[str, Any]]:
    """`trl sft` with the recipe, as a user runs it, on the CPU; its log."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": ""}
    command = [
        str(Path(sys.executable).parent / "trl"), "sft", "--config", str(RECIPES / "trl.yaml"),
        "--model_name_or_path", "tiny", "--bf16", "false", "--use_cpu", "true", "--logging_steps", "1", *flags,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [state] = (folder / "output" / "model").glob("checkpoint-*/trainer_state.json")
    log: list[dict[str, Any]] = orjson.loads(state.read_bytes())["log_history"]
    return [entry for entry in log if "loss" in entry]


def write_tiny_model(folder: Path, mix: list[dict[str, Any]]) -> Path:
    """The model that the recipe is given."""
    texts = [row[part][0]["content"] for row in mix for part in ("prompt", "completion")]
    return make_tiny_model(folder / "tiny", texts)


def test_the_recipe_trains_with_the_papers_settings(evol: Evol, mix: list[dict[str, Any]]) -> None:
    """TRL runs the recipe as it is: three epochs, 2e-5 falling along a cosine, 2048 tokens, loss on completions."""
    import torch

    write_tiny_model(evol.folder, mix)
    log = train(evol.folder)
    settings = torch.load(evol.folder / "output" / "model" / "training_args.bin", weights_only=False)
    assert (settings.max_length, settings.num_train_epochs, settings.learning_rate) == (2048, 3, 2e-5)
    steps = 3 * math.ceil(len(mix) / 8)
    assert len(log) == steps
    assert log[-1]["epoch"] == 3
    warmup = math.ceil(0.03 * steps)
    for step, entry in enumerate(log):
        share = (step - warmup) / (steps - warmup)
        expected = step / warmup if step < warmup else (1 + math.cos(math.pi * share)) / 2
        assert entry["learning_rate"] == pytest.approx(2e-5 * expected, abs=1e-9)
        assert 0 < entry["loss"] < 20
    assert log[-1]["loss"] < log[0]["loss"]


def test_the_loop_closes(evol: Evol, server: FakeServer, mix: list[dict[str, Any]]) -> None:
    """A model trained on the mix responds, and beats its untrained self in front of a judge who knows the lesson."""
    base = write_tiny_model(evol.folder, mix)
    # one layer that starts from nothing wants larger steps than the paper's
    log = train(evol.folder, "--learning_rate", "5e-3", "--num_train_epochs", "16")
    assert log[-1]["loss"] < log[0]["loss"] * 0.7  # the rest is digits that nobody can guess
    questions = write_rows(
        evol.folder / "questions.jsonl",
        [
            {"idx": n, "Skill": ["Math", "Roleplay"][n % 2], "Difficulty": 1 + n % 10, "Instruction": f"Describe {n}."}
            for n in range(12)
        ],
    )
    (evol.folder / "short.toml").write_text("[models.responder.sampling]\nmax_tokens = 24\n")
    with ModelServer({"base": base, "trained": evol.folder / "output" / "model"}) as served:
        for name in ("base", "trained"):
            done = evol.call(
                *("respond", questions, "--model", name, "--base-url", served.url),
                *("--config", "short.toml", "--out", f"{name}.jsonl"),
            )
            assert done.returncode == 0, done.stderr
            assert "12 responses" in done.stdout
    trained = [str(row["response"]) for row in read_rows(evol.folder / "trained.jsonl")]
    assert sum(TAUGHT in response for response in trained) >= 10
    assert not any(TAUGHT in str(row["response"]) for row in read_rows(evol.folder / "base.jsonl"))

    def judge(body: dict[str, Any]) -> str:
        _, first, second = read_material(body)
        return f"I look for what was taught.\nSCORES: {9 if TAUGHT in first else 2} {9 if TAUGHT in second else 2}"

    server.reply = judge
    done = evol.call(
        *("compare", "trained.jsonl", "base.jsonl", "--model", "j", "--base-url", server.url),
        *("--html", "verdicts.html", "--json"),
    )
    assert done.returncode == 0, done.stderr
    [pair] = orjson.loads(done.stdout)["pairs"]
    assert pair["overall"]["wins"] >= 10
    assert pair["overall"]["win_rate"]["low"] > 0.5
    assert pair["overall"]["capacity"]["value"] > 3
    assert pair["bias"]["rate"] == 0
    assert list(pair["by_skill"]) == ["Math", "Roleplay"]
    assert (evol.folder / "verdicts.html").exists()
