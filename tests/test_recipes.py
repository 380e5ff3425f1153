"""The recipes in configs/train say what the paper says, in the words of each trainer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from conftest import Evol, read_rows

RECIPES = Path(__file__).parent.parent / "configs" / "train"


def read(name: str) -> dict[str, Any]:
    """A recipe."""
    found: dict[str, Any] = yaml.safe_load((RECIPES / name).read_text())
    return found


@pytest.mark.parametrize(
    ("name", "rate", "scheduler", "epochs", "tokens"),
    [
        ("trl.yaml", "learning_rate", "lr_scheduler_type", "num_train_epochs", "max_length"),
        ("axolotl.yaml", "learning_rate", "lr_scheduler", "num_epochs", "sequence_len"),
        ("llamafactory.yaml", "learning_rate", "lr_scheduler_type", "num_train_epochs", "cutoff_len"),
    ],
)
def test_every_recipe_has_the_papers_settings(name: str, rate: str, scheduler: str, epochs: str, tokens: str) -> None:
    """Learning rate 2e-5 as a number (YAML reads 2e-5 as text), cosine, 3 epochs, 2048 tokens."""
    found = read(name)
    assert (found[rate], found[scheduler], found[epochs], found[tokens]) == (2e-5, "cosine", 3, 2048)


AXOLOTL = {
    "base_model": str, "chat_template": str, "output_dir": str, "datasets": list, "dataset_prepared_path": str,
    "val_set_size": int, "learning_rate": float, "lr_scheduler": str, "optimizer": str, "warmup_ratio": float,
    "weight_decay": int, "num_epochs": int, "sequence_len": int, "sample_packing": bool, "micro_batch_size": int,
    "gradient_accumulation_steps": int, "gradient_checkpointing": bool, "bf16": str, "logging_steps": int,
    "saves_per_epoch": int, "save_total_limit": int, "seed": int,
}  # fmt: skip
AXOLOTL_DATASET = {
    "path": str, "ds_type": str, "type": str, "field_messages": str, "message_property_mappings": dict,
    "roles_to_train": list, "train_on_eos": str,
}  # fmt: skip
LLAMAFACTORY = {
    "model_name_or_path": str, "template": str, "output_dir": str, "stage": str, "do_train": bool,
    "finetuning_type": str, "dataset_dir": str, "dataset": str, "cutoff_len": int, "learning_rate": float,
    "lr_scheduler_type": str, "warmup_ratio": float, "num_train_epochs": float, "per_device_train_batch_size": int,
    "gradient_accumulation_steps": int, "bf16": bool, "logging_steps": int, "save_strategy": str,
    "save_total_limit": int, "report_to": str, "seed": int,
}  # fmt: skip
"""Keys and types of the two trainers' documented settings that the recipes use."""


@pytest.mark.parametrize(("name", "known"), [("axolotl.yaml", AXOLOTL), ("llamafactory.yaml", LLAMAFACTORY)])
def test_every_key_is_documented(name: str, known: dict[str, type]) -> None:
    """A misspelt key would be passed over by the trainer, or stop it."""
    found = read(name)
    assert {key: type(value) for key, value in found.items()} == known


def test_recipes_read_what_merge_writes(evol: Evol, write_seeds: Callable[..., Path]) -> None:
    """Each recipe finds the mix where `evol merge` puts it, in the columns of the trainer's own format."""
    assert evol.run(write_seeds(6), "--generations", "1").returncode == 0

    def merge(name: str) -> dict[str, Any]:
        """The first row of a mix in a format."""
        assert evol.call("merge", "--format", name).returncode == 0
        row: dict[str, Any] = read_rows(evol.folder / "output" / "mix.jsonl")[0]
        return row

    [dataset] = read("trl.yaml")["datasets"]
    row = merge("trl")
    assert (dataset["path"], dataset["data_files"]) == ("json", "output/mix.jsonl")
    assert list(row) == ["prompt", "completion"]
    [dataset] = read("axolotl.yaml")["datasets"]
    row = merge("axolotl")
    assert {key: type(value) for key, value in dataset.items()} == AXOLOTL_DATASET
    assert (dataset["path"], list(row)) == ("output/mix.jsonl", [dataset["field_messages"]])
    assert all(list(turn) == list(dataset["message_property_mappings"]) for turn in row["messages"])
    recipe = read("llamafactory.yaml")
    row = merge("llamafactory")
    folder = evol.folder / recipe["dataset_dir"]
    entry = orjson.loads((folder / "dataset_info.json").read_bytes())[recipe["dataset"]]
    assert (folder / entry["file_name"]).is_file()
    assert set(entry["columns"].values()) == set(row)
