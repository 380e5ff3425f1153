"""The rows of a finished run, lineage by lineage, in constant memory.

All output files stand in seed order, so that reading them side by side gives each lineage as a whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from evol.errors import FolderError
from evol.files import open_plain
from evol.folder import ELIMINATED_NAME, generation_name

RowDict = dict[str, Any]
"""A row as it stands in a file: the columns of `records.Row`, those of `records.EliminatedRow` if it was eliminated."""


def read_lineages(folder: Path, generations: int, *, with_eliminated: bool = True) -> Iterator[list[RowDict]]:
    """Yield the rows of each seed that has any, by generation; the caller has checked the files (`check_outputs`).

    Args:
        folder: the run folder.
        generations: M.
        with_eliminated: whether eliminated evolutions are among them.

    Raises:
        FolderError: a file cannot be read, or the files do not hang together.
    """
    names = [generation_name(number) for number in range(generations + 1)]
    if with_eliminated:
        names.append(ELIMINATED_NAME)
    with contextlib.ExitStack() as stack:
        first, *others = (_Reader(stack, folder / name) for name in names)
        while first.row is not None:
            seed_id = first.row["seed_id"]
            rows = [row for reader in (first, *others) for row in reader.take(seed_id)]
            rows.sort(key=lambda row: row["generation"])
            yield rows
        for reader in others:
            if reader.row is not None:
                raise FolderError(
                    f"{reader.path}: holds rows of no seed", "run the same `evol run` again to restore it"
                )


class _Reader:
    """One file with the row that comes next, None at its end."""

    def __init__(self, stack: contextlib.ExitStack, path: Path) -> None:
        self.path = path
        try:
            self._file: IO[bytes] = stack.enter_context(open_plain(path))
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror}", "run the same `evol run` again to restore it") from None
        self.row = self._read()

    def take(self, seed_id: str) -> Iterator[RowDict]:
        while self.row is not None and self.row["seed_id"] == seed_id:
            yield self.row
            self.row = self._read()

    def _read(self) -> RowDict | None:
        line = self._file.readline()
        row: RowDict | None = orjson.loads(line) if line else None
        return row
