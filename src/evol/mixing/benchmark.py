"""Files of `--against`: the questions of a benchmark, from JSONL, JSON, text or parquet.

A record's question is the first of its usual keys; in chats, the user's turns. Keys that name no question (ids,
choices, solutions) are not read. In a text file every line is a question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evol.errors import UsageError
from evol.files import read_jsonl, read_lines
from evol.mixing.columns import read_parquet

QUESTION_KEYS = (
    "question", "stem", "problem", "prompt", "instruction", "query", "goal", "turns", "messages", "conversations",
    "ctx", "input", "text", "content",
)  # fmt: skip
"""Where benchmarks keep what is asked, the more telling key first."""

_TEXTS = {".txt", ".text", ".md"}
_LINES = {".jsonl", ".ndjson"}


def read_questions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, question) of a benchmark file.

    Raises:
        UsageError: unreadable, not what its name says, or no question in it; `pyarrow` is not installed (parquet).
    """
    count = 0
    for place, record in _read_records(path):
        for question in find_questions(record):
            count += 1
            yield place, question
    if not count:
        raise UsageError(f"--against {path}: no questions in it", f"name the text one of {', '.join(QUESTION_KEYS)}")


def find_questions(record: Any) -> Iterator[str]:
    """The questions of one record: its own, or those of the records it holds."""
    if isinstance(record, str):
        if record.strip():
            yield record
    elif isinstance(record, list):
        for item in record:
            yield from find_questions(item)
    elif isinstance(record, dict):
        values = {str(key).lower(): value for key, value in record.items()}
        key = next((key for key in QUESTION_KEYS if _is_question(values.get(key))), None)
        if key is None:
            for value in values.values():
                inner = value if isinstance(value, list) else [value]
                yield from find_questions([item for item in inner if isinstance(item, dict)])
        elif key in ("messages", "conversations", "turns"):
            yield from _read_turns(values[key])
        elif key == "instruction" and isinstance(values.get("input"), str):
            yield f"{values[key]}\n{values['input']}"
        else:
            yield from find_questions(values[key])


def _is_question(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict | str)


def _read_turns(turns: list[Any]) -> Iterator[str]:
    for turn in turns:
        if isinstance(turn, str):
            yield turn
        elif isinstance(turn, dict) and turn.get("role", turn.get("from")) in ("user", "human"):
            text = turn.get("content", turn.get("value"))
            if isinstance(text, str):
                yield text


def _read_records(path: Path) -> Iterator[tuple[str, Any]]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from read_parquet(path, "--against")
        return
    if suffix in (".csv", ".tsv", ".xlsx", ".arrow", ".gz", ".zst", ".zip", ".pkl"):
        raise UsageError(f"--against {path}: {suffix} is not read", "convert it to JSONL, JSON, text or parquet")
    lines = read_lines(path, UsageError)
    first = next((line.lstrip("\ufeff \t")[:1] for _, line in lines if line.strip()), "")
    if suffix in _LINES or (first == "{" and suffix not in _TEXTS and _has_object_a_line(path)):
        for number, record in read_jsonl(path, UsageError, _load_json):
            yield f"{path}:{number}", record
    elif first in ("[", "{") and suffix not in _TEXTS:
        yield from _read_document(path)
    else:
        for number, line in read_lines(path, UsageError):
            yield f"{path}:{number}", line


def _has_object_a_line(path: Path) -> bool:
    """Whether a file that begins with "{" is one object a line, not one object over many."""
    first = next(line for _, line in read_lines(path, UsageError) if line.strip())
    try:
        return isinstance(_load_json(first), dict)
    except ValueError:
        return False


def _load_json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _read_document(path: Path) -> Iterator[tuple[str, Any]]:
    text = "\n".join(line for _, line in read_lines(path, UsageError))
    try:
        document = _load_json(text)
    except ValueError as error:
        raise UsageError(f"--against {path}: not valid JSON ({error})", "mend it, or use one object a line") from None
    if isinstance(document, list):
        for number, record in enumerate(document, 1):
            yield f"{path}: item {number}", record
    else:
        yield str(path), document
