"""The rows of a run lineage by lineage, whatever state it is in, in constant memory.

The output files all stand in seed order and every lineage has a row in `generation-0.jsonl`, so walking them side by
side gives whole lineages; a run without files is replayed from its journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from evol.config import RunConfig
from evol.errors import FolderError
from evol.files import read_jsonl
from evol.folder import ELIMINATED_NAME, generation_name, read_seeds_again
from evol.journal import Journal
from evol.packs import load_pack
from evol.projection import replay_lineage
from evol.records import Manifest

LineageRows = list[dict[str, Any]]
"""Rows of one lineage, one for each generation from 0 on; those of eliminated evolutions have `reason` and `detail`."""


def read_lineages(folder: Path, manifest: Manifest) -> Iterator[LineageRows]:
    """Yield every lineage that has a row, in seed order; one that is unfinished has fewer rows than the others.

    Args:
        folder: a run folder that `stats.compute_stats` accepted; nothing is checked again.
        manifest: of this folder.

    Raises:
        FolderError: a file changed meanwhile.
    """
    return _replay(folder, manifest) if manifest.status == "running" else _walk(folder, manifest.generations)


def _replay(folder: Path, manifest: Manifest) -> Iterator[LineageRows]:
    config = RunConfig.model_validate_json(orjson.dumps(manifest.settings))
    pack = load_pack(config.pack, config.prompt_variant, config.evolver.weights)
    with Journal.open_for_reading(folder) as journal:
        for position, seed in enumerate(read_seeds_again(folder)):
            if outcomes := replay_lineage(seed, position, config, pack, journal):
                yield [outcome.row.model_dump() for outcome in outcomes]


def _walk(folder: Path, generations: int) -> Iterator[LineageRows]:
    names = [*(generation_name(number) for number in range(1, generations + 1)), ELIMINATED_NAME]
    others = [_Rows(folder / name) for name in names]
    for _, first in read_jsonl(folder / generation_name(0), FolderError, orjson.loads):
        rows = [row for other in others for row in other.take(first["seed_id"])]
        yield [first, *sorted(rows, key=lambda row: int(row["generation"]))]
    for other in others:
        other.require_end()


class _Rows:
    """The rows of one file, one lineage at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = read_jsonl(path, FolderError, orjson.loads)
        self._next: dict[str, Any] | None = None
        self._advance()

    def take(self, seed_id: str) -> Iterator[dict[str, Any]]:
        """Yield the next rows as long as they are of this seed."""
        while self._next is not None and self._next["seed_id"] == seed_id:
            yield self._next
            self._advance()

    def require_end(self) -> None:
        """Refuse a file with rows that belong to no lineage."""
        if self._next is not None:
            raise FolderError(f"{self._path}: not in seed order", "run the same `evol run` again to restore it")

    def _advance(self) -> None:
        _, self._next = next(self._rows, (0, None))
