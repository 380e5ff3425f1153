"""The rows of the runs: checked, read once in order, held as fixed-size facts, read again by place.

A million texts do not fit into memory; a million facts of about 60 bytes do. `RowFiles` opens every generation of every
run and compares each with the manifest's digest while it is read, so that a damaged row is met before anything is
written. `Facts` holds one array for each fact; a row is its index.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from evol.draws import draw_integer
from evol.errors import EvolError, FolderError, FolderInUse, UsageError
from evol.files import MAX_LINE_BYTES, digest_file, is_locked, open_handle
from evol.folder import ELIMINATED_NAME, generation_name, require_manifest
from evol.records import Manifest, Row
from evol.seeds import digest_instruction

MAX_OPEN_FILES = 200
NO_ROW = 0xFFFFFFFF

_RESTORE = "run the same `evol run` again to restore it, or use a copy"


@dataclass(frozen=True)
class Source:
    """One run.

    Attributes:
        folder: as the user named it.
        name: short and unique among the runs.
        manifest: checked.
    """

    folder: Path
    name: str
    manifest: Manifest


def open_sources(runs: list[Path], *, allow_unfinished: bool) -> tuple[list[Source], list[str]]:
    """The runs in the order of their names, so that the order on the command line does not matter; notices.

    Raises:
        UsageError: a run is named twice, or is unfinished.
        FolderError: no run's folder, or a damaged one.
        FolderInUse: a run is going on.
    """
    if len({run.resolve() for run in runs}) != len(runs):
        raise UsageError("a run is named twice", "name each run once")
    notices: list[str] = []
    short = [run.resolve().name for run in runs]
    names = [name if short.count(name) == 1 else str(run) for name, run in zip(short, runs, strict=True)]
    sources = [
        Source(run, name, _check_run(run, notices, allow_unfinished=allow_unfinished))
        for run, name in zip(runs, names, strict=True)
    ]
    return sorted(sources, key=lambda source: source.name), notices


def _check_run(run: Path, notices: list[str], *, allow_unfinished: bool) -> Manifest:
    manifest = require_manifest(run)
    if manifest.status == "running":
        if is_locked(run):
            raise FolderInUse(f"{run}: a run is going on", "wait until it ends")
        raise FolderError(f"{run}: the run was killed before it wrote its files", "run the same `evol run` again")
    if manifest.status != "done":
        missing = max((count.unfinished for count in manifest.counts), default=0)
        if not allow_unfinished:
            cause = "" if manifest.status == "unfinished" else f" ({manifest.status})"
            raise UsageError(
                f"{run}: {missing} of {manifest.seeds.count} lineages are unfinished{cause}",
                "run the same `evol run` again, or take what is there with --allow-unfinished",
            )
        notices.append(f"{run}: {missing} of {manifest.seeds.count} lineages are unfinished")
    for name in [*map(generation_name, range(manifest.generations + 1)), ELIMINATED_NAME]:
        if name not in manifest.files:
            raise FolderError(f"{run / 'manifest.json'}: does not know {name}", "run the same `evol run` again")
        if not (run / name).is_file():
            raise FolderError(f"{run / name}: no such file", "run the same `evol run` again to restore it")
    if _digest(run / ELIMINATED_NAME) != manifest.files[ELIMINATED_NAME].sha256:
        raise FolderError(f"{run / ELIMINATED_NAME}: not what `evol run` wrote", _RESTORE)
    return manifest


def _digest(path: Path) -> str:
    try:
        return digest_file(path)
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}", _RESTORE) from None


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row and where it stands.

    Attributes:
        file: number of its file in `RowFiles`.
        offset: of its line, in bytes.
        length: of its line, in bytes.
        row: parsed and checked.
    """

    file: int
    offset: int
    length: int
    row: Row


class RowFiles:
    """The generation files of all runs, numbered; a context manager that closes what it opened.

    Args:
        sources: the runs.
    """

    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources
        self.paths: list[Path] = []
        self.source_of = array("I")
        self.generation_of = array("H")
        self._expected: list[str] = []
        self._stamps: dict[int, tuple[int, int]] = {}
        self._handles: OrderedDict[int, int] = OrderedDict()
        for number, source in enumerate(sources):
            for generation in range(source.manifest.generations + 1):
                self.paths.append(source.folder / generation_name(generation))
                self.source_of.append(number)
                self.generation_of.append(generation)
                self._expected.append(source.manifest.files[generation_name(generation)].sha256)

    def __enter__(self) -> RowFiles:
        return self

    def __exit__(self, *_: object) -> None:
        while self._handles:
            os.close(self._handles.popitem()[1])

    def scan(self) -> Iterator[PlacedRow]:
        """Yield every row, file by file.

        Raises:
            FolderError: a damaged row (file and line), or a file that is not what the manifest says.
        """
        for number, path in enumerate(self.paths):
            digest, offset = hashlib.sha256(), 0
            with os.fdopen(os.dup(self._open(number)), "rb") as file:
                file.seek(0)
                for line_number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), 1):
                    digest.update(line)
                    yield PlacedRow(number, offset, len(line), self._parse(number, line, line_number))
                    offset += len(line)
            if digest.hexdigest() != self._expected[number]:
                raise FolderError(f"{path}: not what `evol run` wrote", _RESTORE)

    def read(self, file: int, offset: int, length: int) -> Row:
        """The row at a place that `scan` gave."""
        return self._parse(file, os.pread(self._open(file), length, offset), None)

    def _parse(self, file: int, line: bytes, line_number: int | None) -> Row:
        try:
            row = Row.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors()[0]
            why = ": ".join([*(str(part) for part in fault["loc"]), fault["msg"]])
            raise self._refuse(file, line_number, f"a damaged row ({why})") from None
        if row.generation != self.generation_of[file] or row.id != f"{row.seed_id}.{row.generation}":
            raise self._refuse(file, line_number, f"a row out of place (id {row.id!r})")
        return row

    def _refuse(self, file: int, line_number: int | None, why: str) -> EvolError:
        where = f"{self.paths[file]}:{line_number}" if line_number else f"{self.paths[file]}"
        return FolderError(f"{where}: {why}", _RESTORE)

    def _open(self, number: int) -> int:
        if number in self._handles:
            self._handles.move_to_end(number)
            return self._handles[number]
        path = self.paths[number]
        try:
            handle = open_handle(path)
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror}", _RESTORE) from None
        self._handles[number] = handle
        if len(self._handles) > MAX_OPEN_FILES:
            os.close(self._handles.popitem(last=False)[1])
        status = os.fstat(handle)
        stamp = (status.st_ino, status.st_mtime_ns)
        if self._stamps.setdefault(number, stamp) != stamp:
            raise FolderError(f"{path}: changed while it was read", "wait for the run to end, then merge again")
        return handle


@dataclass
class Facts:
    """What is kept of every row, one array a fact, in reading order; a row is its index.

    Attributes:
        file: its file's number.
        offset: of its line.
        length: of its line.
        lineage: digest of the seed's id: rows of one seed, in whatever run, are one lineage.
        digest: of the instruction; equal where two are exact repeats.
        order: its place in the shuffle, a draw.
        tie: digest of the response, for two runs of the same seeds.
        instruction_tokens: counted or estimated.
        response_tokens: counted or estimated.
        private: bits of `private.PRIVATE_KINDS`.
        verdict: why it is left out, as a number of `reasons`; 0 where it stays.
        detail: further words about the verdict, as a number of `details`.
        rival: the row that was kept instead, `NO_ROW` where there is none.
        similarity: with the rival, in percent.
        reasons: names of the verdicts.
        details: words about verdicts.
        system_tokens: of the system prompt that every row is given.
    """

    file: array[int] = field(default_factory=lambda: array("I"))
    offset: array[int] = field(default_factory=lambda: array("Q"))
    length: array[int] = field(default_factory=lambda: array("I"))
    lineage: array[int] = field(default_factory=lambda: array("Q"))
    digest: array[int] = field(default_factory=lambda: array("Q"))
    order: array[int] = field(default_factory=lambda: array("Q"))
    tie: array[int] = field(default_factory=lambda: array("Q"))
    instruction_tokens: array[int] = field(default_factory=lambda: array("I"))
    response_tokens: array[int] = field(default_factory=lambda: array("I"))
    private: array[int] = field(default_factory=lambda: array("B"))
    verdict: array[int] = field(default_factory=lambda: array("B"))
    detail: array[int] = field(default_factory=lambda: array("I"))
    rival: array[int] = field(default_factory=lambda: array("I"))
    similarity: array[int] = field(default_factory=lambda: array("B"))
    reasons: dict[str, int] = field(default_factory=lambda: {"": 0})
    details: dict[str, int] = field(default_factory=lambda: {"": 0})
    system_tokens: int = 0

    def __len__(self) -> int:
        return len(self.file)

    def add(self, placed: PlacedRow, random_seed: int) -> int:
        """Take a row in; its index."""
        row = placed.row
        self.file.append(placed.file)
        self.offset.append(placed.offset)
        self.length.append(placed.length)
        self.lineage.append(digest_text(row.seed_id))
        self.digest.append(int(digest_instruction(row.instruction), 16))
        self.order.append(draw_integer(random_seed, "mix", row.id, row.instruction))
        self.tie.append(digest_text(row.response))
        for facts in (self.instruction_tokens, self.response_tokens, self.private, self.verdict, self.detail):
            facts.append(0)
        self.rival.append(NO_ROW)
        self.similarity.append(0)
        return len(self.file) - 1

    def leave_out(self, index: int, reason: str, detail: str = "", rival: int = NO_ROW, similarity: int = 0) -> None:
        """Record why a row does not go into the mix; the first reason stands."""
        if self.verdict[index]:
            return
        self.verdict[index] = self.reasons.setdefault(reason, len(self.reasons))
        self.detail[index] = self.details.setdefault(detail, len(self.details))
        self.rival[index] = rival
        self.similarity[index] = similarity

    def is_in(self, index: int) -> bool:
        """Whether nothing speaks against a row."""
        return not self.verdict[index]

    def tokens(self, index: int) -> int:
        """Tokens of a whole row: system prompt, instruction and response."""
        return self.system_tokens + self.instruction_tokens[index] + self.response_tokens[index]


def digest_text(text: str) -> int:
    """Eight bytes of sha256 as an integer."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
