"""The requests that open lineages wait for, written as batch files; and their results, read into the journal.

A wave is what all lineages of a run ask next: one request each. It is found by replaying the lineages from the journal,
so it needs neither network nor memory for all of them, and importing its results makes the next wave. Nothing is
imported unless every line of every file is one that somebody waits for, or that the journal knows already; importing
the same again changes nothing.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evol.batchfiles import (
    MOST_BYTES,
    MOST_LINE_BYTES,
    MOST_REQUESTS,
    Result,
    count_bytes,
    find_key,
    format_request,
    interpret,
    is_key,
    is_our_request,
    is_same_model,
    parse_result,
)
from evol.checks import Checked
from evol.errors import CallError, EmptyReplyError, EndpointError, FolderError, InputError, UsageError
from evol.files import JsonlWriter, open_atomically, open_handle, open_plain
from evol.folder import read_seeds_again
from evol.journal import Journal
from evol.lineage import Complete, evolve_lineage
from evol.records import Completion, CompletionRequest, Seed
from evol.replay import Find, NotKnown, replay


@dataclass(frozen=True)
class BatchFile:
    """A file of requests that was written.

    Attributes:
        path: of the file.
        model: that all of it asks.
        requests: how many.
    """

    path: Path
    model: str
    requests: int


@dataclass
class Import:
    """What an import came to.

    Attributes:
        imported: results that are new.
        known: results that the journal had already.
        failed: results without an outcome; the next export holds their requests again.
        first_failure: what the first of them says, with its place.
    """

    imported: int = 0
    known: int = 0
    failed: int = 0
    first_failure: str = ""


def list_waiting(checked: Checked, find: Find) -> Iterator[CompletionRequest]:
    """Yield what each open lineage asks next, in the order of the seeds.

    Args:
        checked: the run.
        find: knows what was replied so far.
    """

    async def live(seed: Seed, position: int, complete: Complete) -> None:
        async for _ in evolve_lineage(seed, position, checked.config, checked.pack, complete):
            pass

    for position, seed in enumerate(read_seeds_again(checked.folder)):
        try:
            replay(functools.partial(live, seed, position), find)
        except NotKnown as stop:
            yield stop.request


def write_wave(
    checked: Checked, journal: Journal, out: Path, most_requests: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES
) -> list[BatchFile]:
    """Write the requests that all open lineages wait for.

    Args:
        checked: the run.
        journal: of the run.
        out: the first file; further ones, for other models and beyond the limits, get a number: `wave.2.jsonl`.
        most_requests: of one file.
        most_bytes: of one file.

    Raises:
        FolderError: batches are out.
        UsageError: a file stands there that is none of ours.
        StorageError: the disk refused.
    """
    if out_now := len(journal.open_batches):
        raise FolderError(
            f"{checked.folder}: {out_now} {'batch is' if out_now == 1 else 'batches are'} out, with requests that are "
            "paid for",
            "the same `evol run --backend batch` picks them up; export when they are in",
        )
    written: list[BatchFile] = []
    with contextlib.ExitStack() as stack:
        current: dict[str, tuple[Path, JsonlWriter, int]] = {}
        used: list[Path] = []
        for request in list_waiting(checked, journal.find):
            model = checked.config.model_of(request.role).name
            size = count_bytes(request.body)
            path, writer, total = current.get(model, (out, None, 0))
            if writer is None or writer.rows >= most_requests or total + size > most_bytes:
                if writer is not None:
                    written.append(BatchFile(path, model, writer.rows))
                path, total = _name_file(out, len(used) + 1), 0
                used.append(path)
                _refuse_foreign(path)
                writer = stack.enter_context(open_atomically(path))
            writer.write_line(format_request(request.key, request.body))
            current[model] = path, writer, total + size
        written += [BatchFile(path, model, writer.rows) for model, (path, writer, _) in current.items()]
    if used or _is_answered(out, journal):
        _remove_stale(out, len(used) + 1)
    return sorted(written, key=lambda file: used.index(file.path))


def _remove_stale(out: Path, number: int) -> None:
    """Remove the files of an earlier wave from a number on."""
    while (stale := _name_file(out, number)).exists() and _is_ours(stale):
        stale.unlink()
        number += 1


def _is_answered(path: Path, journal: Journal) -> bool:
    """Whether a file holds a wave whose results are in the journal."""
    if not path.is_file() or not _is_ours(path):
        return False
    with open_plain(path) as file:
        return journal.knows(find_key(file.read(200)))


def import_results(checked: Checked, journal: Journal, paths: list[Path], *, any_model: bool = False) -> Import:
    """Read results into the journal.

    Args:
        checked: the run.
        journal: open for appending.
        paths: files of results and of errors, in any order.
        any_model: also results whose reply names another model than was asked.

    Raises:
        InputError: a line that is no result, that nobody waits for, or that stands twice; nothing was imported.
        StorageError: the disk refused.
    """
    results = _Results(paths)
    report = Import()
    used: set[str] = set()

    def find(request: CompletionRequest) -> Completion | None:
        if (hit := journal.find(request)) is not None:
            return hit
        if request.key not in results.places:
            return None
        used.add(request.key)
        asked = checked.config.model_of(request.role).name
        return results.take(request.key, "" if any_model else asked)

    for request in list_waiting(checked, find):
        if request.key in used:
            report.failed += 1
            report.first_failure = report.first_failure or results.failures[request.key]
    for key, place in results.places.items():
        if key in used:
            continue
        if not is_key(key) or not journal.knows(key):
            raise InputError(
                f"{place}: nobody waits for custom_id {key[:80]!r}",
                "import results of what `evol export-batch` wrote for this folder; nothing was imported",
            )
        report.known += 1
    report.imported = len(used) - report.failed

    def find_or_import(request: CompletionRequest) -> Completion | None:
        if (hit := journal.find(request)) is not None or request.key not in used:
            return hit
        if (completion := results.take(request.key, "")) is not None:
            journal.append(request, completion, latency=0.0, is_batch=True)
        return completion

    for _ in list_waiting(checked, find_or_import):
        pass
    return report


@dataclass(frozen=True)
class _Place:
    path: Path
    number: int
    offset: int
    length: int

    def __str__(self) -> str:
        return f"{self.path}:{self.number}"


@dataclass
class _Results:
    """All lines of some files of results.

    Attributes:
        places: of each result, by key.
        failures: why a result is no outcome, by key.
    """

    paths: Iterable[Path]
    places: dict[str, _Place] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.paths:
            try:
                with open_plain(path) as file:
                    self._scan(path, file)
            except FileNotFoundError:
                raise InputError(f"{path}: no such file", "check the path") from None
            except OSError as error:
                raise InputError(f"{path}: {error.strerror}", "check the path") from None

    def _scan(self, path: Path, file: object) -> None:
        offset, number = 0, 0
        while line := file.readline(MOST_LINE_BYTES + 1):  # type: ignore[attr-defined]
            number += 1
            place = _Place(path, number, offset, len(line))
            offset += len(line)
            if len(line) > MOST_LINE_BYTES:
                raise InputError(f"{place}: the line is longer than {MOST_LINE_BYTES:,} bytes", "this is no result")
            if not line.strip():
                continue
            try:
                result = parse_result(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
            except ValueError as error:
                is_cut = not line.endswith(b"\n") and str(error) == "not valid JSON"
                why = "the line is cut off, the file is not whole" if is_cut else f"no result of a batch ({error})"
                raise InputError(f"{place}: {why}", "name files that a batch wrote; nothing was imported") from None
            if (before := self.places.get(result.custom_id)) is not None:
                raise InputError(
                    f"{place}: custom_id {result.custom_id[:80]!r} stands already at {before}",
                    "remove one of the two; nothing was imported",
                )
            self.places[result.custom_id] = place

    def take(self, key: str, asked: str) -> Completion | None:
        """The outcome of a request, None where its result is none.

        Args:
            key: of the request.
            asked: the model that it asks, "" not to look at that.
        """
        place = self.places[key]
        result = self._read(place)
        if asked and not is_same_model(asked, result.model):
            raise InputError(
                f"{place}: the reply is of model {result.model[:80]!r}, the request asks {asked!r}",
                "import the results of that model, or allow it with --any-model; nothing was imported",
            )
        try:
            return interpret(result, str(place))
        except EmptyReplyError as error:  # there is no other try that would be ours
            return Completion("", error.finish_reason, error.input_tokens, error.output_tokens)
        except (CallError, EndpointError) as error:
            self.failures[key] = f"{place}: {error.message.removeprefix(f'{place}: ')}"
            return None

    @staticmethod
    def _read(place: _Place) -> Result:
        handle = open_handle(place.path)
        try:
            return parse_result(os.pread(handle, place.length, place.offset).removeprefix(b"\xef\xbb\xbf"))
        except ValueError:
            raise InputError(f"{place}: changed while it was read", "import it again") from None
        finally:
            os.close(handle)


def _name_file(out: Path, number: int) -> Path:
    return out if number == 1 else out.with_name(f"{out.stem}.{number}{out.suffix}")


def _is_ours(path: Path) -> bool:
    with open_plain(path) as file:
        return is_our_request(file.read(200))


def _refuse_foreign(path: Path) -> None:
    try:
        is_in_the_way = path.exists() and path.stat().st_size > 0 and not _is_ours(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name another file with --out") from None
    if is_in_the_way:
        raise UsageError(f"{path}: stands already, and evol did not write it", "name another file with --out")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder", "make it, or name another file with --out")
