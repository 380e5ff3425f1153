"""The labelled set of evolutions, `data/eliminations.jsonl`: what the Eliminator should make of each.

Each line is one evolution with what the models replied: `id`, `rule` (which one the case probes), `operation`, `kind`,
`parent`, `evolution`, `evolution_finish`, `verdict` ("" where the judge was not asked), `response` ("" where the
evolution is eliminated before), `response_finish`, `expected` (a reason, or "" for kept), `language`, `why`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evol.eliminator import Case

DATA = Path(__file__).parent / "data" / "eliminations.jsonl"


def read_records(path: Path = DATA) -> list[dict[str, Any]]:
    """All lines of the set."""
    return [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]


def read_case(record: dict[str, Any]) -> Case:
    """A line of the set as the replies of one evolution.

    An empty response that ended like any other was not asked for, unless the case is about an empty one.
    """
    finish = record.get("response_finish") or "stop"
    is_asked = bool(record["response"]) or finish != "stop" or record["rule"] == "empty"
    return Case(
        operation=record["operation"],
        kind=record["kind"],
        parent=record["parent"],
        evolution=record["evolution"],
        evolution_finish=record.get("evolution_finish") or "stop",
        verdict=record.get("verdict") or "",
        response=record["response"] if is_asked else None,
        response_finish=finish,
    )
