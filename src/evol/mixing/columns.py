"""Parquet in and out, by pyarrow: the one module that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evol.errors import UsageError
from evol.extras import need_extra

ROWS_A_GROUP = 10_000
"""Rows held at once, reading or writing."""


def check_parquet() -> None:
    """Refuse early, before a long merge.

    Raises:
        UsageError: `pyarrow` is not installed.
    """
    with need_extra("merge", "--format parquet"):
        import pyarrow.parquet  # noqa: F401 - asked for before a long merge, not after it


class ParquetWriter:
    """Writes rows of string columns, a group at a time.

    Args:
        path: the file, which is overwritten.
        columns: their names, in order.
    """

    def __init__(self, path: Path, columns: list[str]) -> None:
        import pyarrow
        from pyarrow import parquet

        self._arrow = pyarrow
        self._schema = pyarrow.schema([(name, pyarrow.string()) for name in columns])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._held: list[dict[str, Any]] = []

    def write(self, row: dict[str, Any]) -> None:
        """Append one row."""
        self._held.append(row)
        if len(self._held) == ROWS_A_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is held and the file's footer."""
        if self._held:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(self._held, schema=self._schema))
        self._held = []


def read_parquet(path: Path, purpose: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, row) of a parquet file.

    Raises:
        UsageError: unreadable, or `pyarrow` is not installed.
    """
    with need_extra("merge", f"{purpose} with a parquet file"):
        from pyarrow import ArrowException, parquet
    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=ROWS_A_GROUP):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}: row {number}", row
    except FileNotFoundError:
        raise UsageError(f"{purpose} {path}: no such file", "check the path") from None
    except (OSError, ArrowException) as error:
        raise UsageError(
            f"{purpose} {path}: no parquet file ({str(error).splitlines()[0]})", "check the path"
        ) from None
