"""The head of the dataset card: YAML as the Hugging Face Hub and `datasets` read it. Pure.

Sources: the Hub's docs "Dataset Cards" and "Data files Configuration"; `datasets` takes files, splits and features from
it. Scalars are written as JSON strings (`formats.quote_yaml`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evol.formats import Kind, quote_yaml
from evol.mixing.cardfacts import CardFacts
from evol.mixing.options import MixOptions
from evol.mixing.rows import Source

_SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)  # fmt: skip


def render_head(facts: CardFacts, options: MixOptions, sources: list[Source]) -> str:
    """The YAML between its two lines of dashes."""
    rows = sum(count for _, _, count in facts.data_files)
    head: dict[str, Any] = {"license": options.license} if options.license else {}
    if options.language:
        head["language"] = list(options.language)
    head |= {
        "pretty_name": facts.title,
        "task_categories": ["text-generation"],
        "tags": ["synthetic", "evol-instruct"],
        "size_categories": [next((name for bound, name in _SIZES if rows < bound), "100M<n<1B")],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "source_datasets": sorted({_name_source(source) for source in sources}),
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": name} for split, name, _ in facts.data_files],
            }
        ],
        "dataset_info": {"features": [_describe_column(name, kind) for name, kind in facts.columns.items()]},
    }
    return "---\n" + "\n".join(_write_yaml(head, 0)) + "\n---"


def _name_source(source: Source) -> str:
    """Bundled seeds are original; others extend a dataset that only their file name tells of."""
    path = Path(source.manifest.seeds.path)
    if path.parent.name == "seeds" and not source.manifest.settings.get("seeds"):
        return "original"
    return f"extended|other-{path.stem}"


def _describe_column(name: str, kind: Kind) -> dict[str, Any]:
    if kind == "text":
        return {"name": name, "dtype": "string"}
    keys = ("role", "content") if kind == "messages" else ("from", "value")
    return {"name": name, "list": [{"name": key, "dtype": "string"} for key in keys]}


def _write_yaml(value: Any, depth: int) -> Iterable[str]:
    """Lines of block YAML for dicts, lists and strings."""
    indent = "  " * depth
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict | list):
                yield f"{indent}{key}:"
                yield from _write_yaml(inner, depth + isinstance(inner, dict))
            else:
                yield f"{indent}{key}: {quote_yaml(inner)}"
    else:
        for item in value:
            if isinstance(item, dict):
                first, *rest = _write_yaml(item, depth + 1)
                yield f"{indent}- {first.lstrip()}"
                yield from rest
            else:
                yield f"{indent}- {quote_yaml(item)}"
