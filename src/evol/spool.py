"""What finished lineages came to, kept aside during a run, so that writing its outputs needs no second replay.

A convenience, never a source: the file has no name, ends with its process, and whatever it does not hold (lineages that
did not finish, or a disk that was full) is replayed from the journal, which gives the same rows.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from evol.records import Outcome

Fate = tuple[dict[str, Any], tuple[str, ...]]
"""What one generation of one lineage came to: the row's columns, and its notes."""


def fate_of(outcome: Outcome) -> Fate:
    """The columns and notes of an outcome."""
    return outcome.row.model_dump(), outcome.notes


class Spool:
    """Lineages by the position of their seed. Sixteen bytes of memory a seed; the rest is on disk, in the run folder.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._offsets, self._lengths = array("Q"), array("Q")
        self._end = 0
        self._handle: int | None = None
        try:
            with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                self._handle = os.dup(file.fileno())
        except OSError:
            pass  # every lineage will be replayed

    def keep(self, position: int, outcomes: Iterable[Outcome]) -> None:
        """Keep one lineage that went through all generations."""
        if self._handle is None:
            return
        content = orjson.dumps([fate_of(outcome) for outcome in outcomes])
        try:
            if os.pwrite(self._handle, content, self._end) != len(content):
                raise OSError  # noqa: TRY301 - a short write is what a full disk does
        except OSError:
            self.close()  # the journal needs the room more
            return
        missing = position + 1 - len(self._offsets)
        if missing > 0:
            for places in (self._offsets, self._lengths):
                places.frombytes(bytes(8 * missing))
        self._offsets[position], self._lengths[position] = self._end, len(content)
        self._end += len(content)

    def find(self, position: int) -> list[Fate] | None:
        """What a lineage came to, generation by generation; None where it has to be replayed."""
        if self._handle is None or position >= len(self._lengths) or not self._lengths[position]:
            return None
        try:
            content = os.pread(self._handle, self._lengths[position], self._offsets[position])
            return [(row, tuple(notes)) for row, notes in orjson.loads(content)]
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Give the room on disk back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
