"""The training mix's formats: each writes only the columns its reader wants. Pure.

Sources: TRL "Dataset formats and types" (prompt-completion, conversational); OpenAI's fine-tuning guide (`messages`
alone, at least ten examples); Stanford Alpaca's README; FastChat's ShareGPT shape; LLaMA-Factory `data/README.md`
(alpaca columns, `system`, `dataset_info.json`); axolotl "Dataset formats" (`type: chat_template`); WizardLM
`train_freeform.py` (the bare instruction, a blank line and "### Response:") and FastChat's Vicuna v1.1 layout
("USER: … ASSISTANT: …</s>").
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "messages", "turns"]
"""A column: a string; a list of role and content; a list of from and value."""

OPENAI_MIN_ROWS = 10
"""OpenAI refuses a training file of fewer examples."""

_NO_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Breaks lines in YAML or cannot stand in it, and JSON leaves it as it is."""

BARE_PROMPT_END = "\n\n### Response:"
"""What WizardLM's own training prompt puts after the bare instruction."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a format is given of one row.

    Attributes:
        id: unique in the mix.
        instruction: the user's turn.
        response: the assistant's turn.
        system: the system prompt, "" for none.
    """

    id: str
    instruction: str
    response: str
    system: str = ""


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        shape: a sample as the row that is written.
        columns: names and kinds, without the system prompt's own column.
        system: where a system prompt goes: a first turn, a column `system`, or nowhere.
        suffix: of the mix's file.
        reader: who reads it, for the card.
    """

    shape: Callable[[Sample], dict[str, Any]]
    columns: dict[str, Kind]
    reader: str
    system: Literal["turn", "column", "nowhere"] = "turn"
    suffix: str = ".jsonl"

    def columns_with(self, system: str) -> dict[str, Kind]:
        """The columns as written under this system prompt."""
        return self.columns | ({"system": "text"} if system and self.system == "column" else {})


def _messages(sample: Sample) -> list[dict[str, str]]:
    asked = {"role": "user", "content": sample.instruction}
    return [{"role": "system", "content": sample.system}, asked] if sample.system else [asked]


def format_trl(sample: Sample) -> dict[str, Any]:
    """`prompt` and `completion` as message lists; TRL then trains on the completion alone."""
    return {"prompt": _messages(sample), "completion": [{"role": "assistant", "content": sample.response}]}


def format_messages(sample: Sample) -> dict[str, Any]:
    """One list of chat messages."""
    return {"messages": [*_messages(sample), {"role": "assistant", "content": sample.response}]}


def format_alpaca(sample: Sample) -> dict[str, Any]:
    """Alpaca's three columns; `input` is empty, for evolved instructions carry their own."""
    return {"instruction": sample.instruction, "input": "", "output": sample.response}


def format_llamafactory(sample: Sample) -> dict[str, Any]:
    """Alpaca's columns, and `system` where there is one."""
    return format_alpaca(sample) | ({"system": sample.system} if sample.system else {})


def format_sharegpt(sample: Sample) -> dict[str, Any]:
    """ShareGPT's conversations."""
    turns = [{"from": "human", "value": sample.instruction}, {"from": "gpt", "value": sample.response}]
    return {"conversations": [{"from": "system", "value": sample.system}, *turns] if sample.system else turns}


def format_parquet(sample: Sample) -> dict[str, Any]:
    """Plain columns for data frames; `id` joins the lineage."""
    row = {"id": sample.id, "instruction": sample.instruction, "response": sample.response}
    return row | ({"system": sample.system} if sample.system else {})


def format_wizardlm(sample: Sample) -> dict[str, Any]:
    """The paper's bare prompt with its completion, and the same exchange as Vicuna v1.1 chat text."""
    chat = f"USER: {sample.instruction} ASSISTANT: {sample.response}</s>"
    return {
        "prompt": sample.instruction + BARE_PROMPT_END,
        "completion": sample.response,
        "text": f"{sample.system} {chat}" if sample.system else chat,
    }


FORMATS: dict[str, Format] = {
    "trl": Format(format_trl, {"prompt": "messages", "completion": "messages"}, "TRL's SFTTrainer"),
    "messages": Format(format_messages, {"messages": "messages"}, "whatever reads chat messages"),
    "alpaca": Format(
        format_alpaca, {"instruction": "text", "input": "text", "output": "text"}, "Alpaca's trainers", "nowhere"
    ),
    "sharegpt": Format(format_sharegpt, {"conversations": "turns"}, "FastChat and its kin"),
    "llamafactory": Format(
        format_llamafactory, {"instruction": "text", "input": "text", "output": "text"}, "LLaMA-Factory", "column"
    ),
    "axolotl": Format(format_messages, {"messages": "messages"}, "axolotl"),
    "openai": Format(format_messages, {"messages": "messages"}, "OpenAI's fine-tuning"),
    "parquet": Format(
        format_parquet,
        {"id": "text", "instruction": "text", "response": "text"},
        "pandas, polars, DuckDB, pyarrow",
        "column",
        ".parquet",
    ),
    "wizardlm": Format(
        format_wizardlm,
        {"prompt": "text", "completion": "text", "text": "text"},
        "trainers of plain text: the paper's prompt, or Vicuna's chat",
    ),
}


def quote_yaml(text: str) -> str:
    """A text as a scalar of YAML: a string of JSON, in which no character means more to YAML than to JSON."""
    return _NO_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def describe_for_llamafactory(stem: str, names: list[str], system: str) -> bytes:
    """`dataset_info.json`: the mix and, where there is one, its holdout, as LLaMA-Factory looks them up by name.

    Args:
        stem: the mix's name without suffix.
        names: file names, the mix first.
        system: the system prompt of the rows.
    """
    columns = {"prompt": "instruction", "query": "input", "response": "output"}
    columns |= {"system": "system"} if system else {}
    keys = [stem, f"{stem}_holdout"]
    info = {
        key: {"file_name": name, "formatting": "alpaca", "columns": columns}
        for key, name in zip(keys, names, strict=False)
    }
    return json.dumps(info, indent=2, ensure_ascii=False).encode()


def describe_for_axolotl(names: list[str]) -> bytes:
    """The YAML stanza for an axolotl config; `path` is relative to where axolotl runs.

    Args:
        names: file names, the mix first, then its holdout if there is one.
    """
    lines = []
    for key, name in zip(["datasets", "test_datasets"], names, strict=False):
        lines += [
            f"{key}:",
            f"  - path: {quote_yaml(name)}",
            "    ds_type: json",
            "    split: train",
            "    type: chat_template",
            "    field_messages: messages",
            "    message_property_mappings:",
            "      role: role",
            "      content: content",
            '    roles_to_train: ["assistant"]',
            "    train_on_eos: turn",
        ]
    return "\n".join(lines).encode()
