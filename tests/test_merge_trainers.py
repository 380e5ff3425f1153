"""Every format read by its real reader: datasets, TRL, data frames; documented schemas for what installs nowhere near.

Marked `trainers`: they want gigabytes of libraries (`pip install torch==2.13.0`, then `.[trainers]`) and run in
`.ci/run`. No model and no data set is fetched: a LLaMA of one layer is made at random, and its tokenizer trained on the
spot.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from evol.formats import FORMATS
from evol.records import Completion, CompletionRequest
from scripted_runs import make_run, make_seeds, merge, read_all_rows, read_rows, reply_well

pytestmark = [pytest.mark.trainers, pytest.mark.filterwarnings("default")]  # the libraries warn about themselves

HOSTILE = 'Say "a\\b", {{x}} and </s> in 雨 \U0001f600\u2028 and\ttabs.'
COMMA_TEXT = "1,5 und\r\n\n  eingerückt; NaN, null"


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """No library may ask the network for anything, and caches go where the test's files are."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HOME", str(cache))
        patch.setenv("HF_DATASETS_CACHE", str(cache / "datasets"))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of twelve seeds and two generations, some of them with awkward characters."""

    def reply(request: CompletionRequest) -> str | Completion:
        if request.role == "responder" and request.seed_id == "s3":
            return COMMA_TEXT
        return reply_well(request)

    seeds = make_seeds(12)
    seeds[3]["instruction"] = HOSTILE
    folder = tmp_path_factory.mktemp("trainers") / "r"
    assert make_run(folder, seeds, reply, eliminator={"profile": "paper"}).exit_code == 0
    return folder


def tell_pairs(folder: Path) -> set[tuple[str, str]]:
    """Instruction and response of every row of a run."""
    return {(row["instruction"], row["response"]) for row in read_all_rows(folder)}


def read_pair(name: str, row: dict[str, Any]) -> tuple[str, str]:
    """Instruction and response of a row as a format's reader gives it."""
    match name:
        case "trl":
            return row["prompt"][-1]["content"], row["completion"][0]["content"]
        case "messages" | "axolotl" | "openai":
            return row["messages"][-2]["content"], row["messages"][-1]["content"]
        case "sharegpt":
            return row["conversations"][-2]["value"], row["conversations"][-1]["value"]
        case "parquet":
            return row["instruction"], row["response"]
        case "wizardlm":
            return row["prompt"].removesuffix("\n\n### Response:"), row["completion"]
        case _:
            return row["instruction"], row["output"]


@pytest.mark.parametrize("system", ["", "Be kind."])
@pytest.mark.parametrize("name", FORMATS)
def test_datasets_loads_every_format(tmp_path: Path, folder: Path, name: str, system: str) -> None:
    """`load_dataset` of file and of folder: every row, the features of the card, both splits, and no other column."""
    from datasets import load_dataset

    if system and FORMATS[name].system == "nowhere":
        pytest.skip("the format has no place for a system prompt")
    report = merge([folder], tmp_path / "m", name, holdout=6, system=system)
    kind = "parquet" if name == "parquet" else "json"
    alone = load_dataset(kind, data_files=str(report.out), split="train", cache_dir=str(tmp_path / "c"))
    both = load_dataset(str(tmp_path / "m"), cache_dir=str(tmp_path / "c"))
    assert set(both) == {"train", "test"}
    assert (len(both["train"]), len(both["test"]), len(alone)) == (30, 6, 30)
    assert both["train"].features == alone.features
    assert both["train"].column_names == list(FORMATS[name].columns_with(system))
    rows = [*both["train"], *both["test"]]
    assert {read_pair(name, row) for row in rows} == tell_pairs(folder)
    if system:
        assert all(system in json.dumps(row) for row in rows)


@pytest.fixture(scope="module")
def make_model(folder: Path) -> Any:
    """Makes a randomly initialised LLaMA of one layer, with a byte-level tokenizer trained on the run's own rows."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([text for pair in sorted(tell_pairs(folder)) for text in pair], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = (
        "{% for message in messages %}<s>{{ message['role'] }}\n{{ message['content'] }}</s>{% endfor %}"
        "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=1024,
    )
    return lambda: (LlamaForCausalLM(config), tokenizer)


def train(tmp_path: Path, dataset: Any, model: Any, tokenizer: Any) -> Any:
    """Two steps of TRL's SFTTrainer with its defaults, on the CPU; the trainer."""
    from trl import SFTConfig, SFTTrainer

    settings = SFTConfig(
        output_dir=str(tmp_path / "sft"),
        max_steps=2,
        per_device_train_batch_size=2,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
    )
    trainer = SFTTrainer(model=model, args=settings, train_dataset=dataset, processing_class=tokenizer)
    done = trainer.train()
    assert done.global_step == 2
    assert 0 < done.training_loss < 100
    return trainer


def read_trained_text(trainer: Any, tokenizer: Any) -> list[str]:
    """What the loss is computed on, row by row, in the first batch."""
    batch = next(iter(trainer.get_train_dataloader()))
    return [
        tokenizer.decode([token for token, label in zip(tokens, labels, strict=True) if label != -100])
        for tokens, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True)
    ]


def test_trl_trains_on_completions_alone(tmp_path: Path, folder: Path, make_model: Any) -> None:
    """The default format needs no setting: two steps run, and the loss sees the response, never the instruction."""
    from datasets import load_dataset

    merge([folder], tmp_path / "m")
    dataset = load_dataset(str(tmp_path / "m"), split="train", cache_dir=str(tmp_path / "c"))
    model, tokenizer = make_model()
    trainer = train(tmp_path, dataset, model, tokenizer)
    responses = {response for _, response in tell_pairs(folder)}
    for text in read_trained_text(trainer, tokenizer):
        assert text.removesuffix("</s>") in responses
        assert text.endswith("</s>")


@pytest.mark.parametrize("name", ["messages", "openai", "axolotl", "trl"])
def test_trl_trains_on_chats(tmp_path: Path, folder: Path, make_model: Any, name: str) -> None:
    """Message lists go through the chat template, the system prompt included."""
    from datasets import load_dataset

    merge([folder], tmp_path / "m", name, system="Be kind.")
    dataset = load_dataset(str(tmp_path / "m"), split="train", cache_dir=str(tmp_path / "c"))
    model, tokenizer = make_model()
    trainer = train(tmp_path, dataset, model, tokenizer)
    batch = next(iter(trainer.get_train_dataloader()))
    for tokens in batch["input_ids"].tolist():
        assert tokenizer.decode(tokens).startswith("<s>system\nBe kind.</s><s>user\n")


@pytest.mark.parametrize("columns", [["prompt", "completion"], ["text"], ["prompt", "completion", "text"]])
def test_trl_trains_on_the_papers_prompt(tmp_path: Path, folder: Path, make_model: Any, columns: list[str]) -> None:
    """The bare prompt with its completion, the Vicuna text, and the file as it is, of which TRL takes the pair."""
    from datasets import load_dataset

    merge([folder], tmp_path / "m", "wizardlm")
    dataset = load_dataset(str(tmp_path / "m"), split="train", cache_dir=str(tmp_path / "c")).select_columns(columns)
    model, tokenizer = make_model()
    trainer = train(tmp_path, dataset, model, tokenizer)
    pairs = tell_pairs(folder)
    for text in read_trained_text(trainer, tokenizer):
        if columns == ["text"]:
            assert any(f"USER: {asked} ASSISTANT: {said}</s>" in text for asked, said in pairs)
        else:
            assert text.removesuffix("</s>") in {said for _, said in pairs}


def test_data_frames_read_the_parquet(tmp_path: Path, folder: Path) -> None:
    """pandas, polars, DuckDB and pyarrow give the same rows, and each joins them with the lineage by id."""
    import duckdb
    import pandas
    import polars
    from pyarrow import parquet

    report = merge([folder], tmp_path / "m", "parquet")
    lineage = str(tmp_path / "m" / "mix.lineage.jsonl")
    expected = tell_pairs(folder)
    with_pandas = pandas.read_parquet(report.out).merge(pandas.read_json(lineage, lines=True), on="id")
    assert set(zip(with_pandas["instruction"], with_pandas["response"], strict=True)) == expected
    with_polars = polars.read_parquet(report.out).join(polars.read_ndjson(lineage), on="id")
    assert set(with_polars.select("instruction", "response").iter_rows()) == expected
    query = "select instruction, response, generation from read_parquet(?) join read_json(?) using (id)"
    with_duckdb = duckdb.execute(query, [str(report.out), lineage]).fetchall()
    assert {row[:2] for row in with_duckdb} == expected
    table = parquet.read_table(report.out)
    assert set(zip(table["instruction"].to_pylist(), table["response"].to_pylist(), strict=True)) == expected
    assert len(with_pandas) == with_polars.height == len(with_duckdb) == table.num_rows == 36
    assert sorted(row[2] for row in with_duckdb) == sorted(with_pandas["generation"]) == [0] * 12 + [1] * 12 + [2] * 12


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "parquet"])
def test_data_frames_read_every_json_lines_file(tmp_path: Path, folder: Path, name: str) -> None:
    """pandas, polars and DuckDB read the same number of rows and the same columns from mix, lineage and leavings."""
    import duckdb
    import pandas
    import polars

    report = merge([folder], tmp_path / "m", name, size=20)
    for path in (report.out, tmp_path / "m" / "mix.lineage.jsonl"):
        columns = list(read_rows(path)[0])
        assert list(pandas.read_json(path, lines=True).columns) == columns
        frame = polars.read_ndjson(path)
        assert (frame.columns, frame.height) == (columns, 20)
        found = duckdb.execute("select * from read_json(?, format='newline_delimited')", [str(path)])
        assert [column[0] for column in found.description or []] == columns
        assert len(found.fetchall()) == 20


def test_openai_takes_the_file(tmp_path: Path, folder: Path) -> None:
    """The rules of OpenAI's guide: UTF-8, ten examples or more, `messages` alone, known roles in order, text."""
    merge([folder], tmp_path / "m", "openai", system="Be kind.")
    content = (tmp_path / "m" / "mix.jsonl").read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf")
    rows = [json.loads(line) for line in content.decode("utf-8").split("\n")[:-1]]
    assert len(rows) >= 10
    for row in rows:
        assert list(row) == ["messages"]
        roles = [message["role"] for message in row["messages"]]
        assert roles == ["system", "user", "assistant"]
        for message in row["messages"]:
            assert set(message) == {"role", "content"}
            assert isinstance(message["content"], str)
            assert message["content"].strip()


LLAMAFACTORY_FIELDS = {
    "file_name": str, "formatting": str, "ranking": bool, "subset": str, "split": str, "folder": str,
    "num_samples": int, "columns": dict, "tags": dict,
}  # fmt: skip
LLAMAFACTORY_COLUMNS = {"prompt", "query", "response", "history", "system", "tools", "images", "videos", "audios"}
"""Fields of a local data set in `dataset_info.json`, and columns of its alpaca format (its `data/README.md`)."""


@pytest.mark.parametrize("system", ["", "Be kind."])
def test_llamafactory_knows_every_field(tmp_path: Path, folder: Path, system: str) -> None:
    """Field by field: names the documentation has, of its types; files that are there; columns that every row has."""
    merge([folder], tmp_path / "m", "llamafactory", holdout=6, system=system)
    info = json.loads((tmp_path / "m" / "dataset_info.json").read_text())
    assert {name: entry["file_name"] for name, entry in info.items()} == {
        "mix": "mix.jsonl",
        "mix_holdout": "mix.holdout.jsonl",
    }
    for entry in info.values():
        for key, value in entry.items():
            assert isinstance(value, LLAMAFACTORY_FIELDS[key])
        assert entry["formatting"] == "alpaca"
        assert entry["columns"].keys() == {"prompt", "query", "response"} | ({"system"} if system else set())
        assert entry["columns"].keys() <= LLAMAFACTORY_COLUMNS
        for row in read_rows(tmp_path / "m" / entry["file_name"]):
            assert set(entry["columns"].values()) == row.keys()
            assert all(isinstance(value, str) for value in row.values())
            assert row["instruction"]
            assert row["output"]
            assert row["input"] == ""


LLAMAFACTORY_LOADER = """
import importlib.machinery, json, sys, types
stub = types.ModuleType("torchaudio")  # imported for sound, which text has none of
stub.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
sys.modules["torchaudio"] = stub
from llamafactory.data.loader import _load_single_dataset
from llamafactory.data.parser import get_dataset_list
from llamafactory.hparams import DataArguments, ModelArguments
from transformers import Seq2SeqTrainingArguments
folder = sys.argv[1]
data = DataArguments(dataset_dir=folder, template="default", cutoff_len=64)
training = Seq2SeqTrainingArguments(output_dir=folder + "/out", use_cpu=True, report_to=[])
model = ModelArguments(model_name_or_path="x")
found = {}
for entry in get_dataset_list(["mix", "mix_holdout"], folder):
    found[entry.dataset_name] = _load_single_dataset(entry, model, data, training).to_list()
print(json.dumps(found))
"""


@pytest.mark.skipif("EVOL_LLAMAFACTORY_PYTHON" not in os.environ, reason="names a Python with LLaMA-Factory in it")
def test_llamafactorys_own_loader_reads_the_mix(tmp_path: Path, folder: Path) -> None:
    """Its parser and loader, in a virtual environment of their own, give every exchange with the system prompt."""
    merge([folder], tmp_path / "m", "llamafactory", holdout=6, system="Be kind.")
    done = subprocess.run(
        [os.environ["EVOL_LLAMAFACTORY_PYTHON"], "-c", LLAMAFACTORY_LOADER, str(tmp_path / "m")],
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: len(rows) for name, rows in found.items()} == {"mix.jsonl": 30, "mix.holdout.jsonl": 6}
    rows = [row for rows in found.values() for row in rows]
    assert {(row["_prompt"][0]["content"], row["_response"][0]["content"]) for row in rows} == tell_pairs(folder)
    assert {row["_system"] for row in rows} == {"Be kind."}


AXOLOTL_FIELDS = {
    "path": str, "split": str, "type": str, "ds_type": str, "field_messages": str, "message_property_mappings": dict,
    "roles_to_train": list, "train_on_eos": str, "data_files": list, "name": str, "chat_template": str,
    "field_system": str, "roles": dict, "drop_system_message": bool,
}  # fmt: skip
"""Fields of a data set in axolotl's config (docs "Config Reference", "Dataset Formats: Conversation")."""


def test_axolotl_knows_every_field(tmp_path: Path, folder: Path) -> None:
    """Field by field: names the documentation has, of its types and values; files and columns that are there."""
    merge([folder], tmp_path / "m", "axolotl", holdout=6, system="Be kind.")
    stanza = yaml.safe_load((tmp_path / "m" / "mix.axolotl.yaml").read_text())
    assert {key: [entry["path"] for entry in entries] for key, entries in stanza.items()} == {
        "datasets": ["mix.jsonl"],
        "test_datasets": ["mix.holdout.jsonl"],
    }
    for [entry] in stanza.values():
        for key, value in entry.items():
            assert isinstance(value, AXOLOTL_FIELDS[key])
        assert entry["type"] == "chat_template"
        assert entry["ds_type"] == "json"
        assert entry["split"] == "train"  # a file of JSON lines has this one split
        assert entry["train_on_eos"] in ("all", "turn", "last")
        assert entry["message_property_mappings"].keys() == {"role", "content"}
        for row in read_rows(tmp_path / "m" / entry["path"]):
            messages = row[entry["field_messages"]]
            assert {key for message in messages for key in message} == set(entry["message_property_mappings"].values())
            # axolotl's default roles know each of these; those trained on must occur
            assert [message["role"] for message in messages] == ["system", "user", "assistant"]
            assert set(entry["roles_to_train"]) <= {message["role"] for message in messages}


def test_alpaca_and_sharegpt_have_their_readers_keys(tmp_path: Path, folder: Path) -> None:
    """Stanford's three columns, all strings; FastChat's turns, human first, then alternating."""
    merge([folder], tmp_path / "a", "alpaca")
    for row in read_rows(tmp_path / "a" / "mix.jsonl"):
        assert list(row) == ["instruction", "input", "output"]
        assert all(isinstance(value, str) for value in row.values())
    merge([folder], tmp_path / "s", "sharegpt")
    for row in read_rows(tmp_path / "s" / "mix.jsonl"):
        assert list(row) == ["conversations"]
        assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"]
        assert all(set(turn) == {"from", "value"} for turn in row["conversations"])


def test_a_tokenizer_of_transformers_counts_for_merge(tmp_path: Path, folder: Path, make_model: Any) -> None:
    """The `tokenizer.json` that a model ships with counts as transformers itself does."""
    _, tokenizer = make_model()
    tokenizer.save_pretrained(tmp_path / "model")
    report = merge([folder], tmp_path / "m", tokenizer=tmp_path / "model" / "tokenizer.json")
    responses = [row["response"] for row in read_all_rows(folder)]
    counted = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in responses]
    told = report.as_json()["tokens"]["response"]
    assert (told["mean"], told["largest"]) == (pytest.approx(sum(counted) / 36), max(counted))


def test_the_readers_are_current() -> None:
    """What is tested against is what people install today."""
    assert int(importlib.metadata.version("trl").split(".")[0]) >= 1
    assert int(importlib.metadata.version("datasets").split(".")[0]) >= 4
