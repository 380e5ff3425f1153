"""What a command that makes one file wants made: a task for each row."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from evol.config import LimitsConfig, ModelConfig
from evol.errors import EvolError
from evol.lineage import Complete
from evol.records import Role

RowT = TypeVar("RowT", bound=BaseModel)


@dataclass(frozen=True)
class Task(Generic[RowT]):
    """One row to be made.

    Attributes:
        name: for messages.
        carry_out: makes the row; asks through the given `complete`, and nothing else in it may wait.
    """

    name: str
    carry_out: Callable[[Complete], Coroutine[Any, Any, RowT]]


@dataclass(frozen=True)
class FileJob(Generic[RowT]):
    """What a command wants made.

    Attributes:
        command: as a user types it, e.g. `evol respond`.
        out: the file.
        settings: what changes requests, for the comparison with an earlier call.
        models: of the roles that are asked.
        limits: of the command; budgets are totals of the file's journal.
        tasks: in the order of the rows.
        watch: sees each row as it comes; gives an error that ends the work, else None.
    """

    command: str
    out: Path
    settings: dict[str, Any]
    models: Mapping[Role, ModelConfig]
    limits: LimitsConfig
    tasks: Sequence[Task[RowT]]
    watch: Callable[[RowT], EvolError | None] = lambda row: None

    @property
    def journal_name(self) -> str:
        """File name of the journal beside the file."""
        return f"{self.out.stem}.journal.jsonl"

    @property
    def meta_path(self) -> Path:
        """The file that says how the file was made."""
        return self.out.with_name(f"{self.out.stem}.meta.json")
