"""A judge whose truth and whose bias are known: it reads the real prompt, and prefers what stands first at times.

Each response carries its quality in its text, so the judge knows which one is better; `bias` is the share of readings
in which it names whoever stands first without looking. All draws are hashes of question and order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from evol.draws import draw_fraction
from fake_server import last_message

_MATERIAL = re.compile(
    r"^(?P<fence>=+\[\w+\]) instruction\n(?P<instruction>.*?)\n(?P=fence) first response\n(?P<first>.*?)\n"
    r"(?P=fence) second response\n(?P<second>.*?)\n(?P=fence) end$",
    re.DOTALL | re.MULTILINE,
)


def read_material(body: dict[str, Any]) -> tuple[str, str, str]:
    """Instruction, first and second response of a request to the judge."""
    match = _MATERIAL.search(last_message(body))
    assert match, last_message(body)
    return match["instruction"], match["first"], match["second"]


def read_quality(response: str) -> float:
    """What a made-up response is worth."""
    match = re.search(r"quality (\d+(?:\.\d+)?)", response)
    return float(match[1]) if match else 1.0


def make_judge(bias: float = 0.0, seed: int = 0) -> Callable[[dict[str, Any]], str]:
    """A judge for `FakeServer.reply`.

    Args:
        bias: share of readings in which it names whoever stands first.
        seed: of the draws.
    """

    def reply(body: dict[str, Any]) -> str:
        instruction, first, second = read_material(body)
        if draw_fraction(seed, "bias", instruction, first) < bias:
            return "The first one looks better to me.\nSCORES: 9 3"
        scores = (min(10.0, max(1.0, read_quality(text))) for text in (first, second))
        return "I weighed both.\nSCORES: {:g} {:g}".format(*scores)

    return reply


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A JSONL file."""
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def write_rivals(folder: Path, qualities: dict[str, list[float]], **more: list[Any]) -> list[Path]:
    """One response file for each rival, with a response of each quality; `more` are further columns of all files.

    Args:
        folder: where.
        qualities: by the file's stem.
        more: by column, one value for each question.
    """
    paths = []
    for name, values in qualities.items():
        rows = [
            {"id": str(n), "instruction": f"Task {n}.", "response": f"{name} gives quality {value:g} to task {n}."}
            | {column: found[n] for column, found in more.items()}
            for n, value in enumerate(values)
        ]
        paths.append(write_rows(folder / f"{name}.jsonl", rows))
    return paths
